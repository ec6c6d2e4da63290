/**
 * The code of aggregates whose one key is an integer of a small range: groups are found by the key's distance from the
 * least, without a hash.
 *
 * Hides that there are several loops, each of which waits for memory by itself, so that the processor reads many rows
 * ahead. A slot is the address of an entry, or 0; the first stands for null, then comes one for each integer of the
 * range. Entries are those of compiled-group. `keys(rows)` lists the selected rows and the low words of their keys,
 * writes the least and the greatest key, and answers how many rows were selected; `find(selected, first)` finds their
 * entries, and makes those that are new; `cells(selected)` changes the cells. `index()` fills empty slots from
 * the entries, and `range()` writes the least and the greatest key of those. Invariants: before `find` the range holds
 * all keys; of an absent row the low word is not looked at.
 */
import { FunctionBuilder, get, i32Const, i64Const, load, select } from '../codegen/code.ts';
import type { Code, FunctionCode, Local } from '../codegen/code.ts';
import { Frame } from './compiled-emit.ts';
import type { Variant } from './compiled-emit.ts';
import { COUNT, ENTRIES, makeEntry, readTable, SLOTS, updateCells } from './compiled-group.ts';
import type { AggregatePipeline, DirectPlaces } from './compiled-pipeline.ts';
import { intOf } from './compiled-value.ts';
import { i32, i64 } from './compiled-vocabulary.ts';

const MOST = (1n << 63n) - 1n;
const LEAST = -(1n << 63n);

/** Keeps the least and the greatest of some integers in locals. */
class Extremes {
  readonly #fn: FunctionBuilder;
  readonly #least: Local<'i64'>;
  readonly #most: Local<'i64'>;

