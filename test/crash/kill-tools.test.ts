/**
 * kill -9 half-way through a backup, a restore, a repair and a migration: what was there before is there, and the same
 * command, or the next start, brings it to its end.
 *
 * Method: a child (tool-victim.ts) kills itself at the step; then the backup is restored, the restore and the repair
 * are run again, the migrated database is opened, and all rows are held against those before. SHEAF_KILL_STEPS: how
 * many of the steps, chosen by seed (SHEAF_SEED); 0 is all of them.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { backUpDatabase } from '../../src/storage/backup.ts';
import { repairDatabase } from '../../src/storage/repair.ts';
import { restoreDatabase } from '../../src/storage/restore.ts';
import { numbered, put, temporaryDirectory } from '../storage/fixture.ts';
import { makeSample, openSmall, segmentsOf } from '../storage/sample-database.ts';
import { buildSources } from '../support/built-sources.ts';
import { digestTables } from '../support/format-fixture.ts';
import type { Expected } from '../support/format-fixture.ts';
import { makeRandom } from '../support/random.ts';
import { amount, report } from '../support/report.ts';
import { Doomed } from './doomed.ts';

type ToolStep = readonly [tool: Tool, kind: string, when: string, nth?: number];
type Tool = 'backup' | 'restore' | 'repair' | 'migrate';

const STEPS: readonly ToolStep[] = [
  ['backup', 'create', 'before'],
  ['backup', 'write', 'half'],
  ['backup', 'write', 'after', 2],
  ['backup', 'dataSync', 'before'],
  ['backup', 'rename', 'before'],
  ['backup', 'rename', 'after'],
  ['backup', 'syncDirectory', 'before', 2],
  ['backup', 'writeFile', 'before'],
  ['backup', 'writeFile', 'after'],
  ['backup', 'unlink', 'before'],
  ['backup', 'unlink', 'after'],
  ['restore', 'makeDirectory', 'after'],
  ['restore', 'write', 'half'],
  ['restore', 'write', 'half', 3],
  ['restore', 'dataSync', 'before'],
  ['restore', 'syncDirectory', 'before'],
  ['restore', 'rename', 'before'],
  ['restore', 'rename', 'after'],
  ['repair', 'link', 'before'],
  ['repair', 'link', 'after'],
  ['repair', 'rebuild', 'before'],
  ['repair', 'rebuild', 'after'],
  ['repair', 'rename', 'before'],
  ['repair', 'rename', 'after'],
  ['repair', 'write', 'half'],
  ['repair', 'dataSync', 'after'],
  ['repair', 'rebuild', 'before', 2],
  ['repair', 'rebuild', 'after', 2],
  ['repair', 'unlink', 'after'],
  ['migrate', 'statement', 'before'],
  ['migrate', 'statement', 'during', 1],
  ['migrate', 'statement', 'during', 2],
  ['migrate', 'statement', 'during', 6],
  ['migrate', 'statement', 'during', 9],
  ['migrate', 'statement', 'during', 14],
  ['migrate', 'statement', 'after'],
];

const CHOSEN = amount('SHEAF_KILL_STEPS', 12);
const FIXTURE = fileURLToPath(new URL('../fixtures/format-1', import.meta.url));

async function rowsIn(directory: string): Promise<Expected> {
  const storage = await openSmall(directory);
  try {
    return await digestTables(storage);
  } finally {
    await storage.close();
  }
}

/** A copy in a directory of its own. */
function copyOf(t: TestContext, directory: string): string {
  const copied = join(temporaryDirectory(t), 'data');
  cpSync(directory, copied, { recursive: true });
  return copied;
}

/** What the steps begin with. */
interface Stage {
  readonly program: string;
  /** A database, and its rows. */
  readonly database: string;
  readonly rows: Expected;
  /** A backup of it, of an earlier moment, and the rows then. */
  readonly oldBackup: string;
  readonly oldRows: Expected;
  /** A backup of it now. */
  readonly backup: string;
  /** A damaged one, and its rows after a repair that nobody killed. */
  readonly damaged: string;
  readonly repairedRows: Expected;
}

