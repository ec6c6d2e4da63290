/**
 * The soak in its shortest form: all actors, kills, and the checker that knows every acknowledged row.
 *
 * Method: test/soak, which `npm run soak -- --minutes N` runs for longer. The seed is printed. What the checker accepts
 * and refuses is shown on tables that only exist here.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Journal, Model, Violation } from '../soak/ledger.ts';
import type { Ways } from '../soak/ledger.ts';
import { playSoak } from '../soak/play.ts';
import { slopeOf } from '../soak/samples.ts';
import { temporaryDirectory } from '../support/sheaf-process.ts';

const DURATION_MS = 20_000;

/** A server that answers every query with `rows`, and loses what is asked of it. */
function answering(rows: readonly (readonly number[])[]): Ways {
  return { query: () => Promise.resolve(rows), life: () => Promise.resolve(1), settled: () => Promise.resolve() };
}

const lose = (): Promise<void> => Promise.reject(new Error('lost'));

async function violationOf(check: Promise<unknown>): Promise<string> {
  const error: unknown = await check.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Violation, String(error));
  return error.message;
}

test(
  'twenty seconds of everything at once, with kills: each acknowledged row once',
  { timeout: 150_000 },
  async (t) => {
    const seed = Date.now() % 1_000_000;
    t.diagnostic(`seed ${seed.toString()}`);
    const report = await playSoak(t, {
      directory: temporaryDirectory(t),
      durationMs: DURATION_MS,
      seed,
      killMs: [2_000, 4_000],
      log: (line) => t.diagnostic(line),
    });
    assert.deepEqual(report.leaks, []);
    assert.ok(report.kills >= 2, `${report.kills.toString()} kills`);
    assert.ok(report.acknowledgedRows > 0);
    assert.ok(report.verifiedRows >= report.acknowledgedRows);
  },
);

test('the slope of a line is its slope', () => {
  assert.equal(slopeOf([0, 1, 2, 3], [5, 7, 9, 11]), 2);
  assert.equal(slopeOf([0, 1, 2, 3], [4, 4, 4, 4]), 0);
});

test('a change that was lost is accepted whole or not at all', async () => {
  const before = new Map([
    [1, 0.5],
    [2, 0.5],
  ]);
  const after = new Map([[2, 1.5]]);
  const model = new Model('t');
  await model.change(answering([]), before, () => Promise.resolve());
  await model.change(
    answering([
      [1, 0.5],
      [2, 0.5],
    ]),
    after,
    lose,
  );
  assert.deepEqual(model.rows, before);
  await model.change(answering([[2, 1.5]]), after, lose);
  assert.deepEqual(model.rows, after);
  await model.change(answering([]), before, () => Promise.resolve());
  const half = model.change(
    answering([
      [1, 0.5],
      [2, 1.5],
    ]),
    after,
    lose,
  );
  assert.equal(await violationOf(half), 't: row 2 has 1.5, not 0.5');
});

test('a row that is missing, doubled, foreign or changed is found in a table that was changed', async () => {
  const model = new Model('t');
  await model.change(answering([]), new Map([[1, 0.5]]), () => Promise.resolve());
  assert.equal(await model.verify(answering([[1, 0.5]])), 1);
  assert.equal(await violationOf(model.verify(answering([]))), 't: row 1 is missing');
  assert.equal(
    await violationOf(
      model.verify(
        answering([
          [1, 0.5],
          [1, 0.5],
        ]),
      ),
    ),
    't: row 1 is there twice',
  );
  assert.equal(
    await violationOf(
      model.verify(
        answering([
          [1, 0.5],
          [2, 0.5],
        ]),
      ),
    ),
    't: row 2 should not be there',
  );
  assert.equal(await violationOf(model.verify(answering([[1, 1.5]]))), 't: row 1 has 1.5, not 0.5');
});

test('a row that is missing, doubled or foreign is found in a table that was appended to', async () => {
  const journal = new Journal('t');
  journal.begin(1, 2);
  journal.acknowledge(1);
  const rows = [
    [1, 0, 0],
    [1, 1, 0.25],
  ];
  assert.equal(await journal.verify(answering(rows)), 2);
  const found = async (given: readonly (readonly number[])[]) => violationOf(journal.verify(answering(given)));
  assert.equal(await found(rows.slice(0, 1)), 't, writer 1: 1 rows, not 2 to 2');
  assert.equal(await found(rows.slice(1)), 't, writer 1: id 1 with value 0.25, not id 0');
  assert.equal(await found([...rows, [1, 1, 0.25]]), 't, writer 1: id 1 with value 0.25, not id 2');
  assert.equal(await found([...rows, [1, 2, 0.5]]), 't, writer 1: 3 rows, not 2 to 2');
  assert.equal(await found([...rows, [7, 0, 0]]), 't, writer 7: 1 rows, not 0 to 0');
});

test('a stream that was lost is accepted whole or not at all', async () => {
  const journal = new Journal('t');
  journal.begin(1, 3);
  await journal.settle(answering([[0, Number.NaN, Number.NaN]]), 1);
  assert.equal(journal.acknowledgedRows, 0);
  journal.begin(1, 3);
  const torn = 'writer 1 of t has 2 rows, ids 0 … 1; 0 were acknowledged and 3 under way';
  assert.equal(await violationOf(journal.settle(answering([[2, 0, 1]]), 1)), torn);
  assert.equal(await violationOf(journal.settle(answering([[3, 0, 3]]), 1)), 'writer 1 of t has 3 rows, ids 0 … 3');
  await journal.settle(answering([[3, 0, 2]]), 1);
  assert.equal(journal.acknowledgedRows, 3);
});
