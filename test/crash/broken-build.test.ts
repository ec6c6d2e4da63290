/**
 * The harness proves itself: five builds that are broken on purpose are each caught (that the build which is not
 * passes is power-loss.test.ts).
 *
 * Method: the sources are copied, one text is replaced (built-sources.ts sees to it that it was there), and the crash
 * states or the real power cuts are run against the copy. `synchronous=NORMAL` shows in real power cuts only: what
 * SQLite does with its files is outside the disk in memory.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildSources } from '../support/built-sources.ts';
import type { Breakage } from '../support/built-sources.ts';
import { makeLoopDisk } from '../support/loop-disk.ts';
import { report } from '../support/report.ts';
import type { CrashOutcome } from './crash-states.ts';
import { runPowerCuts } from './power-cuts.ts';

const STATES = 500;
const CUTS_MAX = 40;
const SEED = 7;

const BROKEN: readonly (readonly [name: string, breakages: readonly Breakage[]])[] = [
  [
    'no fdatasync',
    [
      {
        file: 'src/storage/segment-writer.ts',
        from: "await present(this.#file, 'file of a flushed segment').dataSync();",
        to: '',
      },
    ],
  ],
  [
    'catalog before data',
    [
      {
        file: 'src/storage/segment-writer.ts',
        from: 'if (parts.length > 0) await this.#file.write(parts, position);',
        to: `const late = this.#file;
    if (parts.length > 0) setTimeout(() => void late.write(parts, position).then(() => late.dataSync()).catch(() => undefined), 3);`,
      },
    ],
  ],
  [
    'no directory sync',
    [
      {
        file: 'src/storage/table-work.ts',
        from: `await os.syncDirectory(this.table.definition.path);
      if (this.isNew) await os.syncDirectory(paths.tables);`,
        to: 'os.willNeed(new Uint8Array(0), 0, paths.tables.length);',
      },
    ],
  ],
  [
    'acknowledge before commit',
    [
      {
        file: 'src/catalog/catalog.ts',
        from: "await this.#call('apply', packed, transfer);",
        to: "setImmediate(() => void this.#call('apply', packed, transfer).catch(() => undefined));",
      },
    ],
  ],
];

function statesOf(breakages: readonly Breakage[]): CrashOutcome {
  const program = join(buildSources(breakages), 'test', 'crash', 'crash-states.js');
  const words = [program, STATES.toString(), SEED.toString()];
  const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as CrashOutcome;
}

function tell(name: string, tried: number, unit: string, failure: string | undefined): void {
  report({
    id: `broken-${name.replaceAll(/[ =]/g, '-').toLowerCase()}`,
    what: `a build broken on purpose: ${name}`,
    command: 'npm run test:suite -- broken-build',
    count: tried,
    unit,
    result: failure === undefined ? 'NOT CAUGHT' : 'caught',
  });
}

for (const [name, breakages] of BROKEN) {
  test(`a build with ${name} is caught`, (t) => {
    const { states, failures } = statesOf(breakages);
    t.diagnostic(`after ${states.toString()} states: ${failures[0] ?? 'nothing'}`);
    tell(name, states, 'states', failures[0]);
    assert.ok(failures.length > 0, `${states.toString()} states showed nothing`);
  });
}

test('a build with synchronous=NORMAL is caught', { timeout: 600_000 }, async (t) => {
  const disk = await makeLoopDisk();
  if (typeof disk === 'string') {
    t.diagnostic(`NOT TESTED: ${disk}`);
    t.skip(disk);
    return;
  }
  try {
    const normal = { file: 'src/catalog/connection.ts', from: "['synchronous', 2]", to: "['synchronous', 1]" };
    const { cuts, failures } = await runPowerCuts(disk, buildSources([normal]), CUTS_MAX, SEED);
    t.diagnostic(`after ${cuts.toString()} cuts: ${failures[0] ?? 'nothing'}`);
    tell('synchronous=NORMAL', cuts, 'power cuts', failures[0]);
    assert.ok(failures.length > 0, `${cuts.toString()} cuts showed nothing`);
  } finally {
    disk.dispose();
  }
});
