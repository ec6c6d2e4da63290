/**
 * The engine: the product without a network. Opens a directory, answers SQL, takes puts, makes and redeems tickets.
 *
 * Hides storage, planning, execution, kept results and admission behind `Engine` (contract.ts). Invariants: a
 * statement is planned on one snapshot and runs on it; what a ticket promised is what its redemption yields; nothing
 * is written by a read-only query; `close` waits for nothing but the disk (call `drain` first to let work end).
 */
import { randomBytes } from 'node:crypto';
import { prepareCodecs } from '../arrow/compression.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError, positionOf } from '../base/errors.ts';
import { PUT_STREAMS_MAX, SQL_LENGTH_MAX, TICKET_LIFE_MS } from '../base/limits.ts';
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { makeCounter, makeHistogram } from '../base/metrics.ts';
import type { Os } from '../os/os.ts';
import { realOs } from '../os/real-os.ts';
import { compiledOperators } from '../exec/compiled-pipeline.ts';
import type { RunOptions } from '../exec/exec.ts';
import { readStatement } from '../plan/needs.ts';
import type { ParsedStatement } from '../plan/needs.ts';
import { planStatement } from '../plan/plan.ts';
import type { PhysicalPlan, PlannedStatement } from '../plan/physical.ts';
import type { CompactionReport, IngestState, Snapshot, Storage } from '../storage/contract.ts';
import { openStorage } from '../storage/storage.ts';
import { Admission } from './admission.ts';
import type { Release } from './admission.ts';
import { commandSchema, noSession, runCommand, runningPlan } from './command.ts';
import type { Command, CommandResult, CommandTarget } from './command.ts';
import type {
  Engine,
  EngineStatus,
  PromisedResult,
  Put,
  PutOptions,
  QueryOptions,
  QueryResult,
  StatementOptions,
  TableDescription,
} from './contract.ts';
import { KeptResults } from './kept-result.ts';
import type { OpenKeptResult } from './kept-result.ts';
import { checkTableName, checkTableSchema, makePut } from './put.ts';
import { Redemptions } from './redemption.ts';
import { exactBytes, knownRowCount, makeResult, planBatches } from './result.ts';
import type { Session } from './session.ts';
import { looksLikeTicket, openTicket, sealTicket } from './ticket.ts';
import type { TicketPayload } from './ticket.ts';
import { description, scanOf, tableOf, viewQuery } from './tables.ts';
import { openWorld } from './world.ts';
import type { World } from './world.ts';

export type { Engine, TableDescription } from './contract.ts';
export { Session } from './session.ts';

/** What `open` can be told; tests bring their own disk and clock. */
export interface OpenOptions {
  readonly os?: Os;
  readonly clock?: Clock;
  /** How long what was replaced or dropped can still be read; at least a ticket's life. */
  readonly snapshotRetentionMs?: number;
  /** 0: no background scrub. */
  readonly scrubBytesPerSecond?: number;
}

const queriesTotal = makeCounter('queries_total', 'Statements run, by outcome', ['outcome']);
const planSeconds = makeHistogram('plan_seconds', 'Time from SQL text to plan');
const KEY_BYTES = 32;
const SWEEP_MS = 30_000;

/**
 * Opens the database in `directory`, which is made when it is missing, and recovers it.
 * @throws `locked`, `version_unsupported`, `corrupt`, `forbidden`, `storage_full`, `io_error`
 */
export async function open(directory: string, options: OpenOptions = {}): Promise<Engine> {
  const os = options.os ?? realOs();
  const clock = options.clock ?? systemClock;
  await prepareCodecs();
  const { snapshotRetentionMs, scrubBytesPerSecond } = options;
  const bounds = {
    ...(snapshotRetentionMs === undefined
      ? {}
      : { snapshotRetentionMs: Math.max(snapshotRetentionMs, TICKET_LIFE_MS) }),
    ...(scrubBytesPerSecond === undefined ? {} : { scrubBytesPerSecond }),
  };
  // Storage does its maintenance in a thread when the disk is the machine's own.
  const disk = options.os === undefined ? {} : { os };
  const storage = await openStorage({ directory, ...disk, clock, bounds });
  return new SheafEngine(storage, os, clock, await storage.secret('ticket-key', KEY_BYTES));
}

