/**
 * Imports files into a database by the import of the `sheaf` program, one after another in one process.
 *
 * Usage: tpch-import.ts DIRECTORY FILE …; each file goes into the table of its name. Prints one JSON line: the seconds
 * that the imports took, without the start of the process. A process a file would spend most of a small bench's time on
 * starting; the command itself is the program's own.
 */
import { basename, extname, join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { runCli } from '../src/cli/cli.ts';
import type { CliHost, Output } from '../src/cli/host.ts';
import { resolveSettings } from '../src/config.ts';
import { realOs } from '../src/os/real-os.ts';

const os = realOs();
let told = '';
const output: Output = {
  isTerminal: false,
  columns: 80,
  write(piece) {
    told += Buffer.from(piece).toString('utf8');
    return Promise.resolve();
  },
};
const readText = async (path: string): Promise<string> => Buffer.from(await os.readFile(path)).toString('utf8');

const host: CliHost = {
  version: 'bench',
  clock: systemClock,
  stdin: process.stdin,
  stdout: output,
  stderr: output,
  settings: (flags) => resolveSettings(flags, readText),
  describeSettings: () => Promise.reject(new Error('the bench only imports')),
  async openFile(path) {
    const file = await os.open(path, 'read');
    return {
      name: path,
      size: await file.size(),
      read: (length, position) => file.read(length, position),
      close: () => file.close(),
    };
  },
  hasDatabase: (directory) => os.exists(join(directory, 'catalog.db')),
  readServerRecord: () => Promise.resolve(undefined),
  hasFlight: () => Promise.resolve(false),
  serve: () => Promise.reject(new Error('the bench only imports')),
};

const [directory = '', ...files] = process.argv.slice(2);
const started = performance.now();
for (const file of files) {
  const words = ['import', file, '--table', basename(file, extname(file)), '--data-dir', directory];
  if ((await runCli(words, host)) !== 0) throw new Error(`the import of ${file} failed: ${told}`);
}
process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - started) / 1000 })}\n`);
