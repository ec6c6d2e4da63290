/**
 * The JSON and NDJSON forms, byte by byte, for every family of types.
 *
 * Method: vectors are built by arrow/build for the flat types and by hand for the nested ones; what is written is
 * compared as text.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { Value } from '../../src/arrow/value.ts';
import { makeVector } from '../../src/arrow/vector.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { writeJson } from '../../src/format/json-write.ts';
import type { JsonForm } from '../../src/format/json-write.ts';
import { writeNdjson } from '../../src/format/ndjson-write.ts';
import { streamOf, streamOfBatch, textFrom } from './streams.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const UTF8: DataType = { id: 'utf8' };
const DOUBLE: DataType = { id: 'float', bitWidth: 64 };

function batchOf(columns: Readonly<Record<string, Vector>>): RecordBatch {
  const vectors = Object.values(columns);
  const fields = Object.entries(columns).map(([name, vector]) => makeField(name, vector.type));
  return { schema: makeSchema(fields), rowCount: vectors[0]?.length ?? 0, columns: vectors };
}

/** The cells of one column as JSON text, joined by spaces. */
async function cells(vector: Vector, form?: JsonForm): Promise<string> {
  const batch = batchOf({ c: vector });
  const text = await textFrom(writeNdjson(batch.schema, streamOfBatch(batch), form));
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => /^\{"c":(.*)\}$/s.exec(line)?.[1] ?? `not an object: ${line}`)
    .join(' ');
}

function built(type: DataType, values: readonly Value[]): Promise<string> {
  return cells(buildVector(type, values));
}

function listVector(child: Vector, ends: readonly number[], validity?: Uint8Array): Vector {
  const offsets = new Uint8Array(Int32Array.of(0, ...ends).buffer);
  const type: DataType = { id: 'list', child: makeField('item', child.type) };
  const nullCount = validity === undefined ? 0 : 1;
  return { ...makeVector(type, ends.length, validity, nullCount, [offsets]), children: [child] };
}

test('the document has columns, data, rows and the time, in that order', async () => {
  const batch = batchOf({ id: buildVector(INT64, [1, 2]), name: buildVector(UTF8, ['a', null]) });
  const text = await textFrom(writeJson(batch.schema, streamOf([batch, batch]), { elapsedUs: () => 41.6 }));
  assert.equal(
    text,
    '{"columns":["id","name"],"data":[[1,"a"],[2,null],[1,"a"],[2,null]],"rows":4,"execution_time_us":42}\n',
  );
});

test('an empty result keeps its columns', async () => {
  const { schema } = batchOf({ 'a "b"': buildVector(INT64, []) });
  const text = await textFrom(writeJson(schema, streamOf([]), { elapsedUs: () => 0 }));
  assert.equal(text, '{"columns":["a \\"b\\""],"data":[],"rows":0,"execution_time_us":0}\n');
  assert.equal(await textFrom(writeNdjson(schema, streamOf([]))), '');
});

test('int64 keeps every digit, and is quoted when asked', async () => {
  const values = [0, 9007199254740993n, -9007199254740993n, 9223372036854775807n, -9223372036854775808n, null];
  const vector = buildVector(INT64, values);
  const text = '0 9007199254740993 -9007199254740993 9223372036854775807 -9223372036854775808 null';
  assert.equal(await cells(vector), text);
  const quoted = await cells(vector, { int64: 'string', nonfinite: 'null' });
  assert.equal(quoted, text.replaceAll(/-?\d+/g, '"$&"'));
  assert.equal(
    await cells(buildVector(INT32, [-2147483648, 7]), { int64: 'string', nonfinite: 'null' }),
    '-2147483648 7',
  );
});

test('uint64 keeps every digit', async () => {
  const type: DataType = { id: 'int', bitWidth: 64, signed: false };
  const values = [18446744073709551615n, 1000000000n, 999999999n, 4294967296n];
  assert.equal(await built(type, values), '18446744073709551615 1000000000 999999999 4294967296');
});

test('floats are the shortest text that reads back equal, with a point or an exponent', async () => {
  const values = [0.1, -0, 1, 1e15, 1e21, 1e-7, 5e-324, 123.45, 0.30000000000000004, 1.7976931348623157e308, -2.5];
  assert.equal(
    await built(DOUBLE, values),
    '0.1 -0.0 1.0 1000000000000000.0 1e+21 1e-7 5e-324 123.45 0.30000000000000004 1.7976931348623157e+308 -2.5',
  );
});

test('float32 shows the digits of a float32', async () => {
  const values = [0.1, 16777216, 3.4028234663852886e38, 1e-45, 0.333].map(Math.fround);
  const text = await built({ id: 'float', bitWidth: 32 }, values);
  assert.equal(text, '0.1 16777216.0 3.4028235e+38 1e-45 0.333');
});

