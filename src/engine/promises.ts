/**
 * Promises: what a statement will answer with, as a ticket, and the way back from the ticket to the answer.
 *
 * Three kinds. A counted promise runs a query whose rows it cannot know otherwise, and keeps the answer (the page's
 * GetFlightInfo). A planned one runs nothing and counts only what is free (drivers, which ask for every query). A done
 * one belongs to a statement that writes: it has run, once, and its ticket names the answer.
 *
 * Hides what a ticket holds. Invariants: a query's ticket has its snapshot, its values, its settings and its moment, so
 * that running it again answers the same; nothing that a ticket leads to writes; whoever brings a ticket gets
 * what his own rights allow.
 */
import { randomBytes } from 'node:crypto';
import type { RecordBatch } from '../arrow/batch.ts';
import { encodeResults, readStream, writeStream, once } from '../arrow/ipc-stream.ts';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { concatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { TICKET_LIFE_MS, TICKET_VALUES_BYTES_MAX } from '../base/limits.ts';
import type { RunOptions } from '../exec/exec.ts';
import { scanAll } from '../plan/logical.ts';
import { inputsOf } from '../plan/physical.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { isQuery } from '../plan/plan.ts';
import type { Settings } from '../plan/setting.ts';
import { DEFAULT_SETTINGS } from '../plan/setting.ts';
import type { Snapshot, Storage } from '../storage/contract.ts';
import { isStoring, refuseWrite } from './command.ts';
import type {
  PromiseOptions,
  PromisedResult,
  QueryOptions,
  QueryResult,
  RenewedTicket,
  StatementOptions,
} from './contract.ts';
import type { KeptResults } from './kept-result.ts';
import { planRequest, prepareAgain } from './planning.ts';
import type { Planning, Request, RequestOptions } from './planning.ts';
import { answerParts, resultOfPart, tableParts } from './promised-part.ts';
import type { Redemptions } from './redemption.ts';
import {
  exactBytes,
  keptResult,
  knownRowCount,
  planBatches,
  scannedRowCount,
  startPlan,
  tableScan,
} from './result.ts';
import type { Turn } from './result.ts';
import type { Rights } from './rights.ts';
import { Session } from './session.ts';
import { tableOf } from './tables.ts';
import { openTicket, sealTicket } from './ticket.ts';
import type { TicketPart, TicketPayload } from './ticket.ts';

/** What promises need of the engine. */
export interface PromiseHost {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly ticketKey: Uint8Array;
  readonly kept: KeptResults;
  readonly redemptions: Redemptions;
  /** Whose promises these are; undefined for the engine itself. */
  readonly rights: Rights | undefined;
  /** Runs `work` with a permit, which `work` passes on or gives back. */
  admitted<T>(text: string, options: QueryOptions, work: (turn: Turn) => T | Promise<T>): Promise<T>;
  planning(run: RunOptions, session: Session | undefined): Planning;
  runOptions(options: StatementOptions): RunOptions;
  /** For how long what was replaced or dropped can still be read. */
  readonly snapshotRetentionMs: number;
  request(sql: string, nowMs: number, options: Pick<RequestOptions, 'session' | 'row'>): Request;
  /** `part`: one of those that its table is cut into. */
  start(
    request: () => Request,
    snapshot: Snapshot,
    options: StatementOptions & { readonly part?: TicketPart | undefined },
    turn: Turn,
  ): Promise<QueryResult>;
}

/** A statement that a promise is asked for. */
export interface PromisedStatement {
  readonly sql: string;
  /** The one row of values for its parameters. */
  readonly values?: RecordBatch | undefined;
  /** The statement, its now() at `nowMs`. */
  readonly request: (nowMs: number) => Request;
}

type Named = Pick<TicketPayload, 'kind' | 'text' | 'version' | 'nowMs' | 'settings' | 'prepare' | 'values'>;

/** What a promise is made of. */
interface Planned {
  readonly named: Named;
  readonly plan: PhysicalPlan;
  readonly isRepeatable: boolean;
  readonly run: RunOptions;
}

export class Promises {
  readonly #host: PromiseHost;
  readonly #redemptions: Redemptions;
  /** By what tickets that are made here are known. */
  readonly #owner: string;

  constructor(host: PromiseHost) {
    this.#host = host;
    this.#redemptions = host.redemptions;
    this.#owner = host.rights?.fingerprint ?? '';
  }

  /** A counted promise; SET and the like are done. @throws `request_invalid` for a statement that writes */
  async counted(statement: PromisedStatement, options: PromiseOptions): Promise<PromisedResult> {
    const { kind } = statement.request(this.#nowMs()).parsed.statement;
    if (kind === 'set' || kind === 'prepare' || kind === 'deallocate') return this.once(statement, options);
    return this.#host.admitted(statement.sql, options, async (turn) => {
      const { planned, world, named, run } = await this.#plan(statement, options, turn);
      try {
        if (planned.kind !== 'query') {
          assert(isStoring(planned), 'what changes the session is not counted');
          throw refuseWrite(planned, statement.sql);
        }
        const what = { named, plan: planned.plan, isRepeatable: world.isRepeatable(), run };
        const promised = await this.#count(what, options);
        turn.query.end('done');
        return promised;
      } finally {
        world.release();
        turn.release();
      }
    });
  }

  /** A planned promise for a query, a done one for a statement that writes. */
  async once(statement: PromisedStatement, options: PromiseOptions): Promise<PromisedResult> {
    const values = statement.values === undefined ? undefined : await encodeValues(statement.values);
    const tooLong = values !== undefined && values.length > TICKET_VALUES_BYTES_MAX;
    const promised = await this.#host.admitted(statement.sql, options, async (turn) => {
      if (tooLong || !isQuery(statement.request(this.#nowMs()).parsed.statement)) {
        const request = (): Request => statement.request(this.#nowMs());
        return this.#host.start(request, this.#host.storage.snapshot(), options, turn);
      }
      const { planned, world, named, run } = await this.#plan(statement, options, turn);
      try {
        assert(planned.kind === 'query', 'a query is planned as one');
        const valued = values === undefined ? named : { ...named, values };
        const what = { named: valued, plan: planned.plan, isRepeatable: world.isRepeatable(), run };
        const found = await (options.counted === true
          ? this.#count(what, options)
          : this.#planned(what, options.parts ?? 1));
        turn.query.end('done');
        return found;
      } finally {
        world.release();
        turn.release();
      }
    });
    return 'ticket' in promised ? promised : this.done(promised);
  }

  /** A done promise: the ticket of an answer that is already there, which is read to its end here. */
  async done(result: QueryResult): Promise<PromisedResult> {
    const expiresAtMs = this.#expiry();
    const { schema } = result;
    const { id, rowCount: found, byteCount } = await this.#host.kept.keep(schema, result.batches(), expiresAtMs);
    const named: Named = { kind: 'done', text: '', version: 0, nowMs: 0 };
    // Drivers show this as the rows that a statement changed: one row that tells a count must not be taken for it.
    const rowCount = result.changedCount === undefined || result.changedCount === found ? found : -1;
    const { ticket, partTickets } = this.#seal(named, expiresAtMs, id);
    return { schema, ticket, partTickets, rowCount, byteCount, expiresAtMs };
  }

  /** The promise of a whole table of the newest snapshot. @throws `not_found` */
  async table(name: string, parts = 1): Promise<PromisedResult> {
    const snapshot = this.#host.storage.snapshot();
    try {
      const table = tableOf(snapshot, name);
      const named: Named = { kind: 'table', text: table.name, version: snapshot.version, nowMs: this.#nowMs() };
      const what = { named, plan: scanAll(table.name, table), isRepeatable: true, run: {} };
      return await this.#count(what, { parts });
    } finally {
      snapshot.release();
    }
  }

  /** The answer of a ticket. @throws `request_invalid` (forged, damaged, expired), `snapshot_gone`, `cancelled` */
  async redeem(ticket: Uint8Array, outer: AbortSignal | undefined): Promise<QueryResult> {
    const payload = this.#open(ticket);
    const redemption = this.#redemptions.begin(payload.id, outer);
    const { signal } = redemption;
    try {
      return await this.#host.admitted(textOf(payload), { signal }, async ({ query, release }) => {
        const turn = {
          query,
          release: (): void => {
            redemption.end();
            release();
          },
        };
        const kept = this.#keptFor(payload);
        return kept === undefined ? this.#again(payload, turn) : keptResult(kept, payload.part, turn);
      });
    } catch (error) {
      redemption.end();
      throw error;
    }
  }

  /** Ends every redemption of a ticket and refuses those to come. @throws as `redeem` */
  async cancel(ticket: Uint8Array): Promise<void> {
    const payload = this.#open(ticket);
    if (payload.owner !== this.#owner) this.#host.rights?.demandEverywhere('admin', "another's ticket");
    this.#redemptions.cancel(payload.id);
    if (payload.result !== undefined) await this.#host.kept.drop(payload.result);
  }

  /** The same ticket for longer, as far as that is safe. @throws as `redeem` */
  async renew(ticket: Uint8Array): Promise<RenewedTicket> {
    const payload = this.#open(ticket);
    this.#redemptions.refuseCancelled(payload.id);
    const expiresAtMs = Math.max(payload.expiresAtMs, Math.min(this.#expiry(), this.#readableUntil(payload)));
    const { kind, result } = payload;
    const isKept = result !== undefined && this.#host.kept.extend(result, expiresAtMs);
    if (kind === 'done' && !isKept) throw doneGone();
    return { ticket: sealTicket({ ...payload, expiresAtMs }, this.#host.ticketKey), expiresAtMs };
  }

  /** Until when the ticket's snapshot is surely there: no commit was after it before the promise was made. */
  #readableUntil({ kind, version, nowMs }: TicketPayload): number {
    if (kind === 'done') return Infinity;
    const newest = this.#host.storage.snapshot();
    const isNewest = newest.version === version;
    newest.release();
    return (isNewest ? this.#nowMs() : nowMs) + this.#host.snapshotRetentionMs;
  }

  async #plan(statement: PromisedStatement, options: PromiseOptions, { query }: Turn) {
    const { storage } = this.#host;
    const snapshot = storage.snapshot();
    const { version } = snapshot;
    const nowMs = this.#nowMs();
    const { session, progress } = options;
    const run = {
      ...this.#host.runOptions(options),
      signal: query.signal,
      usage: query.usage,
      ...(progress === undefined ? {} : { progress }),
    };
    const planning = this.#host.planning(run, session);
    const { planned, world, sql } = await planRequest(planning, () => statement.request(nowMs), snapshot);
    if (planned.kind === 'query' && progress !== undefined) progress.totalRows = scannedRowCount(planned.plan);
    const own = ownSettings(session);
    // The text of an EXECUTE says nothing without that of its PREPARE, which is what was planned.
    const prepare = sql === statement.sql ? {} : { prepare: sql };
    const named: Named = { kind: 'sql', text: statement.sql, version, nowMs, ...own, ...prepare };
    return { planned, world, named, run };
  }

  /** The kept answer, for the rights that it was made under alone: others have the query run again under theirs. */
  #keptFor({ kind, owner, result }: TicketPayload): ReturnType<KeptResults['open']> {
    if (owner === this.#owner) return result === undefined ? undefined : this.#host.kept.open(result);
    if (kind !== 'done') return undefined;
    throw new EngineError('forbidden', 'the statement has run, and its answer is for those who sent it');
  }

  /** Runs a ticket's query on its snapshot. */
  async #again(payload: TicketPayload, turn: Turn): Promise<QueryResult> {
    const { kind, text, nowMs, part } = payload;
    if (kind === 'done') throw doneGone();
    const row = payload.values === undefined ? undefined : await decodeValues(payload.values);
    const snapshot = await this.#host.storage.snapshotAt(payload.version);
    if (kind === 'table') {
      try {
        const whole = tableOf(snapshot, text);
        const table = part === undefined ? whole : await whole.part(part.from, part.to);
        return startPlan(scanAll(table.name, table), () => snapshot.release(), {}, turn);
      } catch (error) {
        snapshot.release();
        throw error;
      }
    }
    const session = ownSession(payload);
    const request = (): Request => {
      if (row === undefined) return this.#host.request(text, nowMs, session);
      return this.#host.request(text, nowMs, { ...session, row });
    };
    const ofTable = part?.of === 'table' ? { part } : {};
    const options = { readOnly: true, ...session, ...ofTable };
    const result = await this.#host.start(request, snapshot, options, turn);
    return part?.of === 'answer' ? resultOfPart(result, part) : result;
  }

  /** What is known once the plan has run, which is left where its rows are known without, unless it is to run. */
  async #count(what: Planned, { parts = 1, counted }: PromiseOptions): Promise<PromisedResult> {
    const mustRun = plannedRows(what) < 0 || (counted === true && isComputed(what.plan));
    return mustRun ? this.#kept(what, parts) : this.#planned(what, parts);
  }

  /** Runs nothing, unless the answer is to be cut and can only be cut when it is there. */
  async #planned(what: Planned, wanted: number): Promise<PromisedResult> {
    const isCut = wanted > 1 && what.isRepeatable;
    if (isCut && tableScan(what.plan) === undefined) return this.#kept(what, wanted);
    return this.#plain(what, await partsOf(what, wanted));
  }

  /** Runs a plan and keeps its answer. */
  async #kept(what: Planned, wanted: number): Promise<PromisedResult> {
    const expiresAtMs = this.#expiry();
    const { named, plan, run, isRepeatable } = what;
    const { schema } = plan;
    const { id, rowCount, byteCount } = await this.#host.kept.keep(schema, planBatches(plan, run), expiresAtMs);
    const isCut = id !== undefined && isRepeatable;
    const parts = isCut ? answerParts(this.#host.kept.starts(id), rowCount, wanted) : await partsOf(what, wanted);
    const { ticket, partTickets } = this.#seal(named, expiresAtMs, id, parts);
    return { schema, ticket, partTickets, rowCount, byteCount, expiresAtMs };
  }

  /** What is known of a plan that has not run. */
  #plain(what: Planned, parts: readonly TicketPart[]): PromisedResult {
    const expiresAtMs = this.#expiry();
    const { ticket, partTickets } = this.#seal(what.named, expiresAtMs, undefined, parts);
    const rowCount = plannedRows(what);
    const byteCount = rowCount < 0 ? -1 : (exactBytes(what.plan) ?? -1);
    return { schema: what.plan.schema, ticket, partTickets, rowCount, byteCount, expiresAtMs };
  }

  /** The ticket of the whole, and those of its parts, which are cancelled together. */
  #seal(
    named: Named,
    expiresAtMs: number,
    result: string | undefined,
    parts: readonly TicketPart[] = [],
  ): Pick<PromisedResult, 'ticket' | 'partTickets'> {
    const id = randomBytes(8).toString('hex');
    const { ticketKey } = this.#host;
    const whole = { ...named, id, owner: this.#owner, expiresAtMs, result };
    const partTickets = parts.map((part) => {
      // What is cut by its table never comes from the kept answer.
      return sealTicket({ ...whole, result: part.of === 'answer' ? result : undefined, part }, ticketKey);
    });
    return { ticket: sealTicket(whole, ticketKey), partTickets };
  }

  #open(ticket: Uint8Array): TicketPayload {
    return openTicket(ticket, this.#host.ticketKey, this.#host.clock.wallMs());
  }

  #expiry(): number {
    return this.#host.clock.wallMs() + TICKET_LIFE_MS;
  }

  #nowMs(): number {
    return Math.floor(this.#host.clock.wallMs());
  }
}

