/**
 * Plain vectors from dictionary and run-end encoded ones.
 *
 * Hides how each form copies a row. Invariants: a null index, run or value makes a null
 * row.
 */
import { nullVector } from '../arrow/null-vector.ts';
import { TYPE_TABLE } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder, indexesOf } from './byte-rows.ts';
import { bitsOf, formOf, vectorOf, withValidity } from './column.ts';
import { gather } from './gather.ts';
import { runIndexes } from './run-end.ts';
import { bitAt, validityOf } from './validity.ts';
import type { Validity } from './validity.ts';

/** `vector` without its encodings: itself when it has none. */
export function decodeVector(vector: Vector): Vector {
  if (vector.type.id === 'dictionary') {
    return takeFlat(decodeVector(vector.dictionary as Vector), indexesOf(vector), validityOf(vector));
  }
  if (vector.type.id === 'run_end') {
    return takeFlat(decodeVector(vector.children[1] as Vector), runIndexes(vector), validityOf(vector));
  }
  return vector;
}

/** The rows of a vector at `indexes`, under a validity of their own. */
export function takeFlat(values: Vector, indexes: Int32Array | Uint32Array, validity: Validity): Vector {
  const { type } = values;
  const rowCount = indexes.length;
  const form = formOf(type);
  if (values.length === 0 && rowCount > 0) return nullVector(type, rowCount);
  if (type.id === 'null') return nullVector(type, rowCount);
  if (form.kind === 'none') {
    const taken = gather(values, new Uint32Array(indexes));
    return type.id === 'union' ? taken : withValidity(taken, validity);
  }
  if (form.kind === 'bool') {
    const source = bitsOf(values);
    const bits = new Uint8Array((rowCount + 7) >> 3);
    for (let i = 0; i < rowCount; i++) {
      if (bitAt(source, indexes[i] as number)) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
    }
    return vectorOf(type, rowCount, validity, bits);
  }
  if (form.kind === 'bytes') {
    const rows = byteRowsOf(values);
    const builder = new ByteRowsBuilder(rowCount);
    for (let i = 0; i < rowCount; i++) {
      const index = indexes[i] as number;
      const buffer = rows.buffers[rows.which === undefined ? 0 : (rows.which[index] as number)] as Uint8Array;
      builder.append(buffer, rows.starts[index] as number, rows.ends[index] as number);
      builder.endRow();
    }
    return builder.finish(type, validity);
  }
  const width = TYPE_TABLE[type.id].byteWidth(type);
  const source = values.buffers[1] as Uint8Array;
  const out = new Uint8Array(rowCount * width);
  for (let i = 0; i < rowCount; i++) {
    const at = (indexes[i] as number) * width;
    for (let k = 0; k < width; k++) out[i * width + k] = source[at + k] as number;
  }
  return vectorOf(type, rowCount, validity, out);
}
