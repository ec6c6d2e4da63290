// `npm run fuzz -- [--minutes N] [--seed N [--rounds N]] [name…]`: the fuzzers of test/fuzz for as long as is wanted.
//
// Each file whose name contains one of the names (all unless given) runs in turn, each time with fresh seeds and more
// rounds than in the suite, until the minutes are over (10). Prints the sum of rounds of each fuzzer; ends at the
// first failure, with its seed and how to replay it. With --seed the files run once, from that seed on.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const SCALE = 10;
const SEED_MAX = 2 ** 30;
/** A file that takes this long at that scale hangs, in a way that its own watch does not see. */
const FILE_MS_MAX = 20 * 60_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string' }, seed: { type: 'string' }, rounds: { type: 'string' } },
});
const minutes = Number(values.minutes ?? 10);
const files = readdirSync(join(root, 'test', 'fuzz'))
  .filter((name) => name.endsWith('.fuzz.ts'))
  .filter((name) => positionals.length === 0 || positionals.some((part) => name.includes(part)));
if (files.length === 0 || !(minutes > 0)) {
  process.stderr.write('nothing to do: name a file of test/fuzz, and minutes above 0\n');
  process.exit(2);
}

const totals = new Map();

/** Runs one file; its output, and whether it passed. */
function runFile(name, environment) {
  return new Promise((resolve) => {
    const words = ['--import', 'tsx', '--test', '--test-reporter=tap', join('test', 'fuzz', name)];
    const child = spawn(process.execPath, words, { cwd: root, env: { ...process.env, ...environment } });
    const timer = setTimeout(() => child.kill('SIGKILL'), FILE_MS_MAX);
    let output = '';
    const take = (piece) => (output += piece.toString());
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ output, passed: code === 0 });
    });
  });
}

function report() {
  for (const [name, { rounds, runs }] of [...totals].sort()) {
    process.stdout.write(`fuzz ${name}: ${rounds} rounds in ${runs} runs\n`);
  }
}

async function run(name, environment) {
  const { output, passed } = await runFile(name, environment);
  for (const [, fuzzer, rounds] of output.matchAll(/^# fuzz (.*): (\d+) rounds, seed \d+$/gm)) {
    const total = totals.get(fuzzer) ?? { rounds: 0, runs: 0 };
    totals.set(fuzzer, { rounds: total.rounds + Number(rounds), runs: total.runs + 1 });
  }
  if (passed) return;
  const set = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
  process.stdout.write(
    `${output}\n${name} failed; the whole run again: ${set.join(' ')} npm run test:suite -- ${name}\n`,
  );
  report();
  process.exit(1);
}

if (values.seed !== undefined) {
  const rounds = values.rounds ?? '1';
  for (const name of files) await run(name, { SHEAF_FUZZ_SEED: values.seed, SHEAF_FUZZ_ROUNDS: rounds });
} else {
  const end = Date.now() + minutes * 60_000;
  do {
    for (const name of files) {
      const seed = randomInt(1, SEED_MAX).toString();
      process.stdout.write(`${name} from seed ${seed}\n`);
      await run(name, { SHEAF_FUZZ_SEED: seed, SHEAF_FUZZ_SCALE: SCALE.toString() });
      if (Date.now() >= end) break;
    }
  } while (Date.now() < end);
}
report();
