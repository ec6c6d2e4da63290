/**
 * The registry: entries keep what they say, overloads are found, types meet where DuckDB's do.
 *
 * Method: every scalar entry's example is run through planner and execution; every pair of flat types that `castKind`
 * allows is cast, with and without rows.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nullVector } from '../../src/arrow/null-vector.ts';
import { sameType, typeName } from '../../src/arrow/type.ts';
import type { DataType } from '../../src/arrow/type.ts';
import {
  AGGREGATES,
  castKernel,
  castKind,
  functionNames,
  FUNCTIONS,
  isAggregate,
  resolveAggregate,
  resolveFunction,
} from '../../src/function/registry.ts';
import { commonType } from '../../src/function/signature.ts';
import { validityOf } from '../../src/function/validity.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf } from '../support/memory-source.ts';
import { cellTexts, typeOfName } from '../support/slt.ts';

async function evaluate(expression: string): Promise<string> {
  const planned = planStatement(`SELECT ${expression}`, catalogOf([]), { nowMicros: 1_709_210_096_789_012n });
  assert(planned.kind === 'query');
  for await (const batch of runPlan(planned.plan)) {
    const [column] = batch.columns;
    assert(column !== undefined);
    return cellTexts(column, 1)[0] ?? '';
  }
  return 'no rows';
}

for (const { name, example, doc } of FUNCTIONS) {
  test(`the example of ${name} holds: ${example}`, async () => {
    const [expression = '', wanted = ''] = example.split(' → ');
    assert.equal(await evaluate(expression), wanted.replace(/^'(.*)'$/, '$1'));
    assert.match(doc, /\.$/);
  });
}

test('names of functions can be suggested, operators are left out', () => {
  const names = functionNames();
  assert(names.includes('lower') && names.includes('sum') && names.includes('mod'));
  assert(!names.includes('+'));
  for (const { name } of AGGREGATES) assert(isAggregate(name.toUpperCase()));
  assert(!isAggregate('lower'));
});

test('a misfit shows what is expected, an unknown name is unknown', () => {
  const text = typeOfName('string');
  assert.deepEqual(resolveFunction('*', [text, text]), {
    known: true,
    expects: 'expects (number, number) or (interval, number)',
  });
  assert.deepEqual(resolveFunction('frobnicate', []), { known: false, expects: '' });
  assert.deepEqual(resolveAggregate('sum', [text]), { known: true, expects: 'expects (number)' });
});

/** [a, b, where they meet]. */
const MEETINGS: readonly (readonly [string, string, string | undefined])[] = [
  ['int8', 'int32', 'int32'],
  ['uint8', 'int8', 'int16'],
  ['uint32', 'int32', 'int64'],
  ['uint64', 'int64', 'decimal128(38, 0)'],
  ['int64', 'double', 'double'],
  ['int64', 'float', 'float'],
  ['float', 'double', 'double'],
  ['decimal(9, 2)', 'int32', 'decimal128(12, 2)'],
  ['decimal(9, 2)', 'double', 'double'],
  ['decimal(9, 2)', 'decimal(5, 4)', 'decimal128(11, 4)'],
  ['bool', 'int32', 'int32'],
  ['bool', 'double', 'double'],
  ['bool', 'decimal(9, 2)', 'decimal128(9, 2)'],
  ['bool', 'date', undefined],
  ['string', 'string_view', 'string'],
  ['string', 'large_string', 'large_string'],
  ['dictionary', 'string', 'string'],
  ['string', 'int32', undefined],
  ['date', 'timestamp[us]', 'timestamp[us]'],
  ['timestamp[s]', 'timestamp[ns]', 'timestamp[ns]'],
  ['timestamp[us]', 'timestamp[us, tz=UTC]', 'timestamp[us, tz=UTC]'],
  ['date', 'int32', undefined],
];

test('types meet where the lattice says, from both sides', () => {
  for (const [a, b, wanted] of MEETINGS) {
    for (const [left, right] of [
      [a, b],
      [b, a],
    ] as const) {
      const common = commonType(typeOfName(left), typeOfName(right));
      assert.equal(common === undefined ? undefined : typeName(common), wanted, `${left} with ${right}`);
    }
  }
});

test('a call that fits has a parameter for each argument', () => {
  const types = ['int32', 'double', 'string', 'date', 'timestamp[us]', 'interval', 'bool'].map(typeOfName);
  const wrong = new Set<string>();
  for (const [names, resolve] of [
    [FUNCTIONS, resolveFunction],
    [AGGREGATES, resolveAggregate],
  ] as const) {
    for (const { name } of names) {
      for (const a of types) {
        for (const b of types) {
          for (const args of [[], [a], [a, b], [a, b, b], [a, b, b, b], [a, a, a, a, b]]) {
            const call = resolve(name, args);
            if ('parameters' in call && call.parameters.length !== args.length) wrong.add(name);
          }
        }
      }
    }
  }
  assert.deepEqual([...wrong], []);
});

const ALL: readonly string[] = [
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'halffloat',
  'float',
  'double',
  'decimal(12, 3)',
  'string',
  'large_string',
  'string_view',
  'dictionary',
  'binary',
  'date',
  'time',
  'timestamp[s]',
  'timestamp[ms]',
  'timestamp[us]',
  'timestamp[ns]',
  'timestamp[ns, tz=UTC]',
];

test('whatever castKind allows has a kernel, which keeps nulls and takes no rows', () => {
  let pairs = 0;
  for (const from of ALL.map(typeOfName)) {
    for (const to of ALL.map(typeOfName)) {
      const kind = castKind(from, to);
      if (kind === 'none') continue;
      pairs++;
      for (const rowCount of [0, 9]) {
        const cast = castKernel(from, to, false)([nullVector(from, rowCount)], rowCount, to);
        assert(sameType(cast.type, to), `${typeName(from)} to ${typeName(to)} gave ${typeName(cast.type)}`);
        assert.equal(cast.length, rowCount);
        assert.equal(validityOf(cast).nullCount, rowCount);
      }
    }
  }
  assert(pairs > 300, `${pairs.toString()} pairs`);
});

test('the null type casts to every type', () => {
  const none: DataType = { id: 'null' };
  for (const to of ALL.map(typeOfName)) {
    assert.equal(castKind(none, to), 'implicit');
    assert.equal(castKernel(none, to, false)([nullVector(none, 5)], 5, to).nullCount, 5);
  }
});
