/**
 * `sheaf doctor` as a process: what it finds on this machine, and what it leaves there.
 */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runSheaf, temporaryDirectory } from '../support/sheaf-process.ts';

test('a line for each thing, and nothing is left behind', async (t) => {
  const directory = join(temporaryDirectory(t), 'data');
  const { code, text } = await runSheaf(['doctor', '--data-dir', directory]);
  assert.equal(code, 0, text);
  const lines = text.trim().split('\n');
  const names = lines.map((line) => /^(?:ok {2}|warn|FAIL) {2}([a-z ]+): .+$/u.exec(line)?.[1]);
  const onLinux = process.platform === 'linux' ? ['descriptors', 'map count'] : [];
  assert.deepEqual(names, ['node', 'disk', 'maps of files', 'free space', ...onLinux, 'flight']);
  assert.match(text, /one sync of 64 KiB takes \d+\.\d\d ms/u);
  assert.doesNotMatch(text, /may have (?:0|NaN) /u);
  assert.deepEqual(readdirSync(directory), []);
});

test('a directory that cannot be written fails, with the reason, as text and as JSON', async (t) => {
  const parent = temporaryDirectory(t);
  // A file in the place of a directory stops everybody, root too.
  const directory = join(parent, 'file');
  writeFileSync(directory, 'x');
  const { code, text } = await runSheaf(['doctor', '--data-dir', directory]);
  assert.equal(code, 1);
  assert.match(text, /^FAIL {2}disk: .+$/mu);
  const { text: json } = await runSheaf(['doctor', '--data-dir', directory, '--no-flight', '--json']);
  const findings = JSON.parse(json) as { name: string; verdict: string }[];
  assert.deepEqual(findings.find(({ name }) => name === 'disk')?.verdict, 'fails');
});
