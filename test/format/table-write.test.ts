/** Tables for people: alignment, types, truncation, the footer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { writeTable } from '../../src/format/table-write.ts';
import { streamOf } from './streams.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const UTF8: DataType = { id: 'utf8' };
const SCHEMA = makeSchema([makeField('id', INT64), makeField('name', UTF8), makeField('ok', { id: 'bool' })]);

test('numbers stand to the right, text to the left, null is empty, wide characters count twice', async () => {
  const columns = [
    buildVector(INT64, [1, 9007199254740993n, null]),
    buildVector(UTF8, ['漢字', '', 'a\nb']),
    buildVector({ id: 'bool' }, [true, null, false]),
  ];
  assert.equal(
    await writeTable(SCHEMA, streamOf([{ schema: SCHEMA, rowCount: 3, columns }])),
    [
      '              id  name    ok',
      '           int64  string  bool',
      '----------------  ------  -----',
      '               1  漢字    true',
      '9007199254740993  ""',
      '                  a\\nb    false',
      '(3 rows)',
      '',
    ].join('\n'),
  );
});

test('long cells and rows beyond the bound are cut, and the footer says so', async () => {
  const schema = makeSchema([makeField('s', UTF8)]);
  const batch = { schema, rowCount: 2, columns: [buildVector(UTF8, ['x'.repeat(100), 'y'])] };
  assert.equal(
    await writeTable(schema, streamOf([batch, batch]), { rowsMax: 3, cellWidthMax: 8 }),
    ['s', 'string', '--------', 'xxxxxxx…', 'y', 'xxxxxxx…', '(4 rows, the first 3 shown)', ''].join('\n'),
  );
});

test('an empty result shows its columns', async () => {
  const schema = makeSchema([makeField('s', UTF8)]);
  assert.equal(await writeTable(schema, streamOf([])), 's\nstring\n------\n(0 rows)\n');
  const one = { schema, rowCount: 1, columns: [buildVector(UTF8, ['x'])] };
  assert.equal(await writeTable(schema, streamOf([one])), 's\nstring\n------\nx\n(1 row)\n');
});

test('a text of several lines in the only row is shown whole, line by line', async () => {
  const columns = [
    buildVector(INT64, [1]),
    buildVector(UTF8, ['Filter x\n  Scan a table with a name that is longer than a cell may be\u0007']),
    buildVector({ id: 'bool' }, [true]),
  ];
  assert.equal(
    await writeTable(SCHEMA, streamOf([{ schema: SCHEMA, rowCount: 1, columns }]), { cellWidthMax: 8 }),
    [
      '   id  name                                                                ok',
      'int64  string                                                              bool',
      '-----  ------------------------------------------------------------------  ----',
      '    1  Filter x                                                            true',
      '         Scan a table with a name that is longer than a cell may be\\u0007',
      '(1 row)',
      '',
    ].join('\n'),
  );
});
