/**
 * Statements that change rows and tables: what they plan to.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import type { PlannedStatement, TableChange } from '../../src/plan/physical.ts';
import { isReadOnly, planStatement } from '../../src/plan/plan.ts';
import { runTexts } from '../support/query.ts';
import { fakeCatalog, INT32 } from './fake-catalog.ts';

function planOf<Kind extends PlannedStatement['kind']>(
  kind: Kind,
  sql: string,
): Extract<PlannedStatement, { kind: Kind }> {
  const planned = planStatement(sql, fakeCatalog);
  assert.equal(planned.kind, kind);
  return planned as Extract<PlannedStatement, { kind: Kind }>;
}

function changeOf(sql: string): TableChange {
  return planOf('alter_table', sql).change;
}

function defaultOf(definition: string): Value | undefined {
  const change = changeOf(`ALTER TABLE trades ADD c ${definition}`);
  assert.equal(change.kind, 'add_column');
  if (change.kind !== 'add_column' || change.default === undefined) return undefined;
  assert.equal(change.default.length, 1);
  assert.deepEqual(change.default.type, change.field.type);
  return makeReader(change.default)(0);
}

function ttlOf(length: string): number | undefined {
  const change = changeOf(`ALTER TABLE trades SET TTL ${length} ON day`);
  return change.kind === 'set_ttl' ? change.ttl?.ms : undefined;
}

test('DELETE has the table, its condition, and the bounds that follow from it', () => {
  const planned = planOf('delete', 'DELETE FROM TRADES t WHERE t.symbol > 5 AND price < 2 OR false');
  assert.equal(planned.name, 'trades');
  assert.equal(planned.schema, fakeCatalog.table('trades')?.schema);
  assert.deepEqual(planned.bounds, [
    { column: 0, operator: '>', value: 5n },
    { column: 1, operator: '<', value: 2 },
  ]);
  assert.equal(planned.condition?.kind, 'call');
});

test('a condition that always holds is left out, one that never does is a literal', () => {
  for (const where of ['', ' WHERE true', ' WHERE 1 < 2', ' WHERE 1']) {
    const planned = planOf('delete', `DELETE FROM trades${where}`);
    assert.equal(planned.condition, undefined);
    assert.deepEqual(planned.bounds, []);
  }
  for (const where of ['false', 'NULL', '2 < 1', "price > 1 AND 'no'"]) {
    const planned = planOf('delete', `DELETE FROM trades WHERE ${where}`);
    assert.equal(planned.condition?.kind, 'literal');
  }
});

test('bounds follow only from what must be true of every row that changes', () => {
  const boundsOf = (where: string): unknown => planOf('update', `UPDATE trades SET price = 1 WHERE ${where}`).bounds;
  assert.deepEqual(boundsOf('symbol > 5 OR price > 1'), []);
  assert.deepEqual(boundsOf('NOT (symbol > 5)'), []);
  assert.deepEqual(boundsOf('symbol IS NULL'), [{ column: 0, operator: 'is_null' }]);
  assert.deepEqual(boundsOf('symbol IN (7, 3)'), [
    { column: 0, operator: '>=', value: 3n },
    { column: 0, operator: '<=', value: 7n },
  ]);
});

test('UPDATE has a value for each column, of the type of the column', () => {
  const planned = planOf(
    'update',
    "UPDATE trades SET Price = symbol, small = 7.6, day = '1970-01-02', note = NULL, fee = 1",
  );
  assert.deepEqual(planned.columns, [1, 8, 5, 4, 11]);
  assert.deepEqual(
    planned.exprs.map((expr) => expr.type.id),
    ['float', 'int', 'date', 'utf8', 'decimal'],
  );
  assert.deepEqual(
    planned.exprs.map((expr) => (expr.kind === 'literal' ? expr.value : expr.kind)),
    ['cast', 8, 1, null, 100n],
  );
});

test('a column that encodes is given plain values, or NULL, or a column of its own type', () => {
  const encoded = planOf('update', "UPDATE encoded SET codes = 'x', runs = upper(codes), span = span");
  assert.deepEqual(
    encoded.exprs.map((expr) => expr.type.id),
    ['utf8', 'utf8', 'interval'],
  );
  const [same] = planOf('update', 'UPDATE encoded SET codes = codes').exprs;
  assert.deepEqual([same?.kind, same?.type.id], ['column', 'dictionary']);
  assert.equal(planOf('update', 'UPDATE encoded SET runs = NULL').exprs[0]?.type.id, 'run_end');
});

test('TRUNCATE and ALTER TABLE name the table as the catalog has it', () => {
  assert.deepEqual(planOf('truncate', 'TRUNCATE main.TRADES'), { kind: 'truncate', name: 'trades' });
  assert.equal(planOf('alter_table', 'ALTER TABLE TRADES DROP price').name, 'trades');
  assert.deepEqual(planOf('alter_table', 'ALTER TABLE IF EXISTS nope DROP Price'), {
    kind: 'alter_table',
    name: 'nope',
    ifExists: true,
    change: { kind: 'drop_column', column: 'Price', ifExists: false },
  });
});

test('ADD COLUMN computes its default once, as a value of its type', () => {
  assert.deepEqual(changeOf('ALTER TABLE trades ADD C int'), {
    kind: 'add_column',
    field: { name: 'C', type: INT32, nullable: true, metadata: [] },
    default: undefined,
    sql: undefined,
    ifNotExists: false,
  });
  assert.equal(defaultOf('INT DEFAULT 2 + 3 NOT NULL'), 5);
  assert.equal(defaultOf("INT NOT NULL DEFAULT '7'"), 7);
  assert.equal(defaultOf('INT DEFAULT 1.7'), 2);
  assert.equal(defaultOf('BIGINT DEFAULT -1'), -1n);
  assert.equal(defaultOf("VARCHAR DEFAULT 'a' || 'b'"), 'ab');
  assert.equal(defaultOf('VARCHAR DEFAULT 5'), '5');
  assert.equal(defaultOf('DECIMAL(9, 2) DEFAULT 1.5'), '1.50');
  assert.equal(defaultOf('BOOLEAN DEFAULT 1 < 2 NOT NULL'), true);
  assert.equal(defaultOf("DATE DEFAULT '1970-01-03'"), 2);
  assert.equal(defaultOf("TIMESTAMPTZ DEFAULT '1970-01-01 00:00:01+00'"), 1_000_000n);
  for (const none of ['INT', 'INT DEFAULT NULL', 'INT DEFAULT 1 + NULL', 'INTERVAL DEFAULT NULL']) {
    assert.equal(defaultOf(none), undefined);
  }
});

test('ADD COLUMN IF NOT EXISTS of a column that is there is that column, whatever its case', () => {
  const change = changeOf('ALTER TABLE trades ADD COLUMN IF NOT EXISTS PRICE VARCHAR');
  assert.ok(change.kind === 'add_column' && change.ifNotExists);
  assert.equal(change.field, fakeCatalog.table('trades')?.schema.fields[1]);
});

test('columns are dropped and renamed under the names that the table has', () => {
  assert.deepEqual(changeOf('ALTER TABLE trades DROP COLUMN IF EXISTS PRICE CASCADE'), {
    kind: 'drop_column',
    column: 'price',
    ifExists: true,
  });
  assert.deepEqual(changeOf('ALTER TABLE trades DROP COLUMN IF EXISTS Nope'), {
    kind: 'drop_column',
    column: 'Nope',
    ifExists: true,
  });
  assert.deepEqual(changeOf('ALTER TABLE trades RENAME PRICE TO "Price"'), {
    kind: 'rename_column',
    column: 'price',
    to: 'Price',
  });
  assert.deepEqual(changeOf('ALTER TABLE twin RENAME COLUMN "A" TO b'), {
    kind: 'rename_column',
    column: 'A',
    to: 'b',
  });
});

test('a time to live is the sum of its parts in milliseconds', () => {
  const day = 86_400_000;
  assert.equal(ttlOf("'30 days'"), 30 * day);
  assert.equal(ttlOf('INTERVAL 30 days'), 30 * day);
  assert.equal(ttlOf("INTERVAL '30' DAY"), 30 * day);
  assert.equal(ttlOf("INTERVAL '30 days'"), 30 * day);
  assert.equal(ttlOf("'1 day 12 hours'"), 1.5 * day);
  assert.equal(ttlOf("'1.5 days'"), 1.5 * day);
  assert.equal(ttlOf("' 2 Weeks, 3h 4min 5s '"), 14 * day + 3 * 3_600_000 + 4 * 60_000 + 5_000);
  assert.equal(ttlOf("'0.001 seconds'"), 1);
  assert.equal(ttlOf("'2 days -12 hours'"), 1.5 * day);
  assert.deepEqual(changeOf("ALTER TABLE trades SET TTL '1 day' ON AT_NS"), {
    kind: 'set_ttl',
    ttl: { column: 'at_ns', ms: day },
  });
  assert.deepEqual(changeOf('ALTER TABLE trades DROP TTL'), { kind: 'set_ttl', ttl: undefined });
});

test('SHOW SNAPSHOTS lists what the catalog retains', async () => {
  const planned = planOf('query', 'SHOW SNAPSHOTS');
  assert.deepEqual(
    planned.schema.fields.map(({ name, type, nullable }) => [name, type.id, nullable]),
    [
      ['version', 'int', false],
      ['time', 'timestamp', false],
      ['changes', 'utf8', false],
    ],
  );
  assert.deepEqual(await runTexts('SHOW SNAPSHOTS', fakeCatalog), [
    ['41', '2024-02-29 12:00:00+00', 'create_table'],
    ['42', '2024-02-29 12:00:00.25+00', 'append'],
  ]);
});

test('the statements that change something are known without a catalog', () => {
  for (const sql of ['DELETE FROM t', 'UPDATE t SET a = 1', 'TRUNCATE t', 'ALTER TABLE t DROP TTL']) {
    assert.equal(isReadOnly(sql), false, sql);
  }
  for (const sql of ['SHOW SNAPSHOTS', 'FROM t AT (VERSION => 1)', 'DESCRIBE t'])
    assert.equal(isReadOnly(sql), true, sql);
});
