/**
 * What is SQL and what is not: our parser against DuckDB's, whose dialect ours is, and against PostgreSQL's.
 *
 * Method: every statement of the golden files and of test/slt, and some of SQLite's suite, are put to the three parsers
 * (test/sql-parity). A difference from DuckDB has to be something that we say we lack (`sql_unsupported`), or has to be
 * known by one of the few rules there. The subset that is shared with PostgreSQL is the statements that all three take,
 * so that each of their tokens and forms is claimed by all, and, in test/fuzz/parity.fuzz.ts, what has only tokens of
 * such a statement. Where libpg-query and we differ, DuckDB decides (test/sql-parity/tally.ts).
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { planStatement } from '../../src/plan/plan.ts';
import { fakeCatalog } from '../plan/fake-catalog.ts';
import { Judges } from '../sql-parity/judges.ts';
import { PLANNED, RULES } from '../sql-parity/rules.ts';
import { isShared, Tally } from '../sql-parity/tally.ts';
import { statements } from '../sql-parity/texts.ts';
import { pythonPath, PYTHON_MISSING } from '../support/python.ts';
import { statementsOf } from '../support/sql-texts.ts';

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

const corpus = process.env['SHEAF_CORPUS'] ?? fileURLToPath(new URL('../../../shared/corpus', import.meta.url));
const SQLITE_FILES = [1, 2, 3, 4, 5].map((n) => join(corpus, 'slt', `select${n.toString()}.test`));
const noCorpus = SQLITE_FILES.every((path) => existsSync(path))
  ? false
  : "no corpus of SQLite's sqllogictest: set SHEAF_CORPUS to its directory";

/** Every so many of SQLite's statements is asked; they are much alike. */
const SQLITE_STEP = 20;

async function check(t: TestContext, texts: readonly string[]): Promise<void> {
  const judges = await Judges.open();
  const tally = new Tally();
  try {
    for (const verdict of await judges.judge(texts)) tally.add(verdict, isShared(verdict));
  } finally {
    judges.close();
  }
  for (const line of tally.lines()) t.diagnostic(line);
  assert.deepEqual(tally.unexplained, []);
}

test('statements of the tests are taken and refused as by DuckDB', { skip }, async (t) => {
  const texts = statements();
  assert.ok(texts.length > 2_000, texts.length.toString());
  await check(t, texts);
});

test("statements of SQLite's suite are taken and refused as by DuckDB", { skip: skip || noCorpus }, async (t) => {
  const texts = SQLITE_FILES.flatMap((path) => statementsOf(readFileSync(path, 'utf8')));
  await check(
    t,
    texts.filter((_, i) => i % SQLITE_STEP === 0),
  );
});

test('each rule knows its examples, by the answers of today, and no rule before it does', { skip }, async () => {
  const judges = await Judges.open();
  try {
    for (const rule of RULES) {
      for (const verdict of await judges.judge(rule.examples)) {
        const knowing = RULES.find((each) => each.knows(verdict));
        assert.equal(knowing?.name, rule.name, `${verdict.sql}: ${verdict.ourText} ${verdict.duckdbText}`);
      }
    }
  } finally {
    judges.close();
  }
});

test('what DuckDB says while it parses is said when a statement is planned', () => {
  const examples = RULES.find((rule) => rule.name === PLANNED)?.examples ?? [];
  for (const sql of examples) assert.throws(() => planStatement(sql, fakeCatalog), { name: 'EngineError' }, sql);
});
