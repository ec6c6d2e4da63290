/**
 * Key tables against a Map: numbers by first appearance, for every form of key, over several batches.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Vector } from '../../src/arrow/vector.ts';
import { ColumnKeys, RowKeys } from '../../src/function/key-table.ts';
import { makeRandom } from '../support/random.ts';
import { typeOfName, vectorOfTexts } from '../support/slt.ts';

const TYPES: Readonly<{ [name: string]: (n: number) => string }> = {
  int8: (n) => ((n % 256) - 128).toString(),
  uint32: (n) => (n * 4_000).toString(),
  int64: (n) => (BigInt(n) * 3_007_199_254_740_993n).toString(),
  double: (n) => (n / 3).toString(),
  'decimal(38, 2)': (n) => `${'1'.repeat(n % 30)}${n.toString()}.25`,
  bool: (n) => (n % 2 === 0 ? 'true' : 'false'),
  string: (n) => (n % 9 === 0 ? '' : `key ${'é'.repeat(n % 5)} ${n.toString()}`),
  string_view: (n) => `a longer text ${n.toString()}`,
  dictionary: (n) => `d${(n % 100).toString()}`,
  date: (n) => `2024-01-${((n % 28) + 1).toString().padStart(2, '0')}`,
};

for (const [name, make] of Object.entries(TYPES)) {
  test(`${name} keys are numbered by first appearance, null among them`, () => {
    const random = makeRandom(5);
    const keys = new ColumnKeys(typeOfName(name));
    const known = new Map<string | null, number>();
    for (let batch = 0; batch < 5; batch++) {
      const texts = Array.from({ length: 2_000 }, () => (random() < 0.1 ? null : make(Math.floor(random() * 3_000))));
      const ids = keys.number(vectorOfTexts(typeOfName(name), texts), texts.length);
      texts.forEach((text, i) => {
        if (!known.has(text)) known.set(text, known.size);
        assert.equal(ids[i], known.get(text), `row ${i.toString()}: ${String(text)}`);
      });
    }
    assert.equal(keys.count, known.size);
    assert(keys.byteCount > 0);
  });
}

test('combinations of columns are numbered by first appearance', () => {
  const random = makeRandom(6);
  const types = ['string', 'int64', 'bool'].map(typeOfName);
  const keys = new RowKeys(types);
  const known = new Map<string, number>();
  for (let batch = 0; batch < 4; batch++) {
    const columns = types.map((_, c) => {
      return Array.from({ length: 1_000 }, () =>
        random() < 0.2 ? null : c === 2 ? 'true' : Math.floor(random() * 20).toString(),
      );
    });
    const vectors = columns.map((texts, c): Vector => vectorOfTexts(types[c] ?? { id: 'null' }, texts));
    const ids = keys.number(vectors, 1_000);
    for (let i = 0; i < 1_000; i++) {
      const text = JSON.stringify(columns.map((texts) => texts[i]));
      if (!known.has(text)) known.set(text, known.size);
      assert.equal(ids[i], known.get(text));
    }
  }
  assert.equal(keys.count, known.size);
});

test('every NaN is one key, and -0 is 0', () => {
  const keys = new ColumnKeys(typeOfName('double'));
  const vector = vectorOfTexts(typeOfName('double'), ['nan', '0', '-nan', '-0.0', 'inf']);
  assert.deepEqual([...keys.number(vector, 5)], [0, 1, 0, 1, 2]);
});
