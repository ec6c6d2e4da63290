/**
 * The door before the real engine: what is inserted is durable and exact, what fails leaves nothing, errors are
 * those of the engine.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { open } from '../../src/engine/engine.ts';
import { startHttp } from '../../src/http/server.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Opens engine and door; `stop` ends both, and the test's end does. */
async function serve(context: TestContext, directory: string) {
  const engine = await open(directory);
  const door = await startHttp(engine, { host: '127.0.0.1', port: 0, flightAddress: undefined });
  const ask = async (target: string, body?: string): Promise<{ status: number; text: string }> => {
    const init = body === undefined ? {} : { method: 'POST', body };
    const response = await fetch(`http://${door.address}${target}`, init);
    return { status: response.status, text: await response.text() };
  };
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= door.close(0).then(() => engine.close()));
  context.after(stop);
  return { engine, ask, stop, address: door.address };
}

test('rows from CSV and NDJSON are there after a restart, exact', async (context) => {
  const directory = temporaryDirectory(context);
  const first = await serve(context, directory);
  const csv = 'id,price,at\n9007199254740993,0.1,2024-02-29T13:45:00.000000001Z\n,,\n';
  assert.match(
    (await first.ask('/insert/csv?table=t', csv)).text,
    /^\{"inserted":2,"failed":0,"table":"t","commit":\d+\}\n$/,
  );
  assert.equal((await first.ask('/insert/ndjson?table=t', '{"price":-0.0,"ID":-1}\n')).status, 200);
  await first.stop();
  const second = await serve(context, directory);
  assert.equal(
    (await second.ask('/?format=csv', 'SELECT * FROM t')).text,
    'id,price,at\n9007199254740993,0.1,2024-02-29T13:45:00.000000001Z\n,,\n-1,-0.0,\n',
  );
  assert.equal(
    (await second.ask('/?format=csv', 'SELECT count(*) AS n, sum(id) AS s FROM t')).text,
    'n,s\n3,9007199254740992\n',
  );
  await second.stop();
});

test('an insert that fails in its last line leaves nothing behind', async (context) => {
  const { ask } = await serve(context, temporaryDirectory(context));
  const rows = '1,x\n'.repeat(400_000);
  const failed = await ask('/insert/csv?table=t', `id,name\n${rows}oops,y\n`);
  assert.equal(failed.status, 400);
  assert.match(failed.text, /"line 400002, column 1 \\"id\\": \\"oops\\" is not a value of type int64/);
  const missing = await ask('/', 'SELECT * FROM t');
  assert.equal(missing.status, 400);
  assert.match(missing.text, /"code":"sql_bind","message":"there is no table \\"t\\"/);
});

test('a column that the table lacks is refused before a row is taken', async (context) => {
  const { engine, ask } = await serve(context, temporaryDirectory(context));
  assert.equal((await ask('/', 'CREATE TABLE t (id BIGINT, name VARCHAR)')).status, 200);
  const refused = await ask('/insert/csv?table=t', 'id,nam\n1,x\n');
  assert.deepEqual(
    [refused.status, (JSON.parse(refused.text) as { error: unknown }).error],
    [
      400,
      {
        code: 'schema_mismatch',
        message: 'the stream does not fit table t: column "nam" is not in the table; did you mean "name"?',
      },
    ],
  );
  assert.equal(engine.table('t').rowCount, 0);
  assert.equal(engine.status().putsOpen, 0);
});

test('GET reads and does not write', async (context) => {
  const { engine, ask } = await serve(context, temporaryDirectory(context));
  const refused = await ask(`/?query=${encodeURIComponent('CREATE TABLE t (a INT)')}`);
  assert.equal(refused.status, 405);
  assert.deepEqual(engine.tables(), []);
  assert.equal((await ask(`/?format=csv&query=${encodeURIComponent('SELECT 1 AS one')}`)).text, 'one\n1\n');
});

test('a JSON body gives values to parameters, by place and by name, exact as text', async (context) => {
  const { engine } = await serve(context, temporaryDirectory(context));
  const door = await startHttp(engine, { host: '127.0.0.1', port: 0, flightAddress: undefined });
  context.after(() => door.close(0));
  const post = async (body: unknown): Promise<string> => {
    const headers = { 'Content-Type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    return (await fetch(`http://${door.address}/?format=csv`, init)).text();
  };
  await post({ query: 'CREATE TABLE t (id BIGINT, price DECIMAL(20, 2), day DATE, ok BOOLEAN)' });
  const insert = 'INSERT INTO t VALUES (?, ?, ?, ?)';
  const params = ['9007199254740993', '123456789012345678.05', '2024-02-29', true];
  assert.equal(await post({ query: insert, params }), 'Count\n1\n');
  assert.equal(await post({ query: insert, params: [2, 1.5, null, false] }), 'Count\n1\n');
  assert.equal(
    await post({ query: 'SELECT * FROM t WHERE id > $low AND ok = $ok', params: { low: 2, ok: true } }),
    'id,price,day,ok\n9007199254740993,123456789012345678.05,2024-02-29,true\n',
  );
  const typed = { type: 'BIGINT', value: '9007199254740993' };
  assert.equal(await post({ query: 'SELECT $1 + 1 AS n', params: [typed] }), 'n\n9007199254740994\n');
  for (const [asked, message] of [
    [
      { query: 'SELECT ?', params: [] },
      /"code":"sql_bind","message":"parameter \$1 has no value \(line 1, column 8\)/,
    ],
    [
      { query: 'SELECT ?', params: [[1]] },
      /"code":"request_invalid","message":"parameter \$1: the value is not a number/,
    ],
    [{ query: 'SELECT ?', params: [{ type: 'INT', value: 'x' }] }, /"message":"parameter \$1: cannot cast 'x'/],
    [{ query: 'SELECT ?', params: 7 }, /a JSON body is/],
    [
      { query: 'SELECT ? FROM t WHERE day = $1', params: ['x'] },
      /"value_error","message":"parameter \$1: 'x' cannot/,
    ],
  ] as const) {
    assert.match(await post(asked), message);
  }
});

test('the statements that run are listed, and ended by their numbers', async (context) => {
  const { engine, ask, address } = await serve(context, temporaryDirectory(context));
  const long = 'SELECT count(*) FROM range(3000000) a(x), range(3000000) b(y) WHERE (x * y) % 7 = 3';
  const asked = ask('/', long);
  while (!engine.queries().some(({ state }) => state === 'running')) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { queries } = JSON.parse((await ask('/queries')).text) as { queries: Record<string, unknown>[] };
  assert.equal(queries.length, 1);
  assert.deepEqual([queries[0]?.['id'], queries[0]?.['state'], queries[0]?.['sql']], [1, 'running', long]);
  assert.equal(await remove('/queries/1'), '{"id":1,"cancelled":true}');
  const ended = await asked;
  assert.equal(ended.status, 499);
  assert.match(ended.text, /"code":"cancelled","message":"the statement was cancelled by its number, 1"/u);
  assert.match(await remove('/queries/1'), /"code":"not_found"/u);
  assert.match(await remove('/queries'), /"code":"unimplemented"/u);

  async function remove(target: string): Promise<string> {
    const response = await fetch(`http://${address}${target}`, { method: 'DELETE' });
    return (await response.text()).trim();
  }
});
