/**
 * Zone maps: pruning against brute force over random data, and exact bounds where they are told.
 *
 * Method: random batches of every type that has bounds, with nulls, NaN and slices; random conditions. A batch that
 * the statistics skip must hold no row that satisfies the condition. NaN counts as above all numbers, the wider of
 * the two meanings in use.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import type { Value } from '../../src/arrow/value.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Bound, BoundValue } from '../../src/arrow/source.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { typeName } from '../../src/arrow/type.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { Pruner } from '../../src/storage/prune.ts';
import { packStatistics } from '../../src/storage/statistics.ts';
import { makeRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';

const OPERATORS: readonly Bound['operator'][] = ['=', '<', '<=', '>', '>=', 'is_null', 'not_null'];

interface Case {
  readonly type: DataType;
  /** A value as vectors are built of it. */
  readonly make: (random: Random) => Value;
  /** The same as bounds have it. */
  readonly bound: (value: Value) => BoundValue;
}

const integer = (bitWidth: 8 | 16 | 32 | 64, signed: boolean): DataType => ({ id: 'int', bitWidth, signed });
const same = (value: Value): BoundValue => value as BoundValue;
const between = (random: Random, low: number, high: number): number => low + Math.floor(random() * (high - low + 1));

/** Values that crowd around a few points, so that bounds are met exactly and 32-bit halves tie. */
function wide(random: Random, signed: boolean): bigint {
  const high = BigInt(between(random, signed ? -3 : 0, 3)) << 32n;
  const value = high + BigInt(between(random, 0, 5)) - (signed ? 2n : 0n);
  const edge = signed ? 0x7ffffffffffffff0n : 0xfffffffffffffff0n;
  return random() < 0.05 ? edge + BigInt(between(random, 0, 15)) : value;
}

function text(random: Random): string {
  const length = random() < 0.2 ? between(random, 28, 40) : between(random, 0, 6);
  const letters = ['a', 'b', 'z', 'é', '漢', '😀', '\u0000'];
  const stem = random() < 0.3 ? 'a'.repeat(30) : '';
  return stem + Array.from({ length }, () => letters[between(random, 0, letters.length - 1)]).join('');
}

const CASES: readonly Case[] = [
  { type: { id: 'bool' }, make: (random) => random() < 0.5, bound: same },
  ...([8, 16, 32] as const).flatMap((bits) => [
    { type: integer(bits, true), make: (random: Random) => between(random, -100, 100), bound: same },
    { type: integer(bits, false), make: (random: Random) => between(random, 0, 200), bound: same },
  ]),
  { type: integer(64, true), make: (random) => wide(random, true), bound: same },
  { type: integer(64, false), make: (random) => wide(random, false), bound: same },
  { type: { id: 'float', bitWidth: 32 }, make: (random) => Math.fround(random() * 10 - 5), bound: same },
  { type: { id: 'float', bitWidth: 64 }, make: float, bound: same },
  { type: { id: 'date', unit: 'day' }, make: (random) => between(random, -50, 50), bound: same },
  {
    type: { id: 'timestamp', unit: 'microsecond', timezone: 'UTC' },
    make: (random) => wide(random, true),
    bound: same,
  },
  { type: { id: 'utf8' }, make: text, bound: same },
  {
    type: { id: 'decimal', bitWidth: 128, precision: 38, scale: 2 },
    make: (random) => (wide(random, true) << (random() < 0.5 ? 40n : 0n)) - (random() < 0.3 ? 1n << 70n : 0n),
    bound: same,
  },
];

function float(random: Random): number {
  const pick = random();
  if (pick < 0.03) return Number.NaN;
  if (pick < 0.06) return pick < 0.045 ? Infinity : -Infinity;
  if (pick < 0.1) return pick < 0.08 ? 0 : -0;
  return between(random, -20, 20) / 4;
}

