/**
 * The engine: the product without a network. Opens a directory, answers SQL, takes puts, makes and redeems tickets.
 *
 * Hides storage, planning, execution, kept results and admission behind `Engine` (contract.ts). Invariants: a
 * statement is planned on one snapshot and runs on it; what a ticket promised is what its redemption yields; nothing
 * is written by a read-only query; `close` waits for nothing but the disk (call `drain` first to let work end).
 */
import { prepareCodecs } from '../arrow/compression.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import { PUT_STREAMS_MAX, SNAPSHOT_RETENTION_MS, TICKET_LIFE_MS } from '../base/limits.ts';
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { makeCounter } from '../base/metrics.ts';
import type { Os } from '../os/os.ts';
import { realOs } from '../os/real-os.ts';
import type { RunOptions } from '../exec/exec.ts';
import { atMoment } from '../plan/needs.ts';
import { describeStatement } from '../plan/plan.ts';
import { DEFAULT_SETTINGS } from '../plan/setting.ts';
import type { CompactionReport, IngestState, Snapshot, Storage } from '../storage/contract.ts';
import { openStorage } from '../storage/storage.ts';
import type { Admission } from './admission.ts';
import { commandSchema, isStoring, refuseWrite, runCommand, runningPlan } from './command.ts';
import type { Command, CommandResult, CommandTarget } from './command.ts';
import { CopyFiles } from './copy.ts';
import type {
  Engine,
  EngineStatus,
  InputTable,
  PreparedStatement,
  PromiseOptions,
  PromisedResult,
  Put,
  PutOptions,
  QueryOptions,
  QueryResult,
  RenewedTicket,
  StatementOptions,
  TableDescription,
} from './contract.ts';
import { inputSource } from './input-table.ts';
import type { KeptResults } from './kept-result.ts';
import { planRequest, readPrepared, readRequest } from './planning.ts';
import type { Planning, Request, RequestOptions } from './planning.ts';
import { makeParts } from './parts.ts';
import type { Parts } from './parts.ts';
import { makePrepared, needsSession, preparedText } from './prepared.ts';
import { planOfPart } from './promised-part.ts';
import { Promises } from './promises.ts';
import type { PromisedStatement } from './promises.ts';
import { checkNewTableName, checkTableName, checkTableSchema, makePut } from './put.ts';
import { QueryLog } from './query-log.ts';
import type { Queries, QueryRow } from './query-log.ts';
import { makeResult, startPlan } from './result.ts';
import type { Turn } from './result.ts';
import type { Rights } from './rights.ts';
import type { Session } from './session.ts';
import type { StatementCache } from './statement-cache.ts';
import { looksLikeTicket } from './ticket.ts';
import type { TicketPart } from './ticket.ts';
import { description, tableOf, viewQuery } from './tables.ts';
import { openWorld } from './world.ts';

export type { Engine, TableDescription } from './contract.ts';
export { Session } from './session.ts';
export type { OptionValue } from './session.ts';

/** What `open` can be told; tests bring their own disk and clock. */
export interface OpenOptions {
  readonly os?: Os;
  readonly clock?: Clock;
  /** How long what was replaced or dropped can still be read; at least a ticket's life. */
  readonly snapshotRetentionMs?: number;
  /** 0: no background scrub. */
  readonly scrubBytesPerSecond?: number;
  /** Small neighbouring segments that are worth merging in the background; 0: none are. */
  readonly compactSegmentsMin?: number;
  /** After how long a statement is ended, its reading included; 0 or none: never. */
  readonly queryTimeoutMs?: number;
  /** Statements that take this long are logged; 0 or none: none are. */
  readonly slowQueryMs?: number;
  /** Where COPY may read and write files; nowhere unless given. It must lie apart from the database. */
  readonly copyDirectory?: string;
}

const queriesTotal = makeCounter('queries_total', 'Statements run, by outcome', ['outcome']);
const KEY_BYTES = 32;
const SWEEP_MS = 30_000;
const COPY_FILES = 'COPY, whose files belong to no table';

/**
 * Opens the database in `directory`, which is made when it is missing, and recovers it.
 * @throws `locked`, `version_unsupported`, `corrupt`, `forbidden`, `storage_full`, `io_error`
 */
