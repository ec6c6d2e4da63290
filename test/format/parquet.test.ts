/**
 * Parquet files by pyarrow come out as the batches that pyarrow itself reads; damaged ones are refused.
 *
 * Method: files are read by `openParquet`, written back as an Arrow stream, and compared by pyarrow.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { encodeResults, writeStream } from '../../src/arrow/ipc-stream.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { typeName } from '../../src/arrow/type.ts';
import { concatBytes } from '../../src/base/bytes.ts';
import { EngineError } from '../../src/base/errors.ts';
import { BATCH_ROWS_MAX } from '../../src/base/limits.ts';
import { openParquet } from '../../src/format/parquet.ts';
import type { RandomAccess } from '../../src/format/parquet.ts';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { temporaryDirectory } from '../support/sheaf-process.ts';

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

const WRITE = `
import sys, os, decimal, datetime
import pyarrow as pa, pyarrow.parquet as pq
out = sys.argv[1]
def write(name, table, **options):
    pq.write_table(table, os.path.join(out, name + ".parquet"), **options)
n = 2000
some = lambda f: [None if i % 5 == 0 else f(i) for i in range(n)]
flat = pa.table({
    "i8": pa.array(some(lambda i: i % 100), pa.int8()),
    "u64": pa.array(some(lambda i: 2**63 + i), pa.uint64()),
    "f32": pa.array(some(lambda i: i / 2), pa.float32()),
    "f64": pa.array(some(lambda i: float("nan") if i % 9 == 0 else -i / 3), pa.float64()),
    "flag": pa.array(some(lambda i: i % 2 == 0), pa.bool_()),
    "text": pa.array(some(lambda i: "é" * (i % 4)), pa.string()),
    "large": pa.array(some(lambda i: "x%d" % i), pa.large_string()),
    "bytes": pa.array(some(lambda i: bytes([i % 256])), pa.binary()),
    "fixed": pa.array(some(lambda i: b"abc"), pa.binary(3)),
    "money": pa.array(some(lambda i: decimal.Decimal(i) / 100), pa.decimal128(20, 2)),
    "day": pa.array(some(lambda i: datetime.date(2000, 1, 1) + datetime.timedelta(i)), pa.date32()),
    "at": pa.array(some(lambda i: i * 1_000_003), pa.timestamp("us", tz="Europe/Paris")),
    "nanos": pa.array(some(lambda i: i * 1_000_003), pa.timestamp("ns")),
    "time": pa.array(some(lambda i: i * 1000), pa.time64("us")),
    "word": pa.array(some(lambda i: "w%d" % (i % 3))).dictionary_encode(),
})
nested = pa.table({
    "list": pa.array(some(lambda i: [i, None, i + 1][: i % 4]), pa.list_(pa.int32())),
    "struct": pa.array(some(lambda i: {"a": i, "b": str(i)}), pa.struct([("a", pa.int64()), ("b", pa.string())])),
    "map": pa.array(some(lambda i: [("k", i)]), pa.map_(pa.string(), pa.int64())),
})
for codec in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
    write("flat-" + codec, flat, compression=codec, row_group_size=700)
write("nested", nested)
write("empty", flat.slice(0, 0))
write("required", pa.table([pa.array([1, 2, 3])], schema=pa.schema([pa.field("x", pa.int64(), nullable=False)])))
views = {"text": flat["text"].cast(pa.string_view()), "bytes": flat["bytes"].cast(pa.binary_view())}
write("views", pa.table(views), row_group_size=700)
write("views-empty", pa.table(views).slice(0, 0))
write("steps", pa.table({"s": ["%06d" % (i % 7) * 50 for i in range(600_000)], "i": range(600_000)}))
`;

const COMPARE = `
import sys
import pyarrow as pa, pyarrow.parquet as pq
want = pq.read_table(sys.argv[1])
# The library reads views as plain text and bytes.
plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
want = want.cast(pa.schema([field.with_type(plain.get(field.type, field.type)) for field in want.schema]))
got = pa.ipc.open_stream(sys.stdin.buffer.read()).read_all()
for a, b in zip(got.schema, want.schema):
    assert a.equals(b), (a, b)
for name in want.column_names:
    a, b = got[name].combine_chunks(), want[name].combine_chunks()
    assert a.equals(b) or str(a.to_pylist()) == str(b.to_pylist()), name
assert len(got) == len(want)
got.validate(full=True)
print(len(got))
`;

const FILES = ['none', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4'].map((codec) => `flat-${codec}`);

function fileOf(bytes: Uint8Array): RandomAccess & { readonly reads: number[] } {
  const reads: number[] = [];
  return {
    name: 'f.parquet',
    size: bytes.byteLength,
    reads,
    read(length, position) {
      reads.push(length);
      return Promise.resolve(bytes.slice(position, position + length));
    },
  };
}

/** Passes batches on that have the schema which the file was said to have. */
async function* checked(schema: Schema, batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch> {
  const types = (of: Schema): readonly string[] => of.fields.map(({ name, type }) => `${name} ${typeName(type)}`);
  for await (const batch of batches) {
    assert.deepEqual(types(batch.schema), types(schema));
    yield batch;
  }
}

async function asStream(file: RandomAccess): Promise<Uint8Array> {
  const { schema, batches: read } = await openParquet(file);
  const batches = checked(schema, read);
  const parts: Uint8Array[] = [];
  for await (const part of writeStream(schema, encodeResults(schema, batches))) parts.push(part);
  return concatBytes(parts);
}

test('every codec, type and shape comes out as pyarrow reads it', { skip }, async (t) => {
  const directory = temporaryDirectory(t);
  const written = await runPython(WRITE, [directory]);
  assert.equal(written.status, 0, written.stderr);
  for (const name of [...FILES, 'nested', 'empty', 'required', 'views', 'views-empty']) {
    const path = join(directory, `${name}.parquet`);
    const input = await asStream(fileOf(new Uint8Array(readFileSync(path))));
    const { status, stderr } = await runPython(COMPARE, [path], { input });
    assert.equal(status, 0, `${name}: ${stderr}`);
  }
  await readsInSteps(join(directory, 'steps.parquet'));
  await refusesDamage(join(directory, 'flat-none.parquet'));
});

/** A row group that decodes to more than one step is read in several, and all rows come in order. */
async function readsInSteps(path: string): Promise<void> {
  const file = fileOf(new Uint8Array(readFileSync(path)));
  const { rowCount, batches } = await openParquet(file);
  assert.equal(rowCount, 600_000);
  let next = 0;
  for await (const batch of batches) {
    assert.ok(batch.rowCount <= BATCH_ROWS_MAX);
    const bytes = batch.columns[1]?.buffers[1] ?? new Uint8Array(0);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    assert.equal(Number(view.getBigInt64(0, true)), next);
    next += batch.rowCount;
  }
  assert.equal(next, 600_000);
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof EngineError);
  assert.equal(error.code, 'request_invalid');
  return error.message;
}

