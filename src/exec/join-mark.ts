/**
 * Marks: for each left row whether a right row joins it, NULL where a comparison with NULL leaves that open.
 *
 * Hides what `x IN (rows)` means beside NULL: true when a row equals x; else NULL when x is NULL and there are rows, or
 * when one of the rows is NULL; else false. Rows are those that the other keys lead to.
 */
import { makeVector } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { MISSING } from '../function/integers.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import type { JoinKey } from '../plan/expr.ts';
import { compileExpr } from './evaluate.ts';
import { KeyNumbers } from './join-table.ts';
import type { Evaluator, Rows } from './rows.ts';
import { finish } from './work.ts';

/** A boolean column: true where `joins` is 1, else NULL where `open` is 1, else false. */
export function markRows(joins: Uint8Array, open: Uint8Array | undefined): Vector {
  const rowCount = joins.length;
  const size = (rowCount + 7) >> 3;
  const [bits, present] = [new Uint8Array(size), new Uint8Array(size)];
  let nullCount = 0;
  for (let i = 0; i < rowCount; i++) {
    const mask = 1 << (i & 7);
    if (joins[i] === 1) bits[i >> 3] = (bits[i >> 3] as number) | mask;
    if (joins[i] !== 1 && open?.[i] === 1) nullCount++;
    else present[i >> 3] = (present[i >> 3] as number) | mask;
  }
  return makeVector({ id: 'bool' }, rowCount, nullCount === 0 ? undefined : present, nullCount, [bits]);
}

/** What is known of NULLs in the last key of the held rows. */
export class NullAwareKeys {
  readonly #groups: KeyNumbers;
  readonly #asked: Evaluator;
  readonly #askedGroups: readonly Evaluator[];
  /** By the number of the other keys: 1 when there are rows, 2 when one of them is NULL. */
  readonly #states: Uint8Array;

  constructor(keys: readonly JoinKey[], held: readonly Rows[]) {
    const key = keys.at(-1);
    if (key === undefined) throw new TypeError('NullAwareKeys: no keys');
    const others = keys.slice(0, -1);
    this.#groups = finish(KeyNumbers.of(others, held));
    this.#asked = compileExpr(key.left);
    this.#askedGroups = others.map((other) => compileExpr(other.left));
    this.#states = new Uint8Array(this.#groups.count);
    const evaluate = compileExpr(key.right);
    let start = 0;
    for (const rows of held) {
      const { bits } = validityOf(evaluate(rows));
      for (let i = 0; i < rows.rowCount; i++) {
        const id = this.#groups.held[start + i] as number;
        if (id === MISSING) continue;
        const isNull = bits !== undefined && !bitAt(bits, i);
        this.#states[id] = (this.#states[id] as number) | (isNull ? 3 : 1);
      }
      start += rows.rowCount;
    }
  }

  /** The mark of left rows, of which those with 1 in `joins` equal a held row. */
  mark(rows: Rows, joins: Uint8Array): Vector {
    const ids = this.#groups.find(this.#askedGroups, rows);
    const { bits } = validityOf(this.#asked(rows));
    const open = new Uint8Array(rows.rowCount);
    for (let i = 0; i < rows.rowCount; i++) {
      const id = ids[i] as number;
      const state = id === MISSING ? 0 : (this.#states[id] ?? 0);
      const isNull = bits !== undefined && !bitAt(bits, i);
      if (state === 3 || (isNull && state !== 0)) open[i] = 1;
    }
    return markRows(joins, open);
  }
}
