/**
 * One column's content as byte streams that do not depend on how its rows lie in memory or are cut into batches.
 *
 * Hides layouts; checksum.ts draws the streams. Invariants: rows are taken in order, any number at a time; only what
 * can be seen is read: null slots, items of null lists and the children of null structs are not; bytes given to a sink
 * may be views on the vector's buffers.
 */
import { bitmapBytes, fillOnes, putBits, sliceBits } from '../arrow/bits.ts';
import { integerWords, offsetWords, runEndAt, runIn } from '../arrow/offsets.ts';
import type { DataType } from '../arrow/type.ts';
import { TYPE_TABLE, childFields } from '../arrow/type.ts';
import { isPresent, typedView } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { asBuffer } from '../base/bytes.ts';
import { present } from '../base/assert.ts';

/** Takes the bytes of one stream. */
export interface ByteSink {
  add(bytes: Uint8Array): void;
}

/** What a column needs of the checksum. */
export interface ContentHost {
  makeSink(): ByteSink;
  /** A digest of one value, as text of Latin-1 characters. */
  digestValue(vector: Vector, index: number): string;
}

type OfType<Id extends DataType['id']> = Extract<DataType, { id: Id }>;

/** Values up to this are compared as they are. */
const PLAIN_KEY_BYTES = 64;
const VIEW_INLINE_BYTES = 12;
const ONES_STEP = 1 << 20;
const EMPTY = new Uint8Array(0);

/** Bits as bytes, whatever the bit that each piece begins at. */
class BitStream {
  readonly #sink: ByteSink;
  /** Bits that do not fill a byte yet. */
  #rest = 0;
  #restCount = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  add(bits: Uint8Array, start: number, end: number): void {
    const exact = sliceBits(bits, start, end);
    this.#take(end - start, this.#restCount === 0 ? exact : undefined, (out) => {
      putBits(out, this.#restCount, exact, end - start);
    });
  }

  addOnes(count: number): void {
    for (let left = count; left > 0; left -= ONES_STEP) {
      const step = Math.min(left, ONES_STEP);
      this.#take(step, undefined, (out) => {
        fillOnes(out, this.#restCount, step);
      });
    }
  }

  end(): void {
    if (this.#restCount > 0) this.#sink.add(Uint8Array.of(this.#rest));
  }

  /** `ready`: the bits as they are, when they begin a byte; else `put` writes them behind the rest. */
  #take(count: number, ready: Uint8Array | undefined, put: (out: Uint8Array) => void): void {
    const total = this.#restCount + count;
    let out = ready;
    if (out === undefined) {
      out = new Uint8Array(bitmapBytes(total));
      out[0] = this.#rest;
      put(out);
    }
    const full = Math.floor(total / 8);
    this.#sink.add(out.subarray(0, full));
    this.#restCount = total & 7;
    this.#rest = this.#restCount === 0 ? 0 : (out[full] ?? 0);
  }
}

/** Which rows are null: nothing as long as none is. */
class ValidityStream {
  readonly #bits: BitStream;
  #presentCount = 0;
  #begun = false;

  constructor(sink: ByteSink) {
    this.#bits = new BitStream(sink);
  }

