/**
 * Goal: ADBC's stock driver, and what stands on it, get everything of Flight SQL without an option of ours.
 *
 * Method: the real engine and the real door; adbc.py in a child process does the checks, each with its own tables.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from '../../src/engine/engine.ts';
import { openFlightDoor } from '../../src/flight/door.ts';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

test('ADBC, pandas, Polars, DuckDB and SQLAlchemy work over Flight SQL', { skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-adbc-'));
  const engine = await open(directory);
  const door = await openFlightDoor(engine, { enabled: true, host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await door.close(0);
    await engine.close();
    rmSync(directory, { recursive: true });
  });
  const port = door.address.split(':')[1] ?? '';
  const script = readFileSync(new URL('adbc.py', import.meta.url), 'utf8');
  const { status, stdout, stderr } = await runPython(script, [port]);
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  const names =
    'connect info execute parameters executemany update ingest get_objects get_table_schema partitions cancel arrow pandas polars sqlalchemy errors';
  assert.equal(stdout, `${names.split(' ').length.toString()} ${names}\n`);
});
