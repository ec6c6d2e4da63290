/**
 * Sorting by words: few rows are inserted and many counted by digits, and both are one stable order.
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
