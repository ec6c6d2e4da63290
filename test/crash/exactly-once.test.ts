/**
 * kill -9 of the server in the middle of ingest: rows sent = rows stored, none twice, none acknowledged and lost.
 *
 * Method: examples/exactly_once.py, a stock pyarrow client, sends numbered batches, five under way at a time, and
 * prints a line for each answer; the server is killed after a random number of answers plus a random busy moment, and started
 * again on the same port and directory. At the end the client reads everything back and checks it. An acknowledged
 * batch that was lost would be sent, and answered, a second time: so the answers must only ever go up. The seed is
 * printed; SHEAF_INGEST_KILLS sets the number of kills.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PYTHON_MISSING, pythonPath } from '../support/python.ts';
import { makeRandom } from '../support/random.ts';
import { startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/exactly_once.py', import.meta.url));
const KILLS = Number(process.env['SHEAF_INGEST_KILLS'] ?? 50);
/** Answers after which a server is killed, at most; more batches than are answered in all lives together. */
const LIFE_ANSWERS_MAX = 30;
const BATCHES = KILLS * 3 * LIFE_ANSWERS_MAX;
const TURNS_MAX = 40;
const ROWS = 1_000;

const python = pythonPath();
const skip = python === undefined ? PYTHON_MISSING : false;

/** The client: its answers so far, and who waits for a certain number of them. */
interface Client {
  readonly answers: number[];
  /** Resolves when there are `count` answers, or at the client's end. */
  until(count: number): Promise<void>;
  readonly ended: Promise<{ readonly status: number | null; readonly last: string; readonly stderr: string }>;
}

function startClient(t: TestContext, address: string): Client {
  const child = spawn(python ?? '', [EXAMPLE, `grpc://${address}`, 'readings', BATCHES.toString()], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const answers: number[] = [];
  let last = '';
  let rest = '';
  let stderr = '';
  let wake: () => void = () => undefined;
  child.stderr.on('data', (bytes: Buffer) => (stderr = (stderr + bytes.toString()).slice(-10_000)));
  child.stdout.on('data', (bytes: Buffer) => {
    const lines = (rest + bytes.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, seq] = /^durable (\d+)$/.exec(line) ?? [];
      if (seq === undefined) last = line;
      else answers.push(Number(seq));
    }
    wake();
  });
  let over = false;
  const ended = new Promise<Awaited<Client['ended']>>((resolve) => {
    child.on('close', (status) => {
      over = true;
      wake();
      resolve({ status, last, stderr });
    });
  });
  const until = async (count: number): Promise<void> => {
    while (answers.length < count && !over) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { answers, until, ended };
}

test(
  'after kill -9 of the server in the middle of ingest every row is stored once',
  { skip, timeout: 60_000 + KILLS * 6_000 },
  async (t) => {
    const seed = Date.now() % 1_000_000;
    const random = makeRandom(seed);
    const below = (bound: number): number => Math.floor(random() * bound);
    const startedMs = Date.now();
    const words = ['--data-dir', temporaryDirectory(t)];
    let server = await startSheaf(t, words);
    words.push('--flight-port', server.flight.split(':').at(-1) ?? '');
    const client = startClient(t, server.flight);
    for (let kill = 0; kill < KILLS; kill++) {
      await client.until(client.answers.length + below(LIFE_ANSWERS_MAX));
      for (let turns = below(TURNS_MAX); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(await server.stop('SIGKILL'), null, `the server ended by itself: ${server.stderr()}`);
      server = await startSheaf(t, words);
    }
    const killedSeconds = (Date.now() - startedMs) / 1_000;
    const { status, last, stderr } = await client.ended;
    assert.equal(status, 0, `seed ${seed.toString()}: ${stderr}`);
    assert.equal(last, `${(BATCHES * ROWS).toString()} rows, none twice`, `seed ${seed.toString()}`);
    const back = client.answers.findIndex((seq, i) => i > 0 && seq <= (client.answers[i - 1] ?? 0));
    assert.equal(back, -1, `seed ${seed.toString()}: batch ${String(client.answers[back])} was answered twice`);
    const silent = BATCHES - client.answers.length;
    t.diagnostic(
      `${KILLS.toString()} kills in ${killedSeconds.toFixed(1)} s, seed ${seed.toString()}: ` +
        `${BATCHES.toString()} batches stored once, ${silent.toString()} of them durable without their answer`,
    );
    assert.equal(await server.stop(), 0);
  },
);