/** True for a plan whose first row comes late, so that it had better run before somebody waits for it. */
function isComputed(plan: PhysicalPlan): boolean {
  const { kind } = plan;
  return kind === 'aggregate' || kind === 'sort' || kind === 'window' || inputsOf(plan).some(isComputed);
}

/** Rows of a plan that has not run; -1 when they are not known. */
function plannedRows({ plan, isRepeatable }: Planned): number {
  return isRepeatable ? (knownRowCount(plan) ?? -1) : -1;
}

/** Parts by the table; what answers otherwise each time has none. */
async function partsOf({ plan, isRepeatable }: Planned, wanted: number): Promise<readonly TicketPart[]> {
  return isRepeatable ? tableParts(plan, wanted) : [];
}

/** What the log of queries shows of a ticket. */
function textOf({ kind, text }: TicketPayload): string {
  if (kind === 'sql') return text;
  return kind === 'table' ? `TABLE ${JSON.stringify(text)}` : 'the answer of a statement that has run';
}

function doneGone(): EngineError {
  const message = 'the statement has run, but its answer is no longer kept; ask for what it changed by a query';
  return new EngineError('snapshot_gone', message);
}

/** What a ticket's statement needs to know of the session that it was made in. */
function ownSession({ settings, prepare }: TicketPayload): { readonly session?: Session } {
  if (settings === undefined && prepare === undefined) return {};
  const session = Session.with({ ...DEFAULT_SETTINGS, ...settings });
  if (prepare !== undefined) prepareAgain(session, prepare);
  return { session };
}

/** The settings of a session that are not the defaults. */
function ownSettings(session: Session | undefined): { readonly settings?: Partial<Settings> } {
  const own = Object.entries(session?.settings ?? {}).filter(
    ([name, value]) => DEFAULT_SETTINGS[name as keyof Settings] !== value,
  );
  return own.length === 0 ? {} : { settings: Object.fromEntries(own) };
}

/** One row of values as text: an IPC stream in base64. */
async function encodeValues(batch: RecordBatch): Promise<string> {
  const parts: Uint8Array[] = [];
  const { schema } = batch;
  const results = encodeResults(schema, once(batch));
  for await (const part of writeStream(schema, results)) parts.push(part.slice());
  return Buffer.from(concatBytes(parts)).toString('base64');
}

async function decodeValues(text: string): Promise<RecordBatch> {
  const { batches } = await readStream(once(Buffer.from(text, 'base64')));
  for await (const batch of batches) return batch;
  throw new EngineError('request_invalid', 'the ticket has no row of values; ask GetFlightInfo for a new one');
}
