/**
 * Goal: files of other implementations are read as pyarrow reads them, and known crashers do no harm.
 * Method: every stream and file of the corpus is read, cut, written, compared by pyarrow; every crasher must end
 * within two seconds in a valid read or an EngineError.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../src/base/errors.ts';
import { readAll, streamBytes } from '../support/ipc.ts';
import { PYTHON_MISSING, pythonPath } from '../support/python.ts';
import { CUTS, compareByPyarrow, rewrite } from '../support/rewrite.ts';

const corpus = process.env['SHEAF_CORPUS'] ?? fileURLToPath(new URL('../../../shared/corpus', import.meta.url));
const root = join(corpus, 'arrow');
const missing = existsSync(root) ? undefined : 'no corpus of Arrow files: set SHEAF_CORPUS to its directory';
const noPython = pythonPath() === undefined ? PYTHON_MISSING : undefined;

function filesOf(folder: string, pattern: RegExp): string[] {
  if (missing !== undefined) return [];
  return readdirSync(join(root, folder))
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));
}

describe('the integration files of Arrow C++', { skip: missing ?? noPython ?? false }, () => {
  const files = [
    ...filesOf('cpp-21.0.0', /\.(stream|arrow_file)$/),
    ...filesOf('2.0.0-compression', /\.(stream|arrow_file)$/),
  ];
  const verdicts = new Map<string, string[]>();
  let directory = '';

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sheaf-corpus-'));
    const pairs: [string, string][] = [];
    for (const file of files) {
      for (const cut of CUTS) {
        const source = join(root, file);
        pairs.push([source, await rewrite(source, cut, directory, `${pairs.length.toString()}.out`)]);
      }
    }
    const answers = await compareByPyarrow(pairs);
    files.forEach((file, i) => verdicts.set(file, answers.slice(i * CUTS.length, (i + 1) * CUTS.length)));
  });

  after(async () => rm(directory, { recursive: true, force: true }));

  it('are all there', () => {
    assert.equal(files.length, 72);
  });

  for (const file of files) {
    it(`${file} comes out equal, however it is cut`, () => {
      assert.deepEqual(
        verdicts.get(file),
        CUTS.map(() => 'equal'),
      );
    });
  }
});

describe('streams that crashed other readers', { skip: missing ?? false }, () => {
  const files = filesOf('fuzz-stream', /^(clusterfuzz|minimized|crash|.*fuzz)/);

  it('are there', () => {
    assert.ok(files.length >= 70, `${files.length.toString()} files`);
  });

  for (const file of files) {
    it(`${file} ends soon, refused or valid`, { timeout: 2_000 }, async () => {
      try {
        const { schema, batches } = await readAll(readFileSync(join(root, file)));
        await streamBytes(schema, batches);
      } catch (error) {
        assert.ok(error instanceof EngineError, `expected an EngineError, got ${String(error)}`);
      }
    });
  }
});
