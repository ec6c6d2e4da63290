/**
 * `sheaf restore`: a database out of a backup.
 *
 * Hides nothing else. Invariant: the directory is made whole or not at all.
 */
import type { Command } from 'commander';
import { formatBytes } from '../base/bytes.ts';
import { restore } from '../engine/maintenance.ts';
import { addDirectoryFlags, typedFlags } from './flags.ts';
import type { CliHost, Flags } from './host.ts';

const EXAMPLES = `
Examples:
  sheaf restore /backups/sheaf --data-dir /var/lib/sheaf-restored

The directory must be missing or empty. The backup is verified and only read; the database shares no file with it.`;

/** Adds the command. */
export function addRestore(program: Command, host: CliHost): void {
  const command = program
    .command('restore')
    .description('make a database of a backup')
    .argument('<backup>', 'directory that `sheaf backup` made')
    .addHelpText('after', EXAMPLES);
  addDirectoryFlags(command).action(async (backup: string, _options: unknown, self: Command) => {
    await restoreDirectory(host, backup, typedFlags(self));
  });
}

async function restoreDirectory(host: CliHost, backup: string, flags: Flags): Promise<void> {
  const { dataDir } = await host.settings(flags);
  const report = await restore({ backup, directory: dataDir });
  const what =
    `${report.tableCount.toString()} tables, ${report.segmentCount.toString()} segments, ` +
    formatBytes(report.byteCount);
  const made = new Date(report.timeMs).toISOString();
  const seconds = (report.ms / 1_000).toFixed(2);
  await host.stdout.write(
    `restored commit ${report.commit.toString()} (backed up ${made}) to ${dataDir} in ${seconds} s: ${what}\n`,
  );
}
