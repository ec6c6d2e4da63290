/**
 * COPY: what is written reads back, here and elsewhere; files stay below the directory; all of it or nothing.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeVector } from '../../src/arrow/vector.ts';
import { buildVector } from '../../src/arrow/build.ts';
import type { Engine, StatementOptions } from '../../src/engine/contract.ts';
import { open, Session } from '../../src/engine/engine.ts';
import { pythonPath, PYTHON_MISSING, runPython } from '../support/python.ts';
import { refusal } from '../support/refusal.ts';
import { rowsOf, UTF8 } from '../support/sample.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Place {
  readonly engine: Engine;
  readonly directory: string;
  readonly run: (sql: string, options?: StatementOptions) => Promise<unknown[][]>;
  readonly put: (name: string, text: string | Uint8Array) => void;
  readonly text: (name: string) => string;
}

async function openPlace(t: TestContext): Promise<Place> {
  const directory = temporaryDirectory(t);
  const engine = await open(temporaryDirectory(t), { copyDirectory: directory });
  t.after(() => engine.close());
  return {
    engine,
    directory,
    run: async (sql, options) => rowsOf((await engine.query(sql, options)).batches()),
    put: (name, text) => writeFileSync(join(directory, name), text),
    text: (name) => readFileSync(join(directory, name), 'utf8'),
  };
}

/** A table with a column of each type, rows at their ends, and a row of nulls. */
const TYPES = [
  `CREATE TABLE all_types (i8 TINYINT, i16 SMALLINT, i32 INTEGER, i64 BIGINT, u8 UTINYINT, u64 UBIGINT, f32 REAL,
    f64 DOUBLE, dec DECIMAL(10, 2), txt VARCHAR, bin BLOB, ok BOOLEAN, day DATE, tim TIME, ts TIMESTAMP,
    tz TIMESTAMPTZ, ns TIMESTAMP_NS, iv INTERVAL)`,
  `INSERT INTO all_types VALUES
    (-128, -32768, 2147483647, 9223372036854775807, 255, 18446744073709551615, 1.5, 0.1, 12.34,
      'a,"b"' || chr(10) || 'é', '\\x00\\xFF', true, '2024-02-29', '23:59:59.999999', '1969-12-31 23:59:59.999999',
      '2024-02-29 12:00:00+02', '2024-01-01 00:00:00.123456789', INTERVAL '14 months 3 days 04:05:06.7'),
    (0, 0, 0, 0, 0, 0, 'nan', 'inf', -0.01, '', '', false, '0001-01-01', '00:00:00', '9999-12-31',
      '1970-01-01 00:00:00Z', '1970-01-01', INTERVAL '0 days'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
];

const FILES = [
  ['a.csv', ''],
  ['a.csv.gz', ''],
  ['a.tsv', ''],
  ['b.csv', `(HEADER false, DELIMITER '|', QUOTE '''', ESCAPE '!', NULL 'NA')`],
  ['a.ndjson', ''],
  ['a.jsonl.gz', ''],
  ['a.arrow', ''],
  ['a.arrows', ''],
  ['a.parquet', ''],
  ['b.parquet', '(COMPRESSION zstd)'],
  ['c', '(FORMAT parquet, COMPRESSION none)'],
] as const;

/** Parquet files take no intervals. */
function sourceFor(name: string): string {
  const isParquet = name === 'c' || name.endsWith('.parquet');
  return isParquet ? '(SELECT * REPLACE (CAST(iv AS VARCHAR) AS iv) FROM all_types)' : 'all_types';
}

test('every type comes back from every form', async (t) => {
  const { run } = await openPlace(t);
  for (const sql of TYPES) await run(sql);
  const rows = await run('FROM all_types');
  for (const [name, options] of FILES) {
    assert.deepEqual(await run(`COPY ${sourceFor(name)} TO '${name}' ${options}`), [[3n]], name);
    await run('CREATE TABLE back AS FROM all_types LIMIT 0');
    assert.deepEqual(await run(`COPY back FROM '${name}' ${options}`), [[3n]], name);
    assert.deepEqual(await run('FROM back'), rows, name);
    await run('DROP TABLE back');
  }
});

test('text is what DuckDB writes but for moments, and options say how it is written and read', async (t) => {
  const { run, text, put } = await openPlace(t);
  await run(`CREATE TABLE t AS SELECT 1 AS a, 'x"y' AS b, '\\xAA'::BLOB AS c`);
  await run(`INSERT INTO t VALUES (NULL, 'NA', NULL), (2, '', NULL)`);
  await run("COPY t TO 'a.csv'");
  assert.equal(text('a.csv'), 'a,b,c\n1,"x""y",\\xAA\n,NA,\n2,"",\n');
  await run("COPY (SELECT a, b FROM t) TO 'a.csv' WITH (FORMAT csv, HEADER false, SEP ';', NULLSTR 'NA')");
  assert.equal(text('a.csv'), '1;"x""y"\nNA;"NA"\n2;""\n');
  await run("COPY t (b, a) TO 'b.csv' (QUOTE '''', ESCAPE '\\')");
  assert.equal(text('b.csv'), "b,a\nx\"y,1\nNA,\n'',2\n");
  await run("COPY t TO 'a.json'");
  assert.equal(
    text('a.json'),
    '{"a":1,"b":"x\\"y","c":"\\\\xAA"}\n{"a":null,"b":"NA","c":null}\n{"a":2,"b":"","c":null}\n',
  );
  put('c.csv.gz', gzipSync("q;'it!'s!!'\n"));
  await run('CREATE TABLE u (a VARCHAR, b VARCHAR)');
  await run(`COPY u FROM 'c.csv.gz' (HEADER 0, DELIMITER ';', QUOTE '''', ESCAPE '!')`);
  assert.deepEqual(await run('FROM u'), [['q', "it's!"]]);
});

