/**
 * The code of aggregates with groups: a hash table in linear memory.
 *
 * Hides hashing. An entry is the words of its keys, a word of null bits, and the cells; a slot is the address of an
 * entry, or 0. Invariants: entries lie in order of first appearance; at most half of the slots are taken, and there is
 * room for a block of new groups, before `run(rows, first)` is called; it lists the rows that made groups, as numbers
 * from `first` on, and answers how many rows were selected; `rehash()` fills empty slots from the entries. Method: open
 * addressing, linear probing; a row whose keys are those of the row before is not looked up.
 */
import { FunctionBuilder, get, i32Const, i64Const, load, select } from '../codegen/code.ts';
import type { Code, FunctionCode, Label, Local } from '../codegen/code.ts';
import { Frame } from './compiled-emit.ts';
import type { Variant } from './compiled-emit.ts';
import type { AggregatePipeline, GroupKey } from './compiled-pipeline.ts';
import type { Emitter } from './compiled-rule.ts';
import { advance, startOf } from './compiled-state.ts';
import { emitTextRehash, emitTextWords, textPresence } from './compiled-text-key.ts';
import type { TextGroups } from './compiled-text-key.ts';
import { allWords, boolOf, canonicalBits, floatOf, intOf, laneForm } from './compiled-value.ts';
import { i32, i64 } from './compiled-vocabulary.ts';

type Word = Code<'i64'>;

const MULTIPLIER = i64Const(0x9e3779b97f4a7c15n);

/** Where the four words of the table stand, from `pipeline.table` on. */
export const COUNT = 0;
export const ENTRIES = 4;
export const SLOTS = 8;
const MASK = 12;

/** One of those words. */
export function readTable(pipeline: AggregatePipeline, word: number): Code<'i32'> {
  return load('i32', 'i32.load', i32Const(0), pipeline.table + word);
}

/** A selected row: its number in the block, its place among the selected, and what makes its code. */
interface Row {
  readonly number: Code<'i32'>;
  readonly place: Code<'i32'>;
  readonly emitter: Emitter;
}

/** The words of one key, 0 where it is null, and its null bit; undefined where it cannot be null. */
function keyWords(
  frame: Frame,
  group: GroupKey,
  { number, place, emitter }: Row,
): { readonly words: readonly Word[]; readonly present: Code<'i32'> | undefined } {
  const { expr, kind, pointer, area } = group;
  if (kind === 'text') {
    const made = load('i64', 'i64.load', i32.shl(place, i32Const(3)), area);
    return { words: [emitter.row.bind(made, 'key')], present: textPresence(frame, group, number) };
  }
  const value = emitter.row.bound(emitter.value(expr, undefined), 'key');
  const { present } = value;
  let words: readonly Word[];
  if (kind === 'dictionary') {
    // The number of null stands first; what lies at an absent row is no index.
    const start = load('i32', 'i32.load', i32Const(0), pointer);
    const next = i32.add(boolOf(value), i32Const(1));
    const at = present === undefined ? next : select(present, next, i32Const(0));
    const known = load('i32', 'i32.load', i32.add(start, i32.shl(at, i32Const(2))), 0);
    return { words: [emitter.row.bind(i64.extend_u(known), 'key')], present: undefined };
  }
  if (value.form === 'float') words = [canonicalBits(floatOf(value))];
  else if (value.form === 'bool') words = [i64.extend_u(boolOf(value))];
  else if (value.form === 'int') words = [intOf(value)];
  else words = allWords(value) as readonly Word[];
  const held = words.map((word) => {
    return emitter.row.bind(present === undefined ? word : select(present, word, i64Const(0n)), 'key');
  });
  return { words: held, present };
}

/** All words of an entry's keys, null bits last. */
function entryKeys(frame: Frame, pipeline: AggregatePipeline, row: Row): readonly Word[] {
  const keys = pipeline.groups.map((group) => keyWords(frame, group, row));
  let nulls: Word = i64Const(0n);
  keys.forEach(({ present }, i) => {
    if (present === undefined) return;
    nulls = i64.or(nulls, i64.shl(i64.extend_u(i32.not(present)), i64Const(BigInt(i))));
  });
  return [...keys.flatMap(({ words }) => words), row.emitter.row.bind(nulls, 'nulls')];
}

