/**
 * Plans that are kept: with other values and rows they are the plans that would be made anew, or are made anew.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ParameterValue } from '../../src/plan/parameter-value.ts';
import { literalsOf } from '../../src/plan/parameter-value.ts';
import { atMoment, readStatement, withMemory } from '../../src/plan/needs.ts';
import type { ParsedStatement } from '../../src/plan/needs.ts';
import type { PlanCatalog, PlannedStatement, PlanView } from '../../src/plan/physical.ts';
import { planWith, recallPlan } from '../../src/plan/plan.ts';
import { DEFAULT_SETTINGS } from '../../src/plan/setting.ts';
import { catalogOf, MemorySource, tableOf } from '../support/memory-source.ts';
import { INT64, UTF8 } from '../support/sample.ts';

const DECIMAL = { id: 'decimal', bitWidth: 128, precision: 10, scale: 2 } as const;
const INT16 = { id: 'int', bitWidth: 16, signed: true } as const;
const T = tableOf('t', [
  { name: 'id', type: INT64, values: [1n, 2n, 3n] },
  { name: 'small', type: INT16, values: [1, 2, 3] },
  { name: 'name', type: UTF8, values: ['a', 'b', null] },
  { name: 'price', type: DECIMAL, values: [100n, 250n, 399n] },
  { name: 'day', type: { id: 'date', unit: 'day' }, values: [0, 1, 2] },
  { name: 'flag', type: { id: 'bool' }, values: [true, false, null] },
]);
const CATALOG = catalogOf([T]);

type Values = readonly ParameterValue[];

function planned(parsed: ParsedStatement, catalog: PlanCatalog, values: Values): PlannedStatement {
  return planWith(parsed, catalog, {}, literalsOf(parsed.parameters, values));
}

function recalled(parsed: ParsedStatement, catalog: PlanCatalog, values: Values): PlannedStatement | undefined {
  return recallPlan(parsed, catalog, DEFAULT_SETTINGS, literalsOf(parsed.parameters, values));
}

/** The plan for `later`, when one was made and kept for `first`. */
function again(sql: string, first: Values, later: Values, catalog = CATALOG): PlannedStatement | undefined {
  const parsed = withMemory(readStatement(sql));
  planned(parsed, CATALOG, first);
  const found = recalled(parsed, catalog, later);
  if (found !== undefined) assert.deepEqual(found, planned(readStatement(sql), catalog, later), sql);
  return found;
}

test('values that operands are compared and computed with are late: theirs is the plan that they would get', () => {
  for (const [sql, first, later] of [
    ['SELECT * FROM t WHERE id = ?', [1], [2]],
    ['SELECT * FROM t WHERE id = ?', [1], ['3']],
    ['SELECT id + ? AS n FROM t WHERE id > ? AND small < ?', [1, 2, 3], [4, 5, 6]],
    ['SELECT * FROM t WHERE id BETWEEN ? AND ? OR name = ?', [1, 2, 'x'], [0, 9, "it's"]],
    ['SELECT * FROM t WHERE id IN (?, ?, 7) AND name LIKE ?', [1, 2, 'a%'], [3, 4, '%b']],
    ['SELECT * FROM t WHERE price >= $1 AND price < $2', ['1.00', '2.00'], [3, 4]],
    ['SELECT CAST(? AS BIGINT) + id FROM t', ['1'], ['2']],
    ['SELECT * FROM t WHERE day = ?', ['2024-02-29'], ['1970-01-02']],
    ['SELECT name, sum(id) FROM t WHERE id <> $1 GROUP BY name HAVING sum(id) > $2', [1, 2], [3, 4]],
    ['SELECT * FROM (SELECT id AS a, small AS b FROM t) WHERE a < ? AND b = ? ORDER BY a LIMIT 5', [1, 2], [3, 4]],
    ['WITH w AS (SELECT * FROM t WHERE id > ?) SELECT * FROM w AS x JOIN w AS y USING (id)', [1], [2]],
  ] as const) {
    assert(again(sql, first, later) !== undefined, sql);
  }
});

test('a value that something was decided by belongs to the plan, which serves for that value alone', () => {
  for (const [sql, first, later] of [
    ['SELECT * FROM t WHERE id > 0 LIMIT ?', [1], [2]],
    ['SELECT ? AS x, id FROM t', [1], [2]],
    ['SELECT * FROM t WHERE flag OR ?', [false], [true]],
    ['SELECT * FROM t WHERE ? BETWEEN 1 AND id', [1], [0]],
    ['SELECT * FROM t WHERE small = $1 AND id = $1 + 0', [1], [2]],
    ['SELECT round(price, ?) FROM t', [1], [2]],
    ['SELECT ? / id FROM t', [1], [2]],
    ['SELECT count(*) FILTER (WHERE id > ?) FROM t', [1], [2]],
    ['SELECT a.id FROM t AS a LEFT JOIN t AS b ON a.id = b.id AND a.small + b.small > ?', [1], [2]],
    ['SELECT quantile(id, ?) FROM t', [0.5], [0.25]],
    ['SELECT ? AS x FROM t WHERE x AND flag', [true], [false]],
  ] as const) {
    const parsed = withMemory(readStatement(sql));
    planned(parsed, CATALOG, first);
    const found = recalled(parsed, CATALOG, later);
    if (found !== undefined) assert.deepEqual(found, planned(readStatement(sql), CATALOG, later), sql);
    assert.equal(found, undefined, sql);
    assert.deepEqual(recalled(parsed, CATALOG, first), planned(readStatement(sql), CATALOG, first), sql);
  }
});

