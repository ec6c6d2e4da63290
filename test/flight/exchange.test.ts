/**
 * Goal: a query over the rows that come with it, and nothing else: what is refused, what is held, and what is left.
 *
 * Method: the real engine and door; raw streams that no well-behaved client sends.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { encodeSchema } from '../../src/arrow/ipc-schema.ts';
import { encodeBatch } from '../../src/arrow/ipc-write.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { packMessage } from '../../src/flight/message.ts';
import type { LaneKind } from '../../src/flight/lane.ts';
import { dataFields, field, pathField, readAll } from '../support/flight-client.ts';
import { FlightCaller, descriptorOf, rowsIn, rowsOfStatement, serveFlight } from '../support/flight-server.ts';
import { INT64, UTF8, batchOf, schemaOf } from '../support/sample.ts';

const SCHEMA = schemaOf({ id: INT64, name: UTF8 });

function dataOf(rows: readonly (readonly [number, string | null])[]): Buffer {
  const batch = batchOf(SCHEMA, [rows.map(([id]) => id), rows.map(([, name]) => name)]);
  const { header, body } = encodeBatch(batch);
  return dataFields(header, body);
}

interface Exchange {
  readonly engine: Engine;
  readonly caller: FlightCaller;
  /** Sends `messages`, ends, and answers the rows. @throws the status */
  readonly exchange: (...messages: readonly Buffer[]) => Promise<unknown[][]>;
}

async function serve(t: TestContext, lane: LaneKind = 'direct'): Promise<Exchange> {
  const { engine, address } = await serveFlight(t, { lane });
  const caller = new FlightCaller(t, address);
  const exchange = async (...messages: readonly Buffer[]): Promise<unknown[][]> => {
    const call = caller.client.stream('DoExchange', caller.cookie === undefined ? {} : { cookie: caller.cookie });
    const all = readAll(call);
    for (const message of messages) call.write(message);
    call.end();
    const { messages: answers, ending } = await all;
    if (ending.grpc !== 0) throw new Error(ending.details);
    return rowsIn(answers);
  };
  return { engine, caller, exchange };
}

const query = (sql: string): Buffer => field(1, descriptorOf(Buffer.from(sql)));
const schema = dataFields(encodeSchema(SCHEMA).header, []);
const some = dataOf([
  [1, 'ann'],
  [2, null],
]);
const more = dataOf([[3, 'cid']]);

for (const lane of ['direct', 'messages'] as const) {
  test(`the stream is the table input, beside those of the database (${lane})`, async (t) => {
    const { engine, exchange } = await serve(t, lane);
    await rowsOfStatement(engine, 'CREATE TABLE t AS SELECT 2 AS id, 40 AS age UNION ALL SELECT 3, 50');
    const rows = [
      [1n, 'ann'],
      [2n, null],
      [3n, 'cid'],
    ];
    assert.deepEqual(await exchange(Buffer.concat([query('FROM input'), schema]), some, more), rows);
    assert.deepEqual(await exchange(query('SELECT count(*), max(Name) FROM INPUT'), schema, some, more), [
      [3n, 'cid'],
    ]);
    const join =
      'SELECT input.id, age FROM input JOIN t USING (id) WHERE input.id IN (SELECT id FROM input) ORDER BY id';
    assert.deepEqual(await exchange(query(join), schema, some, more), [
      [2n, 40],
      [3n, 50],
    ]);
    assert.deepEqual(await exchange(query('FROM input'), schema), []);
    assert.deepEqual(await exchange(query('SELECT 7')), [[7]]);
    assert.equal(engine.status().queriesRunning, 0);
  });
}

test('it hides a table and a view of its name for this query alone, and settings of the session hold', async (t) => {
  const { engine, caller, exchange } = await serve(t);
  await rowsOfStatement(engine, "CREATE VIEW input AS SELECT 'view' AS id");
  assert.deepEqual(await exchange(query('SELECT id FROM input'), schema, more), [[3n]]);
  assert.deepEqual(await caller.rows('SELECT id FROM input'), [['view']]);
  // The same text is planned anew for rows of another schema.
  const other = schemaOf({ id: UTF8 });
  const { header, body } = encodeBatch(batchOf(other, [['x']]));
  const sent = [dataFields(encodeSchema(other).header, []), dataFields(header, body)];
  assert.deepEqual(await exchange(query('SELECT id FROM input'), ...sent), [['x']]);
  await caller.act('GetSessionOptions');
  await caller.rows('SELECT 1');
  caller.cookie = 'arrow_flight_session_id=new';
  const half = query('SELECT id / 2 FROM input');
  assert.deepEqual(await exchange(half, schema, more), [[1.5]]);
  const call = await caller.call('DoGet', field(1, Buffer.from('SET integer_division = true')));
  caller.cookie = call.cookies[0];
  assert.deepEqual(await exchange(half, schema, more), [[1n]]);
});

test('it only reads, and says what is wrong with a stream', async (t) => {
  const { engine, exchange } = await serve(t);
  await rowsOfStatement(engine, 'CREATE TABLE t (id BIGINT, name VARCHAR)');
  const rejects = (message: string, ...messages: readonly Buffer[]): Promise<void> =>
    assert.rejects(exchange(...messages), (error: Error) => {
      assert.equal(error.message.slice(0, message.length), message);
      return true;
    });
  const first = 'its first message must have a command descriptor with the SQL text';
  await rejects(
    'request_invalid: INSERT writes, and this door only reads',
    query('INSERT INTO t FROM input'),
    schema,
    some,
  );
  await rejects(`request_invalid: the exchange's stream is empty; ${first}`);
  await rejects(`request_invalid: the exchange's first message has no descriptor; ${first}`, schema, some);
  await rejects(`request_invalid: the exchange's descriptor is a path; ${first}`, pathField('t'), schema);
  const packed = field(1, descriptorOf(packMessage('CommandStatementQuery', { query: 'SELECT 1' })));
  await rejects(`request_invalid: the exchange's descriptor is CommandStatementQuery; ${first}`, packed);
  await rejects('sql_bind: there is no table "input"', query('FROM input'));
  await rejects('sql_bind: column "nome" is not in table input', query('SELECT nome FROM input'), schema, some);
  await rejects('request_invalid: ', query('FROM input'), schema, field(2, Buffer.alloc(64, 7)), some);
  await rejects('value_error: ', query('SELECT (id * 1000)::TINYINT FROM input'), schema, some);
  assert.equal(engine.status().queriesRunning, 0);
  assert.equal(engine.table('t').rowCount, 0);
});

test('a client that leaves before it ended its stream leaves nothing', async (t) => {
  const { engine, caller } = await serve(t);
  const call = caller.client.stream('DoExchange');
  call.on('error', () => undefined);
  call.write(Buffer.concat([query('FROM input'), schema]));
  await new Promise<void>((resolve) => {
    call.write(some, () => {
      resolve();
    });
  });
  call.cancel();
  const { ending } = await readAll(call);
  assert.equal(ending.grpc, 1);
  assert.equal(engine.status().queriesRunning, 0);
});
