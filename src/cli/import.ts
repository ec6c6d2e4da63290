/**
 * `sheaf import`: a file into a table, all of it or nothing.
 *
 * Hides nothing else: input.ts reads, target.ts writes, progress.ts tells. Invariant: the exit code is EXIT.ok only
 * after the insert was acknowledged as durable.
 */
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { RecordBatch } from '../arrow/batch.ts';
import { addTargetFlags, typedFlags } from './flags.ts';
import type { CliHost, Flags } from './host.ts';
import { INPUT_FORMATS, findInput } from './input.ts';
import type { Input, InputFormat, InputOptions } from './input.ts';
import type { Advance } from './progress.ts';
import { Progress } from './progress.ts';
import { openTarget } from './target.ts';
import type { Target } from './target.ts';

const EXAMPLES = `
Examples:
  sheaf import flights.parquet --table flights
  sheaf import prices.csv --table prices --delimiter ';'
  gzip -dc events.ndjson.gz | sheaf import - --format ndjson --table events
  sheaf import trades.arrow --table trades --url http://127.0.0.1:8123

A missing table is made from the file's schema; columns are matched by name. The file is imported whole or not at all.
A running server of the data directory does the work; without one the directory is written directly.`;

/** Adds the command. */
export function addImport(program: Command, host: CliHost): void {
  const command = program
    .command('import')
    .description('load a Parquet, Arrow, CSV or NDJSON file into a table')
    .argument('<file>', 'file to load; - is standard input, which needs --format')
    .requiredOption('--table <name>', 'table to load into, made when missing')
    .addOption(
      new Option('--format <format>', 'format of the file, when its name does not tell').choices(INPUT_FORMATS),
    )
    .option('--delimiter <character>', 'CSV: what stands between fields, when it cannot be guessed', parseDelimiter)
    .option('--header', 'CSV: the first line names the columns')
    .option('--no-header', 'CSV: the first line is a row')
    .addHelpText('after', EXAMPLES);
  addTargetFlags(command).action(async (path: string, _options: unknown, self: Command) => {
    await importFile(host, path, typedFlags(self));
  });
}

async function importFile(host: CliHost, path: string, flags: Flags): Promise<void> {
  const settings = await host.settings(flags);
  const table = String(flags['table']);
  const found = await findInput(host, path, inputOptions(flags));
  try {
    const target = await openTarget(host, settings, true);
    try {
      await insertInput(host, await found.read(await target.tableSchema(table)), table, target);
    } finally {
      await target.close();
    }
  } finally {
    await found.close();
  }
}

async function insertInput(host: CliHost, input: Input, table: string, target: Target): Promise<void> {
  const progress = new Progress(host.stderr, host.clock, table);
  const meter = new Meter(input, progress);
  try {
    const rows = await target.insert(table, input.schema, meter.batches());
    await progress.finish(meter.advance(rows), target.description);
  } catch (error) {
    await progress.abandon();
    throw error;
  }
}

/** Passes an input's batches on and tells the progress. */
class Meter {
  readonly #input: Input;
  readonly #progress: Progress;
  #rows = 0;

  constructor(input: Input, progress: Progress) {
    this.#input = input;
    this.#progress = progress;
  }

  async *batches(): AsyncGenerator<RecordBatch> {
    for await (const batch of this.#input.batches) {
      yield batch;
      this.#rows += batch.rowCount;
      await this.#progress.update(this.advance(this.#rows));
    }
  }

  advance(rows: number): Advance {
    return { rows, bytes: this.#input.readBytes(rows), totalBytes: this.#input.totalBytes };
  }
}

function inputOptions(flags: Flags): InputOptions {
  const { format, delimiter, header } = flags;
  return {
    // Commander has checked that it is one of INPUT_FORMATS.
    format: format as InputFormat | undefined,
    delimiter: typeof delimiter === 'string' ? delimiter : undefined,
    header: typeof header === 'boolean' ? header : undefined,
  };
}

function parseDelimiter(text: string): string {
  const character = text === '\\t' || text === 'tab' ? '\t' : text;
  if (character.length === 1 && character.charCodeAt(0) < 128) return character;
  throw new InvalidArgumentError('It must be one ASCII character; \\t is a tab.');
}
