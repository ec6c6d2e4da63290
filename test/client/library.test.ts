/**
 * Goal: what docs/client.md says of `sheaf/client` holds against the real server: answers in three forms, parameters,
 * writes, ingest of every kind of source, errors with code and position, cancelling, coming back after a restart.
 *
 * Method: the server in a child process; its metrics tell what it does.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Table, Utf8, tableFromArrays, tableFromIPC, tableToIPC, vectorFromArray } from 'apache-arrow';
import { EngineError, connect } from '../../src/client/library.ts';
import type { Client, Result } from '../../src/client/library.ts';
import { startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunningSheaf } from '../support/sheaf-process.ts';

async function open(t: TestContext): Promise<{ readonly client: Client; readonly server: RunningSheaf }> {
  const server = await startSheaf(t, ['--data-dir', temporaryDirectory(t)]);
  const client = await connect(`grpc://${server.flight}`);
  t.after(() => {
    client.close();
  });
  return { client, server };
}

async function rowsOf(result: Result | Promise<Result>): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const row of (await result).rows()) rows.push(row);
  return rows;
}

async function failureOf(work: Promise<unknown>): Promise<EngineError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof EngineError, String(error));
  return error;
}

async function metric(server: RunningSheaf, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** Waits until `isTrue`; fails after 10 s. */
async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!(await isTrue())) {
    assert.ok(performance.now() < endMs, 'not within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('an answer is read as batches, as a table or as objects, once', async (t) => {
  const { client } = await open(t);
  const sql = 'SELECT range AS id, range * 0.5 AS half FROM range(200000)';
  let count = 0;
  const sizes: number[] = [];
  const result = await client.query(sql);
  assert.deepEqual(result.columns[0], { name: 'id', type: 'int64', nullable: false });
  for await (const batch of result) {
    assert.equal(batch.getChild('id')?.get(0), BigInt(count));
    count += batch.numRows;
    sizes.push(batch.numRows);
  }
  assert.equal(count, 200_000);
  assert.ok(sizes.length > 3 && Math.max(...sizes) <= 65_536);
  const table = await (await client.query(sql)).table();
  assert.equal(table.numRows, 200_000);
  const again = await failureOf(result.table());
  assert.deepEqual([again.code, again.retryable], ['request_invalid', false]);
  assert.equal((await (await client.query('SELECT 1 AS a WHERE false')).table()).schema.fields[0]?.name, 'a');
});

test('rows are objects with exact values', async (t) => {
  const { client } = await open(t);
  const sql = `SELECT 9007199254740993::BIGINT AS big, 1.50::DECIMAL(10, 2) AS money, NULL::INTEGER AS nothing,
    TIMESTAMP '2024-01-01 00:00:00.123456' AS at, {'a': 1, 'b': [{'c': 2}]} AS nested, 'ü' AS text,
    MAP {'k': {'v': 1}} AS pairs`;
  assert.deepEqual(await rowsOf(client.query(sql)), [
    {
      big: 9_007_199_254_740_993n,
      money: '1.50',
      nothing: null,
      at: 1_704_067_200_123_456n,
      nested: { a: 1, b: [{ c: 2 }] },
      text: 'ü',
      pairs: new Map([['k', { v: 1 }]]),
    },
  ]);
});

test('values of parameters are given by place or by name', async (t) => {
  const { client } = await open(t);
  const values = [7, 2.5, 'x', true, null, 123_456_789_012_345_678_901n, new Date(86_400_000)];
  const [row] = await rowsOf(
    client.query('SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e, ? AS f, ?::DATE AS g', { parameters: values }),
  );
  assert.deepEqual(
    { ...row, a: Number(row?.['a']) },
    {
      a: 7,
      b: 2.5,
      c: 'x',
      d: true,
      e: null,
      f: '123456789012345678901',
      g: 1,
    },
  );
  const named = { parameters: { lo: 3, $hi: '5' } };
  const range = 'SELECT range AS r FROM range(10) WHERE range >= $lo AND range < $hi';
  assert.deepEqual(await rowsOf(client.query(range, named)), [{ r: 3n }, { r: 4n }]);
  const missing = await failureOf(client.query(range, { parameters: { lo: 3 } }));
  assert.equal(missing.message, 'parameter $hi has no value; give one for each parameter');
  const surplus = await failureOf(client.query('SELECT $lo', { parameters: { lo: 3, low: 4 } }));
  assert.match(surplus.message, /parameter \$low, which the statement does not have/);
});

