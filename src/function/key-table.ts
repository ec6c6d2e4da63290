/**
 * Key tables: values to dense numbers, in order of first appearance. Grouping and DISTINCT stand on them.
 *
 * Hides hashing. Two tables suffice: one of pairs of 32-bit words, one of byte strings; longer keys (wide decimals,
 * several columns) are numbered pair by pair; lists
 * are byte strings of their values' numbers, structs the pairs of their fields'. Invariants: equal values get equal
 * numbers across batches; null is a value; -0 is 0 and every NaN is one NaN; tables only grow. Method: open
 * addressing, linear probing, at most half full.
 */
import { viewOf } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { WORD_COPY_BYTES_MAX } from '../base/limits.ts';
import { typeName } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, dictionaryByteRows, indexesOf } from './byte-rows.ts';
import type { ByteRows } from './byte-rows.ts';
import { bitsOf, formOf, numbersOf } from './column.ts';
import { decodeVector } from './decode.ts';
import { orderWordsOf } from './interval.ts';
import { listRowsOf } from './list-rows.ts';
import { partsOf } from './nested-type.ts';
import { MISSING } from './integers.ts';
import type { RangeKeys } from './range-keys.ts';
import { flatType, isComparable } from './signature.ts';
import { bitAt, validityOf } from './validity.ts';

const SLOTS_AT_FIRST = 1024;

