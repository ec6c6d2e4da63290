/**
 * Goal: each rule of docs/ingest.md holds for stock clients against the real server, and after its death.
 *
 * Method: the server in a child process; pyarrow scripts and fetch; SIGKILL between two rounds on one directory.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunningSheaf } from '../support/sheaf-process.ts';

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

async function run(path: string, ...args: readonly string[]): Promise<string> {
  const file = fileURLToPath(new URL(path, import.meta.url));
  const { status, stdout, stderr } = await runPython(readFileSync(file, 'utf8'), args);
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  return stdout;
}

function portOf(server: RunningSheaf): string {
  return server.flight.split(':').at(-1) ?? '';
}

test(
  'pyarrow sees every rule kept: replays, gaps, other rows, epochs, two writers, five under way',
  { skip },
  async (t) => {
    const words = ['--data-dir', temporaryDirectory(t)];
    const server = await startSheaf(t, words);
    assert.equal(await run('flight-exactly-once.py', portOf(server), 'first'), 'ok\n');
    await server.stop('SIGKILL');
    const again = await startSheaf(t, words);
    assert.equal(await run('flight-exactly-once.py', portOf(again), 'again'), 'ok\n');
    assert.equal(await again.stop(), 0);
    const third = await startSheaf(t, words);
    assert.equal(await third.stop(), 0);
  },
);

test('examples/exactly_once.py runs, and a second run finds everything stored', { skip }, async (t) => {
  const server = await startSheaf(t, ['--data-dir', temporaryDirectory(t)]);
  const example = '../../examples/exactly_once.py';
  const lines = (count: number): string =>
    Array.from({ length: count }, (_, i) => `durable ${(i + 1).toString()}\n`).join('');
  const args = [`grpc://${server.flight}`, 'readings'];
  assert.equal(await run(example, ...args, '20'), `${lines(20)}20000 rows, none twice\n`);
  assert.equal(await run(example, ...args, '20'), '20000 rows, none twice\n');
  assert.equal(await run(example, ...args, '21'), 'durable 21\n21000 rows, none twice\n');
});

test('an HTTP insert with an Idempotency-Key is stored once, across kill -9 too', async (t) => {
  const words = ['--data-dir', temporaryDirectory(t)];
  let server = await startSheaf(t, words);
  const insert = async (key: string, body: string): Promise<readonly [number, Record<string, unknown>]> => {
    const headers = { 'Idempotency-Key': key };
    const response = await fetch(`${server.url}/insert/csv?table=orders`, { method: 'POST', headers, body });
    return [response.status, (await response.json()) as Record<string, unknown>];
  };
  const count = async (): Promise<string> => {
    const response = await fetch(`${server.url}/?format=csv`, {
      method: 'POST',
      body: 'SELECT count(*) AS n FROM orders',
    });
    return response.text();
  };
  const [status, first] = await insert('order-17', 'id\n1\n2\n');
  assert.deepEqual([status, first['inserted'], first['duplicate']], [200, 2, undefined]);
  assert.deepEqual(await insert('order-17', 'id\n1\n2\n'), [200, { ...first, duplicate: true }]);
  await server.stop('SIGKILL');
  server = await startSheaf(t, words);
  assert.deepEqual(await insert('order-17', 'id\n1\n2\n'), [200, { ...first, duplicate: true }]);
  const [conflict, { error }] = await insert('order-17', 'id\n1\n3\n');
  assert.deepEqual(
    [conflict, error],
    [
      409,
      {
        code: 'already_exists',
        message:
          'the idempotency key "order-17" of table "orders" was used for other rows; send new rows with a new key',
      },
    ],
  );
  assert.equal((await insert('order-18', 'id\n3\n'))[0], 200);
  assert.equal(await count(), 'n\n3\n');
  // Two at once: one stores, the other is told the same.
  const both = await Promise.all([insert('order-19', 'id\n4\n'), insert('order-19', 'id\n4\n')]);
  assert.deepEqual(
    both.map(([code]) => code),
    [200, 200],
  );
  assert.equal(both[0][1]['commit'], both[1][1]['commit']);
  assert.equal(await count(), 'n\n4\n');
});
