/**
 * Comparing answers: right ones in every dialect, and planted wrong ones, each of which must be found.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerHash, faultOf, patternOf, threeDecimals } from './compare.ts';
import type { Answer, ColumnKind, SortMode, Wanted } from './compare.ts';
import type { Dialect } from './script.ts';

function answerOf(columns: readonly ColumnKind[], ...rows: readonly (readonly string[])[]): Answer {
  return { columns, rows };
}

function wantedOf(dialect: Dialect, types: string, lines: readonly string[], sort: SortMode = 'nosort'): Wanted {
  return { dialect, types, sort, lines };
}

const PAIRS = answerOf(['integer', 'text'], ['2', 'b'], ['1', 'a']);

test('values one a line are compared in order, or sorted by row or by value', () => {
  const fault = (lines: readonly string[], sort: SortMode): string | undefined =>
    faultOf(PAIRS, wantedOf('sqlite', 'IT', lines, sort));
  assert.equal(fault(['2', 'b', '1', 'a'], 'nosort'), undefined);
  assert.equal(fault(['1', 'a', '2', 'b'], 'rowsort'), undefined);
  assert.equal(fault(['1', '2', 'a', 'b'], 'valuesort'), undefined);
  assert.equal(fault(['1', 'a', '2', 'b'], 'nosort'), 'value 1 is "2", "1" is wanted');
  assert.equal(fault(['1', 'b', '2', 'a'], 'rowsort'), 'value 2 is "a", "b" is wanted');
  assert.equal(fault(['1', '2', 'a'], 'valuesort'), '4 values, 3 are wanted');
  assert.equal(faultOf(PAIRS, wantedOf('sqlite', 'I', ['2', '1'])), '2 columns, 1 are wanted');
});

test('a hash is that of the sorted values, and a wrong one is found', () => {
  const sorted = answerOf(['integer'], ['1'], ['2'], ['3']);
  // printf '1\n2\n3\n' | md5sum
  const hash = 'c0710d6b4f15dfa88f600b0e6b624077';
  const right = answerHash(sorted, wantedOf('sqlite', 'I', ['-']));
  assert.equal(right, hash);
  const lines = [`3 values hashing to ${right}`];
  assert.equal(faultOf(sorted, wantedOf('sqlite', 'I', lines)), undefined);
  const turned = answerOf(['integer'], ['3'], ['1'], ['2']);
  assert.match(faultOf(turned, wantedOf('sqlite', 'I', lines)) ?? '', /^values hash to [0-9a-f]{32}, c071/);
  assert.equal(faultOf(turned, wantedOf('sqlite', 'I', lines, 'rowsort')), undefined);
  assert.match(
    faultOf(sorted, wantedOf('sqlite', 'I', ['3 values hashing to 00000000000000000000000000000000'])) ?? '',
    /is wanted$/,
  );
  assert.equal(
    faultOf(answerOf(['integer'], ['1'], ['2']), wantedOf('sqlite', 'I', lines)),
    '2 values, 3 are wanted',
  );
});

test('a type letter decides how a value is printed, and a value of another type is wrong', () => {
  const one = (kind: ColumnKind, cell: string, type: string, wanted: string): string | undefined =>
    faultOf(answerOf([kind], [cell]), wantedOf('sqlite', type, [wanted]));
  assert.equal(one('integer', '7', 'I', '7'), undefined);
  assert.equal(one('boolean', 'true', 'I', '1'), undefined);
  assert.equal(one('integer', '7', 'R', '7.000'), undefined);
  assert.equal(one('decimal', '2.50', 'R', '2.500'), undefined);
  assert.equal(one('integer', '7', 'T', '7'), undefined);
  assert.equal(one('text', 'a\tb', 'T', 'a@b'), undefined);
  assert.equal(one('text', 'é', 'T', '@@'), undefined);
  assert.equal(one('text', '(empty)', 'T', '(empty)'), undefined);
  assert.equal(one('float', 'NULL', 'R', 'NULL'), undefined);
  assert.equal(one('float', '7.0', 'I', '7'), undefined);
  assert.equal(one('decimal', '7.50', 'I', '7'), 'value 1 is "7.50", "7" is wanted');
  assert.equal(one('text', '7', 'I', '7'), 'value 1 is "text 7", "7" is wanted');
  assert.equal(one('float', '2.5', 'I', '2'), 'value 1 is "2.5", "2" is wanted');
  assert.equal(one('text', '7', 'R', '7.000'), 'value 1 is "text 7", "7.000" is wanted');
  assert.equal(one('integer', '0', 'I', 'NULL'), 'value 1 is "0", "NULL" is wanted');
});

test('three decimals are those of C', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0.0625, '0.062'],
    [0.1875, '0.188'],
    [-0.0625, '-0.062'],
    [1 / 3, '0.333'],
    [-0.0001, '-0.000'],
    [-0, '-0.000'],
    [1e21, '1000000000000000000000.000'],
    [Infinity, 'inf'],
  ];
  for (const [value, text] of cases) assert.equal(threeDecimals(value), text);
});

test('rows with tabs: patterns, booleans as digits, floats that are near, text exactly', () => {
  const row = answerOf(['float', 'boolean', 'text'], ['0.30000000000000004', 'true', '1.0']);
  const fault = (line: string): string | undefined => faultOf(row, wantedOf('duckdb', 'RIT', [line]));
  assert.equal(fault('0.3\t1\t1.0'), undefined);
  assert.equal(fault('<REGEX>:0\\.3.*\ttrue\t<!REGEX>:2.*'), undefined);
  assert.equal(fault('0.31\t1\t1.0'), 'row 1, column 1 is "0.30000000000000004", "0.31" is wanted');
  assert.equal(fault('0.3\t0\t1.0'), 'row 1, column 2 is "true", "0" is wanted');
  assert.equal(fault('0.3\t1\t1'), 'row 1, column 3 is "1.0", "1" is wanted');
  assert.equal(fault('<REGEX>:0\\.3\ttrue\t1.0')?.startsWith('row 1, column 1'), true);
  assert.equal(fault('0.3\t1\t<!REGEX>:1.*')?.startsWith('row 1, column 3'), true);
  assert.equal(faultOf(PAIRS, wantedOf('duckdb', 'II', ['2\tb'])), '2 rows, 1 are wanted');
  assert.equal(faultOf(PAIRS, wantedOf('duckdb', 'II', ['1\ta', '2\tb'], 'rowsort')), undefined);
  assert.equal(faultOf(PAIRS, wantedOf('duckdb', 'II', ['2', 'b', '1', 'a'])), undefined);
  const typed = answerOf(['boolean', 'integer'], ['false', '48']);
  assert.equal(faultOf(typed, wantedOf('duckdb', 'IR', ['0', '48.000000'])), undefined);
  assert.match(faultOf(typed, wantedOf('duckdb', 'IR', ['1', '48.000000'])) ?? '', /^value 1 is "false"/);
  assert.match(
    faultOf(answerOf(['integer'], ['9007199254740993']), wantedOf('duckdb', 'I', ['9007199254740992'])) ?? '',
    /wanted/,
  );
});

test("rows with spaces, as DataFusion's files have them", () => {
  assert.equal(faultOf(PAIRS, wantedOf('datafusion', 'IT', ['1 a', '2  b'], 'rowsort')), undefined);
  assert.match(faultOf(PAIRS, wantedOf('datafusion', 'IT', ['2 b', '1 c'])) ?? '', /^row 2/);
  assert.match(faultOf(PAIRS, wantedOf('datafusion', 'IT', ['1 a', '2 b'])) ?? '', /^row 1/);
});

test('patterns match whole values, over lines', () => {
  assert.equal(patternOf('plain'), undefined);
  assert.equal(patternOf('<REGEX>:a.b')?.expression.test('a\nb'), true);
  assert.equal(patternOf('<REGEX>:a')?.expression.test('ab'), false);
  assert.equal(patternOf('<!REGEX>:a')?.negated, true);
});
