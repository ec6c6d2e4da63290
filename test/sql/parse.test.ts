/**
 * Parsing: texts to trees. The trees are held as printed SQL in test/golden/sql-parse.txt; spans, bounds and damage
 * are tested here.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import { SQL_DEPTH_MAX, SQL_LENGTH_MAX } from '../../src/base/limits.ts';
import type { Node } from '../../src/sql/walk.ts';
import { forEachChild } from '../../src/sql/walk.ts';
import { parseStatement } from '../../src/sql/parse.ts';
import { columnLabel } from '../../src/sql/print.ts';
import { printStatement } from '../support/print-statement.ts';
import { checkGolden } from '../golden/golden.ts';

function failureOf(sql: string): EngineError | undefined {
  try {
    parseStatement(sql);
    return undefined;
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
}

test('statements parse to the trees of the golden file', async () => {
  const inputs = await checkGolden('sql-parse.txt', (sql) => printStatement(parseStatement(sql)));
  assert.ok(inputs.length >= 45);
});

test('a size of a type that no number holds exactly is refused as it was written', () => {
  const sql = 'SELECT 1::DECIMAL(10, 170141183460469231731687303715884105728)';
  const { code, message } = failureOf(sql) ?? {};
  assert.equal(code, 'sql_syntax');
  assert.match(
    message ?? '',
    /^expected a whole number of at most 9 digits, found "170141183460469231731687303715884105728" \(line 1, column 23\)\n/,
  );
});

test('a printed tree parses to a tree that prints the same', async () => {
  const inputs = await checkGolden('sql-parse.txt', (sql) => printStatement(parseStatement(sql)));
  for (const sql of inputs) {
    const printed = printStatement(parseStatement(sql));
    assert.equal(printStatement(parseStatement(printed)), printed);
  }
});

test('every node lies within its parent and covers its own text', async () => {
  const inputs = await checkGolden('sql-parse.txt', (sql) => printStatement(parseStatement(sql)));
  for (const sql of inputs) {
    const check = (node: Node): void => {
      assert.ok(node.span.start < node.span.end && node.span.end <= sql.length, `${node.kind} in ${sql}`);
      forEachChild(node, (child) => {
        const within = child.span.start >= node.span.start && child.span.end <= node.span.end;
        assert.ok(within, `${child.kind} sticks out of ${node.kind} in ${sql}`);
        check(child);
      });
    };
    check(parseStatement(sql));
  }
});

test('a node has the exact span of its text', () => {
  const sql = "select a + 'é', b::int from t";
  const select = parseStatement(sql);
  assert.equal(select.kind, 'select');
  if (select.kind !== 'select') return;
  const texts = select.items.map((item) => sql.slice(item.expr.span.start, item.expr.span.end));
  assert.deepEqual(texts, ["a + 'é'", 'b::int']);
});

test('columns are named as DuckDB names them', () => {
  const labels = (sql: string): string[] => {
    const select = parseStatement(sql);
    return select.kind === 'select' ? select.items.map((item) => columnLabel(item.expr)) : [];
  };
  const sql =
    "select a, t.b, a+1, -a, count(*), SUM(a)/count(*), 'x', 1.50, a is null, not a=1, a::bigint, a between 1 and 2, " +
    'a not in (1,2), count(distinct a), case a when 1 then 2 end, a and b or c, TRUE, NULL';
  assert.deepEqual(labels(sql), [
    'a',
    'b',
    '(a + 1)',
    '(-(a))',
    'count_star()',
    '(sum(a) / count_star())',
    "'x'",
    '1.50',
    '(a IS NULL)',
    '(NOT (a = 1))',
    'CAST(a AS BIGINT)',
    '(a BETWEEN 1 AND 2)',
    '(NOT (a IN (1, 2)))',
    'count(DISTINCT a)',
    'CASE  WHEN ((a = 1)) THEN (2) ELSE NULL END',
    '((a AND b) OR c)',
    'true',
    'NULL',
  ]);
});

test('deep nesting is refused by a limit, never by the stack', () => {
  const deep = 200_000;
  const texts = [
    `select ${'('.repeat(deep)}1${')'.repeat(deep)}`,
    `select ${'not '.repeat(deep)}true`,
    `select ${'- '.repeat(deep)}a`,
    `select 1${' + 1'.repeat(deep)}`,
    `select 1${'::int'.repeat(deep)}`,
    `select ${'f('.repeat(deep)}1${')'.repeat(deep)}`,
    `select ${'case when '.repeat(deep / 4)}1`,
    `select ${'a in ('.repeat(deep / 2)}1`,
    `select 1${' is null'.repeat(deep / 4)}`,
  ];
  for (const sql of texts) {
    const error = failureOf(sql);
    assert.equal(error?.code, 'limit_exceeded', sql.slice(0, 30));
    assert.match(
      error.message,
      /^the expression is nested more than 250 levels deep \(line 1, column \d+\); write it flatter/u,
    );
  }
});

test('nesting up to the limit, long chains of AND and long lists are fine', () => {
  const depth = SQL_DEPTH_MAX - 10;
  assert.equal(failureOf(`select ${'('.repeat(depth)}1${')'.repeat(depth)}`), undefined);
  assert.equal(failureOf(`select 1${' + 1'.repeat(depth)}`), undefined);
  assert.equal(failureOf(`select a${' and a'.repeat(50_000)} from t`), undefined);
  assert.equal(failureOf(`select a in (1${',1'.repeat(100_000)}) from t`), undefined);
});

test('a text that is too long is refused before it is read', () => {
  const error = failureOf(`select '${'x'.repeat(SQL_LENGTH_MAX)}'`);
  assert.equal(error?.code, 'limit_exceeded');
  assert.equal(
    error.message,
    'the SQL text has 1048585 characters, more than the 1048576 allowed; send rows as Arrow data, not as SQL text',
  );
});

test('an empty text says so', () => {
  for (const sql of ['', '  \n\t', '-- nothing', '/* nothing */']) {
    const error = failureOf(sql);
    assert.equal(error?.code, 'sql_syntax');
    assert.match(error.message, /^the SQL text holds no statement \(line 1, column 1\); try SHOW TABLES\n/u);
  }
});

test('an error on a later line shows that line, cut to a readable width', () => {
  const error = failureOf(`select 1,\n\t${'x'.repeat(300)}, 'a' 'b', ${'y'.repeat(300)}\nfrom t`);
  assert.equal(error?.position?.line, 2);
  assert.equal(error.position.column, 308);
  const [first, frame, caret] = error.message.split('\n');
  assert.match(first ?? '', /found "'b'" \(line 2, column 308\)$/u);
  assert.ok((frame ?? '').length <= 122);
  assert.equal((frame ?? '').slice((caret ?? '').indexOf('^'), (caret ?? '').length), "'b'");
});
