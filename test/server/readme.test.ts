/**
 * The README's Python, taken from README.md and run against the real server, so that it cannot rot; and the page's own
 * snippets against the same.
 *
 * Method: code blocks are cut out of the Markdown; only addresses and the data directory are replaced.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunningSheaf } from '../support/sheaf-process.ts';

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;
const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The README's fenced blocks of one language, in order. */
function blocks(language: string): string[] {
  return [...README.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter((m) => m[1] === language).map((m) => m[2] ?? '');
}

/** The one block that holds `text`. */
function blockWith(text: string): string {
  const found = blocks('python').filter((block) => block.includes(text));
  assert.equal(found.length, 1, `${found.length.toString()} Python blocks of README.md hold ${text}`);
  return found[0] ?? '';
}

async function run(server: RunningSheaf | undefined, code: string): Promise<string> {
  const text = server === undefined ? code : code.replaceAll('localhost:8815', `localhost:${portOf(server)}`);
  const { status, stdout, stderr } = await runPython(text);
  assert.equal(status, 0, `${text}\n${stdout}\n${stderr}`);
  return stdout;
}

function portOf(server: RunningSheaf): string {
  return server.flight.split(':')[1] ?? '';
}

test("README's Python pushes, queries, and reads the files without a server", { skip }, async (t) => {
  const directory = temporaryDirectory(t);
  const server = await startSheaf(t, ['--data-dir', directory]);
  const push = blockWith('client.do_put');
  const query = blockWith('client.do_get');
  assert.equal(await run(server, push), '');
  const shown = 'print(df.to_dict("list"), pl_df.to_dict(as_series=False))';
  const rows =
    "{'symbol': [1, 1, 2, 2], 'price': [150.25, 150.3, 42.1, 42.15], 'volume': [100.0, 200.0, 50.0, 75.0]}";
  assert.equal(await run(server, `${query}\n${shown}`), `b'pong'\n${rows} ${rows}\n`);
  // The DuckDB line stands in a sentence.
  const duck = /`(duckdb\.sql\(.*?\))`/.exec(README)?.[1] ?? '';
  const averages = await run(server, `import duckdb\n${query}\nprint(sorted(${duck}.fetchall()))`);
  assert.equal(averages.split('\n')[1], '[(1, 150.275), (2, 42.125)]');
  assert.equal(await server.stop(), 0);

  const tables = readdirSync(join(directory, 'tables'));
  assert.equal(tables.length, 1);
  const files = blockWith('pyarrow.dataset').replace(
    'data/tables/<table directory>',
    `${directory}/tables/${tables[0] ?? ''}`,
  );
  assert.match(files, /\nds\.dataset\(.*\)\.to_table\(\)\n$/);
  assert.equal(await run(undefined, files.replace(/\n(ds\..*)\n$/, '\nprint($1.to_pydict())\n')), `${rows}\n`);
  assert.equal(blocks('python').length, 4, 'a new Python block in README.md needs its test here');
});

test("README's lines for drivers of Flight SQL query and ingest", { skip }, async (t) => {
  const server = await startSheaf(t, ['--data-dir', temporaryDirectory(t)]);
  await run(server, blockWith('client.do_put'));
  const driver = blockWith('adbc_driver_flightsql');
  const told = await run(server, `${driver}\nprint(total, means.round(3).to_dict("list"))`);
  assert.equal(told, "(125.0,) {'symbol': [1, 2], 'price': [150.275, 42.125]}\n");
});

test("README's curl lines on trades are answered", { skip }, async (t) => {
  const server = await startSheaf(t, ['--data-dir', temporaryDirectory(t)]);
  await run(server, blockWith('client.do_put'));
  const line = blocks('sh')
    .join('')
    .split('\n')
    .find((text) => text.startsWith('curl') && text.includes('trades'));
  const [, path = '', sql = ''] = /'localhost:8123(\S*)' -d '(.*)'/.exec(line ?? '') ?? [];
  const response = await fetch(`${server.url}${path}`, { method: 'POST', body: sql });
  assert.equal(await response.text(), 'symbol,price,volume\n1,150.25,100.0\n1,150.3,200.0\n2,42.1,50.0\n');
});

/**
 * The page's call is written as `fl.Action("ping")`. pyarrow's Action takes a body, so that raises in pyarrow itself
 * before anything is sent, whatever the server; the README and the test of the page's snippets (test/clients) say
 * `fl.Action("ping", b"")`. When a later pyarrow takes the short form, this test says that both may follow.
 */
test(
  "the page's Action without a body is refused by pyarrow itself, and works with an empty one",
  { skip },
  async (t) => {
    const server = await startSheaf(t, ['--data-dir', temporaryDirectory(t)]);
    const connect = 'import pyarrow.flight as fl\nclient = fl.connect("grpc://localhost:8815")\n';
    const ping =
      'results = list(client.do_action(fl.Action("ping")))\nprint(results[0].body.to_pybytes()) # b"pong"\n';
    const { status, stderr } = await runPython(connect.replace('8815', portOf(server)) + ping);
    assert.equal(status, 1);
    assert.match(stderr, /TypeError: __init__\(\) takes exactly 2 positional arguments \(1 given\)\n$/);
    assert.equal(await run(server, connect + ping.replace('"ping"', '"ping", b""')), "b'pong'\n");
    assert.equal(
      await run(server, `${connect}print([r.body.to_pybytes() for r in client.do_action("ping")])`),
      "[b'pong']\n",
    );
  },
);
