/**
 * Real errors of the kernel under a real process: strace answers its system calls with errors, with short counts that
 * are lies, or late; limits of descriptors and of file sizes are lowered under it.
 *
 * Whatever comes: the process ends its work by itself, refusing what it must; the next one, without faults, finds all
 * that was acknowledged, and works. SHEAF_KERNEL_FAULTS=all tries more moments.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildSources } from '../support/built-sources.ts';
import { report } from '../support/report.ts';
import { STRACE_MISSING, attachStrace } from '../support/strace.ts';
import { Doomed } from './doomed.ts';
import { Ledger } from './ledger.ts';
import type { Leniency } from './ledger.ts';
import { hear } from './rows.ts';
import { makeFastDirectory } from './workload.ts';

const ALL = process.env['SHEAF_KERNEL_FAULTS'] === 'all';
const NTHS = ALL ? [1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 30] : [4];
const STREAMS_A_RUN = 10_000;

interface Injection {
  readonly name: string;
  /** strace's `-e inject=` words. */
  readonly words: readonly string[];
  readonly leniency?: Leniency;
}

/** strace counts calls per thread: those of the one thread of the pool, and those of the catalog's. */
function injections(): Injection[] {
  const all: Injection[] = [];
  for (const nth of NTHS) {
    const when = `when=${nth.toString()}`;
    for (const [call, errno] of [
      ['fdatasync', 'EIO'],
      ['fsync', 'EIO'],
      ['pwritev', 'EIO'],
      ['pwritev', 'ENOSPC'],
      ['pwrite64', 'EIO'],
      ['pwrite64', 'ENOSPC'],
      ['pread64', 'EIO'],
      ['ftruncate', 'EIO'],
      ['unlink', 'EIO'],
    ] as const) {
      all.push({ name: `${call} ${errno} at call ${nth.toString()}`, words: [`${call}:error=${errno}:${when}`] });
    }
  }
  all.push(
    { name: 'fdatasync EIO from call 4 on', words: ['fdatasync:error=EIO:when=4+'] },
    { name: 'pwritev ENOSPC from call 5 on', words: ['pwritev:error=ENOSPC:when=5+'] },
    { name: 'fdatasync takes 200 ms', words: ['fdatasync:delay_enter=200000:when=1+4'] },
    { name: 'a lying write', words: ['pwritev:retval=64:when=4'], leniency: { damage: true } },
  );
  return all;
}

interface Tried {
  readonly text: string;
  readonly exitCode: number | null;
}

/** Runs a program in the directory to its end. @throws when it hangs, or ends by a bug */
async function run(child: Doomed, name: string): Promise<Tried> {
  try {
    await child.until((text) => text.includes('\nend\n'));
    await child.ended;
  } finally {
    await child.kill();
  }
  assert.ok(!child.errors.includes('BUG'), `${name}: ${child.errors}`);
  const { exitCode } = child.child;
  assert.ok(exitCode === 0 || exitCode === 3, `${name}: ended with ${String(exitCode)}: ${child.errors}`);
  return { text: child.text, exitCode };
}

