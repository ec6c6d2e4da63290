/**
 * Merged dictionaries: rows keep their values, dictionaries only grow, and begin anew where they cannot.
 *
 * Method: batches under random dictionaries go through a DictionaryMerger; values are read before and after and must be
 * equal; what the merger gives as a dictionary must begin with the one it gave before, unless it says that it began
 * anew. Seeds are printed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import { DictionaryMerger } from '../../src/arrow/dictionary-merge.ts';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { sliceVector } from '../../src/arrow/slice.ts';
import type { DataType, IntType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { joinVectors } from '../../src/arrow/concat.ts';
import { bytesOf } from '../support/ipc.ts';
import { makeRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import { UTF8 } from '../support/sample.ts';

const EMPTY = new Uint8Array(0);

type DictionaryType = Extract<DataType, { id: 'dictionary' }>;

function dictionaryType(
  value: DataType,
  bitWidth: IntType['bitWidth'],
  signed = true,
  ordered = false,
): DictionaryType {
  return { id: 'dictionary', index: { id: 'int', bitWidth, signed }, value, ordered, dictionaryId: 0n };
}

/** Indices into `dictionary`; null where undefined. */
function indexed(type: DictionaryType, dictionary: Vector, indices: readonly (number | undefined)[]): Vector {
  const width = type.index.bitWidth / 8;
  const bytes = new Uint8Array(indices.length * width);
  const validity = new Uint8Array(Math.ceil(indices.length / 8));
  let nulls = 0;
  indices.forEach((index, i) => {
    // What lies under a null is beyond the dictionary, on purpose.
    bytes[i * width] = index === undefined ? 0x7f : index & 255;
    if (width > 1) bytes[i * width + 1] = (index ?? 0) >> 8;
    if (index === undefined) nulls++;
    else validity[i >> 3] = (validity[i >> 3] ?? 0) | (1 << (i & 7));
  });
  const buffers = [nulls === 0 ? EMPTY : validity, bytes];
  return { type, length: indices.length, nullCount: nulls, buffers, children: [], dictionary };
}

/** A vector of a nested type without nulls of its own. */
function nested(type: DataType, length: number, buffers: readonly Uint8Array[], child: Vector): Vector {
  return { type, length, nullCount: 0, buffers: [EMPTY, ...buffers], children: [child], dictionary: undefined };
}

function batchOf(...columns: readonly Vector[]): RecordBatch {
  const schema = makeSchema(columns.map((column, i) => makeField(`c${i.toString()}`, column.type)));
  return { schema, rowCount: columns[0]?.length ?? 0, columns };
}

function valuesOf(vector: Vector): Value[] {
  const read = makeReader(vector);
  return Array.from({ length: vector.length }, (_, i) => read(i));
}

function rowsIn(batch: RecordBatch): Value[][] {
  return batch.columns.map(valuesOf);
}

function texts(values: readonly (string | null)[]): Vector {
  return buildVector(UTF8, values);
}

