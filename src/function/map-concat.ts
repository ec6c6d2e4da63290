/**
 * map_concat: the entries of several maps in one.
 *
 * Hides nothing. Invariants: a key stands where it came first, with the value that came last; a map that is NULL adds
 * nothing, and nothing but NULLs is NULL.
 */
import { joinVectors } from '../arrow/concat.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { gather } from './gather.ts';
import { ColumnKeys } from './key-table.ts';
import { nestedEntry } from './list-frame.ts';
import { compactRows, listRowsOf, makeList, makeStruct } from './list-rows.ts';
import { mapTypes } from './nested-type.ts';
import { resultTypeOf, valueType } from './signature.ts';
import { bitAt, validityFrom, validityOf } from './validity.ts';

/** True where a row of any of the maps is present. */
function anyPresent(maps: readonly Vector[], rowCount: number): Uint8Array {
  const bits = new Uint8Array((rowCount + 7) >> 3);
  for (const map of maps) {
    const own = validityOf(map).bits;
    for (let i = 0; i < rowCount; i++) {
      if (own === undefined || bitAt(own, i)) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
    }
  }
  return bits;
}

const concatKernel: Kernel = (args, rowCount, type) => {
  const maps = args.map((map) => compactRows(listRowsOf(map)));
  const entries = joinVectors(maps.map(({ values }) => values));
  const [keys, values] = entries.children as [Vector, Vector];
  const table = new ColumnKeys(keys.type);
  const numbers = table.number(keys, keys.length);
  // For each key the row that had it last, and where its entry stands in that row.
  const seenIn = new Int32Array(table.count).fill(-1);
  const placeOf = new Int32Array(table.count);
  const [keyRows, valueRows]: [number[], number[]] = [[], []];
  const offsets = new Uint32Array(rowCount + 1);
  for (let i = 0; i < rowCount; i++) {
    let base = 0;
    for (const { starts, ends, values: own } of maps) {
      for (let k = starts[i] as number; k < (ends[i] as number); k++) {
        const number = numbers[base + k] as number;
        if (seenIn[number] !== i) {
          seenIn[number] = i;
          placeOf[number] = keyRows.push(base + k) - 1;
        }
        valueRows[placeOf[number] as number] = base + k;
      }
      base += own.length;
    }
    offsets[i + 1] = keyRows.length;
  }
  const taken = [gather(keys, Uint32Array.from(keyRows)), gather(values, Uint32Array.from(valueRows))];
  const entry = type.id === 'map' ? type.child.type : entries.type;
  const validity = validityFrom(anyPresent(args, rowCount), rowCount);
  return makeList(type, offsets, makeStruct(entry, keyRows.length, taken), validity);
};

/** The entry of map_concat. */
export const MAP_CONCAT: FunctionEntry = nestedEntry({
  name: 'map_concat',
  expects: '(map, map, …) of one type',
  doc: 'The entries of all maps; of those with the same key the last one’s value.',
  example: "map_concat(MAP {'a': 1}, MAP {'a': 2, 'b': 3}) → {a=2, b=3}",
  resolve: (args) => {
    if (args.length < 2) return undefined;
    const type = resultTypeOf(args.map(valueType));
    if (type?.id === 'null') return { parameters: args, type, nulls: 'custom' };
    if (type === undefined || mapTypes(type) === undefined) return undefined;
    const parameters: DataType[] = args.map(() => type);
    return { parameters, type, nulls: 'custom' };
  },
  kernel: (args, rowCount, type) => {
    return type.id === 'null' ? (args[0] as Vector) : concatKernel(args, rowCount, type);
  },
});
