/**
 * One field of a struct, by a name that is known beforehand, or of a tuple by its place.
 *
 * Hides nothing. Invariant: a field of a null struct is null.
 */
import type { DataType } from '../arrow/type.ts';
import { nullVector } from '../arrow/null-vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowText } from './byte-rows.ts';
import { withValidity } from './column.ts';
import type { Kernel } from './contract.ts';
import type { KnownArgument } from './entry.ts';
import type { Shape } from './list-frame.ts';
import { fieldIndex, isTuple } from './nested-type.ts';
import type { StructType } from './nested-type.ts';
import { integersOf } from './scalar-frame.ts';
import { familyOf, INT64, UTF8 } from './signature.ts';
import { mergeValidity } from './validity.ts';

/** What a field of `struct` by `key` is; undefined when it has none. */
export function resolveField(struct: StructType, key: DataType, known: KnownArgument | undefined): Shape | undefined {
  const value = known?.value;
  if (typeof value === 'string' && familyOf(key) === 'text') {
    const field = struct.children[fieldIndex(struct, value)];
    return field === undefined ? undefined : { parameters: [struct, UTF8], type: field.type };
  }
  if (!isTuple(struct) || (typeof value !== 'number' && typeof value !== 'bigint')) return undefined;
  const field = struct.children[Number(value) - 1];
  return field === undefined ? undefined : { parameters: [struct, INT64], type: field.type };
}

/** Child `place` of a struct as it is seen: null where the struct is. */
export function shownField(struct: Vector, place: number): Vector {
  const child = struct.children[place] as Vector;
  if (struct.nullCount === 0) return child;
  const { id } = child.type;
  if (id === 'null' || id === 'union' || id === 'run_end') return child;
  return withValidity(child, mergeValidity([struct, child], struct.length));
}

/** The field under the constant name or place that the second argument holds. */
export const fieldKernel: Kernel = (args, rowCount, type) => {
  const [struct, key] = args as [Vector, Vector];
  if (rowCount === 0) return nullVector(type, 0);
  if (familyOf(key.type) !== 'text') return shownField(struct, (integersOf(key)[0] as number) - 1);
  return shownField(struct, fieldIndex(struct.type as StructType, rowText(byteRowsOf(key), 0)));
};
