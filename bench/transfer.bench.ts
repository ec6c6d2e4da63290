/**
 * How fast do tables go in and out over Flight, beside pyarrow's own C++ server?
 *
 * Method: one data set of four 8-byte columns, served by both from memory-mapped IPC; one stock pyarrow client
 * process a run, the two servers in turn, so that drift of the machine hits both; processor time and anonymous
 * memory read from the kernel. Every run's rows and a sum over its last rows are checked.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { open } from '../src/engine/engine.ts';
import { makeField, makeSchema } from '../src/arrow/schema.ts';
import { makeVector } from '../src/arrow/vector.ts';
import { anonymousMib, figure, processorSeconds, projectPath, quantile, startServer } from './bench.ts';
import type { Bench, BenchOptions, Figure, Server } from './bench.ts';

const run = promisify(execFile);
const PYTHON = projectPath('.venv/bin/python');
const GB = 1e9;

interface Outcome {
  readonly seconds: number;
  readonly rows: number;
  readonly bytes: number;
  readonly check: number;
  readonly milliseconds: readonly number[];
}

async function client(...args: readonly string[]): Promise<Outcome> {
  const { stdout } = await run(PYTHON, [projectPath('bench/transfer-client.py'), ...args], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout) as Outcome;
}

/** Starts Sheaf as a user does: the built program with plain node. */
async function startSheaf(directory: string): Promise<Server & { readonly flight: string; readonly http: string }> {
  const args = [
    projectPath('dist/main.js'),
    'serve',
    '--flight-port',
    '0',
    '--http-port',
    '0',
    '--data-dir',
    directory,
  ];
  const server = await startServer(process.execPath, args);
  const ports = /flight=[^:]+:(\d+) http=(\S+)/.exec(server.readyLine);
  return { ...server, flight: ports?.[1] ?? '', http: `http://${ports?.[2] ?? ''}` };
}

interface Contest {
  readonly ours: Server & { readonly flight: string; readonly http: string };
  readonly peer: Server & { readonly flight: string };
  readonly rows: number;
  readonly rounds: number;
  readonly file: string;
  readonly small: boolean;
}

const pidOf = (server: Server): number => server.child.pid ?? 0;

/**
 * Runs `once` against both in turn and returns ours over the peer's, for throughput and processor time, and our own
 * figures.
 */
async function pair(
  contest: Contest,
  name: string,
  once: (port: string, isOurs: boolean) => Promise<Outcome>,
): Promise<Figure[]> {
  const speed = { ours: [] as number[], peer: [] as number[] };
  const processor = { ours: [] as number[], peer: [] as number[] };
  const checks = new Set<number>();
  let memory = 0;
  for (let round = -1; round < contest.rounds; round++) {
    for (const side of ['ours', 'peer'] as const) {
      const before = processorSeconds(pidOf(contest[side]));
      const outcome = await once(contest[side].flight, side === 'ours');
      if (outcome.rows !== contest.rows) throw new Error(`${name}: ${outcome.rows.toString()} rows from ${side}`);
      checks.add(outcome.check);
      if (checks.size > 1) throw new Error(`${name}: the servers' answers differ`);
      if (round < 0) continue;
      const gigabytes = outcome.bytes / GB;
      speed[side].push(gigabytes / outcome.seconds);
      processor[side].push((processorSeconds(pidOf(contest[side])) - before) / gigabytes);
      if (side === 'ours') memory = Math.max(memory, anonymousMib(pidOf(contest.ours)));
    }
  }
  const ratio = (sides: { ours: number[]; peer: number[] }): number[] =>
    sides.ours.map((value, i) => value / (sides.peer[i] ?? 1));
  return [
    figure(`${name}: Sheaf`, 'GB/s', speed.ours),
    figure(`${name}: pyarrow C++ server`, 'GB/s', speed.peer),
    figure(`${name}: throughput ratio`, '×', ratio(speed)),
    figure(`${name}: Sheaf processor time`, 's/GB', processor.ours),
    figure(`${name}: processor time ratio, all runs`, '×', [total(processor.ours) / total(processor.peer)]),
    figure(`${name}: Sheaf anonymous memory after`, 'MiB', [memory]),
  ];
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Four client processes at once; the total of rows and bytes, and the wall time of all. */
async function four(port: string, ticket: string, rows: number): Promise<Outcome> {
  const started = performance.now();
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => client('get', port, ticket)));
  if (outcomes.some((outcome) => outcome.rows !== rows)) throw new Error('a client of four missed rows');
  // Client start-up is not the servers' work: the span from the first byte asked to the last byte read is what counts,
  // and the slowest client's own clock is the nearest to it that needs no shared clock.
  const seconds = Math.max(...outcomes.map((outcome) => outcome.seconds));
  const bytes = outcomes.reduce((sum, outcome) => sum + outcome.bytes, 0);
  return {
    seconds: Math.min(seconds, (performance.now() - started) / 1000),
    rows,
    bytes,
    check: 0,
    milliseconds: [],
  };
}

