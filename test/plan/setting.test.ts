/**
 * Settings: what a statement means under them, shown by answers. Every answer here is DuckDB 2.0's.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { planStatement } from '../../src/plan/plan.ts';
import type { Settings } from '../../src/plan/setting.ts';
import { DEFAULT_SETTINGS } from '../../src/plan/setting.ts';
import { catalogOf, tableOfVectors } from '../support/memory-source.ts';
import { INT32 } from '../support/sample.ts';
import { cellTexts } from '../support/slt.ts';

const SCHEMA = makeSchema([makeField('a', INT32)]);
const CATALOG = catalogOf([tableOfVectors('t', SCHEMA, [buildVector(INT32, [7, null, -7, 2])], 4, 2)]);

/** A setting as SET leaves it. */
function settingsAfter(...statements: readonly string[]): Settings {
  return statements.reduce((settings: Settings, sql) => {
    const planned = planStatement(sql, CATALOG, { settings });
    assert(planned.kind === 'set');
    return { ...settings, [planned.name]: planned.value };
  }, DEFAULT_SETTINGS);
}

/** Names and rows of a query's answer. */
async function answer(sql: string, settings: Settings): Promise<{ names: string[]; rows: string[] }> {
  const planned = planStatement(sql, CATALOG, { settings });
  assert(planned.kind === 'query');
  const rows: string[] = [];
  for await (const batch of runPlan(planned.plan)) {
    const columns = batch.columns.map((column) => cellTexts(column, batch.rowCount));
    for (let i = 0; i < batch.rowCount; i++) rows.push(columns.map((cells) => cells[i] ?? '').join(' '));
  }
  return { names: planned.schema.fields.map((field) => field.name), rows };
}

test('integer_division makes / truncate between integers, wherever it stands, and names the column by it', async () => {
  const settings = settingsAfter('SET integer_division = true');
  const sql = 'SELECT 5/2, -5/2, a / 2 AS half FROM t WHERE a / 2 <> 0 ORDER BY a / 3 DESC, a';
  const { names, rows } = await answer(sql, settings);
  assert.deepEqual(names, ['(5 // 2)', '(-5 // 2)', 'half']);
  assert.deepEqual(rows, ['2 -2 3', '2 -2 1', '2 -2 -3']);
  assert.deepEqual((await answer('SELECT sum(a / 2) FROM (SELECT a FROM t)', settings)).rows, ['1']);
  assert.deepEqual((await answer('SELECT 5/2', DEFAULT_SETTINGS)).rows, ['2.5']);
  assert.deepEqual(
    (await answer('SELECT 5/2', settingsAfter('SET integer_division = 1', 'RESET integer_division'))).rows,
    ['2.5'],
  );
});

test('default_order and default_null_order hold where the statement says nothing', async () => {
  const orders: readonly (readonly [set: string, rising: string, falling: string])[] = [
    ['nulls_last', '-7 2 7 NULL', '7 2 -7 NULL'],
    ['first', 'NULL -7 2 7', 'NULL 7 2 -7'],
    ['SQLite', 'NULL -7 2 7', '7 2 -7 NULL'],
    ['postgres', '-7 2 7 NULL', 'NULL 7 2 -7'],
  ];
  for (const [set, rising, falling] of orders) {
    const settings = settingsAfter(`SET default_null_order TO '${set}'`);
    assert.equal((await answer('FROM t ORDER BY a', settings)).rows.join(' '), rising, set);
    assert.equal((await answer('FROM t ORDER BY ALL DESC', settings)).rows.join(' '), falling, set);
    const down = settingsAfter(`SET null_order = '${set}'`, "SET default_order = 'descending'");
    assert.equal((await answer('FROM t ORDER BY a', down)).rows.join(' '), falling, set);
    assert.equal((await answer('FROM t ORDER BY a ASC', down)).rows.join(' '), rising, set);
    assert.equal((await answer('FROM t ORDER BY a NULLS LAST', down)).rows.join(' '), '7 2 -7 NULL', set);
  }
});

test('current_setting shows a setting, typed, under the name that its text gives it', async () => {
  const settings = settingsAfter("SET memory_limit = '1GB'", 'SET threads = 4', 'SET default_null_order = first');
  const sql =
    "SELECT current_setting('MEMORY_LIMIT'), current_setting('threads') + 1 AS t, current_setting('null_order'), " +
    "NOT current_setting('integer_division') FROM t LIMIT 1";
  const { names, rows } = await answer(sql, settings);
  assert.deepEqual(rows, ['953.6 MiB 5 NULLS_FIRST true']);
  assert.equal(names[0], "current_setting('MEMORY_LIMIT')");
  assert.deepEqual((await answer("SELECT current_setting('memory_limit')", DEFAULT_SETTINGS)).rows, ['2.0 GiB']);
});

test('a statement under default settings is the tree that was parsed', () => {
  const settings = settingsAfter('SET threads = 3', "SET TimeZone = 'utc'", 'RESET threads');
  assert.deepEqual(settings, DEFAULT_SETTINGS);
});