/** Neighbouring integers share so many slots that lie together; a power of two. */
const SHARED_SLOTS = 64;

/** Where probing begins. Integers that lie close together begin close together, as they often come one after another. */
function firstSlot(fn: FunctionBuilder, words: readonly Word[], mask: Code<'i32'>, isInt: boolean): Code<'i32'> {
  if (isInt) {
    const [key, nulls] = words as readonly [Word, Word];
    const upper = i64.xor(i64.shr_u(key, i64Const(BigInt(Math.log2(SHARED_SLOTS)))), i64.rotl(nulls, i64Const(29n)));
    const hash = fn.bind(i64.mul(upper, MULTIPLIER), 'hash');
    const group = i32.wrap(i64.shr_u(hash, i64Const(32n)));
    // Turned by the hash, so that multiples of a power of two do not all begin at one place of their groups.
    const turn = i32.wrap(i64.shr_u(hash, i64Const(58n)));
    const place = i32.and(i32.add(i32.wrap(key), turn), i32Const(SHARED_SLOTS - 1));
    return i32.and(i32.or(i32.and(group, i32Const(-SHARED_SLOTS)), place), mask);
  }
  const hash = words.reduce((mixed, word, i) => {
    const next = i === 0 ? word : i64.xor(i64.rotl(mixed, i64Const(29n)), word);
    return i64.mul(next, MULTIPLIER);
  });
  // All bits of the words come into the highest bits of the hash, and into no others.
  return i32.and(i32.wrap(i64.shr_u(fn.bind(hash, 'hash'), i64.clz(i64.extend_u(mask)))), mask);
}

/** True when the one key is an integer. */
function hasIntKey({ groups: [group, ...others] }: AggregatePipeline): boolean {
  return group?.kind === 'code' && others.length === 0 && laneForm(group.expr.type) === 'int';
}

/** Moves on from slot to slot until `visit` branches to `leave`. It is given the address of the slot. */
function probe(
  fn: FunctionBuilder,
  words: readonly Word[],
  slots: Code<'i32'>,
  mask: Code<'i32'>,
  isInt: boolean,
  visit: (slot: Code<'i32'>, leave: Label) => void,
): void {
  const slot = fn.local('i32', 'slot');
  fn.set(slot, firstSlot(fn, words, mask, isInt));
  fn.block('found', (leave) => {
    fn.loop('probe', (again) => {
      visit(fn.bind(i32.add(slots, i32.shl(get(slot), i32Const(2))), 'place'), leave);
      // An odd step comes by every slot; out of the group, the slots of which neighbours are taken too.
      fn.set(slot, i32.and(i32.add(get(slot), i32Const(isInt ? SHARED_SLOTS + 1 : 1)), mask));
      fn.branch(again);
    });
  });
}

/** What `run` keeps in locals. */
interface Table {
  readonly count: Local<'i32'>;
  readonly start: Code<'i32'>;
  readonly slots: Code<'i32'>;
  readonly mask: Code<'i32'>;
  readonly entries: Code<'i32'>;
}

/** Sets `entry` to the address of the row's group, which is made if there is none. */
function findEntry(frame: Frame, pipeline: AggregatePipeline, table: Table, entry: Local<'i32'>, made: Made): void {
  const { fn } = frame;
  const same = (): Code<'i32'> => {
    return made.words.map((word, i) => i64.eq(load('i64', 'i64.load', get(entry), 8 * i), word)).reduce(i32.and);
  };
  fn.block('known', (known) => {
    // Rows of one group often follow each other. Address 0 holds no entry, and no words that keys could equal are read.
    fn.when(get(entry), () => fn.branch(known, same()));
    findSlot(frame, pipeline, table, entry, made, same);
  });
}

