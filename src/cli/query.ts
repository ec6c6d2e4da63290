/**
 * `sheaf query`: one SQL statement, its result as a table for people or in a form for programs.
 *
 * Hides nothing else: target.ts runs it, format/ prints it. Invariants: stdout carries the result and nothing else;
 * programs' forms are written as the result arrives, in bounded memory; a failure after part of it was written still
 * ends with an error.
 */
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { RecordBatch, ResultBatch } from '../arrow/batch.ts';
import { writeStream } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import { HTTP_SQL_BODY_BYTES_MAX } from '../base/limits.ts';
import { writeCsv } from '../format/csv-write.ts';
import { writeJson } from '../format/json-write.ts';
import { writeNdjson } from '../format/ndjson-write.ts';
import { writeTable } from '../format/table-write.ts';
import { addTargetFlags, typedFlags } from './flags.ts';
import type { CliHost, Flags, Output } from './host.ts';
import { UsageError } from './host.ts';
import { openTarget } from './target.ts';

/** Forms of a result, as `--format` names them. */
const OUTPUT_FORMATS = ['table', 'csv', 'json', 'ndjson', 'arrow'] as const;
type OutputFormat = (typeof OUTPUT_FORMATS)[number];

const EXAMPLES = `
Examples:
  sheaf query "SELECT * FROM trades LIMIT 10"
  sheaf query "SELECT origin, AVG(delay) AS delay FROM flights GROUP BY origin" --format csv > delays.csv
  sheaf query "SELECT * FROM flights" --format arrow > flights.arrows
  sheaf query 'SELECT * FROM trades WHERE symbol = $symbol' --param symbol=ABC
  echo "SHOW TABLES" | sheaf query -

A running server of the data directory answers; without one the directory is read directly.`;

/** Adds the command. */
export function addQuery(program: Command, host: CliHost): void {
  const command = program
    .command('query')
    .description('run one SQL statement and print its result')
    .argument('<sql>', 'the statement; - reads it from standard input')
    .option('--param <name=value>', 'value of a parameter: id=7 for $id, 1=7 for $1 or the first ?', addParameter)
    .addHelpText('after', EXAMPLES);
  addFormatFlag(addTargetFlags(command)).action(async (sql: string, _options: unknown, self: Command) => {
    await printQuery(host, typedFlags(self), sql === '-' ? await readText(host) : sql);
  });
}

/** Adds `--format` and `--max-rows`. */
export function addFormatFlag(command: Command): Command {
  return command
    .addOption(new Option('--format <format>', 'form of the result (default: table)').choices(OUTPUT_FORMATS))
    .option('--max-rows <count>', 'table: rows shown at most; the others are counted', parseCount);
}

/** Runs `sql` where the flags say, and prints the result as they say. */
export async function printQuery(host: CliHost, flags: Flags, sql: string): Promise<void> {
  const settings = await host.settings(flags);
  // Commander has checked that it is one of OUTPUT_FORMATS.
  const format = (flags['format'] ?? 'table') as OutputFormat;
  if (format === 'arrow' && host.stdout.isTerminal) {
    throw new UsageError('an Arrow stream is not for a terminal; send it to a file (> result.arrows) or a program');
  }
  const startMs = host.clock.monotonicMs();
  const target = await openTarget(host, settings, false);
  try {
    // Commander has collected them by addParameter.
    const values = flags['param'] as Readonly<Record<string, string>> | undefined;
    const { schema, batches } = await target.query(sql, values);
    if (format === 'table') {
      const rowsMax = flags['maxRows'];
      const options = typeof rowsMax === 'number' ? { rowsMax } : {};
      await host.stdout.write(await writeTable(schema, decoded(batches), options));
      return;
    }
    await writeAll(
      host.stdout,
      piecesOf(format, schema, batches, () => (host.clock.monotonicMs() - startMs) * 1_000),
    );
  } finally {
    await target.close();
  }
}

function piecesOf(
  format: Exclude<OutputFormat, 'table'>,
  schema: Schema,
  batches: AsyncIterable<ResultBatch>,
  elapsedUs: () => number,
): AsyncGenerator<Uint8Array> {
  switch (format) {
    case 'csv':
      return writeCsv(schema, decoded(batches));
    case 'json':
      return writeJson(schema, decoded(batches), { elapsedUs });
    case 'ndjson':
      return writeNdjson(schema, decoded(batches));
    case 'arrow':
      return writeStream(schema, batches);
  }
}

async function* decoded(batches: AsyncIterable<ResultBatch>): AsyncGenerator<RecordBatch> {
  for await (const batch of batches) yield batch.batch();
}

async function writeAll(output: Output, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of pieces) await output.write(piece);
}

async function readText(host: CliHost): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of host.stdin) {
    length += part.byteLength;
    if (length > HTTP_SQL_BODY_BYTES_MAX) {
      const most = HTTP_SQL_BODY_BYTES_MAX.toString();
      throw new EngineError('limit_exceeded', `the SQL text on standard input has more than ${most} bytes`);
    }
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString('utf8');
  if (text.trim() === '') throw new UsageError('standard input holds no SQL text');
  return text;
}

/** Collects the values of parameters, by name. */
function addParameter(text: string, before: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const [whole, name, value] = /^\$?(\w+)=(.*)$/su.exec(text) ?? [];
  if (whole === undefined || name === undefined || value === undefined) {
    throw new InvalidArgumentError('It must be a name or number, =, and a value, such as id=7.');
  }
  if (before !== undefined && Object.hasOwn(before, name)) throw new InvalidArgumentError(`${name} is given twice.`);
  return { ...before, [name]: value };
}

function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}
