/**
 * Nested values in every layout: ranges, keys, order and text against the plain values that a reader gives.
 *
 * Method: random vectors, with overlapping views, offsets that begin anywhere and nulls at each level; two rows are
 * equal when their plain values are, and everything here must agree with that.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeField } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { typeName } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { gather } from '../../src/function/gather.ts';
import { ColumnKeys } from '../../src/function/key-table.ts';
import { compactRows, listRowsOf } from '../../src/function/list-rows.ts';
import { quotePart, readListText, readMapText, readStructText } from '../../src/function/nested-text.ts';
import { listOf, structOf } from '../../src/function/nested-type.ts';
import { castKernel, castKind, commonType } from '../../src/function/registry.ts';
import { MISSING } from '../../src/function/integers.ts';
import { isComparable } from '../../src/function/signature.ts';
import { comparer, valueRanks } from '../../src/function/value-order.ts';
import { makeRandom } from '../support/random.ts';
import { randomVector, SAMPLE_TYPES } from '../support/random-vector.ts';

const ROWS = 60;
const UTF8: DataType = { id: 'utf8' };
const INT8: DataType = { id: 'int', bitWidth: 8, signed: true };
const DICTIONARY: DataType = { id: 'dictionary', index: INT8, value: UTF8, ordered: false, dictionaryId: 0n };
const NESTED = new Set(['list', 'large_list', 'list_view', 'large_list_view', 'fixed_list', 'struct', 'map']);
const TYPES: readonly DataType[] = [
  ...SAMPLE_TYPES.filter((type) => NESTED.has(type.id)),
  listOf(DICTIONARY),
  listOf(listOf(INT8)),
  {
    id: 'list_view',
    child: makeField(
      'item',
      structOf([
        ['a', INT8],
        ['b', listOf({ id: 'bool' })],
      ]),
    ),
  },
];

function plain(value: Value): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
}

function textsOf(vector: Vector): string[] {
  const read = makeReader(vector);
  return Array.from({ length: vector.length }, (_, row) => plain(read(row)));
}

/** A vector of few distinct values: rows of a random one, taken again and again. */
function repeated(type: DataType, seed: number): Vector {
  const random = makeRandom(seed);
  const source = randomVector(type, 12, random);
  return gather(
    source,
    Uint32Array.from({ length: ROWS }, () => Math.floor(random() * 12)),
  );
}

for (const type of TYPES) {
  test(`rows of ${typeName(type)} have one number and one rank exactly when they are equal`, () => {
    assert(isComparable(type));
    for (let seed = 1; seed <= 5; seed++) {
      const vector = repeated(type, seed);
      const texts = textsOf(vector);
      const keys = new ColumnKeys(type);
      const numbers = keys.number(vector, ROWS);
      const ranks = valueRanks(vector);
      const compare = comparer(vector, vector);
      for (let i = 0; i < ROWS; i++) {
        for (let j = 0; j < ROWS; j++) {
          const isSame = texts[i] === texts[j];
          assert.equal(numbers[i] === numbers[j], isSame, `${texts[i] ?? ''} and ${texts[j] ?? ''}`);
          assert.equal(ranks[i] === ranks[j], isSame);
          const order = compare(i, j);
          assert.equal(Math.sign(order), Math.sign((ranks[i] as number) - (ranks[j] as number)));
          assert.equal(Math.sign(order) + Math.sign(compare(j, i)), 0);
        }
      }
      // A second batch finds the same numbers, and what is new has none while none is given out.
      assert.deepEqual(keys.number(vector, ROWS, true), numbers);
      const other = repeated(type, seed + 100);
      const known = new Map(texts.map((text, i) => [text, numbers[i]] as const));
      const found = keys.number(other, ROWS, true);
      textsOf(other).forEach((text, i) => assert.equal(found[i], known.get(text) ?? MISSING, text));
    }
  });
}

