/**
 * Sets and numbers of keys that are integers, beside a Map in JavaScript.
 *
 * Method: generated columns of every integer type, dates and timestamps; close together, sparse, around the places
 * where a word's upper half changes, with NULLs; looked up are values that are there, near ones and the type's ends.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataType } from '../../src/arrow/type.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { MISSING } from '../../src/function/integers.ts';
import { KeySet, popCount } from '../../src/function/key-set.ts';
import { rangeKeysOf } from '../../src/function/range-keys.ts';
import { tableOf } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';

const int = (bitWidth: 8 | 16 | 32 | 64, signed = true): DataType => ({ id: 'int', bitWidth, signed });

/** Types, where their values begin, how far apart they are, and the ends of the type. */
const CASES: readonly (readonly [DataType, bigint, bigint, readonly bigint[]])[] = [
  [int(8), -100n, 3n, [-128n, 127n]],
  [int(16, false), 0n, 700n, [65_535n]],
  [int(32), -2_147_483_000n, 1n, [2_147_483_647n]],
  [int(32, false), 4_294_960_000n, 61n, [0n]],
  [int(64), 4_294_967_290n, 1n, [0n, -1n, 9223372036854775807n]],
  [int(64), -4_294_967_290n, 3n, [0n, 4_294_967_290n, -9223372036854775808n]],
  [int(64), -(1n << 40n), 5_001n, [1n << 40n, -(1n << 40n) - 1n]],
  [int(64, false), 9_007_199_254_000n, 2n, [18446744073709551615n, 0n]],
  [{ id: 'date', unit: 'day' }, -719_162n, 13n, [2_147_483_647n]],
  [{ id: 'timestamp', unit: 'microsecond', timezone: undefined }, 1_700_000_000_000_000n, 1_000n, [0n]],
];

function columnOf(type: DataType, values: readonly (bigint | null)[]): Vector {
  const isWide = (type.id === 'int' && type.bitWidth === 64) || type.id === 'timestamp';
  const own = values.map((value) => (value === null || isWide ? value : Number(value)));
  const [batch] = tableOf('t', [{ name: 'k', type, values: own }], values.length).batches;
  return batch?.columns[0] as Vector;
}

for (const [type, from, stride, ends] of CASES) {
  const name = `${type.id}${type.id === 'int' ? type.bitWidth.toString() : ''} from ${from.toString()} by ${stride.toString()}`;
  test(`sets and numbers of ${name}`, () => {
    const random = makeRandom(Number(stride) + 5);
    const pick = (count: number): bigint => from + stride * BigInt(Math.floor(random() * count));
    const held = Array.from({ length: 60 }, () => (random() < 0.1 ? null : pick(50)));
    const asked = [
      ...Array.from({ length: 200 }, () => (random() < 0.1 ? null : pick(50) + BigInt(Math.floor(random() * 2)))),
      ...ends,
    ];
    const parts = [columnOf(type, held.slice(0, 25)), columnOf(type, held.slice(25))];
    const there = new Set(held.filter((value) => value !== null));
    const set = KeySet.of(parts);
    assert.ok(set !== undefined);
    const expected = asked.flatMap((value, i) => (value !== null && there.has(value) ? [i] : []));
    assert.deepEqual([...set.choose(columnOf(type, asked))], expected);
    const keys = rangeKeysOf(parts);
    assert.ok(keys !== undefined);
    const numberOf = new Map<bigint | null, number>();
    held.forEach((value) => {
      const [number] = keys.number(columnOf(type, [value]), 1);
      assert.ok(number !== undefined && number < keys.count, 'a value that is there has a number');
      assert.equal(numberOf.get(value) ?? number, number, 'equal values have equal numbers');
      numberOf.set(value, number);
    });
    assert.equal(new Set(numberOf.values()).size, numberOf.size, 'different values have different numbers');
    keys.number(columnOf(type, asked), asked.length).forEach((number, i) => {
      const value = asked[i] as bigint | null;
      const own = numberOf.get(value);
      if (own !== undefined) assert.equal(number, own);
      else assert.ok(number === MISSING || ![...numberOf.values()].includes(number), 'others have no such number');
    });
  });
}

test('integers that lie too far apart, and what is no integer, have no set', () => {
  assert.equal(KeySet.of([columnOf(int(64), [0n, 1n << 52n])]), undefined);
  assert.equal(KeySet.of([columnOf(int(64), [0n, -9223372036854775808n])]), undefined);
  assert.equal(KeySet.of([columnOf(int(32), [null, null])]), undefined);
  const [batch] = tableOf('t', [{ name: 'k', type: { id: 'float', bitWidth: 64 }, values: [1, 2] }], 2).batches;
  assert.equal(KeySet.of([batch?.columns[0] as Vector]), undefined);
});

test('bits are counted', () => {
  for (const word of [0, 1, -1, 0x80000000, 0x55555555, 0xf0f0f0f0, 12345]) {
    const bits = (word >>> 0).toString(2).replaceAll('0', '').length;
    assert.equal(popCount(word), bits, word.toString(16));
  }
});
