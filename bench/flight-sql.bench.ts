/**
 * What do drivers cost? Tables and single rows by Flight SQL's stock ADBC driver, beside plain Flight, and several
 * endpoints read side by side, beside one.
 *
 * Method: one data set of four 8-byte columns on one server; one client process does the two ways of each question in
 * turn, so that drift of the machine hits both; rows, and a sum over the batches, of every answer are checked. Single
 * rows are also asked of the SQLite server of Arrow's Go library, on the same rows, where SHEAF_FLIGHT_SQL_PEER names
 * its program (docs/performance.md says how to get it).
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { figure, processorSeconds, projectPath, quantile, startServer } from './bench.ts';
import type { Bench, BenchOptions, Figure } from './bench.ts';
import { Peer } from './peer.ts';

interface Outcome {
  readonly seconds: number;
  readonly rows: number;
  readonly check: number;
}

interface Contest {
  readonly client: Peer;
  readonly port: number;
  readonly http: string;
  readonly rows: number;
  readonly rounds: number;
}

type Request = Readonly<Record<string, unknown>>;

/** Asks both ways in turn; the times of each, and how many times as fast the second is. */
async function pair(
  { client, port, rows, rounds }: Contest,
  [first, second]: readonly [string, string],
  requests: readonly [(round: number) => Request, (round: number) => Request],
  after: (round: number, way: number) => Promise<void> = () => Promise.resolve(),
): Promise<readonly Figure[]> {
  const seconds: [number[], number[]] = [[], []];
  const checks = new Set<number>();
  for (let round = -1; round < rounds; round++) {
    for (const way of [0, 1] as const) {
      const outcome = await client.ask<Outcome>({ port, ...requests[way](round) });
      const name = way === 0 ? first : second;
      if (outcome.rows !== rows) throw new Error(`${name}: ${outcome.rows.toString()} rows`);
      checks.add(outcome.check);
      if (checks.size > 1) throw new Error(`${name}: another answer`);
      if (round >= 0) seconds[way].push(outcome.seconds);
      await after(round, way);
    }
  }
  const ratios = seconds[0].map((value, i) => value / (seconds[1][i] ?? Number.NaN));
  return [
    figure(first, 's', seconds[0]),
    figure(second, 's', seconds[1]),
    figure(`${second}: rate over that of ${first}`, '×', ratios),
  ];
}

/** Tables that were put are counted and dropped, so that each put meets the same disk. */
async function putsOf(contest: Contest): Promise<readonly Figure[]> {
  const table = (round: number, way: number): string => `put_${(round + 1).toString()}_${way.toString()}`;
  const sql = async (text: string): Promise<{ readonly data: number[][] }> => {
    const response = await fetch(`${contest.http}/`, { method: 'POST', body: text });
    return (await response.json()) as { data: number[][] };
  };
  return pair(
    contest,
    ['durable DoPut', 'durable adbc_ingest'],
    [(round) => ({ do: 'put', table: table(round, 0) }), (round) => ({ do: 'ingest', table: table(round, 1) })],
    async (round, way) => {
      const count = (await sql(`SELECT count(*) FROM ${table(round, way)}`)).data[0]?.[0];
      if (count !== contest.rows) throw new Error(`${table(round, way)} holds ${String(count)} rows`);
      await sql(`DROP TABLE ${table(round, way)}`);
    },
  );
}

/** A server that single rows are asked of. */
interface LookedUp {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** The statement that makes its table. */
  readonly create: string;
}

async function lookupsOf(
  { client, rounds }: Contest,
  servers: readonly LookedUp[],
  small: boolean,
): Promise<readonly Figure[]> {
  const rows = small ? 1_000 : 100_000;
  const table = 'looked_up';
  for (const { port, create } of servers) await client.ask({ do: 'fill', port, table, rows, create });
  const found: Figure[] = [];
  for (const clients of [1, 8]) {
    const count = small ? 10 : 1000;
    const times = servers.map(() => ({ p50: [] as number[], rate: [] as number[], processor: [] as number[] }));
    for (let round = -1; round < rounds; round++) {
      for (const [i, { port, pid }] of servers.entries()) {
        const before = processorSeconds(pid);
        const ask = { do: 'lookups', port, table, rows, count, clients };
        const { seconds, milliseconds } = await client.ask<{ seconds: number; milliseconds: number[] }>(ask);
        if (round < 0) continue;
        times[i]?.p50.push(quantile(milliseconds, 0.5));
        times[i]?.rate.push(milliseconds.length / seconds);
        times[i]?.processor.push(((processorSeconds(pid) - before) * 1000) / milliseconds.length);
      }
    }
    for (const [i, { name }] of servers.entries()) {
      const what = `a row by its number, prepared, ${clients.toString()} at a time: ${name}`;
      found.push(
        figure(`${what}, p50`, 'ms', times[i]?.p50 ?? []),
        figure(`${what}, rate`, '/s', times[i]?.rate ?? []),
        figure(`${what}, its processor time for each`, 'ms', times[i]?.processor ?? []),
      );
    }
  }
  return found;
}

