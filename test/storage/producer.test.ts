/**
 * Goal: a numbered append is stored once, whatever is repeated, lost, or sent by two.
 *
 * Method: the rules one by one; then random requests against a model that keeps everything and never forgets.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EngineError } from '../../src/base/errors.ts';
import { PRODUCER_RESULTS_KEPT } from '../../src/base/limits.ts';
import type { AppendTag } from '../../src/storage/contract.ts';
import { ProducerState, producerKey } from '../../src/storage/producer.ts';
import { SubmitOrder } from '../../src/storage/submit-order.ts';
import { refusal } from '../support/refusal.ts';

const tagOf = (seq: number, epoch = 0): AppendTag => ({ kind: 'producer', name: 'p', epoch, seq });
const KEY: AppendTag = { kind: 'key', name: 'order-17', epoch: 0, seq: 1 };

/** A state with seq 1 … count stored, seq n as content `c<n>` of n rows in commit 10 n. */
function stored(count: number, epoch = 0): ProducerState {
  const state = new ProducerState('t', tagOf(1));
  for (let seq = 1; seq <= count; seq++) {
    assert.deepEqual(state.check(tagOf(seq, epoch), `c${seq.toString()}`), { outcome: 'new' });
    state.begin(tagOf(seq, epoch), `c${seq.toString()}`, seq);
    state.settle(10 * seq);
  }
  return state;
}

test('numbers are taken one after another, and counted with their rows', () => {
  const state = stored(3);
  assert.deepEqual([state.epoch, state.seq, state.rowCount], [0, 3, 6]);
  assert.deepEqual(state.check(tagOf(4), 'c4'), { outcome: 'new' });
});

test('a repetition gets the first result, and changes nothing', () => {
  const state = stored(3);
  const first = { seq: 2, checksum: 'c2', commit: 20, rowCount: 2 };
  assert.deepEqual(state.check(tagOf(2), 'c2'), { outcome: 'duplicate', result: first });
  assert.deepEqual(state.check(tagOf(2), 'c2'), { outcome: 'duplicate', result: first });
  assert.deepEqual([state.seq, state.rowCount], [3, 6]);
});

test('a number that was used for other rows is refused with the next free one', () => {
  assert.throws(
    () => stored(3).check(tagOf(3), 'other'),
    refusal(
      'already_exists',
      'producer "p" of table "t" has stored other rows as seq 3; send new rows with seq 4; two writers need two names',
    ),
  );
});

test('a gap is refused with the number that is expected', () => {
  assert.throws(
    () => stored(3).check(tagOf(5), 'c5'),
    refusal(
      'request_invalid',
      'producer "p" of table "t" has to send seq 4 next, and sent 5; send what lies between first',
    ),
  );
  assert.throws(
    () => stored(0).check(tagOf(2), 'c2'),
    refusal(
      'request_invalid',
      'producer "p" of table "t" has to send seq 1 next, and sent 2; send what lies between first',
    ),
  );
});

test('a higher epoch goes on with the numbers and fences the older one, repetitions included', () => {
  const state = stored(3);
  assert.deepEqual(state.check(tagOf(3, 7), 'c3').outcome, 'duplicate');
  // A repetition stores nothing, so it fences nobody.
  assert.deepEqual(state.check(tagOf(4, 0), 'c4'), { outcome: 'new' });
  state.begin(tagOf(4, 7), 'c4', 1);
  const fenced = refusal(
    'forbidden',
    'producer "p" of table "t" is at epoch 7, and this request has epoch 6; ' +
      'another writer has taken over: stop, or take over in turn with a higher epoch',
  );
  assert.throws(() => state.check(tagOf(5, 6), 'c5'), fenced);
  state.settle(40);
  assert.throws(() => state.check(tagOf(5, 6), 'c5'), fenced);
  assert.throws(() => state.check(tagOf(4, 6), 'c4'), fenced);
  assert.deepEqual(state.check(tagOf(5, 7), 'c5'), { outcome: 'new' });
});

test('an epoch whose rows were not stored fences nobody', () => {
  const state = stored(1);
  state.begin(tagOf(2, 9), 'c2', 1);
  state.undo();
  assert.deepEqual([state.epoch, state.check(tagOf(2, 0), 'c2')], [0, { outcome: 'new' }]);
});

test('five in one group follow each other, and are settled or undone together', () => {
  const state = stored(1);
  for (let seq = 2; seq <= 6; seq++) {
    assert.deepEqual(state.check(tagOf(seq), `c${seq.toString()}`), { outcome: 'new' });
    state.begin(tagOf(seq), `c${seq.toString()}`, 1);
  }
  assert.deepEqual(state.check(tagOf(4), 'c4'), { outcome: 'pending' });
  assert.throws(() => state.check(tagOf(4), 'other'), EngineError);
  assert.deepEqual(
    state.begun.map(({ seq, checksum, rowCount, forgetBelow }) => [seq, checksum, rowCount, forgetBelow]),
    [2, 3, 4, 5, 6].map((seq) => [seq, `c${seq.toString()}`, 1, 1]),
  );
  assert.equal(state.seq, 1);
  state.undo();
  assert.deepEqual(state.check(tagOf(2), 'changed'), { outcome: 'new' });
  state.begin(tagOf(2), 'changed', 5);
  state.settle(90);
  assert.deepEqual(state.resultOf(2), { seq: 2, checksum: 'changed', commit: 90, rowCount: 5 });
  assert.deepEqual([state.begun, state.rowCount], [[], 6]);
});