  add(vector: Vector, start: number, end: number): void {
    const validity = vector.nullCount === 0 ? EMPTY : (vector.buffers[0] ?? EMPTY);
    if (validity.byteLength === 0 || !hasNull(validity, start, end)) {
      if (this.#begun) this.#bits.addOnes(end - start);
      else this.#presentCount += end - start;
      return;
    }
    if (!this.#begun) this.#bits.addOnes(this.#presentCount);
    this.#begun = true;
    this.#bits.add(validity, start, end);
  }

  end(): void {
    if (this.#begun) this.#bits.end();
  }
}

function hasNull(validity: Uint8Array, start: number, end: number): boolean {
  let i = start;
  const isNull = (row: number): boolean => (((validity[row >>> 3] ?? 0) >>> (row & 7)) & 1) === 0;
  for (; i < end && (i & 7) !== 0; i++) if (isNull(i)) return true;
  for (; i + 8 <= end; i += 8) if (validity[i >>> 3] !== 0xff) return true;
  for (; i < end; i++) if (isNull(i)) return true;
  return false;
}

/** Zeroes the values of null rows; `validity` begins at the first of the `count` rows. */
function zeroNulls(values: Uint8Array, width: number, validity: Uint8Array, count: number): void {
  const words = wordsOf(values, width, count);
  for (let first = 0; first < count; first += 8) {
    const bits = validity[first >>> 3] ?? 0;
    if (bits === 0xff) continue;
    const end = Math.min(first + 8, count);
    for (let i = first; i < end; i++) {
      if (((bits >>> (i & 7)) & 1) === 1) continue;
      if (words === undefined) values.fill(0, i * width, (i + 1) * width);
      else words[i] = 0;
    }
  }
}

/** Memory of our own as one number per value; undefined for widths that no typed array has. */
function wordsOf(
  values: Uint8Array,
  width: number,
  count: number,
): Uint8Array | Uint16Array | Uint32Array | Float64Array | undefined {
  if (width === 1) return values;
  if (width === 2) return typedView(Uint16Array, values, count);
  if (width === 4) return typedView(Uint32Array, values, count);
  return width === 8 ? typedView(Float64Array, values, count) : undefined;
}

/** Calls `run` for each stretch of present rows in [start, end). */
function eachPresentRun(vector: Vector, start: number, end: number, run: (from: number, to: number) => void): void {
  if (vector.nullCount === 0) {
    if (end > start) run(start, end);
    return;
  }
  let from = start;
  for (let i = start; i < end; i++) {
    if (isPresent(vector, i)) continue;
    if (i > from) run(from, i);
    from = i + 1;
  }
  if (end > from) run(from, end);
}

function bufferOf(vector: Vector, index: number): Uint8Array {
  return present(vector.buffers[index], 'a buffer');
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

export class ColumnContent {
  readonly #host: ContentHost;
  readonly #validity: ValidityStream;
  readonly #first: ByteSink;
  readonly #second: ByteSink;
  readonly #bits: BitStream;
  readonly #children: readonly ColumnContent[];
  /** Dictionary: code of each value by its key, and of each index of the dictionary at hand. */
  readonly #codes = new Map<string, number>();
  #codesOf: { readonly dictionary: Vector; readonly codes: Int32Array } | undefined;
  /** run_end: the last run, which the next may go on with. */
  #runKey = '';
  #runRows = 0;

  constructor(type: DataType, host: ContentHost) {
    this.#host = host;
    this.#validity = new ValidityStream(host.makeSink());
    this.#first = host.makeSink();
    this.#second = host.makeSink();
    this.#bits = new BitStream(this.#first);
    const children = type.id === 'run_end' ? [] : childFields(type);
    this.#children = children.map((child) => new ColumnContent(child.type, host));
  }

  /** Takes rows [start, end) of `vector`, which has this column's type. */
  add(vector: Vector, start: number, end: number): void {
    if (start === end) return;
    const { type } = vector;
    switch (type.id) {
      case 'null':
        return;
      case 'union':
        this.#addUnion(vector, type, start, end);
        return;
      case 'run_end':
        this.#addRuns(vector, start, end);
        return;
      default:
        this.#validity.add(vector, start, end);
        this.#addContent(vector, start, end);
    }
  }

  /** No rows follow. */
  end(): void {
    this.#validity.end();
    this.#bits.end();
    if (this.#runRows > 0) this.#endRun();
    for (const child of this.#children) child.end();
  }

  #addContent(vector: Vector, start: number, end: number): void {
    const { type } = vector;
    switch (type.id) {
      case 'bool':
        this.#addBools(vector, start, end);
        return;
      case 'utf8':
      case 'binary':
        this.#addTexts(vector, false, start, end);
        return;
      case 'large_utf8':
      case 'large_binary':
        this.#addTexts(vector, true, start, end);
        return;
      case 'utf8_view':
      case 'binary_view':
        this.#addViews(vector, start, end);
        return;
      case 'list':
      case 'map':
        this.#addLists(vector, false, start, end);
        return;
      case 'large_list':
        this.#addLists(vector, true, start, end);
        return;
      case 'list_view':
        this.#addListViews(vector, false, start, end);
        return;
      case 'large_list_view':
        this.#addListViews(vector, true, start, end);
        return;
      case 'fixed_list':
        eachPresentRun(vector, start, end, (from, to) => {
          this.#child(0).add(childOf(vector, 0), from * type.listSize, to * type.listSize);
        });
        return;
      case 'struct':
        eachPresentRun(vector, start, end, (from, to) => {
          this.#children.forEach((child, i) => {
            child.add(childOf(vector, i), from, to);
          });
        });
        return;
      case 'dictionary':
        this.#addCodes(vector, type, start, end);
        return;
      default:
        this.#addFixed(vector, TYPE_TABLE[type.id].byteWidth(type), start, end);
    }
  }

  #child(index: number): ColumnContent {
    return present(this.#children[index], 'a child column');
  }

  #addFixed(vector: Vector, width: number, start: number, end: number): void {
    const values = bufferOf(vector, 1).subarray(start * width, end * width);
    if (vector.nullCount === 0) {
      this.#first.add(values);
      return;
    }
    const copy = new Uint8Array(values);
    zeroNulls(copy, width, sliceBits(bufferOf(vector, 0), start, end), end - start);
    this.#first.add(copy);
  }

  #addBools(vector: Vector, start: number, end: number): void {
    const values = bufferOf(vector, 1);
    if (vector.nullCount === 0) {
      this.#bits.add(values, start, end);
      return;
    }
    const shown = new Uint8Array(sliceBits(values, start, end));
    const validity = sliceBits(bufferOf(vector, 0), start, end);
    for (let i = 0; i < shown.length; i++) shown[i] = (shown[i] ?? 0) & (validity[i] ?? 0);
    this.#bits.add(shown, 0, end - start);
  }

  #addTexts(vector: Vector, wide: boolean, start: number, end: number): void {
    const bytes = bufferOf(vector, 2);
    this.#addSpans(vector, wide, start, end, (from, to) => {
      this.#second.add(bytes.subarray(from, to));
    });
  }

  #addLists(vector: Vector, wide: boolean, start: number, end: number): void {
    this.#addSpans(vector, wide, start, end, (from, to) => {
      this.#child(0).add(childOf(vector, 0), from, to);
    });
  }

  /** The lengths of rows of a layout with offsets, and `take` for each stretch of what present rows show. */
  #addSpans(
    vector: Vector,
    wide: boolean,
    start: number,
    end: number,
    take: (from: number, to: number) => void,
  ): void {
    const width = wide ? 8 : 4;
    const count = end - start;
    const offsets = offsetWords(bufferOf(vector, 1).subarray(start * width, (end + 1) * width), wide, count + 1);
    const lengths = new Uint32Array(count);
    let from = offsets[0] ?? 0;
    let at = from;
    for (let i = 0; i < count; i++) {
      const next = offsets[i + 1] ?? 0;
      if (vector.nullCount === 0 || isPresent(vector, start + i)) lengths[i] = next - at;
      else if (next > at) {
        if (at > from) take(from, at);
        from = next;
      }
      at = next;
    }
    this.#first.add(bytesOf(lengths));
    if (at > from) take(from, at);
  }

  #addViews(vector: Vector, start: number, end: number): void {
    const views = bufferOf(vector, 1).subarray(16 * start, 16 * end);
    const words = typedView(Int32Array, views, 4 * (end - start));
    const lengths = new Uint32Array(end - start);
    for (let i = 0; i < lengths.length; i++) {
      if (isPresent(vector, start + i)) lengths[i] = words[4 * i] ?? 0;
    }
    this.#first.add(bytesOf(lengths));
    lengths.forEach((length, i) => {
      if (length === 0) return;
      if (length <= VIEW_INLINE_BYTES) {
        this.#second.add(views.subarray(16 * i + 4, 16 * i + 4 + length));
        return;
      }
      const at = words[4 * i + 3] ?? 0;
      this.#second.add(bufferOf(vector, 2 + (words[4 * i + 2] ?? 0)).subarray(at, at + length));
    });
  }

  #addListViews(vector: Vector, wide: boolean, start: number, end: number): void {
    const width = wide ? 8 : 4;
    const wordsOf = (index: number): Uint32Array =>
      offsetWords(bufferOf(vector, index).subarray(width * start, width * end), wide, end - start);
    const starts = wordsOf(1);
    const sizes = wordsOf(2);
    const lengths = new Uint32Array(end - start);
    for (let i = 0; i < lengths.length; i++) if (isPresent(vector, start + i)) lengths[i] = sizes[i] ?? 0;
    this.#first.add(bytesOf(lengths));
    const items = childOf(vector, 0);
    lengths.forEach((length, i) => {
      const at = starts[i] ?? 0;
      if (length > 0) this.#child(0).add(items, at, at + length);
    });
  }

  #addUnion(vector: Vector, type: OfType<'union'>, start: number, end: number): void {
    const ids = bufferOf(vector, 0).subarray(start, end);
    this.#first.add(ids);
    const places =
      type.mode === 'sparse'
        ? undefined
        : offsetWords(bufferOf(vector, 1).subarray(4 * start, 4 * end), false, end - start);
    const placeOf = (i: number): number => (places === undefined ? start + i : (places[i] ?? 0));
    const which = (i: number): number => type.typeIds.indexOf(((ids[i] ?? 0) << 24) >> 24);
    for (let i = 0; i < ids.length;) {
      const child = which(i);
      const from = placeOf(i);
      let to = from + 1;
      let next = i + 1;
      while (next < ids.length && ids[next] === ids[i] && placeOf(next) === to) {
        to++;
        next++;
      }
      this.#child(child).add(childOf(vector, child), from, to);
      i = next;
    }
  }

  #addRuns(vector: Vector, start: number, end: number): void {
    const ends = childOf(vector, 0);
    const values = childOf(vector, 1);
    let row = start;
    for (let run = runIn(ends, start); row < end; run++) {
      const to = Math.min(end, runEndAt(ends, run));
      const key = this.#keyOf(values, run);
      if (this.#runRows > 0 && key !== this.#runKey) this.#endRun();
      this.#runKey = key;
      this.#runRows += to - row;
      row = to;
    }
  }

  #endRun(): void {
    const rows = Buffer.alloc(8);
    rows.writeDoubleLE(this.#runRows);
    this.#first.add(rows);
    this.#addKey(this.#runKey);
    this.#runRows = 0;
  }

  #addKey(key: string): void {
    this.#second.add(bytesOf(Uint32Array.of(key.length)));
    this.#second.add(Buffer.from(key, 'latin1'));
  }

  #addCodes(vector: Vector, type: OfType<'dictionary'>, start: number, end: number): void {
    const dictionary = present(vector.dictionary, 'a dictionary');
    if (this.#codesOf?.dictionary !== dictionary) {
      this.#codesOf = { dictionary, codes: new Int32Array(dictionary.length).fill(-1) };
    }
    const known = this.#codesOf.codes;
    const { bitWidth, signed } = type.index;
    const width = bitWidth / 8;
    const rows = bufferOf(vector, 1).subarray(width * start, width * end);
    const indices = integerWords(rows, bitWidth, signed, end - start);
    const codes = new Uint32Array(end - start);
    for (let i = start; i < end; i++) {
      if (vector.nullCount > 0 && !isPresent(vector, i)) continue;
      const index = indices[i - start] ?? 0;
      let code = known[index] ?? -1;
      if (code < 0) known[index] = code = this.#codeOf(this.#keyOf(dictionary, index));
      codes[i - start] = code;
    }
    this.#first.add(bytesOf(codes));
  }

  #codeOf(key: string): number {
    const found = this.#codes.get(key);
    if (found !== undefined) return found;
    const code = this.#codes.size;
    this.#codes.set(key, code);
    this.#addKey(key);
    return code;
  }

  /** A text by which equal values of one column, and no others, are the same. */
  #keyOf(vector: Vector, index: number): string {
    const { type } = vector;
    if (!isPresent(vector, index)) return 'null';
    if (type.id === 'utf8' || type.id === 'binary') {
      const [from = 0, to = 0] = offsetWords(bufferOf(vector, 1).subarray(4 * index, 4 * index + 8), false, 2);
      if (to - from <= PLAIN_KEY_BYTES) return `=${asBuffer(bufferOf(vector, 2)).toString('latin1', from, to)}`;
    }
    const width = TYPE_TABLE[type.id].byteWidth(type);
    if (width > 0 && width <= PLAIN_KEY_BYTES && type.id !== 'dictionary') {
      return `=${asBuffer(bufferOf(vector, 1)).toString('latin1', width * index, width * (index + 1))}`;
    }
    return `#${this.#host.digestValue(vector, index)}`;
  }
}

function childOf(vector: Vector, index: number): Vector {
  return present(vector.children[index], 'a child vector');
}
