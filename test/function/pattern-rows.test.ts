/**
 * LIKE over a whole column against LIKE text by text.
 *
 * Method: random short texts over few letters, all patterns of random parts; rows side by side, so that a match which
 * crosses from one row into the next would be seen.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import { likeParts, likeTest } from '../../src/function/pattern-like.ts';
import { StepBudget } from '../../src/function/pattern-match.ts';
import { likeRows } from '../../src/function/pattern-rows.ts';
import { makeRandom } from '../support/random.ts';

test('a column matches as its texts do', () => {
  const random = makeRandom(11);
  const word = (length: number): string => {
    return Array.from({ length: Math.floor(random() * length) }, () => 'abc'[Math.floor(random() * 3)]).join('');
  };
  let matched = 0;
  for (let round = 0; round < 400; round++) {
    const texts = Array.from({ length: 60 }, () => word(9));
    const parts = Array.from({ length: 1 + Math.floor(random() * 4) }, () => (random() < 0.3 ? '' : word(4)));
    const pattern = Buffer.from(parts.join('%'));
    const read = likeParts(pattern);
    assert(read !== undefined);
    const matches = likeTest(pattern, -1, new StepBudget());
    const bits = likeRows(buildVector({ id: 'utf8' }, texts), texts.length, read);
    texts.forEach((text, i) => {
      const wanted = matches(Buffer.from(text));
      const got = (((bits[i >> 3] ?? 0) >> (i & 7)) & 1) === 1;
      assert.equal(got, wanted, `'${text}' LIKE '${pattern.toString()}'`);
      if (wanted) matched++;
    });
  }
  assert(matched > 1000);
  assert.deepEqual(likeRows(buildVector({ id: 'utf8' }, []), 0, [Buffer.from('a')]), new Uint8Array(0));
  assert.equal(likeParts(Buffer.from('a_b')), undefined);
});