function below(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

/** A dictionary of random words, some of them twice, some null. */
function randomTexts(random: Random, words: number, length: number): Vector {
  return texts(Array.from({ length }, () => (random() < 0.05 ? null : `word ${below(random, words).toString()}`)));
}

function randomIndices(random: Random, length: number, dictionary: Vector): (number | undefined)[] {
  return Array.from({ length }, () => (random() < 0.1 ? undefined : below(random, dictionary.length)));
}

/** Every dictionary of a vector, outer before inner. */
function dictionariesOf(vector: Vector, found: Vector[] = []): Vector[] {
  if (vector.dictionary !== undefined) {
    found.push(vector.dictionary);
    dictionariesOf(vector.dictionary, found);
  }
  for (const child of vector.children) dictionariesOf(child, found);
  return found;
}

/** Holds what the merger gives against the batches; returns how often it began anew. */
function checkMerge(batches: readonly RecordBatch[]): number {
  const merger = new DictionaryMerger();
  let before: Vector[] | undefined;
  let run: RecordBatch[] = [];
  let restarts = 0;
  for (const batch of batches) {
    const wanted = rowsIn(batch);
    const merged = merger.merge(batch);
    assert.deepEqual(rowsIn(merged.batch), wanted);
    assert.equal(merged.batch.rowCount, batch.rowCount);
    const now = merged.batch.columns.flatMap((column) => dictionariesOf(column));
    if (merged.restarted) {
      restarts++;
      run = [];
    } else {
      before?.forEach((old, i) => {
        const grown = now[i] as Vector;
        assert.ok(grown.length >= old.length, 'a dictionary shrank');
        assert.deepEqual(valuesOf(grown).slice(0, old.length), valuesOf(old), 'a dictionary changed');
      });
    }
    before = now;
    run.push(merged.batch);
    // Batches of one run can be joined: their dictionaries are one.
    for (let i = 0; i < batch.columns.length; i++) {
      const joined = joinVectors(run.map((one) => one.columns[i] as Vector));
      assert.deepEqual(
        valuesOf(joined),
        run.flatMap((one) => rowsIn(one)[i]),
      );
    }
  }
  return restarts;
}

for (const [bitWidth, signed] of [
  [8, true],
  [8, false],
  [16, true],
  [32, true],
  [64, true],
  [64, false],
] as const) {
  const name = `${signed ? '' : 'u'}int${bitWidth.toString()}`;
  test(`random text dictionaries under ${name} keep their rows and only grow`, (t) => {
    let restarts = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const random = makeRandom(seed * 7_919 + bitWidth);
      const type = dictionaryType(UTF8, bitWidth, signed);
      const words = 1 + below(random, 500);
      const shared = randomTexts(random, words, 1 + below(random, 90));
      const batches = Array.from({ length: 12 }, () => {
        const dictionary = random() < 0.3 ? shared : randomTexts(random, words, 1 + below(random, 90));
        return batchOf(indexed(type, dictionary, randomIndices(random, below(random, 40), dictionary)));
      });
      try {
        restarts += checkMerge(batches);
      } catch (error) {
        t.diagnostic(`seed ${seed.toString()}`);
        throw error;
      }
    }
    // 500 words do not fit below 128 or 256; in wider indices they do.
    if (bitWidth === 8) assert.ok(restarts > 0, 'no dictionary overflowed');
    else assert.equal(restarts, 0);
  });
}

test('values that no two are equal by are told apart: null, empty, a byte order mark, numbers, structs, NaN', () => {
  const type = dictionaryType(UTF8, 8);
  const tricky = ['', null, '\ufeffa', 'a', 'n', 'v', 'vn', '\u0000', '|'];
  const forward = texts(tricky);
  const backward = texts(tricky.toReversed());
  const all = tricky.map((_, i) => i);
  assert.equal(checkMerge([batchOf(indexed(type, forward, all)), batchOf(indexed(type, backward, all))]), 0);
  const double: DataType = { id: 'float', bitWidth: 64 };
  const struct: DataType = { id: 'struct', children: [makeField('a', double), makeField('b', UTF8)] };
  const values = [
    [0, 'x'],
    [-0, 'x'],
    [null, 'x'],
    [NaN, ''],
    [0, null],
    [1, 'x'],
  ] as const;
  const structsOf = (pairs: readonly (readonly [number | null, string | null])[]): Vector => ({
    ...nested(
      struct,
      pairs.length,
      [],
      buildVector(
        double,
        pairs.map(([a]) => a),
      ),
    ),
    children: [
      buildVector(
        double,
        pairs.map(([a]) => a),
      ),
      texts(pairs.map(([, b]) => b)),
    ],
  });
  const structs = dictionaryType(struct, 16);
  const indices = values.map((_, i) => i);
  const first = batchOf(indexed(structs, structsOf(values), indices));
  const second = batchOf(indexed(structs, structsOf(values.toReversed()), indices));
  const merger = new DictionaryMerger();
  merger.merge(first);
  const merged = merger.merge(second).batch.columns[0] as Vector;
  assert.equal(merged.dictionary?.length, values.length);
  const found = valuesOf(merged).map((value) => (value as [string, Value][]).map(([, member]) => member));
  // Zeros of both signs are values of their own.
  assert.deepStrictEqual(found, values.toReversed());
});

test('a dictionary that is continued, repeated or cut short begins nothing anew, also when it is ordered', () => {
  for (const ordered of [false, true]) {
    const type = dictionaryType(UTF8, 8, true, ordered);
    const batches = [['a', 'b'], ['a', 'b', 'c'], ['a'], ['a', 'b', 'c', 'd']].map((words) =>
      batchOf(indexed(type, texts(words), [0, undefined, words.length - 1])),
    );
    assert.equal(checkMerge(batches), 0);
  }
});

