/**
 * kill -9 at every named step of a commit, of making a table, of a private stream, a seal, a rewrite (DELETE, UPDATE,
 * TRUNCATE), ALTER, compaction, a drop and its unlinking, a stop, and a recovery.
 *
 * Method: a child (victim.ts) kills itself at the step; the next one opens what it left, says what is there, and
 * goes on to the next step, so that every start but the first is a recovery; the last one walks the whole way to its
 * end. Backup, restore, repair and migration: kill-tools.test.ts. SHEAF_KILL_STEPS: how many of the steps, chosen by
 * seed (SHEAF_SEED); 0 is all of them.
 */
import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildSources } from '../support/built-sources.ts';
import { makeRandom } from '../support/random.ts';
import { amount, report } from '../support/report.ts';
import { Doomed } from './doomed.ts';
import { Ledger } from './ledger.ts';
import { hear } from './rows.ts';
import { makeFastDirectory } from './workload.ts';

type When = 'before' | 'half' | 'during' | 'after';

/** The step's name in STORAGE's crash table or in words, and where victim.ts dies for it. */
type KillStep = readonly [name: string, phase: string, kind: string, when: When, nth?: number];

const STEPS: readonly KillStep[] = [
  ['C1 before the write', 'commit', 'write', 'before'],
  ['C2 in the middle of a write', 'commit', 'write', 'half'],
  ['C2 after one of two writes', 'commit', 'write', 'after'],
  ['C2 in the second write', 'commit', 'write', 'half', 2],
  ['C3 before the sync', 'commit', 'dataSync', 'before'],
  ['C3 after the sync', 'commit', 'dataSync', 'after'],
  ['C3 after the second sync', 'commit', 'dataSync', 'after', 2],
  ['C4 before the transaction', 'commit', 'catalog', 'before'],
  ['C4 inside the transaction', 'commit', 'catalog', 'during'],
  ['C5 after the transaction, before the swap', 'commit', 'catalog', 'after'],
  ['C6 after the acknowledgement', 'commit', 'acknowledge', 'after'],
  ['create: before the directory', 'create', 'makeDirectory', 'before'],
  ['create: after the directory', 'create', 'makeDirectory', 'after'],
  ['create: before the file', 'create', 'create', 'before'],
  ['create: after the file', 'create', 'create', 'after'],
  ['create: half of schema and rows', 'create', 'write', 'half'],
  ['create: before the sync', 'create', 'dataSync', 'before'],
  ['create: before the sync of the table directory', 'create', 'syncDirectory', 'before'],
  ['create: between the syncs of directories', 'create', 'syncDirectory', 'after'],
  ['create: after the syncs of directories', 'create', 'syncDirectory', 'after', 2],
  ['create: before the transaction', 'create', 'catalog', 'before'],
  ['create: inside the transaction', 'create', 'catalog', 'during'],
  ['create: after the transaction', 'create', 'catalog', 'after'],
  ['private: after the file', 'private', 'create', 'after'],
  ['private: half of a write', 'private', 'write', 'half'],
  ['private: half of the end', 'private', 'write', 'half', 2],
  ['private: before the sync', 'private', 'dataSync', 'before'],
  ['private: after the sync', 'private', 'dataSync', 'after'],
  ['private: before the sync of the directory', 'private', 'syncDirectory', 'before'],
  ['private: before the transaction', 'private', 'catalog', 'before'],
  ['private: inside the transaction', 'private', 'catalog', 'during'],
  ['private: after the transaction', 'private', 'catalog', 'after'],
  ['seal: half of the end', 'seal', 'write', 'half', 2],
  ['seal: after the end', 'seal', 'write', 'after', 2],
  ['seal: before the sync', 'seal', 'dataSync', 'before', 2],
  ['seal: after the sync', 'seal', 'dataSync', 'after', 2],
  ['seal: before the transaction', 'seal', 'catalog', 'before', 2],
  ['seal: inside the transaction', 'seal', 'catalog', 'during', 2],
  ['seal: after the transaction', 'seal', 'catalog', 'after', 2],
  ['R2 of DELETE: before the file', 'delete', 'create', 'before'],
  ['R2 of DELETE: after the file', 'delete', 'create', 'after'],
  ['R2 of DELETE: half of a write', 'delete', 'write', 'half'],
  ['R2 of DELETE: in the write of the second segment', 'delete', 'write', 'half', 3],
  ['R2 of DELETE: before the sync', 'delete', 'dataSync', 'before'],
  ['R2 of DELETE: after the sync', 'delete', 'dataSync', 'after'],
  ['R2 of DELETE: before the sync of the directory', 'delete', 'syncDirectory', 'before'],
  ['R2 of DELETE: one of three segments is built', 'delete', 'syncDirectory', 'after'],
  ['R3 of DELETE: before the transaction', 'delete', 'catalog', 'before'],
  ['R3 of DELETE: inside the transaction', 'delete', 'catalog', 'during'],
  ['R3 of DELETE: after the transaction, before the swap', 'delete', 'catalog', 'after'],
  ['R4 of DELETE: after the acknowledgement', 'delete', 'acknowledge', 'after'],
  ['R4 of DELETE: before an old file goes', 'delete', 'unlink', 'before'],
  ['R4 of DELETE: after an old file went', 'delete', 'unlink', 'after'],
  ['R2 of UPDATE: half of a write', 'update', 'write', 'half', 2],
  ['R3 of UPDATE: before the transaction', 'update', 'catalog', 'before'],
  ['R3 of UPDATE: inside the transaction', 'update', 'catalog', 'during'],
  ['R3 of UPDATE: after the transaction', 'update', 'catalog', 'after'],
  ['R2 of TRUNCATE: half of the empty segment', 'truncate', 'write', 'half'],
  ['R3 of TRUNCATE: before the transaction', 'truncate', 'catalog', 'before'],
  ['R3 of TRUNCATE: inside the transaction', 'truncate', 'catalog', 'during'],
  ['R3 of TRUNCATE: after the transaction', 'truncate', 'catalog', 'after'],
  ['R4 of TRUNCATE: after an old file went', 'truncate', 'unlink', 'after'],
  ['ADD COLUMN: before the transaction', 'alter-add', 'catalog', 'before'],
  ['ADD COLUMN: inside the transaction', 'alter-add', 'catalog', 'during'],
  ['ADD COLUMN: after the transaction', 'alter-add', 'catalog', 'after'],
  ['RENAME COLUMN: before the transaction', 'alter-rename', 'catalog', 'before'],
  ['RENAME COLUMN: inside the transaction', 'alter-rename', 'catalog', 'during'],
  ['RENAME COLUMN: after the transaction', 'alter-rename', 'catalog', 'after'],
  ['DROP COLUMN: before the transaction', 'alter-drop', 'catalog', 'before'],
  ['DROP COLUMN: inside the transaction', 'alter-drop', 'catalog', 'during'],
  ['DROP COLUMN: after the transaction', 'alter-drop', 'catalog', 'after'],
  ['compaction: before the file', 'compact', 'create', 'before'],
  ['compaction: half of a write', 'compact', 'write', 'half'],
  ['compaction: half of the end', 'compact', 'write', 'half', 2],
  ['compaction: before the sync', 'compact', 'dataSync', 'before'],
  ['compaction: before the sync of the directory', 'compact', 'syncDirectory', 'before'],
  ['compaction: built', 'compact', 'syncDirectory', 'after'],
  ['compaction: before the transaction', 'compact', 'catalog', 'before'],
  ['compaction: inside the transaction', 'compact', 'catalog', 'during'],
  ['compaction: after the transaction', 'compact', 'catalog', 'after'],
  ['compaction: before an old file goes', 'compact', 'unlink', 'before'],
  ['compaction: after an old file went', 'compact', 'unlink', 'after'],
  ['compaction: inside the removal of rows', 'compact', 'catalog', 'during', 2],
  ['drop: before the transaction', 'drop', 'catalog', 'before'],
  ['drop: inside the transaction', 'drop', 'catalog', 'during'],
  ['drop: after the transaction', 'drop', 'catalog', 'after'],
  ['unlink: before the file goes', 'drop', 'unlink', 'before'],
  ['unlink: file gone, row there', 'drop', 'unlink', 'after'],
  ['unlink: inside the removal of rows', 'drop', 'catalog', 'during', 2],
  ['unlink: rows gone, directory there', 'drop', 'removeDirectory', 'before'],
  ['unlink: all gone', 'drop', 'removeDirectory', 'after'],
  ['stop: half of the end', 'stop', 'write', 'half', 2],
  ['stop: before the transaction', 'stop', 'catalog', 'before', 2],
  ['recover: before an orphan goes', 'recover', 'unlink', 'before'],
  ['recover: after an orphan went', 'recover', 'unlink', 'after'],
  ['recover: before a torn tail is cut off', 'recover', 'truncate', 'before'],
  ['recover: after a torn tail was cut off', 'recover', 'truncate', 'after'],
  ['recover: half of the end', 'recover', 'write', 'half'],
  ['recover: before the sync', 'recover', 'dataSync', 'before'],
  ['recover: after the sync', 'recover', 'dataSync', 'after'],
  ['recover: before the transaction', 'recover', 'catalog', 'before'],
  ['recover: inside the transaction', 'recover', 'catalog', 'during'],
  ['recover: after the transaction', 'recover', 'catalog', 'after'],
];

