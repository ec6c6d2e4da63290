/**
 * Streams of other implementations, read and written again by us, and compared by pyarrow.
 *
 * Hides temporary files. Invariant: one Python start compares any number of pairs.
 */
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { cutRanges } from '../../src/arrow/ipc-write.ts';
import { sliceBatch } from '../../src/arrow/slice.ts';
import { readAll, streamBytes } from './ipc.ts';
import { runPython } from './python.ts';

/** How batches are cut on the way: `start` rows first, then `rows` at a time; 0 rows: not at all. */
export interface Cut {
  readonly name: string;
  readonly start: number;
  readonly rows: number;
}

export const CUTS: readonly Cut[] = [
  { name: 'whole', start: 0, rows: 0 },
  { name: 'cut to 7 rows', start: 0, rows: 7 },
  { name: 'cut to 7 rows from row 3 on', start: 3, rows: 7 },
  { name: 'cut to single rows', start: 0, rows: 1 },
];

function* pieces(batch: RecordBatch, cut: Cut): Generator<RecordBatch> {
  if (cut.rows === 0) {
    yield batch;
    return;
  }
  const start = Math.min(cut.start, batch.rowCount);
  if (start > 0) yield sliceBatch(batch, 0, start);
  const rest = sliceBatch(batch, start, batch.rowCount);
  for (const range of cutRanges(rest, cut.rows, 1e9)) yield sliceBatch(rest, range.start, range.end);
}

/** Reads `path` in small chunks and writes it, cut, to a new file in `directory`, whose path it returns. */
export async function rewrite(path: string, cut: Cut, directory: string, name: string): Promise<string> {
  const { schema, batches } = await readAll(await readFile(path), 4_093);
  const target = join(directory, name);
  await writeFile(
    target,
    await streamBytes(
      schema,
      batches.flatMap((batch) => [...pieces(batch, cut)]),
    ),
  );
  return target;
}

/** pyarrow's verdict on each pair: `equal`, or what differs. */
export async function compareByPyarrow(pairs: readonly (readonly [string, string])[]): Promise<string[]> {
  const script = readFileSync(new URL('../arrow/compare-streams.py', import.meta.url), 'utf8');
  const input = Buffer.from(pairs.map((pair) => `${pair.join('\t')}\n`).join(''));
  const outcome = await runPython(script, [], { input });
  if (outcome.status !== 0) throw new Error(outcome.stderr);
  return outcome.stdout.trimEnd().split('\n');
}