for (const type of TYPES.filter((type) => type.id !== 'struct')) {
  test(`the ranges of ${typeName(type)} hold each row's values, and compact ones nothing else`, () => {
    for (let seed = 1; seed <= 5; seed++) {
      const vector = randomVector(type, ROWS, makeRandom(seed));
      const wanted = textsOf(vector);
      for (const rows of [listRowsOf(vector), compactRows(listRowsOf(vector))]) {
        const read = makeReader(rows.values);
        for (let i = 0; i < ROWS; i++) {
          const values: Value[] = [];
          for (let k = rows.starts[i] as number; k < (rows.ends[i] as number); k++) values.push(read(k));
          const shown =
            type.id === 'map' ? values.map((entry) => (entry as [string, Value][]).map(([, v]) => v)) : values;
          if (wanted[i] === 'null') assert.equal(values.length, 0, 'a null row is empty');
          else assert.equal(plain(shown), wanted[i]);
        }
      }
      const compact = compactRows(listRowsOf(vector));
      assert.equal(
        compact.values.length,
        compact.ends.reduce((sum, end, i) => sum + end - (compact.starts[i] ?? 0), 0),
      );
    }
  });
}

for (const type of TYPES) {
  test(`${typeName(type)} printed and read again is the same`, () => {
    if (castKind(UTF8, type) === 'none') return;
    for (let seed = 1; seed <= 5; seed++) {
      const vector = repeated(type, seed);
      const text = castKernel(type, UTF8, false)([vector], ROWS, UTF8);
      // Maps with a key twice, which these may be, are refused.
      const isMap = type.id === 'map';
      const again = textsOf(castKernel(UTF8, type, isMap)([text], ROWS, type));
      const kept = (texts: readonly string[]): readonly string[] =>
        isMap ? texts.filter((_, i) => again[i] !== 'null') : texts;
      assert.deepEqual(kept(again), kept(textsOf(vector)));
    }
  });
}

test('text within nested values is quoted where it would be read as something else', () => {
  for (const text of [
    '',
    ' a',
    'b ',
    'null',
    'NULL',
    'a,b',
    "it's",
    '[',
    '}',
    'a:b',
    'k=v',
    'back\\slash',
    '"',
    '(x)',
  ]) {
    assert.notEqual(quotePart(text), text);
    assert.deepEqual(readListText(`[${quotePart(text)}, x]`), [
      { key: null, value: text },
      { key: null, value: 'x' },
    ]);
  }
  for (const text of ['a', 'a b', 'é', 'a;b', '12', 'nulls']) assert.equal(quotePart(text), text);
});

test('one level of a nested text is taken apart, and nothing else is taken for one', () => {
  assert.deepEqual(
    readListText(' [ [1, 2], {"a": "x]"} , NULL ] ')?.map(({ value }) => value),
    ['[1, 2]', '{"a": "x]"}', null],
  );
  assert.deepEqual(readMapText('{a=1, "b c"=[2, 3]}'), [
    { key: 'a', value: '1' },
    { key: 'b c', value: '[2, 3]' },
  ]);
  assert.deepEqual(readStructText("{'a': (1, 2), b: null}"), [
    { key: 'a', value: '(1, 2)' },
    { key: 'b', value: null },
  ]);
  for (const text of ['', '[', '[1', '1]', '[1]]', '[1] x', '{a: 1}', "['a]"])
    assert.equal(readListText(text), undefined);
  for (const text of ['{a}', '{a=1', '[a=1]', '{=', '{a=1}}']) assert.equal(readMapText(text), undefined);
});

test('nested types meet part by part, structs by the names of their fields', () => {
  const int64: DataType = { id: 'int', bitWidth: 64, signed: true };
  const meet = (a: DataType, b: DataType): string => {
    const common = commonType(a, b);
    return common === undefined ? 'none' : typeName(common);
  };
  assert.equal(meet(listOf(INT8), listOf(int64)), 'list<item: int64>');
  assert.equal(meet({ id: 'large_list', child: makeField('x', INT8) }, listOf(INT8)), 'list<item: int8>');
  assert.equal(meet(listOf({ id: 'null' }), listOf(UTF8)), 'list<item: string>');
  assert.equal(meet(listOf(INT8), listOf(UTF8)), 'none');
  assert.equal(
    meet(
      structOf([['a', INT8]]),
      structOf([
        ['B', UTF8],
        ['A', int64],
      ]),
    ),
    'struct<a: int64, B: string>',
  );
  assert.equal(meet(listOf(INT8), structOf([['a', INT8]])), 'none');
});