test('writes run once and tell the rows that they changed', async (t) => {
  const { client } = await open(t);
  assert.equal(await client.execute('CREATE TABLE t (a BIGINT, b VARCHAR)'), 0);
  assert.equal(await client.execute("INSERT INTO t VALUES (1, 'x'), (2, 'y')"), 2);
  assert.equal(await client.execute('UPDATE t SET b = ? WHERE a = ?', { parameters: ['z', 2] }), 1);
  const returned = client.query('INSERT INTO t VALUES (3, NULL) RETURNING a * 10 AS ten', { returning: true });
  assert.deepEqual(await rowsOf(returned), [{ ten: 30n }]);
  assert.deepEqual(await rowsOf(client.query('SELECT b FROM t ORDER BY a')), [{ b: 'x' }, { b: 'z' }, { b: null }]);
  const refused = await failureOf(client.query("INSERT INTO t VALUES (4, 'w')"));
  assert.equal(refused.code, 'request_invalid');
  assert.equal(await client.execute('DELETE FROM t'), 3);
});

test('a prepared statement runs many times, also several at once and after a restart', async (t) => {
  const directory = temporaryDirectory(t);
  let server = await startSheaf(t, ['--data-dir', directory]);
  const port = server.flight.split(':').at(-1) ?? '';
  const client = await connect(`grpc://${server.flight}`);
  t.after(() => {
    client.close();
  });
  await client.execute('CREATE TABLE t (a BIGINT)');
  const insert = await client.prepare('INSERT INTO t VALUES (?)');
  assert.deepEqual(insert.parameters, [{ name: '1', type: 'int64', nullable: true }]);
  assert.equal(await insert.execute([1]), 1);
  assert.equal(await insert.executeRows(tableFromArrays({ x: BigInt64Array.of(2n, 3n) })), 2);
  const select = await client.prepare('SELECT $x * 2 AS y, count(*) AS n FROM t');
  const all = await Promise.all(Array.from({ length: 20 }, (_, x) => rowsOf(select.query({ x }))));
  assert.deepEqual(
    all.map(([row]) => Number(row?.['y'])),
    Array.from({ length: 20 }, (_, x) => 2 * x),
  );
  await server.stop('SIGKILL');
  server = await startSheaf(t, ['--data-dir', directory, '--flight-port', port]);
  await until(() =>
    select
      .query({ x: 4 })
      .then(rowsOf)
      .then(
        ([row]) => row?.['n'] === 3n,
        () => false,
      ),
  );
  assert.equal(await insert.execute([4]), 1);
  await insert.close();
});

test('errors have the code, the position, and whether to try again', async (t) => {
  const { client, server } = await open(t);
  const bind = await failureOf(client.query('SELECT 1 AS a,\n  prise FROM range(3)'));
  assert.deepEqual([bind.code, bind.retryable], ['sql_bind', false]);
  assert.deepEqual(bind.position, { start: 17, end: 22, line: 2, column: 3 });
  assert.match(bind.message, /^column "prise" is not in /);
  assert.equal((await failureOf(client.execute('SELEC 1'))).code, 'sql_syntax');
  assert.equal((await failureOf(client.prepare('SELEC 1'))).code, 'sql_syntax');
  const late = await client.query(
    "SELECT CAST(range::VARCHAR || CASE WHEN range > 150000 THEN 'x' ELSE '' END AS BIGINT) FROM range(200000)",
  );
  assert.equal((await failureOf(late.table())).code, 'value_error');
  const slow = 'SELECT count(*) FROM range(100000000) a, range(1000) b WHERE (a.range + b.range) % 7 = 3';
  assert.equal((await failureOf(client.query(slow, { deadlineMs: 200 }).then(rowsOf))).code, 'deadline');
  await server.stop('SIGKILL');
  const gone = await failureOf(client.query('SELECT 1'));
  assert.deepEqual([gone.code, gone.retryable], ['io_error', true]);
  const nobody = await failureOf(connect('grpc://127.0.0.1:9'));
  assert.match(nobody.message, /^no server answers at grpc:\/\/127\.0\.0\.1:9: /);
  assert.equal((await failureOf(connect('http://127.0.0.1:9'))).code, 'request_invalid');
});

test('an aborted signal, a loop that is left and close end the work of the server', async (t) => {
  const { client, server } = await open(t);
  const running = (): Promise<number> => metric(server, 'sheaf_flight_calls_open');
  const slow = 'SELECT count(*) FROM range(100000000) a, range(1000) b WHERE (a.range + b.range) % 7 = 3';
  const controller = new AbortController();
  const work = failureOf(client.query(slow, { signal: controller.signal }).then(rowsOf));
  await until(async () => (await running()) === 1);
  controller.abort(new Error('enough'));
  const error = await work;
  assert.deepEqual([error.code, (error.cause as Error).message], ['cancelled', 'enough']);
  await until(async () => (await running()) === 0);
  assert.ok((await metric(server, 'sheaf_flight_cancelled_total')) >= 1);
  assert.equal((await failureOf(client.query('SELECT 1', { signal: controller.signal }))).code, 'cancelled');

  for await (const batch of await client.query('SELECT range FROM range(10000000000)')) {
    assert.ok(batch.numRows > 0);
    break;
  }
  await until(async () => (await running()) === 0);
  await (await client.query('SELECT range FROM range(10000000000)')).close();
  await until(async () => (await running()) === 0);
  for await (const row of (await client.query('SELECT range FROM range(10000000000)')).rows()) {
    assert.deepEqual(row, { range: 0n });
    break;
  }
  await until(async () => (await running()) === 0);
});

