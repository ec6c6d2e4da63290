/**
 * Random valid vectors of every type, for properties and fuzzers.
 *
 * Hides layouts. Invariants: valid as vector.ts promises, with some nulls where the type can say so; overlapping and
 * backward views, offsets that do not begin at 0, and children longer than needed do occur.
 */
import { makeField } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { TYPE_TABLE } from '../../src/arrow/type.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { bytesOf } from './ipc.ts';
import type { Random } from './random.ts';

const EMPTY = new Uint8Array(0);
const int = (bitWidth: 8 | 16 | 32 | 64, signed = true): DataType => ({ id: 'int', bitWidth, signed });

/** One or more types of every layout; nested ones over a few simple ones. */
export const SAMPLE_TYPES: readonly DataType[] = [
  { id: 'null' },
  { id: 'bool' },
  int(8),
  int(16, false),
  int(32),
  int(64),
  { id: 'float', bitWidth: 16 },
  { id: 'float', bitWidth: 64 },
  { id: 'decimal', bitWidth: 128, precision: 38, scale: 3 },
  { id: 'fixed_binary', byteWidth: 3 },
  { id: 'date', unit: 'day' },
  { id: 'timestamp', unit: 'microsecond', timezone: 'UTC' },
  { id: 'interval', unit: 'month_day_nano' },
  { id: 'utf8' },
  { id: 'large_utf8' },
  { id: 'utf8_view' },
  { id: 'binary' },
  { id: 'large_binary' },
  { id: 'binary_view' },
  { id: 'list', child: makeField('item', { id: 'utf8' }) },
  { id: 'large_list', child: makeField('item', int(16)) },
  { id: 'list_view', child: makeField('item', { id: 'utf8_view' }) },
  { id: 'large_list_view', child: makeField('item', { id: 'bool' }) },
  { id: 'fixed_list', child: makeField('item', { id: 'bool' }), listSize: 3 },
  {
    id: 'struct',
    children: [makeField('a', int(32)), makeField('b', { id: 'utf8' }), makeField('c', { id: 'bool' })],
  },
  {
    id: 'map',
    keysSorted: false,
    child: makeField(
      'entries',
      { id: 'struct', children: [makeField('key', { id: 'utf8' }, false), makeField('value', int(8))] },
      false,
    ),
  },
  {
    id: 'union',
    mode: 'sparse',
    typeIds: [3, 7],
    children: [makeField('a', int(32)), makeField('b', { id: 'utf8' })],
  },
  {
    id: 'union',
    mode: 'dense',
    typeIds: [3, 7],
    children: [makeField('a', int(32)), makeField('b', { id: 'utf8' })],
  },
  {
    id: 'dictionary',
    index: { id: 'int', bitWidth: 8, signed: true },
    value: { id: 'utf8' },
    ordered: false,
    dictionaryId: 0n,
  },
  { id: 'run_end', runEnds: makeField('run_ends', int(16), false), values: makeField('values', { id: 'utf8' }) },
  { id: 'run_end', runEnds: makeField('run_ends', int(64), false), values: makeField('values', int(8)) },
];

/** A vector of `length` rows; without nulls at its top when `nullable` is false. */
export function randomVector(type: DataType, length: number, random: Random, nullable = true): Vector {
  const below = (bound: number): number => Math.floor(random() * bound);
  const base = { type, length, dictionary: undefined, children: [] as Vector[] };
  const [validity, nullCount] = nullable ? randomValidity(length, random) : [EMPTY, 0];
  switch (type.id) {
    case 'null':
      return { ...base, nullCount: length, buffers: [] };
    case 'bool':
      return { ...base, nullCount, buffers: [validity, randomBytes(Math.ceil(length / 8), below)] };
    case 'utf8':
    case 'binary':
    case 'large_utf8':
    case 'large_binary': {
      const [offsets, bytes] = randomTexts(length, below, type.id.startsWith('large'));
      return { ...base, nullCount, buffers: [validity, offsets, bytes] };
    }
    case 'utf8_view':
    case 'binary_view':
      return { ...base, nullCount, buffers: [validity, ...randomViews(length, below)] };
    case 'list':
    case 'map':
    case 'large_list': {
      const [offsets, last] = randomOffsets(length, below, type.id === 'large_list');
      const child = randomVector(type.child.type, last + 2, random, type.child.nullable);
      return { ...base, nullCount, buffers: [validity, offsets], children: [child] };
    }
    case 'list_view':
    case 'large_list_view': {
      const child = randomVector(type.child.type, length * 2 + 4, random);
      const starts = Array.from({ length }, () => below(child.length - 3));
      const sizes = Array.from({ length }, () => below(3));
      const buffers = [
        validity,
        integers(starts, type.id === 'large_list_view'),
        integers(sizes, type.id === 'large_list_view'),
      ];
      return { ...base, nullCount, buffers, children: [child] };
    }
    case 'fixed_list':
      return {
        ...base,
        nullCount,
        buffers: [validity],
        children: [randomVector(type.child.type, length * type.listSize + 1, random)],
      };
    case 'struct': {
      const children = type.children.map((field) =>
        randomVector(field.type, length + below(2), random, field.nullable),
      );
      return { ...base, nullCount, buffers: [validity], children };
    }
    case 'union':
      return randomUnion(type, length, random);
    case 'dictionary': {
      const dictionary = randomVector(type.value, 7, random);
      const indices = Int8Array.from({ length }, () => below(7));
      return { ...base, nullCount, buffers: [validity, bytesOf(indices)], dictionary };
    }
    case 'run_end':
      return randomRuns(type, length, random);
    default:
      return {
        ...base,
        nullCount,
        buffers: [validity, randomBytes(length * TYPE_TABLE[type.id].byteWidth(type), below)],
      };
  }
}