function mix(low: number, high: number): number {
  let hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

/** Numbers pairs of 32-bit words. A slot holds number + 1, so 0 is empty. */
export class PairTable {
  #slots = new Int32Array(SLOTS_AT_FIRST);
  #keys = new Int32Array(SLOTS_AT_FIRST);
  #count = 0;
  /** The number of absent rows, once there was one. */
  #absentId = -1;

  /** Numbers given so far. */
  get count(): number {
    return this.#count;
  }

  get byteCount(): number {
    return this.#slots.byteLength + this.#keys.byteLength;
  }

  #makeRoom(rowCount: number): void {
    const wanted = this.#count + rowCount;
    if (wanted * 2 <= this.#slots.length) return;
    let size = this.#slots.length;
    while (size < wanted * 2) size *= 2;
    const keys = new Int32Array(size);
    keys.set(this.#keys.subarray(0, this.#count * 2));
    // The number of absent rows is in no slot, and must not come into one.
    const slots = new Int32Array(size);
    const mask = size - 1;
    const old = this.#slots;
    for (let at = 0; at < old.length; at++) {
      const id = old[at] as number;
      if (id === 0) continue;
      let slot = mix(keys[id * 2 - 2] as number, keys[id * 2 - 1] as number) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.#slots = slots;
    this.#keys = keys;
  }

  /**
   * Numbers rows: row i is (low[i × stride], high[i × stride + offset]). With `present`, absent rows share a number
   * of their own. `ids`: out, one number a row. With `isFixed` rows without a number get MISSING, and none is given
   * out.
   */
  number(
    low: Int32Array,
    high: Int32Array,
    layout: { readonly stride: number; readonly offset: number },
    ids: Uint32Array,
    present?: Uint8Array,
    isFixed = false,
  ): void {
    // Room is made in steps, so that few distinct values among many rows do not swell the table.
    const step = 4096;
    for (let start = 0; start < ids.length; start += step) {
      const end = Math.min(start + step, ids.length);
      if (!isFixed) this.#makeRoom(end - start);
      this.#numberRange(low, high, layout.stride, layout.offset, ids, start, end, present, isFixed);
    }
  }

  #numberRange(
    low: Int32Array,
    high: Int32Array,
    stride: number,
    offset: number,
    ids: Uint32Array,
    start: number,
    end: number,
    present: Uint8Array | undefined,
    isFixed: boolean,
  ): void {
    const slots = this.#slots;
    const keys = this.#keys;
    const mask = slots.length - 1;
    let count = this.#count;
    for (let i = start; i < end; i++) {
      if (present !== undefined && (((present[i >> 3] as number) >> (i & 7)) & 1) === 0) {
        if (this.#absentId < 0 && !isFixed) this.#absentId = count++;
        ids[i] = this.#absentId < 0 ? MISSING : this.#absentId;
        continue;
      }
      const x = low[i * stride] as number;
      const y = high[i * stride + offset] as number;
      let slot = mix(x, y) & mask;
      let id = slots[slot] as number;
      while (id !== 0 && (keys[id * 2 - 2] !== x || keys[id * 2 - 1] !== y)) {
        slot = (slot + 1) & mask;
        id = slots[slot] as number;
      }
      if (id === 0) {
        if (isFixed) {
          ids[i] = MISSING;
          continue;
        }
        keys[count * 2] = x;
        keys[count * 2 + 1] = y;
        id = ++count;
        slots[slot] = id;
      }
      ids[i] = id - 1;
    }
    this.#count = count;
  }
}

/** Numbers byte strings, of which it keeps copies. */
export class BytesTable {
  #slots = new Int32Array(SLOTS_AT_FIRST);
  #hashes = new Int32Array(SLOTS_AT_FIRST);
  #ends = new Float64Array(SLOTS_AT_FIRST);
  #arena = new Uint8Array(SLOTS_AT_FIRST * 8);
  #kept: DataView = viewOf(this.#arena);
  /** The buffer that the last string was in, and its words. */
  #buffer: Uint8Array = this.#arena;
  #given: DataView = this.#kept;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get byteCount(): number {
    return this.#slots.byteLength * 2 + this.#ends.byteLength + this.#arena.byteLength;
  }

  /** Takes a number that no string will have (for null). */
  reserve(): number {
    this.#makeRoom();
    this.#ends[this.#count] = this.#startOf(this.#count);
    this.#hashes[this.#count] = 0;
    return this.#count++;
  }

  #startOf(id: number): number {
    return id === 0 ? 0 : (this.#ends[id - 1] as number);
  }

  #makeRoom(): void {
    if ((this.#count + 1) * 2 <= this.#slots.length) return;
    const size = this.#slots.length * 2;
    const slots = new Int32Array(size);
    for (let at = 0; at < this.#slots.length; at++) {
      const id = this.#slots[at] as number;
      if (id === 0) continue;
      let slot = (this.#hashes[id - 1] as number) & (size - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (size - 1);
      slots[slot] = id;
    }
    const hashes = new Int32Array(size);
    hashes.set(this.#hashes);
    const ends = new Float64Array(size);
    ends.set(this.#ends);
    this.#slots = slots;
    this.#hashes = hashes;
    this.#ends = ends;
  }

  #store(buffer: Uint8Array, start: number, end: number, hash: number): void {
    const at = this.#startOf(this.#count);
    if (at + end - start > this.#arena.length) {
      const arena = new Uint8Array(Math.max(this.#arena.length * 2, at + end - start));
      arena.set(this.#arena.subarray(0, at));
      this.#arena = arena;
      this.#kept = viewOf(arena);
    }
    if (end - start > WORD_COPY_BYTES_MAX) {
      this.#arena.set(buffer.subarray(start, end), at);
    } else {
      let k = start;
      for (; k + 4 <= end; k += 4) this.#kept.setInt32(at + k - start, this.#given.getInt32(k, true), true);
      for (; k < end; k++) this.#arena[at + k - start] = buffer[k] as number;
    }
    this.#ends[this.#count] = at + end - start;
    this.#hashes[this.#count++] = hash;
  }

  #same(id: number, buffer: Uint8Array, start: number, end: number): boolean {
    const from = this.#startOf(id);
    if ((this.#ends[id] as number) - from !== end - start) return false;
    const [given, kept] = [this.#given, this.#kept];
    let k = start;
    for (; k + 4 <= end; k += 4) if (given.getInt32(k, true) !== kept.getInt32(from + k - start, true)) return false;
    for (; k < end; k++) if (this.#arena[from + k - start] !== buffer[k]) return false;
    return true;
  }

  /** The number of one string; one that has none gets the next, or with `isFixed` MISSING. */
  numberOf(buffer: Uint8Array, start: number, end: number, isFixed: boolean): number {
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#given = viewOf(buffer);
    }
    const hash = hashOf(buffer, this.#given, start, end);
    if (!isFixed) this.#makeRoom();
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = this.#slots[slot] as number;
      if (id === 0) {
        if (isFixed) return MISSING;
        this.#store(buffer, start, end, hash);
        this.#slots[slot] = this.#count;
        return this.#count - 1;
      }
      if (this.#hashes[id - 1] === hash && this.#same(id - 1, buffer, start, end)) return id - 1;
      slot = (slot + 1) & mask;
    }
  }
}

/** Word by word: three times as fast as byte by byte. */
function hashOf(buffer: Uint8Array, view: DataView, start: number, end: number): number {
  let hash = end - start;
  let k = start;
  for (; k + 4 <= end; k += 4) {
    hash = Math.imul(hash ^ view.getInt32(k, true), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; k < end; k++) hash = Math.imul(hash ^ (buffer[k] as number), 0x01000193);
  return mix(hash, end - start);
}

function keyBuffer(rows: ByteRows, row: number): Uint8Array {
  return rows.buffers[rows.which === undefined ? 0 : (rows.which[row] as number)] as Uint8Array;
}

/** The words of float64 keys, -0 as 0 and NaN as one NaN. */
function canonicalWords(numbers: Float64Array): Int32Array {
  const canonical = new Float64Array(numbers.length);
  // Adding 0 makes -0 positive; assigning NaN writes the one canonical NaN.
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number;
    canonical[i] = value === value ? value + 0 : NaN;
  }
  return new Int32Array(canonical.buffer);
}

/** Among the numbers of a dictionary's values, where -1 is not yet looked up: looked up, and without a number. */
const KNOWN_MISSING = -2;

const PAIRS = { stride: 2, offset: 1 };
const SINGLES = { stride: 1, offset: 0 };

/** The types of the parts that a nested type's numbers are made of; of a map its entries. */
function nestedParts(type: DataType): readonly DataType[] | undefined {
  return type.id === 'map' ? [type.child.type] : partsOf(type);
}

/** Numbers the values of one column. */
export class ColumnKeys {
  readonly #kind: 'number' | 'words' | 'bool' | 'bytes' | 'list' | 'struct';
  readonly #words: number;
  readonly #pairs = new PairTable();
  readonly #bytes: BytesTable | undefined;
  /** Pair tables of wide words: the first word pairs, then the joints. */
  readonly #joints: PairTable[] = [];
  /** Of a list's values, or of a struct's fields. */
  readonly #parts: readonly ColumnKeys[];
  #nullId = -1;
  #dictionary: Vector | undefined;
  #dictionaryIds = new Int32Array(0);

  /** @throws `sql_unsupported` when values of `type` cannot be told apart yet. */
  constructor(type: DataType) {
    const flat = flatType(type);
    const form = formOf(flat);
    const parts = form.kind === 'none' && isComparable(flat) ? nestedParts(flat) : undefined;
    if (form.kind === 'none' && type.id !== 'null' && parts === undefined) {
      throw new EngineError('sql_unsupported', `values of type ${typeName(type)} cannot be grouped or made distinct`);
    }
    const nested = flat.id === 'struct' ? 'struct' : 'list';
    this.#kind = form.kind !== 'none' ? form.kind : parts === undefined ? 'bool' : nested;
    this.#parts = parts?.map((part) => new ColumnKeys(part)) ?? [];
    this.#words = form.kind === 'words' ? form.words : 0;
    this.#bytes = this.#kind === 'bytes' || this.#kind === 'list' ? new BytesTable() : undefined;
  }

  /** Numbers given so far, null's included. */
  get count(): number {
    return this.#bytes?.count ?? this.#pairs.count;
  }

  get byteCount(): number {
    const joints = this.#joints.reduce((sum, table) => sum + table.byteCount, 0);
    const parts = this.#parts.reduce((sum, part) => sum + part.byteCount, 0);
    return this.#pairs.byteCount + joints + parts + (this.#bytes?.byteCount ?? 0);
  }

  /** One number a row; with `isFixed` values without one get MISSING, and none is given out. */
  number(column: Vector, rowCount: number, isFixed = false): Uint32Array<ArrayBuffer> {
    const vector = flatType(column.type) === column.type ? column : decodeVector(column);
    const ids = new Uint32Array(rowCount);
    const present = validityOf(vector).bits;
    if (this.#kind === 'bytes') {
      this.#numberBytes(vector, ids, present, isFixed);
      return ids;
    }
    if (this.#kind === 'list') {
      this.#numberLists(vector, ids, present, isFixed);
    } else if (this.#kind === 'struct') {
      this.#numberStructs(vector, ids, present, isFixed);
    } else if (this.#kind === 'number') {
      const words = canonicalWords(numbersOf(vector));
      this.#pairs.number(words, words, PAIRS, ids, present, isFixed);
    } else if (this.#kind === 'bool') {
      const bits = vector.type.id === 'null' ? new Uint8Array((rowCount + 7) >> 3) : bitsOf(vector);
      const values = new Int32Array(rowCount);
      for (let i = 0; i < rowCount; i++) values[i] = bitAt(bits, i) ? 1 : 0;
      this.#pairs.number(values, values, SINGLES, ids, present, isFixed);
    } else {
      this.#numberWords(orderWordsOf(vector), ids, present, isFixed);
    }
    return ids;
  }

  #numberWords(
    words: Int32Array,
    ids: Uint32Array<ArrayBuffer>,
    present: Uint8Array | undefined,
    isFixed: boolean,
  ): void {
    if (this.#words === 2) return this.#pairs.number(words, words, PAIRS, ids, present, isFixed);
    // Wider keys: number the low pair, then (number so far, next pair's number), the last of which is the key's own.
    const joint = (index: number): PairTable => (this.#joints[index] ??= new PairTable());
    let known = new Uint32Array(ids.length);
    joint(0).number(words, words, { stride: this.#words, offset: 1 }, known, present, isFixed);
    for (let k = 2; k < this.#words; k += 2) {
      const next = new Uint32Array(ids.length);
      const part = words.subarray(k);
      joint(k - 1).number(part, part, { stride: this.#words, offset: 1 }, next, present, isFixed);
      const last = k + 2 === this.#words;
      const joined = last ? ids : new Uint32Array(ids.length);
      const table = last ? this.#pairs : joint(k);
      const [low, high] = [new Int32Array(known.buffer), new Int32Array(next.buffer)];
      table.number(low, high, SINGLES, joined, present, isFixed);
      known = joined;
    }
  }

  /** A value without a number is in no list that has one: its MISSING is in no string. */
  #numberLists(vector: Vector, ids: Uint32Array, present: Uint8Array | undefined, isFixed: boolean): void {
    const table = this.#bytes as BytesTable;
    const { starts, ends, values } = listRowsOf(vector);
    const numbers = (this.#parts[0] as ColumnKeys).number(values, values.length, isFixed);
    const bytes = new Uint8Array(numbers.buffer);
    for (let i = 0; i < ids.length; i++) {
      if (present !== undefined && !bitAt(present, i)) ids[i] = this.#nullNumber(table, isFixed);
      else ids[i] = table.numberOf(bytes, (starts[i] as number) * 4, (ends[i] as number) * 4, isFixed);
    }
  }

  #numberStructs(
    vector: Vector,
    ids: Uint32Array<ArrayBuffer>,
    present: Uint8Array | undefined,
    isFixed: boolean,
  ): void {
    const joint = (index: number): PairTable => (this.#joints[index] ??= new PairTable());
    let known = new Uint32Array(ids.length);
    vector.children.forEach((child, k) => {
      const own = (this.#parts[k] as ColumnKeys).number(child, ids.length, isFixed);
      const joined = new Uint32Array(ids.length);
      joint(k).number(new Int32Array(known.buffer), new Int32Array(own.buffer), SINGLES, joined, undefined, isFixed);
      known = joined;
    });
    const words = new Int32Array(known.buffer);
    this.#pairs.number(words, words, SINGLES, ids, present, isFixed);
  }

  #nullNumber(table: BytesTable, isFixed: boolean): number {
    if (this.#nullId < 0 && !isFixed) this.#nullId = table.reserve();
    return this.#nullId < 0 ? MISSING : this.#nullId;
  }

  #numberBytes(vector: Vector, ids: Uint32Array, present: Uint8Array | undefined, isFixed: boolean): void {
    const table = this.#bytes as BytesTable;
    const coded = vector.type.id === 'dictionary' && vector.dictionary !== undefined;
    const rows = coded ? dictionaryByteRows(vector.dictionary) : byteRowsOf(vector);
    const indexes = coded ? indexesOf(vector) : undefined;
    if (coded && this.#dictionary !== vector.dictionary) {
      this.#dictionary = vector.dictionary;
      this.#dictionaryIds = new Int32Array(vector.dictionary.length).fill(-1);
    }
    const known = this.#dictionaryIds;
    for (let i = 0; i < ids.length; i++) {
      if (present !== undefined && !bitAt(present, i)) {
        ids[i] = this.#nullNumber(table, isFixed);
        continue;
      }
      const row = indexes === undefined ? i : (indexes[i] as number);
      let id = indexes === undefined ? -1 : (known[row] as number);
      if (id < 0) {
        if (id === KNOWN_MISSING && isFixed) {
          ids[i] = MISSING;
          continue;
        }
        id = table.numberOf(keyBuffer(rows, row), rows.starts[row] as number, rows.ends[row] as number, isFixed);
        if (indexes !== undefined) known[row] = id === MISSING ? KNOWN_MISSING : id;
      }
      ids[i] = id;
    }
  }
}

/** What numbers the values of one column. @see ColumnKeys, RangeKeys */
interface ColumnNumbers {
  readonly count: number;
  readonly byteCount: number;
  number(column: Vector, rowCount: number, isFixed: boolean): Uint32Array<ArrayBuffer>;
}

/** Numbers the combinations of values of several columns. */
export class RowKeys {
  readonly #columns: readonly ColumnNumbers[];
  readonly #joints: readonly PairTable[];

  /** Columns that have `ranges` are numbered by them. @throws `sql_unsupported` when a type cannot be told apart. */
  constructor(types: readonly DataType[], ranges: readonly (RangeKeys | undefined)[] = []) {
    this.#columns = types.map((type, c) => ranges[c] ?? new ColumnKeys(type));
    this.#joints = types.slice(1).map(() => new PairTable());
  }

  get count(): number {
    return this.#joints.at(-1)?.count ?? this.#columns[0]?.count ?? 0;
  }

  get byteCount(): number {
    return [...this.#columns, ...this.#joints].reduce((sum, keys) => sum + keys.byteCount, 0);
  }

  /** One number a row; there must be a column. With `isFixed` as for one column. */
  number(vectors: readonly Vector[], rowCount: number, isFixed = false): Uint32Array {
    let ids = (this.#columns[0] as ColumnNumbers).number(vectors[0] as Vector, rowCount, isFixed);
    vectors.forEach((vector, c) => {
      if (c === 0) return;
      const own = (this.#columns[c] as ColumnNumbers).number(vector, rowCount, isFixed);
      const joined = new Uint32Array(rowCount);
      const [left, right] = [new Int32Array(ids.buffer), new Int32Array(own.buffer)];
      (this.#joints[c - 1] as PairTable).number(left, right, SINGLES, joined, undefined, isFixed);
      ids = joined;
    });
    return ids;
  }
}
