/**
 * Keys of text in generated code: a word of 64 bits for each.
 *
 * Hides how text is told apart. Text of up to seven bytes is its own word, with its length in the top byte, and costs
 * no table. Longer text is kept in an arena, once for each value, and its word is its place there under a top byte that
 * no length has. An item of the arena is a word, the length below and the upper half of the hash above; a word for the
 * group of the text, where it is the only key; and the bytes, filled up to eight. A slot is such a half, and the place
 * of an item in words, from 1 on, below it; 0 is empty. The rows of a block are gone through twice, so that nothing but
 * the table's memory is waited for while slots are looked at. Invariants: equal text has equal words across batches;
 * null has the word of empty text and is told by its null bit; at most half of the slots are taken, and the arena has
 * room for a block's text, before a block begins. Method: open addressing, linear probing; bytes are read eight at a
 * time, the last eight from the end, and up to 24 of them without a branch.
 */
import { get, i32Const, i64Const, load, select } from '../codegen/code.ts';
import type { Code, FunctionBuilder, Label, Local } from '../codegen/code.ts';
import type { Frame } from './compiled-emit.ts';
import type { GroupKey } from './compiled-pipeline.ts';
import type { Shape } from './compiled-shape.ts';
import { i32, i64 } from './compiled-vocabulary.ts';

/** Where the words of a key's table stand, from its `pointer` on, and how many bytes they are. */
export const TEXT_TABLE = { used: 0, arena: 4, slots: 8, mask: 12, count: 16, touched: 24, bytes: 32 } as const;
/** Bytes of a slot. */
export const TEXT_SLOT_BYTES = 8;
/** Bytes of an item before its text, and where its group stands among them. */
const HEAD_BYTES = 16;
const GROUP = 8;
/** Bytes of an item beside its text, at most. */
export const TEXT_ITEM_BYTES = HEAD_BYTES + 8;

/** Slots from which on a table is not in the nearest cache, so that its parts are better asked for ahead. */
const SLOTS_FAR = 16_384;

const PACKED_BYTES = 7;
const NUMBERED = i64Const(0xffn << 56n);
const UPPER = i64Const(0xffffffffn << 32n);
/** Set in the upper half of every hash: no text that is its own word has it. */
const LONG = i64Const(1n << 63n);
const MULTIPLIER = i64Const(0x9e3779b97f4a7c15n);

/** Where the table is, in locals. */
interface Table {
  readonly arena: Code<'i32'>;
  readonly slots: Code<'i32'>;
  readonly mask: Code<'i32'>;
  readonly used: Local<'i32'>;
  readonly count: Local<'i32'>;
}

/** One text of eight bytes or more; `last`: the address of its last eight. */
interface Text {
  readonly start: Code<'i32'>;
  readonly length: Code<'i32'>;
  readonly last: Code<'i32'>;
}

function word(pointer: number, name: keyof typeof TEXT_TABLE): Code<'i32'> {
  return load('i32', 'i32.load', i32Const(0), pointer + TEXT_TABLE[name]);
}

function readTable(fn: FunctionBuilder, pointer: number): Table {
  const used = fn.local('i32', 'used');
  const count = fn.local('i32', 'texts');
  fn.set(used, word(pointer, 'used'));
  fn.set(count, word(pointer, 'count'));
  return {
    arena: fn.bind(word(pointer, 'arena'), 'arena'),
    slots: fn.bind(word(pointer, 'slots'), 'slots'),
    mask: fn.bind(word(pointer, 'mask'), 'mask'),
    used,
    count,
  };
}

function read(address: Code<'i32'>): Code<'i64'> {
  return load('i64', 'i64.load', address, 0);
}

function upper(code: Code<'i64'>): Code<'i32'> {
  return i32.wrap(i64.shr_u(code, i64Const(32n)));
}

/** Bytes that are read without a branch. */
const STRAIGHT_BYTES = 24;