test('an ordered dictionary that goes another way begins anew, and an unordered one takes it in', () => {
  const orders = [
    ['a', 'b', 'c'],
    ['a', 'c'],
    ['c', 'b'],
    ['a', 'a'],
  ];
  const run = (ordered: boolean): number =>
    checkMerge(orders.map((words) => batchOf(indexed(dictionaryType(UTF8, 8, true, ordered), texts(words), [0, 1]))));
  assert.equal(run(true), 3);
  assert.equal(run(false), 0);
});

test('an index type is filled to its last value before its dictionary begins anew', () => {
  const type = dictionaryType(UTF8, 8);
  const words = (from: number, to: number): Vector =>
    texts(Array.from({ length: to - from }, (_, i) => `w${(from + i).toString()}`));
  const full = batchOf(indexed(type, words(0, 100), [0, 99]));
  const exact = batchOf(indexed(type, words(100, 128), [0, 27]));
  const more = batchOf(indexed(type, words(128, 129), [0]));
  const merger = new DictionaryMerger();
  assert.equal(merger.merge(full).restarted, false);
  const second = merger.merge(exact);
  assert.equal(second.restarted, false);
  assert.deepEqual(valuesOf(second.batch.columns[0] as Vector), ['w100', 'w127']);
  assert.equal(second.batch.columns[0]?.dictionary?.length, 128);
  const third = merger.merge(more);
  assert.equal(third.restarted, true);
  assert.deepEqual(valuesOf(third.batch.columns[0] as Vector), ['w128']);
});

test('one column beginning anew says so for the batch, and leaves the others as they are', () => {
  const narrow = dictionaryType(UTF8, 8, true, true);
  const wide = dictionaryType(UTF8, 32);
  const merger = new DictionaryMerger();
  merger.merge(batchOf(indexed(narrow, texts(['a', 'b']), [1]), indexed(wide, texts(['x']), [0])));
  const second = merger.merge(batchOf(indexed(narrow, texts(['b']), [0]), indexed(wide, texts(['y']), [0])));
  assert.equal(second.restarted, true);
  assert.deepEqual(rowsIn(second.batch), [['b'], ['y']]);
  assert.deepEqual(
    second.batch.columns.map((column) => column.dictionary?.length),
    [1, 2],
  );
});

/** dictionary<struct<dictionary<utf8>>>: the outer values mean by the inner dictionary. */
function nestedBatch(random: Random, inner: DictionaryType, words: number): RecordBatch {
  const innerDictionary = randomTexts(random, words, 1 + below(random, 12));
  const length = 1 + below(random, 12);
  const struct: DataType = { id: 'struct', children: [makeField('w', inner)] };
  const child = indexed(inner, innerDictionary, randomIndices(random, length, innerDictionary));
  const values = nested(struct, length, [], child);
  const outer = dictionaryType(struct, 16);
  return batchOf(indexed(outer, values, randomIndices(random, below(random, 30), values)));
}

test('dictionaries within dictionaries keep their rows, also when only the inner ones begin anew', (t) => {
  let restarts = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const random = makeRandom(seed);
    // The inner index counts to 127; words are many, so that it overflows while the outer one never does.
    const inner = dictionaryType(UTF8, 8);
    const words = seed % 2 === 0 ? 400 : 30;
    try {
      restarts += checkMerge(Array.from({ length: 30 }, () => nestedBatch(random, inner, words)));
    } catch (error) {
      t.diagnostic(`seed ${seed.toString()}`);
      throw error;
    }
  }
  assert.ok(restarts > 10, `only ${restarts.toString()} inner dictionaries overflowed`);
});

test('dictionaries within lists, structs and slices keep their rows', (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = makeRandom(seed);
    const type = dictionaryType(UTF8, 16);
    const list: DataType = { id: 'list', child: makeField('item', type) };
    const batches = Array.from({ length: 8 }, () => {
      const dictionary = randomTexts(random, 50, 1 + below(random, 20));
      const offsets = [0, 2, 2, 5, 9, 10];
      const items = indexed(type, dictionary, randomIndices(random, 12, dictionary));
      const lists = nested(list, 5, [bytesOf(Int32Array.from(offsets))], items);
      const start = below(random, 3);
      return batchOf(sliceVector(lists, start, start + 3), sliceVector(items, start, start + 3));
    });
    try {
      assert.equal(checkMerge(batches), 0);
    } catch (error) {
      t.diagnostic(`seed ${seed.toString()}`);
      throw error;
    }
  }
});
