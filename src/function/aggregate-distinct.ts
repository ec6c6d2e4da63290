/**
 * DISTINCT in an aggregate: a value counts once in each group.
 *
 * Hides the tables. Invariant: the accumulator beneath sees the first row of each (group, value), with all others
 * made null; it is one that skips nulls.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { withValidity } from './column.ts';
import type { Accumulator } from './contract.ts';
import { decodeVector } from './decode.ts';
import { ColumnKeys, PairTable } from './key-table.ts';
import { flatType } from './signature.ts';
import { bitAt, validityFrom, validityOf } from './validity.ts';

/** Passes only the first of equal values on. */
export class DistinctAccumulator implements Accumulator {
  readonly #inner: Accumulator;
  readonly #values: ColumnKeys;
  readonly #pairs = new PairTable();

  /** @throws `sql_unsupported` when the parameter's values cannot be told apart. */
  constructor(inner: Accumulator, parameters: readonly DataType[]) {
    this.#inner = inner;
    this.#values = new ColumnKeys(parameters[0] as DataType);
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    const given = args[0] as Vector;
    const vector = flatType(given.type) === given.type ? given : decodeVector(given);
    const values = this.#values.number(vector, rowCount);
    const ids = new Uint32Array(rowCount);
    let known = this.#pairs.count;
    const groupWords = new Int32Array(groups.buffer, groups.byteOffset, rowCount);
    this.#pairs.number(groupWords, new Int32Array(values.buffer), { stride: 1, offset: 0 }, ids);
    const present = validityOf(vector).bits;
    const bits = new Uint8Array((rowCount + 7) >> 3);
    for (let i = 0; i < rowCount; i++) {
      if ((ids[i] as number) < known) continue;
      known++;
      if (present === undefined || bitAt(present, i)) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
    }
    if (vector.type.id === 'null') this.#inner.update([vector], groups, rowCount, groupCount);
    else this.#inner.update([withValidity(vector, validityFrom(bits, rowCount))], groups, rowCount, groupCount);
  }

  finish(groupCount: number): Vector {
    return this.#inner.finish(groupCount);
  }

  byteCount(): number {
    return this.#inner.byteCount() + this.#values.byteCount + this.#pairs.byteCount;
  }
}