test('the rows of a table function, and what a lambda computes with, belong to the plan', () => {
  assert.equal(again('SELECT list_transform([1], x -> x + ?) FROM t', [1], [2]), undefined);
  assert.equal(again('SELECT * FROM range(?)', [1], [2]), undefined);
});

test('a value of another type, and NULL, need another plan', () => {
  const sql = 'SELECT * FROM t WHERE small = ?';
  assert.equal(again(sql, [1], [70_000]), undefined);
  assert.equal(again(sql, [70_000], [1]), undefined);
  assert.equal(again(sql, [1], [1.5]), undefined);
  assert.equal(again(sql, [1], [null]), undefined);
  assert.equal(again(sql, [null], [1]), undefined);
  assert.notEqual(again(sql, [null], [null]), undefined);
  assert.throws(() => again(sql, [1], ['one']), { code: 'value_error' });
});

test('two parameters that happen to be equal may be taken for one: the plan is for those values', () => {
  const sql = 'SELECT id + ?, count(*) FROM t GROUP BY id + ?';
  assert.equal(again(sql, [1, 1], [2, 2]), undefined);
  assert.notEqual(again(sql, [1, 1], [1, 1]), undefined);
  assert.notEqual(again('SELECT id + $1, count(*) FROM t GROUP BY id + $1', [1], [1]), undefined);
});

test('the rows are those of the catalog, counted ones too', () => {
  const more = new MemorySource('t', T.schema, [...T.batches, ...T.batches]);
  const found = again('SELECT (SELECT count(*) FROM t), id FROM t WHERE id > ?', [1], [0], catalogOf([more]));
  assert.notEqual(found, undefined);
  assert.match(
    JSON.stringify(found, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
    /6/u,
  );
});

test('a table that is another, gone, new or of another size needs another plan', () => {
  const sql = 'SELECT id FROM t WHERE id = ?';
  const same = tableOf('t', [{ name: 'id', type: INT64, values: [1n] }]);
  assert.equal(again(sql, [1], [1], catalogOf([same])), undefined);
  assert.equal(again('SELECT 1 AS id FROM t', [], [], catalogOf([same])), undefined);
  const [batch] = T.batches;
  assert(batch !== undefined);
  const large = new MemorySource(
    't',
    T.schema,
    Array.from({ length: 400 }, () => batch),
  );
  assert.equal(again(sql, [1], [1], catalogOf([large])), undefined);
  const parsed = withMemory(readStatement(sql));
  planned(parsed, CATALOG, [1]);
  assert.equal(recalled(parsed, catalogOf([]), [1]), undefined);
  // A name that was not there, and for which all names were looked through, may be there the next time.
  assert.equal(again('SELECT * FROM T', [], []), undefined);
});

/** The catalog with a view. */
function withView(view: PlanView): PlanCatalog {
  return { ...CATALOG, view: (name) => (name === view.name ? view : undefined), viewNames: () => [view.name] };
}

test('a view that is another needs another plan, and so does one that says now()', () => {
  const one = { name: 'v', columns: [], sql: 'SELECT id FROM t' };
  const sql = 'SELECT * FROM v WHERE id > ?';
  const keep = (view: PlanView): ParsedStatement => {
    const parsed = withMemory(atMoment(readStatement(sql), 0n));
    planned(parsed, withView(view), [1]);
    return parsed;
  };
  assert.notEqual(recalled(keep(one), withView({ ...one }), [2]), undefined);
  assert.equal(recalled(keep(one), withView({ ...one, sql: 'SELECT small AS id FROM t' }), [2]), undefined);
  assert.equal(recalled(keep(one), withView({ ...one, columns: ['id'] }), [2]), undefined);
  const now = { ...one, sql: 'SELECT id FROM t WHERE day < now()' };
  assert.equal(recalled(keep(now), withView(now), [2]), undefined);
});

test('a statement of now(), of another moment, or under other settings has no plan that is kept', () => {
  const parsed = withMemory(readStatement('SELECT id, now() FROM t'));
  assert.equal(atMoment(parsed, 5n).memory, undefined);
  assert.equal(atMoment(withMemory(readStatement('SELECT id FROM t')), 5n).memory === undefined, false);
  assert.equal(again('SELECT * FROM t AT (VERSION => 1)', [], []), undefined);
  const plain = withMemory(readStatement('SELECT id / 2 FROM t'));
  planned(plain, CATALOG, []);
  assert.equal(recallPlan(plain, CATALOG, { ...DEFAULT_SETTINGS, integer_division: true }, []), undefined);
});

test('a plan of large constants is not kept', () => {
  assert.notEqual(again("SELECT repeat('x', 1000), id FROM t", [], []), undefined);
  assert.equal(again("SELECT repeat('x', 1000000), id FROM t", [], []), undefined);
  assert.equal(again("SELECT * FROM (VALUES (repeat('x', 1000000))) AS v, t", [], []), undefined);
  assert.equal(again("SELECT string_agg(name, repeat('x', 1000000)) FROM t", [], []), undefined);
});