/** `body` with addresses of words that are all of a text, the last of them from its end. */
function eachWord(fn: FunctionBuilder, { start, length, last }: Text, body: (at: Code<'i32'>) => void): void {
  body(start);
  const second = i32.add(start, i32Const(8));
  body(fn.bind(select(i32.lt_u(second, last), second, last), 'second'));
  fn.when(i32.gt_u(length, i32Const(STRAIGHT_BYTES)), () => {
    const at = fn.local('i32', 'at');
    fn.set(at, i32.add(start, i32Const(16)));
    fn.loop('words', (again) => {
      body(get(at));
      fn.set(at, i32.add(get(at), i32Const(8)));
      fn.branch(again, i32.lt_u(get(at), last));
    });
  });
  body(last);
}

/** All bytes mixed, in the upper half; the length in the lower one. */
function headOf(fn: FunctionBuilder, text: Text): Code<'i64'> {
  const hash = fn.local('i64', 'hash');
  fn.set(hash, i64.extend_u(text.length));
  eachWord(fn, text, (at) => {
    fn.set(hash, i64.mul(i64.xor(i64.rotl(get(hash), i64Const(29n)), read(at)), MULTIPLIER));
  });
  // What tells the last bytes apart is in the highest bits alone.
  const mixed = i64.mul(i64.xor(get(hash), i64.shr_u(get(hash), i64Const(32n))), MULTIPLIER);
  return i64.or(i64.or(i64.and(mixed, UPPER), LONG), i64.extend_u(text.length));
}

/** Leaves to `other` unless the text is that of the item whose bytes are `distance` behind it. */
function emitSame(fn: FunctionBuilder, text: Text, distance: Code<'i32'>, other: Label): void {
  eachWord(fn, text, (at) => fn.branch(other, i64.ne(read(at), read(i32.add(at, distance)))));
}

/** Puts the text into the arena and into the slot at `place`; answers its number. */
function emitInsert(
  fn: FunctionBuilder,
  table: Table,
  text: Text,
  place: Code<'i32'>,
  head: Code<'i64'>,
): Code<'i32'> {
  const number = fn.bind(i32.add(i32.shr_u(get(table.used), i32Const(3)), i32Const(1)), 'number');
  const item = fn.bind(i32.add(table.arena, get(table.used)), 'item');
  fn.store('i64.store', item, 0, head);
  fn.store('i64.store', item, GROUP, i64Const(0n));
  const distance = fn.bind(i32.sub(i32.add(item, i32Const(HEAD_BYTES)), text.start), 'distance');
  eachWord(fn, text, (at) => fn.store('i64.store', i32.add(at, distance), 0, read(at)));
  fn.set(table.used, i32.add(get(table.used), itemBytes(text.length)));
  fn.set(table.count, i32.add(get(table.count), i32Const(1)));
  fn.store('i64.store', place, 0, i64.or(i64.and(head, UPPER), i64.extend_u(number)));
  return number;
}

/** Bytes of an item whose text has `length` bytes. */
function itemBytes(length: Code<'i32'>): Code<'i32'> {
  return i32.and(i32.add(length, i32Const(HEAD_BYTES + 7)), i32Const(-8));
}

/** Visits slot after slot from that of `hash` on, by their addresses, until `visit` leaves. */
function probe(
  fn: FunctionBuilder,
  { slots, mask }: Table,
  hash: Code<'i64'>,
  visit: (place: Code<'i32'>, found: Label) => void,
): void {
  const slot = fn.local('i32', 'slot');
  fn.set(slot, i32.and(upper(hash), mask));
  fn.block('numbered', (found) => {
    fn.loop('probe', (again) => {
      visit(fn.bind(i32.add(slots, i32.shl(get(slot), i32Const(3))), 'place'), found);
      fn.set(slot, i32.and(i32.add(get(slot), i32Const(1)), mask));
      fn.branch(again);
    });
  });
}

/** The address of the item of a number. */
function itemAt(arena: Code<'i32'>, number: Code<'i32'>): Code<'i32'> {
  return i32.add(arena, i32.shl(i32.sub(number, i32Const(1)), i32Const(3)));
}

