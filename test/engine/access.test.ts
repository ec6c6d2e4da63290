/**
 * Rights hold however a statement reaches a table: through joins, subqueries, WITH, views, tickets, prepared
 * statements, lists of tables and hints, and for each form that changes something.
 *
 * Method: one database, four principals; each statement form is run as each of them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { open } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { Rights } from '../../src/engine/rights.ts';
import type { Role } from '../../src/engine/rights.ts';
import { refusal } from '../support/refusal.ts';
import { INT64, batchOf, rowsOf, schemaOf } from '../support/sample.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const IDS = schemaOf({ id: INT64 });

const SETUP = [
  'CREATE TABLE seen (id BIGINT)',
  'CREATE TABLE hidden (id BIGINT)',
  'INSERT INTO seen VALUES (1), (2)',
  'INSERT INTO hidden VALUES (1), (3)',
  'CREATE VIEW over_seen AS SELECT id FROM seen',
  'CREATE VIEW over_hidden AS SELECT id FROM hidden',
  'CREATE VIEW over_both AS SELECT seen.id FROM seen JOIN hidden USING (id)',
  'CREATE VIEW over_view AS SELECT id FROM over_hidden',
];
const VIEWS = ['over_seen', 'over_hidden', 'over_both', 'over_view'];

/** Rights on `seen` and on every view, not on `hidden`. */
function partly(role: Role, name = `part_${role}`): Rights {
  const tables = ['seen', 'made', ...VIEWS];
  return new Rights({ name, grants: tables.map((table) => ({ table, role })) });
}

function wholly(role: Role, name = `all_${role}`): Rights {
  return new Rights({ name, grants: [{ table: undefined, role }] });
}

async function openSample(t: TestContext): Promise<Engine> {
  const engine = await open(temporaryDirectory(t));
  t.after(() => engine.close());
  for (const sql of SETUP) await select(engine, sql);
  return engine;
}

async function select(engine: Engine, sql: string): Promise<unknown[][]> {
  return rowsOf((await engine.query(sql)).batches());
}

async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'ok';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

/** Statements that read the table `@` in each way there is. */
const READS: Readonly<Record<string, string>> = {
  plain: 'SELECT * FROM @',
  'from first': 'FROM @',
  alias: 'SELECT x.id FROM @ AS x',
  join: 'SELECT seen.id FROM seen JOIN @ AS other ON seen.id = other.id',
  'left join': 'SELECT seen.id FROM seen LEFT JOIN @ AS other ON seen.id = other.id',
  cross: 'SELECT count(*) FROM seen, @ AS other',
  derived: 'SELECT * FROM (SELECT id FROM @)',
  scalar: 'SELECT (SELECT max(id) FROM @)',
  in: 'SELECT * FROM seen WHERE id IN (SELECT id FROM @)',
  exists: 'SELECT * FROM seen WHERE EXISTS (SELECT 1 FROM @ AS o WHERE o.id = seen.id)',
  cte: 'WITH c AS (SELECT id FROM @) SELECT * FROM c',
  'nested cte': 'WITH a AS (WITH b AS (FROM @) FROM b) SELECT * FROM a',
  union: 'SELECT id FROM seen UNION ALL SELECT id FROM @',
  describe: 'DESCRIBE @',
  summarize: 'SUMMARIZE @',
  explain: 'EXPLAIN SELECT * FROM @',
  analyze: 'EXPLAIN ANALYZE SELECT * FROM @',
  'as of': 'SELECT * FROM @ AT (VERSION => 4)',
  insert: 'INSERT INTO seen SELECT id FROM @',
  update: 'UPDATE seen SET id = id WHERE id IN (SELECT id FROM @)',
  delete: 'DELETE FROM seen WHERE id IN (SELECT id FROM @) AND false',
  create: 'CREATE OR REPLACE TABLE made AS SELECT id FROM @',
};

test('a table without a right is missing in every form of reading it, and one with a right is there', async (t) => {
  const engine = await openSample(t);
  const mine = engine.as(partly('admin'));
  for (const [form, sql] of Object.entries(READS)) {
    const open = sql.replace('@', 'seen');
    const shut = sql.replace('@', 'hidden');
    assert.equal(await outcome(select(mine, open)), 'ok', `${form}: ${open}`);
    assert.equal(await outcome(select(engine, shut)), 'ok', `${form}, unrestricted: ${shut}`);
    assert.equal(await outcome(select(mine, shut)), 'sql_bind', `${form}: ${shut}`);
  }
});

