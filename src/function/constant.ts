/**
 * Constant vectors: one literal value in every row.
 *
 * Hides how a kernel learns that an argument is constant. Invariants: a constant vector is an ordinary valid vector
 * of its full length, so that a kernel which does not ask still answers right; the mark is only an opportunity.
 */
import { EngineError } from '../base/errors.ts';
import { TEXT_RESULT_BYTES_MAX } from '../base/limits.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { sliceVector } from '../arrow/slice.ts';
import type { DataType } from '../arrow/type.ts';
import { typeName } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { ByteRowsBuilder, encodeText } from './byte-rows.ts';
import { bytesOf, formOf, vectorFromNumbers, vectorOf } from './column.ts';
import { gather } from './gather.ts';
import { ALL_PRESENT, fullBits } from './validity.ts';

const constants = new WeakSet<Vector>();

/** True when every row of `vector` is known to hold the value (or null) of row 0. */
export function isConstant(vector: Vector): boolean {
  return constants.has(vector) && vector.length > 0;
}

/** The first `rowCount` rows of a constant vector, as a constant. */
export function constantRows(vector: Vector, rowCount: number): Vector {
  return markConstant(sliceVector(vector, 0, rowCount));
}

function markConstant(vector: Vector): Vector {
  constants.add(vector);
  return vector;
}

/** The low 32-bit words of an integer in two's complement. */
function wordsOfBigint(value: bigint, count: number): Int32Array {
  const words = new Int32Array(count);
  let rest = value;
  for (let k = 0; k < count; k++) {
    words[k] = Number(BigInt.asIntN(32, rest));
    rest >>= 32n;
  }
  return words;
}

/** The integer whose two's complement words stand at `at`. */
export function bigintOfWords(words: Int32Array, at: number, count: number, signed: boolean): bigint {
  let value = BigInt(signed ? (words[at + count - 1] as number) : (words[at + count - 1] as number) >>> 0);
  for (let k = count - 2; k >= 0; k--) value = (value << 32n) | BigInt((words[at + k] as number) >>> 0);
  return value;
}

/** A literal's value in its type's physical form: see LiteralValue in plan/expr. */
export type ConstantValue = number | bigint | string | boolean | Uint8Array | Vector | null;

/** A flat constant as text. */
export function constantText(value: ConstantValue): string {
  return typeof value === 'object' ? (value === null ? 'NULL' : '…') : String(value);
}

/** True for the value of a nested type: a vector of one row. */
export function isNestedValue(value: ConstantValue): value is Vector {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
}

/** A vector of `rowCount` rows that all hold `value`, which must fit the type. */
export function constantVector(type: DataType, value: ConstantValue, rowCount: number): Vector {
  if (value === null) return markConstant(nullVector(type, rowCount));
  if (isNestedValue(value)) return markConstant({ ...gather(value, new Uint32Array(rowCount)), type });
  const form = formOf(type);
  if (form.kind === 'number') {
    return markConstant(
      vectorFromNumbers(type, new Float64Array(rowCount).fill(Number(value)), rowCount, ALL_PRESENT),
    );
  }
  if (form.kind === 'words') {
    const words = wordsOfBigint(BigInt(value as bigint), form.words);
    const all = new Int32Array(rowCount * form.words);
    for (let i = 0; i < all.length; i++) all[i] = words[i % form.words] as number;
    return markConstant(vectorOf(type, rowCount, ALL_PRESENT, bytesOf(all)));
  }
  if (form.kind === 'bool') {
    const bits = value === true ? fullBits(rowCount) : new Uint8Array((rowCount + 7) >> 3);
    return markConstant(vectorOf(type, rowCount, ALL_PRESENT, bits));
  }
  if (form.kind !== 'bytes' || type.id === 'dictionary') {
    throw new EngineError('sql_unsupported', `literals of type ${typeName(type)} are not supported`);
  }
  const bytes = typeof value === 'string' ? encodeText(value) : (value as Uint8Array);
  const byteCount = bytes.length * rowCount;
  if (byteCount > TEXT_RESULT_BYTES_MAX) {
    const sizes = `${bytes.length.toString()} bytes in each of ${rowCount.toString()} rows`;
    throw new EngineError(
      'limit_exceeded',
      `a constant of ${sizes} is more than the ${TEXT_RESULT_BYTES_MAX.toString()} bytes of one batch; make it shorter`,
    );
  }
  const builder = new ByteRowsBuilder(rowCount, byteCount);
  for (let i = 0; i < rowCount; i++) {
    builder.append(bytes, 0, bytes.length);
    builder.endRow();
  }
  return markConstant(builder.finish(type, ALL_PRESENT));
}