class SheafEngine implements Engine {
  readonly directory: string;
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #ticketKey: Uint8Array;
  readonly #admission = new Admission();
  readonly #kept: KeptResults;
  readonly #redemptions = new Redemptions();
  readonly #startedMs: number;
  readonly #sweep: NodeJS.Timeout;
  #putsOpen = 0;
  #closed = false;

  constructor(storage: Storage, os: Os, clock: Clock, ticketKey: Uint8Array) {
    this.directory = storage.directory;
    this.#storage = storage;
    this.#clock = clock;
    this.#ticketKey = ticketKey;
    this.#kept = new KeptResults(os, storage.spoolDirectory);
    this.#startedMs = clock.monotonicMs();
    this.#sweep = setInterval(() => void this.#kept.sweep(clock.wallMs()).catch(() => undefined), SWEEP_MS);
    this.#sweep.unref();
  }

  async query(sql: string, options: StatementOptions = {}): Promise<QueryResult> {
    return this.#admitted(options, (release) => this.#start(sql, this.#storage.snapshot(), options, release));
  }

  async describe(sql: string): Promise<Schema> {
    this.#admission.refuseWhileDraining();
    const { planned, world } = await this.#plan(sql, this.#storage.snapshot());
    world.release();
    return planned.kind === 'query' ? planned.schema : commandSchema(planned);
  }

