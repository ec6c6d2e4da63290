/**
 * `npm run soak -- --minutes N`: a real server under mixed load and faults, for as long as wanted.
 *
 * Options: `--minutes N` (default 10), `--seed N`, `--kill-seconds A,B` (default 15,40: between kills, in the first
 * half), `--directory DIR` (kept; otherwise a temporary one that goes away when all was well). Prints what it does and
 * a table of trends; exits with 1 when a row is missing, doubled or wrong, when an actor fails or hangs, or when a
 * trend is above its bound. Memory, maps and disk are judged by their slope once the last server is older than what is
 * retained, in the second half.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { playSoak } from './play.ts';
import type { SoakReport } from './play.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: (Date.now() % 1_000_000).toString() },
    'kill-seconds': { type: 'string', default: '15,40' },
    directory: { type: 'string' },
  },
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printReport(report: SoakReport): void {
  const rows = `${report.acknowledgedRows.toString()} rows acknowledged by appends`;
  print(`${rows}, ${report.verifiedRows.toString()} read and found right, ${report.kills.toString()} kills`);
  print(`steps: ${report.actors.map(({ name, steps }) => `${name} ${steps.toString()}`).join(', ')}`);
  print('\nmeasure                unit       first        last   most ever   slope a minute   from minute   bound');
  for (const { measure, unit, first, last, most, slope, slopeMax, isSteady, fromMs } of report.trends) {
    const figures = [first, last, most].map((value) => value.toFixed(1).padStart(12)).join('');
    const bound = Number.isFinite(slopeMax) ? slopeMax.toString() : 'none';
    const note = isSteady || bound === 'none' ? '' : ', not judged: the run is too short';
    const from = (fromMs / 60_000).toFixed(1).padStart(13);
    print(
      `${measure.padEnd(22)} ${unit.padEnd(4)}${figures} ${slope.toFixed(3).padStart(16)} ${from}   ${bound}${note}`,
    );
  }
  for (const leak of report.leaks) print(`FAILED: ${leak}`);
}

const undos: (() => void | Promise<void>)[] = [];
const directory = values.directory ?? mkdtempSync(join(tmpdir(), 'sheaf-soak-'));
const killMs = values['kill-seconds'].split(',').map((seconds) => Number(seconds) * 1000);
print(`${values.minutes} minutes, seed ${values.seed}, in ${directory}`);
let isWell = false;
try {
  const report = await playSoak(
    { after: (undo) => void undos.push(undo) },
    {
      directory,
      durationMs: Number(values.minutes) * 60_000,
      seed: Number(values.seed),
      killMs: [killMs[0] ?? 0, killMs[1] ?? killMs[0] ?? 0],
      log: print,
    },
  );
  printReport(report);
  isWell = report.leaks.length === 0;
} catch (error) {
  print(`FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
} finally {
  for (const undo of undos.toReversed()) await undo();
}
if (isWell && values.directory === undefined) rmSync(directory, { recursive: true });
else print(`the directory is kept: ${directory}`);
process.exitCode = isWell ? 0 : 1;