test('columns go by their places, those of NDJSON by their names, with any cast', async (t) => {
  const { run, put } = await openPlace(t);
  await run('CREATE TABLE t (a INTEGER, b VARCHAR)');
  put('ba.csv', 'b,a\n1,2\n');
  put('one.csv', 'x\ny\n');
  put('n.ndjson', '{"b":"x","a":5}\n{"b":"y"}\n');
  assert.deepEqual(await run("COPY t FROM 'ba.csv'"), [[1n]]);
  assert.deepEqual(await run("COPY t (b) FROM 'one.csv'"), [[1n]]);
  assert.deepEqual(await run("COPY t FROM 'n.ndjson'"), [[2n]]);
  await run("COPY (SELECT 7.6 AS x, 8 AS y) TO 'p.parquet'");
  assert.deepEqual(await run("COPY t FROM 'p.parquet'"), [[1n]]);
  assert.deepEqual(await run("COPY t (b, a) FROM 'p.parquet'"), [[1n]]);
  assert.deepEqual(await run('FROM t'), [
    [1, '2'],
    [null, 'y'],
    [5, 'x'],
    [null, 'y'],
    [8, '8'],
    [8, '7.6'],
  ]);
  await run("COPY (FROM t WHERE false) TO 'none.parquet'");
  assert.deepEqual(await run("COPY t FROM 'none.parquet'"), [[0n]]);
  const session = new Session();
  await run('PREPARE put AS COPY t FROM $1', { session });
  assert.deepEqual(await run("EXECUTE put('p.parquet')", { session }), [[1n]]);
  assert.deepEqual(
    await run('COPY (SELECT a FROM t WHERE a = $low) TO $file', { values: { low: 5, file: 'x.csv' } }),
    [[1n]],
  );
});

test('a file that does not fit is refused with its line, and leaves no row', async (t) => {
  const { run, put } = await openPlace(t);
  await run('CREATE TABLE t (a INTEGER NOT NULL, b DATE)');
  const cases: readonly (readonly [string, string | Uint8Array, Parameters<typeof refusal>[0], string])[] = [
    [
      'bad.csv',
      `a,b\n${'1,2024-01-01\n'.repeat(100_000)}x,2024-01-01\n`,
      'request_invalid',
      'bad.csv: line 100002, column 1 "a": "x" is not a value of type int32; if it should be, create the table with another type first',
    ],
    ['ragged.csv', 'a,b\n1,2024-01-01\n1\n', 'request_invalid', 'ragged.csv: line 3 has 1 cell, the first line 2'],
    [
      'narrow.csv',
      'a\n1\n',
      'schema_mismatch',
      'narrow.csv: the CSV input has 1 columns, 2 are to be filled; name the columns that it has, in a first line or in the statement',
    ],
    [
      'bad.ndjson',
      '{"a":1}\n{"a":2,"b":"2024-02-30"}\n',
      'request_invalid',
      'bad.ndjson: line 2: column "b": "2024-02-30" is not a value of type date32[day]; if it should be, create the table with another type first',
    ],
    [
      'null.csv',
      'a,b\n1,\n,2024-01-01\n',
      'value_error',
      'column "a" of table t is NOT NULL, and the INSERT makes it NULL in 1 row of one batch; leave these rows out with WHERE, or give them a value with COALESCE',
    ],
    [
      'text.parquet',
      'PAR1 is how it begins',
      'request_invalid',
      'text.parquet is not a Parquet file: it does not end with PAR1; is it complete?',
    ],
    ['empty.csv', '', 'request_invalid', 'empty.csv is empty'],
    [
      'plain.csv.gz',
      'a,b\n',
      'request_invalid',
      'plain.csv.gz: it does not decompress as gzip: incorrect header check',
    ],
  ];
  for (const [name, content, code, message] of cases) {
    put(name, content);
    await assert.rejects(run(`COPY t FROM '${name}'`), refusal(code, message), name);
  }
  assert.deepEqual(await run('SELECT count(*) FROM t'), [[0n]]);
});