test('what is said of a table without a right is what is said of a missing one', async (t) => {
  const engine = await openSample(t);
  const mine = engine.as(partly('admin'));
  const told = async (work: Promise<unknown>): Promise<string> => {
    return work.then(
      () => 'ok',
      (error: unknown) => `${(error as { code: string }).code}: ${(error as Error).message}`,
    );
  };
  const forms = [
    (name: string) => select(mine, `SELECT * FROM ${name}`),
    (name: string) => select(mine, `INSERT INTO ${name} VALUES (1)`),
    (name: string) => select(mine, `DELETE FROM ${name}`),
    (name: string) => select(mine, `DROP TABLE ${name}`),
    (name: string) => select(mine, `DROP TABLE IF EXISTS ${name}`),
    (name: string) => select(mine, `DROP VIEW ${name}`),
    (name: string) => select(mine, `TRUNCATE ${name}`),
    (name: string) => select(mine, `ALTER TABLE ${name} ADD COLUMN x BIGINT`),
    (name: string) => select(mine, `CREATE TABLE ${name} (id BIGINT)`),
    (name: string) => select(mine, `CREATE TABLE IF NOT EXISTS ${name} (id BIGINT)`),
    (name: string) => select(mine, `CREATE OR REPLACE TABLE ${name} AS SELECT 1 AS id`),
    (name: string) => select(mine, `CREATE VIEW ${name} AS SELECT 1 AS id`),
    (name: string) => mine.promiseTable(name),
    (name: string) => mine.schemaOf(name),
    (name: string) => Promise.resolve().then(() => mine.table(name)),
    (name: string) => mine.dropTable(name),
    (name: string) => mine.createTable(name, IDS),
    (name: string) => mine.beginPut(name, IDS),
    (name: string) => mine.beginPut(name, IDS, { create: false }),
    (name: string) => mine.ingestState(name, 'p'),
    (name: string) => mine.compact(name),
    (name: string) => mine.seal(name),
  ];
  for (const form of forms) {
    const missing = await told(form('hudden'));
    assert.equal(await told(form('hidden')), missing.replaceAll('hudden', 'hidden'), String(form));
  }
  // Nor is it in a hint, where it is the nearest.
  await assert.rejects(select(mine, 'FROM hiden'), (error: Error) => !error.message.includes('hidden'));
  await assert.rejects(select(engine, 'FROM hiden'), /did you mean "hidden"/);
});

test('a view is there for who may read it and every table that it names', async (t) => {
  const engine = await openSample(t);
  const mine = engine.as(partly('read'));
  assert.deepEqual(await select(mine, 'FROM over_seen'), [[1n], [2n]]);
  for (const view of ['over_hidden', 'over_both', 'over_view']) {
    assert.equal(await outcome(select(mine, `FROM ${view}`)), 'sql_bind', view);
    assert.equal(await outcome(mine.promiseTable(view)), view === 'over_view' ? 'sql_bind' : 'not_found', view);
  }
  await assert.rejects(select(mine, 'FROM over_view'), (error: Error) => !/"hidden"/.test(error.message));
  assert.deepEqual(await select(engine.as(wholly('read')), 'FROM over_both'), [[1n]]);
  const viewless = engine.as(new Rights({ name: 'x', grants: [{ table: 'seen', role: 'read' }] }));
  assert.equal(await outcome(select(viewless, 'FROM over_seen')), 'sql_bind');
});

test('lists of tables have only those with a right', async (t) => {
  const engine = await openSample(t);
  const mine = engine.as(partly('read'));
  const lists = [
    'SHOW TABLES',
    'SHOW ALL TABLES',
    'SELECT table_name FROM information_schema.tables',
    'SELECT table_name FROM information_schema.columns',
    'SELECT table_name FROM sheaf_tables',
    'SELECT table_name FROM sheaf_segments',
  ];
  for (const sql of lists) {
    assert.doesNotMatch(textOf(await select(mine, sql)), /hidden|over_both/, sql);
    assert.match(textOf(await select(engine, sql)), /hidden/, sql);
  }
  assert.match(textOf(await select(mine, 'SHOW TABLES')), /seen/);
  assert.deepEqual(
    mine.tables().map(({ name }) => name),
    ['seen'],
  );
  assert.equal(mine.status().tableCount, 1);
});

