/**
 * Canonical vectors of one type, one after another, as one vector.
 *
 * Hides rebasing of offsets, views, runs and indices. Invariants: inputs are canonical (slice.ts) and have the same
 * type; so is the result; data buffers of views are shared, everything else is copied. Cost: linear in the bytes.
 * How a dictionary becomes canonical is given as an argument, because slicing itself joins.
 */
import { assert, present } from '../base/assert.ts';
import { concatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { MESSAGE_ROWS_MAX } from '../base/limits.ts';
import { bitmapBytes, fillOnes, putBits } from './bits.ts';
import { bytesOfWords, integersOf, narrow, offsetWords, widen } from './offsets.ts';
import type { DataType } from './type.ts';
import { TYPE_TABLE, dictionaryIndexMax, typeName } from './type.ts';
import type { Vector } from './vector.ts';
import { typedView } from './vector.ts';
import { VIEW_INLINE_BYTES } from './view-check.ts';

const EMPTY = new Uint8Array(0);
const INT32_MAX = 2_147_483_647;

/**
 * The vector whose beginning a joined vector is, so that dictionaries that grew are recognised without a comparison.
 */
const beginnings = new WeakMap<Vector, WeakRef<Vector>>();

/** Makes all of a vector canonical: `sliceVector` of all its rows. */
export type MakeCanonical = (vector: Vector) => Vector;

/**
 * Joins one or more canonical vectors; their dictionaries need not be. @throws `limit_exceeded` when the type cannot
 * count the result
 */
export function joinCanonical(parts: readonly Vector[], whole: MakeCanonical): Vector {
  const first = present(parts[0], 'a vector to join');
  if (parts.length === 1) return first;
  const length = sum(parts, (part) => part.length);
  bound(first.type, length, MESSAGE_ROWS_MAX, 'rows');
  const nullCount = sum(parts, (part) => part.nullCount);
  return joinContent(first.type, parts, length, nullCount, whole);
}

/** Remembers that `joined` begins with all of `first`. */
export function rememberBeginning(joined: Vector, first: Vector): void {
  if (joined !== first) beginnings.set(joined, new WeakRef(first));
}

function sum(parts: readonly Vector[], count: (part: Vector) => number): number {
  let total = 0;
  for (const part of parts) total += count(part);
  return total;
}

function bound(type: DataType, count: number, most: number, what: string): void {
  if (count <= most) return;
  throw new EngineError(
    'limit_exceeded',
    `${typeName(type)}: ${count.toString()} ${what} do not fit, at most ${most.toString()} do`,
  );
}

function joinContent(
  type: DataType,
  parts: readonly Vector[],
  length: number,
  nullCount: number,
  whole: MakeCanonical,
): Vector {
  const base = { type, length, nullCount, dictionary: undefined };
  switch (type.id) {
    case 'null':
      return { ...base, buffers: [], children: [] };
    case 'union':
      return joinUnion(type, parts, length, whole);
    case 'run_end':
      return joinRuns(type, parts, length, whole);
    case 'dictionary':
      return joinIndices(type, parts, length, nullCount, whole);
    default: {
      const validity = nullCount === 0 ? EMPTY : joinBits(parts, 0, length);
      const buffers = [validity, ...joinBuffers(type, parts, length)];
      return { ...base, buffers, children: joinChildren(parts, whole) };
    }
  }
}

function joinChildren(parts: readonly Vector[], whole: MakeCanonical): Vector[] {
  const count = parts[0]?.children.length ?? 0;
  return Array.from({ length: count }, (_, i) =>
    joinCanonical(
      parts.map((part) => present(part.children[i], 'a child')),
      whole,
    ),
  );
}

/** Buffer `index` of each part. */
function buffersAt(parts: readonly Vector[], index: number): Uint8Array[] {
  return parts.map((part) => present(part.buffers[index], 'a buffer'));
}

/** Bitmaps one after another; an empty validity means ones. */
function joinBits(parts: readonly Vector[], index: number, length: number): Uint8Array {
  const out = new Uint8Array(bitmapBytes(length));
  let at = 0;
  for (const part of parts) {
    const bits = present(part.buffers[index], 'a bitmap');
    if (index === 0 && part.nullCount === 0) fillOnes(out, at, part.length);
    else putBits(out, at, bits, part.length);
    at += part.length;
  }
  return out;
}

function joinBuffers(type: DataType, parts: readonly Vector[], length: number): Uint8Array[] {
  switch (type.id) {
    case 'bool':
      return [joinBits(parts, 1, length)];
    case 'utf8':
    case 'binary':
    case 'large_utf8':
    case 'large_binary': {
      const sizes = parts.map((part) => part.buffers[2]?.byteLength ?? 0);
      return [joinOffsets(type, parts, sizes, length), concatBytes(buffersAt(parts, 2))];
    }
    case 'utf8_view':
    case 'binary_view':
      return joinViews(parts);
    case 'list':
    case 'map':
    case 'large_list':
      return [joinOffsets(type, parts, childLengths(parts, 0), length)];
    case 'list_view':
    case 'large_list_view':
      return joinListViews(type, parts, length);
    case 'fixed_list':
    case 'struct':
      return [];
    default:
      return [concatBytes(buffersAt(parts, 1))];
  }
}

function childLengths(parts: readonly Vector[], index: number): number[] {
  return parts.map((part) => part.children[index]?.length ?? 0);
}

/** Offsets that go on where those of the part before ended; `sizes`: bytes or child rows of each part. */
function joinOffsets(type: DataType, parts: readonly Vector[], sizes: readonly number[], length: number): Uint8Array {
  const wide = type.id.startsWith('large');
  bound(
    type,
    sizes.reduce((a, b) => a + b, 0),
    INT32_MAX,
    'bytes or values',
  );
  const out = new Uint32Array(length + 1);
  let row = 0;
  let base = 0;
  parts.forEach((part, p) => {
    const offsets = offsetWords(present(part.buffers[1], 'offsets'), wide, part.length + 1);
    for (let i = 0; i <= part.length; i++) out[row + i] = base + (offsets[i] ?? 0);
    row += part.length;
    base += sizes[p] ?? 0;
  });
  return wide ? widen(out) : bytesOfWords(out);
}

function joinViews(parts: readonly Vector[]): Uint8Array[] {
  const views = concatBytes(buffersAt(parts, 1));
  const words = typedView(Int32Array, views, views.byteLength / 4);
  const data: Uint8Array[] = [];
  let at = 0;
  for (const part of parts) {
    for (const end = at + part.length * 4; at < end; at += 4) {
      if ((words[at] ?? 0) > VIEW_INLINE_BYTES) words[at + 2] = (words[at + 2] ?? 0) + data.length;
    }
    data.push(...part.buffers.slice(2));
  }
  return [views, ...data];
}

function joinListViews(type: DataType, parts: readonly Vector[], length: number): Uint8Array[] {
  const wide = type.id === 'large_list_view';
  const lengths = childLengths(parts, 0);
  bound(
    type,
    lengths.reduce((a, b) => a + b, 0),
    INT32_MAX,
    'values',
  );
  const starts = new Uint32Array(length);
  let row = 0;
  let base = 0;
  parts.forEach((part, p) => {
    const words = offsetWords(present(part.buffers[1], 'starts'), wide, part.length);
    for (let i = 0; i < words.length; i++) starts[row + i] = (words[i] ?? 0) + base;
    row += part.length;
    base += lengths[p] ?? 0;
  });
  return [wide ? widen(starts) : bytesOfWords(starts), concatBytes(buffersAt(parts, 2))];
}

function joinUnion(
  type: Extract<DataType, { id: 'union' }>,
  parts: readonly Vector[],
  length: number,
  whole: MakeCanonical,
): Vector {
  const base = { type, length, nullCount: 0, dictionary: undefined, children: joinChildren(parts, whole) };
  const ids = concatBytes(buffersAt(parts, 0));
  if (type.mode === 'sparse') return { ...base, buffers: [ids] };
  const childOf = new Uint8Array(256);
  type.typeIds.forEach((id, i) => (childOf[id] = i));
  const before = new Uint32Array(type.children.length);
  const starts = new Uint32Array(length);
  let row = 0;
  for (const part of parts) {
    const words = offsetWords(present(part.buffers[1], 'starts'), false, part.length);
    for (let i = 0; i < words.length; i++, row++) {
      starts[row] = (words[i] ?? 0) + (before[childOf[ids[row] ?? 0] ?? 0] ?? 0);
    }
    part.children.forEach((child, i) => (before[i] = (before[i] ?? 0) + child.length));
  }
  return { ...base, buffers: [ids, bytesOfWords(starts)] };
}

function joinRuns(
  type: Extract<DataType, { id: 'run_end' }>,
  parts: readonly Vector[],
  length: number,
  whole: MakeCanonical,
): Vector {
  const runs = sum(parts, (part) => part.children[0]?.length ?? 0);
  const { bitWidth } = type.runEnds.type as Extract<DataType, { id: 'int' }>;
  bound(type, length, bitWidth === 16 ? 32_767 : INT32_MAX, 'rows');
  const ends = new Uint32Array(runs);
  let run = 0;
  let row = 0;
  for (const part of parts) {
    for (const end of integersOf(present(part.children[0], 'run ends'))) ends[run++] = end + row;
    row += part.length;
  }
  const values = joinCanonical(
    parts.map((part) => present(part.children[1], 'run values')),
    whole,
  );
  const endType = type.runEnds.type;
  const endBuffers = [EMPTY, narrow(ends, type)];
  const runEnds: Vector = {
    type: endType,
    length: runs,
    nullCount: 0,
    buffers: endBuffers,
    children: [],
    dictionary: undefined,
  };
  return { type, length, nullCount: 0, buffers: [], children: [runEnds, values], dictionary: undefined };
}

/** Indices into one dictionary: the common one, the one that grew out of the others, or all of them joined. */
function joinIndices(
  type: Extract<DataType, { id: 'dictionary' }>,
  parts: readonly Vector[],
  length: number,
  nullCount: number,
  whole: MakeCanonical,
): Vector {
  const validity = nullCount === 0 ? EMPTY : joinBits(parts, 0, length);
  const used: UsedDictionary[] = [];
  for (const part of parts) addDictionary(used, present(part.dictionary, 'a dictionary'));
  const dictionary = joinDictionaries(used, whole);
  const width = TYPE_TABLE.dictionary.byteWidth(type);
  const indices = new Uint8Array(length * width);
  let at = 0;
  for (const part of parts) {
    const stored = present(part.buffers[1], 'indices');
    const base = baseOf(used, present(part.dictionary, 'a dictionary'));
    if (base === 0) indices.set(stored, at);
    else shiftIndices(indices, at, part, type, base);
    at += stored.byteLength;
  }
  return { type, length, nullCount, buffers: [validity, indices], children: [], dictionary };
}

function joinDictionaries(used: readonly UsedDictionary[], whole: MakeCanonical): Vector {
  const first = present(used[0], 'a dictionary').dictionary;
  if (used.length === 1) return first;
  const joined = joinCanonical(
    used.map((entry) => whole(entry.dictionary)),
    whole,
  );
  rememberBeginning(joined, first);
  return joined;
}

/** A dictionary that takes part in a join, and what its indices grow by. */
interface UsedDictionary {
  readonly dictionary: Vector;
  readonly base: number;
}

function grewOutOf(dictionary: Vector, older: Vector): boolean {
  let at: Vector | undefined = dictionary;
  while (at !== undefined && at !== older) at = beginnings.get(at)?.deref();
  return at === older;
}

function addDictionary(used: UsedDictionary[], dictionary: Vector): void {
  if (used.some((entry) => grewOutOf(entry.dictionary, dictionary))) return;
  const last = used.at(-1);
  if (last === undefined) used.push({ dictionary, base: 0 });
  else if (grewOutOf(dictionary, last.dictionary)) used[used.length - 1] = { dictionary, base: last.base };
  else used.push({ dictionary, base: last.base + last.dictionary.length });
}

function baseOf(used: readonly UsedDictionary[], dictionary: Vector): number {
  const entry = used.find((candidate) => grewOutOf(candidate.dictionary, dictionary));
  assert(entry !== undefined, 'expected the dictionary among those that are joined');
  return entry.base;
}

/** Writes the indices of `part` plus `base` at byte `at`; null slots become 0. @throws `limit_exceeded` */
function shiftIndices(
  out: Uint8Array,
  at: number,
  part: Vector,
  type: Extract<DataType, { id: 'dictionary' }>,
  base: number,
): void {
  const width = type.index.bitWidth / 8;
  const most = dictionaryIndexMax(type);
  const validity = part.nullCount === 0 ? undefined : part.buffers[0];
  const view = new DataView(out.buffer, out.byteOffset + at, part.length * width);
  integersOf(part).forEach((stored: number, i: number) => {
    if (validity !== undefined && (((validity[i >>> 3] ?? 0) >>> (i & 7)) & 1) === 0) return;
    const index = stored + base;
    bound(type, index, most, 'dictionary values');
    if (width === 1) view.setUint8(i, index);
    else if (width === 2) view.setUint16(2 * i, index, true);
    else view.setUint32(width * i, index, true);
  });
}
