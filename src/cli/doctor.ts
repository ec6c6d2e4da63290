/**
 * `sheaf doctor`: whether this machine is fit for a database, a line for each thing that was looked at.
 *
 * Hides nothing else. Invariant: EXIT.failure only when something would keep a server from starting or from its
 * promise; what only warns does not count.
 */
import type { Command } from 'commander';
import { examine } from '../engine/maintenance.ts';
import type { Finding } from '../engine/maintenance.ts';
import { addDirectoryFlags, typedFlags } from './flags.ts';
import type { CliHost, Flags } from './host.ts';
import { EXIT } from './host.ts';

const EXAMPLES = `
Examples:
  sheaf doctor
  sheaf doctor --data-dir /var/lib/sheaf

Writes a small file into the data directory and removes it again. Exit codes: 0 fit, 1 something fails.`;

const MARKS: Readonly<Record<Finding['verdict'], string>> = { good: 'ok  ', warns: 'warn', fails: 'FAIL' };

/** Adds the command; `end` takes its exit code. */
export function addDoctor(program: Command, host: CliHost, end: (code: number) => void): void {
  const command = program
    .command('doctor')
    .description('look whether this machine is fit for a database')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', EXAMPLES);
  addDirectoryFlags(command)
    .option('--no-flight', 'for a server of HTTP alone')
    .action(async (_options: unknown, self: Command) => {
      end(await look(host, typedFlags(self)));
    });
}

async function look(host: CliHost, flags: Flags): Promise<number> {
  const { dataDir, noFlight } = await host.settings(flags);
  const findings = [...(await examine(dataDir)), await flightFinding(host, noFlight)];
  const text =
    flags['json'] === true
      ? `${JSON.stringify(findings, null, 2)}\n`
      : findings.map((finding) => `${MARKS[finding.verdict]}  ${finding.name}: ${finding.text}\n`).join('');
  await host.stdout.write(text);
  return findings.some(({ verdict }) => verdict === 'fails') ? EXIT.failure : EXIT.ok;
}

async function flightFinding(host: CliHost, noFlight: boolean): Promise<Finding> {
  const name = 'flight';
  if (noFlight) return { name, verdict: 'good', text: 'switched off; HTTP serves alone' };
  if (await host.hasFlight()) return { name, verdict: 'good', text: 'its packages are installed' };
  const text = '@grpc/grpc-js and @grpc/proto-loader are not installed, so HTTP would serve alone; npm install';
  return { name, verdict: 'warns', text };
}
