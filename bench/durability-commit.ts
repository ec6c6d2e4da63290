/**
 * What a durable commit costs: one client beside SQLite, LMDB and DuckDB on the same directory, and many clients.
 *
 * Method: rounds in which each store in turn commits the same number of 64 KiB batches, so that drift of the machine
 * hits all; SQLite by better-sqlite3 in this process (WAL, synchronous=FULL, one blob a transaction), as Sheaf's
 * storage is; LMDB and DuckDB by their Python packages, timed inside Python around the transaction. What each store
 * holds afterwards is counted.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import SqliteDatabase from 'better-sqlite3';
import { open } from '../src/engine/engine.ts';
import { openFlightDoor } from '../src/flight/door.ts';
import type { Storage } from '../src/storage/contract.ts';
import { openStorage } from '../src/storage/storage.ts';
import { figure, projectPath, quantile } from './bench.ts';
import type { Figure } from './bench.ts';
import { ROW_BYTES, appendTrades, checkTrades, trades } from './durability-rows.ts';

const run = promisify(execFile);
const PYTHON = projectPath('.venv/bin/python');
const PUTS = fileURLToPath(new URL('./durability-puts.js', import.meta.url));
const BATCH_BYTES = 64 * 1024;
const BATCH_ROWS = BATCH_BYTES / ROW_BYTES;
const SMALL_ROWS = 100;
const WRITERS = 64;
/** Each writer sends these again and again: ten thousands of batches held ready cost the collector more than commits. */
const BATCHES_A_WRITER = 16;
const CONNECTIONS = 16;

interface Peer {
  readonly name: string;
  /** Commits `count` batches durably; milliseconds of each. */
  commits(count: number): Promise<readonly number[]>;
}

/** SQLite as its users make it durable in WAL mode. */
function sqlitePeer(directory: string): Peer & { close(): void } {
  const database = new SqliteDatabase(join(directory, 'peer.db'));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec('CREATE TABLE blobs (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)');
  const insert = database.prepare('INSERT INTO blobs (bytes) VALUES (?)');
  const count = database.prepare('SELECT coalesce(sum(length(bytes)), 0) FROM blobs').pluck();
  const blob = Buffer.concat(trades(0, BATCH_ROWS).columns.flatMap((column) => column.buffers));
  let stored = 0;
  return {
    name: 'SQLite FULL',
    commits(commitCount) {
      const taken: number[] = [];
      for (let i = 0; i < commitCount; i++) {
        const started = performance.now();
        insert.run(blob);
        taken.push(performance.now() - started);
      }
      stored += commitCount * BATCH_BYTES;
      if (count.get() !== stored) throw new Error(`SQLite holds ${String(count.get())} bytes`);
      return Promise.resolve(taken);
    },
    close: () => void database.close(),
  };
}

/** LMDB or DuckDB by its Python package. */
function pythonPeer(name: string, command: string, directory: string): Peer {
  return {
    name,
    async commits(count) {
      const args = [projectPath('bench/durability-peers.py'), command, directory];
      const { stdout } = await run(PYTHON, [...args, count.toString(), BATCH_BYTES.toString()]);
      const outcome = JSON.parse(stdout) as { readonly milliseconds: number[]; readonly bytes: number };
      if (outcome.bytes !== count * BATCH_BYTES) throw new Error(`${name} stored ${outcome.bytes.toString()} bytes`);
      return outcome.milliseconds;
    },
  };
}

function sheafPeer(storage: Storage): Peer & { readonly rows: () => number } {
  let rows = 0;
  return {
    name: 'Sheaf',
    rows: () => rows,
    async commits(count) {
      const batches = Array.from({ length: count }, (_, i) => trades(rows + i * BATCH_ROWS, BATCH_ROWS));
      const taken: number[] = [];
      for (const batch of batches) {
        const started = performance.now();
        await appendTrades(storage, 'acks', [batch]);
        taken.push(performance.now() - started);
      }
      rows += count * BATCH_ROWS;
      return taken;
    },
  };
}