  constructor(fn: FunctionBuilder) {
    this.#fn = fn;
    this.#least = fn.local('i64', 'least');
    this.#most = fn.local('i64', 'most');
    fn.set(this.#least, i64Const(MOST));
    fn.set(this.#most, i64Const(LEAST));
  }

  add(key: Code<'i64'>, present: Code<'i32'> | undefined): void {
    const [low, high] = [get(this.#least), get(this.#most)];
    const least = present === undefined ? key : select(present, key, low);
    const most = present === undefined ? key : select(present, key, high);
    this.#fn.set(this.#least, select(i64.lt_s(least, low), least, low));
    this.#fn.set(this.#most, select(i64.gt_s(most, high), most, high));
  }

  store(place: number): void {
    this.#fn.store('i64.store', i32Const(0), place, get(this.#least));
    this.#fn.store('i64.store', i32Const(0), place + 8, get(this.#most));
  }
}

function rowAt(pipeline: AggregatePipeline, place: Code<'i32'>): Code<'i32'> {
  if (pipeline.condition === undefined) return place;
  return load('i32', 'i32.load', i32.shl(place, i32Const(2)), pipeline.selection);
}

/** True where keys may be null. */
function hasNulls({ groups: [group] }: AggregatePipeline, { nullable }: Variant): boolean {
  return group?.expr.nullable === true && (nullable || group.expr.kind !== 'column');
}

function keysFunction(pipeline: AggregatePipeline, variant: Variant, places: DirectPlaces): FunctionCode {
  const fn = new FunctionBuilder('keys');
  const rows = get(fn.param('i32', 'rows'));
  const frame = new Frame(fn, pipeline, variant, rows);
  const { condition, groups } = pipeline;
  const selected =
    condition === undefined ? rows : fn.bind(frame.selectRows(rows, i32Const(0), i32Const(0)), 'selected');
  const extremes = new Extremes(fn);
  const body = (place: Code<'i32'>, step: number, emitter: ReturnType<Frame['emitter']>): void => {
    const [group] = groups as readonly [(typeof groups)[number]];
    const value = emitter.row.bound(emitter.value(group.expr, undefined), 'key');
    fn.store('i32.store', i32.shl(place, i32Const(2)), places.keys + 4 * step, i32.wrap(intOf(value)));
    if (hasNulls(pipeline, variant)) {
      fn.store('i32.store8', place, places.present + step, value.present ?? i32Const(1));
    }
    extremes.add(intOf(value), value.present);
  };
  if (condition === undefined) frame.eachRow(rows, (emitter, row, step) => body(row, step, emitter));
  else {
    const k = fn.local('i32', 'k');
    fn.count('keys', k, selected, 1, () => body(get(k), 0, frame.emitter(fn.bind(rowAt(pipeline, get(k)), 'row'))));
  }
  extremes.store(places.found);
  frame.finishFailed();
  return fn.finish(selected);
}

/** The address of the slot of a key, by its distance from the least. */
function slotOf(slots: Code<'i32'>, distance: Code<'i32'>): Code<'i32'> {
  return i32.add(slots, i32.shl(i32.add(distance, i32Const(1)), i32Const(2)));
}

function findFunction(pipeline: AggregatePipeline, variant: Variant, places: DirectPlaces): FunctionCode {
  const fn = new FunctionBuilder('find');
  const selected = get(fn.param('i32', 'selected'));
  const first = get(fn.param('i32', 'first'));
  const count = fn.local('i32', 'count');
  fn.set(count, readTable(pipeline, COUNT));
  const start = fn.bind(readTable(pipeline, COUNT), 'start');
  const slots = fn.bind(readTable(pipeline, SLOTS), 'slots');
  const entries = fn.bind(readTable(pipeline, ENTRIES), 'entries');
  const least = fn.bind(load('i64', 'i64.load', i32Const(0), places.least), 'least');
  const low = fn.bind(i32.wrap(least), 'low');
  const k = fn.local('i32', 'k');
  const entry = fn.local('i32', 'entry');
  fn.count('find', k, selected, 1, () => {
    const at = i32.shl(get(k), i32Const(2));
    const distance = fn.bind(i32.sub(load('i32', 'i32.load', at, places.keys), low), 'distance');
    const present = hasNulls(pipeline, variant)
      ? fn.bind(load('i32', 'i32.load8_u', get(k), places.present), 'present')
      : undefined;
    const own = slotOf(slots, distance);
    const place = fn.bind(present === undefined ? own : select(present, own, slots), 'place');
    fn.set(entry, load('i32', 'i32.load', place, 0));
    fn.when(i32.eqz(get(entry)), () => {
      const key = i64.add(least, i64.extend_u(distance));
      const words =
        present === undefined
          ? [key, i64Const(0n)]
          : [select(present, key, i64Const(0n)), i64.extend_u(i32.not(present))];
      const number = i32.add(rowAt(pipeline, get(k)), first);
      makeEntry(fn, pipeline, { count, start, entries }, entry, { words, number });
      fn.store('i32.store', place, 0, get(entry));
    });
    fn.store('i32.store', at, places.owners, get(entry));
  });
  fn.store('i32.store', i32Const(0), pipeline.table + COUNT, get(count));
  return fn.finish(undefined);
}

function cellsFunction(pipeline: AggregatePipeline, variant: Variant, places: DirectPlaces): FunctionCode {
  const fn = new FunctionBuilder('cells');
  const selected = get(fn.param('i32', 'selected'));
  const frame = new Frame(fn, pipeline, variant, undefined);
  const entryAt = (place: Code<'i32'>, step: number): Code<'i32'> =>
    fn.bind(load('i32', 'i32.load', i32.shl(place, i32Const(2)), places.owners + 4 * step), 'entry');
  if (pipeline.condition === undefined) {
    frame.eachRow(selected, (emitter, row, step) => updateCells(fn, pipeline, emitter, entryAt(row, step)));
  } else {
    const k = fn.local('i32', 'k');
    fn.count('cells', k, selected, 1, () => {
      const emitter = frame.emitter(fn.bind(rowAt(pipeline, get(k)), 'row'));
      updateCells(fn, pipeline, emitter, entryAt(get(k), 0));
    });
  }
  frame.finishFailed();
  return fn.finish(undefined);
}

/** `body` for each entry: its address, its key, and whether the key is null. */
function eachEntry(
  fn: FunctionBuilder,
  pipeline: AggregatePipeline,
  body: (entry: Code<'i32'>, key: Code<'i64'>, isNull: Code<'i32'>) => void,
): void {
  const entry = fn.local('i32', 'entry');
  fn.set(entry, readTable(pipeline, ENTRIES));
  const length = i32.mul(readTable(pipeline, COUNT), i32Const(pipeline.stride));
  const end = fn.bind(i32.add(get(entry), length), 'end');
  fn.count('entries', entry, end, pipeline.stride, () => {
    const key = fn.bind(load('i64', 'i64.load', get(entry), 0), 'key');
    body(get(entry), key, fn.bind(i32.wrap(load('i64', 'i64.load', get(entry), 8)), 'null'));
  });
}

function indexFunction(pipeline: AggregatePipeline, places: DirectPlaces): FunctionCode {
  const fn = new FunctionBuilder('index');
  const slots = fn.bind(readTable(pipeline, SLOTS), 'slots');
  const least = fn.bind(load('i64', 'i64.load', i32Const(0), places.least), 'least');
  eachEntry(fn, pipeline, (entry, key, isNull) => {
    const own = slotOf(slots, i32.wrap(i64.sub(key, least)));
    fn.store('i32.store', fn.bind(select(isNull, slots, own), 'place'), 0, entry);
  });
  return fn.finish(undefined);
}

function rangeFunction(pipeline: AggregatePipeline, places: DirectPlaces): FunctionCode {
  const fn = new FunctionBuilder('range');
  const extremes = new Extremes(fn);
  eachEntry(fn, pipeline, (_entry, key, isNull) => extremes.add(key, fn.bind(i32.not(isNull), 'present')));
  extremes.store(places.found);
  return fn.finish(undefined);
}

/** The functions for groups of a small range; none where the key is no integer. */
export function directCode(pipeline: AggregatePipeline, variant: Variant): readonly FunctionCode[] {
  const places = pipeline.direct;
  if (places === undefined) return [];
  return [
    keysFunction(pipeline, variant, places),
    findFunction(pipeline, variant, places),
    cellsFunction(pipeline, variant, places),
    indexFunction(pipeline, places),
    rangeFunction(pipeline, places),
  ];
}
