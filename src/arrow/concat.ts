/**
 * Vectors of one type, one after another, as one vector.
 *
 * Hides that parts are made canonical first (slice.ts, join-canonical.ts). Invariants: inputs are valid and have the
 * same type; the result is canonical; data buffers of views are shared, everything else is copied. Cost: linear in
 * the bytes.
 */
import { present } from '../base/assert.ts';
import type { RecordBatch } from './batch.ts';
import { joinCanonical, rememberBeginning } from './join-canonical.ts';
import { sliceVector, wholeVector } from './slice.ts';
import type { Vector } from './vector.ts';

/**
 * Joins one or more vectors; a single one is returned as it is. Dictionaries that differ are joined too, unless one
 * grew out of the other. @throws `limit_exceeded` when the type cannot count the result
 */
export function joinVectors(vectors: readonly Vector[]): Vector {
  const first = present(vectors[0], 'a vector to join');
  return vectors.length === 1 ? first : joinCanonical(vectors.map(wholeVector), wholeVector);
}

/** `length` rows of the one row of `value`. Cost: linear in the bytes. */
export function repeatVector(value: Vector, length: number): Vector {
  let repeated = value;
  while (repeated.length < length) repeated = joinVectors([repeated, repeated]);
  return repeated.length === length ? repeated : sliceVector(repeated, 0, length);
}

/**
 * Joins, as `joinVectors` does, values that are a dictionary's: the result is known to have grown out of the first.
 * @throws as joinVectors
 */
export function growDictionary(values: readonly Vector[]): Vector {
  const joined = joinVectors(values);
  rememberBeginning(joined, present(values[0], 'a vector to join'));
  return joined;
}

/** Joins one or more batches of one schema; a single one is returned as it is. @throws as joinVectors */
export function joinBatches(batches: readonly RecordBatch[]): RecordBatch {
  const first = present(batches[0], 'a batch to join');
  if (batches.length === 1) return first;
  const columns = first.columns.map((_, i) =>
    joinVectors(batches.map((batch) => present(batch.columns[i], 'column'))),
  );
  return { schema: first.schema, rowCount: batches.reduce((sum, batch) => sum + batch.rowCount, 0), columns };
}
