/**
 * Reading files of sqllogictest, and their loops.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loopRuns, substitute } from './expand.ts';
import { dialectOf, parseScript } from './script.ts';
import type { Loop } from './script.ts';
import { settingOfPragma, splitStatements, withoutKeys } from './statement.ts';

test('records, marks and control lines are read with their lines', () => {
  const text = [
    'hash-threshold 8',
    '',
    '# a comment',
    'onlyif mysql # DIV',
    'query I rowsort label-1',
    'SELECT 1',
    '  + 1',
    '----',
    '2',
    '',
    'skipif sqlite',
    'onlyif postgresql',
    'halt',
    'statement error',
    'SELEC',
  ].join('\n');
  assert.deepEqual(parseScript(text, 'sqlite'), [
    { kind: 'control', words: ['hash-threshold', '8'], marks: [], line: 1 },
    {
      kind: 'sql',
      words: ['query', 'I', 'rowsort', 'label-1'],
      marks: [{ only: true, name: 'mysql' }],
      line: 5,
      sql: 'SELECT 1\n  + 1',
      wanted: ['2'],
    },
    {
      kind: 'control',
      words: ['halt'],
      marks: [
        { only: false, name: 'sqlite' },
        { only: true, name: 'postgresql' },
      ],
      line: 13,
    },
    { kind: 'sql', words: ['statement', 'error'], marks: [], line: 14, sql: 'SELEC', wanted: undefined },
  ]);
});

test('a row of empty values does not end an answer', () => {
  const [record] = parseScript('query TT\nSELECT 1\n----\n\t\na\tb\n', 'duckdb');
  assert.deepEqual(record?.kind === 'sql' ? record.wanted : undefined, ['\t', 'a\tb']);
});

test('loops nest, and their variables are put into text', () => {
  const text =
    'loop i 0 2\nforeach t <signed> !bigint !hugeint\nstatement ok\nSELECT ${i}::${t}\n\nendloop\nendloop\n';
  const [outer] = parseScript(text, 'duckdb');
  assert(outer?.kind === 'loop');
  const [inner] = outer.body;
  assert(inner?.kind === 'loop');
  const texts = loopRuns(outer, new Map()).flatMap((variables) =>
    loopRuns(inner, variables).map((all) => substitute('${i} {t} ${none}', all)),
  );
  assert.equal(texts.length, 6);
  assert.equal(texts[3], '1 tinyint ${none}');
  const pairs: Loop = { kind: 'loop', words: ['foreach', 'a,b', '1,2', '3,4'], marks: [], body: [], line: 1 };
  assert.deepEqual(
    loopRuns(pairs, new Map()).map((all) => substitute('${a}${b}', all)),
    ['12', '34'],
  );
  assert.throws(
    () => loopRuns({ ...pairs, words: ['foreach', 'a,b', '1'] }, new Map()),
    /line 1: 1 is not one value/,
  );
});

test('loops that do not close are refused', () => {
  assert.throws(() => parseScript('loop i 0 2\nstatement ok\nSELECT 1\n', 'duckdb'), /line 1: loop without endloop/);
  assert.throws(() => parseScript('\nendloop\n', 'duckdb'), /line 2: endloop without a loop/);
});

test('a dialect is known by name and head', () => {
  assert.equal(dialectOf('a/select.slt', ''), 'datafusion');
  assert.equal(dialectOf('a/select1.test', 'hash-threshold 8\n'), 'sqlite');
  assert.equal(dialectOf('a/join.test', '# name: test/sql/join.test\n# group: [join]\n'), 'duckdb');
});

test('statements are cut at semicolons outside of quotes', () => {
  assert.deepEqual(splitStatements("SELECT ';' ; -- one; two\nSELECT 2;"), ["SELECT ';'", '-- one; two\nSELECT 2']);
  assert.deepEqual(splitStatements("SELECT 'open"), ["SELECT 'open"]);
});

test('PRAGMA is SET where there is such a setting', () => {
  assert.equal(settingOfPragma("PRAGMA default_null_order='first'"), "SET default_null_order='first'");
  assert.equal(settingOfPragma('PRAGMA enable_verification'), 'PRAGMA enable_verification');
  assert.equal(settingOfPragma('PRAGMA force_compression=1'), 'PRAGMA force_compression=1');
});

test('keys are left out of CREATE TABLE, and nothing else is', () => {
  assert.equal(withoutKeys('CREATE TABLE t(a INTEGER PRIMARY KEY, b INT)'), 'CREATE TABLE t(a INTEGER, b INT)');
  assert.equal(withoutKeys('CREATE TABLE t(a INT, PRIMARY KEY (a), UNIQUE(a))'), 'CREATE TABLE t(a INT)');
  const query = 'SELECT a AS unique_key FROM t';
  assert.equal(withoutKeys(query), query);
});
