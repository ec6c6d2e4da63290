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
import type { TestContext } from 'node:test';
import { open } from '../../src/engine/engine.ts';
import { openFlightDoor } from '../../src/flight/door.ts';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

/** Runs `script` against a server of its own, whose port is `{port}` in it and its argument; returns what it printed. */
async function runAgainstServer(t: TestContext, script: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-adbc-'));
  const engine = await open(directory);
  const door = await openFlightDoor(engine, { enabled: true, host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await door.close(0);
    await engine.close();
    rmSync(directory, { recursive: true });
  });
  const port = door.address.split(':')[1] ?? '';
  const { status, stdout, stderr } = await runPython(script.replaceAll('{port}', port), [port]);
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  return stdout;
}

test('ADBC, pandas, Polars, DuckDB and SQLAlchemy work over Flight SQL', { skip }, async (t) => {
  const printed = await runAgainstServer(t, readFileSync(new URL('adbc.py', import.meta.url), 'utf8'));
  const names =
    'connect info execute parameters executemany update ingest get_objects get_table_schema partitions cancel arrow ' +
    'pandas polars sqlalchemy errors';
  assert.equal(printed, `${names.split(' ').length.toString()} ${names}\n`);
});

test('the snippet of docs/flight.md prints what it says', { skip }, async (t) => {
  const page = readFileSync(new URL('../../docs/flight.md', import.meta.url), 'utf8');
  const chapter = page.slice(page.indexOf('### ADBC, pandas, Polars, SQLAlchemy'));
  const [, snippet = ''] = /```python\n(.*?)```/su.exec(chapter) ?? [];
  const said = [...snippet.matchAll(/^ *print\(.*\) {2}# (.*)$/gmu)].map(([, answer]) => answer);
  assert.equal(said.length, 4);
  const printed = await runAgainstServer(t, snippet.replaceAll(':8815', ':{port}'));
  assert.deepEqual(printed.trim().split('\n'), said);
});
