/**
 * Sorting by words: few rows are inserted and many counted by digits, and both are one stable order.
 *
 * Method: words of every width side by side, so that some are packed into one and some are not, constant ones among
 * them; many equal rows and few; rows in order already; sizes around those at which the way changes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sortByWords } from '../../src/exec/radix.ts';

test('rows come ordered by their words, equal ones as they were, for any number of rows', () => {
  for (const count of [0, 1, 2, 127, 128, 129, 3_000]) {
    const high = Uint32Array.from({ length: count }, (_, i) => (i * 7919) % 5);
    const low = Uint32Array.from({ length: count }, (_, i) => ((i * 2_654_435_761) >>> 0) % 17);
    const wanted = [...high.keys()].sort((a, b) => {
      return (high[a] ?? 0) - (high[b] ?? 0) || (low[a] ?? 0) - (low[b] ?? 0) || a - b;
    });
    assert.deepEqual([...sortByWords([high, low], count)], wanted, `${count.toString()} rows`);
  }
});

/** Words by the number of a row, from a hash of it. */
const WORDS: Readonly<Record<string, (i: number, hash: number) => number>> = {
  constant: () => 4_294_967_295,
  bit: (_, hash) => hash & 1,
  few: (_, hash) => 4_000_000_000 + (hash % 7),
  high: (_, hash) => (hash >>> 20) << 20,
  any: (_, hash) => hash,
  rising: (i) => i >> 3,
  falling: (i) => 100_000 - i,
};

test('words are packed and sorted as each by itself', () => {
  const shapes = [
    ['any', 'any'],
    ['high', 'any', 'few'],
    ['constant', 'few', 'bit', 'few', 'any'],
    ['rising', 'falling'],
    ['falling', 'any'],
    ['few', 'few', 'few', 'few', 'few', 'few', 'few', 'few', 'few', 'few', 'few', 'few'],
    ['bit', 'rising', 'bit'],
    ['constant'],
    [],
  ];
  for (const count of [31, 32, 33, 300, 4_095, 4_097, 66_000]) {
    for (const shape of shapes) {
      const words = shape.map((name, w) => {
        const word = WORDS[name] as (i: number, hash: number) => number;
        return Uint32Array.from({ length: count }, (_, i) => {
          return word(i, Math.imul((i + w * 77_777) ^ 0x5bd1e995, 2_654_435_761) >>> 0);
        });
      });
      const order = sortByWords(words, count);
      const seen = new Set(order);
      assert.equal(seen.size, count);
      for (let i = 1; i < count; i++) {
        const [a = 0, b = 0] = [order[i - 1], order[i]];
        const word = words.find((each) => each[a] !== each[b]);
        const isRight = word === undefined ? a < b : (word[a] ?? 0) < (word[b] ?? 0);
        if (!isRight)
          assert.fail(`rows ${a.toString()} and ${b.toString()} of ${count.toString()} by ${shape.join()}`);
      }
    }
  }
});
