/**
 * `sheaf repair`: mends a damaged database, and says what was lost.
 *
 * Hides nothing else. Invariants: EXIT.ok only when nothing was lost and nothing is in doubt, EXIT.directory when
 * something is; everything that was done is printed, a line each.
 */
import type { Command } from 'commander';
import { repair } from '../engine/maintenance.ts';
import { addDirectoryFlags, typedFlags } from './flags.ts';
import type { CliHost, Flags } from './host.ts';
import { EXIT } from './host.ts';

const EXAMPLES = `
Examples:
  sheaf repair --dry-run
  sheaf repair --data-dir /var/lib/sheaf

Stop the server first. A lost catalog is made anew from its newest copy and from the segments' footers; damaged segments
are replaced by new ones with their sound batches. Nothing is deleted: what is left out goes to quarantine/.
Exit codes: 0 nothing lost, 1 failed, 2 wrong command line, 3 something was lost or is in doubt, or the directory is locked.`;

/** Adds the command; `end` takes its exit code. */
export function addRepair(program: Command, host: CliHost, end: (code: number) => void): void {
  const command = program
    .command('repair')
    .description('mend a damaged database')
    .option('--dry-run', 'only tell what would be done')
    .addHelpText('after', EXAMPLES);
  addDirectoryFlags(command).action(async (_options: unknown, self: Command) => {
    end(await repairDirectory(host, typedFlags(self)));
  });
}

async function repairDirectory(host: CliHost, flags: Flags): Promise<number> {
  const { dataDir } = await host.settings(flags);
  const isDryRun = flags['dryRun'] === true;
  const { actions, losses, doubts, ms } = await repair({ directory: dataDir, dryRun: isDryRun });
  const lines = [
    ...actions.map((text) => `${isDryRun ? 'would do' : 'done'}: ${text}`),
    ...losses.map((text) => `lost: ${text}`),
    ...doubts.map((text) => `doubt: ${text}`),
  ];
  const verdict =
    losses.length + doubts.length === 0
      ? 'nothing is lost'
      : `${losses.length.toString()} losses, ${doubts.length.toString()} doubts`;
  const what = actions.length === 0 ? 'nothing to repair' : isDryRun ? 'nothing was changed' : 'repaired';
  lines.push(`${what} in ${(ms / 1_000).toFixed(2)} s: ${verdict}`);
  await host.stdout.write(lines.map((line) => `${line}\n`).join(''));
  return losses.length + doubts.length === 0 ? EXIT.ok : EXIT.directory;
}
