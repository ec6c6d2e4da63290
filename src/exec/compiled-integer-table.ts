/**
 * The table of groups of one integer, which is hashed only as long as the keys lie too far apart.
 *
 * Hides which it is. Invariants: entries are the same either way, so that the table can change its mind whenever it is
 * laid out; slots by distance are no more than CODE_DIRECT_FREE, or CODE_DIRECT_PER_GROUP a group.
 */
import { CODE_BLOCK_ROWS, CODE_DIRECT_FREE, CODE_DIRECT_PER_GROUP } from '../base/limits.ts';
import type { PipelineMemory } from './compiled-memory.ts';
import type { AggregatePipeline, DirectPlaces } from './compiled-pipeline.ts';

/** A table that hashes its keys. */
interface Hashed {
  makeRoom(nullable: boolean): void;
  layOut(nullable: boolean): void;
}

/** Integers from `least` on. */
interface Range {
  readonly least: bigint;
  readonly most: bigint;
}

const LINE_BYTES = 64;

export class IntegerTable {
  readonly #pipeline: AggregatePipeline;
  readonly #places: DirectPlaces;
  readonly #memory: PipelineMemory;
  readonly #hashed: Hashed;
  /** What slots there are for; undefined while there are none. */
  #range: Range | undefined;
  #isDirect = true;
  /** Groups that there is room for. */
  #capacity = 0;

  /** `hashed`: a table over the same memory. */
  constructor(pipeline: AggregatePipeline, places: DirectPlaces, memory: PipelineMemory, hashed: Hashed) {
    this.#pipeline = pipeline;
    this.#places = places;
    this.#memory = memory;
    this.#hashed = hashed;
  }

  get count(): number {
    return this.#memory.word(this.#pipeline.table);
  }

  /** Address of the first entry. */
  get entries(): number {
    return this.#memory.word(this.#pipeline.table + 4);
  }

  /** Makes room for a block of new groups. */
  makeRoom(nullable: boolean): void {
    const wanted = this.count + CODE_BLOCK_ROWS;
    if (wanted > this.#capacity) {
      this.#capacity = Math.max(wanted, this.#capacity * 2);
      if (!this.#isDirect) this.#reconsider(nullable);
      // Entries come last, and stay where they are.
      else if (this.#range !== undefined) this.#memory.reserve(this.entries + this.#capacity * this.#pipeline.stride);
    }
    if (!this.#isDirect) this.#hashed.makeRoom(nullable);
  }

  /** Leaves hashing where the groups have become many for their range. */
  #reconsider(nullable: boolean): void {
    this.#memory.call('range', nullable);
    const range = this.#found();
    if (range !== undefined && this.#fits(range, this.count)) this.#count(range, nullable);
  }

  /** Lays slots and entries out behind what the memory keeps, the entries that are there included. */
  layOut(nullable: boolean): void {
    if (!this.#isDirect) this.#hashed.layOut(nullable);
    else if (this.#range !== undefined) this.#count(this.#range, nullable);
  }

  /** Takes in `rows` rows that lie in memory, the first of which is number `first` of the batch; answers how many counted. */
  run(nullable: boolean, rows: number, first: number): number {
    const memory = this.#memory;
    if (!this.#isDirect) return memory.call('run', nullable, rows, first);
    const selected = memory.call('keys', nullable, rows);
    if (selected === 0 || memory.word(this.#pipeline.failed) !== 0) return selected;
    if (!this.#reaches(selected, nullable)) {
      this.#isDirect = false;
      this.#range = undefined;
      this.#hashed.makeRoom(nullable);
      // Its slots may be of a time before those by distance.
      this.#hashed.layOut(nullable);
      return memory.call('run', nullable, rows, first);
    }
    memory.call('find', nullable, selected, first);
    if (this.#pipeline.cells.length > 0) memory.call('cells', nullable, selected);
    return selected;
  }

  /** The least and the greatest key that code found; undefined when there was none but null. */
  #found(): Range | undefined {
    const [least = 0n, most = 0n] = this.#memory.longs(this.#places.found, 2);
    return least > most ? undefined : { least, most };
  }

  /** True for a range that slots may be made for, with so many groups. */
  #fits({ least, most }: Range, groups: number): boolean {
    return most - least < BigInt(Math.max(CODE_DIRECT_FREE, groups * CODE_DIRECT_PER_GROUP));
  }

  /** Makes slots for the keys of a block; false when they lie too far from others. */
  #reaches(selected: number, nullable: boolean): boolean {
    const known = this.#range;
    const found = this.#found() ?? known ?? { least: 0n, most: 0n };
    if (known !== undefined && found.least >= known.least && found.most <= known.most) return true;
    const groups = this.count + selected;
    const least = known === undefined || found.least < known.least ? found.least : known.least;
    const most = known === undefined || found.most > known.most ? found.most : known.most;
    if (!this.#fits({ least, most }, groups)) return false;
    this.#count(known === undefined ? { least, most } : this.#spacious(known, { least, most }, groups), nullable);
    return true;
  }

  /** As much room again where keys went beyond what was known, so that slots are seldom made anew. */
  #spacious(known: Range, needed: Range, groups: number): Range {
    const more = needed.most - needed.least;
    const wide = {
      least: needed.least < known.least ? needed.least - more : needed.least,
      most: needed.most > known.most ? needed.most + more : needed.most,
    };
    return this.#fits(wide, groups) && wide.least >= -(1n << 63n) && wide.most < 1n << 63n ? wide : needed;
  }

  /** Lays the table out with a slot for each integer of `range`. */
  #count(range: Range, nullable: boolean): void {
    const { table, stride } = this.#pipeline;
    const memory = this.#memory;
    const slots = memory.end;
    const slotsEnd = slots + 4 * (Number(range.most - range.least) + 2);
    const entries = Math.ceil(slotsEnd / LINE_BYTES) * LINE_BYTES;
    const old = this.entries;
    memory.reserve(entries + this.#capacity * stride);
    memory.bytes.copyWithin(entries, old, old + this.count * stride);
    memory.bytes.fill(0, slots, entries);
    memory.setWord(table + 4, entries);
    memory.setWord(table + 8, slots);
    memory.longs(this.#places.least, 1)[0] = range.least;
    this.#range = range;
    this.#isDirect = true;
    if (this.count > 0) memory.call('index', nullable);
  }
}