const STREAMS_A_RUN = 1_000;
/** How many of the steps the suite takes, by seed; 0 is all of them. */
const CHOSEN = amount('SHEAF_KILL_STEPS', 30);

/** About `CHOSEN` of the steps, in their order. */
function chooseSteps(seed: number): readonly KillStep[] {
  if (CHOSEN === 0) return STEPS;
  const random = makeRandom(seed);
  return STEPS.filter(() => random() < CHOSEN / STEPS.length);
}

interface Run {
  readonly program: string;
  readonly directory: string;
  readonly ledger: Ledger;
  starts: number;
}

/** Runs the victim to its death or its end. @throws when it ended in the other way */
async function runVictim(run: Run, [name, phase, kind, when, nth = 1]: KillStep, dies: boolean): Promise<void> {
  const first = (++run.starts * STREAMS_A_RUN).toString();
  const child = new Doomed(run.program, [run.directory, first, phase, kind, when, nth.toString()]);
  await child.until((text) => text.includes('\nend\n'));
  await child.ended;
  const { signalCode, exitCode } = child.child;
  if (dies) assert.equal(signalCode, 'SIGKILL', `${name}: it never came there: ${child.text}${child.errors}`);
  else assert.equal(exitCode, 0, `${name}: the next run failed: ${child.text}${child.errors}`);
  hear(child.text, run.ledger);
}

