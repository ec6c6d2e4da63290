/**
 * Gathering and joining rows of every Arrow type.
 *
 * Method: pyarrow makes one stream with a column of each type, nulls included; for random row lists (repeats, any
 * order, none) the gathered vector must read row by row like the source, must pass the validator that outside bytes
 * pass, and parts must join to the same rows. The streams of other implementations in the corpus are treated likewise
 * when they are at hand.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { gather } from '../../src/function/gather.ts';
import { joinParts } from '../../src/exec/join.ts';
import { readAll, streamBytes } from '../support/ipc.ts';
import { pythonPath, PYTHON_MISSING } from '../support/python.ts';
import { makeRandom } from '../support/random.ts';
import { refusal } from '../support/refusal.ts';
import { typeOfName, vectorOfTexts } from '../support/slt.ts';

const EVERY_TYPE = `
import sys, decimal, datetime, pyarrow as pa
N = 40
def nulls(f): return [None if i % 5 == 3 else f(i) for i in range(N)]
texts = nulls(lambda i: ["", "a", "zwölf Bytes und mehr", "🙂"][i % 4] + str(i % 7) * (i % 3))
ints = nulls(lambda i: i * 3 - 40)
lists = nulls(lambda i: [None if k == 1 else k * i for k in range(i % 4)])
columns = {}
numeric = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float16(), pa.float32(), pa.float64()]
for t in numeric + [pa.date32(), pa.time32("ms"), pa.time64("us"), pa.duration("s")]:
    source = [None if v is None else abs(v) if str(t).startswith("time") else v for v in ints]
    columns[str(t)] = pa.array(source).cast(t) if t == pa.float16() else pa.array(source, t)
for t in [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]:
    columns[str(t)] = pa.array([None if v is None else abs(v) for v in ints], t)
days = nulls(lambda i: datetime.date(2020, 1, 1 + i % 28))
columns["date64"] = pa.array(days, pa.date64())
columns["ts"] = pa.array(ints, pa.timestamp("ns", "Europe/Berlin"))
for t in [pa.decimal32(7, 2), pa.decimal64(15, 3), pa.decimal128(30, 4), pa.decimal256(60, 5)]:
    columns[str(t)] = pa.array([None if v is None else decimal.Decimal(v) for v in ints], t)
for t in [pa.string(), pa.large_string(), pa.string_view()]: columns[str(t)] = pa.array(texts, t)
raw = [None if v is None else v.encode() for v in texts]
for t in [pa.binary(), pa.large_binary(), pa.binary_view()]: columns[str(t)] = pa.array(raw, t)
columns["fixed"] = pa.array([None if v is None else (v + b"abcdefg")[:7] for v in raw], pa.binary(7))
columns["bool"] = pa.array(nulls(lambda i: i % 3 == 0))
columns["null"] = pa.nulls(N)
intervals = nulls(lambda i: pa.MonthDayNano([i, -i, i * 1000]))
columns["mdn"] = pa.array(intervals, pa.month_day_nano_interval())
for t in [pa.list_(pa.int32()), pa.large_list(pa.int16()), pa.list_view(pa.int64()), pa.large_list_view(pa.int8())]:
    columns[str(t)] = pa.array([None if v is None else [None if x is None else x % 100 for x in v] for v in lists], t)
columns["texts"] = pa.array([None if v is None else [str(x) for x in v] for v in lists], pa.list_(pa.string()))
columns["fixed_list"] = pa.array(nulls(lambda i: [i, None, -i]), pa.list_(pa.int32(), 3))
struct = pa.struct([("a", pa.int64()), ("b", pa.string())])
columns["struct"] = pa.array(nulls(lambda i: {"a": i, "b": None if i % 2 else str(i)}), struct)
columns["map"] = pa.array(nulls(lambda i: [(str(k), k) for k in range(i % 3)]), pa.map_(pa.string(), pa.int32()))
columns["dictionary"] = pa.array(texts).dictionary_encode()
thirds = pa.array([None if v is None else v % 3 for v in ints], pa.int8())
columns["dictionary8"] = pa.DictionaryArray.from_arrays(thirds, pa.array([10, None, 30], pa.int64()))
halves = pa.array([i // 2 for i in range(N + 1)], pa.int32())
columns["list_of_dictionary"] = pa.ListArray.from_arrays(halves, pa.array(texts[: N // 2]).dictionary_encode())
ids = pa.array([i % 2 for i in range(N)], pa.int8())
columns["sparse"] = pa.UnionArray.from_sparse(ids, [pa.array(ints), pa.array(texts)], ["i", "t"], [0, 1])
members = [pa.array(ints), pa.array(texts)]
columns["dense"] = pa.UnionArray.from_dense(ids, halves.slice(0, N), members, ["i", "t"], [0, 1])
for width in [pa.int16(), pa.int32(), pa.int64()]:
    ends = pa.array([3, 4, 10, 39, N], width)
    columns["runs" + str(width)] = pa.RunEndEncodedArray.from_arrays(ends, pa.array(["x", None, "y", "x", "z"]))
batch = pa.record_batch(list(columns.values()), names=list(columns.keys()))
with pa.ipc.new_stream(sys.stdout.buffer, batch.schema) as writer:
    writer.write_batch(batch)
    writer.write_batch(batch.slice(7, 20))
`;

function rowLists(length: number, seed: number): readonly Uint32Array[] {
  const random = makeRandom(seed);
  const some = Uint32Array.from({ length: length === 0 ? 0 : 50 }, () => Math.floor(random() * length));
  return [new Uint32Array(0), Uint32Array.from({ length }, (_, i) => length - 1 - i), some];
}

function values(vector: Vector): unknown[] {
  const read = makeReader(vector);
  return Array.from({ length: vector.length }, (_, i) => read(i));
}

async function checkBatch(batch: RecordBatch): Promise<void> {
  for (const rows of rowLists(batch.rowCount, 7)) {
    const columns = batch.columns.map((column) => gather(column, rows));
    batch.columns.forEach((column, c) => {
      const read = makeReader(column);
      const wanted = Array.from(rows, (row) => read(row));
      const gathered = columns[c] as Vector;
      assert.deepEqual(values(gathered), wanted, batch.schema.fields[c]?.name);
      assert.deepEqual(values(joinParts([gathered, gathered])), [...wanted, ...wanted], batch.schema.fields[c]?.name);
    });
    const bytes = await streamBytes(batch.schema, [{ schema: batch.schema, rowCount: rows.length, columns }]);
    const back = await readAll(bytes);
    back.batches.forEach((read) => {
      read.columns.forEach((column, c) => {
        assert.deepEqual(values(column), values(columns[c] as Vector), batch.schema.fields[c]?.name);
      });
    });
  }
}

test(
  'rows of every type are gathered and joined by value',
  { skip: pythonPath() === undefined ? PYTHON_MISSING : false },
  async () => {
    const python = pythonPath() as string;
    const made = spawnSync(python, ['-c', EVERY_TYPE], { maxBuffer: 1 << 26 });
    assert.equal(made.status, 0, made.stderr.toString());
    const { batches } = await readAll(made.stdout);
    assert.equal(batches.length, 2);
    for (const batch of batches) await checkBatch(batch);
  },
);

const ROOT = process.env['SHEAF_CORPUS'] ?? fileURLToPath(new URL('../../../shared/corpus', import.meta.url));
const CORPUS = join(ROOT, 'arrow', 'cpp-21.0.0');
const MISSING = 'no corpus of Arrow streams: set SHEAF_CORPUS to its directory';

test(
  "rows of other implementations' streams are gathered and joined by value",
  { skip: existsSync(CORPUS) ? false : MISSING },
  async () => {
    for (const name of readdirSync(CORPUS).filter((file) => file.endsWith('.stream'))) {
      const { batches } = await readAll(readFileSync(join(CORPUS, name)));
      for (const batch of batches) await checkBatch(batch);
    }
  },
);

test('dictionaries that differ are made one, each value once', () => {
  const type = typeOfName('dictionary');
  const parts = Array.from({ length: 40 }, (_, i) =>
    vectorOfTexts(type, [`v${(i % 9).toString()}`, null, 'same', `w${(i % 7).toString()}`]),
  );
  const joined = joinParts(parts);
  assert.equal(joined.dictionary?.length, 17);
  assert.deepEqual(values(joined), parts.flatMap(values));
});

test('a dictionary whose indexes are too narrow for all values is refused by name', () => {
  const parts = Array.from({ length: 2 }, (_, p) => {
    return vectorOfTexts(
      typeOfName('dictionary'),
      Array.from({ length: 100 }, (_, i) => `${p.toString()}-${i.toString()}`),
    );
  });
  assert.throws(
    () => joinParts(parts),
    refusal(
      'limit_exceeded',
      'dictionary<values=string, indices=int8, ordered=0> cannot number 200 distinct values; cast the column to text',
    ),
  );
});
