/**
 * Prepared statements between calls: a handle for each, with the values that were bound to it last.
 *
 * Drivers forget to close what they prepared, so handles end by themselves too: after an idle time, and the one that
 * was idle longest when there are too many.
 *
 * Hides the handles' form. Invariants: a handle cannot be guessed; statements are bounded in number, bound values in
 * bytes; a statement in use is as good as new.
 */
import { randomBytes } from 'node:crypto';
import type { RecordBatch } from '../arrow/batch.ts';
import { vectorBytes } from '../arrow/vector.ts';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { BOUND_VALUES_BYTES_MAX, PREPARED_IDLE_MS_MAX, PREPARED_STATEMENTS_MAX } from '../base/limits.ts';
import { makeGauge } from '../base/metrics.ts';
import type { PreparedStatement } from '../engine/contract.ts';

interface Entry {
  readonly statement: PreparedStatement;
  values: RecordBatch | undefined;
  bytes: number;
  usedMs: number;
}

const HANDLE_BYTES = 16;

let open = 0;
makeGauge('flight_prepared_statements_open', 'Prepared statements that have a handle', () => open);

/** A statement as it is to be run. */
export interface BoundStatement {
  readonly statement: PreparedStatement;
  /** Undefined when none were bound. */
  readonly values: RecordBatch | undefined;
}

export class PreparedStatements {
  readonly #clock: Clock;
  /** By handle in hex; the one that was used longest ago first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Keeps a statement; returns its handle. */
  add(statement: PreparedStatement): Uint8Array {
    this.#dropIdle();
    const handle = randomBytes(HANDLE_BYTES);
    this.#entries.set(handle.toString('hex'), {
      statement,
      values: undefined,
      bytes: 0,
      usedMs: this.#clock.monotonicMs(),
    });
    open++;
    return handle;
  }

  /** @throws `not_found` */
  get(handle: Uint8Array): BoundStatement {
    return this.#use(handle);
  }

  /** Binds `values`, whose columns are the parameters in order, in place of those before. @throws `not_found` */
  bind(handle: Uint8Array, values: RecordBatch): void {
    const entry = this.#use(handle);
    const bytes = values.columns.reduce((sum, column) => sum + vectorBytes(column), 0);
    if (this.#bytes - entry.bytes + bytes > BOUND_VALUES_BYTES_MAX) {
      const held = `${bytes.toString()} bytes of values, with ${this.#bytes.toString()} bytes bound already`;
      throw new EngineError('busy', `${held}; run or close prepared statements first`);
    }
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    entry.values = values;
  }

  /** Forgets a statement; does nothing for one that is gone. */
  close(handle: Uint8Array): void {
    this.#drop(Buffer.from(handle).toString('hex'));
  }

  #use(handle: Uint8Array): Entry {
    const key = Buffer.from(handle).toString('hex');
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      const why = 'it was closed, or idle for too long, or the server has started anew';
      throw new EngineError('not_found', `there is no prepared statement with this handle: ${why}; prepare it again`);
    }
    this.#entries.delete(key);
    entry.usedMs = this.#clock.monotonicMs();
    this.#entries.set(key, entry);
    return entry;
  }

  #dropIdle(): void {
    const oldestMs = this.#clock.monotonicMs() - PREPARED_IDLE_MS_MAX;
    for (const [key, { usedMs }] of this.#entries) {
      if (usedMs >= oldestMs && this.#entries.size < PREPARED_STATEMENTS_MAX) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    open--;
  }
}
