/**
 * The engine as doors see it: statements, puts, promises and tickets, on a real directory.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { BATCH_ROWS_MAX, TICKET_LIFE_MS } from '../../src/base/limits.ts';
import { open } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { FLOAT64, INT32, INT64, UTF8, batchOf, rowsOf, schemaOf } from '../support/sample.ts';

const TRADES = schemaOf({ symbol: UTF8, price: FLOAT64, volume: INT64 });

async function openTemporary(t: TestContext, options: Parameters<typeof open>[1] = {}): Promise<Engine> {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-engine-'));
  const engine = await open(directory, options);
  t.after(async () => {
    await engine.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return engine;
}

async function putTrades(
  engine: Engine,
  rows: readonly (readonly [string | null, number | null, number | null])[],
): Promise<void> {
  const put = await engine.beginPut('trades', TRADES);
  await put.write(batchOf(TRADES, [rows.map((row) => row[0]), rows.map((row) => row[1]), rows.map((row) => row[2])]));
  await put.commit();
}

async function select(engine: Engine, sql: string): Promise<unknown[][]> {
  return rowsOf((await engine.query(sql)).batches());
}

test('rows put are there for queries, and a put that is not committed is not', async (t) => {
  const engine = await openTemporary(t);
  await putTrades(engine, [
    ['a', 1.5, 10],
    ['b', null, 20],
    ['a', 2.5, null],
  ]);
  const open = await engine.beginPut('trades', TRADES);
  await open.write(batchOf(TRADES, [['z'], [0], [0]]));
  assert.deepEqual(await select(engine, 'SELECT * FROM trades'), [
    ['a', 1.5, 10n],
    ['b', null, 20n],
    ['a', 2.5, null],
  ]);
  await open.abort();
  assert.deepEqual(
    await select(engine, 'SELECT symbol, count(*), sum(volume) FROM trades GROUP BY symbol ORDER BY symbol'),
    [
      ['a', 2n, 10n],
      ['b', 1n, 20n],
    ],
  );
});

test('statements that write run once, and are refused where only reading is allowed', async (t) => {
  const engine = await openTemporary(t);
  assert.deepEqual(await select(engine, 'CREATE TABLE t (x BIGINT NOT NULL, y TEXT)'), [['created table t']]);
  assert.deepEqual(await select(engine, 'CREATE TABLE IF NOT EXISTS t (x BIGINT)'), [['table t exists']]);
  await assert.rejects(engine.query('CREATE TABLE T (x BIGINT)'), { code: 'already_exists' });
  await assert.rejects(engine.query(' DROP TABLE t', { readOnly: true }), {
    code: 'request_invalid',
    message:
      'DROP TABLE writes, and this door only reads; send it by HTTP POST /query, the sheaf query command, or a Flight action',
    position: { start: 1, end: 11, line: 1, column: 2 },
  });
  await assert.rejects(engine.promise('DROP TABLE t'), { code: 'request_invalid' });
  assert.equal(engine.table('t').schema.fields[0]?.nullable, false);
  assert.deepEqual(await select(engine, 'DROP TABLE t'), [['dropped table t']]);
  assert.deepEqual(await select(engine, 'DROP TABLE IF EXISTS t'), [['no table t']]);
  assert.equal(engine.status().queriesRunning, 0);
});

test('an unknown table is named with the nearest one', async (t) => {
  const engine = await openTemporary(t);
  await putTrades(engine, []);
  assert.throws(() => engine.table('trade'), {
    code: 'not_found',
    message: 'there is no table "trade"; did you mean "trades"?',
  });
  await assert.rejects(engine.promiseTable('quotes'), {
    code: 'not_found',
    message: 'there is no table "quotes"; SHOW TABLES lists what there is',
  });
});

test('a ticket answers its snapshot, whatever is put or dropped afterwards', async (t) => {
  const engine = await openTemporary(t);
  await putTrades(engine, [['a', 1, 1]]);
  const whole = await engine.promiseTable('TRADES');
  const filtered = await engine.promise('SELECT volume FROM trades WHERE price < 100');
  assert.deepEqual([whole.rowCount, filtered.rowCount], [1, 1]);
  await putTrades(engine, [['b', 2, 2]]);
  await engine.dropTable('trades');
  await putTrades(engine, [['c', 3, 3]]);
  assert.deepEqual(await rowsOf((await engine.redeem(whole.ticket)).batches()), [['a', 1, 1n]]);
  for (let again = 0; again < 2; again++) {
    assert.deepEqual(await rowsOf((await engine.redeem(filtered.ticket)).batches()), [[1n]]);
  }
});

test('a ticket outlives a restart, and its result is made again', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-engine-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const first = await open(directory);
  await putTrades(first, [['a', 1, 1]]);
  const promised = await first.promise('SELECT symbol FROM trades WHERE volume = 1');
  await putTrades(first, [['b', 1, 1]]);
  await first.close();
  const second = await open(directory);
  t.after(() => second.close());
  assert.deepEqual(await rowsOf((await second.redeem(promised.ticket)).batches()), [['a']]);
});

test('a cancelled ticket ends what runs for it and is refused from then on', async (t) => {
  const engine = await openTemporary(t);
  await putTrades(engine, [['a', 1, 1]]);
  await engine.seal();
  await putTrades(engine, [['b', 2, 2]]);
  for (const promised of [
    await engine.promiseTable('trades'),
    await engine.promise('SELECT symbol FROM trades WHERE price < 9'),
  ]) {
    const result = await engine.redeem(promised.ticket);
    const batches = result.batches()[Symbol.asyncIterator]();
    await engine.cancel(promised.ticket);
    await assert.rejects(async () => batches.next(), { code: 'cancelled', message: 'the query was cancelled' });
    await assert.rejects(engine.redeem(promised.ticket), {
      code: 'cancelled',
      message: 'the ticket was cancelled; ask GetFlightInfo for a new one',
    });
  }
  assert.equal(engine.status().queriesRunning, 0);
  assert.equal((await engine.promiseTable('trades')).rowCount, 2);
  await assert.rejects(engine.cancel(Buffer.from('SELECT 1')), { code: 'request_invalid' });
});

test('a ticket expires', async (t) => {
  let nowMs = Date.now();
  const engine = await openTemporary(t, { clock: { wallMs: () => nowMs, monotonicMs: () => performance.now() } });
  const { ticket, expiresAtMs } = await engine.promise('SELECT 1');
  assert.equal(expiresAtMs, nowMs + TICKET_LIFE_MS);
  nowMs = expiresAtMs;
  await assert.rejects(engine.redeem(ticket), { code: 'request_invalid', message: /^the ticket expired at / });
});

test('now() of a ticket is the moment of its promise, also when it runs again after a restart', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-engine-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  let nowMs = Date.UTC(2024, 1, 29, 12, 34, 56, 789);
  const clock = { wallMs: () => nowMs, monotonicMs: () => performance.now() };
  const first = await open(directory, { clock });
  const promised = await first.promise("SELECT epoch_ms(now()) AS at, current_date - DATE '1970-01-01' AS day");
  await first.close();
  nowMs += 60_000;
  const second = await open(directory, { clock });
  t.after(() => second.close());
  assert.deepEqual(await rowsOf((await second.redeem(promised.ticket)).batches()), [[1_709_210_096_789n, 19_782n]]);
  const later = await second.query('SELECT epoch_ms(now())');
  assert.deepEqual(await rowsOf(later.batches()), [[1_709_210_156_789n]]);
});

test('counts are promised exactly, and a large result is kept on disk', async (t) => {
  const engine = await openTemporary(t);
  const schema = schemaOf({ x: INT64, y: FLOAT64 });
  const put = await engine.beginPut('numbers', schema);
  const rows = BATCH_ROWS_MAX;
  for (let i = 0; i < 24; i++) {
    const values = Array.from({ length: rows }, (_, row) => i * rows + row);
    await put.write(batchOf(schema, [values, values]));
  }
  await put.commit();
  assert.equal((await engine.promise('SELECT x FROM numbers LIMIT 100 OFFSET 24')).rowCount, 100);
  assert.equal((await engine.promise('SELECT x + 1 FROM numbers')).rowCount, 24 * rows);
  const promised = await engine.promise('SELECT x, y FROM numbers WHERE x >= 10');
  assert.equal(promised.rowCount, 24 * rows - 10);
  const result = await engine.redeem(promised.ticket);
  assert.equal(result.rowCount, 24 * rows - 10);
  let next = 10n;
  for await (const batch of result.batches()) {
    for (const [x] of await rowsOf(single(batch.batch()))) assert.equal(x, next++);
  }
  assert.equal(next, BigInt(24 * rows));
});

test('a promise of random numbers is kept, so that it answers the same again', async (t) => {
  const engine = await openTemporary(t);
  const promised = await engine.promise('SELECT random() AS r FROM range(3)');
  const answers: unknown[] = [];
  for (let k = 0; k < 2; k++) {
    const result = await engine.redeem(promised.ticket);
    for await (const batch of result.batches()) answers.push(await rowsOf(single(batch.batch())));
  }
  assert.equal(answers.length, 2);
  assert.deepEqual(answers[0], answers[1]);
});

async function* single<T>(value: T): AsyncGenerator<T> {
  yield await Promise.resolve(value);
}

test('a put is fitted to the table by column name', async (t) => {
  const engine = await openTemporary(t);
  await putTrades(engine, [['a', 1, 1]]);
  const other = schemaOf({ VOLUME: INT32, symbol: { id: 'large_utf8' } });
  const put = await engine.beginPut('trades', other);
  const offsets = new Uint8Array(BigInt64Array.of(0n, 2n).buffer);
  const symbol = { ...batchOf(schemaOf({ s: UTF8 }), [['xy']]).columns[0] };
  await put.write({
    schema: other,
    rowCount: 1,
    columns: [
      ...batchOf(schemaOf({ v: INT32 }), [[7]]).columns,
      {
        type: { id: 'large_utf8' },
        length: 1,
        nullCount: 0,
        buffers: [new Uint8Array(0), offsets, symbol.buffers?.[2] ?? new Uint8Array(0)],
        children: [],
        dictionary: undefined,
      },
    ],
  });
  await put.commit();
  assert.deepEqual(await select(engine, 'SELECT * FROM trades'), [
    ['a', 1, 1n],
    ['xy', null, 7n],
  ]);
});

test('a put that does not fit is refused with every column at fault', async (t) => {
  const engine = await openTemporary(t);
  await putTrades(engine, [['a', 1, 1]]);
  await assert.rejects(engine.beginPut('trades', schemaOf({ symbol: INT64, prise: FLOAT64 })), {
    code: 'schema_mismatch',
    message:
      'the stream does not fit table trades: column "symbol" is string, the stream sends int64; ' +
      'column "prise" is not in the table; did you mean "price"?',
  });
  const strict = makeSchema([makeField('x', INT64, false)]);
  await engine.createTable('strict', strict);
  const put = await engine.beginPut('strict', schemaOf({ x: INT64 }));
  await assert.rejects(put.write(batchOf(schemaOf({ x: INT64 }), [[1, null]])), {
    code: 'schema_mismatch',
    message: 'column "x" of table strict is NOT NULL, and a batch brings 1 null',
  });
  await put.abort();
  await assert.rejects(engine.beginPut('strict', schemaOf({ y: INT64 })), {
    message:
      'the stream does not fit table strict: column "x" is NOT NULL and missing; column "y" is not in the table',
  });
  assert.equal(engine.status().putsOpen, 0);
});

test('names that cannot be a table are refused, each with its reason', async (t) => {
  const engine = await openTemporary(t);
  const cases: readonly (readonly [string, string])[] = [
    ['', '"" cannot name a table: the name is empty'],
    ['../x', '"../x" cannot name a table: it holds "/"; use letters, digits, spaces and punctuation but / and \\'],
    [
      'a\0b',
      '"a\\u0000b" cannot name a table: it holds "\\u0000"; use letters, digits, spaces and punctuation but / and \\',
    ],
    ['..', '".." cannot name a table: it would be read as a directory'],
    [' a', '" a" cannot name a table: it begins or ends with white space'],
  ];
  for (const [name, message] of cases) {
    await assert.rejects(engine.beginPut(name, TRADES), { code: 'request_invalid', message });
  }
  await assert.rejects(engine.beginPut('t', schemaOf({ a: INT64, A: INT64 })), {
    code: 'request_invalid',
    message: 'table t would have columns "a" and "A"; names are compared without regard to case, rename one',
  });
});

test('a drained engine refuses new work and keeps what runs', async (t) => {
  const engine = await openTemporary(t);
  await putTrades(engine, [['a', 1, 1]]);
  const result = await engine.query('SELECT * FROM trades');
  const drained = engine.drain(60_000);
  await assert.rejects(engine.query('SELECT 1'), { code: 'draining' });
  await assert.rejects(engine.beginPut('trades', TRADES), { code: 'draining' });
  assert.equal((await rowsOf(result.batches())).length, 1);
  await drained;
});

test('a cancelled query ends with cancelled and gives its permit back', async (t) => {
  const engine = await openTemporary(t);
  await putTrades(engine, [['a', 1, 1]]);
  const controller = new AbortController();
  const result = await engine.query('SELECT * FROM trades', { signal: controller.signal });
  controller.abort();
  await assert.rejects(rowsOf(result.batches()), { code: 'cancelled', message: 'the query was cancelled' });
  assert.equal(engine.status().queriesRunning, 0);
});