export async function open(directory: string, options: OpenOptions = {}): Promise<Engine> {
  const os = options.os ?? realOs();
  const clock = options.clock ?? systemClock;
  await prepareCodecs();
  const { snapshotRetentionMs, scrubBytesPerSecond, compactSegmentsMin } = options;
  const bounds: { readonly snapshotRetentionMs?: number } = {
    ...(snapshotRetentionMs === undefined
      ? {}
      : { snapshotRetentionMs: Math.max(snapshotRetentionMs, TICKET_LIFE_MS) }),
    ...(scrubBytesPerSecond === undefined ? {} : { scrubBytesPerSecond }),
    ...(compactSegmentsMin === undefined ? {} : { compactSegmentsMin }),
  };
  // Storage does its maintenance in a thread when the disk is the machine's own.
  const disk = options.os === undefined ? {} : { os };
  const storage = await openStorage({ directory, ...disk, clock, bounds });
  try {
    const key = await storage.secret('ticket-key', KEY_BYTES);
    const files = await CopyFiles.open(options.copyDirectory, directory, key);
    const queries = new QueryLog(clock, options);
    const retentionMs = bounds.snapshotRetentionMs ?? SNAPSHOT_RETENTION_MS;
    return new SheafEngine(
      makeParts({ storage, clock, ticketKey: key, files, os, queries, snapshotRetentionMs: retentionMs }),
    );
  } catch (error) {
    await storage.close();
    throw error;
  }
}

