/**
 * Goal: sessions, exchanges, polls and cancels as docs/flight.md shows them, by stock clients; slow results reach them.
 *
 * Method: the page's own snippets against the real server, each with the output that its comments say; and scripts for
 * what a page does not show.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import { encodeResults } from '../../src/arrow/ipc-stream.ts';
import { startFlightServer } from '../../src/flight/server.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { serveFlight } from '../support/flight-server.ts';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { INT64, batchOf, schemaOf } from '../support/sample.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = readFileSync(new URL('../../docs/flight.md', import.meta.url), 'utf8');
const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

function script(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

async function succeed(text: string, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runPython(text, args);
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  return stdout;
}

/** The page's snippets in one language, with what each is said to print. */
function snippets(language: string): { readonly code: string; readonly output: string }[] {
  return [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gmu'))].map(([, code = '']) => {
    const lines = code.split('\n').filter((line) => /^\s*(print|console\.log)\(/u.test(line));
    return { code, output: lines.map((line) => `${line.split(/ +(?:#|\/\/) /u).at(-1) ?? ''}\n`).join('') };
  });
}

test("the page's Python snippets print what they say", { skip }, async (t) => {
  const { address } = await serveFlight(t);
  const found = snippets('python').filter(({ code }) => code.includes('localhost:8815'));
  assert.equal(found.length, 4);
  for (const { code, output } of found) {
    assert.notEqual(output, '');
    assert.equal(await succeed(code.replaceAll('localhost:8815', address)), output);
  }
});

test("the page's Node snippet polls to the end", async (t) => {
  const { address } = await serveFlight(t);
  const [snippet, ...more] = snippets('js');
  assert(snippet !== undefined && more.length === 0, 'there is one');
  const code = snippet.code.replace('localhost:8815', address);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: ROOT });
  assert.equal(stdout, snippet.output);
});

test('ADBC sets, prepares and closes with cookies, and is refused without them', { skip }, async (t) => {
  const { engine, address } = await serveFlight(t);
  assert.equal(await succeed(script('flight-session.py'), address), 'ok\n');
  assert.equal(engine.status().queriesRunning, 0);
});

test('pyarrow and ADBC pass over the empty batches of a slow result', { skip }, async (t) => {
  const engine = new FakeEngine();
  const schema = schemaOf({ id: INT64 });
  const batch = batchOf(schema, [[1, 2, 3]]);
  async function* slow() {
    for (let i = 0; i < 3; i++) {
      await wait(300);
      yield batch;
    }
  }
  engine.answers.set('slow', { schema, batches: () => encodeResults(schema, slow()) });
  const door = await startFlightServer(engine, { host: '127.0.0.1', port: 0, silenceMs: 50 });
  t.after(() => door.close(0));
  const text = `
import sys, pyarrow.flight as fl, adbc_driver_flightsql.dbapi as adbc
batches = [chunk.data.num_rows for chunk in fl.connect(f"grpc://{sys.argv[1]}").do_get(fl.Ticket("slow"))]
assert batches.count(3) == 3 and batches.count(0) >= 6, batches
assert fl.connect(f"grpc://{sys.argv[1]}").do_get(fl.Ticket("slow")).read_all()["id"].to_pylist() == [1, 2, 3] * 3
with adbc.connect(f"grpc://{sys.argv[1]}", autocommit=True) as connection, connection.cursor() as cursor:
    cursor.execute("slow")
    assert cursor.fetchone() == (1,)
    assert len(cursor.fetchall()) == 8
    cursor.execute("slow")
    assert cursor.fetch_arrow_table().num_rows == 9
print("ok")
`;
  assert.equal(await succeed(text, door.address), 'ok\n');
});