async function refusesDamage(path: string): Promise<void> {
  const whole = new Uint8Array(readFileSync(path));
  const footerCut = Uint8Array.from([...whole.subarray(0, 5_000), ...whole.subarray(-8)]);
  assert.match(await messageOf(asStream(fileOf(footerCut))), /^f\.parquet/);
  const huge = whole.slice();
  new DataView(huge.buffer).setUint32(huge.byteLength - 8, 0xfffffff0, true);
  assert.equal(
    await messageOf(asStream(fileOf(huge))),
    'f.parquet is not a Parquet file: its footer claims 4294967280 bytes, which cannot be',
  );
  const failing = {
    ...fileOf(whole),
    read: () => Promise.reject(new EngineError('request_invalid', 'the disk is gone')),
  };
  assert.equal(await messageOf(asStream(failing)), 'the disk is gone');
}

test('what is no Parquet file is refused by its ends', async () => {
  const refused = (bytes: string): Promise<string> => messageOf(openParquet(fileOf(Buffer.from(bytes, 'latin1'))));
  assert.equal(await refused('PAR1'), 'f.parquet is not a Parquet file: it has 4 bytes, fewer than any Parquet file');
  assert.equal(await refused('x'.repeat(20)), 'f.parquet is not a Parquet file: it does not begin with PAR1');
  assert.equal(
    await refused(`PAR1${'x'.repeat(20)}`),
    'f.parquet is not a Parquet file: it does not end with PAR1; is it complete?',
  );
  assert.equal(
    await refused(`PAR1${'x'.repeat(20)}PARE`),
    'f.parquet is an encrypted Parquet file; decrypt it first',
  );
});

// Last, because a crash of the library is for good.
test('damage that crashes the decoder is an error of the file, and later files are told so', { skip }, async (t) => {
  const directory = temporaryDirectory(t);
  const script = `
import sys, pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({"s": ["word %d" % (i % 100) for i in range(100000)], "i": range(100000)}), sys.argv[1])
`;
  const path = join(directory, 'x.parquet');
  assert.equal((await runPython(script, [path])).status, 0);
  const bytes = new Uint8Array(readFileSync(path));
  for (let i = 40; i < bytes.byteLength - 5_000; i += 97) bytes[i] = (bytes[i] ?? 0) ^ 0x55;
  assert.equal(
    await messageOf(asStream(fileOf(bytes))),
    'f.parquet: row group 0 cannot be decoded: its bytes are damaged',
  );
  await assert.rejects(openParquet(fileOf(bytes)), {
    code: 'io_error',
    message: 'the Parquet reader crashed on an earlier file; restart the program to read others',
  });
});
