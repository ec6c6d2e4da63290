/**
 * Run-end encoded vectors: from rows to runs.
 *
 * Hides the width of the run ends. Invariant: run ends increase strictly and the last one is at least the vector's
 * length.
 * Source: Arrow columnar format, "Run-End Encoded Layout".
 */
import { typedView } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';

/** The run ends as numbers; runs longer than 2^53 rows do not occur. */
function runEndsOf(vector: Vector): Int32Array | Float64Array {
  const ends = vector.children[0] as Vector;
  const bytes = ends.buffers[1] as Uint8Array;
  const width = ends.type.id === 'int' ? ends.type.bitWidth : 32;
  if (width === 16) return Int32Array.from(typedView(Int16Array, bytes, ends.length));
  if (width === 32) return typedView(Int32Array, bytes, ends.length);
  const words = typedView(Int32Array, bytes, ends.length * 2);
  const numbers = new Float64Array(ends.length);
  for (let i = 0; i < ends.length; i++) {
    numbers[i] = (words[2 * i + 1] as number) * 4294967296 + ((words[2 * i] as number) >>> 0);
  }
  return numbers;
}

/** For each row the index of its run, which is the row of the values child. */
export function runIndexes(vector: Vector): Uint32Array {
  const ends = runEndsOf(vector);
  const indexes = new Uint32Array(vector.length);
  let row = 0;
  for (let run = 0; run < ends.length && row < vector.length; run++) {
    const end = Math.min(ends[run] as number, vector.length);
    indexes.fill(run, row, end);
    row = end;
  }
  return indexes;
}
