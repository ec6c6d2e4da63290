/**
 * The scenario `flight_sql:extension`: Substrait plans, transactions and savepoints, which the product refuses, and
 * `flight_sql:ingestion`, whose options it refuses. Scripted: each command has one right form and a fixed answer.
 *
 * Hides nothing. Invariant: a request that differs in any field from the scenario's is an error.
 */
import assert from 'node:assert/strict';
import { makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { EngineError } from '../../src/base/errors.ts';
import { schemaBytes } from '../../src/flight/flight-info.ts';
import { encodeMessage, packMessage, unpack } from '../../src/flight/message.ts';
import { readCommand } from '../../src/flight/sql-command.ts';
import { decodeAs, endpoint, incoming, infoOf, packAs, script, sendBatches, textOf, unexpected } from './scripted.ts';
import type { Script } from './scripted.ts';
import { QUERY_SCHEMA, TRANSACTION_SCHEMA } from './sql-scenarios.ts';
import { SQL_INFO_SCHEMA, sqlInfoBatch } from './sql-info.ts';

const TRANSACTION = 'transaction_id';
const SAVEPOINT = { id: 'savepoint_id', name: 'savepoint_name' };
const CANCELLED = 1;

interface Statement {
  readonly query?: string;
  readonly plan?: { readonly plan: Uint8Array; readonly version: string };
  readonly transaction_id?: Uint8Array;
}

interface Prepared {
  readonly prepared_statement_handle: Uint8Array;
}

/** Fails the call with what differs. */
function expect(actual: unknown, wanted: unknown): void {
  try {
    assert.deepEqual(actual, wanted);
  } catch (cause) {
    throw new EngineError('request_invalid', String(cause), { cause });
  }
}

/** The name of a statement, with ` WITH TXN` in a transaction. */
function nameOf(statement: Statement): string {
  const { query, plan, transaction_id: transaction = Buffer.of() } = statement;
  if (plan !== undefined) expect([textOf(plan.plan), plan.version], ['plan', 'version']);
  const name = query ?? 'PLAN';
  if (transaction.byteLength === 0) return name;
  expect(textOf(transaction), TRANSACTION);
  return `${name} WITH TXN`;
}

/** What a command is about: a statement's name, a handle, or undefined for facts about the server. */
function subjectOf(bytes: Uint8Array): string | undefined {
  const { name, value } = unpack(bytes);
  switch (name) {
    case 'CommandStatementQuery':
    case 'CommandStatementUpdate':
    case 'CommandStatementSubstraitPlan':
      return nameOf(decodeAs<Statement>(name, value));
    case 'TicketStatementQuery':
      return textOf(decodeAs<{ readonly statement_handle: Uint8Array }>(name, value).statement_handle);
    case 'CommandPreparedStatementQuery':
    case 'CommandPreparedStatementUpdate':
      return textOf(decodeAs<Prepared>(name, value).prepared_statement_handle);
    case 'CommandGetSqlInfo':
      return undefined;
    default:
      throw unexpected(name);
  }
}

const QUERIES = /^(SELECT STATEMENT|PLAN|SELECT PREPARED STATEMENT|PREPARED PLAN)( WITH TXN)?$/;

function schemaOf(subject: string | undefined): Schema {
  if (subject === undefined) return SQL_INFO_SCHEMA;
  if (!QUERIES.test(subject)) throw unexpected(`a read of ${subject}`);
  return subject.endsWith(' WITH TXN') ? TRANSACTION_SCHEMA : QUERY_SCHEMA;
}

/** Rows that an update says it changed. */
const CHANGED: Readonly<Record<string, number>> = {
  'UPDATE STATEMENT': 10_000,
  PLAN: 10_000,
  'UPDATE STATEMENT WITH TXN': 15_000,
  'PLAN WITH TXN': 15_000,
  'UPDATE PREPARED STATEMENT': 20_000,
  'PREPARED PLAN': 20_000,
  'UPDATE PREPARED STATEMENT WITH TXN': 25_000,
  'PREPARED PLAN WITH TXN': 25_000,
};

function prepared(handle: string): Buffer {
  return packMessage('ActionCreatePreparedStatementResult', { prepared_statement_handle: Buffer.from(handle) });
}

/** The one result of each action, from its packed request; undefined for none. */
const ACTIONS: Readonly<Record<string, (value: Uint8Array) => Uint8Array | undefined>> = {
  CreatePreparedStatement: (value) =>
    prepared(nameOf(decodeAs<Statement>('ActionCreatePreparedStatementRequest', value))),
  CreatePreparedSubstraitPlan: (value) =>
    prepared(`PREPARED ${nameOf(decodeAs<Statement>('ActionCreatePreparedSubstraitPlanRequest', value))}`),
  ClosePreparedStatement: (value) => {
    const { prepared_statement_handle: handle } = decodeAs<Prepared>('ActionClosePreparedStatementRequest', value);
    if (!/\bPREPARED\b/.test(textOf(handle))) throw unexpected(`the handle ${textOf(handle)}`);
    return undefined;
  },
  BeginTransaction: () => packAs('ActionBeginTransactionResult', { transaction_id: Buffer.from(TRANSACTION) }),
  BeginSavepoint: (value) => {
    const { transaction_id: id, name } = decodeAs<{
      readonly transaction_id: Uint8Array;
      readonly name: string;
    }>('ActionBeginSavepointRequest', value);
    expect([textOf(id), name], [TRANSACTION, SAVEPOINT.name]);
    return packAs('ActionBeginSavepointResult', { savepoint_id: Buffer.from(SAVEPOINT.id) });
  },
  EndSavepoint: (value) => {
    const { savepoint_id: id, action } = decodeAs<{
      readonly savepoint_id: Uint8Array;
      readonly action: number;
    }>('ActionEndSavepointRequest', value);
    expect([textOf(id), action > 0], [SAVEPOINT.id, true]);
    return undefined;
  },
  EndTransaction: (value) => {
    const { transaction_id: id, action } = decodeAs<{
      readonly transaction_id: Uint8Array;
      readonly action: number;
    }>('ActionEndTransactionRequest', value);
    expect([textOf(id), action > 0], [TRANSACTION, true]);
    return undefined;
  },
  CancelQuery: (value) => {
    const { info } = decodeAs<{ readonly info: Uint8Array }>('ActionCancelQueryRequest', value);
    const { endpoint: endpoints } = decodeAs<{
      readonly endpoint: readonly { readonly ticket: { readonly ticket: Uint8Array } }[];
    }>('FlightInfo', info);
    expect(
      endpoints.map(({ ticket }) => subjectOf(ticket.ticket)),
      ['PLAN'],
    );
    return packAs('ActionCancelQueryResult', { result: CANCELLED });
  },
};

/** Substrait, transactions, savepoints. */
export function sqlExtension(): Script {
  return script({
    getFlightInfo: async (_scope, descriptor) => {
      await Promise.resolve();
      const subject = subjectOf(descriptor.cmd);
      const isStatement = unpack(descriptor.cmd).name.startsWith('CommandStatement');
      const ticket = isStatement
        ? packMessage('TicketStatementQuery', { statement_handle: Buffer.from(subject ?? '') })
        : descriptor.cmd;
      return infoOf(descriptor, schemaOf(subject), [endpoint(ticket)]);
    },
    getSchema: async (_scope, { cmd }) => {
      await Promise.resolve();
      return { schema: schemaBytes(schemaOf(subjectOf(cmd))) };
    },
    doGet: async (_scope, ticket, open) => {
      const subject = subjectOf(ticket);
      await sendBatches(open, schemaOf(subject), subject === undefined ? [sqlInfoBatch()] : []);
    },
    doPut: async (_scope, { inbox, send }) => {
      let command: Uint8Array | undefined;
      const columns: string[] = [];
      for await (const { descriptor, batch } of incoming(inbox)) {
        command ??= descriptor?.cmd;
        columns.push(...(batch?.schema.fields.map(({ name }) => name) ?? []));
      }
      const { name } = unpack(command ?? Buffer.of());
      const subject = subjectOf(command ?? Buffer.of()) ?? '';
      if (name === 'CommandPreparedStatementQuery') {
        expect([columns, QUERIES.test(subject)], [['id'], true]);
        const handle = Buffer.from(subject);
        await send(encodeMessage('DoPutPreparedStatementResult', { prepared_statement_handle: handle }));
        return;
      }
      const count = CHANGED[subject];
      if (count === undefined) throw unexpected(`an update by ${subject}`);
      await send(encodeMessage('DoPutUpdateResult', { record_count: count }));
    },
    doAction: async (_scope, type, body) => {
      await Promise.resolve();
      const action = ACTIONS[type];
      if (action === undefined) throw unexpected(`the action ${type}`);
      const answer = action(unpack(body).value);
      return answer === undefined ? [] : [answer];
    },
  });
}

const INGEST = {
  table_definition_options: { if_not_exist: 1, if_exists: 3 },
  table: 'test_table',
  schema: 'test_schema',
  catalog: 'test_catalog',
  temporary: true,
  transaction_id: '123',
  options: { key1: 'val1', key2: 'val2' },
};
const INGEST_SCHEMA = makeSchema(
  QUERY_SCHEMA.fields.map((field) => ({ ...field, name: 'test_field', metadata: [] })),
);

/** Three rows of nulls with every option set. */
export function sqlIngestion(): Script {
  return script({
    doPut: async (_scope, { inbox, send }) => {
      let rows = 0;
      for await (const { descriptor, schema, batch } of incoming(inbox)) {
        const { fields } = readCommand(descriptor?.cmd ?? Buffer.of());
        const { transaction_id: transaction = Buffer.of() } = fields as { readonly transaction_id?: Uint8Array };
        expect({ ...fields, transaction_id: textOf(transaction) }, INGEST);
        expect(schema, INGEST_SCHEMA);
        rows += batch?.rowCount ?? 0;
      }
      await send(encodeMessage('DoPutUpdateResult', { record_count: rows }));
    },
  });
}
