/**
 * Vectors of one type, one after another, as one vector.
 *
 * Hides that parts are made canonical first (slice.ts, join-canonical.ts). Invariants: inputs are valid and have the
 * same type; the result is canonical; data buffers of views are shared, everything else is copied. Cost: linear in
 * the bytes.
 */
import { present } from '../base/assert.ts';
import { joinCanonical, rememberBeginning } from './join-canonical.ts';
import { wholeVector } from './slice.ts';
import type { Vector } from './vector.ts';

/**
 * Joins one or more vectors; a single one is returned as it is. Dictionaries that differ are joined too, unless one
 * grew out of the other. @throws `limit_exceeded` when the type cannot count the result
 */
export function joinVectors(vectors: readonly Vector[]): Vector {
  const first = present(vectors[0], 'a vector to join');
  if (vectors.length === 1) return first;
  const joined = joinCanonical(vectors.map(wholeVector), wholeVector);
  rememberBeginning(joined, first);
  return joined;
}