class SheafEngine implements Engine {
  readonly directory: string;
  readonly principal: string | undefined;
  readonly #parts: Parts;
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #files: CopyFiles;
  readonly #admission: Admission;
  readonly #queries: Queries;
  readonly #kept: KeptResults;
  readonly #promises: Promises;
  readonly #statements: StatementCache;
  readonly #sweep: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.principal = parts.rights?.name;
    this.directory = parts.storage.directory;
    this.#storage = parts.storage;
    this.#clock = parts.clock;
    this.#files = parts.files;
    this.#admission = parts.admission;
    this.#queries = parts.queries;
    this.#kept = parts.kept;
    this.#statements = parts.statements;
    this.#promises = new Promises({
      ...parts,
      admitted: (text, options, work) => this.#admitted(text, options, work),
      planning: (run, session) => this.#planning(run, session),
      runOptions,
      request: (sql, nowMs, options) => this.#request(sql, nowMs, options),
      start: (request, snapshot, options, turn) => this.#start(request, snapshot, options, turn),
    });
    if (parts.rights !== undefined) return;
    this.#sweep = setInterval(() => void this.#kept.sweep(this.#clock.wallMs()).catch(() => undefined), SWEEP_MS);
    this.#sweep.unref();
  }

  as(rights: Rights): Engine {
    return new SheafEngine(this.#parts.restrict(rights));
  }

  async query(sql: string, options: StatementOptions = {}): Promise<QueryResult> {
    const request = (): Request => this.#request(sql, this.#nowMs(), options);
    return this.#admitted(sql, options, (turn) => this.#start(request, this.#storage.snapshot(), options, turn));
  }

  async prepare(sql: string, { session }: { readonly session?: Session } = {}): Promise<PreparedStatement> {
    this.#admission.refuseWhileDraining();
    const parsed = readPrepared(sql);
    if (needsSession(parsed)) return preparedText(this, sql, parsed, session);
    const settings = session?.settings ?? DEFAULT_SETTINGS;
    const facts = { storage: this.#storage, queries: this.#queries, settings };
    const world = await openWorld(parsed, undefined, this.#storage.snapshot(), facts);
    try {
      // Some types are known only once now() has a moment; a run has its own.
      const described = describeStatement(atMoment(parsed, BigInt(this.#nowMs()) * 1_000n), world.catalog, {
        settings,
      });
      return makePrepared(parsed, described, {
        start: (request, options) =>
          this.#admitted(sql, options, (turn) => {
            const now = (): Request => request(this.#nowMs());
            return this.#start(now, this.#storage.snapshot(), options, turn);
          }),
        promise: (statement, options) => this.#promises.once(statement, options),
        done: (result) => this.#promises.done(result),
      });
    } finally {
      world.release();
    }
  }

  async describe(sql: string, options: { readonly session?: Session } = {}): Promise<Schema> {
    this.#admission.refuseWhileDraining();
    const request = (): Request => this.#request(sql, this.#nowMs(), options);
    const planning = this.#planning({}, options.session);
    const { planned, world } = await planRequest(planning, request, this.#storage.snapshot());
    world.release();
    return planned.kind === 'query' ? planned.schema : commandSchema(planned);
  }

  async promise(sql: string, options: PromiseOptions = {}): Promise<PromisedResult> {
    return this.#promises.counted(this.#promised(sql, options), options);
  }

  async promiseOnce(sql: string, options: PromiseOptions = {}): Promise<PromisedResult> {
    return this.#promises.once(this.#promised(sql, options), options);
  }

  async promiseTable(name: string, options: PromiseOptions = {}): Promise<PromisedResult> {
    this.#admission.refuseWhileDraining();
    const view = this.#look((snapshot) => snapshot.view(name));
    if (view !== undefined) return this.promise(viewQuery(view.name), options);
    return this.#promises.table(name, options.parts);
  }

  isTicket(bytes: Uint8Array): boolean {
    return looksLikeTicket(bytes);
  }

  async redeem(ticket: Uint8Array, options: QueryOptions = {}): Promise<QueryResult> {
    return this.#promises.redeem(ticket, options.signal);
  }

  async cancel(ticket: Uint8Array): Promise<void> {
    await this.#promises.cancel(ticket);
  }

  async renew(ticket: Uint8Array): Promise<RenewedTicket> {
    return this.#promises.renew(ticket);
  }

  tables(): readonly TableDescription[] {
    return this.#look((snapshot) => snapshot.tableNames().map((name) => description(tableOf(snapshot, name))));
  }

  views(): readonly string[] {
    const snapshot = this.#storage.snapshot();
    try {
      return snapshot.viewNames();
    } finally {
      snapshot.release();
    }
  }

  async schemaOf(name: string): Promise<Schema> {
    const view = this.#look((snapshot) => snapshot.view(name));
    return view === undefined ? this.table(name).schema : this.describe(viewQuery(view.name));
  }

  table(name: string): TableDescription {
    return this.#look((snapshot) => description(tableOf(snapshot, name)));
  }

  async createTable(name: string, schema: Schema): Promise<void> {
    this.#admission.refuseWhileDraining();
    checkNewTableName(name);
    checkTableSchema(name, schema);
    await this.#storage.createTable(name, schema);
  }

  async dropTable(name: string): Promise<void> {
    this.#admission.refuseWhileDraining();
    const found = this.table(name);
    await this.#storage.dropTable(found.name);
  }

  async beginPut(name: string, schema: Schema, options: PutOptions = {}): Promise<Put> {
    this.#admission.refuseWhileDraining();
    if (this.#parts.puts.openCount >= PUT_STREAMS_MAX) {
      throw new EngineError('busy', `${this.#parts.puts.openCount.toString()} put streams are open; try again later`);
    }
    const create = options.create ?? true;
    checkTableName(name);
    if (create === false) this.table(name);
    else if (this.#look((snapshot) => snapshot.table(name)) === undefined) checkNewTableName(name);
    checkTableSchema(name, schema);
    this.#parts.puts.openCount++;
    try {
      const { tag } = options;
      const append = await this.#storage.beginAppend(name, schema, { create, ...(tag === undefined ? {} : { tag }) });
      try {
        return makePut(name, schema, append, this.#nowMs(), () => {
          this.#parts.puts.openCount--;
        });
      } catch (error) {
        await append.abort();
        throw error;
      }
    } catch (error) {
      this.#parts.puts.openCount--;
      throw error;
    }
  }

  async ingestState(table: string, producer: string): Promise<IngestState> {
    return this.#storage.ingestState(this.table(table).name, producer);
  }

  async compact(name?: string): Promise<CompactionReport> {
    this.#admission.refuseWhileDraining();
    return this.#storage.compact(name === undefined ? undefined : this.table(name).name);
  }

  async seal(name?: string): Promise<void> {
    await this.#storage.seal(name === undefined ? undefined : this.table(name).name);
  }

  queries(): readonly QueryRow[] {
    return this.#queries.rows();
  }

  cancelQuery(id: number): void {
    this.#queries.cancel(id);
  }

  status(): EngineStatus {
    return {
      ...this.#storage.status(),
      uptimeMs: Math.round(this.#clock.monotonicMs() - this.#parts.startedMs),
      queriesRunning: this.#admission.runningCount,
      queriesWaiting: this.#admission.waitingCount,
      putsOpen: this.#parts.puts.openCount,
      draining: this.#admission.draining,
    };
  }

  async drain(graceMs: number): Promise<void> {
    await this.#admission.drain(graceMs);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#sweep);
    this.#admission.close();
    await this.#kept.close();
    await this.#storage.close();
  }

  /**
   * Runs `work` with a permit, which `work` passes on or gives back; counts the outcome of getting the result under
   * way.
   */
  async #admitted<T>(text: string, options: QueryOptions, work: (turn: Turn) => T | Promise<T>): Promise<T> {
    const query = this.#queries.begin(text, options.signal);
    let release: Turn['release'] | undefined;
    try {
      release = await this.#admission.enter(query.signal);
      query.run();
      const result = await work({ query, release });
      queriesTotal.inc({ outcome: 'ok' });
      return result;
    } catch (error) {
      query.fail(error);
      if (release !== undefined)
        queriesTotal.inc({ outcome: error instanceof EngineError ? error.code : 'internal' });
      release?.();
      throw error;
    }
  }

  /** Looks at the tables as they are now. */
  #look<T>(work: (snapshot: Snapshot) => T): T {
    const snapshot = this.#storage.snapshot();
    try {
      return work(snapshot);
    } finally {
      snapshot.release();
    }
  }

  /** Whole milliseconds since 1970: what now() means in a statement that begins. */
  #nowMs(): number {
    return Math.floor(this.#clock.wallMs());
  }

  async #start(
    request: () => Request,
    snapshot: Snapshot,
    options: StatementOptions & { readonly part?: TicketPart | undefined },
    turn: Turn,
  ): Promise<QueryResult> {
    const run = { ...runOptions(options), signal: turn.query.signal, usage: turn.query.usage };
    const planning = this.#planning(run, options.session, options.input);
    const { planned, world, sql } = await planRequest(planning, request, snapshot);
    if (planned.kind === 'query') {
      const plan = await planOfPart(planned.plan, options.part).catch((error: unknown) => {
        world.release();
        throw error;
      });
      return startPlan(plan, () => world.release(), run, turn);
    }
    // Commands that do not read while they run must not keep files that they want to give up.
    if (runningPlan(planned) === undefined || options.readOnly === true) world.release();
    if (options.readOnly === true && isStoring(planned)) throw refuseWrite(planned, sql);
    const planAgain: CommandTarget['planAgain'] = async (later) => {
      const again = await planRequest(planning, request, later);
      return { planned: again.planned, release: () => again.world.release() };
    };
    const done = await this.#runCommand(planned, run, options.session, planAgain).finally(() => world.release());
    turn.query.rowCount = done.changedCount;
    turn.query.end('done');
    return makeResult({
      schema: commandSchema(planned),
      rowCount: done.rowCount,
      byteCount: undefined,
      changedCount: done.changedCount,
      batches: () => done.batches,
      turn,
      unpin: () => undefined,
    });
  }

  #request(sql: string, nowMs: number, options: Omit<RequestOptions, 'statements'>): Request {
    return readRequest(sql, nowMs, { ...options, statements: this.#statements });
  }

  #promised(sql: string, options: StatementOptions): PromisedStatement {
    return { sql, request: (nowMs) => this.#request(sql, nowMs, options) };
  }

  #planning(run: RunOptions, session?: Session, input?: InputTable): Planning {
    const table = input === undefined ? undefined : inputSource(input);
    return { storage: this.#storage, queries: this.#queries, run, session, input: table };
  }

  /** Runs a statement that writes. */
  async #runCommand(
    command: Command,
    run: RunOptions,
    session: Session | undefined,
    planAgain: CommandTarget['planAgain'],
  ): Promise<CommandResult> {
    this.#admission.refuseWhileDraining();
    if (command.kind === 'copy_from') this.#parts.rights?.demandEverywhere('ingest', COPY_FILES);
    if (command.kind === 'copy_to') this.#parts.rights?.demandEverywhere('admin', COPY_FILES);
    return runCommand(command, {
      storage: this.#storage,
      files: this.#files,
      run,
      session,
      planAgain,
      createTable: async ({ name, schema, defaults, orReplace }) => {
        checkNewTableName(name);
        checkTableSchema(name, schema);
        await this.#storage.createTable(name, schema, { defaults, replace: orReplace });
      },
      beginTable: ({ name, schema, orReplace }) => {
        checkNewTableName(name);
        checkTableSchema(name, schema);
        return this.#storage.beginAppend(name, schema, { create: orReplace ? 'replace' : 'new' });
      },
      dropTable: (name) => this.dropTable(name),
      createView: async ({ name, view, orReplace }) => {
        checkNewTableName(name);
        await this.#storage.createView(view, { replace: orReplace });
      },
    });
  }
}

function runOptions({ signal, session }: StatementOptions): RunOptions {
  const bound = session === undefined ? {} : { memoryBytesMax: session.settings.memory_limit };
  return signal === undefined ? bound : { ...bound, signal };
}
