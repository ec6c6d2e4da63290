/**
 * `sheaf check`: what is wrong with a database or a backup, a line for each finding.
 *
 * Hides nothing else. Invariants: EXIT.ok only when everything was looked at and sound; EXIT.directory when something
 * is damaged; notes do not count.
 */
import type { Command } from 'commander';
import { formatBytes } from '../base/bytes.ts';
import { check } from '../engine/maintenance.ts';
import type { CheckFinding, CheckReport } from '../engine/maintenance.ts';
import { addDirectoryFlags, typedFlags } from './flags.ts';
import type { CliHost, Flags } from './host.ts';
import { EXIT } from './host.ts';

const EXAMPLES = `
Examples:
  sheaf check
  sheaf check --data-dir /var/lib/sheaf --deep
  sheaf check --data-dir /backups/monday --json

Reads every byte, beside a running server as well, and changes nothing. Without --deep checksums are compared; with it
every batch is also decoded and validated. Exit codes: 0 sound, 1 failed, 2 wrong command line, 3 damaged.`;

/** Adds the command; `end` takes its exit code. */
export function addCheck(program: Command, host: CliHost, end: (code: number) => void): void {
  const command = program
    .command('check')
    .description('verify every file of a database, or of a backup')
    .option('--deep', 'decode and validate every batch, and count its rows')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES);
  addDirectoryFlags(command).action(async (_options: unknown, self: Command) => {
    end(await checkDirectory(host, typedFlags(self)));
  });
}

async function checkDirectory(host: CliHost, flags: Flags): Promise<number> {
  const { dataDir } = await host.settings(flags);
  const report = await check({ directory: dataDir, deep: flags['deep'] === true });
  const text = flags['json'] === true ? `${JSON.stringify(report, null, 2)}\n` : reportText(report);
  await host.stdout.write(text);
  return report.isSound ? EXIT.ok : EXIT.directory;
}

function reportText(report: CheckReport): string {
  return `${report.findings.map((finding) => `${findingText(finding)}\n`).join('')}${summaryText(report)}\n`;
}

function findingText({ kind, table, file, offset, what }: CheckFinding): string {
  const place = offset === undefined ? file : `${file}, offset ${offset.toString()}`;
  return `${kind}: ${table === undefined ? '' : `table "${table}", `}${place}: ${what}`;
}

function summaryText(report: CheckReport): string {
  const { tableCount, segmentCount, byteCount, ms, findings } = report;
  const seconds = ms / 1_000;
  const rate = (byteCount / 1e9 / Math.max(seconds, 1e-9)).toFixed(2);
  const what = `${tableCount.toString()} tables, ${segmentCount.toString()} segments, ${formatBytes(byteCount)}`;
  const damages = findings.filter((finding) => finding.kind === 'damage').length;
  const verdict = damages === 0 ? 'sound' : `${damages.toString()} damages; see \`sheaf repair --help\``;
  return `checked ${what} in ${seconds.toFixed(2)} s (${rate} GB/s): ${verdict}`;
}
