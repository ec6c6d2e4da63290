/**
 * Joins answer the same whichever side is held, and however their keys are numbered.
 *
 * Method: two tables of keys of one type (close together, far apart, at the ends of the type, NULL) in one small and
 * one large size each; every kind of join between them, as planned and with all passes left out, must give the same
 * rows, and those that a nested loop in JavaScript over the keys' texts finds.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataType } from '../../src/arrow/type.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { PASS_NAMES } from '../../src/plan/optimize.ts';
import type { PassName } from '../../src/plan/optimize.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf, tableOf } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';
import { cellTexts } from '../support/slt.ts';

const int = (bitWidth: 8 | 32 | 64, signed = true): DataType => ({ id: 'int', bitWidth, signed });

/** Keys of each type: the first are close together, the others are added to make them far apart. */
const KEYS: readonly (readonly [DataType, readonly unknown[], readonly unknown[]])[] = [
  [int(8), [-3, -2, 0, 1, 5, null], [127, -128]],
  [int(32), [7, 8, 9, 10, null], [2147483647, -2147483648]],
  [int(64), [100n, 101n, 104n, null], [9223372036854775807n, -9223372036854775808n, 9007199254740993n]],
  [int(64, false), [0n, 1n, 2n, null], [18446744073709551615n, 9223372036854775808n]],
  [{ id: 'date', unit: 'day' }, [19_000, 19_001, 19_005, null], [-719_162]],
  [{ id: 'float', bitWidth: 64 }, [1.5, 0, -0, NaN, null], [Infinity]],
  [{ id: 'utf8' }, ['', 'a', 'ä', null], ['a text of more than twelve bytes']],
];

type Key = string | undefined;

function makeTable(name: string, type: DataType, keys: readonly unknown[], rowCount: number): MemorySource {
  const random = makeRandom(rowCount + name.charCodeAt(0));
  const pick = (): unknown => keys[Math.floor(random() * keys.length)];
  const values = Array.from({ length: rowCount }, pick);
  return tableOf(
    name,
    [
      { name: `${name}k`, type, values: values as never },
      { name: `${name}v`, type: int(32), values: Array.from({ length: rowCount }, (_, i) => i % 7) },
    ],
    100,
  );
}

async function run(
  sql: string,
  tables: readonly MemorySource[],
  disabledPasses: readonly PassName[],
): Promise<string[]> {
  const planned = planStatement(sql, catalogOf(tables), { disabledPasses });
  assert(planned.kind === 'query');
  const rows: string[] = [];
  for await (const batch of runPlan(planned.plan)) {
    const columns = batch.columns.map((column) => cellTexts(column, batch.rowCount));
    for (let i = 0; i < batch.rowCount; i++) rows.push(columns.map((cells) => cells[i]).join(' | '));
  }
  return rows.sort();
}

/** Queries, and how many rows a nested loop gives: `a` and `b` are the keys, undefined for NULL. */
const QUERIES: readonly (readonly [string, (a: readonly Key[], b: readonly Key[]) => number])[] = [
  ['SELECT * FROM a JOIN b ON ak = bk', (a, b) => sum(a.map((x) => matches(x, b)))],
  ['SELECT * FROM a LEFT JOIN b ON ak = bk', (a, b) => sum(a.map((x) => Math.max(1, matches(x, b))))],
  ['SELECT * FROM a RIGHT JOIN b ON ak = bk', (a, b) => sum(b.map((x) => Math.max(1, matches(x, a))))],
  ['SELECT * FROM a SEMI JOIN b ON ak = bk', (a, b) => a.filter((x) => matches(x, b) > 0).length],
  ['SELECT * FROM a ANTI JOIN b ON ak = bk', (a, b) => a.filter((x) => matches(x, b) === 0).length],
  ['SELECT * FROM a JOIN b ON ak IS NOT DISTINCT FROM bk', (a, b) => sum(a.map((x) => equals(x, b)))],
  ['SELECT * FROM a SEMI JOIN b ON ak IS NOT DISTINCT FROM bk', (a, b) => a.filter((x) => equals(x, b) > 0).length],
];

/** Queries that are compared with themselves alone. */
const OTHERS = [
  'SELECT * FROM a SEMI JOIN b ON ak = bk AND av < bv',
  'SELECT * FROM a ANTI JOIN b ON ak = bk AND av <> bv',
  'SELECT * FROM a SEMI JOIN b ON av < bv',
  'SELECT * FROM a LEFT JOIN b ON ak = bk AND av < bv',
  'SELECT * FROM a LEFT JOIN b ON ak = bk WHERE bv IS NULL OR bv > 2',
  'SELECT * FROM a FULL JOIN b ON ak = bk AND av = bv',
  'SELECT av FROM a JOIN b ON ak = bk WHERE av IN (SELECT bv FROM b WHERE bv > 3)',
  'SELECT av, bv FROM a LEFT JOIN b ON ak = bk WHERE NOT EXISTS (SELECT 1 FROM b c WHERE c.bv = av AND c.bk = ak)',
  'SELECT av, bv FROM a LEFT JOIN b ON ak = bk WHERE NOT EXISTS (SELECT 1 FROM b c WHERE c.bv + 3 = b.bv)',
  'SELECT * FROM a JOIN b ON ak = bk AND av = bv',
  'SELECT ak NOT IN (SELECT bk FROM b WHERE bv > av) FROM a',
];

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const equals = (x: Key, others: readonly Key[]): number => others.filter((y) => x === y).length;
const matches = (x: Key, others: readonly Key[]): number => (x === undefined ? 0 : equals(x, others));

function keysOf(table: MemorySource): readonly Key[] {
  return table.batches.flatMap((batch) => {
    const column = batch.columns[0];
    assert(column !== undefined);
    // -0 and 0 are one key.
    return cellTexts(column, batch.rowCount).map((text) =>
      text === 'NULL' ? undefined : text.replace(/^-0\.0$/, '0.0'),
    );
  });
}

for (const [type, near, far] of KEYS) {
  const name = type.id === 'int' ? `int${type.bitWidth.toString()}${type.signed ? '' : ' unsigned'}` : type.id;
  test(`joins by ${name} answer the same from either side`, async () => {
    for (const [left, right] of [
      [5, 300],
      [300, 5],
      [300, 12],
      [0, 300],
      [300, 0],
      [250, 120],
    ] as const) {
      for (const keys of [near, [...near, ...far]]) {
        const tables = [makeTable('a', type, keys, left), makeTable('b', type, near, right)];
        const [a, b] = tables.map(keysOf) as [readonly Key[], readonly Key[]];
        for (const [sql, count] of QUERIES) {
          const rows = await run(sql, tables, []);
          const what = `${sql}: ${left.toString()} and ${right.toString()} rows`;
          assert.equal(rows.length, count(a, b), what);
          assert.deepEqual(rows, await run(sql, tables, PASS_NAMES), what);
        }
        for (const sql of OTHERS)
          assert.deepEqual(await run(sql, tables, []), await run(sql, tables, PASS_NAMES), sql);
      }
    }
  });
}
