/**
 * Generated SQL, the short form: some 160 queries of fixed seeds, a large table among
 * theirs. `npm run fuzz:sql` is the long one; what it found stands in test/slt/fuzz-found.slt.
 *
 * Method: run.ts. A failure is printed small, with its seed and both answers.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pythonPath, PYTHON_MISSING } from '../support/python.ts';
import { countLines, runFuzz } from './run.ts';

/** Its world has a table of 2,048 rows. */
const SEED = 20_261_096;
const QUERIES = 160;

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

test('generated queries answer as in DuckDB, whatever way they run', { skip }, async (t) => {
  const failures: string[] = [];
  const onFailure = (report: string): void => void failures.push(report);
  const counts = await runFuzz({ seed: SEED, queries: QUERIES, onFailure });
  t.diagnostic(`from seed ${SEED.toString()}: ${countLines(counts)}`);
  assert.deepEqual(failures, []);
  assert((counts.get('equal') ?? 0) > QUERIES / 2, 'most queries have an answer');
});
