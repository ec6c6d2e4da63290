/**
 * What becomes of a commit whose COMMIT failed: the disk's errors are real, the process is killed afterwards, and
 * another one looks at what is there.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Catalog } from '../../src/catalog/catalog.ts';
import { runChild, startChild } from '../support/child.ts';
import type { ChildOutcome } from '../support/child.ts';
import { STRACE_MISSING, attachStrace } from '../support/strace.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Commits until one fails; says how many were acknowledged and why the next was not. */
const COMMIT_UNTIL_REFUSED = `
  import { existsSync } from 'node:fs';
  import { Catalog } from './src/catalog/catalog.ts';
  import { setLogLevel } from './src/base/log.ts';
  import { append, createTable } from './test/catalog/sample.ts';
  setLogLevel('silent');
  const [path, signal, batches, then] = process.argv.slice(1);
  const catalog = await Catalog.open(path);
  await catalog.apply(createTable(1, 1, 'trades'));
  const count = Number(batches);
  let commit = 1;
  const next = async () => {
    await catalog.apply(append(commit + 1, 1, (commit - 1) * count, count));
    commit++;
  };
  console.log('open');
  while (!existsSync(signal)) await new Promise((resolve) => setTimeout(resolve, 5));
  try { for (;;) await next(); } catch (error) { console.log(commit, error.code, error.message); }
  if (then !== 'die') {
    try { await next(); console.log('went on'); } catch (error) { console.log(error.code, error.message); }
    console.log((await catalog.readState()).lastCommit);
  }
  process.kill(process.pid, 'SIGKILL');`;

interface Ending {
  readonly acknowledged: number;
  readonly code: string;
  readonly lines: readonly string[];
}

function endingOf({ stdout, stderr }: ChildOutcome): Ending {
  const [, first = '', ...lines] = stdout.split('\n');
  const [, acknowledged, code = ''] = /^(\d+) (\w+) /.exec(first) ?? [];
  assert.ok(acknowledged !== undefined, `${stdout}${stderr}`);
  return { acknowledged: Number(acknowledged), code, lines: [first, ...lines] };
}

/** Runs the commits under strace, which answers their syncs as `fault` says. */
async function commitUnder(path: string, fault: string, then: string): Promise<Ending> {
  const child = startChild(COMMIT_UNTIL_REFUSED, [path, `${path}.go`, '3', then]);
  await child.seen('open\n');
  await attachStrace(child.pid, [fault], `${path}.strace`);
  writeFileSync(`${path}.go`, '');
  return endingOf(await child.ended);
}

async function commitsIn(path: string): Promise<number> {
  const catalog = await Catalog.open(path);
  try {
    const { lastCommit, cleanStop } = await catalog.readState();
    assert.equal(cleanStop, false);
    return lastCommit;
  } finally {
    await catalog.close();
  }
}

function lacksStrace(t: TestContext): boolean {
  if (STRACE_MISSING === undefined) return false;
  t.diagnostic(`NOT TESTED: ${STRACE_MISSING}`);
  t.skip(STRACE_MISSING);
  return true;
}

test('a commit whose sync failed, whole in the log, does not come back after its refusal', async (t) => {
  if (lacksStrace(t)) return;
  const path = `${temporaryDirectory(t)}/catalog.db`;
  const { acknowledged, code, lines } = await commitUnder(path, 'fsync:error=EIO:when=4', 'die');
  assert.equal(code, 'io_error', lines[0]);
  assert.match(lines[0] ?? '', /cannot write to .*catalog\.db: disk I\/O error \(SQLITE_IOERR_FSYNC\)/);
  assert.equal(acknowledged, 4);
  assert.equal(await commitsIn(path), acknowledged);
});

test('after a failed commit that could be settled the next ones are durable', async (t) => {
  if (lacksStrace(t)) return;
  const path = `${temporaryDirectory(t)}/catalog.db`;
  const { acknowledged, code, lines } = await commitUnder(path, 'fsync:error=EIO:when=4', 'go on');
  assert.deepEqual([code, lines[1], lines[2]], ['io_error', 'went on', String(acknowledged + 1)]);
  assert.equal(await commitsIn(path), acknowledged + 1);
});

test('while every sync fails the outcome is unknown, nothing more is written, and reads go on', async (t) => {
  if (lacksStrace(t)) return;
  const path = `${temporaryDirectory(t)}/catalog.db`;
  const { acknowledged, code, lines } = await commitUnder(path, 'fsync:error=EIO:when=4+', 'go on');
  assert.equal(code, 'commit_unknown', lines[0]);
  assert.match(lines[0] ?? '', /it is not known whether commit 5 is on the disk: .*; nothing more is written until/);
  assert.match(lines[1] ?? '', /^io_error the catalog takes no more writes: it is not known whether commit 5 is/);
  assert.equal(lines[2], String(acknowledged));
  const found = await commitsIn(path);
  assert.ok(found === acknowledged || found === acknowledged + 1, `${found.toString()} commits`);
});

test('a commit that does not fit below the limit of file sizes did not happen', async (t) => {
  const path = `${temporaryDirectory(t)}/catalog.db`;
  writeFileSync(`${path}.go`, '');
  // A write beyond the limit fails with EFBIG, which SQLite reports as an I/O error.
  const words = [path, `${path}.go`, '500', 'die'];
  const { acknowledged, code, lines } = endingOf(await runChild(COMMIT_UNTIL_REFUSED, words, { ulimit: '-f 2000' }));
  assert.equal(code, 'io_error', lines[0]);
  assert.match(lines[0] ?? '', /\(SQLITE_IOERR_WRITE\)/);
  assert.equal(await commitsIn(path), acknowledged);
});