/** Puts torn bytes behind every segment that has no footer. */
function tearTails(directory: string): void {
  for (const name of readdirSync(join(directory, 'tables'))) {
    const [segment] = readdirSync(join(directory, 'tables', name)).slice(-1);
    if (segment !== undefined) appendFileSync(join(directory, 'tables', name, segment), Buffer.alloc(3_000, 0xee));
  }
}

/** Kills at all of `steps`, one after the other, in one database. */
async function killAtAll(program: string, steps: readonly KillStep[]): Promise<void> {
  const run: Run = { program, directory: makeFastDirectory(), ledger: new Ledger(), starts: 0 };
  let inRecovery = false;
  try {
    for (const step of steps) {
      // A recovery has work to do after this, and as long as it is killed in it.
      if (step[1] === 'recover' && !inRecovery) {
        await runVictim(run, ['an orphan', 'private', 'write', 'half'], true);
        tearTails(run.directory);
        inRecovery = true;
      }
      await runVictim(run, step, true);
    }
    await runVictim(run, ['the run after the last kill', 'none', '', 'before'], false);
  } finally {
    rmSync(run.directory, { recursive: true, force: true });
  }
}

test('killed at any named step, the next start finds all that was acknowledged', { timeout: 600_000 }, async (t) => {
  const program = join(buildSources(), 'test', 'crash', 'victim.js');
  const seed = amount('SHEAF_SEED', Date.now() % 1_000_000);
  const chosen = chooseSteps(seed);
  const middle = chosen.length >> 1;
  const halves = [chosen.slice(0, middle), chosen.slice(middle)];
  const outcomes = await Promise.allSettled(halves.map((steps) => killAtAll(program, steps)));
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []));
  t.diagnostic(`${chosen.length.toString()} of ${STEPS.length.toString()} steps, seed ${seed.toString()}`);
  report({
    id: 'kill-steps',
    what: 'kill -9 at every named step of commit, create, private stream, seal, rewrite, ALTER, compaction, drop, unlink, stop, recovery',
    command: `SHEAF_KILL_STEPS=${CHOSEN.toString()} SHEAF_SEED=${seed.toString()} npm run test:suite -- kill-steps`,
    count: chosen.length,
    unit: 'steps',
    result: `${failures.length.toString()} with a loss, a part of a stream, or a start that failed`,
  });
  assert.deepEqual(failures, []);
});