test('half floats show the digits of a half float', async () => {
  const bits = Uint16Array.of(0x2e66, 0x7bff, 0x8000, 0x0001, 0x7c00);
  const vector = makeVector({ id: 'float', bitWidth: 16 }, 5, undefined, 0, [new Uint8Array(bits.buffer)]);
  assert.equal(await cells(vector), '0.1 65504.0 -0.0 6e-8 null');
});

test('NaN and infinities are null, or strings when asked', async () => {
  const vector = buildVector(DOUBLE, [NaN, Infinity, -Infinity]);
  assert.equal(await cells(vector), 'null null null');
  assert.equal(await cells(vector, { int64: 'number', nonfinite: 'string' }), '"NaN" "Infinity" "-Infinity"');
});

test('decimals are exact strings', async () => {
  const type: DataType = { id: 'decimal', bitWidth: 128, precision: 38, scale: 2 };
  const largest = 10n ** 38n - 1n;
  const text = await built(type, [5n, -5n, 0n, 123456n, -largest]);
  assert.equal(text, `"0.05" "-0.05" "0.00" "1234.56" "-${'9'.repeat(36)}.99"`);
});

test('timestamps have every digit of their unit, and Z when the type has a zone', async () => {
  const nanoseconds: DataType = { id: 'timestamp', unit: 'nanosecond', timezone: 'Europe/Berlin' };
  assert.equal(
    await built(nanoseconds, [1709208000123456789n, -1n, 9223372036854775806n, -9223372036854775808n]),
    '"2024-02-29T12:00:00.123456789Z" "1969-12-31T23:59:59.999999999Z" ' +
      '"2262-04-11T23:47:16.854775806Z" "1677-09-21T00:12:43.145224192Z"',
  );
  const microseconds: DataType = { id: 'timestamp', unit: 'microsecond', timezone: undefined };
  assert.equal(
    await built(microseconds, [0n, -62135596800000000n, 253402300800000000n]),
    '"1970-01-01T00:00:00.000000" "0001-01-01T00:00:00.000000" "+010000-01-01T00:00:00.000000"',
  );
  const milliseconds: DataType = { id: 'timestamp', unit: 'millisecond', timezone: 'UTC' };
  assert.equal(
    await built(milliseconds, [-1n, 9223372036854775806n, 9223372036854775807n, -9223372036854775807n]),
    '"1969-12-31T23:59:59.999Z" "+292278994-08-17T07:12:55.806Z" "infinity" "-infinity"',
  );
  const seconds: DataType = { id: 'timestamp', unit: 'second', timezone: undefined };
  assert.equal(await built(seconds, [951782400n]), '"2000-02-29T00:00:00"');
});

test('dates and times are ISO 8601', async () => {
  const days = makeVector({ id: 'date', unit: 'day' }, 4, undefined, 0, [
    new Uint8Array(Int32Array.of(0, -719468, 19782, -719529).buffer),
  ]);
  assert.equal(await cells(days), '"1970-01-01" "0000-03-01" "2024-02-29" "-000001-12-31"');
  const milliseconds = makeVector({ id: 'date', unit: 'millisecond' }, 2, undefined, 0, [
    new Uint8Array(BigInt64Array.of(-86_400_000n, 1709164800000n).buffer),
  ]);
  assert.equal(await cells(milliseconds), '"1969-12-31" "2024-02-29"');
  const time = makeVector({ id: 'time', unit: 'nanosecond', bitWidth: 64 }, 1, undefined, 0, [
    new Uint8Array(BigInt64Array.of(86_399_999_999_999n).buffer),
  ]);
  assert.equal(await cells(time), '"23:59:59.999999999"');
});

test('durations are ISO 8601, intervals as SQL prints them', async () => {
  const durations = makeVector({ id: 'duration', unit: 'millisecond' }, 4, undefined, 0, [
    new Uint8Array(BigInt64Array.of(0n, -1500n, 93_784_005n, 3_600_000n).buffer),
  ]);
  assert.equal(await cells(durations), '"PT0S" "-PT1.5S" "PT26H3M4.005S" "PT1H"');
  const bytes = new DataView(new ArrayBuffer(32));
  bytes.setInt32(0, 14, true);
  bytes.setInt32(4, -3, true);
  bytes.setBigInt64(8, 4_000_000_005n, true);
  const interval: DataType = { id: 'interval', unit: 'month_day_nano' };
  const intervals = makeVector(interval, 2, undefined, 0, [new Uint8Array(bytes.buffer)]);
  assert.equal(await cells(intervals), '"1 year 2 months -3 days 00:00:04.000000005" "00:00:00"');
});

test('text is escaped where JSON needs it and kept as it is elsewhere', async () => {
  const text = ['', 'é 漢 😀', '"\\/', '\u0000\u001f\n\t\r\b\f\u007f\u2028'];
  assert.equal(await built(UTF8, text), text.map((value) => JSON.stringify(value)).join(' '));
});

test('long text is written whole', async () => {
  const text = `${'x"'.repeat(400_000)}é`;
  assert.equal(await built(UTF8, [text]), JSON.stringify(text));
});

