/**
 * The tables of sql.bench.ts: one made from a seed, and the real flights.
 *
 * `t`: k, m int64 (100 and up to 1 M values); v, p float64 (to 1000 and 100); i int32 (to 1 M); s text by dictionary
 * (50 values); n float64, half of it null; w plain text (100,000 values of about 16 bytes, such as "crimson otter
 * 471"); ts timestamps to the microsecond, spread over the 30 days from 2026-01-01. `flights`: the Parquet sample that
 * the quickstart imports, read as an import reads it.
 *
 * Hides buffers. Invariant: the same size gives the same bytes each time.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { RecordBatch } from '../src/arrow/batch.ts';
import { buildVector } from '../src/arrow/build.ts';
import { encodeResults, writeStream } from '../src/arrow/ipc-stream.ts';
import { numberDictionaries } from '../src/arrow/ipc-schema.ts';
import { makeField, makeSchema } from '../src/arrow/schema.ts';
import type { DataType } from '../src/arrow/type.ts';
import { makeVector } from '../src/arrow/vector.ts';
import type { Vector } from '../src/arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../src/base/limits.ts';
import { readFile } from '../src/format/file-read.ts';
import { asyncOf, bytesOf } from '../test/support/ipc.ts';
import { MemorySource } from '../test/support/memory-source.ts';
import { makeRandom } from '../test/support/random.ts';
import type { Random } from '../test/support/random.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const DOUBLE: DataType = { id: 'float', bitWidth: 64 };
const TEXT: DataType = { id: 'utf8' };
const MOMENT: DataType = { id: 'timestamp', unit: 'microsecond', timezone: undefined };
const SYMBOLS: DataType = {
  id: 'dictionary',
  index: { id: 'int', bitWidth: 32, signed: true },
  value: TEXT,
  ordered: false,
  dictionaryId: 0n,
};

const COLOURS = ['amber', 'azure', 'crimson', 'ebony', 'golden', 'indigo', 'olive', 'scarlet', 'silver', 'violet'];
const ANIMALS = ['badger', 'beaver', 'falcon', 'heron', 'lizard', 'marten', 'otter', 'raven', 'salmon', 'weasel'];
const NUMBERS = 1000;
const FIRST_MOMENT = BigInt(Date.UTC(2026, 0, 1)) * 1000n;
const DAYS = 30;
const DAY_MICROSECONDS = 86_400_000_000;
/** Beside what the package's name leads to. */
const FLIGHTS = '../data/flights-3m.parquet';

/** The values of the text column, in UTF-8. */
function makeTexts(): Uint8Array[] {
  const encoder = new TextEncoder();
  const numbers = Array.from({ length: NUMBERS }, (_, i) => i.toString());
  const pairs = COLOURS.flatMap((colour) => ANIMALS.map((animal) => `${colour} ${animal}`));
  return pairs.flatMap((pair) => numbers.map((number) => encoder.encode(`${pair} ${number}`)));
}

/** A column of texts drawn at random. */
function drawTexts(texts: readonly Uint8Array[], rows: number, random: Random): Vector {
  const drawn = Array.from({ length: rows }, () => texts[Math.floor(random() * texts.length)] as Uint8Array);
  const offsets = new Int32Array(rows + 1);
  drawn.forEach((text, i) => (offsets[i + 1] = (offsets[i] ?? 0) + text.length));
  const bytes = new Uint8Array(offsets[rows] ?? 0);
  drawn.forEach((text, i) => bytes.set(text, offsets[i]));
  return makeVector(TEXT, rows, undefined, 0, [bytesOf(offsets), bytes]);
}

/** Makes `t`. */
export function makeTable(rowCount: number): MemorySource {
  const random = makeRandom(7);
  const symbols = Array.from({ length: 50 }, (_, i) => `symbol${i.toString()}`);
  const dictionary = buildVector(TEXT, symbols);
  const texts = makeTexts();
  const schema = makeSchema([
    ...['k', 'm'].map((name) => makeField(name, INT64, false)),
    ...['v', 'p'].map((name) => makeField(name, DOUBLE, false)),
    makeField('i', INT32, false),
    makeField('s', SYMBOLS, false),
    makeField('n', DOUBLE),
    makeField('w', TEXT, false),
    makeField('ts', MOMENT, false),
  ]);
  const batches: RecordBatch[] = [];
  for (let start = 0; start < rowCount; start += BATCH_ROWS_MAX) {
    const rows = Math.min(BATCH_ROWS_MAX, rowCount - start);
    const doubles = (size: number): Float64Array => Float64Array.from({ length: rows }, () => random() * size);
    const wide = (size: number): Int32Array => {
      return Int32Array.from({ length: rows * 2 }, (_, i) => (i % 2 === 0 ? random() * size : 0));
    };
    const narrow = (size: number): Int32Array => Int32Array.from({ length: rows }, () => random() * size);
    const moments = (): BigInt64Array => {
      const span = DAYS * DAY_MICROSECONDS;
      return BigInt64Array.from({ length: rows }, () => FIRST_MOMENT + BigInt(Math.floor(random() * span)));
    };
    const bits = Uint8Array.from({ length: Math.ceil(rows / 8) }, () => random() * 256);
    let nulls = rows;
    for (let i = 0; i < rows; i++) nulls -= ((bits[i >> 3] ?? 0) >> (i & 7)) & 1;
    const plain = (type: DataType, data: ArrayBufferView): Vector =>
      makeVector(type, rows, undefined, 0, [bytesOf(data)]);
    const columns = [plain(INT64, wide(100)), plain(INT64, wide(Math.min(1e6, rowCount / 10)))];
    columns.push(plain(DOUBLE, doubles(1000)), plain(DOUBLE, doubles(100)), plain(INT32, narrow(1e6)));
    columns.push({ ...plain(SYMBOLS, narrow(symbols.length)), dictionary });
    columns.push(makeVector(DOUBLE, rows, bits, nulls, [bytesOf(doubles(1000))]));
    columns.push(drawTexts(texts, rows, random), plain(MOMENT, moments()));
    batches.push({ schema, rowCount: rows, columns });
  }
  return new MemorySource('t', schema, batches);
}

/** Reads `flights`; of `rowsMax` rows or somewhat more, since batches are not cut. */
export async function readFlights(rowsMax: number): Promise<MemorySource> {
  const bytes = readFileSync(join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), FLIGHTS));
  const file = {
    name: FLIGHTS,
    size: bytes.byteLength,
    read: (length: number, position: number) =>
      Promise.resolve(new Uint8Array(bytes.subarray(position, position + length))),
  };
  const { schema, batches } = await readFile(file, 'parquet');
  const taken: RecordBatch[] = [];
  let rows = 0;
  for await (const batch of batches) {
    taken.push(batch);
    rows += batch.rowCount;
    if (rows >= rowsMax) break;
  }
  return new MemorySource('flights', schema, taken);
}

/** Writes a table as one Arrow stream. */
export async function writeTable(path: string, { schema, batches }: MemorySource): Promise<void> {
  const numbered = numberDictionaries(schema);
  const file = openSync(path, 'w');
  try {
    for await (const piece of writeStream(numbered, encodeResults(numbered, asyncOf(batches)))) {
      for (let at = 0; at < piece.byteLength;) at += writeSync(file, piece, at);
    }
  } finally {
    closeSync(file);
  }
}