/** Sets `entry` to the address of a new group, the row's. */
export function makeEntry(
  fn: FunctionBuilder,
  pipeline: AggregatePipeline,
  table: Pick<Table, 'count' | 'start' | 'entries'>,
  entry: Local<'i32'>,
  made: Made,
): void {
  fn.set(entry, i32.add(table.entries, i32.mul(get(table.count), i32Const(pipeline.stride))));
  made.words.forEach((word, i) => fn.store('i64.store', get(entry), 8 * i, word));
  for (const cell of pipeline.cells) {
    startOf(cell).forEach((start, i) => {
      const op = start.type === 'f64' ? 'f64.store' : 'i64.store';
      fn.store(op, get(entry), pipeline.cellBase + cell.offset + 8 * i, start);
    });
  }
  const nth = i32.sub(get(table.count), table.start);
  fn.store('i32.store', i32.shl(nth, i32Const(2)), pipeline.fresh, made.number);
  fn.set(table.count, i32.add(get(table.count), i32Const(1)));
}

/** As `findEntry`, of one key of text: where `placeOf` says, long text has its place among the entries, from 1. */
function findTextEntry(
  frame: Frame,
  pipeline: AggregatePipeline,
  table: Table,
  entry: Local<'i32'>,
  made: Made,
  { placeOf }: TextGroups,
): void {
  const { fn } = frame;
  const [word] = made.words as readonly [Word];
  const long = (): void => {
    const place = fn.bind(placeOf(word), 'place');
    const known = fn.bind(load('i32', 'i32.load', place, 0), 'known');
    const base = i32.sub(table.entries, i32Const(1));
    const make = (): void => {
      makeEntry(fn, pipeline, table, entry, made);
      fn.store('i32.store', place, 0, i32.sub(get(entry), base));
    };
    fn.when(known, () => fn.set(entry, i32.add(base, known)), make);
  };
  fn.when(i64.lt_s(word, i64Const(0n)), long, () => findEntry(frame, pipeline, table, entry, made));
}

/** Reads the entries of known groups ahead, many at a time; the sum stands where `failed` will, for nobody. */
function touchEntries(
  fn: FunctionBuilder,
  { groups, cellBase, failed }: AggregatePipeline,
  entries: Code<'i32'>,
  { placeOf, isFar }: TextGroups,
  selected: Code<'i32'>,
): void {
  const [{ area }] = groups as readonly [GroupKey];
  const sum = fn.local('i64', 'sum');
  const k = fn.local('i32', 'k');
  fn.when(isFar, () => {
    fn.count('touch', k, selected, 1, () => {
      const word = fn.bind(load('i64', 'i64.load', i32.shl(get(k), i32Const(3)), area), 'word');
      // Of short text the entry is not known: in its place a word is read that is 0.
      const place = select(i64.lt_s(word, i64Const(0n)), placeOf(word), i32Const(failed));
      const entry = i32.add(entries, load('i32', 'i32.load', place, 0));
      fn.set(sum, i64.xor(get(sum), load('i64', 'i64.load', entry, cellBase)));
    });
    fn.store('i64.store', i32Const(0), failed, get(sum));
  });
}

function findSlot(
  frame: Frame,
  pipeline: AggregatePipeline,
  table: Table,
  entry: Local<'i32'>,
  made: Made,
  same: () => Code<'i32'>,
): void {
  const { fn } = frame;
  probe(fn, made.words, table.slots, table.mask, hasIntKey(pipeline), (place, leave) => {
    fn.set(entry, load('i32', 'i32.load', place, 0));
    fn.when(i32.eqz(get(entry)), () => {
      makeEntry(fn, pipeline, table, entry, made);
      fn.store('i32.store', place, 0, get(entry));
      fn.branch(leave);
    });
    fn.branch(leave, same());
  });
}

/** Changes the cells of the entry at `entry` by a row. */
export function updateCells(
  fn: FunctionBuilder,
  pipeline: AggregatePipeline,
  emitter: Emitter,
  entry: Code<'i32'>,
): void {
  for (const cell of pipeline.cells) {
    const at = pipeline.cellBase + cell.offset;
    const old = startOf(cell).map((start, i) => {
      const op = start.type === 'f64' ? 'f64.load' : 'i64.load';
      return fn.bind(load(start.type, op, entry, at + 8 * i), 'old');
    });
    advance(cell, emitter, old, undefined).forEach((code, i) => {
      fn.store(code.type === 'f64' ? 'f64.store' : 'i64.store', entry, at + 8 * i, code);
    });
  }
}

