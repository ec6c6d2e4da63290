/**
 * Statements that write: running them, and what they answer: one row of one column, or what RETURNING asks for.
 *
 * Hides which call of storage a statement is (those that change rows: command-rows). Invariant: the columns that a
 * statement answers with are known before it runs, so that `describe` can promise them: a count of rows for those that
 * change rows, else a few words.
 */
import type { ResultBatch } from '../arrow/batch.ts';
import { encodeResults, once } from '../arrow/ipc-stream.ts';
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
import { copyFrom, copyTo } from './copy.ts';
import type { CopyFiles } from './copy.ts';
import { noSession } from './planning.ts';
import type { Session } from './session.ts';
import { withCatalog } from './world.ts';

/** A planned statement that writes, or sets. */
export type Command = Exclude<PlannedStatement, { kind: 'query' }>;

/** `status`: utf8, not null. */
const STATUS_SCHEMA: Schema = makeSchema([makeField('status', { id: 'utf8' }, false)]);

/** `Count`: int64, not null; the column that DuckDB answers with. */
export const COUNT_SCHEMA: Schema = makeSchema([
  makeField('Count', { id: 'int', bitWidth: 64, signed: true }, false),
]);

/** Statements that answer with a count of rows. */
const COUNTING: ReadonlySet<Command['kind']> = new Set([
  'insert',
  'delete',
  'update',
  'truncate',
  'copy_from',
  'copy_to',
] as const);

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
  const { kind } = command;
  return kind === 'insert' || kind === 'create_table' || kind === 'copy_to' ? command.plan : undefined;
}

/** What commands need of the engine: it checks names and refuses while draining. */
export interface CommandTarget {
  readonly storage: Storage;
  readonly files: CopyFiles;
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
  switch (command.kind) {
    case 'set':
      sessionOf(target, 'SET').set(command.name, command.value);
      return { status: `set ${command.name} to ${command.value.toString()}` };
    case 'prepare':
      sessionOf(target, 'PREPARE').prepare(command.name, command.prepared);
      return { status: `prepared statement ${command.name}` };
    case 'deallocate':
      sessionOf(target, 'DEALLOCATE').deallocate(command.name);
      return { status: `deallocated statement ${command.name}` };
    case 'copy_from': {
      const { files } = target;
      return {
        rowCount: await copyFrom(command, {
          files,
          withCatalog: (work) => withCatalog(storage, work),
          insert: (planned) => insertRows(storage, planned, target.run),
        }),
      };
    }
    case 'copy_to':
      return { rowCount: await copyTo(command, target.files, target.run) };
    case 'create_table':
      return createTable(command, target);
    case 'drop_table':
      return {
        status: await unless('not_found', command.ifExists, `no table ${command.name}`, async () => {
          await target.dropTable(command.name);
          return `dropped table ${command.name}`;
        }),
      };
    case 'alter_table':
      return { status: await alter(storage, command.name, command.ifExists, command.change) };
    case 'truncate':
      return { rowCount: await storage.truncate(command.name) };
    case 'create_view': {
      const { name } = command;
      const existing = target.storage.snapshot();
      const isThere = existing.view(name) !== undefined;
      existing.release();
      if (isThere && command.ifNotExists) return { status: `view ${name} exists` };
      await target.createView(command);
      return { status: `created view ${name}` };
    }
    case 'drop_view':
      return {
        status: await unless('not_found', command.ifExists, `no view ${command.name}`, async () => {
          await storage.dropView(command.name);
          return `dropped view ${command.name}`;
        }),
      };
    case 'insert':
      return { rowCount: await insertRows(storage, command, target.run), returning: command.returning };
    case 'delete':
    case 'update':
      return editRows(command, target);
  }
}

type WriteKind = Exclude<Command['kind'], SessionKind>;

/** Commands that change the session, and nothing that is stored. */
type SessionKind = 'set' | 'prepare' | 'deallocate';

/** True for commands that change what is stored, or write a file. */
export function isStoring(command: Command): command is Extract<Command, { kind: WriteKind }> {
  return command.kind !== 'set' && command.kind !== 'prepare' && command.kind !== 'deallocate';
}

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
  copy_from: 'COPY',
  copy_to: 'COPY',
};

/** The error for a command that writes, where only reading is allowed. */
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

function sessionOf({ session }: CommandTarget, what: string): Session {
  if (session === undefined) throw noSession(what);
  return session;
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

/** One count as a column. */
export function countColumn(count: number): ReturnType<typeof makeVector> {
  const values = new Uint8Array(BigInt64Array.of(BigInt(count)).buffer);
  return makeVector({ id: 'int', bitWidth: 64, signed: true }, 1, undefined, 0, [values]);
}
