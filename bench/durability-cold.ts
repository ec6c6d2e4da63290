/**
 * Does the event loop stall while it serves pages that are not in memory?
 *
 * Method: a server process with the delay of its event loop measured inside; pages are made cold by the kernel's own
 * means (durability-cold.py: files dropped while nobody maps them, mapped pages paged out), and how much stayed
 * resident is told. The first read after a start verifies checksums by reading files in the thread pool; every later
 * one touches the map, so that is where cold pages can hold up the loop. Clients: as fast as it goes, and slow.
 */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RecordBatch } from '../src/arrow/batch.ts';
import { openStorage } from '../src/storage/storage.ts';
import { figure, projectPath } from './bench.ts';
import type { Figure } from './bench.ts';
import { appendTrades, trades } from './durability-rows.ts';

const run = promisify(execFile);
const PYTHON = projectPath('.venv/bin/python');
const SCRIPT = projectPath('bench/durability-cold.py');
const SERVER = fileURLToPath(new URL('./durability-server.js', import.meta.url));
const BATCH_ROWS = 65_536;
const SLOW_PAUSE_MS = 5;
/** Share of the pages that may stay in memory for a table to be called cold. */
const RESIDENT_MAX = 0.05;

interface Delay {
  readonly p999: number;
  readonly most: number;
  /** Pages that the event loop's own thread waited for. */
  readonly faults: number;
}

interface Answer {
  readonly rows: number;
  readonly last: number;
  readonly seconds: number;
}

/** The server process; `ask` sends a message and waits for its answer. */
class ColdServer {
  readonly #child: ChildProcess;
  readonly port: string;

  private constructor(child: ChildProcess, port: string) {
    this.#child = child;
    this.port = port;
  }

  static async start(directory: string): Promise<ColdServer> {
    const words = [SERVER, directory];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('the server ended before it served')));
    const [message] = (await Promise.race([once(child, 'message'), ended])) as [{ readonly address: string }];
    ended.catch(() => undefined);
    return new ColdServer(child, message.address.split(':').at(-1) ?? '');
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async ask(question: 'reset' | 'read'): Promise<Delay> {
    const answer = once(this.#child, 'message');
    this.#child.send(question);
    const [delay] = (await answer) as [Delay];
    return delay;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.send('stop');
    await ended;
  }
}

async function python<T>(...words: readonly string[]): Promise<T> {
  const { stdout } = await run(PYTHON, [SCRIPT, ...words]);
  return JSON.parse(stdout) as T;
}

interface Scene {
  readonly name: string;
  readonly sql: string;
  readonly pauseMs: number;
  /** `restart`: files dropped before a start; `evict`: mapped pages too; `press`: evicted all the while. */
  readonly pages: 'restart' | 'evict' | 'press' | 'warm';
}

const ALL = 'SELECT * FROM t';
const SCENES: readonly Scene[] = [
  { name: 'first read after a start, cold, fast client', sql: ALL, pauseMs: 0, pages: 'restart' },
  { name: 'warm, fast client', sql: ALL, pauseMs: 0, pages: 'warm' },
  { name: 'verified, cold, fast client', sql: ALL, pauseMs: 0, pages: 'evict' },
  { name: 'verified, cold, slow client', sql: ALL, pauseMs: SLOW_PAUSE_MS, pages: 'evict' },
  { name: 'memory short all the while, fast client', sql: ALL, pauseMs: 0, pages: 'press' },
  { name: 'memory short all the while, slow client', sql: ALL, pauseMs: SLOW_PAUSE_MS, pages: 'press' },
];

interface Setting {
  readonly directory: string;
  readonly rows: number;
  readonly last: number;
}

/** The delay of the loop during a scene, and how long its client took. */
type Played = Delay & { readonly seconds: number };

interface Eviction {
  readonly resident?: number;
  readonly refused?: string;
}

/** Plays one scene; undefined, and a line that says why, when the kernel does not let its pages be made cold. */
async function play(scene: Scene, server: ColdServer, setting: Setting): Promise<Played | undefined> {
  if (scene.pages === 'evict' || scene.pages === 'press') {
    const { resident = 1, refused } = await python<Eviction>('evict', setting.directory, server.pid.toString());
    if (refused !== undefined) {
      process.stdout.write(`  not measured: ${scene.name}: ${refused}\n`);
      return undefined;
    }
    if (resident > RESIDENT_MAX) throw new Error(`${(resident * 100).toFixed(0)} % of the pages stayed in memory`);
  }
  const words = [SCRIPT, 'press', setting.directory, server.pid.toString()];
  const press = scene.pages === 'press' ? spawn(PYTHON, words, { stdio: ['pipe', 'ignore', 'inherit'] }) : undefined;
  await server.ask('reset');
  const answer = await python<Answer>('get', server.port, scene.sql, scene.pauseMs.toString());
  const delay = await server.ask('read');
  if (press !== undefined) {
    const ended = once(press, 'exit');
    press.stdin?.end();
    const [code] = (await ended) as [number | null];
    if (code !== 0) throw new Error('the eviction failed');
  }
  if (answer.rows !== setting.rows || answer.last !== setting.last) throw new Error(`${scene.name}: another answer`);
  return { ...delay, seconds: answer.seconds };
}

function* tradesFrom(starts: readonly number[]): Generator<RecordBatch> {
  for (const start of starts) yield trades(start, BATCH_ROWS);
}

/** Event-loop delay while a table of `batchCount` batches of 2 MiB is served, for each scene. */
export async function coldReads(directory: string, batchCount: number, rounds: number): Promise<readonly Figure[]> {
  const storage = await openStorage({ directory });
  const batches = Array.from({ length: batchCount }, (_, i) => i * BATCH_ROWS);
  await appendTrades(storage, 't', tradesFrom(batches));
  await storage.close();
  const setting = {
    directory,
    rows: batchCount * BATCH_ROWS,
    last: batches.reduce((sum, from) => sum + from + BATCH_ROWS - 1, 0),
  };
  const outcomes = new Map(SCENES.map(({ name }) => [name, [] as Played[]]));
  for (let round = 0; round < rounds; round++) {
    await python('evict', directory, '0');
    const server = await ColdServer.start(directory);
    try {
      for (const scene of SCENES) {
        const played = await play(scene, server, setting);
        if (played !== undefined) outcomes.get(scene.name)?.push(played);
      }
    } finally {
      await server.stop();
    }
  }
  const measured = [...outcomes].filter(([, played]) => played.length > 0);
  return measured.flatMap(([name, played]) => [
    figure(
      `event loop late, p99.9: ${name}`,
      'ms',
      played.map(({ p999 }) => p999),
    ),
    figure(
      `event loop late, most: ${name}`,
      'ms',
      played.map(({ most }) => most),
    ),
    figure(
      `pages that the event loop waited for: ${name}`,
      'major faults',
      played.map(({ faults }) => faults),
    ),
    figure(
      `time of the read: ${name}`,
      's',
      played.map(({ seconds }) => seconds),
    ),
  ]);
}
