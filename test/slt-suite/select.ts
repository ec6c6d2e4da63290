/**
 * Goal: SQLite's select1 to select5 are answered as SQLite, PostgreSQL, MySQL, SQL Server and Oracle agreed.
 * Method: each file in a process of its own, on a fresh database; every record must pass, and as many as the file has,
 * so that none is left out unseen. What does not apply is index statements, tables that are made without their keys,
 * and what is marked as not PostgreSQL's.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { groupOf, summaryLines } from './report.ts';
import { runFile } from './suite.ts';

const corpus = process.env['SHEAF_CORPUS'] ?? fileURLToPath(new URL('../../../shared/corpus', import.meta.url));
const root = join(corpus, 'slt');
const missing = existsSync(root)
  ? undefined
  : "no corpus of SQLite's sqllogictest: set SHEAF_CORPUS to its directory";
if (missing !== undefined && process.env['CI'] !== undefined) throw new Error(missing);

const MARKED =
  /^(?:an index statement|CREATE TABLE, made without its PRIMARY KEY and UNIQUE|marked (?:onlyif|skipif) \w+)$/;

/** Registers the test of one file, of which `count` records apply. */
export function testSelect(name: string, count: number): void {
  test(`every record of ${name} passes`, { skip: missing ?? false }, async (t) => {
    const outcome = await runFile(join(root, name), { dialect: 'sqlite' });
    t.diagnostic(`${name}: ${outcome.passed.toString()} records passed`);
    const groups = [...new Set(outcome.failures.map((failure) => groupOf(failure.message)))];
    assert.deepEqual(groups, [], summaryLines([outcome]).join('\n'));
    assert.equal(outcome.passed, count);
    for (const reason of outcome.notApplicable.keys()) assert.match(reason, MARKED);
  });
}
