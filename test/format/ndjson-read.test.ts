/**
 * NDJSON in: types guessed and told, exact numbers, nested values as text, errors with line and column.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { typeName } from '../../src/arrow/type.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { readNdjson } from '../../src/format/ndjson-read.ts';
import type { NdjsonReadOptions } from '../../src/format/ndjson-read.ts';
import { writeNdjson } from '../../src/format/ndjson-write.ts';
import { refusal } from '../support/refusal.ts';
import { bytesOf, listFrom, streamOf, textFrom } from './streams.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const UTF8: DataType = { id: 'utf8' };

async function read(text: string, options: NdjsonReadOptions = {}, size = 65_536) {
  const input = await readNdjson(bytesOf(text, size), options);
  const batches = await listFrom(input.batches);
  const rows = batches.flatMap((batch) => {
    const readers = batch.columns.map((column) => makeReader(column));
    return Array.from({ length: batch.rowCount }, (_, row) => readers.map((reader) => reader(row)));
  });
  const columns = input.schema.fields.map((field) => `${field.name}: ${typeName(field.type)}`).join(', ');
  return { columns, rows, schema: input.schema, batches };
}

test('types are guessed from the values, and names may come in any order or be missing', async () => {
  const text =
    '{"i":9007199254740993,"d":1,"b":true,"s":"x","t":"2024-02-29T13:45:00Z","day":"2024-02-29","zip":"007"}\n' +
    '\r\n' +
    ' { "d" : 2.5 , "i":-1, "zip" : "12" , "n":null }\r\n' +
    '{"s":"a\\u00e9\\n\\ud83d\\ude00"}';
  const { columns, rows } = await read(text);
  assert.equal(
    columns,
    'i: int64, d: double, b: bool, s: string, t: timestamp[us, tz=UTC], day: date32[day], zip: string, n: string',
  );
  assert.deepEqual(rows, [
    [9007199254740993n, 1, true, 'x', 1709214300000000n, 19782, '007', null],
    [-1n, 2.5, null, null, null, null, '12', null],
    [null, null, null, 'aé\n😀', null, null, null, null],
  ]);
});

test('numbers keep every digit: uint64, and text where no type is exact', async () => {
  const { columns, rows } = await read('{"u":18446744073709551615,"x":123456789012345678901}\n{"u":0,"x":0.5}\n');
  assert.equal(columns, 'u: uint64, x: string');
  assert.deepEqual(rows, [
    [18446744073709551615n, '123456789012345678901'],
    [0n, '0.5'],
  ]);
});

test('nested values are kept as their JSON text, mixed kinds become text', async () => {
  const { columns, rows } = await read('{"a":{"b":[1, "x}"]},"m":1}\n{"a":[],"m":"x"}\n{"a":null,"m":false}\n');
  assert.equal(columns, 'a: string, m: string');
  assert.deepEqual(rows, [
    ['{"b":[1, "x}"]}', '1'],
    ['[]', 'x'],
    [null, 'false'],
  ]);
});

test('a table gives types and columns; quoted numbers and decimals are read too', async () => {
  const schema = makeSchema([
    makeField('Id', INT64),
    makeField('price', { id: 'decimal', bitWidth: 64, precision: 10, scale: 2 }),
    makeField('note', UTF8),
  ]);
  const { columns, rows } = await read('{"id":"9007199254740993","price":"1.50"}\n{"price":2}\n', { schema });
  assert.equal(columns, 'Id: int64, price: decimal64(10, 2), note: string');
  assert.equal(rows.length, 2);
  assert.equal(rows[0]?.[0], 9007199254740993n);
  assert.equal(rows[1]?.[2], null);
});

test('the answer does not depend on where the pieces end', async () => {
  const text = '\ufeff{"a":1,"b":"é\\"x"}\n{"b":"漢","a":[1,{"c":"}"}]}\n{"a":null}\n';
  const whole = await read(text);
  for (let size = 1; size <= 12; size++)
    assert.deepEqual((await read(text, {}, size)).rows, whole.rows, `size ${size.toString()}`);
  assert.equal(whole.rows.length, 3);
});

test('errors name the line and what was expected', async () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{"a":1}\n[1]\n', 'line 2, byte 1: the JSON is not valid, expected an object, {"name": value, …}'],
    ['{"a" 1}\n', 'line 1, byte 6: the JSON is not valid, expected ":"'],
    ['{"a":1,}\n', 'line 1, byte 8: the JSON is not valid, expected a name in quotes'],
    ['{"a":1} x\n', 'line 1, byte 9: the JSON is not valid, expected one object on a line'],
    ['{"a":01}\n', 'line 1, byte 6: the JSON is not valid, expected a number as JSON writes it'],
    ['{"a":nul}\n', 'line 1, byte 6: the JSON is not valid, expected a value'],
    ['{"a":"x\n', 'line 1, byte 8: the JSON is not valid, expected a closing quote'],
    ['{"a":"x\ty"}\n', 'line 1, byte 8: the JSON is not valid, expected an escape instead of a control character'],
    ['{"a":[1,]}\n', 'line 1, byte 6: the JSON is not valid, expected a valid nested value'],
    ['{"a":[1\n', 'line 1, byte 6: the JSON is not valid, expected the end of a nested value'],
    ['{"a":1,"a":2}\n', 'line 1: column "a" stands twice in the line'],
    ['{"a":"\\x"}\n', 'line 1: column "a" has an escape that JSON does not know'],
    ['{"a":"\\ud800"}\n', 'line 1: column "a" holds half of a surrogate pair, which is no text'],
    ['', 'the NDJSON input is empty'],
    ['\n\n', 'the NDJSON input names no column'],
  ];
  for (const [text, message] of cases) await assert.rejects(read(text), refusal('request_invalid', message), text);
});

test('a value that does not fit the guessed type, and a name that came too late, are errors', async () => {
  const many = '{"price":1}\n'.repeat(120_000);
  await assert.rejects(
    read(`${many}{"price":"much"}\n`),
    refusal(
      'request_invalid',
      'line 120001: column "price": "much" is not a value of type int64; ' +
        'if it should be, create the table with another type first',
    ),
  );
  await assert.rejects(
    read(`${many}{"prize":1}\n`),
    refusal('request_invalid', 'line 120001: the name "prize" is no column seen before; did you mean "price"?'),
  );
});

test('objects without members are rows of nulls where the table is known', async () => {
  const schema = makeSchema([makeField('i', INT64)]);
  assert.deepEqual((await read('{}\n{}\n', { schema })).rows, [[null], [null]]);
  await assert.rejects(read('{}\n'), refusal('request_invalid', 'the NDJSON input names no column'));
});

test('what was written is read back', async () => {
  const text = fc.string({ unit: 'binary' }).filter((value) => !/^[+-]?\d{4,}-\d\d-\d\d/.test(value));
  const row = fc.record(
    {
      i: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      d: fc.double({ noNaN: true, noDefaultInfinity: true }),
      s: text,
    },
    { requiredKeys: [] },
  );
  const schema = makeSchema([
    makeField('i', INT64),
    makeField('d', { id: 'float', bitWidth: 64 }),
    makeField('s', UTF8),
  ]);
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1 }), fc.integer({ min: 1, max: 50 }), async (rows, size) => {
      const lines = rows.map((value) => {
        const members = Object.entries(value).map(([name, member]) => {
          const shown =
            typeof member === 'string' ? JSON.stringify(member) : Object.is(member, -0) ? '-0.0' : String(member);
          return `${JSON.stringify(name)}:${shown}`;
        });
        return `{${members.join(',')}}`;
      });
      const expected = rows.map((value) => [value.i ?? null, value.d ?? null, value.s ?? null]);
      const first = await read(lines.join('\n'), { schema }, size);
      assert.deepEqual(first.rows, expected);
      const again = await read(await textFrom(writeNdjson(first.schema, streamOf(first.batches))), { schema }, size);
      assert.deepEqual(again.rows, expected);
    }),
    { numRuns: 200 },
  );
});
