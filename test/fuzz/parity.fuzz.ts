/**
 * What is SQL and what is not, where nobody wrote it: statements of the tests with a token deleted, doubled or swapped
 * with another, and keywords where names stand, put to three parsers.
 *
 * Method: test/sql/parity.test.ts. A round is a statement with some changes, or a keyword at every place.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { TestContext } from 'node:test';
import { Judges } from '../sql-parity/judges.ts';
import { isShared, Tally } from '../sql-parity/tally.ts';
import { changed, placed, statements } from '../sql-parity/texts.ts';
import { pythonPath, PYTHON_MISSING } from '../support/python.ts';
import { fuzz, pick } from './rounds.ts';

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;
/** Changes of one statement. */
const CHANGES = 4;

let judges: Judges;

before(async () => {
  if (skip === false) judges = await Judges.open();
});

after(() => {
  if (skip === false) judges.close();
});

function report(t: TestContext, tally: Tally): void {
  for (const line of tally.lines()) t.diagnostic(line);
}

test('statements with tokens out of place are taken and refused as by DuckDB', { skip }, async (t) => {
  const texts = statements();
  const tally = new Tally();
  await fuzz(t, 'parity changes', 1_500, async (random) => {
    const sql = pick(random, texts);
    const changes = Array.from({ length: CHANGES }, () => changed(sql, random));
    const [whole, ...verdicts] = await judges.judge([sql, ...changes]);
    const shared = whole !== undefined && isShared(whole);
    for (const verdict of verdicts) tally.add(verdict, shared);
    assert.deepEqual(tally.unexplained, []);
  });
  report(t, tally);
});

test('keywords are taken and refused as names as by DuckDB', { skip }, async (t) => {
  const words = await judges.words();
  assert.ok(words.length > 400, words.length.toString());
  const tally = new Tally();
  await fuzz(t, 'parity words', 60, async (random) => {
    for (const verdict of await judges.judge(placed(pick(random, words)))) tally.add(verdict, false);
    assert.deepEqual(tally.unexplained, []);
  });
  report(t, tally);
});
