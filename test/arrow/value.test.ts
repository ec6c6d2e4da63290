/** Goal: values come out exact, for every type; and what builders take comes out the same. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildVector, makeBuilder } from '../../src/arrow/build.ts';
import { fromArrowTable, toArrowTable } from '../../src/arrow/interop.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { decimalText, halfToNumber, makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { makeVector, typedView } from '../../src/arrow/vector.ts';
import { asyncOf, bytesOf } from '../support/ipc.ts';
import { refusal } from '../support/refusal.ts';

const int = (bitWidth: 8 | 16 | 32 | 64, signed = true): DataType => ({ id: 'int', bitWidth, signed });
const UTF8: DataType = { id: 'utf8' };

function valuesOf(vector: Vector): Value[] {
  const read = makeReader(vector);
  return Array.from({ length: vector.length }, (_, row) => read(row));
}

describe('builders and readers agree', () => {
  const cases: readonly (readonly [name: string, type: DataType, values: readonly Value[]])[] = [
    ['bool', { id: 'bool' }, [true, null, false, true, true, true, true, true, true, null]],
    ['int8', int(8), [-128, 127, null, 0]],
    ['uint8', int(8, false), [0, 255, null]],
    ['int16', int(16), [-32_768, null, 32_767]],
    ['uint16', int(16, false), [65_535, null]],
    ['int32', int(32), [null, -2_147_483_648, 2_147_483_647]],
    ['uint32', int(32, false), [4_294_967_295, null]],
    ['int64', int(64), [-(2n ** 63n), 2n ** 63n - 1n, null, -1n]],
    ['uint64', int(64, false), [0n, 2n ** 64n - 1n, null]],
    ['float', { id: 'float', bitWidth: 32 }, [0.5, null, -Infinity]],
    ['double', { id: 'float', bitWidth: 64 }, [0.1, NaN, null, -0]],
    ['date32', { id: 'date', unit: 'day' }, [-719_162, null, 20_000]],
    ['date64', { id: 'date', unit: 'millisecond' }, [86_400_000n, null]],
    ['time32', { id: 'time', unit: 'second', bitWidth: 32 }, [86_399, null]],
    ['time64', { id: 'time', unit: 'nanosecond', bitWidth: 64 }, [86_399_999_999_999n, null]],
    ['timestamp', { id: 'timestamp', unit: 'nanosecond', timezone: 'UTC' }, [-1n, null, 2n ** 62n]],
    ['duration', { id: 'duration', unit: 'second' }, [5n, null]],
    [
      'decimal128',
      { id: 'decimal', bitWidth: 128, precision: 38, scale: 3 },
      ['-12345678901234567890123456789012345.678', null, '0.000'],
    ],
    ['decimal256', { id: 'decimal', bitWidth: 256, precision: 76, scale: 0 }, [`-${'9'.repeat(76)}`, null]],
    ['utf8', UTF8, ['', 'ü😀', null, 'plain']],
    ['binary', { id: 'binary' }, [Uint8Array.of(), Uint8Array.of(0, 255), null]],
  ];
  for (const [name, type, values] of cases) {
    test(name, () => {
      assert.deepEqual(valuesOf(buildVector(type, values)), values);
      assert.equal(buildVector(type, values).nullCount, values.filter((value) => value === null).length);
    });
  }

  test('many values, nulls late and early, and a builder used again', () => {
    const builder = makeBuilder(UTF8);
    for (const first of [0, 5_000]) {
      const values = Array.from({ length: 10_000 }, (_, i) =>
        i >= first && i % 3 === 0 ? null : `v${i.toString()}`,
      );
      for (const value of values) builder.append(value);
      assert.equal(builder.length, 10_000);
      assert.ok(builder.byteCount > 40_000);
      assert.deepEqual(valuesOf(builder.finish()), values);
    }
    assert.equal(builder.length, 0);
  });

  test('64-bit columns take safe integers, decimals take unscaled bigints and short text', () => {
    assert.deepEqual(valuesOf(buildVector(int(64), [-1, 2 ** 53 - 1])), [-1n, 2n ** 53n - 1n]);
    const decimal: DataType = { id: 'decimal', bitWidth: 32, precision: 5, scale: 2 };
    assert.deepEqual(valuesOf(buildVector(decimal, [125n, '-1', '.5', '7.', '+3.100'])), [
      '1.25',
      '-1.00',
      '0.50',
      '7.00',
      '3.10',
    ]);
  });

  const refused: readonly (readonly [type: DataType, value: Value, message: string])[] = [
    [int(8), 128, '128 is not a value of type int8'],
    [int(8, false), -1, '-1 is not a value of type uint8'],
    [int(32), 1.5, '1.5 is not a value of type int32'],
    [int(64), 2 ** 53, '9007199254740992 is not a value of type int64'],
    [int(64), 2n ** 63n, '9223372036854775808 is not a value of type int64'],
    [int(64, false), -1n, '-1 is not a value of type uint64'],
    [{ id: 'bool' }, 1, '1 is not a value of type bool'],
    [UTF8, 1, '1 is not a value of type string'],
    [{ id: 'binary' }, 'a', 'a is not a value of type binary'],
    [{ id: 'decimal', bitWidth: 32, precision: 3, scale: 2 }, '10', '10 is not a value of type decimal32(3, 2)'],
    [
      { id: 'decimal', bitWidth: 32, precision: 3, scale: 2 },
      '1.234',
      '1.234 is not a value of type decimal32(3, 2)',
    ],
    [{ id: 'decimal', bitWidth: 32, precision: 3, scale: 2 }, 'x', 'x is not a value of type decimal32(3, 2)'],
  ];
  for (const [type, value, message] of refused) {
    test(`refused: ${message}`, () => {
      assert.throws(() => buildVector(type, [value]), refusal('value_error', message));
    });
  }

  test('types that are not flat cannot be built', () => {
    assert.throws(
      () => makeBuilder({ id: 'list', child: makeField('item', UTF8) }),
      refusal('unimplemented', 'values of type list<item: string> cannot be built'),
    );
  });
});

describe('readers', () => {
  test('half floats: zeros, the least, one third, the largest, infinities, not a number', () => {
    assert.deepEqual([0, 0x8000, 1, 0x3555, 0x7bff, 0x7c00, 0xfc00, 0x7e00].map(halfToNumber), [
      0,
      -0,
      2 ** -24,
      0.333251953125,
      65_504,
      Infinity,
      -Infinity,
      NaN,
    ]);
  });

  test('decimals with negative scale end in zeros', () => {
    assert.deepEqual([decimalText(-12n, -2), decimalText(0n, -2), decimalText(5n, 0)], ['-1200', '0', '5']);
  });

  test('nested values are arrays and pairs', () => {
    const a = buildVector(int(32), [1, 2, null]);
    const b = buildVector(UTF8, ['x', 'y', 'z']);
    const children = [makeField('a', a.type), makeField('a', b.type)];
    const type: DataType = { id: 'struct', children };
    const base = { nullCount: 0, dictionary: undefined };
    const struct: Vector = { ...base, type, length: 3, buffers: [Uint8Array.of()], children: [a, b] };
    assert.deepEqual(makeReader(struct)(1), [
      ['a', 2],
      ['a', 'y'],
    ]);
    const list: Vector = {
      ...base,
      type: { id: 'map', keysSorted: false, child: makeField('entries', type) },
      length: 2,
      buffers: [Uint8Array.of(), bytesOf(Int32Array.of(0, 0, 3))],
      children: [struct],
    };
    assert.deepEqual(valuesOf(list), [
      [],
      [
        [1, 'x'],
        [2, 'y'],
        [null, 'z'],
      ],
    ]);
  });

  test('intervals keep their parts', () => {
    const months = makeVector({ id: 'interval', unit: 'year_month' }, 1, undefined, 0, [bytesOf(Int32Array.of(-14))]);
    const days = makeVector({ id: 'interval', unit: 'day_time' }, 1, undefined, 0, [bytesOf(Int32Array.of(3, -5))]);
    assert.deepEqual([makeReader(months)(0), makeReader(days)(0)], [{ months: -14 }, { days: 3, milliseconds: -5 }]);
  });

  test('memory at any address is read, that of a Node Buffer too', () => {
    const buffer = Buffer.alloc(17);
    buffer.writeBigInt64LE(77n, 1);
    const moved = buffer.subarray(1, 9);
    assert.deepEqual([...typedView(BigInt64Array, moved, 1)], [77n]);
    assert.equal(makeReader(makeVector(int(64), 1, undefined, 0, [moved]))(0), 77n);
  });
});

describe('apache-arrow tables', () => {
  const schema = makeSchema([makeField('n', int(64)), makeField('s', UTF8)], [['k', 'v']]);
  const batch = { schema, rowCount: 2, columns: [buildVector(int(64), [1n, null]), buildVector(UTF8, ['a', 'ü'])] };

  test('come from our batches and go back', async () => {
    const table = await toArrowTable(schema, asyncOf([batch, batch]));
    assert.equal(table.numRows, 4);
    assert.equal(table.getChild('s')?.get(3), 'ü');
    const back = await fromArrowTable(table);
    assert.deepEqual(back.schema, schema);
    assert.deepEqual(
      back.batches.flatMap((each) => valuesOf(each.columns[0] ?? batch.columns[0]!)),
      [1n, null, 1n, null],
    );
  });

  test('a type that apache-arrow lacks is told', async () => {
    const runs: DataType = { id: 'run_end', runEnds: makeField('e', int(32), false), values: makeField('v', UTF8) };
    await assert.rejects(
      toArrowTable(makeSchema([makeField('r', runs)]), asyncOf([])),
      (error: unknown) => error instanceof Error && error.message.startsWith('apache-arrow cannot hold this table: '),
    );
  });
});