test('files stay below the directory, whatever names and links say', async (t) => {
  const { run, directory, put } = await openPlace(t);
  await run('CREATE TABLE t (a VARCHAR)');
  const outside = temporaryDirectory(t);
  writeFileSync(join(outside, 'secret.csv'), 'a\nx\n');
  put('inside.csv', 'a\ny\n');
  mkdirSync(join(directory, 'sub'));
  symlinkSync(join(outside, 'secret.csv'), join(directory, 'link.csv'));
  symlinkSync(outside, join(directory, 'out'));
  symlinkSync('inside.csv', join(directory, 'near.csv'));
  symlinkSync('/dev/zero', join(directory, 'zero.csv'));
  execFileSync('mkfifo', [join(directory, 'pipe.csv')]);
  const refused = [
    '../secret.csv',
    'sub/../../secret.csv',
    'sub\\\\..\\\\x.csv',
    join(outside, 'secret.csv'),
    join(directory, 'inside.csv'),
    'link.csv',
    'out/secret.csv',
    'zero.csv',
    'pipe.csv',
    'sub',
    'sub/',
    '.',
    '..',
  ];
  for (const name of refused) {
    for (const way of ['FROM', 'TO']) {
      const sql = `COPY t ${way} '${name}' (FORMAT csv)`;
      await assert.rejects(run(sql), (error: unknown) => (error as { code?: string }).code === 'forbidden', sql);
    }
  }
  await assert.rejects(run("COPY t TO 'new/x.csv'"), /does not exist/);
  await assert.rejects(run("COPY t FROM 'none.csv'"), /cannot open none\.csv: it does not exist/);
  assert.deepEqual(readdirSync(outside), ['secret.csv']);
  assert.equal(readFileSync(join(outside, 'secret.csv'), 'utf8'), 'a\nx\n');
  assert.deepEqual(await run("COPY t FROM 'near.csv'"), [[1n]]);
  assert.deepEqual(await run("COPY t TO 'sub/x.csv'"), [[1n]]);
  assert.deepEqual(await run('FROM t'), [['y']]);
});

test('columns that Parquet cannot hold are refused, and dictionaries are written plain', async (t) => {
  const { run, directory, engine } = await openPlace(t);
  const message =
    'column "x" is month_day_nano_interval, which cannot be written as Parquet here; cast it to VARCHAR, or write Arrow';
  await assert.rejects(run("COPY (SELECT INTERVAL '1 day' AS x) TO 'a.parquet'"), refusal('unimplemented', message));
  assert.deepEqual(readdirSync(directory), []);
  const index = { id: 'int', bitWidth: 32, signed: true } as const;
  const type: DataType = { id: 'dictionary', index, value: UTF8, ordered: false, dictionaryId: 0n };
  const schema = makeSchema([makeField('d', type)]);
  const plain = makeVector(type, 3, undefined, 0, [new Uint8Array(Int32Array.of(1, 0, 1).buffer)]);
  const batch = { schema, rowCount: 3, columns: [{ ...plain, dictionary: buildVector(UTF8, ['x', 'y']) }] };
  const put = await engine.beginPut('t', schema);
  await put.write(batch);
  await put.commit();
  const rows = await run('FROM t');
  for (const name of ['a.parquet', 'a.arrow', 'a.csv', 'a.ndjson']) {
    assert.deepEqual(await run(`COPY t TO '${name}'`), [[3n]]);
    await run('TRUNCATE t');
    assert.deepEqual(await run(`COPY t FROM '${name}'`), [[3n]]);
    assert.deepEqual(await run('FROM t'), rows, name);
  }
});

