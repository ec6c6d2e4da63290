/**
 * Runs the test suite: every test/**\/*.test.ts and test/fuzz/*.fuzz.ts, or those whose path contains one of the
 * arguments.
 *
 * Node 20's `--test` takes no globs, so the list is made here. Prints the runner's own report and, last, its totals;
 * exits with 1 when a test failed or when none ran. Invariant: ends, whatever a test does. The runner's own limit does
 * not see to that: Node 24 applies it to tests and not to files, and a file whose child holds its output open is
 * waited for on every version.
 */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const wanted = process.argv.slice(2);

const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(test|fuzz)\.ts$/.test(name))
  .map((name) => join(root, 'test', name))
  .filter((path) => wanted.length === 0 || wanted.some((part) => relative(root, path).includes(part)))
  .sort();

/**
 * A file that takes this long is ended by the runner, or one of its tests (Node 24). The slowest takes some 30 s; files
 * that were asked for by name may be long forms, which take hours.
 */
const FILE_MS_MAX = wanted.length === 0 ? 180_000 : 24 * 3_600_000;
/** When nothing was reported for this long, all files that still run are ended. */
const SILENCE_MS_MAX = FILE_MS_MAX + 30_000;
/** What does not end by itself after that, or after the report, is left behind. */
const LINGER_MS_MAX = 10_000;

/** How many of the slowest files are named at the end. */
const SLOWEST_SHOWN = 12;

const counts = { pass: 0, fail: 0, skip: 0 };
/** Milliseconds of the tests of each file; those that run side by side count each. */
const taken = new Map<string, number>();
const failures: string[] = [];

let isFinished = false;

/** Prints the totals and lets the process end; what a test left running does not hold it up for long. */
function finish(): void {
  if (isFinished) return;
  isFinished = true;
  clearTimeout(silence);
  const slowest = [...taken].toSorted((a, b) => b[1] - a[1]).slice(0, SLOWEST_SHOWN);
  const named = slowest.map(([file, ms]) => `${relative(root, file)} ${(ms / 1000).toFixed(0)}`);
  process.stdout.write(`slowest, in seconds: ${named.join(', ')}\n`);
  for (const failure of failures) process.stdout.write(`failed: ${failure}\n`);
  process.stdout.write(
    `test files ${files.length.toString()}, tests passed ${counts.pass.toString()}, ` +
      `failed ${counts.fail.toString()}, skipped ${counts.skip.toString()}\n`,
  );
  if (counts.fail > 0 || counts.pass === 0) process.exitCode = 1;
  setTimeout(() => process.exit(), LINGER_MS_MAX).unref();
}

const abort = new AbortController();
const silence = setTimeout(() => {
  failures.push(`nothing was reported for ${(SILENCE_MS_MAX / 1_000).toString()} s; what still ran was ended`);
  counts.fail++;
  abort.abort();
  setTimeout(finish, LINGER_MS_MAX).unref();
}, SILENCE_MS_MAX);

const stream = run({ files, concurrency: 2, timeout: FILE_MS_MAX, signal: abort.signal });
stream.on('data', () => silence.refresh());
const addTime = (file: string | undefined, nesting: number, milliseconds: number): void => {
  if (file !== undefined && nesting === 0) taken.set(file, (taken.get(file) ?? 0) + milliseconds);
};
stream.on('test:pass', ({ file, nesting, details, skip }) => {
  addTime(file, nesting, details.duration_ms);
  if (details.type === 'suite') return;
  if (skip !== undefined) counts.skip++;
  else counts.pass++;
});
stream.on('test:fail', ({ file, nesting, details, name }) => {
  addTime(file, nesting, details.duration_ms);
  counts.fail++;
  failures.push(`${file === undefined ? '' : relative(root, file)}: ${name}`);
});
const report = stream.compose(new spec());
report.on('end', finish);
report.pipe(process.stdout);
