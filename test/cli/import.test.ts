/**
 * `sheaf import` as a process: every format, into a directory and into a running server, and what cannot be imported.
 *
 * Method: pyarrow writes the files and compares what `sheaf query --format arrow` gives back with what it wrote.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { runSheaf, startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunOutcome } from '../support/sheaf-process.ts';

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

/** Writes the same rows in every format into a directory. */
const WRITE_FILES = `
import sys, json, os
import pyarrow as pa, pyarrow.parquet as pq, pyarrow.csv as pc
out = sys.argv[1]
n = 1000
rows = pa.table({
    "id": pa.array(range(n), pa.int64()),
    "price": pa.array([None if i % 7 == 0 else i / 4 for i in range(n)], pa.float64()),
    "name": pa.array(["näme %d" % i for i in range(n)], pa.string()),
})
rich = rows.append_column("at", pa.array([i * 1000 for i in range(n)], pa.timestamp("us", tz="UTC"))).append_column(
    "tags", pa.array([["a"] * (i % 3) for i in range(n)], pa.list_(pa.string())))
pq.write_table(rich, os.path.join(out, "rows.parquet"), row_group_size=300)
with pa.ipc.new_file(os.path.join(out, "rows.arrow"), rich.schema) as w:
    w.write_table(rich, max_chunksize=250)
with pa.ipc.new_stream(os.path.join(out, "rows.arrows"), rich.schema) as w:
    w.write_table(rich, max_chunksize=250)
pc.write_csv(rows, os.path.join(out, "rows.csv"))
with open(os.path.join(out, "rows.ndjson"), "w") as f:
    for row in rows.to_pylist():
        f.write(json.dumps(row) + "\\n")
`;

/** Compares a result stream on standard input with a file; prints the rows. */
const COMPARE = `
import sys
import pyarrow as pa, pyarrow.parquet as pq
got = pa.ipc.open_stream(sys.stdin.buffer.read()).read_all()
want = pq.read_table(sys.argv[1])
want = want.select(got.column_names)
assert got.schema.names == want.schema.names, got.schema
assert got.to_pylist() == want.to_pylist()
if sys.argv[2] == "types":
    assert got.schema.equals(want.schema), (got.schema, want.schema)
print(got.num_rows)
`;

async function writeFiles(t: TestContext): Promise<string> {
  const directory = temporaryDirectory(t);
  const { status, stderr } = await runPython(WRITE_FILES, [directory]);
  assert.equal(status, 0, stderr);
  return directory;
}

function assertDone(outcome: RunOutcome): void {
  assert.equal(outcome.code, 0, outcome.stderr);
}

async function assertSameRows(files: string, table: string, where: readonly string[], types: boolean): Promise<void> {
  const result = await runSheaf(['query', `SELECT * FROM ${table}`, '--format', 'arrow', ...where]);
  assertDone(result);
  const script = [join(files, 'rows.parquet'), types ? 'types' : 'values'];
  const { status, stdout, stderr } = await runPython(COMPARE, script, { input: result.stdout });
  assert.equal(status, 0, stderr);
  assert.equal(stdout.trim(), '1000');
}

const FILES = ['rows.parquet', 'rows.arrow', 'rows.arrows', 'rows.csv', 'rows.ndjson'];

test('each format is imported into a directory, whole and with its types', { skip }, async (t) => {
  const files = await writeFiles(t);
  const where = ['--data-dir', join(temporaryDirectory(t), 'db')];
  for (const [i, file] of FILES.entries()) {
    const table = `t${i.toString()}`;
    const outcome = await runSheaf(['import', join(files, file), '--table', table, ...where]);
    assertDone(outcome);
    assert.equal(outcome.text, '');
    assert.match(
      outcome.stderr,
      /^t\d: 1,000 rows imported in \d+\.\d\d s \([\d,]+ rows\/s, [\d.]+ MB\/s\) into directory .*db\n$/,
    );
    await assertSameRows(files, table, where, i < 3);
  }
});

test('each format is imported through the running server of the directory', { skip }, async (t) => {
  const files = await writeFiles(t);
  const directory = temporaryDirectory(t);
  const server = await startSheaf(t, ['--data-dir', directory]);
  for (const [i, file] of FILES.entries()) {
    const table = `t${i.toString()}`;
    const where = i % 2 === 0 ? ['--data-dir', directory] : ['--url', server.url];
    const outcome = await runSheaf(['import', join(files, file), '--table', table, ...where]);
    assertDone(outcome);
    // By the directory's record over Flight, by a URL over what it names.
    const door = i % 2 === 0 ? `grpc://${server.flight}` : server.url;
    assert.ok(outcome.stderr.endsWith(`into server ${door}\n`), outcome.stderr);
    await assertSameRows(files, table, where, i < 3);
  }
  assert.equal(await server.stop(), 0);
});