test('binary is base64, booleans are words', async () => {
  assert.equal(await built({ id: 'binary' }, [Uint8Array.of(0, 255, 1), new Uint8Array(0)]), '"AP8B" ""');
  assert.equal(await built({ id: 'bool' }, [true, false, null]), 'true false null');
});

test('lists, structs and maps are arrays, objects and arrays of pairs', async () => {
  const list = listVector(buildVector(INT64, [1, null, 3]), [2, 2, 3]);
  assert.equal(await cells(list), '[1,null] [] [3]');
  const withNull = listVector(buildVector(INT64, [1]), [1, 1], Uint8Array.of(0b01));
  assert.equal(await cells(withNull), '[1] null');
  const struct: Vector = {
    ...makeVector(
      { id: 'struct', children: [makeField('a', INT64), makeField('a', UTF8)] },
      2,
      Uint8Array.of(0b01),
      1,
      [],
    ),
    children: [buildVector(INT64, [7, 8]), buildVector(UTF8, ['x', 'y'])],
  };
  assert.equal(await cells(struct), '{"a":7,"a_1":"x"} null');
  const entryType: DataType = { id: 'struct', children: [makeField('key', UTF8), makeField('value', INT64)] };
  const entries: Vector = {
    ...makeVector(entryType, 2, undefined, 0, []),
    children: [buildVector(UTF8, ['k', 'l']), buildVector(INT64, [1, null])],
  };
  const offsets = new Uint8Array(Int32Array.of(0, 2, 2).buffer);
  const mapType: DataType = { id: 'map', child: makeField('entries', entryType), keysSorted: false };
  const map: Vector = { ...makeVector(mapType, 2, undefined, 0, [offsets]), children: [entries] };
  assert.equal(await cells(map), '[["k",1],["l",null]] []');
});

test('dictionary and run-end columns show their values', async () => {
  const index: DataType = { id: 'int', bitWidth: 8, signed: true };
  const type: DataType = { id: 'dictionary', index, value: UTF8, ordered: false, dictionaryId: 0n };
  const dictionary: Vector = {
    ...makeVector(type, 4, Uint8Array.of(0b1011), 1, [Uint8Array.of(1, 0, 0, 2)]),
    dictionary: buildVector(UTF8, ['a', 'b', null]),
  };
  assert.equal(await cells(dictionary), '"b" "a" null null');
  const runType: DataType = {
    id: 'run_end',
    runEnds: makeField('run_ends', INT32, false),
    values: makeField('values', UTF8),
  };
  const runs: Vector = {
    type: runType,
    length: 5,
    nullCount: 0,
    buffers: [],
    children: [buildVector(INT32, [2, 3, 5]), buildVector(UTF8, ['a', null, 'c'])],
    dictionary: undefined,
  };
  assert.equal(await cells(runs), '"a" "a" null "c" "c"');
});

test('unions show the value that they hold', async () => {
  const children = [buildVector(INT64, [1, 2]), buildVector(UTF8, ['x'])];
  const fields = [makeField('i', INT64), makeField('s', UTF8)];
  const type: DataType = { id: 'union', mode: 'dense', typeIds: [5, 7], children: fields };
  const union: Vector = {
    type,
    length: 3,
    nullCount: 0,
    buffers: [Uint8Array.of(5, 7, 5), new Uint8Array(Int32Array.of(0, 0, 1).buffer)],
    children,
    dictionary: undefined,
  };
  assert.equal(await cells(union), '1 "x" 2');
});

test('repeated column names are told apart in NDJSON', async () => {
  const one = buildVector(INT64, [1]);
  const fields = ['a', 'a', 'a_1', 'a'].map((name) => makeField(name, INT64));
  const batch: RecordBatch = { schema: makeSchema(fields), rowCount: 1, columns: [one, one, one, one] };
  const text = await textFrom(writeNdjson(batch.schema, streamOfBatch(batch)));
  assert.equal(text, '{"a":1,"a_2":1,"a_1":1,"a_3":1}\n');
});

test('a large result comes in pieces of bounded size', async () => {
  const column = buildVector(
    INT64,
    Array.from({ length: 60_000 }, (_, i) => i * 1_000_003),
  );
  const batch = batchOf({ a: column, b: column });
  const sizes: number[] = [];
  let text = '';
  for await (const piece of writeJson(batch.schema, streamOf([batch, batch]), { elapsedUs: () => 0 })) {
    sizes.push(piece.byteLength);
    text += piece.toString();
  }
  assert.ok(sizes.length > 4, `${sizes.length.toString()} pieces`);
  assert.ok(Math.max(...sizes) < 320 * 1024, `largest piece ${Math.max(...sizes).toString()} bytes`);
  const whole = JSON.parse(text) as { data: number[][]; rows: number };
  assert.equal(whole.rows, 120_000);
  assert.deepEqual(whole.data[119_999], [59_999 * 1_000_003, 59_999 * 1_000_003]);
});
