/**
 * New values for some rows of a column, for every Arrow type.
 *
 * Hides that the column is put together anew from the rows that stay and those that change. Invariants: results are
 * canonical and have the old column's type; nothing is written into what was given.
 */
import { sliceVector } from '../arrow/slice.ts';
import type { DataType } from '../arrow/type.ts';
import { childFields, TYPE_TABLE } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { formOf } from '../function/column.ts';
import { ColumnKeys } from '../function/key-table.ts';
import { gather } from '../function/gather.ts';
import { joinParts } from './join.ts';

/** Column `old` with `values` at the rows `selected`, which ascend; at all rows when undefined. */
export type Replace = (old: Vector, values: Vector, selected: Uint32Array | undefined) => Vector;

/** For columns whose values come in the column's own type. */
export const scatter: Replace = (old, values, selected) => {
  if (selected === undefined) return withType(sliceVector(values, 0, values.length), old.type);
  const kept = new Uint32Array(old.length - selected.length);
  const positions = new Uint32Array(old.length);
  let next = 0;
  let stays = 0;
  for (let row = 0; row < old.length; row++) {
    if (selected[next] === row) {
      positions[row] = kept.length + next;
      next++;
    } else {
      positions[row] = stays;
      kept[stays++] = row;
    }
  }
  const joined = joinParts([gather(old, kept), withType(values, old.type)]);
  return sliceVector(gather(joined, positions), 0, old.length);
};

/** The same values under another description of the same type: dictionary ids and metadata of children may differ. */
function withType(vector: Vector, type: DataType): Vector {
  if (vector.type === type) return vector;
  const fields = childFields(type);
  const children = vector.children.map((child, i) => withType(child, fields[i]?.type ?? child.type));
  return { ...vector, type, children };
}

/** Plain values as runs: equal neighbours make one where values of the type can be compared. */
export function encodeRuns(type: Extract<DataType, { id: 'run_end' }>, values: Vector): Vector {
  const rowCount = values.length;
  const ids = formOf(values.type).kind === 'none' ? undefined : new ColumnKeys(values.type).number(values, rowCount);
  const firsts: number[] = [];
  const ends: number[] = [];
  for (let row = 0; row < rowCount; row++) {
    if (row === 0 || ids === undefined || ids[row] !== ids[row - 1]) {
      firsts.push(row);
      ends.push(row + 1);
    } else {
      ends[ends.length - 1] = row + 1;
    }
  }
  const endType = type.runEnds.type;
  const width = TYPE_TABLE[endType.id].byteWidth(endType);
  const bytes = new Uint8Array(ends.length * width);
  const view = new DataView(bytes.buffer);
  ends.forEach((end, i) => {
    if (width === 2) view.setInt16(i * 2, end, true);
    else view.setInt32(i * width, end, true);
  });
  const runEnds: Vector = {
    type: endType,
    length: ends.length,
    nullCount: 0,
    buffers: [new Uint8Array(0), bytes],
    children: [],
    dictionary: undefined,
  };
  const children = [runEnds, withType(gather(values, Uint32Array.from(firsts)), type.values.type)];
  return { type, length: rowCount, nullCount: 0, buffers: [], children, dictionary: undefined };
}
