/**
 * One dictionary for batches that bring their own: values are looked up, new ones appended, indices rewritten.
 *
 * Hides where in nested types dictionaries stand. Invariants: rows keep their values; the dictionary of a field only
 * grows, as long as its index type can count it; then, and for ordered dictionaries that do not continue the one
 * before, it begins anew with the batch's own, and `merge` says so. Values count as equal when they are encoded by the
 * same bytes. Cost: linear in rows, and in values for each dictionary not seen before.
 */
import { present } from '../base/assert.ts';
import type { RecordBatch } from './batch.ts';
import { getBit } from './bits.ts';
import { growDictionary } from './concat.ts';
import { encodeBatch } from './ipc-write.ts';
import { integersOf } from './offsets.ts';
import { makeField, makeSchema } from './schema.ts';
import { sliceVector } from './slice.ts';
import { TYPE_TABLE, childFields, dictionaryIndexMax } from './type.ts';
import type { DataType } from './type.ts';
import { makeReader } from './value.ts';
import type { Vector } from './vector.ts';

type DictionaryType = Extract<DataType, { id: 'dictionary' }>;

const EMPTY = new Uint8Array(0);
const TEXT: ReadonlySet<string> = new Set(['utf8', 'large_utf8', 'utf8_view']);

/** A batch under merged dictionaries. */
export interface MergedBatch {
  readonly batch: RecordBatch;
  /** True when some dictionary begins anew: the batches before cannot share a segment with this one. */
  readonly restarted: boolean;
}

/** Merges the dictionaries of batches of one schema. */
export class DictionaryMerger {
  readonly #states = new Map<string, FieldDictionary>();
  #restarted = false;

  /** The batch with its dictionaries merged into those of the batches before. */
  merge(batch: RecordBatch): MergedBatch {
    this.#restarted = false;
    const columns = batch.columns.map((column, i) => this.#vector(column, i.toString()));
    const same = columns.every((column, i) => column === batch.columns[i]);
    return { batch: same ? batch : { ...batch, columns }, restarted: this.#restarted };
  }

  /** `path` names the place of the vector in the schema. */
  #vector(vector: Vector, path: string): Vector {
    if (vector.type.id === 'dictionary') return this.#dictionary(vector, vector.type, path);
    if (childFields(vector.type).length === 0) return vector;
    const children = vector.children.map((child, i) => this.#vector(child, `${path}.${i.toString()}`));
    return children.every((child, i) => child === vector.children[i]) ? vector : { ...vector, children };
  }

  #dictionary(vector: Vector, type: DictionaryType, path: string): Vector {
    const outside = this.#restarted;
    this.#restarted = false;
    const own = this.#vector(present(vector.dictionary, 'a dictionary'), `${path}.d`);
    // Values hold indices into dictionaries within them: when those begin anew, the same bytes mean something else.
    let state = this.#restarted ? undefined : this.#states.get(path);
    this.#restarted ||= outside;
    if (state === undefined) {
      state = new FieldDictionary(type);
      this.#states.set(path, state);
    }
    let places = state.place(own);
    if (places === undefined) {
      this.#restarted = true;
      state = new FieldDictionary(type);
      this.#states.set(path, state);
      places = present(state.place(own), 'a place in an empty dictionary');
    }
    const dictionary = present(state.values, 'values');
    if (places === 'same') return dictionary === vector.dictionary ? vector : { ...vector, dictionary };
    return { ...vector, buffers: [vector.buffers[0] ?? EMPTY, rewritten(vector, type, places)], dictionary };
  }
}

/** The merged dictionary of one field. */
class FieldDictionary {
  values: Vector | undefined;
  readonly #type: DictionaryType;
  readonly #indexMax: number;
  readonly #known = new Map<string, number>();
  /** What was found for the dictionaries seen: most batches of a segment share one. */
  readonly #places = new WeakMap<Vector, Uint32Array | 'same'>();

  constructor(type: DictionaryType) {
    this.#type = type;
    this.#indexMax = dictionaryIndexMax(type);
  }

  /** Where each value of `own` stands in the merged dictionary; undefined when they cannot be merged. */
  place(own: Vector): Uint32Array | 'same' | undefined {
    const seen = this.#places.get(own);
    if (seen !== undefined) return seen;
    const keyOf = valueKeys(own);
    const places = new Uint32Array(own.length);
    const added: number[] = [];
    const keys: string[] = [];
    const base = this.values?.length ?? 0;
    const fresh = new Map<string, number>();
    for (let i = 0; i < own.length; i++) {
      const key = keyOf(i);
      let at = this.#known.get(key) ?? fresh.get(key);
      // A dictionary may hold a value twice; the first of a new dictionary are kept as they are.
      if (at === undefined || base === 0) {
        at = base + added.length;
        added.push(i);
        keys.push(key);
        if (!fresh.has(key)) fresh.set(key, at);
      }
      places[i] = at;
    }
    if (base > 0 && (base + added.length - 1 > this.#indexMax || this.#breaksOrder(places))) return undefined;
    for (const [key, at] of fresh) if (!this.#known.has(key)) this.#known.set(key, at);
    if (added.length > 0) this.values = extended(this.values, own, added);
    else this.values ??= own;
    const result = places.every((at, i) => at === i) ? 'same' : places;
    this.#places.set(own, result);
    return result;
  }

  /** An ordered dictionary may only be continued: its values mean by their place. */
  #breaksOrder(places: Uint32Array): boolean {
    return this.#type.ordered && !places.every((at, i) => at === i);
  }
}

/** `values` with those of `own` at `added` (ascending) behind them. */
function extended(values: Vector | undefined, own: Vector, added: readonly number[]): Vector {
  if (values === undefined && added.length === own.length) return own;
  const parts: Vector[] = values === undefined ? [] : [values];
  for (let i = 0; i < added.length;) {
    const start = present(added[i], 'index');
    let end = start + 1;
    for (i++; i < added.length && added[i] === end; i++) end++;
    parts.push(sliceVector(own, start, end));
  }
  return growDictionary(parts);
}

/** Gives a text for each value that no other value has. */
function valueKeys(values: Vector): (index: number) => string {
  if (TEXT.has(values.type.id)) {
    const read = makeReader(values);
    return (index) => {
      const value = read(index);
      return typeof value === 'string' ? `v${value}` : 'n';
    };
  }
  const schema = makeSchema([makeField('v', values.type)]);
  return (index) => {
    const batch = { schema, rowCount: 1, columns: [sliceVector(values, index, index + 1)] };
    const { header, body } = encodeBatch(batch);
    return [header, ...body].map((bytes) => Buffer.from(bytes).toString('latin1')).join('|');
  };
}

/** The indices of `vector` by `places`; those of null rows are 0. */
function rewritten(vector: Vector, type: DictionaryType, places: Uint32Array): Uint8Array {
  const width = TYPE_TABLE.dictionary.byteWidth(type);
  const out = new Uint8Array(vector.length * width);
  const view = new DataView(out.buffer);
  const validity = vector.nullCount === 0 ? EMPTY : (vector.buffers[0] ?? EMPTY);
  const indices = integersOf(vector);
  for (let row = 0; row < vector.length; row++) {
    if (validity.byteLength > 0 && !getBit(validity, row)) continue;
    const at = places[indices[row] ?? 0] ?? 0;
    if (width === 1) view.setUint8(row, at);
    else if (width === 2) view.setUint16(2 * row, at, true);
    else view.setUint32(width * row, at, true);
  }
  return out;
}
