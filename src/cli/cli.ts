/**
 * The `sheaf` command: its commands, help, and the way from errors to exit codes.
 *
 * Hides commander. Invariants: EXIT.ok after help and version too; a wrong command line is EXIT.usage; a directory
 * that is locked, corrupt or of another version is EXIT.directory; every other failure is EXIT.failure; errors are
 * one message on stderr, without a stack.
 */
import { Command, CommanderError } from 'commander';
import { toEngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { makeLog } from '../base/log.ts';
import { addBackup } from './backup.ts';
import { addCheck } from './check.ts';
import { addDoctor } from './doctor.ts';
import type { CliHost } from './host.ts';
import { EXIT, UsageError } from './host.ts';
import { addImport } from './import.ts';
import { addQuery } from './query.ts';
import { addRepair } from './repair.ts';
import { addRestore } from './restore.ts';
import { addServe } from './serve.ts';
import { addTables } from './tables.ts';
import { addToken } from './token.ts';

const EXAMPLES = `
Examples:
  sheaf serve
  sheaf import flights.parquet --table flights
  sheaf query "SELECT origin, COUNT(*) AS n FROM flights GROUP BY origin ORDER BY n DESC LIMIT 5"
  sheaf tables
  sheaf token create analyst --role read
  sheaf backup /backups/sheaf

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 3 data directory locked, corrupt or newer.`;

const DIRECTORY_CODES: ReadonlySet<ErrorCode> = new Set(['locked', 'corrupt', 'version_unsupported']);

const log = makeLog('cli');

/** Runs one command line (without `node` and the script's path); resolves with the exit code. */
export async function runCli(words: readonly string[], host: CliHost): Promise<number> {
  let code: number = EXIT.ok;
  const program = new Command('sheaf')
    .description('a durable columnar database that speaks Arrow at every door')
    .version(`sheaf ${host.version}`, '--version', 'print the version')
    .showSuggestionAfterError()
    .showHelpAfterError('(--help tells more)')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      writeErr: (text) => void host.stderr.write(text),
      getOutHelpWidth: () => host.stdout.columns,
      getErrHelpWidth: () => host.stderr.columns,
    });
  const end = (ended: number): void => {
    code = ended;
  };
  addServe(program, host, end);
  addImport(program, host);
  addQuery(program, host);
  addTables(program, host);
  addToken(program, host);
  addCheck(program, host, end);
  addDoctor(program, host, end);
  addBackup(program, host);
  addRestore(program, host);
  addRepair(program, host, end);
  for (const command of program.commands) command.copyInheritedSettings(program);
  try {
    await program.parseAsync(words, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has printed its own message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return report(error, host);
  }
}

async function report(error: unknown, host: CliHost): Promise<number> {
  const known = toEngineError(error);
  if (known.code === 'internal') log.error('command failed', error);
  await host.stderr.write(`error: ${known.message}\n`);
  if (error instanceof UsageError) return EXIT.usage;
  return DIRECTORY_CODES.has(known.code) ? EXIT.directory : EXIT.failure;
}
