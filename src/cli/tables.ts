/**
 * `sheaf tables`: the tables with their rows and columns.
 *
 * Hides nothing else: it is `SHOW TABLES` through the same way as `sheaf query`.
 */
import type { Command } from 'commander';
import { addTargetFlags, typedFlags } from './flags.ts';
import type { CliHost } from './host.ts';
import { addFormatFlag, printQuery } from './query.ts';

const EXAMPLES = `
Examples:
  sheaf tables
  sheaf tables --data-dir /var/lib/sheaf --format json`;

/** Adds the command. */
export function addTables(program: Command, host: CliHost): void {
  const command = program.command('tables').description('list the tables').addHelpText('after', EXAMPLES);
  addFormatFlag(addTargetFlags(command)).action(async (_options: unknown, self: Command) => {
    await printQuery(host, typedFlags(self), 'SHOW TABLES');
  });
}