async function makeStage(t: TestContext): Promise<Stage> {
  const database = await makeSample(t);
  const oldRows = await rowsIn(database);
  const oldBackup = join(temporaryDirectory(t), 'backup');
  await backUpDatabase({ directory: database, target: oldBackup, copy: true });
  const storage = await openSmall(database);
  await put(storage, 'open', [numbered(228, 64)]);
  await put(storage, 'more', [numbered(0, 64)]);
  await storage.truncate('words');
  await storage.close();
  const backup = join(temporaryDirectory(t), 'backup');
  await backUpDatabase({ directory: database, target: backup, copy: true });
  const damaged = await makeDamaged(t);
  const repaired = copyOf(t, damaged);
  await repairDatabase({ directory: repaired });
  return {
    program: join(buildSources(), 'test', 'crash', 'tool-victim.js'),
    database,
    rows: await rowsIn(database),
    oldBackup,
    oldRows,
    backup,
    damaged,
    repairedRows: await rowsIn(repaired),
  };
}

/** A killed database whose catalog is lost, and in which a sealed segment has a wrong byte. */
async function makeDamaged(t: TestContext): Promise<string> {
  const directory = await makeSample(t, { killed: true });
  const [segment] = segmentsOf(directory, 'whole');
  assert.ok(segment !== undefined);
  const bytes = readFileSync(segment.path);
  const at = bytes.byteLength >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(segment.path, bytes);
  writeFileSync(join(directory, 'catalog.db'), 'gone');
  return directory;
}

async function kill(stage: Stage, [tool, kind, when, nth = 1]: ToolStep, from: string, to = ''): Promise<void> {
  const child = new Doomed(stage.program, [tool, kind, when, nth.toString(), from, to]);
  await child.until((text) => text.includes('end\n'));
  await child.ended;
  assert.equal(child.child.signalCode, 'SIGKILL', `it never came there: ${child.text}${child.errors}`);
}

const TRIALS: Readonly<Record<Tool, (t: TestContext, stage: Stage, step: ToolStep) => Promise<void>>> = {
  async backup(t, stage, step) {
    const target = copyOf(t, stage.oldBackup);
    await kill(stage, step, stage.database, target);
    const restored = join(temporaryDirectory(t), 'restored');
    await restoreDatabase({ backup: target, directory: restored });
    const rows = JSON.stringify(await rowsIn(restored));
    const known = [stage.oldRows, stage.rows].map((one) => JSON.stringify(one));
    assert.ok(known.includes(rows), 'the backup is neither the old one nor the new one');
    await backUpDatabase({ directory: stage.database, target, copy: true });
    rmSync(restored, { recursive: true });
    await restoreDatabase({ backup: target, directory: restored });
    assert.deepEqual(await rowsIn(restored), stage.rows);
  },
  async restore(t, stage, step) {
    const target = join(temporaryDirectory(t), 'restored');
    await kill(stage, step, stage.backup, target);
    if (!existsSync(target)) await restoreDatabase({ backup: stage.backup, directory: target });
    assert.deepEqual(await rowsIn(target), stage.rows);
  },
  async repair(t, stage, step) {
    const directory = copyOf(t, stage.damaged);
    await kill(stage, step, directory);
    await repairDatabase({ directory });
    assert.deepEqual(await rowsIn(directory), stage.repairedRows);
  },
  async migrate(t, stage, step) {
    const directory = copyOf(t, join(FIXTURE, 'database'));
    await kill(stage, step, directory);
    const expected = JSON.parse(readFileSync(join(FIXTURE, 'expected.json'), 'utf8')) as Expected;
    assert.deepEqual(await rowsIn(directory), expected);
    assert.deepEqual(await rowsIn(directory), expected, 'opened again');
  },
};

test(
  'killed half-way, a tool leaves what was there, and the next run ends its work',
  { timeout: 600_000 },
  async (t) => {
    const seed = amount('SHEAF_SEED', Date.now() % 1_000_000);
    const random = makeRandom(seed);
    const chosen = STEPS.filter(() => CHOSEN === 0 || random() < CHOSEN / STEPS.length);
    t.diagnostic(`${chosen.length.toString()} of ${STEPS.length.toString()} steps, seed ${seed.toString()}`);
    const stage = await makeStage(t);
    const failures: string[] = [];
    for (const step of chosen) {
      await TRIALS[step[0]](t, stage, step).catch((error: unknown) => {
        failures.push(`${step.join(' ')}: ${String(error)}`);
      });
    }
    report({
      id: 'kill-tools',
      what: 'kill -9 half-way through a backup, a restore, a repair (lost catalog, damaged segment) and a migration',
      command: `SHEAF_KILL_STEPS=${CHOSEN.toString()} SHEAF_SEED=${seed.toString()} npm run test:suite -- kill-tools`,
      count: chosen.length,
      unit: 'steps',
      result: `${failures.length.toString()} that left something else, or could not be gone on with`,
    });
    assert.deepEqual(failures, []);
  },
);
