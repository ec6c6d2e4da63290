// `npm run quickstart`: from a fresh clone to a running server with three million real rows in it.
//
// Installs and builds what is missing or stale, starts `sheaf serve` on ./data with ports 8815 and 8123 (flags after
// `--` are passed through), loads on the first run the tables `flights` (3,000,000 real US flights of early 2001,
// from the npm package vega-datasets) and `trades` (the S&P 500 index of each trading day 2000-2020, from the same
// package), prints addresses and lines to paste, and stays until Ctrl-C. Plain Node without packages, so that it runs
// before anything is installed. Invariants: a table that exists is left alone; each load is all or nothing, so a run
// that was broken off is made good by the next.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installIfNeeded } from './install.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, 'dist', 'main.js');
const samples = join(root, 'node_modules', 'vega-datasets', 'data');

/** Newest modification time below `directory`, in ms. */
function newest(directory) {
  return readdirSync(directory, { recursive: true })
    .map((name) => statSync(join(directory, name)).mtimeMs)
    .reduce((a, b) => Math.max(a, b), 0);
}

function buildIfNeeded() {
  const inputs = [join(root, 'tsconfig.json'), join(root, 'tsconfig.build.json'), join(root, 'package.json')];
  const changed = Math.max(newest(join(root, 'src')), ...inputs.map((path) => statSync(path).mtimeMs));
  if (existsSync(main) && statSync(main).mtimeMs >= changed) return;
  process.stdout.write('building (tsc)\n');
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
    cwd: root,
  });
  if (status !== 0) fail('the build failed');
}

function fail(message) {
  process.stderr.write(`quickstart: ${message}\n`);
  process.exit(1);
}

/** Starts the server; resolves with its addresses, and undefined when it ended before it was ready. */
function startServer(flags) {
  const child = spawn(process.execPath, [main, 'serve', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: root,
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  const ended = new Promise((resolve) => {
    child.on('exit', (code, signal) => resolve(code ?? (signal === null ? 0 : 1)));
  });
  const ready = new Promise((resolve) => {
    let text = '';
    child.stdout.on('data', (bytes) => {
      text += bytes.toString();
      const match = /^ready flight=(\S+) http=(\S+)$/m.exec(text);
      if (match !== null) resolve({ flight: match[1], http: match[2] });
    });
    void ended.then(() => resolve(undefined));
  });
  return { ended, ready };
}

async function tableNames(url) {
  const response = await fetch(`${url}/query`, { method: 'POST', body: 'SHOW TABLES' });
  if (!response.ok) fail(`SHOW TABLES was answered with ${response.status}: ${await response.text()}`);
  return (await response.json()).data.map((row) => String(row[0]));
}

/** Runs `sheaf import`; `input` goes to its standard input. Resolves with its exit code. */
function importTable(url, table, words, input) {
  const args = [main, 'import', ...words, '--table', table, '--url', url];
  const child = spawn(process.execPath, args, {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'inherit', 'inherit'],
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  return new Promise((resolve) => {
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/**
 * The page's trades table out of real prices: symbol 1 is the S&P 500 index, price its close, volume the shares
 * traded that day.
 */
function tradesCsv() {
  const [head, ...lines] = readFileSync(join(samples, 'sp500-2000.csv'), 'utf8').trim().split(/\r?\n/);
  const names = head.split(',');
  const [close, volume] = [names.indexOf('close'), names.indexOf('volume')];
  const rows = lines.map((line) => line.split(',')).map((cells) => `1,${cells[close]},${cells[volume]}.0`);
  return `symbol,price,volume\n${rows.join('\n')}\n`;
}

async function loadMissing(url) {
  const there = await tableNames(url);
  if (!there.includes('flights')) {
    process.stdout.write('loading table flights: 3,000,000 US domestic flights of January to June 2001\n');
    if ((await importTable(url, 'flights', [join(samples, 'flights-3m.parquet')])) !== 0) return false;
  }
  if (!there.includes('trades')) {
    process.stdout.write(
      'loading table trades: S&P 500, close and volume of each trading day 2000-2020, as symbol 1\n',
    );
    if ((await importTable(url, 'trades', ['-', '--format', 'csv'], tradesCsv())) !== 0) return false;
  }
  return true;
}

function lines(flight, http, dataFlag) {
  const flightLines =
    flight === 'off'
      ? '  (Flight is off)'
      : `  import pyarrow.flight as fl
  client = fl.connect("grpc://${flight}")
  reader = client.do_get(fl.Ticket("SELECT * FROM trades LIMIT 10"))
  print(reader.read_all().to_pandas())`;
  return `
Sheaf is running.
  Arrow Flight  ${flight === 'off' ? 'off' : `grpc://${flight}`}
  HTTP          http://${http}

Python (pip install pyarrow pandas):
${flightLines}

curl:
  curl http://${http}/query -d 'SELECT origin, COUNT(*) AS n FROM flights GROUP BY origin ORDER BY n DESC LIMIT 5'

The command line, in another terminal:
  node dist/main.js query "SELECT destination, AVG(delay) AS delay FROM flights GROUP BY destination ORDER BY delay DESC LIMIT 5"${dataFlag}
  node dist/main.js tables${dataFlag}

Ctrl-C stops it; the tables stay in the data directory.
`;
}

installIfNeeded(root);
buildIfNeeded();
const flags = process.argv.slice(2);
const server = startServer(flags);
const addresses = await server.ready;
if (addresses !== undefined) {
  const url = `http://${addresses.http}`;
  const at = flags.findIndex((flag) => flag.startsWith('--data-dir'));
  const dataFlag = at === -1 ? '' : ` ${flags[at]}${flags[at].includes('=') ? '' : ` ${flags[at + 1] ?? ''}`}`;
  if (await loadMissing(url)) process.stdout.write(lines(addresses.flight, addresses.http, dataFlag));
  else process.stderr.write('quickstart: loading failed; the server goes on with the tables it has\n');
}
process.exit(await server.ended);
