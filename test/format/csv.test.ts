/**
 * CSV both ways: exact text out, types and values in, errors with line and column, and what was written read back.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { typeName } from '../../src/arrow/type.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import { COLUMNS_MAX } from '../../src/base/limits.ts';
import { readCsv } from '../../src/format/csv-read.ts';
import type { CsvReadOptions } from '../../src/format/csv-read.ts';
import { writeCsv } from '../../src/format/csv-write.ts';
import { refusal } from '../support/refusal.ts';
import { bytesOf, listFrom, streamOf, streamOfBatch, textFrom } from './streams.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const DOUBLE: DataType = { id: 'float', bitWidth: 64 };
const UTF8: DataType = { id: 'utf8' };

interface Read {
  readonly types: string;
  readonly names: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  readonly schema: Schema;
  readonly batches: readonly RecordBatch[];
}

async function read(text: string | Uint8Array, options: CsvReadOptions = {}, size = 65_536): Promise<Read> {
  const input = await readCsv(bytesOf(text, size), options);
  const batches = await listFrom(input.batches);
  const rows = batches.flatMap((batch) => {
    const readers = batch.columns.map((column) => makeReader(column));
    return Array.from({ length: batch.rowCount }, (_, row) => readers.map((reader) => reader(row)));
  });
  return {
    types: input.schema.fields.map((field) => typeName(field.type)).join(', '),
    names: input.schema.fields.map((field) => field.name),
    rows,
    schema: input.schema,
    batches,
  };
}

function batchOf(columns: readonly (readonly [string, DataType, readonly Value[]])[]): RecordBatch {
  const fields = columns.map(([name, type]) => makeField(name, type));
  const vectors = columns.map(([, type, values]) => buildVector(type, values));
  return { schema: makeSchema(fields), rowCount: vectors[0]?.length ?? 0, columns: vectors };
}

function written(batch: RecordBatch): Promise<string> {
  return textFrom(writeCsv(batch.schema, streamOfBatch(batch)));
}

test('cells are quoted only where they must be, null is empty and the empty text is ""', async () => {
  const batch = batchOf([
    ['id', INT64, [9007199254740993n, null, -1n, 0n]],
    ['a,b', DOUBLE, [-0, NaN, Infinity, 1.5]],
    ['s', UTF8, ['', null, 'é "x",\r\ny', 'plain']],
    ['t', { id: 'timestamp', unit: 'nanosecond', timezone: 'UTC' }, [1n, null, 0n, -1n]],
  ]);
  assert.equal(
    await written(batch),
    'id,"a,b",s,t\n' +
      '9007199254740993,-0.0,"",1970-01-01T00:00:00.000000001Z\n' +
      ',NaN,,\n' +
      '-1,Infinity,"é ""x"",\r\ny",1970-01-01T00:00:00.000000000Z\n' +
      '0,1.5,plain,1969-12-31T23:59:59.999999999Z\n',
  );
});

test('nested values are quoted JSON, and header and delimiter can be chosen', async () => {
  const child = buildVector(UTF8, ['a', 'b']);
  const offsets = new Uint8Array(Int32Array.of(0, 2, 2).buffer);
  const type: DataType = { id: 'list', child: makeField('item', UTF8) };
  const list = { ...buildVector(INT64, [0, 0]), type, buffers: [new Uint8Array(0), offsets], children: [child] };
  const schema = makeSchema([makeField('l', type), makeField('n', INT64)]);
  const batch: RecordBatch = { schema, rowCount: 2, columns: [list, buildVector(INT64, [1, 2])] };
  const text = await textFrom(writeCsv(schema, streamOfBatch(batch), { header: false, delimiter: ';' }));
  assert.equal(text, '"[""a"",""b""]";1\n[];2\n');
});

test('types are guessed from the cells: integers, floats, booleans, dates, timestamps, text', async () => {
  const text =
    'i,f,b,d,t,z,n,s,zip,big,u\n' +
    '1,1,true,2024-02-29,2024-02-29 13:45:00,2024-01-01T00:00:00+02:00,2024-01-01T00:00:00.123456789,x,007,' +
    '123456789012345678901,18446744073709551615\n' +
    '-9007199254740993,1e-3,FALSE,1969-12-31,2024-02-29T13:45:00.5,2024-01-01T00:00:00Z,2024-01-01,1,12,1,1\n' +
    ',,,,,,,,,,\n';
  const { types, rows } = await read(text);
  assert.equal(
    types,
    'int64, double, bool, date32[day], timestamp[us], timestamp[us, tz=UTC], timestamp[ns], ' +
      'string, string, string, uint64',
  );
  assert.deepEqual(rows[1]?.slice(0, 4), [-9007199254740993n, 0.001, false, -1]);
  assert.deepEqual(rows[0]?.slice(4), [
    1709214300000000n,
    1704060000000000n,
    1704067200123456789n,
    'x',
    '007',
    '123456789012345678901',
    18446744073709551615n,
  ]);
  assert.deepEqual(
    rows[2],
    Array.from({ length: 11 }, () => null),
  );
});

test('integers above 2^53 do not become doubles beside fractions', async () => {
  const { types, rows } = await read('a\n9007199254740993\n1.5\n');
  assert.equal(types, 'string');
  assert.deepEqual(rows, [['9007199254740993'], ['1.5']]);
});

test('quotes, doubled quotes, line ends of all kinds, a byte order mark and blank lines', async () => {
  const text = '\ufeff"a","b ""q"""\r\n"1","x\r\ny"\r\n\r\n2,""\r"3",a"b\n4,\n';
  const { names, rows } = await read(text);
  assert.deepEqual(names, ['a', 'b "q"']);
  assert.deepEqual(rows, [
    [1n, 'x\r\ny'],
    [2n, ''],
    [3n, 'a"b'],
    [4n, null],
  ]);
});

test('the answer does not depend on where the pieces end', async () => {
  const text = '\ufeffid,name\r\n1,"a ""b"", é"\r\n2,"x\ny"\r\n3,\r\n"4",漢\r\n';
  const whole = await read(text);
  for (let size = 1; size <= 12; size++)
    assert.deepEqual((await read(text, {}, size)).rows, whole.rows, `size ${size.toString()}`);
  assert.equal(whole.rows.length, 4);
});

test('delimiters are guessed: tab, semicolon, bar', async () => {
  assert.deepEqual((await read('a\tb\n1\t2,5\n')).names, ['a', 'b']);
  assert.deepEqual((await read('a;b\n1;2,5\n')).rows, [[1n, '2,5']]);
  assert.deepEqual((await read('a|b\n1|2\n')).rows, [[1n, 2n]]);
  assert.deepEqual((await read('a,b;c\n1,2;3\n', { delimiter: ',' })).names, ['a', 'b;c']);
});

test('a first line with numbers is a row, and names are made up', async () => {
  const { names, rows } = await read('1,x\n2,y\n');
  assert.deepEqual(names, ['column1', 'column2']);
  assert.deepEqual(rows, [
    [1n, 'x'],
    [2n, 'y'],
  ]);
  assert.deepEqual((await read('1,x\n2,y\n', { header: true })).names, ['1', 'x']);
  assert.deepEqual((await read('x\ny\n', { header: false })).rows, [['x'], ['y']]);
});

test('a header alone is no rows, empty and repeated names are filled', async () => {
  const { names, types, batches } = await read('a,,a\n');
  assert.deepEqual(names, ['a', 'column2', 'a_1']);
  assert.equal(types, 'string, string, string');
  assert.equal(batches.length, 0);
});

test('in a file of one column an empty line is a null', async () => {
  assert.deepEqual((await read('a\n1\n\n3\n')).rows, [[1n], [null], [3n]]);
});

test('a table gives the types, by name and in any case', async () => {
  const schema = makeSchema([
    makeField('price', { id: 'decimal', bitWidth: 128, precision: 10, scale: 2 }),
    makeField('Id', { id: 'int', bitWidth: 16, signed: false }),
    makeField('raw', { id: 'binary' }),
    makeField('at', { id: 'timestamp', unit: 'millisecond', timezone: 'Europe/Berlin' }),
    makeField('took', { id: 'duration', unit: 'second' }),
    makeField('name', { id: 'utf8_view' }),
    makeField('small', { id: 'float', bitWidth: 32 }),
  ]);
  const text = 'id,price,raw,at,took,name,small\n65535,-1.5,AP8B,2024-02-29T13:45:00.5+01:00,PT1H1S,123,0.1\n';
  const { types, rows } = await read(text, { schema });
  assert.equal(
    types,
    'uint16, decimal128(10, 2), binary, timestamp[ms, tz=Europe/Berlin], duration[s], string, float',
  );
  const [row = []] = rows;
  assert.deepEqual(row[0], 65535);
  assert.deepEqual(row.slice(3), [1709210700500n, 3601n, '123', Math.fround(0.1)]);
  assert.deepEqual(Buffer.from(row[2] as Uint8Array), Buffer.of(0, 255, 1));
});

test('without a header the table gives names by position', async () => {
  const schema = makeSchema([makeField('a', INT64), makeField('b', UTF8)]);
  const { names, rows } = await read('1,2\n', { schema });
  assert.deepEqual(names, ['a', 'b']);
  assert.deepEqual(rows, [[1n, '2']]);
  await assert.rejects(
    read('1,2,3\n', { schema }),
    refusal(
      'schema_mismatch',
      'the CSV input has 3 columns, 2 are to be filled; name the columns that it has, in a first line or in the statement',
    ),
  );
});

test('errors name the line, the column, the value and the type', async () => {
  const many = `a,b\n${'1,x\n'.repeat(300_000)}oops,y\n`;
  await assert.rejects(
    read(many),
    refusal(
      'request_invalid',
      'line 300002, column 1 "a": "oops" is not a value of type int64; ' +
        'if it should be, create the table with another type first',
    ),
  );
  await assert.rejects(read('a,b\n1,"x\ny"\n2\n'), refusal('request_invalid', 'line 4 has 1 cell, the first line 2'));
  await assert.rejects(read('a,b\n1,"x\n'), refusal('request_invalid', 'line 2: a quoted cell is never closed'));
  await assert.rejects(
    read('a,b\n1,"x"y\n'),
    refusal(
      'request_invalid',
      'line 2: text follows the closing quote of cell 2; quotes inside a quoted cell are doubled',
    ),
  );
  await assert.rejects(read(''), refusal('request_invalid', 'the CSV input is empty'));
  await assert.rejects(
    read(Buffer.from('\ufeffa,b\n', 'utf16le')),
    refusal('request_invalid', 'the CSV input is UTF-16; convert it to UTF-8'),
  );
  await assert.rejects(
    read(Buffer.from('a,b\nx,caf\u00e9\n', 'latin1')),
    refusal('request_invalid', 'line 2, column 2 "b": "caf\ufffd" is not valid UTF-8 text'),
  );
});

test('values that a type cannot hold exactly are refused', async () => {
  const cases: readonly (readonly [DataType, string])[] = [
    [{ id: 'int', bitWidth: 8, signed: true }, '128'],
    [INT64, '9223372036854775808'],
    [INT64, '1.0'],
    [{ id: 'int', bitWidth: 64, signed: false }, '-1'],
    [DOUBLE, '1e999'],
    [{ id: 'float', bitWidth: 32 }, '1e39'],
    [{ id: 'decimal', bitWidth: 128, precision: 4, scale: 2 }, '123.4'],
    [{ id: 'decimal', bitWidth: 128, precision: 4, scale: 2 }, '0.001'],
    [{ id: 'date', unit: 'day' }, '2023-02-29'],
    [{ id: 'timestamp', unit: 'millisecond', timezone: undefined }, '2024-01-01T00:00:00.0001'],
    [{ id: 'timestamp', unit: 'nanosecond', timezone: undefined }, '2263-01-01'],
    [{ id: 'timestamp', unit: 'second', timezone: undefined }, '2024-01-01T00:00:00Z'],
    [{ id: 'timestamp', unit: 'second', timezone: 'Europe/Berlin' }, '2024-01-01T00:00:00'],
    [{ id: 'time', unit: 'second', bitWidth: 32 }, '24:00:00'],
    [{ id: 'bool' }, 'yes'],
  ];
  for (const [type, cell] of cases) {
    const message =
      `line 2, column 1 "a": ${JSON.stringify(cell)} is not a value of type ${typeName(type)}; ` +
      'if it should be, create the table with another type first';
    await assert.rejects(
      read(`a\n${cell}\n`, { schema: makeSchema([makeField('a', type)]) }),
      refusal('request_invalid', message),
    );
  }
});

test('a record of more cells than a table may have columns is refused; as many as it may have are read', async () => {
  const message = 'more than 10000 cells, as many as a table has columns at most; is the delimiter right?';
  for (const count of [COLUMNS_MAX, 4_000_000]) {
    await assert.rejects(read(','.repeat(count)), refusal('limit_exceeded', `line 1 has ${message}`));
  }
  await assert.rejects(
    read(`a,b\n1,2\n${'1,'.repeat(COLUMNS_MAX)}1\n`),
    refusal('limit_exceeded', `line 3 has ${message}`),
  );
  const names = Array.from({ length: COLUMNS_MAX }, () => 'x');
  const { schema } = await read(`${names.join()}\n`);
  assert.equal(new Set(schema.fields.map(({ name }) => name)).size, COLUMNS_MAX);
  assert.deepEqual(
    [schema.fields[1]?.name, schema.fields.at(-1)?.name],
    ['x_1', `x_${(COLUMNS_MAX - 1).toString()}`],
  );
});

test('a type that text cannot bring is refused by name', async () => {
  const type: DataType = { id: 'list', child: makeField('item', INT64) };
  await assert.rejects(
    read('a\n1\n', { schema: makeSchema([makeField('a', type)]) }),
    refusal(
      'unimplemented',
      'column "a" is list<item: int64>, which text input cannot bring; send it as Arrow (/insert/arrow)',
    ),
  );
});

test('an input of many batches is read in order, with memory bounded by a batch', async () => {
  const rows = 200_000;
  async function* lines(): AsyncGenerator<Uint8Array> {
    await Promise.resolve();
    yield Buffer.from('id,text\n');
    for (let i = 0; i < rows; i += 100) {
      let text = '';
      for (let j = i; j < i + 100; j++) text += `${j.toString()},row ${j.toString()}\n`;
      yield Buffer.from(text);
    }
  }
  const input = await readCsv(lines());
  let next = 0;
  for await (const batch of input.batches) {
    assert.ok(batch.rowCount <= 65_536);
    const [id, text] = batch.columns.map((column) => makeReader(column));
    for (let row = 0; row < batch.rowCount; row += 977) {
      assert.equal(id?.(row), BigInt(next + row));
      assert.equal(text?.(row), `row ${(next + row).toString()}`);
    }
    next += batch.rowCount;
  }
  assert.equal(next, rows);
});

test('any text survives being written and read, whatever the pieces', async () => {
  const cell = fc.option(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[",\r\na ]{0,6}$/)), {
    nil: null,
  });
  const table = fc
    .integer({ min: 1, max: 4 })
    .chain((columns) => fc.array(fc.array(cell, { minLength: columns, maxLength: columns })));
  await fc.assert(
    fc.asyncProperty(table, fc.integer({ min: 1, max: 40 }), async (rows, size) => {
      const width = rows[0]?.length ?? 1;
      const names = Array.from({ length: width }, (_, i) => `c${i.toString()}`);
      const columns = names.map((name, i) => [name, UTF8, rows.map((row) => row[i] ?? null)] as const);
      const batch = batchOf(columns);
      const back = await read(await written(batch), { schema: batch.schema, header: true }, size);
      assert.deepEqual(back.rows, rows);
    }),
    { numRuns: 300 },
  );
});

test('any double and any int64 survive being written and read', async () => {
  const double = fc.double({ noDefaultInfinity: false });
  const row = fc.tuple(double, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.float());
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 50 }), async (rows) => {
      const float: DataType = { id: 'float', bitWidth: 32 };
      const batch = batchOf([
        ['d', DOUBLE, rows.map((values) => values[0])],
        ['i', INT64, rows.map((values) => values[1])],
        ['f', float, rows.map((values) => values[2])],
      ]);
      const back = await read(await written(batch), { schema: batch.schema });
      assert.deepEqual(back.rows, rows);
    }),
    { numRuns: 300 },
  );
});

test('a reader that fails tells its source to stop', async () => {
  let closed = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      await Promise.resolve();
      yield Buffer.from('a,b\n1,"x"y\n');
    } finally {
      closed = true;
    }
  }
  const input = await readCsv(source(), { header: true, schema: makeSchema([]) }).catch(() => undefined);
  if (input !== undefined) await assert.rejects(listFrom(input.batches));
  assert.equal(closed, true);
  assert.deepEqual(await listFrom(streamOf([])), []);
});