  async promise(sql: string, options: QueryOptions = {}): Promise<PromisedResult> {
    return this.#admitted(options, async (release) => {
      const snapshot = this.#storage.snapshot();
      const { version } = snapshot;
      const nowMs = this.#nowMs();
      const { planned, world } = await this.#plan(sql, snapshot, nowMs);
      try {
        if (planned.kind === 'set') throw noSession();
        if (planned.kind !== 'query') throw refuseWrite(planned, sql);
        return await this.#promisePlan({ kind: 'sql', text: sql, version, nowMs }, planned.plan, runOptions(options));
      } finally {
        world.release();
        release();
      }
    });
  }

  async promiseTable(name: string): Promise<PromisedResult> {
    this.#admission.refuseWhileDraining();
    const snapshot = this.#storage.snapshot();
    const view = snapshot.view(name);
    if (view !== undefined) {
      snapshot.release();
      return this.promise(viewQuery(view.name));
    }
    try {
      const table = tableOf(snapshot, name);
      const what = { kind: 'table', text: table.name, version: snapshot.version, nowMs: this.#nowMs() } as const;
      return await this.#promisePlan(what, scanOf(table), {});
    } finally {
      snapshot.release();
    }
  }

  isTicket(bytes: Uint8Array): boolean {
    return looksLikeTicket(bytes);
  }

  async redeem(ticket: Uint8Array, options: QueryOptions = {}): Promise<QueryResult> {
    const payload = openTicket(ticket, this.#ticketKey, this.#clock.wallMs());
    const redemption = this.#redemptions.begin(payload.id, options.signal);
    const { signal } = redemption;
    try {
      return await this.#admitted({ signal }, async (permit) => {
        const release = (): void => {
          redemption.end();
          permit();
        };
        const kept = payload.result === undefined ? undefined : this.#kept.open(payload.result);
        if (kept !== undefined) return keptResult(kept, signal, release);
        const snapshot = await this.#storage.snapshotAt(payload.version);
        if (payload.kind === 'sql') {
          return this.#start(payload.text, snapshot, { signal, readOnly: true }, release, payload.nowMs);
        }
        return startPlan(scanOf(tableOf(snapshot, payload.text)), () => snapshot.release(), { signal }, release);
      });
    } catch (error) {
      redemption.end();
      throw error;
    }
  }

  async cancel(ticket: Uint8Array): Promise<void> {
    const payload = openTicket(ticket, this.#ticketKey, this.#clock.wallMs());
    this.#redemptions.cancel(payload.id);
    if (payload.result !== undefined) await this.#kept.drop(payload.result);
  }

  tables(): readonly TableDescription[] {
    const snapshot = this.#storage.snapshot();
    try {
      return snapshot.tableNames().flatMap((name) => {
        const table = snapshot.table(name);
        return table === undefined ? [] : [description(table)];
      });
    } finally {
      snapshot.release();
    }
  }

  async schemaOf(name: string): Promise<Schema> {
    const snapshot = this.#storage.snapshot();
    const view = snapshot.view(name);
    snapshot.release();
    return view === undefined ? this.table(name).schema : this.describe(viewQuery(view.name));
  }

  table(name: string): TableDescription {
    const snapshot = this.#storage.snapshot();
    try {
      return description(tableOf(snapshot, name));
    } finally {
      snapshot.release();
    }
  }

  async createTable(name: string, schema: Schema): Promise<void> {
    this.#admission.refuseWhileDraining();
    checkTableName(name);
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
    if (this.#putsOpen >= PUT_STREAMS_MAX) {
      throw new EngineError('busy', `${this.#putsOpen.toString()} put streams are open; try again later`);
    }
    checkTableName(name);
    const create = options.create ?? true;
    if (!create) this.table(name);
    checkTableSchema(name, schema);
    this.#putsOpen++;
    try {
      const { tag } = options;
      const append = await this.#storage.beginAppend(name, schema, { create, ...(tag === undefined ? {} : { tag }) });
      try {
        return makePut(name, schema, append, this.#nowMs(), () => {
          this.#putsOpen--;
        });
      } catch (error) {
        await append.abort();
        throw error;
      }
    } catch (error) {
      this.#putsOpen--;
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

  status(): EngineStatus {
    return {
      ...this.#storage.status(),
      uptimeMs: Math.round(this.#clock.monotonicMs() - this.#startedMs),
      queriesRunning: this.#admission.runningCount,
      queriesWaiting: this.#admission.waitingCount,
      putsOpen: this.#putsOpen,
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
  async #admitted<T>(options: QueryOptions, work: (release: Release) => T | Promise<T>): Promise<T> {
    const release = await this.#admission.enter(options.signal);
    try {
      const result = await work(release);
      queriesTotal.inc({ outcome: 'ok' });
      return result;
    } catch (error) {
      queriesTotal.inc({ outcome: error instanceof EngineError ? error.code : 'internal' });
      release();
      throw error;
    }
  }

  /** Whole milliseconds since 1970: what now() means in a statement that begins. */
  #nowMs(): number {
    return Math.floor(this.#clock.wallMs());
  }

  async #start(
    sql: string,
    snapshot: Snapshot,
    options: StatementOptions,
    release: Release,
    nowMs = this.#nowMs(),
  ): Promise<QueryResult> {
    const { planned, world } = await this.#plan(sql, snapshot, nowMs, options.session);
    const run = runOptions(options);
    if (planned.kind === 'query') return startPlan(planned.plan, () => world.release(), run, release);
    // Commands that do not read while they run must not keep files that they want to give up.
    if (runningPlan(planned) === undefined || options.readOnly === true) world.release();
    if (options.readOnly === true && planned.kind !== 'set') throw refuseWrite(planned, sql);
    const planAgain: CommandTarget['planAgain'] = async (later) => {
      const again = await this.#plan(sql, later, nowMs, options.session);
      return { planned: again.planned, release: () => again.world.release() };
    };
    const result = await this.#runCommand(planned, run, options.session, planAgain).finally(() => world.release());
    return makeResult({
      schema: commandSchema(planned),
      rowCount: result.rowCount,
      byteCount: undefined,
      batches: () => result.batches,
      signal: options.signal,
      release,
    });
  }

  /** Plans on `snapshot`, which is the world's from here on; now() is `nowMs`. */
  async #plan(
    sql: string,
    snapshot: Snapshot,
    nowMs = this.#nowMs(),
    session?: Session,
  ): Promise<{ planned: PlannedStatement; world: World }> {
    if (sql.length > SQL_LENGTH_MAX) {
      snapshot.release();
      const lengths = `${sql.length.toString()} characters, at most ${SQL_LENGTH_MAX.toString()} are allowed`;
      throw new EngineError('limit_exceeded', `the SQL text has ${lengths}`);
    }
    const end = planSeconds.startTimer();
    let world: World | undefined;
    try {
      const parsed = parseFor(sql, snapshot, nowMs);
      world = await openWorld(this.#storage, parsed, snapshot);
      const options = session === undefined ? {} : { settings: session.settings };
      return { planned: planStatement(parsed, world.catalog, { ...options, compiledOperators }), world };
    } catch (error) {
      world?.release();
      throw error;
    } finally {
      end();
    }
  }

  /** Runs a statement that writes. */
  async #runCommand(
    command: Command,
    run: RunOptions,
    session: Session | undefined,
    planAgain: CommandTarget['planAgain'],
  ): Promise<CommandResult> {
    this.#admission.refuseWhileDraining();
    return runCommand(command, {
      storage: this.#storage,
      run,
      session,
      planAgain,
      createTable: async ({ name, schema, defaults, orReplace }) => {
        checkTableName(name);
        checkTableSchema(name, schema);
        await this.#storage.createTable(name, schema, { defaults, replace: orReplace });
      },
      beginTable: ({ name, schema, orReplace }) => {
        checkTableName(name);
        checkTableSchema(name, schema);
        return this.#storage.beginAppend(name, schema, { create: orReplace ? 'replace' : 'new' });
      },
      dropTable: (name) => this.dropTable(name),
      createView: async ({ name, view, orReplace }) => {
        checkTableName(name);
        await this.#storage.createView(view, { replace: orReplace });
      },
    });
  }

  async #promisePlan(
    what: Pick<TicketPayload, 'kind' | 'text' | 'version' | 'nowMs'>,
    physical: PhysicalPlan,
    run: RunOptions,
  ): Promise<PromisedResult> {
    const expiresAtMs = this.#clock.wallMs() + TICKET_LIFE_MS;
    const ticket = (result: string | undefined): Uint8Array =>
      sealTicket({ ...what, id: randomBytes(8).toString('hex'), expiresAtMs, result }, this.#ticketKey);
    const { schema } = physical;
    const known = knownRowCount(physical);
    if (known !== undefined) {
      const byteCount = exactBytes(physical) ?? -1;
      return { schema, ticket: ticket(undefined), rowCount: known, byteCount, expiresAtMs };
    }
    const { id, rowCount, byteCount } = await this.#kept.keep(schema, planBatches(physical, run), expiresAtMs);
    return { schema, ticket: ticket(id), rowCount, byteCount, expiresAtMs };
  }
}

/** Parses; a text that cannot be gives the snapshot back. */
function parseFor(sql: string, snapshot: Snapshot, nowMs: number): ParsedStatement {
  try {
    return readStatement(sql, BigInt(nowMs) * 1_000n);
  } catch (error) {
    snapshot.release();
    throw error;
  }
}

function runOptions({ signal, session }: StatementOptions): RunOptions {
  const bound = session === undefined ? {} : { memoryBytesMax: session.settings.memory_limit };
  return signal === undefined ? bound : { ...bound, signal };
}

function startPlan(physical: PhysicalPlan, unpin: () => void, run: RunOptions, release: Release): QueryResult {
  return makeResult({
    schema: physical.schema,
    rowCount: knownRowCount(physical),
    byteCount: exactBytes(physical),
    batches: () => planBatches(physical, run),
    signal: run.signal,
    release: () => {
      unpin();
      release();
    },
  });
}

function keptResult(kept: OpenKeptResult, signal: AbortSignal, release: Release): QueryResult {
  return makeResult({
    schema: kept.schema,
    rowCount: kept.rowCount,
    byteCount: kept.byteCount,
    batches: () => kept.batches(),
    signal,
    release: () => {
      kept.release();
      release();
    },
  });
}

type WriteKind = Exclude<Command['kind'], 'set'>;

const WRITE_WORDS: Readonly<Record<WriteKind, string>> = {
  create_table: 'CREATE TABLE',
  drop_table: 'DROP TABLE',
  create_view: 'CREATE VIEW',
  drop_view: 'DROP VIEW',
  alter_table: 'ALTER TABLE',
  truncate: 'TRUNCATE',
  insert: 'INSERT',
  delete: 'DELETE',
  update: 'UPDATE',
};

function refuseWrite(planned: { readonly kind: WriteKind }, sql: string): EngineError {
  const word = WRITE_WORDS[planned.kind];
  const start = Math.max(sql.search(/\S/), 0);
  return new EngineError(
    'request_invalid',
    `${word} writes, and this door only reads; ` +
      'send it by HTTP POST /query, the sheaf query command, or a Flight action',
    { position: positionOf(sql, { start, end: start + word.length }) },
  );
}
