/**
 * Runs the test suite: every test/**\/*.test.ts and test/fuzz/*.fuzz.ts, or those whose path contains one of the
 * arguments.
 *
 * Node 20's `--test` takes no globs, so the list is made here. Prints the runner's own report and, last, its totals;
 * exits with 1 when a test failed or when none ran.
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

const counts = { pass: 0, fail: 0, skip: 0 };
const failures: string[] = [];
const stream = run({ files, concurrency: 2, timeout: 600_000 });
stream.on('test:pass', (event) => {
  if (event.details.type === 'suite') return;
  if (event.skip !== undefined) counts.skip++;
  else counts.pass++;
});
stream.on('test:fail', (event) => {
  counts.fail++;
  failures.push(`${event.file === undefined ? '' : relative(root, event.file)}: ${event.name}`);
});
stream.on('end', () => {
  for (const failure of failures) process.stdout.write(`failed: ${failure}\n`);
  process.stdout.write(
    `test files ${files.length.toString()}, tests passed ${counts.pass.toString()}, ` +
      `failed ${counts.fail.toString()}, skipped ${counts.skip.toString()}\n`,
  );
  if (counts.fail > 0 || counts.pass === 0) process.exitCode = 1;
});
stream.compose(new spec()).pipe(process.stdout);
