/**
 * The statements that run, and the last ones that ended: what sheaf_queries shows.
 *
 * Hides who keeps them. Invariants: as many are kept as are admitted and QUERIES_REMEMBERED_MAX more; texts are cut;
 * a statement ends once.
 */
import { EngineError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { QUERIES_REMEMBERED_MAX, QUERY_LOGGED_LENGTH_MAX, QUERY_TEXT_LENGTH_MAX } from '../base/limits.ts';
import { makeLog } from '../base/log.ts';
import { makeHistogram } from '../base/metrics.ts';
import type { MemoryUsage } from '../exec/exec.ts';

const log = makeLog('query');
const querySeconds = makeHistogram(
  'query_seconds',
  'Time from the coming of a statement to its end, reading included',
);

/** The longest time that a timer can wait. */
const TIMER_MS_LONGEST = 2 ** 31 - 1;

/** What is done with statements that take long. */
export interface QueryBounds {
  /** 0 or undefined: none are ended. */
  readonly queryTimeoutMs?: number;
  /** 0 or undefined: none are logged. */
  readonly slowQueryMs?: number;
}

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
  readonly #controller = new AbortController();
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

  /** Fires, with an EngineError, when it is to end before its time. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Asks it to end with `reason`. */
  cancel(reason: unknown): void {
    this.#controller.abort(reason);
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
  /** Takes a statement in; it is asked to end when `outer` fires, and when its time is over. */
  begin(text: string, outer?: AbortSignal): RunningQuery;
  /** The statements as they stand now: those that ended, then the others, by their coming. */
  rows(): readonly QueryRow[];
  /** Asks a statement that runs or waits to end. @throws `not_found` */
  cancel(id: number): void;
}

function notRunning(id: number): EngineError {
  const remedy = 'it has ended, or never was; sheaf_queries lists them';
  return new EngineError('not_found', `no statement with the number ${id.toString()} runs: ${remedy}`);
}

/** All statements of an engine. */
export class QueryLog implements Queries {
  readonly #clock: Clock;
  readonly #bounds: QueryBounds;
  readonly #open = new Map<number, RunningQuery>();
  /** The oldest first. */
  readonly #ended: QueryRow[] = [];
  #next = 1;

  constructor(clock: Clock, bounds: QueryBounds = {}) {
    this.#clock = clock;
    this.#bounds = bounds;
  }

  begin(text: string, outer?: AbortSignal): RunningQuery {
    return this.#begin({ text, principal: undefined }, outer);
  }

  /** The log as a principal has it: its own statements, and those of others if it `seesAll`. */
  of(principal: string, seesAll: boolean): Queries {
    const isSeen = (row: QueryRow): boolean => seesAll || row.principal === principal;
    return {
      begin: (text, outer) => this.#begin({ text, principal }, outer),
      rows: () => this.rows().filter(isSeen),
      cancel: (id) => {
        const query = this.#open.get(id);
        if (query === undefined || !isSeen(query.row())) throw notRunning(id);
        this.cancel(id);
      },
    };
  }

  rows(): readonly QueryRow[] {
    return [...this.#ended, ...[...this.#open.values()].map((query) => query.row())];
  }

  cancel(id: number): void {
    const query = this.#open.get(id);
    if (query === undefined) throw notRunning(id);
    query.cancel(new EngineError('cancelled', `the statement was cancelled by its number, ${id.toString()}`));
  }

  #begin(asked: Asked, outer: AbortSignal | undefined): RunningQuery {
    const query: RunningQuery = new RunningQuery(this.#next++, asked, this.#clock, (row) => {
      outer?.removeEventListener('abort', pass);
      clearTimeout(timer);
      this.#open.delete(row.id);
      this.#ended.push(row);
      if (this.#ended.length > QUERIES_REMEMBERED_MAX) this.#ended.shift();
      this.#tell(row);
    });
    const pass = (): void => query.cancel(outer?.reason);
    if (outer?.aborted === true) pass();
    else outer?.addEventListener('abort', pass, { once: true });
    const timer = this.#timer(query);
    this.#open.set(query.id, query);
    return query;
  }

  #timer(query: RunningQuery): NodeJS.Timeout | undefined {
    const { queryTimeoutMs: ms = 0 } = this.#bounds;
    if (ms === 0 || ms > TIMER_MS_LONGEST) return undefined;
    const end = (): void => {
      const text = `the statement was ended after ${(ms / 1_000).toString()} seconds`;
      query.cancel(new EngineError('deadline', `${text}, its reading included; --query-timeout-seconds allows more`));
    };
    const timer = setTimeout(end, ms);
    timer.unref();
    return timer;
  }

  #tell({ id, principal, text, state, elapsedMs, rowCount, memoryBytes, error }: QueryRow): void {
    querySeconds.observe(elapsedMs / 1_000);
    const { slowQueryMs = 0 } = this.#bounds;
    if (slowQueryMs === 0 || elapsedMs < slowQueryMs) return;
    const sql = text.length <= QUERY_LOGGED_LENGTH_MAX ? text : `${text.slice(0, QUERY_LOGGED_LENGTH_MAX)}…`;
    log.warn('slow query', {
      query_id: id,
      ...(principal === undefined ? {} : { principal }),
      state,
      duration_ms: Math.round(elapsedMs),
      rows: rowCount,
      memory_bytes: memoryBytes,
      error,
      sql,
    });
  }
}
