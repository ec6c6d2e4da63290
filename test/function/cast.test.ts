/**
 * Casts: text and back for every flat type, calendars, halves, and what is refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import { halvesFromNumbers, numbersFromHalves } from '../../src/function/half.ts';
import { floatText, parseFloatText } from '../../src/function/number-text.ts';
import { castKernel } from '../../src/function/registry.ts';
import { dateOfDays, daysOfDate } from '../../src/function/date-calendar.ts';
import { dateText, parseTimestamp, timestampText } from '../../src/function/time-text.ts';
import { makeRandom } from '../support/random.ts';
import { refusal } from '../support/refusal.ts';
import { typeOfName } from '../support/slt.ts';

const UTF8: DataType = { id: 'utf8' };

function cast(from: DataType, to: DataType, values: readonly Value[], attempt = false): Value[] {
  const vector = castKernel(from, to, attempt)([buildVector(from, values)], values.length, to);
  return Array.from({ length: values.length }, (_, i) => makeReader(vector)(i));
}

const EDGES: Readonly<{ [name: string]: readonly Value[] }> = {
  int8: [-128, 127, 0, null],
  uint64: [0n, 2n ** 64n - 1n, null],
  int64: [-(2n ** 63n), 2n ** 63n - 1n, 0n, null],
  double: [0, -0, 0.1, 1e308, 5e-324, -1.5, 123456.789, 1e21, 1e-7, Infinity, -Infinity, NaN, null],
  float: [Math.fround(0.1), Math.fround(3.4e38), 2 ** -149, 16777216, null],
  bool: [true, false, null],
  'decimal(12, 3)': ['999999999.999', '-0.001', '0.000', null],
  date: [0, -1, 19_000, -719_162, 2_932_896, -800_000, null],
  time: [0n, 86_399_999_999n, 1n, null],
  'timestamp[s]': [0n, -1n, 253_402_300_799n, null],
  'timestamp[ns]': [2n ** 63n - 1n, -(2n ** 63n), 1n, -1n, null],
  'timestamp[us, tz=UTC]': [1_700_000_000_123_456n, -62_135_596_800_000_000n, null],
};

for (const [name, values] of Object.entries(EDGES)) {
  test(`${name} printed and read again is the same`, () => {
    const type = typeOfName(name);
    const texts = cast(type, UTF8, values);
    assert.deepEqual(cast(UTF8, type, texts), values, JSON.stringify(texts));
  });
}

test('floats print in their shortest form', () => {
  const wanted: readonly (readonly [number, string])[] = [
    [1, '1.0'],
    [0.1, '0.1'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [1.2345678901234568e17, '1.2345678901234568e+17'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1.5e-10, '1.5e-10'],
    [-0, '-0.0'],
    [1e300, '1e+300'],
    [123.456, '123.456'],
  ];
  for (const [value, text] of wanted) assert.equal(floatText(value, 64), text);
  assert.equal(floatText(Math.fround(0.1), 32), '0.1');
  const random = makeRandom(3);
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < 2_000; i++) {
    view.setUint32(0, Math.floor(random() * 2 ** 32));
    view.setUint32(4, Math.floor(random() * 2 ** 32));
    const double = view.getFloat64(0);
    assert.equal(parseFloatText(floatText(double, 64)), double);
    const single = view.getFloat32(0);
    assert.equal(Math.fround(parseFloatText(floatText(single, 32)) ?? 0), single);
  }
});

test('every half float survives the way to a number and back', () => {
  const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  const back = halvesFromNumbers(numbersFromHalves(halves));
  for (let i = 0; i < 65_536; i++) {
    const isNaNHalf = (i & 0x7c00) === 0x7c00 && (i & 0x3ff) !== 0;
    if (!isNaNHalf) assert.equal(back[i], i);
  }
  assert.deepEqual(
    [...halvesFromNumbers(Float64Array.of(65_519, 65_520, 2049, 2051, 1e-8))],
    [0x7bff, 0x7c00, 0x6800, 0x6802, 0],
  );
});

test('days and dates agree with the platform over ten thousand years', () => {
  for (let days = -719_162; days < 2_932_897; days += 97) {
    const date = new Date(days * 86_400_000);
    const wanted = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
    assert.deepEqual(dateOfDays(days), wanted);
    assert.equal(daysOfDate(wanted.year, wanted.month, wanted.day), days);
  }
  assert.equal(dateText(-719_163), '0001-12-31 (BC)');
});

test('timestamps take offsets when zoned, and drop them when naive', () => {
  assert.equal(
    parseTimestamp('2024-01-01 02:00:00+02', 'second', true),
    parseTimestamp('2024-01-01', 'second', true),
  );
  assert.equal(parseTimestamp('2024-01-01 24:00', 'second', true), parseTimestamp('2024-01-02', 'second', true));
  assert.equal(parseTimestamp('2024-01-01T00:00:00Z', 'second', false), 1_704_067_200n);
  assert.equal(parseTimestamp('2024-01-01 00:00:00-05:30', 'second', true), 1_704_087_000n);
  assert.equal(timestampText(-1n, 'microsecond', true), '1969-12-31 23:59:59.999999+00');
  for (const wrong of [
    '2024-13-01',
    '2024-02-30',
    '2024-01-01 24:01',
    '2024-01-01x',
    '',
    'now',
    '2024-01-01 00:00:00+160',
  ]) {
    assert.equal(parseTimestamp(wrong, 'second', true), undefined, wrong);
  }
});

test('floats round half to even, decimals and text half away from zero', () => {
  const int32 = typeOfName('int32');
  assert.deepEqual(cast(typeOfName('double'), int32, [0.5, 1.5, 2.5, -0.5, -1.5, 2.4]), [0, 2, 2, 0, -2, 2]);
  assert.deepEqual(
    cast(typeOfName('decimal(12, 3)'), int32, ['0.5', '1.5', '2.5', '-0.5', '-2.5']),
    [1, 2, 3, -1, -3],
  );
  assert.deepEqual(cast(UTF8, int32, ['2.5', '-2.5', '1e3', ' 7 ', '+5']), [3, -3, 1000, 7, 5]);
});

const REFUSED: readonly (readonly [string, string, Value, string])[] = [
  ['int32', 'int8', 300, 'cannot cast 300 from int32 to int8'],
  ['int64', 'int32', 2n ** 31n, 'cannot cast 2147483648 from int64 to int32'],
  ['int64', 'uint64', -1n, 'cannot cast -1 from int64 to uint64'],
  ['uint64', 'int64', 2n ** 63n, 'cannot cast 9223372036854775808 from uint64 to int64'],
  ['double', 'int64', 2 ** 63, 'cannot cast 9.223372036854776e+18 from double to int64'],
  ['double', 'int32', NaN, 'cannot cast nan from double to int32'],
  ['double', 'float', 1e39, 'cannot cast 1e+39 from double to float'],
  ['double', 'decimal(4, 1)', 1000, 'cannot cast 1000.0 from double to decimal128(4, 1)'],
  ['string', 'int32', '12a', "cannot cast '12a' from string to int32"],
  ['string', 'double', '', "cannot cast '' from string to double"],
  ['string', 'bool', 'maybe', "cannot cast 'maybe' from string to bool"],
  ['string', 'date', '2023-02-29', "cannot cast '2023-02-29' from string to date32[day]"],
  ['timestamp[s]', 'timestamp[ns]', 2n ** 40n, 'cannot cast 36812-02-20 00:36:16 from timestamp[s] to timestamp[ns]'],
];

for (const [from, to, value, message] of REFUSED) {
  test(`CAST refuses, TRY_CAST makes null: ${message}`, () => {
    const [source, target] = [typeOfName(from), typeOfName(to)];
    assert.throws(
      () => cast(source, target, [null, value]),
      refusal('value_error', `${message}; TRY_CAST gives NULL for such values`),
    );
    assert.deepEqual(cast(source, target, [null, value], true), [null, null]);
  });
}

test('binary prints with escapes and reads them back', () => {
  const binary = typeOfName('binary');
  assert.deepEqual(cast(binary, UTF8, [Uint8Array.of(97, 0, 92, 255)]), ['a\\x00\\x5C\\xFF']);
  assert.deepEqual(cast(UTF8, binary, ['a\\x00\\x5C\\xFF']), [Uint8Array.of(97, 0, 92, 255)]);
  assert.deepEqual(cast(UTF8, binary, ['ä'], true), [null]);
});

test('a message shows a long value cut short', () => {
  const long = 'x'.repeat(500);
  const shown = `'${'x'.repeat(57)}...'`;
  const message = `cannot cast ${shown} from string to int64; TRY_CAST gives NULL for such values`;
  assert.throws(() => cast(UTF8, typeOfName('int64'), [long]), refusal('value_error', message));
});
