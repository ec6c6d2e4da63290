/**
 * Statements that write: running them, and what they answer: one row of one column, or what RETURNING asks for.
 *
 * Hides which call of storage a statement is (those that change rows: command-rows). Invariant: the columns that a
 * statement answers with are known before it runs, so that `describe` can promise them: a count of rows for those that
 * change rows, else a few words.
 */
import type { ResultBatch } from '../arrow/batch.ts';
import { encodeResults } from '../arrow/ipc-stream.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Schema } from '../arrow/schema.ts';
import { makeVector } from '../arrow/vector.ts';
import { EngineError, positionOf } from '../base/errors.ts';
import { runPlan } from '../exec/exec.ts';
import type { RunOptions } from '../exec/exec.ts';
import type { PhysicalPlan, PlannedStatement, Returning } from '../plan/physical.ts';
import type { Append, Snapshot, Storage } from '../storage/contract.ts';
import { alter, unless } from './command-alter.ts';
import { appendNew, editRows, insertRows } from './command-rows.ts';
import type { Session } from './session.ts';

/** A planned statement that writes, or sets. */
export type Command = Exclude<PlannedStatement, { kind: 'query' }>;

/** `status`: utf8, not null. */
const STATUS_SCHEMA: Schema = makeSchema([makeField('status', { id: 'utf8' }, false)]);

/** `Count`: int64, not null; the column that DuckDB answers with. */
const COUNT_SCHEMA: Schema = makeSchema([makeField('Count', { id: 'int', bitWidth: 64, signed: true }, false)]);

/** Statements that answer with a count of rows. */
const COUNTING: ReadonlySet<Command['kind']> = new Set(['insert', 'delete', 'update', 'truncate'] as const);

/** What a command answers: rows changed, those rows themselves, or a few words. */
type Outcome =
  { readonly rowCount: number; readonly returning?: Returning | undefined } | { readonly status: string };

function returningOf(command: Command): Returning | undefined {
  return 'returning' in command ? command.returning : undefined;
}

/** The schema that a command answers with. */
export function commandSchema(command: Command): Schema {
  const returning = returningOf(command);
  if (returning !== undefined) return returning.plan.schema;
  const counts = COUNTING.has(command.kind) || runningPlan(command) !== undefined;
  return counts ? COUNT_SCHEMA : STATUS_SCHEMA;
}

/** The query that a command reads while it runs. */
export function runningPlan(command: Command): PhysicalPlan | undefined {
  return command.kind === 'insert' || command.kind === 'create_table' ? command.plan : undefined;
}

/** What commands need of the engine: it checks names and refuses while draining. */
export interface CommandTarget {
  readonly storage: Storage;
  readonly run: RunOptions;
  /** Whose statement it is; undefined where the door keeps none. */
  readonly session: Session | undefined;
  createTable(command: Extract<Command, { kind: 'create_table' }>): Promise<void>;
  /** Begins an append to a table that it creates. @throws as `createTable`, now or from the commit */
  beginTable(command: Extract<Command, { kind: 'create_table' }>): Promise<Append>;
  dropTable(name: string): Promise<void>;
  createView(command: Extract<Command, { kind: 'create_view' }>): Promise<void>;
  /** Plans the same statement on `snapshot`, which belongs to what this answers from now on. */
  planAgain(snapshot: Snapshot): Promise<{ readonly planned: PlannedStatement; release(): void }>;
}

/** A command's answer. */
export interface CommandResult {
  readonly rowCount: number;
  readonly batches: AsyncIterable<ResultBatch>;
  /** Rows that it added, changed or removed, where it counts them. */
  readonly changedCount: number;
}