test('standard input is imported when --format says what it is', async (t) => {
  const where = ['--data-dir', temporaryDirectory(t)];
  const words = ['import', '-', '--format', 'csv', '--table', 't', ...where];
  assertDone(await runSheaf(words, { input: 'x,y\n1,a\n2,b\n' }));
  const more = ['import', '-', '--format', 'ndjson', '--table', 't', ...where];
  assertDone(await runSheaf(more, { input: '{"x":3,"y":"c"}\n' }));
  const outcome = await runSheaf(['query', 'SELECT * FROM t ORDER BY x', '--format', 'csv', ...where]);
  assert.equal(outcome.text, 'x,y\n1,a\n2,b\n3,c\n');
});

test('a file that breaks off leaves nothing behind, in a directory and in a server', { skip }, async (t) => {
  const files = await writeFiles(t);
  const cut = join(temporaryDirectory(t), 'cut.ndjson');
  writeFileSync(cut, `${'{"x":1}\n'.repeat(200_000)}{"x":`);
  const directory = temporaryDirectory(t);
  const where = ['--data-dir', directory];
  assertDone(await runSheaf(['import', join(files, 'rows.csv'), '--table', 'other', ...where]));
  const alone = await runSheaf(['import', cut, '--table', 't', ...where]);
  assert.equal(alone.code, 1);
  assert.ok(alone.stderr.startsWith(`error: ${cut}: `), alone.stderr);
  const server = await startSheaf(t, where);
  const served = await runSheaf(['import', cut, '--table', 't', ...where]);
  assert.equal(served.code, 1);
  assert.ok(served.stderr.startsWith(`error: ${cut}: `), served.stderr);
  const tables = await runSheaf(['query', 'SHOW TABLES', '--format', 'ndjson', '--url', server.url]);
  assert.equal(tables.text.includes('"t"'), false, tables.text);
});

async function assertRefused(words: readonly string[], code: number, message: string): Promise<void> {
  const outcome = await runSheaf(words);
  assert.equal(outcome.stderr, `error: ${message}\n`);
  assert.equal(outcome.code, code);
  assert.equal(outcome.text, '');
}

test('files that cannot be imported are told with the remedy', async (t) => {
  const directory = temporaryDirectory(t);
  const where = ['--table', 't', '--data-dir', join(directory, 'db')];
  const file = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const missing = await runSheaf(['import', join(directory, 'absent.csv'), ...where]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^error: .*absent\.csv/);
  const notParquet = file('fake.parquet', 'this is not a Parquet file at all');
  await assertRefused(
    ['import', notParquet, ...where],
    1,
    `${notParquet} is not a Parquet file: it does not begin with PAR1`,
  );
  const short = file('short.parquet', 'PAR1');
  await assertRefused(
    ['import', short, ...where],
    1,
    `${short} is not a Parquet file: it has 4 bytes, fewer than any Parquet file`,
  );
  const cut = file('cut.parquet', `PAR1${'x'.repeat(100)}`);
  await assertRefused(
    ['import', cut, ...where],
    1,
    `${cut} is not a Parquet file: it does not end with PAR1; is it complete?`,
  );
  const empty = file('empty.csv', '');
  await assertRefused(
    ['import', empty, ...where],
    1,
    `${empty} is empty, or not a regular file; pipe it in with - and --format`,
  );
  const unknown = file('rows.dat', 'what is this');
  await assertRefused(
    ['import', unknown, ...where],
    2,
    `neither name nor first bytes of ${unknown} tell its format; add --format (parquet, arrow, csv, ndjson)`,
  );
  const zipped = file('rows.gz', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0));
  await assertRefused(
    ['import', zipped, ...where],
    2,
    `${zipped} is compressed by gzip; pipe it in: gzip -dc ${zipped} | sheaf import - --format …`,
  );
  await assertRefused(
    ['import', '-', ...where],
    2,
    'standard input has no name to tell its format; add --format (arrow, csv, ndjson)',
  );
  await assertRefused(
    ['import', '-', '--format', 'parquet', ...where],
    2,
    'Parquet cannot be read from standard input, its footer is at its end; name a file',
  );
  const folder = join(directory, 'folder.csv');
  mkdirSync(folder);
  assert.equal((await runSheaf(['import', folder, ...where])).code, 1);
});

test('wrong words end with 2', async () => {
  const noTable = await runSheaf(['import', 'x.csv']);
  assert.equal(noTable.code, 2);
  assert.match(noTable.stderr, /^error: required option '--table <name>' not specified\n/);
  const badFormat = await runSheaf(['import', 'x.csv', '--table', 't', '--format', 'xml']);
  assert.equal(badFormat.code, 2);
  assert.match(badFormat.stderr, /Allowed choices are parquet, arrow, csv, ndjson/);
});

test('columns of another type than the table has are refused, and the table stays as it was', async (t) => {
  const where = ['--data-dir', temporaryDirectory(t)];
  const words = ['import', '-', '--format', 'ndjson', '--table', 't', ...where];
  assertDone(await runSheaf(words, { input: '{"x":1}\n' }));
  const wrong = await runSheaf(words, { input: '{"x":"text"}\n' });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /^error: .*x/);
  assert.equal((await runSheaf(['query', 'SELECT * FROM t', '--format', 'csv', ...where])).text, 'x\n1\n');
});
