/**
 * Streams are seen whole or not at all: by readers at both doors while others put, and after a kill in mid-stream.
 *
 * Method: the real server and pyarrow in processes of their own.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { PRIVATE_SEGMENT_BYTES_MIN } from '../../src/base/limits.ts';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunningSheaf } from '../support/sheaf-process.ts';

const python = pythonPath();
const skip = python === undefined ? PYTHON_MISSING : false;
const STREAMS = 60;

function script(name: string): string {
  return readFileSync(new URL(`../clients/${name}`, import.meta.url), 'utf8');
}

function portOf(server: RunningSheaf): string {
  return server.flight.split(':')[1] ?? '';
}

async function askData(server: RunningSheaf, sql: string): Promise<unknown> {
  const response = await fetch(`${server.url}/query`, { method: 'POST', body: sql });
  return ((await response.json()) as { data: unknown }).data;
}

/** Segment files below the directory, with their sizes. */
function segmentFiles(directory: string): Map<string, number> {
  const tables = join(directory, 'tables');
  const names = readdirSync(tables, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.arrow'));
  return new Map(names.sort().map((name) => [name, statSync(join(tables, name)).size]));
}

test('while streams are put, both doors see whole streams only, and never fewer', { skip }, async (t) => {
  const server = await startSheaf(t, ['--data-dir', temporaryDirectory(t)]);
  const args = [portOf(server), server.http, STREAMS.toString()];
  const { status, stdout, stderr } = await runPython(script('flight-whole-streams.py'), args);
  assert.equal(status, 0, stderr);
  const { reads, faults, failures } = JSON.parse(stdout) as {
    reads: Record<string, number>;
    faults: unknown[];
    failures: unknown[];
  };
  assert.deepEqual([faults, failures], [[], []]);
  t.diagnostic(`reads ${JSON.stringify(reads)}`);
  for (const [door, count] of Object.entries(reads)) assert.ok(count > 0, `nothing was read by ${door}`);
  assert.deepEqual(await askData(server, 'SELECT count(*) AS n FROM whole'), [[(3 * STREAMS + 1) * 1_000]]);
});

test('a kill in the middle of a large put leaves nothing of it, neither rows nor files', { skip }, async (t) => {
  const directory = temporaryDirectory(t);
  const first = await startSheaf(t, ['--data-dir', directory]);
  const body = `a\n${Array.from({ length: 1_000 }, (_, i) => i.toString()).join('\n')}\n`;
  const inserted = await fetch(`${first.url}/insert/csv?table=kept`, { method: 'POST', body });
  assert.equal(inserted.status, 200);
  const before = [...segmentFiles(directory).keys()];
  const clients = ['kept', 'fresh'].map((table) =>
    spawn(python ?? '', ['-c', script('flight-endless.py'), portOf(first), table], { stdio: 'ignore' }),
  );
  t.after(() => {
    for (const client of clients) client.kill('SIGKILL');
  });
  // Both streams have spilled to private segments, and are being written.
  const spilled = (): number =>
    [...segmentFiles(directory)].filter(([name, size]) => !before.includes(name) && size > PRIVATE_SEGMENT_BYTES_MIN)
      .length;
  while (spilled() < 2) await wait(10);
  assert.equal(await first.stop('SIGKILL'), null);
  const second = await startSheaf(t, ['--data-dir', directory]);
  assert.deepEqual(await askData(second, 'SHOW TABLES'), [['kept', 1_000]]);
  assert.deepEqual(await askData(second, 'SELECT count(*) AS n, sum(a) AS s FROM kept'), [[1_000, 499_500]]);
  assert.deepEqual([...segmentFiles(directory).keys()], before);
  assert.equal(await second.stop(), 0);
});