test('tables, batches, IPC bytes and objects are ingested', async (t) => {
  const { client } = await open(t);
  const table = new Table({
    id: vectorFromArray([1n, 2n, 3n]),
    name: vectorFromArray(['a', 'b', null], new Utf8()),
    kind: vectorFromArray(['x', 'y', 'x']),
  });
  assert.equal(await client.ingest('t', table), 3);
  assert.equal(await client.ingest('t', tableToIPC(table, 'stream')), 3);
  const batches = tableFromIPC(tableToIPC(table, 'stream')).batches;
  assert.equal(await client.ingest('t', [...batches, ...batches]), 6);
  const result = await client.query('SELECT * FROM t');
  assert.equal(await client.ingest('copy', result), 12);
  assert.equal(await client.ingest('t', [{ id: 4, name: 'd' }, { id: 5n }]), 2);
  assert.equal(await client.ingest('t', table.slice(0, 0)), 0);
  const sql = 'SELECT id, name, kind, count(*) AS n FROM t GROUP BY ALL ORDER BY id';
  assert.deepEqual(await rowsOf(client.query(sql)), [
    { id: 1n, name: 'a', kind: 'x', n: 4n },
    { id: 2n, name: 'b', kind: 'y', n: 4n },
    { id: 3n, name: null, kind: 'x', n: 4n },
    { id: 4n, name: 'd', kind: null, n: 1n },
    { id: 5n, name: null, kind: null, n: 1n },
  ]);
});

test('objects make a table by the types of their values', async (t) => {
  const { client } = await open(t);
  async function* rows(): AsyncGenerator<Record<string, unknown>> {
    for (let i = 0; i < 20_000; i++) {
      yield await Promise.resolve({ n: i, b: BigInt(i), s: `row ${i.toString()}`, ok: i % 2 === 0, at: new Date(i) });
    }
  }
  assert.equal(await client.ingest('made', rows()), 20_000);
  const [last] = await rowsOf(client.query('SELECT * FROM made ORDER BY n DESC LIMIT 1'));
  assert.deepEqual(last, { n: 19_999, b: 19_999n, s: 'row 19999', ok: false, at: 19_999n });
  const wrong = await failureOf(client.ingest('made', [{ n: 1 }, { n: 'two' }]));
  assert.deepEqual(
    [wrong.code, wrong.message],
    ['value_error', 'row 2, column "n": two is not a value of type double'],
  );
  const mixed = await failureOf(client.ingest('other', [{ n: 1 }, { n: 'two' }]));
  assert.match(mixed.message, /^column "n" holds a string among other values; make the table first/);
  assert.match((await failureOf(client.ingest('other', [{ n: null }]))).message, /^column "n" has only nulls/);
  const surplus = await failureOf(client.ingest('made', [{ n: 1 }, { n: 2, m: 3 }].values()));
  assert.equal(surplus.code, 'schema_mismatch');
  assert.deepEqual(await rowsOf(client.query('SELECT count(*) AS n FROM made')), [{ n: 20_000n }]);
});

test('the mode says what becomes of the table, and an ingest that fails leaves nothing', async (t) => {
  const { client } = await open(t);
  const one = tableFromArrays({ x: Int32Array.of(1) });
  assert.equal((await failureOf(client.ingest('t', one, { mode: 'append' }))).code, 'not_found');
  assert.equal(await client.ingest('t', one, { mode: 'create' }), 1);
  assert.equal((await failureOf(client.ingest('t', one, { mode: 'create' }))).code, 'already_exists');
  assert.equal(await client.ingest('t', one, { mode: 'append' }), 1);
  assert.equal(await client.ingest('t', one, { mode: 'replace' }), 1);
  const [batch] = one.batches;
  async function* failing(): AsyncGenerator<NonNullable<typeof batch>> {
    for (let i = 0; i < 5 && batch !== undefined; i++) yield await Promise.resolve(batch);
    throw new Error('the source has ended badly');
  }
  await assert.rejects(client.ingest('t', failing()), /the source has ended badly/);
  const controller = new AbortController();
  async function* endless(): AsyncGenerator<NonNullable<typeof batch>> {
    for (let i = 0; batch !== undefined; i++) {
      if (i === 100) controller.abort();
      yield await Promise.resolve(batch);
    }
  }
  const given = await failureOf(client.ingest('t', endless(), { signal: controller.signal }));
  assert.equal(given.code, 'cancelled');
  const other = tableFromArrays({ y: Int32Array.of(1) });
  assert.equal((await failureOf(client.ingest('t', other))).code, 'schema_mismatch');
  assert.deepEqual(await rowsOf(client.query('SELECT count(*) AS n FROM t')), [{ n: 1n }]);
});
