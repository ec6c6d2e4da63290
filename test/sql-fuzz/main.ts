/**
 * `npm run fuzz:sql -- [--queries N] [--seed S] [--only Q]`: generated SQL put to Sheaf and to DuckDB.
 *
 * Prints every failure, made small, with its seed, and the counts. Ends with 1 when an answer was wrong.
 */
import { parseArgs } from 'node:util';
import { countLines, runFuzz } from './run.ts';

const { values } = parseArgs({
  options: { queries: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 20));
const counts = await runFuzz({
  seed,
  queries: Number(values.queries ?? 1_000),
  ...(values.only === undefined ? {} : { only: Number(values.only) }),
  onFailure: (report) => {
    process.stdout.write(`${report}\n\n`);
  },
});
process.stdout.write(`from seed ${seed.toString()}: ${countLines(counts)}\n`);
if ((counts.get('wrong') ?? 0) > 0) process.exitCode = 1;