async function puts(contest: Contest, name: string, batchRows: number): Promise<Figure[]> {
  let count = 0;
  const disk: number[] = [];
  const figures = await pair(contest, name, async (port, isOurs) => {
    const table = `put_${batchRows.toString()}_${(count++).toString()}`;
    const outcome = await client('put', port, table, contest.file, batchRows.toString());
    if (isOurs) {
      const response = await fetch(`${contest.ours.http}/`, {
        method: 'POST',
        body: `SELECT count(*) FROM ${table}`,
      });
      const answer = (await response.json()) as { data: number[][] };
      if (answer.data[0]?.[0] !== contest.rows) throw new Error(`${table} holds ${String(answer.data[0]?.[0])} rows`);
      await fetch(`${contest.ours.http}/`, { method: 'POST', body: `DROP TABLE ${table}` });
      // What the machine itself takes to make the same bytes durable, just then: it varies more than anything else.
      // The copies stay until the end, as a dropped table's files do, so that both pay for fresh memory.
      disk.push((await client('write', contest.file, `${contest.file}.${table}`)).seconds / outcome.seconds);
    }
    return outcome;
  });
  return [...figures, figure(`${name}: a plain write and fdatasync of the same bytes takes`, '× its time', disk)];
}

async function latencies(contest: Contest): Promise<Figure[]> {
  const count = contest.small ? 50 : 2000;
  const ours = await client('small', contest.ours.flight, 'SELECT * FROM t LIMIT 10', count.toString());
  const peer = await client('small', contest.peer.flight, 'limit', count.toString());
  return [
    figure('SELECT * FROM t LIMIT 10, p50: Sheaf', 'ms', [quantile(ours.milliseconds, 0.5)]),
    figure('SELECT * FROM t LIMIT 10, p99: Sheaf', 'ms', [quantile(ours.milliseconds, 0.99)]),
    figure('fixed ten rows, p50: pyarrow C++ server', 'ms', [quantile(peer.milliseconds, 0.5)]),
    figure('fixed ten rows, p99: pyarrow C++ server', 'ms', [quantile(peer.milliseconds, 0.99)]),
  ];
}

async function doors(contest: Contest): Promise<Figure[]> {
  const wanted = Math.min(1_000_000, contest.rows);
  const sql = `SELECT * FROM t LIMIT ${wanted.toString()}`;
  const flight: number[] = [];
  const json: number[] = [];
  for (let round = 0; round < Math.min(contest.rounds, 5); round++) {
    const viaFlight = await client('table', contest.ours.flight, sql);
    const viaJson = await client('json', `${contest.ours.http}/query`, sql);
    if (viaFlight.rows !== wanted || viaJson.rows !== wanted) throw new Error('a door answered with other rows');
    flight.push(viaFlight.seconds);
    json.push(viaJson.seconds);
  }
  return [
    figure(`${wanted.toString()} rows by Flight`, 's', flight),
    figure(`${wanted.toString()} rows by HTTP JSON`, 's', json),
    figure(
      'HTTP JSON time over Flight time',
      '×',
      json.map((value, i) => value / (flight[i] ?? 1)),
    ),
  ];
}

/** Makes a directory of `count` sealed segments, then starts the server on it. */
async function startUp(directory: string, count: number, rounds: number): Promise<Figure> {
  const engine = await open(directory);
  const schema = makeSchema([makeField('value', { id: 'int', bitWidth: 64, signed: true })]);
  const bytes = new Uint8Array(BigInt64Array.from({ length: 1000 }, (_, i) => BigInt(i)).buffer);
  const column = makeVector({ id: 'int', bitWidth: 64, signed: true }, 1000, undefined, 0, [bytes]);
  for (let i = 0; i < count; i++) {
    const put = await engine.beginPut(`table_${(i % 10).toString()}`, schema);
    await put.write({ schema, rowCount: 1000, columns: [column] });
    await put.commit();
    if (i % 10 === 9) await engine.seal();
  }
  await engine.close();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const server = await startSheaf(directory);
    times.push(server.startMs);
    await server.stop();
  }
  return figure(`start to ready with ${count.toString()} sealed segments`, 'ms', times);
}

async function measure({ small }: BenchOptions, directory: string): Promise<readonly Figure[]> {
  const rows = small ? 200_000 : 10_000_000;
  const file = join(directory, 'rows.arrow');
  await client('make', file, rows.toString());
  const ours = await startSheaf(join(directory, 'sheaf'));
  const started = await startServer(PYTHON, [projectPath('bench/transfer-peer.py'), file]);
  const peer = { ...started, flight: started.readyLine.split(' ')[1] ?? '' };
  const contest: Contest = { ours, peer, rows, rounds: small ? 1 : 7, file, small };
  try {
    await client('put', ours.flight, 't', file, '65536');
    const all = 'SELECT * FROM t';
    return [
      ...(await pair(contest, 'DoGet, one client', (port) => client('get', port, all))),
      ...(await pair(contest, 'DoGet, four clients', (port) => four(port, all, rows))),
      ...(await puts(contest, 'durable DoPut, one single batch', 0)),
      ...(await puts(contest, 'durable DoPut, 64 Ki-row batches', 65_536)),
      ...(await latencies(contest)),
      ...(await doors(contest)),
      await startUp(join(directory, 'segments'), small ? 20 : 1000, small ? 1 : 7),
    ];
  } finally {
    await ours.stop();
    await peer.stop();
  }
}

export const transfer: Bench = {
  name: 'transfer',
  question: 'how fast do tables go in and out over Flight, beside the pyarrow C++ server?',
  async run(options) {
    const directory = mkdtempSync(join(tmpdir(), 'sheaf-bench-'));
    try {
      return await measure(options, directory);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
