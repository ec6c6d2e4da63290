/**
 * Flags that were typed, and those that several commands share.
 *
 * Hides commander's defaults: an option that was not typed is absent, so that environment and file can speak.
 */
import type { Command } from 'commander';
import type { Flags } from './host.ts';

/** The options of `command` that stood on the command line. */
export function typedFlags(command: Command): Flags {
  const values = Object.entries<unknown>(command.opts());
  return Object.fromEntries(values.filter(([name]) => command.getOptionValueSource(name) === 'cli'));
}

/** Adds the flags that say where a command works. */
export function addTargetFlags(command: Command): Command {
  return command
    .option('--data-dir <dir>', 'data directory; its running server is used when there is one (default: ./data)')
    .option('--url <url>', 'server to use instead, such as grpc://127.0.0.1:8815 or http://127.0.0.1:8123')
    .option('--token <token>', 'token for a server that asks for one (better: SHEAF_TOKEN, or --token-file)')
    .option('--token-file <file>', 'file that holds the token')
    .option('--tls-ca <file>', "PEM file of the CA of the server's certificate (default: those of the system)")
    .option('--config <file>', 'JSON file of settings');
}

/** Adds the flags of commands that work on a directory itself, whoever serves it. */
export function addDirectoryFlags(command: Command): Command {
  return command
    .option('--data-dir <dir>', 'directory of the database (default: ./data)')
    .option('--config <file>', 'JSON file of settings');
}