/** Runs with the fault, then without. Returns how much was refused. */
async function suffer(
  program: string,
  name: string,
  start: (args: readonly string[]) => Promise<Doomed>,
  leniency: Leniency = { damage: false },
): Promise<number> {
  const directory = makeFastDirectory();
  const ledger = new Ledger();
  try {
    const faulty = await run(await start([directory, STREAMS_A_RUN.toString()]), name);
    hear(faulty.text, ledger, leniency);
    const well = new Doomed(program, [directory, (2 * STREAMS_A_RUN).toString()]);
    const after = await run(well, `after ${name}`);
    assert.equal(after.exitCode, 0, `after ${name} it does not open: ${well.errors}`);
    const { damaged } = hear(after.text, ledger, leniency);
    if (damaged.length === 0) assert.ok(!after.text.includes('\nrefused'), `after ${name}: ${after.text}`);
    return faulty.text.split('\nrefused').length - 1;
  } catch (error) {
    throw new Error(`${name}: ${String(error)}`, { cause: error });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test('errors that the kernel gives lose nothing', { timeout: 3_600_000 }, async (t) => {
  if (STRACE_MISSING !== undefined) {
    t.diagnostic(`NOT TESTED: ${STRACE_MISSING}`);
    t.skip(STRACE_MISSING);
    return;
  }
  const program = join(buildSources(), 'test', 'crash', 'sufferer.js');
  const failures: string[] = [];
  let felt = 0;
  let refused = 0;
  const waiting = injections();
  const logs = mkdtempSync(join(tmpdir(), 'sheaf-strace-'));
  const work = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const { name, words, leniency } = one;
      const log = join(logs, waiting.length.toString());
      const start = async (args: readonly string[]): Promise<Doomed> => {
        // Node reads its modules by pread64 until the database is open.
        const moment = words.some((word) => word.startsWith('pread64')) ? 'open' : 'loaded';
        const child = new Doomed(program, [...args, moment], { UV_THREADPOOL_SIZE: '1' });
        await child.until((text) => text.includes(`${moment}\n`));
        await attachStrace(child.child.pid ?? 0, words, log);
        child.child.stdin?.write('go\n');
        return child;
      };
      const outcome = await suffer(program, name, start, leniency).catch((error: unknown) => {
        failures.push(String(error));
        return 0;
      });
      if (outcome > 0) refused++;
      felt += readFileSync(log, 'utf8').split(/\((?:INJECTED|DELAYED)\)/).length - 1;
    }
  };
  await Promise.all([work(), work()]);
  rmSync(logs, { recursive: true, force: true });
  t.diagnostic(`${felt.toString()} calls answered wrongly or late, ${refused.toString()} runs with refusals`);
  report({
    id: 'kernel-errors',
    what: 'strace: EIO and ENOSPC of fdatasync, fsync, pwrite, pread, ftruncate, unlink; slow syncs; lying writes',
    command: `${ALL ? 'SHEAF_KERNEL_FAULTS=all ' : ''}npm run test:suite -- kernel-fault`,
    count: felt,
    unit: 'calls',
    result: `${failures.length.toString()} with a loss, a hang, a crash, or a start that failed`,
  });
  assert.deepEqual(failures, []);
  assert.ok(refused > 0, 'no injection was felt');
});

for (const [what, limits] of [
  ['descriptors', ['--nofile=24', '--nofile=30', '--nofile=36']],
  ['the size of a file', ['--fsize=3000', '--fsize=30000', '--fsize=200000']],
] as const) {
  test(`a limit of ${what}, lowered under the process, loses nothing`, { timeout: 600_000 }, async (t) => {
    if (spawnSync('prlimit', ['--version']).status !== 0) {
      t.diagnostic('NOT TESTED: prlimit is not installed');
      t.skip('prlimit is not installed');
      return;
    }
    const program = join(buildSources(), 'test', 'crash', 'sufferer.js');
    let refused = 0;
    for (const limit of limits) {
      refused += await suffer(program, limit, async (args) => {
        const child = new Doomed(program, [...args, 'open']);
        await child.until((text) => text.includes('\nopen\n'));
        execFileSync('prlimit', ['--pid', String(child.child.pid), limit]);
        child.child.stdin?.write('go\n');
        return child;
      });
    }
    t.diagnostic(`${limits.length.toString()} limits, ${refused.toString()} steps refused`);
    report({
      id: `limit-${what === 'descriptors' ? 'nofile' : 'fsize'}`,
      what: `a lowered limit of ${what} (prlimit)`,
      command: 'npm run test:suite -- kernel-fault',
      count: limits.length,
      unit: 'runs',
      result: `0 with a loss, a hang or a crash; ${refused.toString()} steps refused`,
    });
    assert.ok(refused > 0, 'no limit was felt');
  });
}