/** A row's keys, and its number in the batch. */
interface Made {
  readonly words: readonly Word[];
  readonly number: Code<'i32'>;
}

function runFunction(pipeline: AggregatePipeline, variant: Variant): FunctionCode {
  const fn = new FunctionBuilder('run');
  const rows = get(fn.param('i32', 'rows'));
  const first = get(fn.param('i32', 'first'));
  const frame = new Frame(fn, pipeline, variant, rows);
  const hasCondition = pipeline.condition !== undefined;
  const selected = hasCondition ? fn.bind(frame.selectRows(rows, i32Const(0), i32Const(0)), 'selected') : rows;
  const rowAt = (place: Code<'i32'>): Code<'i32'> => {
    if (!hasCondition) return place;
    return load('i32', 'i32.load', i32.shl(place, i32Const(2)), pipeline.selection);
  };
  const places = pipeline.groups.map((group) => {
    return group.kind === 'text' ? emitTextWords(frame, group, selected, rowAt) : undefined;
  });
  // Of one key of text the groups are known where the text is kept.
  const known = places.length === 1 ? places[0] : undefined;
  const count = fn.local('i32', 'count');
  fn.set(count, readTable(pipeline, COUNT));
  const table: Table = {
    count,
    start: fn.bind(readTable(pipeline, COUNT), 'start'),
    slots: fn.bind(readTable(pipeline, SLOTS), 'slots'),
    mask: fn.bind(readTable(pipeline, MASK), 'mask'),
    entries: fn.bind(readTable(pipeline, ENTRIES), 'entries'),
  };
  if (known !== undefined && pipeline.cells.length > 0) touchEntries(fn, pipeline, table.entries, known, selected);
  const k = fn.local('i32', 'k');
  const entry = fn.local('i32', 'entry');
  fn.count('groups', k, selected, 1, () => {
    const row = fn.bind(rowAt(get(k)), 'row');
    const emitter = frame.emitter(row);
    const words = entryKeys(frame, pipeline, { number: row, place: get(k), emitter });
    const made: Made = { words, number: i32.add(row, first) };
    if (known === undefined) findEntry(frame, pipeline, table, entry, made);
    else findTextEntry(frame, pipeline, table, entry, made, known);
    if (pipeline.owners !== undefined)
      fn.store('i32.store', i32.shl(get(k), i32Const(2)), pipeline.owners, get(entry));
    updateCells(fn, pipeline, emitter, get(entry));
  });
  fn.store('i32.store', i32Const(0), pipeline.table + COUNT, get(count));
  frame.finishFailed();
  return fn.finish(selected);
}

function rehashFunction(pipeline: AggregatePipeline): FunctionCode {
  const fn = new FunctionBuilder('rehash');
  for (const group of pipeline.groups) if (group.kind === 'text') emitTextRehash(fn, group);
  const slots = fn.bind(readTable(pipeline, SLOTS), 'slots');
  const mask = fn.bind(readTable(pipeline, MASK), 'mask');
  const entry = fn.local('i32', 'entry');
  fn.set(entry, readTable(pipeline, ENTRIES));
  const length = i32.mul(readTable(pipeline, COUNT), i32Const(pipeline.stride));
  const end = fn.bind(i32.add(get(entry), length), 'end');
  const wordCount = pipeline.groups.reduce((sum, { words }) => sum + words, 1);
  fn.count('entries', entry, end, pipeline.stride, () => {
    const words = Array.from({ length: wordCount }, (_, i) => {
      return fn.bind(load('i64', 'i64.load', get(entry), 8 * i), 'key');
    });
    probe(fn, words, slots, mask, hasIntKey(pipeline), (place, leave) => {
      fn.when(i32.eqz(load('i32', 'i32.load', place, 0)), () => {
        fn.store('i32.store', place, 0, get(entry));
        fn.branch(leave);
      });
    });
  });
  return fn.finish(undefined);
}

/** The functions of an aggregate with groups. */
export function groupCode(pipeline: AggregatePipeline, variant: Variant): readonly FunctionCode[] {
  return [runFunction(pipeline, variant), rehashFunction(pipeline)];
}
