/**
 * `sheaf backup`: a consistent copy of a database, running or not.
 *
 * Hides nothing else. Invariant: EXIT.ok only when the backup is whole, verified and on the disk.
 */
import type { Command } from 'commander';
import { formatBytes } from '../base/bytes.ts';
import { backUp } from '../engine/maintenance.ts';
import { addDirectoryFlags, typedFlags } from './flags.ts';
import type { CliHost, Flags } from './host.ts';

const EXAMPLES = `
Examples:
  sheaf backup /backups/sheaf
  sheaf backup /mnt/usb/sheaf --data-dir /var/lib/sheaf
  sheaf backup "/backups/$(date +%A)" --copy

Runs beside a serving database. Into a directory of an earlier backup it copies only what is new. On the same file
system sealed segments are linked, which takes no space and protects from mistakes, but not from the loss of the disk:
--copy to another disk does. Keep several directories for several generations.`;

/** Adds the command. */
export function addBackup(program: Command, host: CliHost): void {
  const command = program
    .command('backup')
    .description('copy a database, also while it is served')
    .argument('<dir>', 'directory of the backup, made when missing, brought up to date when it is one')
    .option('--copy', 'copy segments also where they could be linked')
    .option('--no-verify', 'verify only what was copied, not what was linked or there before')
    .addHelpText('after', EXAMPLES);
  addDirectoryFlags(command).action(async (target: string, _options: unknown, self: Command) => {
    await backUpDirectory(host, target, typedFlags(self));
  });
}

async function backUpDirectory(host: CliHost, target: string, flags: Flags): Promise<void> {
  const { dataDir } = await host.settings(flags);
  const report = await backUp({
    directory: dataDir,
    target,
    copy: flags['copy'] === true,
    verify: flags['verify'] !== false,
  });
  const { linkedCount, copiedCount, keptCount, copiedBytes, verifiedBytes, byteCount } = report;
  const how =
    `${linkedCount.toString()} linked, ${copiedCount.toString()} copied (${formatBytes(copiedBytes)}), ` +
    `${keptCount.toString()} kept`;
  const size = `${report.segmentCount.toString()} segments of ${formatBytes(byteCount)}`;
  const seconds = (report.ms / 1_000).toFixed(2);
  await host.stdout.write(
    `backed up commit ${report.commit.toString()}, ${size}, to ${target} in ${seconds} s: ` +
      `${how}; ${formatBytes(verifiedBytes)} verified\n`,
  );
}
