/**
 * Goal: the schema of an answer is one, byte for byte, wherever it is told: GetSchema, FlightInfo, what DoGet sends
 * first, and what preparing says; for SQL text, Flight SQL's commands and prepared statements. Drivers refuse an answer
 * whose schema is another than was promised.
 *
 * Method: the corpus of test/support/schema-corpus.ts through the door's methods on the real engine; what DoGet sends
 * is decoded under that schema, so that it is also true (no null where none may be). A query that fails must fail alike
 * everywhere.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeSchema } from '../../src/arrow/ipc-schema.ts';
import { readMessageHead } from '../../src/arrow/ipc-header.ts';
import { BatchReader } from '../../src/arrow/ipc-read.ts';
import type { Message } from '../../src/arrow/batch.ts';
import { concatBytes } from '../../src/base/bytes.ts';
import { FLIGHT_SILENCE_MS_MAX } from '../../src/base/limits.ts';
import { EngineError } from '../../src/base/errors.ts';
import { open } from '../../src/engine/engine.ts';
import type { Caller } from '../../src/flight/caller.ts';
import { doGet } from '../../src/flight/do-get.ts';
import { getFlightInfo, getSchema } from '../../src/flight/get-flight-info.ts';
import { decodeMessage, packMessage, unpack } from '../../src/flight/message.ts';
import { createPreparedStatement } from '../../src/flight/sql-action.ts';
import { openFlightDoor } from '../../src/flight/door.ts';
import { callerOf } from '../support/caller.ts';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { fillOwnTables, fillTables, ownQueries, sltQueries } from '../support/schema-corpus.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const QUERIES_MIN = 300;
/** Continuation marker and length before an encapsulated message. */
const PREFIX_BYTES = 8;

const command = (cmd: Uint8Array) => ({ type: 2, cmd, path: [] });
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The schema of what DoGet sends; all of it is decoded under that. */
async function sentSchema(caller: Caller, ticket: Uint8Array): Promise<string> {
  const messages: Message[] = [];
  const send = async (message: Message): Promise<void> => void messages.push(message);
  await doGet(caller, ticket, () => ({ send, close: () => undefined }), FLIGHT_SILENCE_MS_MAX);
  const [first, ...rest] = messages;
  assert.ok(first !== undefined && readMessageHead(first.header).kind === 'schema');
  const reader = new BatchReader(decodeSchema(first.header), { trusted: false });
  for (const { header, body } of rest) reader.read(header, concatBytes(body));
  return hex(first.header);
}

/** GetSchema, FlightInfo, and DoGet of its ticket. */
async function toldSchemas(caller: Caller, cmd: Uint8Array): Promise<string[]> {
  const { schema } = await getSchema(caller, command(cmd));
  const info = await getFlightInfo(caller, command(cmd));
  const ticket = info.endpoint[0]?.ticket?.ticket ?? new Uint8Array(0);
  return [
    hex(schema.subarray(PREFIX_BYTES)),
    hex(info.schema.subarray(PREFIX_BYTES)),
    await sentSchema(caller, ticket),
  ];
}

async function preparedSchemas(caller: Caller, sql: string): Promise<string[]> {
  const body = await createPreparedStatement(
    caller,
    packMessage('ActionCreatePreparedStatementRequest', { query: sql }),
  );
  const prepared = decodeMessage('ActionCreatePreparedStatementResult', unpack(body).value);
  const handle = { prepared_statement_handle: prepared.prepared_statement_handle };
  const told = await toldSchemas(caller, packMessage('CommandPreparedStatementQuery', handle));
  return [hex(prepared.dataset_schema.subarray(PREFIX_BYTES)), ...told];
}

/** What a door says, or the code of its refusal. */
async function outcome(work: Promise<string[]>): Promise<string[]> {
  try {
    return await work;
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    return [error.code];
  }
}

/** Asks every door. @returns whether the query was answered; a text where doors differ */
async function checkQuery(caller: Caller, sql: string): Promise<boolean | string> {
  const doors = [
    await outcome(toldSchemas(caller, Buffer.from(sql))),
    await outcome(toldSchemas(caller, packMessage('CommandStatementQuery', { query: sql }))),
    await outcome(preparedSchemas(caller, sql)),
    await outcome(sentSchema(caller, Buffer.from(sql)).then((schema) => [schema])),
  ];
  const told = new Set(doors.flat());
  if (told.size === 1) return doors[0]?.length === 3;
  const numbers = doors.map((door) => door.map((schema) => [...told].indexOf(schema).toString()).join(' '));
  return `${sql}\n${numbers.join(' | ')}\n${[...told].join('\n')}`;
}

test('the schema of an answer is the same wherever it is told, and true', async (t) => {
  const engine = await open(temporaryDirectory(t));
  t.after(() => engine.close());
  const caller = callerOf(engine);
  const counts = { asked: 0, answered: 0 };
  const different: string[] = [];
  const check = async (sql: string): Promise<void> => {
    counts.asked++;
    const found = await checkQuery(caller, sql);
    if (typeof found === 'string') different.push(found);
    else if (found) counts.answered++;
  };
  for (const { tables, queries } of sltQueries()) {
    await fillTables(engine, tables);
    for (const sql of queries) await check(sql);
  }
  await fillTables(engine, []);
  await fillOwnTables(engine);
  for (const sql of ownQueries()) await check(sql);
  assert.deepEqual(different, []);
  t.diagnostic(
    `${counts.answered.toString()} of ${counts.asked.toString()} queries answered, the rest refused alike`,
  );
  assert.ok(counts.answered >= QUERIES_MIN, counts.answered.toString());
});

const ADBC = `
import sys, json, adbc_driver_flightsql.dbapi as dbapi
address, queries = sys.argv[1], json.load(sys.stdin)
answered = 0
with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
    for sql in queries:
        try:
            cursor.execute(sql)
        except dbapi.Error as error:
            assert "INVALID_ARGUMENT" in str(error), (sql, error)
            continue
        cursor.fetch_arrow_table()
        answered += 1
print(answered)
`;

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

test('the ADBC driver, which refuses another schema than was promised, reads every answer', { skip }, async (t) => {
  const engine = await open(temporaryDirectory(t));
  const door = await openFlightDoor(engine, { enabled: true, host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await door.close(0);
    await engine.close();
  });
  await fillOwnTables(engine);
  const input = Buffer.from(JSON.stringify(ownQueries()));
  const { status, stdout, stderr } = await runPython(ADBC, [`grpc://${door.address}`], { input });
  assert.equal(status, 0, stderr);
  t.diagnostic(`${stdout.trim()} of ${ownQueries().length.toString()} queries answered`);
  assert.ok(Number(stdout) >= QUERIES_MIN, stdout);
});