type Below = (bound: number) => number;

function randomBytes(length: number, below: Below): Uint8Array {
  return Uint8Array.from({ length }, () => below(256));
}

function randomValidity(length: number, random: Random): readonly [Uint8Array, number] {
  if (random() < 0.3) return [EMPTY, 0];
  const bits = new Uint8Array(Math.ceil(length / 8));
  let nulls = 0;
  for (let i = 0; i < length; i++) {
    if (random() < 0.2) nulls++;
    else bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
  }
  return nulls === 0 ? [EMPTY, 0] : [bits, nulls];
}

function integers(values: readonly number[], wide: boolean): Uint8Array {
  return wide ? bytesOf(BigInt64Array.from(values, BigInt)) : bytesOf(Int32Array.from(values));
}

function randomOffsets(length: number, below: Below, wide: boolean): readonly [Uint8Array, number] {
  let last = below(3);
  const offsets = [last, ...Array.from({ length }, () => (last += below(4)))];
  return [integers(offsets, wide), last];
}

const WORDS = [
  '',
  'a',
  'ü',
  'twelve bytes',
  'thirteen byte',
  'a text that is too long for a view',
  '日本語の文字列です',
];

function randomTexts(length: number, below: Below, wide: boolean): readonly [Uint8Array, Uint8Array] {
  const texts = Array.from({ length: length + 1 }, () => Buffer.from(WORDS[below(WORDS.length)] ?? ''));
  let end = 0;
  const ends = texts.map((text) => (end += text.byteLength));
  return [integers(ends, wide), new Uint8Array(Buffer.concat(texts))];
}

/** Views and two buffers; long values are shared, and lie in any order. */
function randomViews(length: number, below: Below): Uint8Array[] {
  const data = [Buffer.from(WORDS.join('')), Buffer.from(WORDS.toReversed().join('-'))];
  const views = Buffer.alloc(length * 16);
  for (let i = 0; i < length; i++) {
    const word = Buffer.from(WORDS[below(WORDS.length)] ?? '');
    const which = below(2);
    views.writeInt32LE(word.byteLength, i * 16);
    word.copy(views, i * 16 + 4, 0, word.byteLength <= 12 ? 12 : 4);
    if (word.byteLength <= 12) continue;
    views.writeInt32LE(which, i * 16 + 8);
    views.writeInt32LE(data[which]?.indexOf(word) ?? 0, i * 16 + 12);
  }
  return [new Uint8Array(views), ...data.map((bytes) => new Uint8Array(bytes))];
}

function randomUnion(type: Extract<DataType, { id: 'union' }>, length: number, random: Random): Vector {
  const which = Array.from({ length }, () => Math.floor(random() * type.children.length));
  const ids = bytesOf(Int8Array.from(which, (w) => type.typeIds[w] ?? 0));
  const base = { type, length, nullCount: 0, dictionary: undefined };
  if (type.mode === 'sparse') {
    return {
      ...base,
      buffers: [ids],
      children: type.children.map((field) => randomVector(field.type, length + 1, random)),
    };
  }
  const next = type.children.map(() => 1);
  const starts = which.map((w) => (next[w] = (next[w] ?? 0) + (random() < 0.8 ? 1 : 0)));
  const children = type.children.map((field, i) => randomVector(field.type, (next[i] ?? 0) + 2, random));
  return { ...base, buffers: [ids, bytesOf(Int32Array.from(starts))], children };
}

function randomRuns(type: Extract<DataType, { id: 'run_end' }>, length: number, random: Random): Vector {
  const ends: number[] = [];
  for (let end = 0; end < length;) ends.push((end += 1 + Math.floor(random() * 5)));
  const wide = type.runEnds.type.id === 'int' && type.runEnds.type.bitWidth === 64;
  const bytes = wide ? integers(ends, true) : bytesOf(Int16Array.from(ends));
  const runEnds: Vector = {
    type: type.runEnds.type,
    length: ends.length,
    nullCount: 0,
    buffers: [EMPTY, bytes],
    children: [],
    dictionary: undefined,
  };
  const children = [runEnds, randomVector(type.values.type, ends.length, random)];
  return { type, length, nullCount: 0, buffers: [], children, dictionary: undefined };
}