/** One client, one 64 KiB batch a commit, beside the other stores. */
export async function acknowledgement(directory: string, rounds: number, count: number): Promise<readonly Figure[]> {
  if (!existsSync(PYTHON)) throw new Error('no Python environment in .venv: run `node tools/python-env.mjs`');
  const storage = await openStorage({ directory: join(directory, 'sheaf') });
  const sqlite = sqlitePeer(directory);
  const sheaf = sheafPeer(storage);
  const peers: readonly Peer[] = [
    sheaf,
    sqlite,
    pythonPeer('LMDB', 'lmdb', directory),
    pythonPeer('DuckDB', 'duckdb', directory),
  ];
  const medians = new Map(peers.map(({ name }) => [name, [] as number[]]));
  const tails = new Map(peers.map(({ name }) => [name, [] as number[]]));
  try {
    for (let round = -1; round < rounds; round++) {
      for (const peer of peers) {
        const taken = await peer.commits(count);
        if (round < 0) continue;
        medians.get(peer.name)?.push(quantile(taken, 0.5));
        tails.get(peer.name)?.push(quantile(taken, 0.99));
      }
    }
    await checkTrades(storage, 'acks', sheaf.rows());
  } finally {
    sqlite.close();
    await storage.close();
  }
  const full = medians.get(sqlite.name) ?? [];
  return peers.flatMap(({ name }) => {
    const median = medians.get(name) ?? [];
    return [
      figure(`durable commit of 64 KiB, p50: ${name}`, 'ms', median),
      figure(`durable commit of 64 KiB, p99: ${name}`, 'ms', tails.get(name) ?? []),
      figure(
        `durable commit of 64 KiB, p50: ${name} over SQLite FULL`,
        '×',
        median.map((value, i) => value / (full[i] ?? Number.NaN)),
      ),
    ];
  });
}

/** 64 writers in this process, 100 rows a commit, one table a round; a first round is not counted. */
export async function manyWriters(directory: string, rounds: number, count: number): Promise<readonly Figure[]> {
  const storage = await openStorage({ directory });
  const rates: number[] = [];
  const batches = Array.from({ length: WRITERS * BATCHES_A_WRITER }, (_, i) => trades(i * SMALL_ROWS, SMALL_ROWS));
  try {
    for (let round = 0; round <= rounds; round++) {
      const table = `round_${round.toString()}`;
      const times = Math.ceil(count / (WRITERS * BATCHES_A_WRITER));
      await storage.createTable(table, trades(0, 0).schema);
      const started = performance.now();
      await Promise.all(
        Array.from({ length: WRITERS }, async (_, writer) => {
          const own = batches.slice(writer * BATCHES_A_WRITER, (writer + 1) * BATCHES_A_WRITER);
          for (let time = 0; time < times; time++) {
            for (const batch of own) await appendTrades(storage, table, [batch]);
          }
        }),
      );
      if (round > 0) rates.push((times * batches.length) / ((performance.now() - started) / 1000));
      await checkTrades(storage, table, batches.length * SMALL_ROWS, times);
    }
  } finally {
    await storage.close();
  }
  return [figure('64 writers × 100 rows, in process', 'durable commits/s', rates)];
}

/** The same over Flight: a client process with 16 connections, four puts under way on each. */
export async function manyPuts(directory: string, rounds: number, count: number): Promise<readonly Figure[]> {
  const engine = await open(directory);
  const door = await openFlightDoor(engine, { enabled: true, host: '127.0.0.1', port: 0 });
  const rates: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const table = `round_${round.toString()}`;
      const words = [door.address, table, CONNECTIONS.toString(), WRITERS.toString(), count.toString()];
      const { stdout } = await run(process.execPath, [PUTS, ...words]);
      const { seconds, puts } = JSON.parse(stdout) as { readonly seconds: number; readonly puts: number };
      const { rowCount } = engine.table(table);
      if (rowCount !== puts * SMALL_ROWS) throw new Error(`${table} holds ${rowCount.toString()} rows`);
      rates.push(puts / seconds);
    }
  } finally {
    await door.close(0);
    await engine.close();
  }
  return [figure('64 puts at a time × 100 rows, over Flight, 16 connections', 'durable puts/s', rates)];
}