test('without a directory COPY is switched off, and it may not hold the database', async (t) => {
  const directory = temporaryDirectory(t);
  const engine = await open(directory);
  const off =
    'COPY is switched off: no directory is set for its files; the operator of the server allows it by --copy-dir (SHEAF_COPY_DIR)';
  await assert.rejects(engine.query("COPY (SELECT 1) TO 'a.csv'"), refusal('forbidden', off));
  await assert.rejects(
    engine.query("COPY (SELECT 1) TO 'a.csv'", { readOnly: true }),
    /COPY writes, and this door only reads/,
  );
  await engine.close();
  await assert.rejects(
    open(directory, { copyDirectory: directory }),
    /lie within each other; name another directory/,
  );
  await assert.rejects(open(directory, { copyDirectory: join(directory, 'none') }), /it does not exist/);
  await (await open(directory)).close();
});

test('a COPY that fails or is cancelled leaves the old file, and nothing beside it', async (t) => {
  const { run, directory, put, text } = await openPlace(t);
  put('a.csv', 'old\n');
  await assert.rejects(
    run("COPY (SELECT CAST(range::VARCHAR || 'x' AS INT) FROM range(10)) TO 'a.csv'"),
    /cannot cast/,
  );
  for (const name of ['a.csv', 'a.parquet', 'a.csv.gz']) {
    const aborting = new AbortController();
    const sql = `COPY (SELECT range AS a FROM range(100000000)) TO '${name}'`;
    const failing = assert.rejects(run(sql, { signal: aborting.signal }), /cancelled/, name);
    setTimeout(() => aborting.abort(), 200);
    await failing;
  }
  assert.equal(text('a.csv'), 'old\n');
  assert.deepEqual(readdirSync(directory), ['a.csv']);
  await run('CREATE TABLE t (a BIGINT)');
  await run("COPY (SELECT range AS a FROM range(3000000)) TO 'b.csv'");
  const aborting = new AbortController();
  const failing = assert.rejects(run("COPY t FROM 'b.csv'", { signal: aborting.signal }), /cancelled/);
  setTimeout(() => aborting.abort(), 50);
  await failing;
  assert.deepEqual(await run('SELECT count(*) FROM t'), [[0n]]);
});

const READERS = `
import sys, json, duckdb, pyarrow.parquet as pq, pyarrow.ipc as ipc, pyarrow.csv as csv
d = sys.argv[1]
names = "i8, i16, i32, i64, u8, u64, f64, dec, txt, ok, day, tim, ts, epoch_us(tz), bin"
def rows(source): return duckdb.sql(f"select {names} from {source}").fetchall()
want = rows(f"'{d}/a.parquet'")
assert len(want) == 3 and want[0][3] == 9223372036854775807 and want[0][8] == 'a,"b"\\né', want
described = duckdb.sql(f"describe from '{d}/a.parquet'").fetchall()
types = {row[0]: row[1] for row in described}
assert (types['dec'], types['u64']) == ('DECIMAL(10,2)', 'UBIGINT'), types
assert types['tz'] == 'TIMESTAMP WITH TIME ZONE', types
columns = json.dumps(types).replace('"', "'")
for name in ("a.csv", "a.csv.gz"):
    got = rows(f"read_csv('{d}/{name}', columns={columns}, allow_quoted_nulls=false)")
    assert repr(got) == repr(want), (got, want)
assert duckdb.sql(f"select count(*) from read_json('{d}/a.ndjson')").fetchall() == [(3,)]
table = pq.read_table(f"{d}/a.parquet")
assert table.column("u64").to_pylist() == [18446744073709551615, 0, None], table
same = ["i8", "u64", "dec", "txt", "bin", "day", "tim", "ts", "tz", "ns"]
with open(f"{d}/a.arrow", "rb") as f: file = ipc.open_file(f).read_all()
with open(f"{d}/a.arrows", "rb") as f: stream = ipc.open_stream(f).read_all()
assert file.select(same).to_pylist() == stream.select(same).to_pylist() == table.select(same).to_pylist()
options = csv.ParseOptions(delimiter="\\t", newlines_in_values=True)
assert csv.read_csv(f"{d}/a.tsv", parse_options=options).num_rows == 3
print("same")
`;

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

test('DuckDB and pyarrow read what COPY wrote', { skip }, async (t) => {
  const { run, directory } = await openPlace(t);
  for (const sql of TYPES) await run(sql);
  for (const [name, options] of FILES) await run(`COPY ${sourceFor(name)} TO '${name}' ${options}`);
  const { stdout, stderr } = await runPython(READERS, [directory]);
  assert.equal(stdout, 'same\n', stderr);
});