/** Brute force: three-valued logic, NaN above every number. */
function holds(value: Value, operator: Bound['operator'], wanted: BoundValue | undefined): boolean {
  if (operator === 'is_null') return value === null;
  if (value === null) return false;
  if (operator === 'not_null') return true;
  const order = compare(value, wanted);
  switch (operator) {
    case '=':
      return order === 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

function compare(a: Value, b: BoundValue | undefined): number {
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(String(b)));
  const left = Number.isNaN(a) ? Infinity : a;
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return (left as number) < (b as number) ? -1 : (left as number) > (b as number) ? 1 : 0;
}

/** How often a batch was skipped, over `rounds` random batches of one type. */
function checkType(kase: Case, seed: number, rounds: number, wrap: (vector: Vector) => Vector): number {
  const random = makeRandom(seed);
  let skipped = 0;
  for (let round = 0; round < rounds; round++) {
    const nullShare = round % 3 === 0 ? 0 : round % 3 === 1 ? 0.2 : 0.95;
    const values = Array.from({ length: between(random, 1, 40) }, () =>
      random() < nullShare ? null : kase.make(random),
    );
    const vector = wrap(buildVector(kase.type, values));
    const schema = makeSchema([makeField('x', vector.type)]);
    const start = between(random, 0, values.length - 1);
    const end = between(random, start + 1, values.length);
    const packed = packStatistics({ schema, rowCount: values.length, columns: [vector] }, { start, end });
    const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
    for (let i = 0; i < 12; i++) {
      const operator = OPERATORS[between(random, 0, OPERATORS.length - 1)] ?? '=';
      const wanted = kase.bound(kase.make(random));
      const bound = operator.endsWith('null') ? { column: 0, operator } : { column: 0, operator, value: wanted };
      if (!new Pruner(schema, [bound]).canSkip(view, 0, packed.byteLength, end - start)) continue;
      skipped++;
      const found = values.slice(start, end).find((value) => holds(value, operator, wanted));
      assert.equal(found, undefined, `seed ${seed.toString()}: ${operator} ${String(wanted)} was skipped`);
    }
  }
  return skipped;
}

for (const kase of CASES) {
  test(`a skipped batch of ${typeName(kase.type)} holds no row of interest`, () => {
    const skipped = checkType(kase, 7, 600, (vector) => vector);
    assert.ok(skipped > 300, `only ${skipped.toString()} batches were skipped`);
  });
}

test('a skipped batch of a text dictionary holds no row of interest, values that no row uses left out', () => {
  const type: DataType = {
    id: 'dictionary',
    index: { id: 'int', bitWidth: 16, signed: true },
    value: { id: 'utf8' },
    ordered: false,
    dictionaryId: 0n,
  };
  const encode = (vector: Vector): Vector => ({
    type,
    length: vector.length,
    nullCount: vector.nullCount,
    buffers: [
      vector.buffers[0] ?? new Uint8Array(0),
      new Uint8Array(Int16Array.from({ length: vector.length }, (_, i) => i).buffer),
    ],
    children: [],
    // Null rows point at values too, and those do not count.
    dictionary: { ...vector, nullCount: 0, buffers: [new Uint8Array(0), ...vector.buffers.slice(1)] },
  });
  const skipped = checkType({ type: { id: 'utf8' }, make: text, bound: same }, 11, 600, encode);
  assert.ok(skipped > 300, `only ${skipped.toString()} batches were skipped`);
});

test('unaligned buffers and bounds of another kind do not mislead', () => {
  const bytes = new Uint8Array(8 * 4 + 1).subarray(1);
  bytes.set(new Uint8Array(BigInt64Array.from([5n, -7n, 9n, 1n]).buffer));
  const type = integer(64, true);
  const schema = makeSchema([makeField('x', type)]);
  const vector: Vector = {
    type,
    length: 4,
    nullCount: 0,
    buffers: [new Uint8Array(0), bytes],
    children: [],
    dictionary: undefined,
  };
  const packed = packStatistics({ schema, rowCount: 4, columns: [vector] }, { start: 0, end: 4 });
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const skips = (operator: Bound['operator'], value: BoundValue): boolean =>
    new Pruner(schema, [{ column: 0, operator, value }]).canSkip(view, 0, packed.byteLength, 4);
  assert.equal(skips('>', 9n), true);
  assert.equal(skips('>', 8.5), false);
  assert.equal(skips('<', -7), true);
  assert.equal(skips('=', 10n), true);
  assert.equal(skips('=', 'ten'), false);
  assert.equal(skips('>', Number.NaN), false);
  assert.equal(
    new Pruner(schema, [{ column: 5, operator: '=', value: 1n }]).canSkip(view, 0, packed.byteLength, 4),
    false,
  );
});
