/**
 * Runs the reliability tests and rewrites the table of docs/reliability.md with the figures that they measured.
 *
 * `npm run reliability` takes the sizes of the test suite, `-- --long` the long forms (hours), `-- --medium` some
 * minutes each; further words choose test files by a part of their path. Lines of tests that did not run stay as they
 * are. Exits with 1 when a test failed; the table is written all the same.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = join(root, 'docs', 'reliability.md');
const [begin, end] = ['<!-- figures -->', '<!-- end of figures -->'];

/** Sizes by environment variable; what is not named keeps the suite's. */
const SIZES = {
  suite: {},
  medium: {
    SHEAF_FAULT_WALKS: '0',
    SHEAF_CRASH_STATES: '4000',
    SHEAF_POWER_CUTS: '500',
    SHEAF_KILLS: '200',
    SHEAF_KILL_STEPS: '0',
    SHEAF_INGEST_RETRIES: '20000',
    SHEAF_KERNEL_FAULTS: 'all',
  },
  long: {
    SHEAF_FAULT_WALKS: '0',
    SHEAF_CRASH_STATES: '20000',
    SHEAF_POWER_CUTS: '10000',
    SHEAF_KILLS: '1000',
    SHEAF_KILL_STEPS: '0',
    SHEAF_INGEST_RETRIES: '100000',
    SHEAF_KERNEL_FAULTS: 'all',
    SHEAF_DAMAGE_TYPES: 'all',
  },
};

const words = process.argv.slice(2);
const size = words.includes('--long') ? 'long' : words.includes('--medium') ? 'medium' : 'suite';
const parts = words.filter((word) => !word.startsWith('--'));

/** Cells of the table by id, as they stand on the page. */
function tableOf(text) {
  const rows = new Map();
  for (const line of text.slice(text.indexOf(begin), text.indexOf(end)).split('\n')) {
    const cells = line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, ''));
    if (cells.length === 5 && /^`/.test(cells[0])) rows.set(cells[0].replaceAll('`', ''), cells);
  }
  return rows;
}

function rowOf({ id, what, command, count, unit, result }) {
  const plain = (text) => text.replaceAll('|', '/');
  return [`\`${id}\``, plain(what), `\`${command}\``, `${count.toLocaleString('en')} ${unit}`, plain(result)];
}

const directory = mkdtempSync(join(tmpdir(), 'sheaf-reliability-'));
const report = join(directory, 'figures.jsonl');
writeFileSync(report, '');
// One file after another, straight under node: the suite's runner ends files that take minutes.
const files = [
  'test/crash/fault-walk.test.ts',
  'test/crash/power-loss.test.ts',
  'test/crash/power-cut.test.ts',
  'test/crash/kill.test.ts',
  'test/crash/kill-steps.test.ts',
  'test/crash/kill-tools.test.ts',
  'test/crash/ingest-retry.test.ts',
  'test/crash/broken-build.test.ts',
  'test/crash/kernel-fault.test.ts',
  'test/crash/damage.test.ts',
  'test/crash/catalog-damage.test.ts',
].filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
let failed = false;
for (const file of files) {
  const env = { ...process.env, ...SIZES[size], SHEAF_REPORT: report };
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', join(root, file)], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  failed ||= status !== 0;
}

const text = readFileSync(page, 'utf8');
const rows = tableOf(text);
for (const line of readFileSync(report, 'utf8').split('\n')) {
  if (line === '') continue;
  const figure = JSON.parse(line);
  rows.set(figure.id, rowOf(figure));
}
rmSync(directory, { recursive: true, force: true });
const lines = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cells]) => `| ${cells.join(' | ')} |`);
const table = [begin, '', '| id | what | command | count | result |', '|---|---|---|---|---|', ...lines, '', end];
writeFileSync(
  page,
  text.slice(0, text.indexOf(begin)) + table.join('\n') + text.slice(text.indexOf(end) + end.length),
);
process.exit(failed ? 1 : 0);
