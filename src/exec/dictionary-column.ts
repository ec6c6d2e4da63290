/**
 * New values for rows of a dictionary encoded column.
 *
 * Hides how values get numbers. Invariants: the new dictionary begins with the whole old one, and grows from batch to
 * batch while the batches share theirs, so that the last one serves all edited and untouched batches; only when the
 * index type is full is it made anew from the values in use.
 */
import { growDictionary } from '../arrow/concat.ts';
import { emptyVector } from '../arrow/slice.ts';
import { dictionaryIndexMax, typeName } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import { indexesOf } from '../function/byte-rows.ts';
import { formOf } from '../function/column.ts';
import { decodeVector } from '../function/decode.ts';
import { ColumnKeys } from '../function/key-table.ts';
import { bitAt, validityFrom, validityOf, writableBits } from '../function/validity.ts';
import type { Validity } from '../function/validity.ts';
import { gather } from '../function/gather.ts';
import { scatter } from './scatter.ts';

type DictionaryType = Extract<DataType, { id: 'dictionary' }>;

/** A dictionary that values are added to. */
class Growing {
  readonly source: Vector;
  #grown: Vector;
  /** Undefined where values cannot be compared: then each gets a number of its own. */
  readonly #keys: ColumnKeys | undefined;
  /** The index of each number of `#keys`. */
  readonly #places: number[] = [];

  constructor(source: Vector) {
    this.source = source;
    this.#grown = source;
    this.#keys = formOf(source.type).kind === 'none' ? undefined : new ColumnKeys(source.type);
    const present = validityOf(source).bits;
    this.#keys?.number(source, source.length).forEach((id, place) => {
      if (present === undefined || bitAt(present, place)) this.#places[id] ??= place;
    });
  }

  get dictionary(): Vector {
    return this.#grown;
  }

  /** Indexes of `values`, which have the dictionary's type; undefined when one would be above `most`. */
  number(values: Vector, present: Validity, most: number): Int32Array | undefined {
    const indexes = new Int32Array(values.length);
    const ids = this.#keys?.number(values, values.length);
    const fresh: number[] = [];
    for (let row = 0; row < values.length; row++) {
      if (present.bits !== undefined && !bitAt(present.bits, row)) continue;
      let place = ids === undefined ? undefined : this.#places[ids[row] as number];
      if (place === undefined) {
        place = this.#grown.length + fresh.length;
        if (place > most) return undefined;
        if (ids !== undefined) this.#places[ids[row] as number] = place;
        fresh.push(row);
      }
      indexes[row] = place;
    }
    if (fresh.length > 0) this.#grown = growDictionary([this.#grown, gather(values, Uint32Array.from(fresh))]);
    return indexes;
  }
}

/** One column of an UPDATE. */
export class DictionaryColumn {
  readonly #name: string;
  readonly #type: DictionaryType;
  /** The highest index. */
  readonly #most: number;
  #growing: Growing | undefined;

  constructor(name: string, type: DictionaryType) {
    this.#name = name;
    this.#type = type;
    this.#most = dictionaryIndexMax(type);
  }

  /** @see Replace. `values` are plain, or encoded as the column is. @throws `limit_exceeded` when the indexes run out */
  replace(old: Vector, values: Vector, selected: Uint32Array | undefined): Vector {
    const dictionary = old.dictionary ?? emptyVector(this.#type.value);
    if (values.dictionary === dictionary) {
      return withIndexes(old, indexesOf(values), ownValidity(values), selected, dictionary);
    }
    if (values.type.id === 'dictionary' && !isComparable(this.#type)) return scatter(old, values, selected);
    const plain = decodeVector(values);
    const present = validityOf(plain);
    if (this.#growing?.source !== dictionary) this.#growing = new Growing(dictionary);
    const indexes = this.#growing.number(plain, present, this.#most);
    if (indexes !== undefined) return withIndexes(old, indexes, present, selected, this.#growing.dictionary);
    this.#growing = undefined;
    return this.#encodeAnew(scatter(decodeVector(old), plain, selected), old);
  }

  /** A dictionary of the values in use, and no others. */
  #encodeAnew(plain: Vector, old: Vector): Vector {
    const present = validityOf(plain);
    const growing = new Growing(emptyVector(this.#type.value));
    const indexes = growing.number(plain, present, this.#most);
    if (indexes !== undefined) return withIndexes(old, indexes, present, undefined, growing.dictionary);
    const most = (this.#most + 1).toString();
    throw new EngineError(
      'limit_exceeded',
      `column "${this.#name}" is ${typeName(this.#type)}, and one batch can hold at most ${most} distinct values; ` +
        'the UPDATE makes more',
    );
  }
}

function isComparable(type: DictionaryType): boolean {
  return formOf(type.value).kind !== 'none';
}

/** Which indexes are present, whatever the dictionary has at them. */
function ownValidity(vector: Vector): Validity {
  const bits = vector.buffers[0];
  if (vector.nullCount === 0 || bits === undefined) return { bits: undefined, nullCount: 0 };
  return { bits, nullCount: vector.nullCount };
}

/** `old` with other indexes at the rows `selected` (all when undefined), over `dictionary`. */
function withIndexes(
  old: Vector,
  indexes: Int32Array,
  present: Validity,
  selected: Uint32Array | undefined,
  dictionary: Vector,
): Vector {
  const width = old.type.id === 'dictionary' ? old.type.index.bitWidth / 8 : 4;
  const rowCount = old.length;
  const bytes = new Uint8Array(rowCount * width);
  const bits = writableBits(ownValidity(old), rowCount);
  if (selected !== undefined) bytes.set((old.buffers[1] as Uint8Array).subarray(0, bytes.length));
  for (let i = 0; i < indexes.length; i++) {
    const row = selected === undefined ? i : (selected[i] as number);
    const isPresent = present.bits === undefined || bitAt(present.bits, i);
    const mask = 1 << (row & 7);
    const byte = bits[row >> 3] as number;
    bits[row >> 3] = isPresent ? byte | mask : byte & ~mask;
    const index = isPresent ? (indexes[i] as number) : 0;
    for (let k = 0; k < width; k++) bytes[row * width + k] = k < 4 ? (index >> (8 * k)) & 255 : 0;
  }
  const validity = validityFrom(bits, rowCount);
  return {
    type: old.type,
    length: rowCount,
    nullCount: validity.nullCount,
    buffers: [validity.bits ?? new Uint8Array(0), bytes],
    children: [],
    dictionary,
  };
}
