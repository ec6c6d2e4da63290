/**
 * Running files: what passes, fails and does not apply. Each planted fault must be counted, under its line.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { openHost } from './host.ts';
import { failureText, fileLine, groupOf, summaryLines } from './report.ts';
import { runScript } from './runner.ts';
import type { Outcome } from './runner.ts';
import type { Dialect } from './script.ts';

async function run(dialect: Dialect, text: string, errorText = false): Promise<Outcome> {
  const host = await openHost(dialect);
  try {
    return await runScript(text, host, { dialect, recordMsMax: 10_000, errorText });
  } finally {
    await host.close();
    assert(!existsSync(host.directory));
  }
}

/** `passed line: message …` of an outcome. */
function told({ passed, failures, notApplicable }: Outcome): unknown {
  return {
    passed,
    failed: failures.map(({ line, message }) => `${line.toString()}: ${groupOf(message)}`),
    left: Object.fromEntries(notApplicable),
  };
}

test("a file of SQLite's: / truncates, marks of postgresql hold, labels have one answer", async () => {
  const text = `statement ok
CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER)

statement ok
CREATE UNIQUE INDEX i ON t(b)

statement ok
INSERT INTO t VALUES (1, 7), (2, NULL)

query II rowsort x
SELECT a, b / 2 FROM t
----
1
3
2
NULL

onlyif mysql
query I
SELECT 7 DIV 2
----
3

skipif postgresql
query I nosort
SELECT 0
----
1

query II rowsort x
SELECT a, b / 2 + 1 FROM t

query I nosort
SELECT a FROM t ORDER BY a DESC
----
1
2

query I nosort
SELECT b FROM t WHERE b = 8
----
2 values hashing to 5f2b4f4ba2f2d0f4ba1a1dbd1d9a2a31

query R
SELECT a FROM t WHERE a = 1
----
1.000

query I
SELECT avg(a) FROM t WHERE b IS NULL OR a = 1
----
1

statement error
SELECT nothing FROM t

statement error
SELECT a FROM t

statement ok
SELECT nothing FROM t

statement ok
REPLACE INTO t VALUES (1, 1)

query I
SELECT b FROM t WHERE a = 1
----
1
`;
  assert.deepEqual(told(await run('sqlite', text)), {
    passed: 4,
    failed: [
      '30: another answer than the first query labelled x',
      '33: value N is "…", "…" is wanted',
      '39: N values, N are wanted',
      '49: value N is "…", "…" is wanted',
      '57: no error, one is wanted',
      '60: sql_bind: column "…" is not in table t',
    ],
    left: {
      'CREATE TABLE, made without its PRIMARY KEY and UNIQUE': 1,
      'an index statement': 1,
      'marked onlyif mysql': 1,
      'marked skipif postgresql': 1,
      'REPLACE and OR … of SQLite': 1,
      'after REPLACE and OR … of SQLite': 1,
    },
  });
});

test("a file of DuckDB's: loops, connections, several statements in one record, what it requires", async () => {
  const text = `# name: test/planted.test
require icu

statement ok
CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (5);

loop i 1 4

query I
SELECT a // \${i} FROM t
----
<REGEX>:[125]

endloop

statement ok con1
SET integer_division = true

query I con1
SELECT a / 2 FROM t
----
2

query R con2
SELECT a / 2 FROM t
----
2.5

restart

query IT nosort
SELECT a, 'x' FROM t
----
5	x

concurrentloop i 0 9

statement ok
SELECT 1

endloop

statement error
SELECT b FROM t
----
Binder Error

statement maybe
SELECT b FROM t

mode skip

statement ok
SELECT 1

mode unskip

require parquet

statement ok
SELECT 1
`;
  const left = { 'a concurrent loop': 1, 'in mode skip': 1, 'requires parquet': 1 };
  assert.deepEqual(told(await run('duckdb', text)), { passed: 10, failed: [], left });
  const strict = await run('duckdb', text, true);
  assert.equal(strict.passed, 9);
  assert.match(
    strict.failures[0]?.message ?? '',
    /^an error that says "Binder Error" is wanted: sql_bind: column "b"/,
  );
});

test('an error that says that Sheaf lacks something is not the one that is wanted', async () => {
  const { failures } = await run(
    'datafusion',
    'statement error DataFusion error.*\nVACUUMS\n\nquery error\nPIVOT INTO t\n',
  );
  assert.deepEqual(
    failures.map(({ line, message }) => `${line.toString()}: ${groupOf(message)}`),
    ['4: an error is wanted, but not this one: sql_unsupported: PIVOT is not supported yet'],
  );
});

test('what a statement that was left out makes is neither read nor dropped; COPY has a folder', async () => {
  const text = `statement ok
CREATE TYPE mood AS ENUM ('a')

statement ok
CREATE TABLE a(x mood)

statement ok
DROP TABLE a

statement ok
CREATE TABLE a AS SELECT 1 AS x

query I
SELECT x FROM a
----
1

statement ok
COPY a TO '__TEST_DIR__/a.csv'

statement ok
DROP TABLE a
`;
  assert.deepEqual(told(await run('duckdb', text)), {
    passed: 4,
    failed: [],
    left: { 'sequences, macros and types': 1, 'reads what a statement that was left out makes': 2 },
  });
});

test('a line that is not known ends a file aloud, and a report groups what failed', async () => {
  const outcome = await run(
    'datafusion',
    'query I\nSELECT 1\n----\n2\n\nquery I\nSELECT 3\n----\n4\n\nsystem ok\n\nquery I\nSELECT 1\n----\n1\n',
  );
  const file = { ...outcome, path: 'a.slt', milliseconds: 1_500 };
  assert.equal(fileLine(file), 'a.slt: 0 passed, 2 failed, 1 not applicable, 1.5 s');
  assert.deepEqual(summaryLines([file]), [
    '',
    'not applicable:',
    '       1  after system, which is not known here',
    '',
    'failed:',
    '       2  row N, column N is "…", "…" is wanted',
    '            a.slt:1: SELECT 1',
    '',
    '1 files, records: 0 passed (0.00 % of those that apply), 2 failed, 1 not applicable, 1.5 s',
  ]);
  assert.match(failureText([file]), /^a\.slt:1\nSELECT 1\n---- row 1, column 1 is "1", "2" is wanted\n/);
});
