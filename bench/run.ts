/**
 * Runs the benches: all, or those whose name is given; `--small` for the sizes of the test suite; `--record` writes
 * bench/results/<name>.json.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { machineLine, projectPath } from './bench.ts';
import type { Bench } from './bench.ts';
import { durability } from './durability.bench.ts';
import { flightSql } from './flight-sql.bench.ts';
import { small } from './small.bench.ts';
import { sql } from './sql.bench.ts';
import { tpch } from './tpch.bench.ts';
import { transfer } from './transfer.bench.ts';

const BENCHES: readonly Bench[] = [transfer, flightSql, durability, sql, small, tpch];

const args = process.argv.slice(2);
const isSmall = args.includes('--small');
const names = args.filter((arg) => !arg.startsWith('--'));
process.stdout.write(`${machineLine()}${isSmall ? ', small sizes: the figures say nothing about speed' : ''}\n`);
for (const bench of BENCHES.filter(({ name }) => names.length === 0 || names.includes(name))) {
  process.stdout.write(`\n${bench.name}: ${bench.question}\n`);
  const figures = await bench.run({ small: isSmall });
  for (const { name, unit, median, least, most, runs } of figures) {
    const spread = runs > 1 ? ` (${least.toPrecision(3)} … ${most.toPrecision(3)}, ${runs.toString()} runs)` : '';
    const value = runs > 0 ? `${median.toPrecision(3)} ` : '';
    process.stdout.write(`  ${name.padEnd(84)} ${value}${unit}${spread}\n`);
  }
  if (args.includes('--record')) {
    mkdirSync(projectPath('bench/results'), { recursive: true });
    const record = { date: new Date().toISOString().slice(0, 10), machine: machineLine(), figures };
    writeFileSync(projectPath(`bench/results/${bench.name}.json`), `${JSON.stringify(record, null, 2)}\n`);
  }
}
