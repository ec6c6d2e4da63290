/**
 * Arrow's own crashers, streams that once broke other readers, against the real server: each by DoPut and by HTTP.
 *
 * Invariant: each is answered soon; the server lives and its memory stays level; what it refuses leaves nothing, and
 * what it takes pyarrow takes too, with equal rows. The corpus lies outside of the repository (SHEAF_CORPUS).
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MessageFeed } from '../../src/arrow/stream-read.ts';
import { EngineError } from '../../src/base/errors.ts';
import { dataFields, field, pathField } from '../support/flight-client.ts';
import { chunksOf } from '../support/ipc.ts';
import { PYTHON_MISSING, pythonPath } from '../support/python.ts';
import { compareByPyarrow } from '../support/rewrite.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { roundsOf } from './rounds.ts';
import { dictionaryMessages, streamOf } from './samples.ts';
import { assertLevel, bareCall, endOf, framed, startTarget, within } from './server.ts';
import type { Target } from './server.ts';

const corpus = process.env['SHEAF_CORPUS'] ?? fileURLToPath(new URL('../../../shared/corpus', import.meta.url));
const root = join(corpus, 'arrow', 'fuzz-stream');
const missing = existsSync(root) ? undefined : 'no corpus of Arrow files: set SHEAF_CORPUS to its directory';
if (missing !== undefined && process.env['CI'] !== undefined) throw new Error(missing);
const noPython = pythonPath() === undefined ? PYTHON_MISSING : undefined;

const FILES_MIN = 70;
const ANSWER_MS = 2_000;
/** Growth that a warmed up server is allowed over all rounds. */
const GROWTH_MIB_MAX = 96;
const ROUNDS = Math.max(2, roundsOf(2));
/** A valid stream that goes along, so that acceptance is seen to be found and compared. */
const CONTROL = 'valid';

function crashers(): string[] {
  return readdirSync(root)
    .filter((name) => name !== 'README.md')
    .map((name) => join(root, name));
}

/** FlightData of a stream's messages, as far as its framing goes; what follows is one more message, as it is. */
async function flightMessages(bytes: Uint8Array, table: string): Promise<Buffer[]> {
  const feed = new MessageFeed(chunksOf(bytes));
  const messages: Buffer[] = [];
  try {
    await feed.begin();
    for (let next = await feed.next(); next !== undefined; next = await feed.next()) {
      messages.push(dataFields(next.header, [next.body]));
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    // The framing itself is broken: the rest as header and as body, which Flight would frame all the same.
    messages.push(dataFields(bytes.subarray(8, 8 + Math.min(bytes.byteLength, 4096)), [bytes]));
  }
  return [Buffer.concat([pathField(table), messages[0] ?? field(2, bytes)]), ...messages.slice(1)];
}

interface Verdict {
  readonly file: string;
  readonly table: string;
  readonly accepted: boolean;
  readonly rows: number;
}

async function byFlight(target: Target, file: string, table: string): Promise<Verdict> {
  const messages = await flightMessages(readFileSync(file), table);
  const connection = target.session();
  const call = bareCall(connection, 'DoPut');
  const ended = endOf(call);
  call.end(Buffer.concat(messages.map((message) => framed(message))));
  const [status, text] = await within(`${file} by DoPut`, ended, ANSWER_MS);
  connection.destroy();
  assert.ok([0, 3, 12].includes(status), `${file}: ${status.toString()} ${text}`);
  return { file, table, accepted: status === 0, rows: 0 };
}

async function byHttp({ server }: Target, file: string, table: string): Promise<Verdict> {
  const asked = fetch(`${server.url}/insert/arrow?table=${table}`, {
    method: 'POST',
    body: readFileSync(file),
  });
  const response = await within(`${file} by HTTP`, asked, ANSWER_MS);
  const text = await response.text();
  assert.ok([200, 400, 413, 501].includes(response.status), `${file}: ${response.status.toString()} ${text}`);
  const answer = JSON.parse(text) as { inserted?: number };
  return { file, table, accepted: response.status === 200, rows: answer.inserted ?? 0 };
}

/** What the table holds, as a stream of Arrow's. */
async function download({ server }: Target, table: string, path: string): Promise<void> {
  const response = await fetch(`${server.url}/query?format=arrow`, {
    method: 'POST',
    body: `SELECT * FROM ${table}`,
  });
  assert.equal(response.status, 200);
  await writeFile(path, new Uint8Array(await response.arrayBuffer()));
}

test("Arrow's crashers are answered, leave nothing, and cost nothing", { skip: missing ?? false }, async (t) => {
  const files = crashers();
  assert.ok(files.length >= FILES_MIN, files.length.toString());
  const target = await startTarget(t);
  const directory = temporaryDirectory(t);
  const control = join(directory, CONTROL);
  await writeFile(control, streamOf(dictionaryMessages()));
  files.push(control);
  const accepted: Verdict[] = [];
  let before = 0;
  let slowestMs = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, file] of files.entries()) {
      for (const send of [byFlight, byHttp]) {
        const started = performance.now();
        const verdict = await send(
          target,
          file,
          `${send === byFlight ? 'f' : 'h'}${i.toString()}_${round.toString()}`,
        );
        slowestMs = Math.max(slowestMs, performance.now() - started);
        if (verdict.accepted) accepted.push(verdict);
      }
    }
    await target.mustServe();
    // The first round warms up: code, pools and codecs.
    if (round === 0) before = target.residentBytes();
  }
  const calls = files.length * ROUNDS * 2;
  assertLevel(t, 'crashers', before, target.residentBytes(), GROWTH_MIB_MAX);
  t.diagnostic(`fuzz crashers: ${calls.toString()} rounds, seed 0`);
  t.diagnostic(
    `slowest answer ${slowestMs.toFixed(0)} ms, accepted ${accepted.length.toString()} of ${calls.toString()}`,
  );
  const tables = (await target.tables()).map(([name]) => name);
  assert.deepEqual(tables, accepted.map(({ table }) => table).sort(), 'only what was accepted is there');
  assert.equal(accepted.filter(({ file }) => file === control).length, 2 * ROUNDS, 'a valid stream is accepted');
  if (noPython !== undefined) {
    t.diagnostic(`not compared with pyarrow: ${noPython}`);
    return;
  }
  const pairs: [string, string][] = [];
  for (const { file, table } of accepted) {
    const path = join(directory, `${table}.arrow`);
    await download(target, table, path);
    pairs.push([file, path]);
  }
  const verdicts = pairs.length === 0 ? [] : await compareByPyarrow(pairs);
  assert.deepEqual(
    verdicts,
    pairs.map(() => 'equal'),
    accepted.map(({ file, table }, i) => `${file} ${table}: ${verdicts[i] ?? ''}`).join('\n'),
  );
});
