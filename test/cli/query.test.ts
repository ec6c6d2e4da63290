/**
 * `sheaf query` and `sheaf tables` as processes: every form, both places, errors and exit codes.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { tableFromIPC } from 'apache-arrow';
import { runSheaf, startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';

const ROWS = '{"id":9007199254740993,"price":1.5,"name":"a"}\n{"id":2,"price":null,"name":"b,c"}\n';
const SQL = 'SELECT * FROM t ORDER BY id DESC';

/** A directory with the table `t`, and the flags that name it. */
async function sample(t: TestContext): Promise<{ readonly directory: string; readonly where: readonly string[] }> {
  const directory = temporaryDirectory(t);
  const where = ['--data-dir', directory];
  const words = ['import', '-', '--format', 'ndjson', '--table', 't', ...where];
  const outcome = await runSheaf(words, { input: ROWS });
  assert.equal(outcome.code, 0, outcome.stderr);
  return { directory, where };
}

async function assertForms(where: readonly string[]): Promise<void> {
  const read = async (format: string): Promise<Buffer> => {
    const outcome = await runSheaf(['query', SQL, '--format', format, ...where]);
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.equal(outcome.stderr, '');
    return outcome.stdout;
  };
  assert.equal(
    (await read('table')).toString(),
    [
      '              id   price  name',
      '           int64  double  string',
      '----------------  ------  ------',
      '9007199254740993     1.5  a',
      '               2          b,c',
      '(2 rows)',
      '',
    ].join('\n'),
  );
  assert.equal((await read('csv')).toString(), 'id,price,name\n9007199254740993,1.5,a\n2,,"b,c"\n');
  assert.equal(
    (await read('ndjson')).toString(),
    '{"id":9007199254740993,"price":1.5,"name":"a"}\n{"id":2,"price":null,"name":"b,c"}\n',
  );
  const json = (await read('json')).toString();
  assert.ok(
    json.startsWith('{"columns":["id","price","name"],"data":[[9007199254740993,1.5,"a"],[2,null,"b,c"]],"rows":2,'),
    json,
  );
  const table = tableFromIPC(await read('arrow'));
  assert.deepEqual(table.getChild('id')?.toArray(), BigInt64Array.of(9007199254740993n, 2n));
}

test('a result is printed in every form, from a directory and from its running server', async (t) => {
  const { where } = await sample(t);
  await assertForms(where);
  const server = await startSheaf(t, where);
  await assertForms(where);
  await assertForms(['--url', server.url]);
});

test('--param gives values to parameters, on a directory and on its server', async (t) => {
  const { where } = await sample(t);
  const ask = (...words: string[]) => runSheaf(['query', ...words, '--format', 'csv', ...where]);
  const named = [
    'SELECT name FROM t WHERE id = $id AND price < $p',
    '--param',
    'id=9007199254740993',
    '--param',
    'p=2',
  ];
  assert.equal((await ask(...named)).text, 'name\na\n');
  await startSheaf(t, where);
  assert.equal((await ask(...named)).text, 'name\na\n');
  assert.equal((await ask('SELECT ? AS x', '--param', '1=a=b')).text, 'x\na=b\n');
  const missing = await ask('SELECT $a', '--param', 'b=1');
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /a value is given for parameter \$b, which the statement does not have/);
  assert.equal((await ask('SELECT $a', '--param', 'b')).code, 2);
});

test('the statement may come from standard input', async (t) => {
  const { where } = await sample(t);
  const outcome = await runSheaf(['query', '-', '--format', 'csv', ...where], {
    input: 'SELECT id FROM t\nLIMIT 1\n',
  });
  assert.equal(outcome.text, 'id\n9007199254740993\n');
  const empty = await runSheaf(['query', '-', ...where], { input: ' \n' });
  assert.equal(empty.code, 2);
  assert.equal(empty.stderr, 'error: standard input holds no SQL text\n');
});

test('--max-rows shows fewer and counts all', async (t) => {
  const { where } = await sample(t);
  const outcome = await runSheaf(['query', 'SELECT id FROM t', '--max-rows', '1', ...where]);
  assert.match(outcome.text, /\n9007199254740993\n\(2 rows, the first 1 shown\)\n$/);
});

test('a statement that writes is done', async (t) => {
  const { where } = await sample(t);
  assert.equal((await runSheaf(['query', 'CREATE TABLE made (x BIGINT)', ...where])).code, 0);
  const tables = await runSheaf(['tables', ...where]);
  assert.equal(tables.code, 0);
  assert.match(tables.text, /^made\b/m);
  assert.match(tables.text, /^t\b/m);
});

test('an error in SQL shows the place with a caret, alike from a directory and from a server', async (t) => {
  const { where } = await sample(t);
  const words = ['query', 'SELECT nmae FROM t'];
  const alone = await runSheaf([...words, ...where]);
  assert.equal(alone.code, 1);
  assert.equal(alone.text, '');
  assert.match(
    alone.stderr,
    /^error: .*nmae.*\(line 1, column 8\).*did you mean.*name.*\nSELECT nmae FROM t\n {7}\^\^\^\^\n$/,
  );
  const server = await startSheaf(t, where);
  const served = await runSheaf([...words, '--url', server.url]);
  assert.equal(served.code, 1);
  assert.equal(served.stderr, alone.stderr);
});

test('a directory without a database is told, and not made', async (t) => {
  const directory = join(temporaryDirectory(t), 'absent');
  const outcome = await runSheaf(['query', 'SELECT 1', '--data-dir', directory]);
  const remedy = 'name another with --data-dir, or a server with --url; `sheaf import` and `sheaf serve` make one';
  assert.equal(outcome.stderr, `error: there is no database in ${directory}; ${remedy}\n`);
  assert.equal(outcome.code, 1);
  assert.equal(existsSync(directory), false);
});

test('a server that does not answer is told', async () => {
  const outcome = await runSheaf(['query', 'SELECT 1', '--url', 'http://127.0.0.1:9']);
  assert.equal(outcome.code, 1);
  assert.match(outcome.stderr, /^error: no server answers at http:\/\/127\.0\.0\.1:9: /);
  const bad = await runSheaf(['query', 'SELECT 1', '--url', 'ftp://x']);
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /^error: url is "ftp:\/\/x" \(from --url\); expected a URL such as grpc:/);
});

test('help and version end with 0, and every command has examples', async () => {
  const version = await runSheaf(['--version']);
  assert.equal(version.code, 0);
  assert.match(version.text, /^sheaf \d+\.\d+\.\d+\n$/);
  for (const command of [[], ['serve'], ['import'], ['query'], ['tables']]) {
    const help = await runSheaf([...command, '--help']);
    assert.equal(help.code, 0);
    assert.match(help.text, /\nExamples:\n {2}sheaf /);
  }
  const nothing = await runSheaf([]);
  assert.equal(nothing.code, 2);
  assert.match(nothing.stderr, /^Usage: sheaf /);
});
