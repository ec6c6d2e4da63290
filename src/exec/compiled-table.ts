/**
 * The table of groups in the memory of a pipeline, and those of its keys of text.
 *
 * Hides growth. They lie behind what the memory keeps: for each key of text its arena and its slots, then the slots of
 * the groups, then their entries. Invariants: before a block of rows there is room for as many new groups and texts as
 * it may make; parts only move up, the last first, so that none is written over before it moved; slots are filled anew
 * by code whenever anything moves.
 */
import { CODE_BLOCK_ROWS } from '../base/limits.ts';
import type { PipelineMemory } from './compiled-memory.ts';
import type { AggregatePipeline } from './compiled-pipeline.ts';
import { TEXT_ITEM_BYTES, TEXT_SLOT_BYTES, TEXT_TABLE } from './compiled-text-key.ts';

/** So many slots that at most half of them are taken. */
function slotsFor(count: number): number {
  let slots = 1;
  while (slots < count * 2) slots *= 2;
  return slots;
}

/** The table of one key of text. */
interface TextTable {
  /** Where its words stand. */
  readonly pointer: number;
  /** What finds the room of a block's text. */
  readonly room: number;
  /** Texts and bytes that there is room for. */
  count: number;
  bytes: number;
}

export class GroupTable {
  readonly #memory: PipelineMemory;
  readonly #pipeline: AggregatePipeline;
  readonly #texts: readonly TextTable[];
  #capacity = 0;

  constructor(pipeline: AggregatePipeline, memory: PipelineMemory) {
    this.#pipeline = pipeline;
    this.#memory = memory;
    const { shape, groups } = pipeline;
    this.#texts = groups.flatMap(({ kind, expr, pointer }) => {
      const slot = shape.slots[shape.place(expr)?.index ?? 0];
      return kind === 'text' ? [{ pointer, room: slot?.pointer ?? 0, count: 0, bytes: 0 }] : [];
    });
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
    let moves = this.#makeTextRoom();
    const wanted = this.count + CODE_BLOCK_ROWS;
    if (wanted > this.#capacity) {
      this.#capacity = Math.max(wanted, this.#capacity * 2);
      moves = true;
    }
    if (moves) this.layOut(nullable);
  }

  /** True when there has to be more for a block of new texts. */
  #makeTextRoom(): boolean {
    const memory = this.#memory;
    let moves = false;
    for (const text of this.#texts) {
      const count = memory.word(text.pointer + TEXT_TABLE.count) + CODE_BLOCK_ROWS;
      const more = memory.roomOf(text.room) + CODE_BLOCK_ROWS * TEXT_ITEM_BYTES;
      const bytes = memory.word(text.pointer + TEXT_TABLE.used) + more;
      if (count <= text.count && bytes <= text.bytes) continue;
      if (count > text.count) text.count = Math.max(count, text.count * 2);
      if (bytes > text.bytes) text.bytes = Math.max(bytes, text.bytes * 2);
      moves = true;
    }
    return moves;
  }

  /** Lays all out behind what the memory keeps, with what is there. */
  layOut(nullable: boolean): void {
    const { table, stride } = this.#pipeline;
    const memory = this.#memory;
    let at = memory.end;
    const texts = this.#texts.map(({ pointer, bytes, count }) => {
      const arena = at;
      const slots = arena + Math.ceil(bytes / 8) * 8;
      const slotCount = slotsFor(count);
      at = slots + slotCount * TEXT_SLOT_BYTES;
      return { pointer, arena, slots, slotCount, end: at };
    });
    const slots = at;
    const slotCount = slotsFor(this.#capacity);
    const entries = slots + slotCount * 4;
    memory.reserve(entries + this.#capacity * stride);
    this.#move(this.entries, entries, this.count * stride);
    for (const { pointer, arena } of texts.toReversed()) {
      const used = memory.word(pointer + TEXT_TABLE.used);
      this.#move(memory.word(pointer + TEXT_TABLE.arena), arena, used);
    }
    memory.bytes.fill(0, slots, entries);
    memory.setWord(table + 4, entries);
    memory.setWord(table + 8, slots);
    memory.setWord(table + 12, slotCount - 1);
    for (const text of texts) {
      memory.bytes.fill(0, text.slots, text.end);
      memory.setWord(text.pointer + TEXT_TABLE.arena, text.arena);
      memory.setWord(text.pointer + TEXT_TABLE.slots, text.slots);
      memory.setWord(text.pointer + TEXT_TABLE.mask, text.slotCount - 1);
    }
    if (this.count > 0) memory.call('rehash', nullable);
  }

  #move(from: number, to: number, length: number): void {
    this.#memory.bytes.copyWithin(to, from, from + length);
  }
}
