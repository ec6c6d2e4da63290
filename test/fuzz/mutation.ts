/**
 * Damage to bytes: blind (bits, words, cuts, repeats) and by structure (a known field of an Arrow flatbuffer).
 *
 * Hides Message.fbs and File.fbs as far as places go. Invariants: the input is never changed; a place that lies
 * outside of the bytes is passed over, so that damaged bytes can be damaged again.
 */
import type { Random } from '../support/random.ts';
import { below, pick } from './rounds.ts';

/** Flips a bit, overwrites a word or a byte, cuts, repeats or removes a stretch. */
export function damage(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = new Uint8Array(bytes);
  const at = below(random, copy.byteLength);
  const kind = random();
  if (kind < 0.55) copy[at] = (copy[at] ?? 0) ^ (1 << below(random, 8));
  else if (kind < 0.65) return copy.subarray(0, at);
  else if (kind < 0.75) copy.fill(random() < 0.5 ? 0xff : 0, at, at + pick(random, [1, 4, 8]));
  else if (kind < 0.85) copy[at] = below(random, 256);
  else if (kind < 0.9) copy.copyWithin(at, below(random, copy.byteLength), below(random, copy.byteLength));
  else {
    const end = Math.min(copy.byteLength, at + 1 + below(random, 64));
    const stretch = bytes.subarray(at, end);
    const parts = kind < 0.95 ? [bytes.subarray(0, end), stretch] : [bytes.subarray(0, at)];
    return new Uint8Array(Buffer.concat([...parts, bytes.subarray(end)]));
  }
  return copy;
}

/** Where a number of a flatbuffer lies; `offset` ones are relative (tables, vectors, strings). */
interface Place {
  readonly at: number;
  readonly width: 1 | 2 | 4 | 8;
  readonly isOffset: boolean;
}

type Kind =
  1 | 2 | 4 | 8 | 'text' | { readonly table: () => Shape } | { readonly tables: () => Shape } | { readonly words: 8 };
type Shape = readonly Kind[] | 'any' | ((tag: number) => Shape);

const WORDS: Kind = { words: 8 };
const pair: Shape = ['text', 'text'];
const pairs: Kind = { tables: () => pair };
const batchShape: Shape = [8, WORDS, WORDS, { table: () => [1, 1] }, WORDS];
const dictionaryShape: Shape = [8, { table: () => batchShape }, 1];
const field: Shape = [
  'text',
  1,
  1,
  { table: () => 'any' },
  { table: () => [8, { table: () => 'any' }, 1, 2] },
  { tables: () => field },
  pairs,
];
const schemaShape: Shape = [2, { tables: () => field }, pairs, WORDS];
const MESSAGE: readonly Kind[] = [
  2,
  1,
  { table: () => (tag) => [schemaShape, dictionaryShape, batchShape][tag - 1] ?? 'any' },
  8,
  pairs,
];
const FOOTER: readonly Kind[] = [2, { table: () => schemaShape }, WORDS, WORDS, pairs];

/** A count that no table of a sample comes near; shared offsets would unfold without end. */
const PLACES = 20_000;

class Walk {
  readonly places: Place[] = [];
  readonly #view: DataView;
  #tag = 0;

  constructor(view: DataView) {
    this.#view = view;
  }