function textOf(rows: unknown[][]): string {
  return JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

/** What each role may do with a table that it may read; what it may not is `forbidden`. */
const CHANGES: readonly (readonly [needed: Role, what: string, run: (engine: Engine) => Promise<unknown>])[] = [
  ['ingest', 'insert', (engine) => select(engine, 'INSERT INTO seen VALUES (9)')],
  ['ingest', 'insert … returning', (engine) => select(engine, 'INSERT INTO seen VALUES (9) RETURNING id')],
  ['ingest', 'put', (engine) => put(engine, 'seen')],
  ['ingest', 'put that makes the table', (engine) => put(engine, 'made')],
  ['ingest', 'create', (engine) => select(engine, 'CREATE TABLE IF NOT EXISTS made (id BIGINT)')],
  ['ingest', 'create as', (engine) => select(engine, 'CREATE TABLE IF NOT EXISTS made AS SELECT 1 AS id')],
  ['ingest', 'ingest state', (engine) => engine.ingestState('seen', 'p')],
  ['admin', 'delete', (engine) => select(engine, 'DELETE FROM seen WHERE id = 9')],
  ['admin', 'delete all', (engine) => select(engine, 'DELETE FROM seen')],
  ['admin', 'delete by query', (engine) => select(engine, 'DELETE FROM seen WHERE id IN (SELECT 9)')],
  ['admin', 'update', (engine) => select(engine, 'UPDATE seen SET id = 10 WHERE id = 9')],
  ['admin', 'truncate', (engine) => select(engine, 'TRUNCATE seen')],
  ['admin', 'alter', (engine) => select(engine, 'ALTER TABLE seen ADD COLUMN IF NOT EXISTS extra BIGINT')],
  ['admin', 'create or replace', (engine) => select(engine, 'CREATE OR REPLACE TABLE made (id BIGINT)')],
  [
    'admin',
    'put in place of it',
    (engine) => engine.beginPut('made', IDS, { create: 'replace' }).then((one) => one.abort()),
  ],
  ['admin', 'create or replace as', (engine) => select(engine, 'CREATE OR REPLACE TABLE made AS SELECT 1 AS id')],
  ['admin', 'create view', (engine) => select(engine, 'CREATE OR REPLACE VIEW over_seen AS SELECT id FROM seen')],
  ['admin', 'seal', (engine) => engine.seal('seen')],
  ['admin', 'compact', (engine) => engine.compact('seen')],
  ['admin', 'drop view', (engine) => select(engine, 'DROP VIEW over_seen')],
  ['admin', 'drop', (engine) => select(engine, 'DROP TABLE seen')],
];

async function put(engine: Engine, name: string): Promise<void> {
  const stream = await engine.beginPut(name, IDS);
  await stream.write(batchOf(IDS, [[7]]));
  await stream.commit();
}

test('each change needs its role, on the one table or on all', async (t) => {
  const roles: readonly Role[] = ['read', 'ingest', 'admin'];
  for (const makeRights of [partly, wholly]) {
    const engine = await openSample(t);
    for (const [needed, what, run] of CHANGES) {
      for (const role of roles) {
        const expected = roles.indexOf(role) >= roles.indexOf(needed) ? 'ok' : 'forbidden';
        assert.equal(
          await outcome(run(engine.as(makeRights(role)))),
          expected,
          `${what} as ${makeRights(role).name}`,
        );
      }
    }
  }
});

test('a refusal names who, the right and the table; care of all tables needs admin on all', async (t) => {
  const engine = await openSample(t);
  const reader = engine.as(partly('read', 'ann'));
  const message = 'ann does not have the right "ingest" on table "seen"';
  await assert.rejects(select(reader, 'INSERT INTO seen VALUES (1)'), refusal('forbidden', message));
  const part = engine.as(partly('admin', 'bob'));
  for (const work of [() => part.seal(), () => part.compact()]) {
    assert.equal(await outcome(work()), 'forbidden');
  }
  assert.equal(await outcome(engine.as(wholly('admin')).compact()), 'ok');
});

test('COPY needs rights on all tables, as its files belong to none', async (t) => {
  const copyDirectory = temporaryDirectory(t);
  const engine = await open(temporaryDirectory(t), { copyDirectory });
  t.after(() => engine.close());
  await select(engine, 'CREATE TABLE seen (id BIGINT)');
  const to = "COPY seen TO 'out.csv'";
  const from = "COPY seen FROM 'out.csv'";
  const outcomes = async (rights: Rights): Promise<string[]> => {
    return [await outcome(select(engine.as(rights), to)), await outcome(select(engine.as(rights), from))];
  };
  assert.deepEqual(await outcomes(partly('admin')), ['forbidden', 'forbidden']);
  assert.deepEqual(await outcomes(wholly('read')), ['forbidden', 'forbidden']);
  assert.deepEqual(await outcomes(wholly('admin')), ['ok', 'ok']);
  assert.deepEqual(await outcomes(wholly('ingest')), ['forbidden', 'ok']);
});

test('a ticket gives no more than the rights of who redeems it, whatever was kept for who made it', async (t) => {
  const engine = await openSample(t);
  const admin = engine.as(wholly('admin'));
  const mine = engine.as(partly('read'));
  for (const sql of ['FROM hidden', 'SELECT count(*) FROM hidden', 'SELECT max(id) FROM over_both']) {
    const { ticket } = await admin.promise(sql);
    assert.equal(await outcome(mine.redeem(ticket)), 'sql_bind', sql);
    assert.equal(await outcome(admin.redeem(ticket)), 'ok', sql);
    assert.equal(await outcome(mine.cancel(ticket)), 'forbidden', sql);
  }
  assert.equal(await outcome(mine.redeem((await admin.promiseTable('hidden')).ticket)), 'not_found');
  const kept = await admin.promise('SELECT sum(id) FROM seen');
  await select(engine, 'INSERT INTO seen VALUES (100)');
  assert.deepEqual(await rowsOf((await mine.redeem(kept.ticket)).batches()), [[3n]]);
  // What drivers ask for is made again under other rights; what has run is its sender's alone.
  const planned = await admin.promiseOnce('FROM hidden');
  assert.equal(await outcome(mine.redeem(planned.ticket)), 'sql_bind');
  const done = await admin.promiseOnce('INSERT INTO hidden VALUES (50) RETURNING id');
  assert.equal(await outcome(mine.redeem(done.ticket)), 'forbidden');
  assert.deepEqual(await rowsOf((await admin.redeem(done.ticket)).batches()), [[50n]]);
  // Its owner's statements do not leave by a ticket either.
  await select(admin, 'SELECT 1 AS by_admin');
  const queries = await admin.promise('SELECT query FROM sheaf_queries');
  const seen = textOf(await rowsOf((await mine.redeem(queries.ticket)).batches()));
  assert.doesNotMatch(seen, /by_admin/);
  // Rights that have shrunk are another owner's, under the same name.
  const before = engine.as(wholly('read', 'cy'));
  const after = engine.as(partly('read', 'cy'));
  const { ticket } = await before.promise('SELECT count(*) FROM hidden');
  assert.equal(await outcome(after.redeem(ticket)), 'sql_bind');
});

test('a prepared statement runs with the rights of who prepared it', async (t) => {
  const engine = await openSample(t);
  const mine = engine.as(partly('read'));
  assert.equal(await outcome(mine.prepare('SELECT * FROM hidden WHERE id = ?')), 'sql_bind');
  const statement = await mine.prepare('INSERT INTO seen VALUES (?)');
  assert.equal(await outcome(statement.run([5])), 'forbidden');
  const query = await mine.prepare('SELECT id FROM seen WHERE id = ?');
  assert.deepEqual(await rowsOf((await query.run([2])).batches()), [[2n]]);
});

test('the plan that is kept of a text serves nobody who may not make it', async (t) => {
  const engine = await openSample(t);
  const sql = 'SELECT id FROM hidden ORDER BY id';
  const admin = engine.as(wholly('read'));
  const mine = engine.as(partly('read'));
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await select(admin, sql), [[1n], [3n]]);
    assert.equal(await outcome(select(mine, sql)), 'sql_bind');
  }
});