/** Sets `to` to the number of a text that has `head`; it is given one if it has none. */
function emitNumber(fn: FunctionBuilder, table: Table, text: Text, head: Code<'i64'>, to: Local<'i32'>): void {
  probe(fn, table, head, (place, found) => {
    const held = fn.bind(read(place), 'held');
    fn.when(i64.eqz(held), () => {
      fn.set(to, emitInsert(fn, table, text, place, head));
      fn.branch(found);
    });
    fn.block('other', (other) => {
      fn.branch(other, i32.ne(upper(held), upper(head)));
      fn.set(to, i32.wrap(held));
      const item = fn.bind(itemAt(table.arena, get(to)), 'item');
      fn.branch(other, i64.ne(read(item), head));
      const distance = i32.sub(i32.add(item, i32Const(HEAD_BYTES)), text.start);
      emitSame(fn, text, fn.bind(distance, 'distance'), other);
      fn.branch(found);
    });
  });
}

/** The slot of a key. */
function slotOf(shape: Shape, { expr }: GroupKey): number {
  return shape.place(expr)?.index ?? 0;
}

/** Which of the rows have text in `key`; undefined where all do. */
export function textPresence(frame: Frame, key: GroupKey, row: Code<'i32'>): Code<'i32'> | undefined {
  return frame.emitter(row).row.textOffsets(slotOf(frame.pipeline.shape, key))[2];
}

/** Goes through the texts of the `selected` rows; `rowAt` is that at a place. */
type EachText = (body: (place: Code<'i32'>, start: Code<'i32'>, length: Code<'i32'>) => void) => void;

function textsOf(frame: Frame, key: GroupKey, selected: Code<'i32'>, rowAt: RowAt): EachText {
  const { fn } = frame;
  const { shape } = frame.pipeline;
  const slot = slotOf(shape, key);
  const base = fn.bind(load('i32', 'i32.load', i32Const(0), shape.slots[slot]?.pointer ?? 0), 'base');
  return (body) => {
    const k = fn.local('i32', 'k');
    fn.count('texts', k, selected, 1, () => {
      const { row } = frame.emitter(fn.bind(rowAt(get(k)), 'row'));
      const [offset, to, present] = row.textOffsets(slot);
      const from = fn.bind(offset, 'from');
      const bytes = i32.sub(to, from);
      const length = fn.bind(present === undefined ? bytes : select(present, bytes, i32Const(0)), 'length');
      body(i32.shl(get(k), i32Const(3)), fn.bind(i32.add(base, from), 'start'), length);
    });
  };
}

function longText(fn: FunctionBuilder, start: Code<'i32'>, length: Code<'i32'>): Text {
  return { start, length, last: fn.bind(i32.sub(i32.add(start, length), i32Const(8)), 'last') };
}

/** The word of a text that is its own. */
function shortWord(start: Code<'i32'>, length: Code<'i32'>): Code<'i64'> {
  const size = i64.extend_u(length);
  const outside = i64.shl(i64Const(-1n), i64.shl(size, i64Const(3n)));
  return i64.or(i64.and(read(start), i64.xor(outside, i64Const(-1n))), i64.shl(size, i64Const(56n)));
}

/**
 * Reads the slots of all rows of a large table, then their items, in loops of their own: the processor waits for many
 * of them at a time, and has them at hand when they are looked at one after the other. What is read is summed up, and
 * the sum stored for nobody, so that it is read at all.
 */
function emitTouch(
  fn: FunctionBuilder,
  { arena, slots, mask }: Table,
  { area, pointer }: GroupKey,
  selected: Code<'i32'>,
): void {
  const sum = fn.local('i64', 'sum');
  const touch = (codeOf: (held: Code<'i64'>) => readonly Code<'i64'>[]): void => {
    const k = fn.local('i32', 'k');
    fn.set(k, i32Const(0));
    fn.count('touch', k, selected, 1, () => {
      const head = load('i64', 'i64.load', i32.shl(get(k), i32Const(3)), area);
      const held = fn.bind(read(i32.add(slots, i32.shl(i32.and(upper(head), mask), i32Const(3)))), 'held');
      fn.set(sum, codeOf(held).reduce(i64.xor, get(sum)));
    });
  };
  fn.when(i32.ge_u(mask, i32Const(SLOTS_FAR)), () => {
    touch((held) => [held]);
    touch((held) => {
      // Of an empty slot it is what lies before the first item.
      const item = fn.bind(itemAt(arena, i32.wrap(held)), 'item');
      return [read(item), load('i64', 'i64.load', item, HEAD_BYTES + 8)];
    });
    fn.store('i64.store', i32Const(0), pointer + TEXT_TABLE.touched, get(sum));
  });
}