/** Runs a command; when this resolves it has run. @throws what storage and expressions throw */
export async function runCommand(command: Command, target: CommandTarget): Promise<CommandResult> {
  const outcome = await execute(command, target);
  const schema = commandSchema(command);
  const returning = 'status' in outcome ? undefined : outcome.returning;
  if (returning !== undefined) {
    const batches = encodeResults(schema, runPlan(returning.plan, target.run));
    const { rowCount } = returning.rows;
    return { rowCount, batches, changedCount: rowCount };
  }
  const column = 'status' in outcome ? statusColumn(outcome.status) : countColumn(outcome.rowCount);
  const batches = encodeResults(schema, once({ schema, rowCount: 1, columns: [column] }));
  return { rowCount: 1, batches, changedCount: 'status' in outcome ? 0 : outcome.rowCount };
}

async function execute(command: Command, target: CommandTarget): Promise<Outcome> {
  const { storage } = target;
  const { name } = command;
  switch (command.kind) {
    case 'set':
      if (target.session === undefined) throw noSession();
      target.session.set(name as typeof command.name, command.value);
      return { status: `set ${name} to ${command.value.toString()}` };
    case 'create_table':
      return createTable(command, target);
    case 'drop_table':
      return {
        status: await unless('not_found', command.ifExists, `no table ${name}`, async () => {
          await target.dropTable(name);
          return `dropped table ${name}`;
        }),
      };
    case 'alter_table':
      return { status: await alter(storage, name, command.ifExists, command.change) };
    case 'truncate':
      return { rowCount: await storage.truncate(name) };
    case 'create_view': {
      const existing = target.storage.snapshot();
      const isThere = existing.view(name) !== undefined;
      existing.release();
      if (isThere && command.ifNotExists) return { status: `view ${name} exists` };
      await target.createView(command);
      return { status: `created view ${name}` };
    }
    case 'drop_view':
      return {
        status: await unless('not_found', command.ifExists, `no view ${name}`, async () => {
          await storage.dropView(name);
          return `dropped view ${name}`;
        }),
      };
    case 'insert':
      return { rowCount: await insertRows(storage, command, target.run), returning: command.returning };
    case 'delete':
    case 'update':
      return editRows(command, target);
  }
}

/** The error for SET where no session is kept. */
export function noSession(): EngineError {
  const remedy = 'settings hold where a session is kept: in an embedded database';
  return new EngineError('request_invalid', `SET needs a session, and this door keeps none yet; ${remedy}`);
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

/** The error for a statement that writes at a door that only reads. */
export function refuseWrite(planned: { readonly kind: WriteKind }, sql: string): EngineError {
  const word = WRITE_WORDS[planned.kind];
  const start = Math.max(sql.search(/\S/), 0);
  return new EngineError(
    'request_invalid',
    `${word} writes, and this door only reads; ` +
      'send it by HTTP POST /query, the sheaf query command, or a Flight action',
    { position: positionOf(sql, { start, end: start + word.length }) },
  );
}

async function createTable(
  command: Extract<Command, { kind: 'create_table' }>,
  target: CommandTarget,
): Promise<Outcome> {
  const { name, ifNotExists, plan } = command;
  try {
    if (plan !== undefined) return { rowCount: await appendNew(await target.beginTable(command), plan, target.run) };
    await target.createTable(command);
    return { status: `created table ${name}` };
  } catch (error) {
    if (!ifNotExists || !(error instanceof EngineError) || error.code !== 'already_exists') throw error;
    return plan === undefined ? { status: `table ${name} exists` } : { rowCount: 0 };
  }
}

function statusColumn(text: string): ReturnType<typeof makeVector> {
  const bytes = Buffer.from(text);
  const offsets = new Uint8Array(Int32Array.of(0, bytes.byteLength).buffer);
  return makeVector({ id: 'utf8' }, 1, undefined, 0, [offsets, new Uint8Array(bytes)]);
}

function countColumn(count: number): ReturnType<typeof makeVector> {
  const values = new Uint8Array(BigInt64Array.of(BigInt(count)).buffer);
  return makeVector({ id: 'int', bitWidth: 64, signed: true }, 1, undefined, 0, [values]);
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield await Promise.resolve(value);
}
