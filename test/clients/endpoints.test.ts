/**
 * Goal: clients that read several endpoints can, and no client that reads one misses a row.
 *
 * Method: the real engine and door, its table in several batches; stock pyarrow and the ADBC driver in a child process.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { open } from '../../src/engine/engine.ts';
import { openFlightDoor } from '../../src/flight/door.ts';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { INT64, UTF8, batchOf, schemaOf } from '../support/sample.ts';

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;
const ROWS = 8_000;

/** Serves a table `t` of ROWS rows in eight batches, wide enough that sorted rows are several batches too. */
async function serve(t: TestContext): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-endpoints-'));
  const engine = await open(directory, { compactSegmentsMin: 0 });
  const door = await openFlightDoor(engine, { enabled: true, host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await door.close(0);
    await engine.close();
    rmSync(directory, { recursive: true });
  });
  const schema = schemaOf({ id: INT64, text: UTF8 });
  for (let at = 0; at < ROWS; at += 1000) {
    const ids = Array.from({ length: 1000 }, (_, i) => at + i);
    const put = await engine.beginPut('t', schema);
    await put.write(batchOf(schema, [ids, ids.map((id) => id.toString().padEnd(1500, '.'))]));
    await put.commit();
  }
  return door.address.split(':')[1] ?? '';
}

function script(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}

test('one endpoint has every row unless more are asked for; pyarrow and ADBC read several', { skip }, async (t) => {
  const { status, stdout, stderr } = await runPython(script('endpoints.py'), [await serve(t), ROWS.toString()]);
  assert.equal(status, 0, stderr);
  assert.equal(stdout, 'ok\n');
});

test('examples/endpoints.py reads an answer by several readers', { skip }, async (t) => {
  const port = await serve(t);
  const args = [`grpc://127.0.0.1:${port}`, 'SELECT * FROM t WHERE id >= 500'];
  const { status, stdout, stderr } = await runPython(script('../../examples/endpoints.py'), args);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^7500 rows from [2-4] endpoints\n$/);
});
