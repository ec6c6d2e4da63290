/**
 * Statements that write: running them, and what they answer: one row, one column.
 *
 * Hides which call of storage a statement is. Invariant: what a statement answers with is known before it runs, so that
 * `describe` can promise it: a count of rows for those that change rows, else a few words.
 */
import type { RecordBatch, ResultBatch } from '../arrow/batch.ts';
import { encodeResults } from '../arrow/ipc-stream.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Schema } from '../arrow/schema.ts';
import { sameType } from '../arrow/type.ts';
import { makeVector } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { EngineError, positionOf } from '../base/errors.ts';
import { makeEdit, makeInsert } from '../exec/edit.ts';
import { runPlan } from '../exec/exec.ts';
import type { RunOptions } from '../exec/exec.ts';
import type { PhysicalPlan, PlannedStatement, TableChange } from '../plan/physical.ts';
import type { Append, Storage } from '../storage/contract.ts';
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

/** What a command answers: rows changed, or a few words. */
type Outcome = { readonly rowCount: number } | { readonly status: string };

/** The schema that a command answers with. */
export function commandSchema(command: Command): Schema {
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
  createTable(name: string, schema: Schema): Promise<void>;
  /** Begins an append to a table that it creates. @throws as `createTable`, now or from the commit */
  beginTable(name: string, schema: Schema): Promise<Append>;
  dropTable(name: string): Promise<void>;
}

/** What a command that has run gives. */
export interface CommandResult {
  readonly batches: AsyncIterable<ResultBatch>;
  /** Rows that it added, changed or removed, where it counts them. */
  readonly changedCount: number;
}

/** Runs a command, and gives its one batch. @throws what storage and expressions throw */
export async function runCommand(command: Command, target: CommandTarget): Promise<CommandResult> {
  const outcome = await execute(command, target);
  const schema = commandSchema(command);
  const column = 'status' in outcome ? statusColumn(outcome.status) : countColumn(outcome.rowCount);
  const batches = encodeResults(schema, once({ schema, rowCount: 1, columns: [column] }));
  return { batches, changedCount: 'status' in outcome ? 0 : outcome.rowCount };
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
      const insertRows = (planned: Extract<Command, { kind: 'insert' }>): Promise<number> =>
        insert(storage, planned, target.run);
      const { files } = target;
      return {
        rowCount: await copyFrom(command, {
          files,
          withCatalog: (work) => withCatalog(storage, work),
          insert: insertRows,
        }),
      };
    }
    case 'copy_to':
      return { rowCount: await copyTo(command, target.files, target.run) };
    case 'create_table':
      if (command.plan !== undefined) return { rowCount: await createAs(command, command.plan, target) };
      return {
        status: await unless('already_exists', command.ifNotExists, `table ${command.name} exists`, async () => {
          await target.createTable(command.name, command.schema);
          return `created table ${command.name}`;
        }),
      };
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
    case 'insert':
      return { rowCount: await insert(storage, command, target.run) };
    case 'delete':
      if (command.condition === undefined) return { rowCount: await storage.truncate(command.name) };
      return { rowCount: await storage.rewrite(command.name, command.kind, editOf(command)) };
    case 'update':
      return { rowCount: await storage.rewrite(command.name, command.kind, editOf(command)) };
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

/** Appends the rows of the command's plan in one commit. */
async function insert(
  storage: Storage,
  command: Extract<Command, { kind: 'insert' }>,
  run: RunOptions,
): Promise<number> {
  const append = await storage.beginAppend(command.name, command.schema, { create: false });
  return appendAll(append, command.plan, run, () => {
    checkTarget(command, append);
    const encode = makeInsert(command);
    return (batch) => {
      const given = encode(batch);
      return append.schema.fields.map((_, index) => {
        return given[command.columns.indexOf(index)] ?? append.missingColumn(index, batch.rowCount);
      });
    };
  });
}

/** Makes a table of the plan's rows in one commit. */
async function createAs(
  command: Extract<Command, { kind: 'create_table' }>,
  plan: PhysicalPlan,
  target: CommandTarget,
): Promise<number> {
  const { name, schema, ifNotExists } = command;
  try {
    const append = await target.beginTable(name, schema);
    return await appendAll(append, plan, target.run, () => (batch) => batch.columns);
  } catch (error) {
    if (ifNotExists && error instanceof EngineError && error.code === 'already_exists') return 0;
    throw error;
  }
}

/** Appends the plan's rows, as `begin` tells to make columns of the table of them; all of it in one commit, or nothing. */
async function appendAll(
  append: Append,
  plan: PhysicalPlan,
  run: RunOptions,
  begin: () => (batch: RecordBatch) => readonly Vector[],
): Promise<number> {
  try {
    const fit = begin();
    const { schema } = append;
    for await (const batch of runPlan(plan, run)) {
      await append.write({ schema, rowCount: batch.rowCount, columns: fit(batch) });
    }
    return (await append.commit()).rowCount;
  } catch (error) {
    await append.abort();
    throw error;
  }
}

/** @throws `busy` when the table was altered since the statement was planned, `schema_mismatch` for a missing value */
function checkTarget({ name, schema, columns }: Extract<Command, { kind: 'insert' }>, append: Append): void {
  const { fields } = append.schema;
  const isSame =
    fields.length === schema.fields.length &&
    fields.every((field, i) => field.name === schema.fields[i]?.name && sameType(field.type, schema.fields[i].type));
  if (!isSame) throw new EngineError('busy', `table ${name} was altered meanwhile; send the INSERT again`);
  fields.forEach((field, index) => {
    if (field.nullable || append.defaulted.has(index) || columns.includes(index)) return;
    const message = `column "${field.name}" of table ${name} is NOT NULL and has no default`;
    throw new EngineError('schema_mismatch', `${message}; name it in the INSERT and give it a value`);
  });
}

function editOf(command: Extract<Command, { kind: 'delete' | 'update' }>): Parameters<Storage['rewrite']>[2] {
  return { schema: command.schema, bounds: command.bounds, edit: makeEdit(command) };
}

async function alter(storage: Storage, name: string, ifExists: boolean, change: TableChange): Promise<string> {
  return unless('not_found', ifExists, `no table ${name}`, async () => {
    switch (change.kind) {
      case 'add_column': {
        const { field, default: value, ifNotExists } = change;
        return unless('already_exists', ifNotExists, `column ${field.name} exists`, async () => {
          await storage.alterTable(name, { kind: 'add_column', field, default: value });
          return `added column ${field.name} to table ${name}`;
        });
      }
      case 'drop_column':
        return unless('not_found', change.ifExists, `no column ${change.column}`, async () => {
          await storage.alterTable(name, { kind: 'drop_column', column: change.column });
          return `dropped column ${change.column} of table ${name}`;
        });
      case 'rename_column':
        await storage.alterTable(name, change);
        return `renamed column ${change.column} of table ${name} to ${change.to}`;
      case 'set_ttl':
        await storage.alterTable(name, change);
        return change.ttl === undefined
          ? `rows of table ${name} do not expire`
          : `rows of table ${name} expire by the age of ${change.ttl.column}`;
    }
  });
}

/** Runs `work`; with `tolerated`, a failure with `code` is `instead`. */
async function unless(
  code: EngineError['code'],
  tolerated: boolean,
  instead: string,
  work: () => Promise<string>,
): Promise<string> {
  try {
    return await work();
  } catch (error) {
    if (tolerated && error instanceof EngineError && error.code === code) return instead;
    throw error;
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

async function* once<T>(value: T): AsyncGenerator<T> {
  yield await Promise.resolve(value);
}
