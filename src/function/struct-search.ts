/**
 * Values in tuples: whether and where they are.
 *
 * Hides that each field is compared in the type in which it meets the value. Invariants: fields whose types do not meet
 * the value's are other values; for struct_position NULL is a value.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { makeCastKernel } from './cast.ts';
import type { FunctionEntry } from './entry.ts';
import { nestedEntry } from './list-frame.ts';
import type { Shape } from './list-frame.ts';
import { containsBy, positionBy } from './list-search.ts';
import { isTuple } from './nested-type.ts';
import { BOOL, commonType, flatType, INT32, isComparable } from './signature.ts';
import { shownField } from './struct-field.ts';
import { comparer } from './value-order.ts';

const NULL: DataType = { id: 'null' };

/** The place from 1 of each row's value among the fields; 0 where it is not. */
function placesOf([struct, value]: readonly Vector[], rowCount: number): Uint32Array {
  const places = new Uint32Array(rowCount);
  const [tuple, sought] = [struct as Vector, value as Vector];
  for (let k = 0; k < tuple.children.length; k++) {
    const field = shownField(tuple, k);
    const common = commonType(field.type, sought.type);
    if (common === undefined || !isComparable(common)) continue;
    const [left, right] = [field, sought].map((side) => {
      return makeCastKernel(side.type, common, false)([side], rowCount, common);
    }) as [Vector, Vector];
    const compare = comparer(left, right);
    for (let i = 0; i < rowCount; i++) if (places[i] === 0 && compare(i, i) === 0) places[i] = k + 1;
  }
  return places;
}

/** A tuple, or NULL, and a value. */
function resolveTuple([given, value, ...more]: readonly DataType[], type: DataType): Shape | undefined {
  if (given === undefined || value === undefined || more.length > 0) return undefined;
  const tuple = flatType(given);
  if (tuple.id === 'null') return { parameters: [NULL, flatType(value)], type };
  const isFit = tuple.id === 'struct' && (isTuple(tuple) || tuple.children.length === 0);
  return isFit ? { parameters: [tuple, flatType(value)], type } : undefined;
}

/** contains of tuples. */
export const STRUCT_CONTAINS: FunctionEntry = nestedEntry({
  name: 'struct_contains',
  aliases: ['struct_has'],
  expects: '(tuple, value)',
  doc: 'True when the value is in the tuple; also as `value IN tuple`.',
  example: "struct_contains((1, 'x'), 'x') → true",
  resolve: (args) => resolveTuple(args, BOOL),
  kernel: containsBy(placesOf),
});

/** The entries of this family. */
export const STRUCT_SEARCH: readonly FunctionEntry[] = [
  STRUCT_CONTAINS,
  nestedEntry({
    name: 'struct_position',
    aliases: ['struct_indexof'],
    expects: '(tuple, value)',
    doc: 'The place of the value in the tuple, from 1; NULL when it is not there.',
    example: "struct_position((1, 'x'), 'x') → 2",
    resolve: (args) => {
      const shape = resolveTuple(args, INT32);
      return shape === undefined ? undefined : { ...shape, nulls: 'custom' };
    },
    kernel: positionBy(placesOf),
  }),
];
