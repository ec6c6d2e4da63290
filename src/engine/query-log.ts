/**
 * The statements that run, and the last ones that ended: what sheaf_queries shows.
 *
 * Hides who keeps them. Invariants: as many are kept as are admitted and QUERIES_REMEMBERED_MAX more; texts are cut;
 * a statement ends once.
 */
import { EngineError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { QUERIES_REMEMBERED_MAX, QUERY_TEXT_LENGTH_MAX } from '../base/limits.ts';
import type { MemoryUsage } from '../exec/exec.ts';

/** `waiting` for its turn; `cancelled` also when its reader left before the end. */
export type QueryState = 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';

/** One statement at one moment. */
export interface QueryRow {
  readonly id: number;
  /** Who sent it; undefined where nobody is asked who he is. */
  readonly principal: string | undefined;
  readonly text: string;
  readonly state: QueryState;
  /** Wall time at which it came. */
  readonly startedMs: number;
  /** From then to its end, or to now; waiting included. */
  readonly elapsedMs: number;
  /** Rows handed out, or changed. */
  readonly rowCount: number;
  /** The most that its operators held at one time. */
  readonly memoryBytes: number;
  readonly error: string | undefined;
}

/** A statement, and who sent it. */
interface Asked {
  readonly text: string;
  readonly principal: string | undefined;
}

/** A statement from its coming to its end. */
export class RunningQuery {
  readonly id: number;
  /** Counts what its operators hold. */
  readonly usage: MemoryUsage = { heldBytes: 0, peakBytes: 0 };
  rowCount = 0;
  readonly #principal: string | undefined;
  readonly #text: string;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #sinceMs: number;
  readonly #onEnd: (row: QueryRow) => void;
  #state: QueryState = 'waiting';

  constructor(id: number, asked: Asked, clock: Clock, onEnd: (row: QueryRow) => void) {
    const { text, principal } = asked;
    this.id = id;
    this.#principal = principal;
    this.#text = cut(text);
    this.#clock = clock;
    this.#startedMs = clock.wallMs();
    this.#sinceMs = clock.monotonicMs();
    this.#onEnd = onEnd;
  }

  /** Its turn has come. */
  run(): void {
    this.#state = 'running';
  }

  /** Ends it, unless it has ended. */
  end(state: 'done' | 'cancelled'): void {
    this.#end(state, undefined);
  }

  /** Ends it by an error, unless it has ended. */
  fail(error: unknown): void {
    const isCancelled = error instanceof EngineError && error.code === 'cancelled';
    const text = error instanceof EngineError ? `${error.code}: ${error.message}` : 'internal';
    this.#end(isCancelled ? 'cancelled' : 'failed', cut(text));
  }

  /** How it stands. */
  row(error?: string): QueryRow {
    return {
      id: this.id,
      principal: this.#principal,
      text: this.#text,
      state: this.#state,
      startedMs: this.#startedMs,
      elapsedMs: this.#clock.monotonicMs() - this.#sinceMs,
      rowCount: this.rowCount,
      memoryBytes: this.usage.peakBytes,
      error,
    };
  }

  #end(state: QueryState, error: string | undefined): void {
    if (this.#state !== 'waiting' && this.#state !== 'running') return;
    this.#state = state;
    this.#onEnd(this.row(error));
  }
}

function cut(text: string): string {
  return text.length <= QUERY_TEXT_LENGTH_MAX ? text : `${text.slice(0, QUERY_TEXT_LENGTH_MAX)}…`;
}

/** Where statements are taken in, and looked at. */
export interface Queries {
  /** Takes a statement in. */
  begin(text: string): RunningQuery;
  /** The statements as they stand now: those that ended, then the others, by their coming. */
  rows(): readonly QueryRow[];
}

/** All statements of an engine. */
export class QueryLog implements Queries {
  readonly #clock: Clock;
  readonly #open = new Map<number, RunningQuery>();
  /** The oldest first. */
  readonly #ended: QueryRow[] = [];
  #next = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(text: string): RunningQuery {
    return this.#begin({ text, principal: undefined });
  }

  /** The log as a principal has it: its own statements, and those of others if it `seesAll`. */
  of(principal: string, seesAll: boolean): Queries {
    return {
      begin: (text) => this.#begin({ text, principal }),
      rows: () => this.rows().filter((row) => seesAll || row.principal === principal),
    };
  }

  rows(): readonly QueryRow[] {
    return [...this.#ended, ...[...this.#open.values()].map((query) => query.row())];
  }

  #begin(asked: Asked): RunningQuery {
    const query = new RunningQuery(this.#next++, asked, this.#clock, (row) => {
      this.#open.delete(row.id);
      this.#ended.push(row);
      if (this.#ended.length > QUERIES_REMEMBERED_MAX) this.#ended.shift();
    });
    this.#open.set(query.id, query);
    return query;
  }
}
