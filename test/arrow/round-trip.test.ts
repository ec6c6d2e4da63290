/**
 * Goal: whatever pyarrow can write comes out equal by pyarrow's own comparison, metadata included.
 * Method: make-streams.py writes streams of every type; we read each, cut it in four ways, write it; pyarrow compares.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { CUTS, compareByPyarrow, rewrite } from '../support/rewrite.ts';

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

describe('streams made by pyarrow', { skip }, () => {
  let directory = '';
  const verdicts = new Map<string, string>();

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sheaf-round-trip-'));
    const script = readFileSync(new URL('make-streams.py', import.meta.url), 'utf8');
    const made = await runPython(script, [directory]);
    assert.equal(made.status, 0, made.stderr);
    const names: string[] = [];
    const pairs: [string, string][] = [];
    for (const file of readdirSync(directory)) {
      for (const cut of CUTS) {
        const name = `${file}, ${cut.name}`;
        names.push(name);
        pairs.push([join(directory, file), await rewrite(join(directory, file), cut, directory, `${name}.out`)]);
      }
    }
    (await compareByPyarrow(pairs)).forEach((verdict, i) => verdicts.set(names[i] ?? '', verdict));
  });

  after(async () => rm(directory, { recursive: true, force: true }));

  for (const file of [
    'all types',
    'no batches',
    'batches without rows',
    'sliced arrays',
    'lz4',
    'zstd',
    'prefix without marker',
    'metadata version 4',
    'no columns',
    'same name twice',
    'file.arrow',
    'dictionary deltas',
    'dictionary replacement',
    'dictionary deltas and replacement',
  ]) {
    for (const cut of CUTS) {
      it(`${file} comes out equal, ${cut.name}`, () => {
        assert.equal(verdicts.get(`${file}, ${cut.name}`), 'equal');
      });
    }
  }
});
