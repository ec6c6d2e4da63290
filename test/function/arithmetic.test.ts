/**
 * Arithmetic kernels against BigInt, at the edges of every integer type.
 *
 * Method: all pairs of edge values, and random ones; the oracle computes with BigInt and says what is out of range.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { typeName } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import { EngineError } from '../../src/base/errors.ts';
import { constantVector } from '../../src/function/constant.ts';
import { kernelOf, resolveFunction } from '../../src/function/registry.ts';
import { makeRandom } from '../support/random.ts';
import { refusal } from '../support/refusal.ts';

type IntType = Extract<DataType, { id: 'int' }>;

const TYPES: readonly IntType[] = ([8, 16, 32, 64] as const).flatMap((bitWidth) => [
  { id: 'int', bitWidth, signed: true } as const,
  { id: 'int', bitWidth, signed: false } as const,
]);

function rangeOf({ bitWidth, signed }: IntType): readonly [bigint, bigint] {
  const bits = BigInt(bitWidth);
  return signed ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
}

function oracle(operator: string, a: bigint, b: bigint): bigint | null {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '//':
      return b === 0n ? null : a / b;
    default:
      return b === 0n ? null : a % b;
  }
}

function stored(type: IntType, value: bigint): Value {
  return type.bitWidth === 64 ? value : Number(value);
}

/** Runs a binary kernel on one row; 'overflow' when it refuses. */
function runOne(operator: string, type: IntType, a: bigint, b: bigint): bigint | null | 'overflow' {
  const args = [a, b].map((value) => buildVector(type, [stored(type, value)]));
  try {
    const value = makeReader(kernelOf(operator, [type, type])(args, 1, type))(0);
    return value === null ? null : BigInt(value as number | bigint);
  } catch (error) {
    assert(error instanceof EngineError && error.code === 'value_error');
    return 'overflow';
  }
}

for (const type of TYPES) {
  test(`${typeName(type)}: sums, products and quotients are exact or refused`, () => {
    const [low, high] = rangeOf(type);
    const random = makeRandom(type.bitWidth + (type.signed ? 1 : 0));
    const some = Array.from({ length: 12 }, () => {
      const wide = BigInt(Math.floor(random() * 2 ** 32)) * 4294967296n + BigInt(Math.floor(random() * 2 ** 32));
      return type.signed ? BigInt.asIntN(type.bitWidth, wide) : BigInt.asUintN(type.bitWidth, wide);
    });
    const edges = [
      low,
      low + 1n,
      0n,
      1n,
      2n,
      3n,
      high,
      high - 1n,
      high / 2n,
      high / 3n,
      1n << BigInt(type.bitWidth / 2),
    ];
    const values = [...edges, ...(type.signed ? [-1n, -2n, -7n] : []), ...some];
    for (const operator of ['+', '-', '*', '//', '%']) {
      for (const a of values) {
        for (const b of values) {
          const exact = oracle(operator, a, b);
          const fits = exact === null || (exact >= low && exact <= high);
          const name = `${a.toString()} ${operator} ${b.toString()}`;
          assert.equal(runOne(operator, type, a, b), fits ? exact : 'overflow', name);
        }
      }
    }
  });

  test(`${typeName(type)}: negation and absolute value are exact or refused`, () => {
    const [low, high] = rangeOf(type);
    for (const name of ['-', 'abs']) {
      for (const value of [low, low + 1n, 0n, 1n, high]) {
        const exact = name === '-' ? -value : value < 0n ? -value : value;
        const run = (): Value =>
          makeReader(kernelOf(name, [type])([buildVector(type, [stored(type, value)])], 1, type))(0);
        if (exact >= low && exact <= high) assert.equal(BigInt(run() as number | bigint), exact);
        else assert.throws(run, (error) => error instanceof EngineError && error.code === 'value_error');
      }
    }
  });
}

test('the message of an overflow names operation, type, values and remedy', () => {
  const type: IntType = { id: 'int', bitWidth: 64, signed: true };
  const args = [buildVector(type, [1n, 2n ** 63n - 1n]), constantVector(type, 1n, 2)];
  assert.throws(
    () => kernelOf('+', [type, type])(args, 2, type),
    refusal('value_error', 'overflow in addition of int64: 9223372036854775807 + 1; cast an operand to a wider type'),
  );
});

test('a null row cannot overflow, whatever lies in its slot', () => {
  for (const type of TYPES) {
    const [, high] = rangeOf(type);
    const full = buildVector(type, [stored(type, high), stored(type, high)]);
    const hidden = { ...full, nullCount: 1, buffers: [new Uint8Array([1]), ...full.buffers.slice(1)] };
    const zeros = buildVector(type, [stored(type, 0n), stored(type, high)]);
    const sum = kernelOf('+', [type, type])([hidden, zeros], 2, type);
    assert.deepEqual([0, 1].map(makeReader(sum)), [stored(type, high), null]);
  }
});

test('decimals are exact, and refused when they have too many digits', () => {
  const type: DataType = { id: 'decimal', bitWidth: 128, precision: 38, scale: 2 };
  const call = resolveFunction('+', [type, type]);
  assert('parameters' in call);
  const nines = buildVector(type, ['9'.repeat(36) + '.99']);
  const one = buildVector(type, ['0.01']);
  const kernel = kernelOf('+', call.parameters);
  assert.equal(makeReader(kernel([one, one], 1, call.type))(0), '0.02');
  assert.throws(
    () => kernel([nines, one], 1, call.type),
    refusal(
      'value_error',
      `overflow in decimal128(38, 2): ${'9'.repeat(36)}.99 + 0.01 has too many digits; cast an operand to double`,
    ),
  );
});