test('sheaf_queries has everybody his own statements, and an administrator all', async (t) => {
  const engine = await openSample(t);
  const [ann, bob, root] = [partly('read', 'ann'), partly('admin', 'bob'), wholly('admin', 'root')];
  await select(engine.as(ann), 'SELECT 1 AS by_ann');
  await select(engine.as(bob), 'SELECT 1 AS by_bob');
  const listed = async (rights: Rights): Promise<string> => {
    return textOf(await select(engine.as(rights), 'SELECT principal, query FROM sheaf_queries'));
  };
  assert.match(await listed(ann), /"ann","SELECT 1 AS by_ann"/);
  assert.doesNotMatch(await listed(ann), /by_bob|hidden/);
  assert.doesNotMatch(await listed(bob), /by_ann|hidden/);
  assert.match(await listed(root), /by_ann.*by_bob/);
  // The same without SQL, and for ending one.
  const result = await engine.as(ann).query('SELECT id FROM seen, range(1000000)');
  const { id = 0 } = engine.queries().find(({ state }) => state === 'running') ?? {};
  assert.equal(
    engine
      .as(bob)
      .queries()
      .some((row) => row.id === id),
    false,
  );
  assert.throws(() => engine.as(bob).cancelQuery(id), { code: 'not_found' });
  engine.as(ann).cancelQuery(id);
  assert.equal(await outcome(rowsOf(result.batches())), 'cancelled');
});

test('names of tables in rights have no case', async (t) => {
  const engine = await openSample(t);
  const mine = engine.as(new Rights({ name: 'x', grants: [{ table: 'SEEN', role: 'read' }] }));
  assert.equal(await outcome(select(mine, 'FROM Seen')), 'ok');
});
