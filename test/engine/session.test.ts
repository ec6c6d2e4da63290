/**
 * Sessions: SET holds for who has it set, for all statements that follow, and for nobody else.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import { open, Session } from '../../src/engine/engine.ts';
import { open as openDatabase } from '../../src/engine/library.ts';
import type { StatementOptions } from '../../src/engine/contract.ts';
import { rowsOf } from '../support/sample.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Run = (sql: string, options?: StatementOptions) => Promise<unknown[][]>;

async function openEngine(t: TestContext): Promise<Run> {
  const engine = await open(temporaryDirectory(t));
  t.after(() => engine.close());
  return async (sql, options) => rowsOf((await engine.query(sql, options)).batches());
}

test('SET holds for the statements of its session, those that write too, until RESET', async (t) => {
  const run = await openEngine(t);
  const [mine, other] = [new Session(), new Session()];
  assert.deepEqual(await run('SET integer_division = true', { session: mine }), [['set integer_division to true']]);
  assert.deepEqual(await run('SELECT 7 / 2', { session: mine }), [[3]]);
  assert.deepEqual(await run('SELECT 7 / 2', { session: other }), [[3.5]]);
  assert.deepEqual(await run('SELECT 7 / 2'), [[3.5]]);
  await run('CREATE TABLE t AS SELECT 7 / 2 AS x', { session: mine });
  await run('INSERT INTO t VALUES (9 / 2)', { session: mine });
  await run('UPDATE t SET x = x / 2 WHERE x = 9 / 2', { session: mine });
  await run('DELETE FROM t WHERE x = 7 / 2', { session: mine });
  assert.deepEqual(await run('FROM t'), [[2]]);
  await run('RESET integer_division', { session: mine });
  assert.deepEqual(await run('SELECT 7 / 2', { session: mine }), [[3.5]]);
});

test('SET without a session is refused, and changes nothing', async (t) => {
  const run = await openEngine(t);
  const isRefusal = (error: unknown): boolean =>
    error instanceof EngineError &&
    error.code === 'request_invalid' &&
    error.message ===
      'SET needs a session, and this door keeps none; sessions are kept over Flight, and in an embedded database';
  await assert.rejects(run('SET integer_division = true'), isRefusal);
  await assert.rejects(run('RESET threads', { readOnly: true }), isRefusal);
  assert.deepEqual(await run('SELECT 7 / 2'), [[3.5]]);
});

test('memory_limit bounds what the operators of a statement hold', async (t) => {
  const run = await openEngine(t);
  const session = new Session();
  await run("SET memory_limit = '1KB'", { session });
  await run('CREATE TABLE t AS SELECT 1 AS a', { session });
  for (let i = 0; i < 10; i++) await run('INSERT INTO t FROM t');
  await assert.rejects(
    run('FROM t ORDER BY a DESC', { session }),
    (error: unknown) => error instanceof EngineError && error.code === 'limit_exceeded',
  );
  assert.equal((await run('FROM t ORDER BY a DESC')).length, 1024);
});

test('a database that is opened as a library has a session of its own', async (t) => {
  const database = await openDatabase(temporaryDirectory(t));
  t.after(() => database.close());
  await database.query('SET integer_division = true');
  assert.deepEqual(
    (await database.query('SELECT 7 / 2 AS x')).toArray().map((row) => Number(row['x'])),
    [3],
  );
});