test('two writers as one producer: the same rows are stored once, other rows are refused', () => {
  const state = stored(0);
  state.begin(tagOf(1), 'a', 1);
  assert.deepEqual(state.check(tagOf(1), 'a'), { outcome: 'pending' });
  assert.throws(() => state.check(tagOf(1), 'b'), /has stored other rows as seq 1; send new rows with seq 2/);
  state.settle(1);
  assert.equal(state.check(tagOf(1), 'a').outcome, 'duplicate');
});

test('a repetition whose result is not kept any more is a duplicate without a result', () => {
  const state = stored(PRODUCER_RESULTS_KEPT + 2);
  assert.deepEqual(state.check(tagOf(2), 'anything'), { outcome: 'duplicate', result: undefined });
  assert.equal(state.check(tagOf(3), 'c3').outcome, 'duplicate');
  assert.throws(() => state.check(tagOf(3), 'anything'), EngineError);
  state.begin(tagOf(state.seq + 1), 'next', 1);
  assert.equal(state.begun[0]?.forgetBelow, 4);
});

test('a state read from the catalog goes on where it was, in whatever order its results come', () => {
  const results = [2, 1, 3].map((seq) => ({ seq, checksum: `c${seq.toString()}`, commit: seq, rowCount: 1 }));
  const state = new ProducerState('t', tagOf(1), { epoch: 4, seq: 3, rowCount: 3, results });
  assert.equal(state.check(tagOf(1, 4), 'c1').outcome, 'duplicate');
  assert.deepEqual(state.check(tagOf(4, 4), 'c4'), { outcome: 'new' });
  assert.throws(() => state.check(tagOf(4, 3), 'c4'), /is at epoch 4/);
});

test('an idempotency key is used once', () => {
  const state = new ProducerState('t', KEY);
  state.begin(KEY, 'a', 3);
  state.settle(5);
  assert.deepEqual(state.check(KEY, 'a'), {
    outcome: 'duplicate',
    result: { seq: 1, checksum: 'a', commit: 5, rowCount: 3 },
  });
  assert.throws(
    () => state.check(KEY, 'b'),
    refusal(
      'already_exists',
      'the idempotency key "order-17" of table "t" was used for other rows; send new rows with a new key',
    ),
  );
  assert.notEqual(producerKey(KEY), producerKey({ kind: 'producer', name: KEY.name }));
});

type Step =
  | { readonly kind: 'request'; readonly epoch: number; readonly back: number; readonly content: string }
  | { readonly kind: 'settle' }
  | { readonly kind: 'undo' };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('request' as const),
      epoch: fc.nat(2),
      // Seq counted from the next expected one: 1 is a gap, -1 the last.
      back: fc.integer({ min: -3, max: 1 }),
      content: fc.constantFrom('a', 'b'),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'settle' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'undo' as const }) },
);

/** Everything as a plain list: an entry is settled when it has a commit. */
class Model {
  list: { readonly epoch: number; readonly content: string; commit: number | undefined }[] = [];

  expected(tag: AppendTag, content: string): string {
    const epoch = this.list.at(-1)?.epoch ?? 0;
    if (tag.epoch < epoch) return 'forbidden';
    const known = this.list[tag.seq - 1];
    if (known !== undefined) {
      if (known.content !== content) return 'already_exists';
      return known.commit === undefined ? 'pending' : `duplicate ${known.commit.toString()}`;
    }
    return tag.seq === this.list.length + 1 ? 'new' : 'request_invalid';
  }
}

test('random requests are judged as by a list of everything', () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
      const state = new ProducerState('t', tagOf(1));
      const model = new Model();
      let commit = 0;
      for (const step of steps) {
        if (step.kind === 'settle') {
          commit++;
          state.settle(commit);
          for (const entry of model.list) entry.commit ??= commit;
        } else if (step.kind === 'undo') {
          state.undo();
          model.list = model.list.filter((entry) => entry.commit !== undefined);
        } else {
          const tag = tagOf(Math.max(1, model.list.length + 1 + step.back), step.epoch);
          const wanted = model.expected(tag, step.content);
          assert.equal(judge(state, tag, step.content), wanted);
          if (wanted === 'new') {
            state.begin(tag, step.content, 1);
            model.list.push({ epoch: step.epoch, content: step.content, commit: undefined });
          }
        }
        assert.equal(state.seq + state.begun.length, model.list.length);
        assert.equal(state.seq, model.list.filter((entry) => entry.commit !== undefined).length);
      }
    }),
    { numRuns: 500 },
  );
});

function judge(state: ProducerState, tag: AppendTag, content: string): string {
  try {
    const found = state.check(tag, content);
    return found.outcome === 'duplicate' ? `duplicate ${String(found.result?.commit)}` : found.outcome;
  } catch (error) {
    return error instanceof EngineError ? error.code : String(error);
  }
}

test('commits of one key go in the order in which they were asked for, and without a wait when alone', async () => {
  const order = new SubmitOrder();
  const alone = order.enter('a');
  assert.equal(alone.before, undefined);
  alone.leave();
  assert.equal(order.enter('a').before, undefined, 'the first one is gone at once');

  const places = [1, 2, 3].map(() => order.enter('b'));
  const went: number[] = [];
  const runs = places.map(async (place, i) => {
    await place.before;
    went.push(i);
  });
  places[1]?.leave();
  await runs[0];
  assert.deepEqual(went, [0]);
  places[0]?.leave();
  await Promise.all(runs);
  assert.deepEqual(went, [0, 1, 2]);
  places[2]?.leave();
  await Promise.resolve();
  assert.equal(order.enter('other').before, undefined);
});