/** Starts the SQLite server of Arrow's Go library; undefined where it is not given. */
async function startPeer(): Promise<(LookedUp & { stop(): void }) | undefined> {
  const program = process.env['SHEAF_FLIGHT_SQL_PEER'];
  if (program === undefined) return undefined;
  const port = await freePort();
  const child = spawn(program, ['-host', '127.0.0.1', '-port', port.toString()], { stdio: 'ignore' });
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode.toString()}`);
    await sleep(50);
  }
  const create = 'CREATE TABLE looked_up (id INTEGER PRIMARY KEY, price FLOAT)';
  return { name: 'SQLite by Go', port, pid: child.pid ?? 0, create, stop: () => child.kill() };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.unref().once('connect', () => socket.destroy());
  });
}

async function measure({ small }: BenchOptions, directory: string): Promise<readonly Figure[]> {
  const rows = small ? 200_000 : 10_000_000;
  const rounds = small ? 1 : Number(process.env['SHEAF_BENCH_ROUNDS'] ?? 7);
  const file = join(directory, 'rows.arrow');
  const maker = spawn(projectPath('.venv/bin/python'), [
    projectPath('bench/transfer-client.py'),
    'make',
    file,
    rows.toString(),
  ]);
  await new Promise((resolve) => maker.once('exit', resolve));
  const ports = ['--flight-port', '0', '--http-port', '0'];
  const args = [projectPath('dist/main.js'), 'serve', ...ports, '--data-dir', join(directory, 'sheaf')];
  const server = await startServer(process.execPath, args);
  const [, flight = '', http = ''] = /flight=[^:]+:(\d+) http=(\S+)/.exec(server.readyLine) ?? [];
  const client = await Peer.start('flight-sql-client.py', file);
  const peer = await startPeer();
  try {
    const contest: Contest = { client, port: Number(flight), http: `http://${http}`, rows, rounds };
    await client.ask({ do: 'put', port: contest.port, table: 't' });
    const sql = 'SELECT * FROM t';
    const get = (): Request => ({ do: 'get', sql });
    const from = (endpoints: number) => (): Request => ({ do: 'endpoints', sql, endpoints });
    const create = 'CREATE TABLE looked_up (id INTEGER NOT NULL, price FLOAT)';
    const ours = { name: 'Sheaf', port: contest.port, pid: server.child.pid ?? 0, create };
    return [
      ...(await pair(contest, ['DoGet', 'ADBC query'], [get, () => ({ do: 'query', sql, endpoints: 0 })])),
      ...(await pair(
        contest,
        ['DoGet again', 'ADBC query, four endpoints'],
        [get, () => ({ do: 'query', sql, endpoints: 1 })],
      )),
      ...(await pair(contest, ['one endpoint', 'four endpoints, four threads'], [from(1), from(4)])),
      ...(await putsOf(contest)),
      ...(await lookupsOf(contest, peer === undefined ? [ours] : [ours, peer], small)),
      ...(peer === undefined ? [figure('SQLite by Go: SHEAF_FLIGHT_SQL_PEER names no program', 'not run', [])] : []),
    ];
  } finally {
    peer?.stop();
    await client.close();
    await server.stop();
  }
}

export const flightSql: Bench = {
  name: 'flight-sql',
  question: 'what do drivers cost beside plain Flight, and several endpoints beside one?',
  async run(options) {
    const directory = mkdtempSync(join(tmpdir(), 'sheaf-bench-'));
    try {
      return await measure(options, directory);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
