/**
 * Goal: what other implementations write comes back through the Flight layer as it was: values, types, metadata and
 * batch boundaries, with a result for each batch put and a number on each batch got.
 *
 * Method: pyarrow puts the golden files' streams to the scenario server's store, gets them, and compares; then they are
 * read below pyarrow and held against the files' JSON.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { GOLDEN_SETS, assertGolden, getStream, goldenFiles, goldenSetsMissing } from './golden-set.ts';
import { startStore } from './scenario-server.ts';

const skip = goldenSetsMissing() ?? (pythonPath() === undefined ? PYTHON_MISSING : false);
const COUNTS = { 'cpp-21.0.0': 32, '2.0.0-compression': 4 };

describe('the golden sets of Arrow, put and got by pyarrow', { skip }, () => {
  for (const lane of ['direct', 'messages'] as const) {
    it(`are equal by the way "${lane}"`, async (t) => {
      const { door, streams } = await startStore(lane);
      t.after(() => door.close(0));
      const files = GOLDEN_SETS.flatMap((set) => goldenFiles(set));
      const script = readFileSync(new URL('golden-put.py', import.meta.url), 'utf8');
      const { stdout, stderr } = await runPython(script, [`grpc://${door.address}`, ...files]);
      assert.deepEqual(
        stdout.trim().split('\n'),
        files.map(() => 'equal'),
        stderr,
      );
      assert.equal(streams.size, files.length);
      for (const file of files) assertGolden(await getStream(door.address, file), file);
    });
  }

  it('are all there', () => {
    assert.deepEqual(Object.fromEntries(GOLDEN_SETS.map((set) => [set, goldenFiles(set).length])), COUNTS);
  });
});
