/**
 * Accumulators against plain JavaScript, over several batches, with and without groups, and at the edges of exact
 * sums.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeVector } from '../../src/arrow/vector.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import { makeAccumulator } from '../../src/exec/accumulator.ts';
import { makeRandom } from '../support/random.ts';
import { refusal } from '../support/refusal.ts';
import { typeOfName, vectorOfTexts } from '../support/slt.ts';

const INT64 = typeOfName('int64');

function ungrouped(name: string, type: DataType, batches: readonly (readonly Value[])[]): Value {
  const accumulator = makeAccumulator(name, [type]);
  for (const values of batches) {
    accumulator.update([buildVector(type, values)], new Uint32Array(values.length), values.length, 1);
  }
  return makeReader(accumulator.finish(1))(0);
}

test('a sum may leave int64 on the way and come back', () => {
  const top = 2n ** 63n - 1n;
  assert.equal(
    ungrouped('sum', INT64, [
      [top, top, top],
      [-top, -top],
    ]),
    top,
  );
});

test('a sum that ends outside of its type is refused with its value', () => {
  assert.throws(
    () => ungrouped('sum', INT64, [[2n ** 63n - 1n], [1n]]),
    refusal('value_error', 'overflow in sum: 9223372036854775808 is outside int64; sum doubles or decimals'),
  );
  assert.throws(
    () => ungrouped('sum', typeOfName('uint64'), [[2n ** 64n - 1n, 1n]]),
    refusal('value_error', 'overflow in sum: 18446744073709551616 is outside uint64; sum doubles or decimals'),
  );
});

test('sums of millions of extreme values are exact', () => {
  const rows = 1 << 16;
  const accumulators = ['int64', 'uint64', 'int32', 'uint32'].map((name) => {
    return { name, accumulator: makeAccumulator('avg', [typeOfName(name)]) };
  });
  const extremes: Readonly<{ [name: string]: readonly [Int32Array, number] }> = {
    int64: [Int32Array.from({ length: rows * 2 }, (_, i) => (i % 2 === 0 ? 0 : -0x80000000)), -(2 ** 63)],
    uint64: [new Int32Array(rows * 2).fill(-1), 2 ** 64],
    int32: [new Int32Array(rows).fill(-0x80000000), -(2 ** 31)],
    uint32: [new Int32Array(rows).fill(-1), 2 ** 32 - 1],
  };
  for (const { name, accumulator } of accumulators) {
    const [words, mean] = extremes[name] as readonly [Int32Array, number];
    const vector = makeVector(typeOfName(name), rows, undefined, 0, [new Uint8Array(words.buffer)]);
    for (let batch = 0; batch < 80; batch++) accumulator.update([vector], new Uint32Array(rows), rows, 1);
    assert.equal(makeReader(accumulator.finish(1))(0), mean, name);
  }
});

test('the mean of int64 is that of the exact sum', () => {
  assert.equal(ungrouped('avg', INT64, [[2n ** 53n + 1n, 1n]]), (2 ** 53 + 2) / 2);
});

test('decimals are summed exactly beyond 2^53, and refused beyond their digits', () => {
  const type = typeOfName('decimal(38, 2)');
  assert.equal(
    ungrouped('sum', type, [
      ['12345678901234567890.12', '0.01'],
      [null, '-0.03'],
    ]),
    '12345678901234567890.10',
  );
  const nines = '9'.repeat(36) + '.99';
  assert.throws(
    () => ungrouped('sum', type, [[nines, nines]]),
    refusal('value_error', 'overflow in sum of decimal128(38, 2); cast the operand to double'),
  );
});

test('nothing but nulls gives null, and counts 0', () => {
  for (const name of ['sum', 'min', 'max', 'avg']) assert.equal(ungrouped(name, INT64, [[null, null]]), null);
  for (const name of ['sum', 'min', 'max', 'avg']) assert.equal(ungrouped(name, INT64, []), null);
  assert.equal(ungrouped('count', INT64, [[null, 1n], [null]]), 1n);
});

test('extremes know NaN as the greatest number, and the sign of 64-bit words', () => {
  const double = typeOfName('double');
  assert.equal(ungrouped('max', double, [[1, NaN], [Infinity]]), NaN);
  assert.equal(ungrouped('min', double, [[NaN], [NaN, 3]]), 3);
  assert.equal(ungrouped('min', double, [[NaN], [NaN]]), NaN);
  assert.equal(ungrouped('max', typeOfName('uint64'), [[1n, 2n ** 64n - 1n, 2n ** 63n]]), 2n ** 64n - 1n);
  assert.equal(ungrouped('min', INT64, [[1n, -(2n ** 63n), -1n]]), -(2n ** 63n));
  assert.equal(ungrouped('max', INT64, [[-5n, -(2n ** 63n), -1n, null]]), -1n);
});

type Row = readonly [group: number, text: string | null];

/** What a group's rows give by plain JavaScript. */
function expected(name: string, rows: readonly Row[], group: number): Value {
  const values = rows.filter(([g, text]) => g === group && text !== null).map(([, text]) => Number(text));
  if (name === 'count') return BigInt(values.length);
  if (values.length === 0) return null;
  const sum = values.reduce((a, b) => a + b, 0);
  if (name === 'sum') return sum;
  if (name === 'avg') return sum / values.length;
  return name === 'min' ? Math.min(...values) : Math.max(...values);
}

test('grouped accumulators agree with plain sums, nulls appearing only later', () => {
  const random = makeRandom(11);
  for (const typed of ['int8', 'uint16', 'int32', 'int64', 'uint64', 'float', 'double', 'decimal(12, 0)']) {
    const type = typeOfName(typed);
    const rows: Row[] = [];
    const state = ['count', 'sum', 'min', 'max', 'avg'].map((name) => ({
      name,
      accumulator: makeAccumulator(name, [type]),
    }));
    let groupCount = 0;
    for (let batch = 0; batch < 6; batch++) {
      groupCount += 3;
      const added = Array.from({ length: 50 }, (_, i): Row => {
        const group = i < 3 ? groupCount - 3 + i : Math.floor(random() * groupCount);
        return [group, batch > 2 && random() < 0.4 ? null : Math.floor(random() * 100).toString()];
      });
      rows.push(...added);
      const vector: Vector = vectorOfTexts(
        type,
        added.map(([, text]) => text),
      );
      const groups = Uint32Array.from(added, ([group]) => group);
      for (const { accumulator } of state) accumulator.update([vector], groups, added.length, groupCount);
    }
    for (const { name, accumulator } of state) {
      const read = makeReader(accumulator.finish(groupCount));
      for (let group = 0; group < groupCount; group++) {
        const value = read(group);
        const wanted = expected(name, rows, group);
        if (value === null || wanted === null) assert.equal(value, wanted, `${name} of ${typed}`);
        else assert.equal(Number(value), Number(wanted), `${name} of ${typed}`);
      }
      assert(accumulator.byteCount() > 0);
    }
  }
});

test('text extremes are kept for each group, as copies', () => {
  const type = typeOfName('string_view');
  const vector = vectorOfTexts(type, ['b', 'äußerst lang und außerhalb', null, 'a', '']);
  const accumulator = makeAccumulator('max', [type]);
  accumulator.update([vector], Uint32Array.of(0, 0, 1, 2, 2), 5, 3);
  (vector.buffers[2] as Uint8Array).fill(0);
  const read = makeReader(accumulator.finish(3));
  assert.deepEqual([0, 1, 2].map(read), ['äußerst lang und außerhalb', null, 'a']);
});
