/** Timestamps split into days and rests and put together again: exact over int64, in every unit, but for infinity. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataType, TimeUnit } from '../../src/arrow/type.ts';
import { makeVector } from '../../src/arrow/vector.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { momentsOf, momentVector } from '../../src/function/time-words.ts';
import { ALL_PRESENT } from '../../src/function/validity.ts';

const UNITS: readonly (readonly [TimeUnit, bigint])[] = [
  ['second', 86_400n],
  ['millisecond', 86_400_000n],
  ['microsecond', 86_400_000_000n],
  ['nanosecond', 86_400_000_000_000n],
];

function valuesAround(perDay: bigint): bigint[] {
  const values = [0n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 2n, perDay, perDay * 106_751n];
  const near = values.flatMap((value) => [value - 1n, value, value + 1n]);
  return [...near, ...near.map((value) => -value), -(2n ** 63n)];
}

function timestamps(unit: TimeUnit, values: readonly bigint[]): Vector {
  const type: DataType = { id: 'timestamp', unit, timezone: undefined };
  const bytes = new Uint8Array(BigInt64Array.from(values).buffer);
  return makeVector(type, values.length, undefined, 0, [bytes]);
}

for (const [unit, perDay] of UNITS) {
  const comesBack = unit === 'microsecond' || unit === 'nanosecond';
  test(`every int64 of ${unit}s is a day and what is over${comesBack ? ', and comes back' : ''}`, () => {
    // Microseconds before 290309-12-22 (BC) are none of a timestamp.
    const least = unit === 'microsecond' ? -106_751_991n * perDay : -(2n ** 63n);
    const isMoment = (value: bigint): boolean =>
      value === BigInt.asIntN(64, value) && value >= least && value !== 2n ** 63n - 1n && value !== 1n - 2n ** 63n;
    const values = valuesAround(perDay).filter(isMoment);
    const vector = timestamps(unit, values);
    const moments = momentsOf(vector);
    values.forEach((value, i) => {
      const [day, rest] = [BigInt(moments.days[i] ?? NaN), BigInt(moments.rests[i] ?? NaN)];
      assert.equal(day * perDay + rest, value);
      assert(rest >= 0n && rest < perDay, value.toString());
    });
    if (!comesBack) return;
    const again = momentVector(vector.type, moments, values.length, ALL_PRESENT);
    assert.deepEqual(again.buffers[1], vector.buffers[1]);
  });
}

test('the ends of int64 are infinite, in every unit and through both', () => {
  for (const [unit] of UNITS) {
    const vector = timestamps(unit, [2n ** 63n - 1n, 1n - 2n ** 63n]);
    const moments = momentsOf(vector);
    assert.deepEqual([...moments.days], [Infinity, -Infinity]);
    assert.deepEqual(momentVector(vector.type, moments, 2, ALL_PRESENT).buffers[1], vector.buffers[1]);
  }
});

test('a moment beyond int64 is refused, and ignored in a null row', () => {
  const type: DataType = { id: 'timestamp', unit: 'nanosecond', timezone: undefined };
  const moments = { days: Float64Array.of(106_752), rests: Float64Array.of(0), perDay: 86_400_000_000_000 };
  const message = 'the result is outside the range of timestamps';
  assert.throws(() => momentVector(type, moments, 1, ALL_PRESENT), { code: 'value_error', message });
  assert.equal(momentVector(type, moments, 1, { bits: Uint8Array.of(0), nullCount: 1 }).nullCount, 1);
});
