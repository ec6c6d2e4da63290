/**
 * `npm run slt -- DIR_OR_FILE… [flags]`: runs files of sqllogictest and prints how their records fared. Exits with 1
 * when one failed or none ran. Flags stand in docs/conformance.md; `--oracle` asks DuckDB whether it fails so too, and
 * `--seconds` is the most that one record may take.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openOracle } from './oracle.ts';
import { failureText, fileLine, groupOf, summaryLines } from './report.ts';
import type { FileOutcome } from './report.ts';
import type { Dialect } from './script.ts';
import { runFile, suiteFiles } from './suite.ts';

const DIALECTS: readonly string[] = ['sqlite', 'duckdb', 'datafusion'] satisfies readonly Dialect[];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    filter: { type: 'string', default: '' },
    failures: { type: 'string' },
    dialect: { type: 'string' },
    'error-text': { type: 'boolean', default: false },
    oracle: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const { dialect } = values;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

if (positionals.length === 0 || (dialect !== undefined && !DIALECTS.includes(dialect))) {
  const flags =
    '[--filter text] [--failures FILE] [--dialect sqlite|duckdb|datafusion] [--error-text] [--verbose] [--oracle] [--seconds n]';
  print(`usage: npm run slt -- DIR_OR_FILE… ${flags}`);
  process.exit(2);
}

const outcomes: FileOutcome[] = [];
const oracle = values.oracle ? openOracle() : undefined;
for (const path of suiteFiles(positionals).filter((name) => name.includes(values.filter))) {
  const options = {
    errorText: values['error-text'],
    ...(oracle === undefined ? {} : { oracle }),
    ...(values.seconds === undefined ? {} : { recordMsMax: Number(values.seconds) * 1_000 }),
    ...(dialect === undefined ? {} : { dialect: dialect as Dialect }),
  };
  const outcome = await runFile(path, options);
  outcomes.push(outcome);
  print(fileLine(outcome));
  if (!values.verbose) continue;
  for (const { line, message } of outcome.failures) print(`  line ${line.toString()}: ${groupOf(message)}`);
}
oracle?.close();
for (const line of summaryLines(outcomes)) print(line);
if (values.failures !== undefined) writeFileSync(values.failures, failureText(outcomes));
const ran = outcomes.reduce((sum, { passed, failures }) => sum + passed + failures.length, 0);
if (ran === 0) print('no record was run');
process.exitCode = ran === 0 || outcomes.some(({ failures }) => failures.length > 0) ? 1 : 0;
