/**
 * Values of maps by their keys.
 *
 * Hides nothing. Invariants: a null key finds nothing; of a map's keys, which are distinct, at most one fits.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import type { Kernel } from './contract.ts';
import type { KnownArgument } from './entry.ts';
import { gather, gatherOrNull, NO_ROW } from './gather.ts';
import { meetValue } from './list-frame.ts';
import type { Shape } from './list-frame.ts';
import { listRowsOf, makeList } from './list-rows.ts';
import { mapOf, mapTypes } from './nested-type.ts';
import { boolRows } from './scalar-frame.ts';
import { castKind } from './signature.ts';
import { bitAt, mergeValidity } from './validity.ts';
import { comparer } from './value-order.ts';

/** The argument's own type where its keys are of type `key`, else a map that has such. */
function mapParameter(map: DataType, key: DataType): DataType {
  const types = mapTypes(map);
  if (types === undefined || castKind(types.key, key) === 'same') return map;
  return mapOf(key, types.value);
}

/** What the value of `map` under a key is. */
export function resolveMapKey(map: DataType, key: DataType, known: KnownArgument | undefined): Shape | undefined {
  const types = mapTypes(map);
  const met = types === undefined ? undefined : meetValue(types.key, key, known);
  if (types === undefined || met === undefined) return undefined;
  return { parameters: [mapParameter(map, met), met], type: types.value };
}

/** The entry of each row under its key; NO_ROW where there is none. */
function entryRows(
  args: readonly Vector[],
  rowCount: number,
): { readonly rows: Uint32Array; readonly entries: Vector } {
  const [map, key] = args as [Vector, Vector];
  const { starts, ends, values } = listRowsOf(map);
  const compare = comparer(values.children[0] as Vector, key);
  const { bits } = mergeValidity(args, rowCount);
  const rows = new Uint32Array(rowCount).fill(NO_ROW);
  for (let i = 0; i < rowCount; i++) {
    if (bits !== undefined && !bitAt(bits, i)) continue;
    for (let k = starts[i] as number; k < (ends[i] as number); k++) {
      if (compare(k, i) !== 0) continue;
      rows[i] = k;
      break;
    }
  }
  return { rows, entries: values };
}

/** map[key]. */
export const mapValueKernel: Kernel = (args, rowCount) => {
  const { rows, entries } = entryRows(args, rowCount);
  return gatherOrNull(entries.children[1] as Vector, rows);
};

/** The value as a list of one, an empty list where there is none. */
export const mapExtractKernel: Kernel = (args, rowCount, type) => {
  const { rows, entries } = entryRows(args, rowCount);
  const found = rows.filter((row) => row !== NO_ROW);
  const offsets = new Uint32Array(rowCount + 1);
  for (let i = 0; i < rowCount; i++) offsets[i + 1] = (offsets[i] as number) + (rows[i] === NO_ROW ? 0 : 1);
  const validity = mergeValidity(args.slice(0, 1), rowCount);
  return makeList(type, offsets, gather(entries.children[1] as Vector, found), validity);
};

/** Whether the key is there. */
export const mapContainsKernel: Kernel = (args, rowCount, type) => {
  const { rows } = entryRows(args, rowCount);
  return boolRows(args, rowCount, type, (i) => rows[i] !== NO_ROW);
};