/** Where the groups of long text are kept. */
export interface TextGroups {
  /** The address of the four bytes for the group of the text that has a word. */
  readonly placeOf: (word: Code<'i64'>) => Code<'i32'>;
  /** 1 where there are so many that what is read of them had better be asked for ahead. */
  readonly isFar: Code<'i32'>;
}

/** Answers the row at a place among the selected. */
type RowAt = (place: Code<'i32'>) => Code<'i32'>;

/**
 * Puts the words of a key of text from its `area` on, for the `selected` rows.
 */
export function emitTextWords(frame: Frame, key: GroupKey, selected: Code<'i32'>, rowAt: RowAt): TextGroups {
  const { fn } = frame;
  const table = readTable(fn, key.pointer);
  const eachText = textsOf(frame, key, selected, rowAt);
  const made = fn.local('i64', 'word');
  const all = fn.local('i64', 'all');
  fn.set(all, i64Const(0n));
  fn.comment('words of short text, hashes of long text');
  eachText((place, start, length) => {
    const long = (): void => fn.set(made, headOf(fn, longText(fn, start, length)));
    fn.when(i32.le_u(length, i32Const(PACKED_BYTES)), () => fn.set(made, shortWord(start, length)), long);
    fn.set(all, i64.or(get(all), get(made)));
    fn.store('i64.store', place, key.area, get(made));
  });
  fn.comment('words of long text');
  fn.when(i64.lt_s(get(all), i64Const(0n)), () => {
    const number = fn.local('i32', 'number');
    emitTouch(fn, table, key, selected);
    eachText((place, start, length) => {
      fn.when(i32.gt_u(length, i32Const(PACKED_BYTES)), () => {
        const head = fn.bind(load('i64', 'i64.load', place, key.area), 'head');
        emitNumber(fn, table, longText(fn, start, length), head, number);
        fn.store('i64.store', place, key.area, i64.or(NUMBERED, i64.extend_u(get(number))));
      });
    });
  });
  fn.store('i32.store', i32Const(0), key.pointer + TEXT_TABLE.used, get(table.used));
  fn.store('i32.store', i32Const(0), key.pointer + TEXT_TABLE.count, get(table.count));
  return {
    placeOf: (made) => i32.add(itemAt(table.arena, i32.wrap(made)), i32Const(GROUP)),
    isFar: i32.ge_u(table.mask, i32Const(SLOTS_FAR)),
  };
}

/** Fills the empty slots of a key's table from its arena. */
export function emitTextRehash(fn: FunctionBuilder, { pointer }: GroupKey): void {
  const table = readTable(fn, pointer);
  const end = fn.bind(i32.add(table.arena, get(table.used)), 'end');
  const item = fn.local('i32', 'item');
  fn.set(item, table.arena);
  fn.block('items_end', (leave) => {
    fn.loop('items', (again) => {
      fn.branch(leave, i32.ge_u(get(item), end));
      const head = fn.bind(read(get(item)), 'head');
      probe(fn, table, head, (place, found) => {
        fn.when(i64.eqz(read(place)), () => {
          const number = i32.add(i32.shr_u(i32.sub(get(item), table.arena), i32Const(3)), i32Const(1));
          fn.store('i64.store', place, 0, i64.or(i64.and(head, UPPER), i64.extend_u(number)));
          fn.branch(found);
        });
      });
      fn.set(item, i32.add(get(item), itemBytes(i32.wrap(head))));
      fn.branch(again);
    });
  });
}