  #has(at: number, width: number): boolean {
    return at >= 0 && at + width <= this.#view.byteLength && this.places.length < PLACES;
  }

  #note(at: number, width: Place['width'], isOffset = false): void {
    if (this.#has(at, width)) this.places.push({ at, width, isOffset });
  }

  /** Notes the offset at `at`, and gives what it points to. */
  target(at: number): number {
    this.#note(at, 4, true);
    return this.#has(at, 4) ? at + this.#view.getUint32(at, true) : -1;
  }

  table(at: number, given: Shape): void {
    if (!this.#has(at, 4)) return;
    const shape = typeof given === 'function' ? given(this.#tag) : given;
    this.#note(at, 4, true);
    const vtable = at - this.#view.getInt32(at, true);
    if (!this.#has(vtable, 4)) return;
    const slots = Math.min(16, (this.#view.getUint16(vtable, true) - 4) >> 1);
    for (let slot = -2; slot < slots; slot++) this.#note(vtable + 4 + 2 * slot, 2, true);
    for (let slot = 0; slot < slots; slot++) {
      const entry = vtable + 4 + 2 * slot;
      const offset = this.#has(entry, 2) ? this.#view.getUint16(entry, true) : 0;
      if (offset === 0) continue;
      const kind = typeof shape === 'string' || typeof shape === 'function' ? 4 : shape[slot];
      if (kind !== undefined) this.#field(at + offset, kind);
    }
  }

  #field(at: number, kind: Kind): void {
    if (typeof kind === 'number') {
      this.#note(at, kind);
      // The tag of a union stands before the union.
      if (kind === 1 && this.#has(at, 1)) this.#tag = this.#view.getUint8(at);
      return;
    }
    const target = this.target(at);
    if (!this.#has(target, 4)) return;
    if (kind !== 'text' && 'table' in kind) {
      this.table(target, kind.table());
      return;
    }
    this.#note(target, 4);
    const count = Math.min(this.#view.getUint32(target, true), 256);
    for (let i = 0; i < count && kind !== 'text'; i++) {
      if ('words' in kind) for (const word of [0, 8, 16]) this.#note(target + 4 + i * 16 + word, 8);
      else this.table(this.target(target + 4 + 4 * i), kind.tables());
    }
  }
}

function placesOf(bytes: Uint8Array, root: readonly Kind[]): readonly Place[] {
  const walk = new Walk(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  walk.table(walk.target(0), root);
  return walk.places;
}

const EDGES = [0n, 1n, 2n, -1n, 7n, 8n, 63n, 127n, 255n, 32_767n, 65_535n, 65_536n, 2n ** 31n - 1n, 2n ** 31n]
  .concat([2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)])
  .concat([16_777_216n, 1_000_000n, -2n, -8n, 4n]);

function read(view: DataView, { at, width }: Place): bigint {
  if (width === 8) return view.getBigInt64(at, true);
  return BigInt(width === 4 ? view.getInt32(at, true) : width === 2 ? view.getInt16(at, true) : view.getInt8(at));
}

function write(view: DataView, { at, width }: Place, value: bigint): void {
  if (width === 8) view.setBigInt64(at, BigInt.asIntN(64, value), true);
  else if (width === 4) view.setInt32(at, Number(BigInt.asIntN(32, value)), true);
  else if (width === 2) view.setInt16(at, Number(BigInt.asIntN(16, value)), true);
  else view.setInt8(at, Number(BigInt.asIntN(8, value)));
}

/** A copy in which one to three known fields of the flatbuffer hold other values. */
function changeFields(bytes: Uint8Array, random: Random, root: readonly Kind[]): Uint8Array {
  const copy = new Uint8Array(bytes);
  const view = new DataView(copy.buffer);
  const places = placesOf(copy, root);
  if (places.length === 0) return copy;
  const scalars = places.filter((place) => !place.isOffset);
  for (let changes = 1 + below(random, 3); changes > 0; changes--) {
    const place = pick(random, scalars.length > 0 && random() < 0.8 ? scalars : places);
    const other = pick(
      random,
      places.filter(({ width }) => width === place.width),
    );
    const kind = random();
    const value =
      kind < 0.45
        ? pick(random, EDGES)
        : kind < 0.65
          ? read(view, place) + pick(random, [1n, -1n, 8n, -8n, 64n])
          : kind < 0.85
            ? read(view, other)
            : read(view, place) * pick(random, [2n, -1n, 1_000n]);
    write(view, place, value);
  }
  return copy;
}

/** Changes known fields of a message header (without its prefix). */
export function changeHeader(header: Uint8Array, random: Random): Uint8Array {
  return changeFields(header, random, MESSAGE);
}

/** Changes known fields of a file's footer (without length and magic). */
export function changeFooter(footer: Uint8Array, random: Random): Uint8Array {
  return changeFields(footer, random, FOOTER);
}

/** A known message's number of places that can change: a test holds it against what the message has. */
export function headerPlaces(header: Uint8Array): number {
  return placesOf(header, MESSAGE).length;
}
