/**
 * What does durability cost, in time, space and stalls?
 *
 * Method: each question in a file of its own: commits (durability-commit), opens, checksums, space and compaction
 * (durability-open), cold pages (durability-cold). All of them use one directory, so that stores that are compared
 * share a disk; each part's files are removed before the next begins. In small sizes every part runs once.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench, Figure } from './bench.ts';
import { coldReads } from './durability-cold.ts';
import { acknowledgement, manyPuts, manyWriters } from './durability-commit.ts';
import { opens, space, verification } from './durability-open.ts';

interface Sizes {
  readonly rounds: number;
  readonly ackCommits: number;
  readonly writerCommits: number;
  readonly puts: number;
  readonly segments: number;
  readonly batchesEach: number;
  readonly batches: number;
  readonly smallCommits: number;
  readonly coldBatches: number;
}

const SMALL: Sizes = {
  rounds: 1,
  ackCommits: 20,
  writerCommits: 640,
  puts: 100,
  segments: 10,
  batchesEach: 2,
  batches: 4,
  smallCommits: 640,
  coldBatches: 8,
};

const LARGE: Sizes = {
  rounds: 5,
  ackCommits: 500,
  writerCommits: 64_000,
  puts: 6_400,
  segments: 1_000,
  batchesEach: 48,
  batches: 153,
  smallCommits: 100_000,
  coldBatches: 512,
};

type Part = (directory: string) => Promise<readonly Figure[]>;

/** Parts by name; SHEAF_BENCH_PARTS chooses some of them, SHEAF_BENCH_ROUNDS how often each is run. */
function partsOf(sizes: Sizes): ReadonlyMap<string, Part> {
  const rounds = Number(process.env['SHEAF_BENCH_ROUNDS'] ?? sizes.rounds);
  const parts = new Map<string, Part>([
    ['ack', (directory) => acknowledgement(directory, rounds, sizes.ackCommits)],
    ['writers', (directory) => manyWriters(directory, rounds, sizes.writerCommits)],
    ['puts', (directory) => manyPuts(directory, rounds, sizes.puts)],
    ['open', (directory) => opens(directory, sizes.segments, sizes.batchesEach, rounds)],
    ['verify', (directory) => verification(directory, sizes.batches, rounds)],
    ['space', (directory) => space(directory, sizes.batches, sizes.smallCommits)],
    ['cold', (directory) => coldReads(directory, sizes.coldBatches, rounds)],
  ]);
  const wanted = process.env['SHEAF_BENCH_PARTS']?.split(',');
  return new Map([...parts].filter(([name]) => wanted?.includes(name) ?? true));
}

export const durability: Bench = {
  name: 'durability',
  question: 'what does durability cost, in time, space and stalls?',
  async run({ small }) {
    const directory = mkdtempSync(join(tmpdir(), 'sheaf-bench-'));
    const figures: Figure[] = [];
    try {
      for (const [name, part] of partsOf(small ? SMALL : LARGE)) {
        const place = join(directory, 'part');
        mkdirSync(place);
        const started = performance.now();
        figures.push(...(await part(place)));
        process.stdout.write(`  (${name}: ${((performance.now() - started) / 1000).toFixed(0)} s)\n`);
        rmSync(place, { recursive: true });
      }
      return figures;
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
