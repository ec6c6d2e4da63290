/**
 * Files of COPY that a killed process left: they go, and those that somebody is writing stay.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { confineTo } from '../../src/os/confined.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('what a process left goes when the next one of its database writes there', async (t) => {
  const [files, one, two] = ['files', 'one', 'two'].map((name) => join(temporaryDirectory(t), name)) as [
    string,
    string,
    string,
  ];
  for (const directory of [files, one, two]) mkdirSync(directory);
  mkdirSync(join(files, 'below'));
  const key = Buffer.from('key of one');
  const parts = (): string[] => readdirSync(files).filter((name) => name.endsWith('.part'));
  writeFileSync(join(files, '.foreign.part'), '');
  const left = await (await confineTo(files, one, key)).write('a');
  assert.equal(parts().length, 2);

  // Another database, and a copy of this one elsewhere.
  const others = [await confineTo(files, two, Buffer.from('key of two')), await confineTo(files, two, key)];
  const theirs = await Promise.all(others.map((other) => other.write('b')));
  assert.equal(parts().length, 4);

  const next = await confineTo(files, one, key);
  const elsewhere = await next.write('below/a');
  assert.equal(parts().length, 4, 'the directory was not written to yet');
  const living = await Promise.all([next.write('a'), next.write('a'), next.write('c')]);
  assert.equal(parts().length, 6, 'all but the one that was left');
  await next.write('d').then((output) => output.finish());
  assert.equal(parts().length, 6);
  for (const output of [elsewhere, ...living, ...theirs]) await output.finish();
  assert.deepEqual(parts(), ['.foreign.part']);
  await assert.rejects(left.finish(), { code: 'not_found' });
  assert.deepEqual(readdirSync(files).sort(), ['.foreign.part', 'a', 'b', 'below', 'c', 'd']);
});
