/**
 * A disk that runs full under the real server: every door says so, nothing torn is seen, reads and drops go on, a
 * drop makes room, and a restart keeps everything.
 *
 * Method: the data directory is a tmpfs of 48 MiB (root only); pyarrow, HTTP and `sheaf import` fill it.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { runSheaf, startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunningSheaf } from '../support/sheaf-process.ts';
import { temporaryMount } from '../support/temporary.ts';

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;
const SCRIPT = readFileSync(new URL('../clients/flight-full.py', import.meta.url), 'utf8');
const STREAM_ROWS = 100_000;
const FULL =
  /^cannot add [\d.]+ \w+ to \S+: [\d.]+ \w+ are free, of which [\d.]+ \w+ are kept for drops and checkpoints; drop tables or make room$/;

interface Refusal {
  readonly code: string;
  readonly message: string;
}

async function python(server: RunningSheaf, phase: string): Promise<unknown> {
  const { status, stdout, stderr } = await runPython(SCRIPT, [server.flight.split(':')[1] ?? '', phase]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

async function ask(
  server: RunningSheaf,
  route: string,
  body: string | Uint8Array,
): Promise<{ status: number; retryAfter: string | null; data: unknown; error: Refusal | undefined }> {
  const response = await fetch(`${server.url}${route}`, { method: 'POST', body });
  const answer = (await response.json()) as { data?: unknown; error?: Refusal };
  const retryAfter = response.headers.get('retry-after');
  return { status: response.status, retryAfter, data: answer.data, error: answer.error };
}

/** Rows of each table. */
async function tableRows(server: RunningSheaf): Promise<Record<string, number>> {
  const answer = (await (await fetch(`${server.url}/tables`)).json()) as { tables: { name: string; rows: number }[] };
  return Object.fromEntries(answer.tables.map(({ name, rows }) => [name, rows]));
}

async function refusedForSpace(server: RunningSheaf, route: string, body: string | Uint8Array): Promise<void> {
  const { status, retryAfter, error } = await ask(server, route, body);
  assert.equal(status, 503, JSON.stringify(error));
  assert.match(retryAfter ?? '', /^\d+$/);
  assert.equal(error?.code, 'storage_full');
  assert.match(error.message, FULL);
}

test('a full disk is told at every door, loses nothing, and a drop makes room again', { skip }, async (t) => {
  const directory = temporaryMount(t, '48m');
  if (directory === undefined) return;
  const server = await startSheaf(t, ['--data-dir', directory]);
  const filled = (await python(server, 'fill')) as {
    base: unknown;
    large: [string, string];
    taken: number;
    refused: [string, string];
  };
  assert.equal(filled.base, null);
  for (const [kind, words] of [filled.large, filled.refused]) {
    assert.equal(kind, 'FlightUnavailableError');
    assert.match(words.replace(/^storage_full: /, ''), FULL);
  }
  assert.ok(filled.taken > 10, `only ${filled.taken.toString()} streams fitted`);

  const rows = Int32Array.from({ length: 4_000_000 }, (_, i) => i);
  await refusedForSpace(server, '/insert/arrow?table=arrow', tableToIPC(tableFromArrays({ x: rows }), 'stream'));
  const csv = `a,b\n${'1,some text\n'.repeat(2_000_000)}`;
  await refusedForSpace(server, '/insert/csv?table=csv', csv);
  const file = join(temporaryDirectory(t), 'rows.csv');
  writeFileSync(file, csv);
  const imported = await runSheaf(['import', file, '--table', 'imported', '--data-dir', directory]);
  assert.equal(imported.code, 1, imported.stderr);
  assert.match(imported.stderr.trim().split('\n').at(-1) ?? '', /^error: cannot add .*; drop tables or make room$/);

  const expected: Record<string, number> = { base: STREAM_ROWS, small: filled.taken * STREAM_ROWS };
  assert.deepEqual(await tableRows(server), expected);
  for (let i = 0; ; i++) {
    const sql = `CREATE TABLE empty${i.toString()} (a INTEGER)`;
    const { status, error } = await ask(server, '/query', sql);
    if (status !== 200) {
      assert.deepEqual([status, error?.code], [503, 'storage_full']);
      assert.match(error?.message ?? '', FULL);
      break;
    }
    expected[`empty${i.toString()}`] = 0;
  }

  assert.equal(await python(server, 'read'), filled.taken * STREAM_ROWS);
  const sum = await ask(server, '/query', 'SELECT count(*) AS n, sum(x) AS s FROM base');
  assert.deepEqual(sum.data, [[STREAM_ROWS, (STREAM_ROWS * (STREAM_ROWS - 1)) / 2]]);
  // The table was just read, so its file is mapped, and the map keeps its space until it is collected.
  assert.equal((await ask(server, '/query', 'DROP TABLE small')).status, 200);
  assert.equal(await python(server, 'again'), null);
  delete expected['small'];
  expected['again'] = STREAM_ROWS;
  assert.deepEqual(await tableRows(server), expected);

  assert.equal(await server.stop('SIGKILL'), null);
  const second = await startSheaf(t, ['--data-dir', directory]);
  assert.deepEqual(await tableRows(second), expected);
  assert.equal(await second.stop(), 0);
});
