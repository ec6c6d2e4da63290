/**
 * The examples of aggregates hold: `call over rows → answer`.
 *
 * Method: the rows become a table of columns x and y, two rows a batch; the call runs over it through planner and
 * execution, alone and as one of two groups. Answers are printed as in the SQL text tests.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataType } from '../../src/arrow/type.ts';
import type { Value } from '../../src/arrow/value.ts';
import { AGGREGATES } from '../../src/function/registry.ts';
import { catalogOf, tableOf } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { runTexts } from '../support/query.ts';
import { typeOfName } from '../support/slt.ts';

function valueOf(text: string): Value {
  if (text === 'NULL') return null;
  if (text === 'true' || text === 'false') return text === 'true';
  return text.startsWith("'") ? text.slice(1, -1) : Number(text);
}

function typeOf(values: readonly Value[]): DataType {
  const known = values.find((value) => value !== null);
  return typeOfName(typeof known === 'string' ? 'string' : typeof known === 'boolean' ? 'bool' : 'int32');
}

/** `1, NULL` or `(1, 2), (3, NULL)` as columns. */
function tableOfRows(text: string): MemorySource {
  const rows = text.startsWith('(')
    ? text
        .slice(1, -1)
        .split('), (')
        .map((row) => row.split(', ').map(valueOf))
    : text.split(', ').map((cell) => [valueOf(cell)]);
  const columns = ['x', 'y'].slice(0, rows[0]?.length).map((name, c) => {
    const values = rows.map((row) => row[c] ?? null);
    return { name, type: typeOf(values), values };
  });
  return tableOf('t', columns, 2);
}

for (const { name, aliases, example, doc, expects } of AGGREGATES) {
  test(`the example of ${name} holds: ${example}`, async () => {
    const [, call = '', rows = '', wanted = ''] = /^(.*) over (.*) → (.*)$/u.exec(example) ?? [];
    const table = tableOfRows(rows);
    for (const alias of [name, ...(aliases ?? [])]) {
      const sql = call.replace(name, alias);
      assert.deepEqual(await runTexts(`SELECT ${sql} FROM t`, catalogOf([table])), [[wanted]], sql);
    }
    const grouped = await runTexts(`SELECT ${call} FROM t GROUP BY 1 = 1`, catalogOf([table]));
    assert.deepEqual(grouped, [[wanted]]);
    assert.match(doc, /\.$/u);
    assert.match(expects, /^\(/u);
  });
}

test('rows that FILTER leaves out, and equal ones under DISTINCT, count in no batch', async () => {
  const values = [3, 1, null, 3, 2, 2, null, 1];
  const table = tableOf('t', [{ name: 'x', type: typeOfName('int32'), values }], 3);
  const sql =
    'SELECT list(DISTINCT x), sum(DISTINCT x), count(DISTINCT x) FILTER (WHERE x > 1), ' +
    'list(x ORDER BY x DESC NULLS FIRST), first(x) FILTER (x < 3) FROM t';
  assert.deepEqual(await runTexts(sql, catalogOf([table])), [
    ['[3, 1, NULL, 2]', '6', '2', '[NULL, NULL, 3, 3, 2, 2, 1, 1]', '1'],
  ]);
});

test('arguments are evaluated only for rows that FILTER lets through', async () => {
  const table = tableOf('t', [{ name: 'x', type: typeOfName('string'), values: ['1', 'a', '2'] }]);
  const sql = "SELECT sum(CAST(x AS INTEGER)) FILTER (WHERE x < 'a') FROM t";
  assert.deepEqual(await runTexts(sql, catalogOf([table])), [['3']]);
});
