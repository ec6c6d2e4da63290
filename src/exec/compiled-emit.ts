/**
 * Expressions to code, and the frame of a pipeline's functions.
 *
 * Hides where columns, constants and tables are found. Invariants: parameters are read once, before the loops; loops go
 * by UNROLL rows, then row by row; a function answers in memory whether a row failed.
 */
import { assert } from '../base/assert.ts';
import { get, i32Const, i64Const, load, select } from '../codegen/code.ts';
import type { Code, FunctionBuilder, Local } from '../codegen/code.ts';
import type { Expr } from '../plan/expr.ts';
import { emitCast } from './compiled-choice.ts';
import type { CompiledPipeline } from './compiled-pipeline.ts';
import type { Emitter } from './compiled-rule.ts';
import { RULES } from './compiled-shape.ts';
import type { Shape } from './compiled-shape.ts';
import { emitTextTest, readTexts } from './compiled-text.ts';
import type { ReadText } from './compiled-text.ts';
import { emitSearch } from './compiled-text-search.ts';
import { boolOf, boolValue, decimalValue, intOf, laneForm, RowScope, trueOf, WIDE_BOUND } from './compiled-value.ts';
import type { SlotPlace, Value } from './compiled-value.ts';
import { i32, i64 } from './compiled-vocabulary.ts';

/** Rows that the body of a loop holds; divides 8, so that they share a byte of a bitmap. */
export const UNROLL = 4;

function zeroOf(expr: Expr): readonly Code[] {
  switch (laneForm(expr.type)) {
    case 'float':
      return [{ type: 'f64', op: 'const', args: [], immediate: 0 }];
    case 'bool':
      return [i32Const(0)];
    case 'decimal':
      return [i64Const(0n), i64Const(0n)];
    default:
      return [i64Const(0n)];
  }
}

/** The code of one row's expressions. */
class ExprEmitter implements Emitter {
  readonly row: RowScope;
  readonly #shape: Shape;
  readonly #texts: readonly ReadText[];

  constructor(row: RowScope, shape: Shape, texts: readonly ReadText[]) {
    this.row = row;
    this.#shape = shape;
    this.#texts = texts;
  }

  readonly value = (expr: Expr, active: Code<'i32'> | undefined): Value => {
    const place = this.#shape.place(expr);
    switch (place?.kind) {
      case 'slot':
        return this.row.slot(place.index);
      case 'param': {
        const words = this.row.param(place.index);
        if (expr.type.id !== 'decimal') return { form: laneForm(expr.type) ?? 'int', words, present: undefined };
        return decimalValue(words, this.#shape.paramBounds[place.index] ?? WIDE_BOUND, undefined);
      }
      case 'null':
        if (expr.type.id === 'decimal') return decimalValue(zeroOf(expr), 0n, i32Const(0));
        return { form: laneForm(expr.type) ?? 'int', words: zeroOf(expr), present: i32Const(0) };
      case 'table':
        return this.#table(expr, place.index);
      case 'text':
        return this.#text(place.index);
      case undefined:
        break;
    }
    if (expr.kind === 'cast') return emitCast(this, expr, active);
    const rule = expr.kind === 'call' ? RULES.get(expr.name) : undefined;
    assert(expr.kind === 'call' && rule !== undefined, () => `there is no rule for a ${expr.kind}`);
    return rule.emit(this, expr, active);
  };

  #text(index: number): Value {
    const text = this.#texts[index];
    assert(text !== undefined, () => `there is no comparison of text ${index.toString()}`);
    const [from, to, present] = this.row.textOffsets(text.slot);
    const [start, end] = [this.row.bind(from, 'from'), to];
    const bound = {
      start: this.row.bind(i32.add(text.base, start), 'text'),
      length: this.row.bind(i32.sub(end, start), 'length'),
      present,
    };
    return emitTextTest(this.row, bound, text);
  }

  /** The byte at the row's index: 0 false, 1 true, 2 null. */
  #table(expr: Expr, index: number): Value {
    const table = this.#shape.tables[index];
    assert(table !== undefined, () => `there is no table ${index.toString()}`);
    const code = this.row.slot(table.slot);
    const start = load('i32', 'i32.load', i32Const(0), table.pointer);
    // The answer for null stands first; what lies at an absent row is no index.
    const next = i32.add(boolOf(code), i32Const(1));
    const at = code.present === undefined ? next : select(code.present, next, i32Const(0));
    const byte = this.row.bind(load('i32', 'i32.load8_u', i32.add(start, at), 0), 'hit');
    if (!expr.nullable) return boolValue(byte, undefined);
    return boolValue(i32.and(byte, i32Const(1)), i32.eqz(i32.shr_u(byte, i32Const(1))));
  }
}

/** What code may rely on about the rows that it is given. */
export interface Variant {
  /** True where columns may have nulls. */
  readonly nullable: boolean;
  /** For each slot, if it is of decimals, how many bits without the sign its values need at most; 127 by default. */
  readonly bits: readonly number[];
}

/** Code of a row: `row` + `step` is its number in the block. */
export type RowBody = (emitter: Emitter, row: Code<'i32'>, step: number) => void;

/** A set of keys, what it is found by in locals. */
interface ReadKeyTable {
  readonly slot: number;
  readonly least: Code<'i64'>;
  readonly size: Code<'i64'>;
  readonly bits: Code<'i32'>;
}

/** A function of a pipeline while its body is made. */
export class Frame {
  readonly fn: FunctionBuilder;
  readonly pipeline: CompiledPipeline;
  readonly failed: Local<'i32'>;
  readonly #slots: readonly SlotPlace[];
  /** The words of each constant, in locals. */
  readonly params: readonly (readonly Code[])[];
  readonly #keyTables: readonly ReadKeyTable[];
  readonly #texts: readonly ReadText[];

  /**
   * Parameters of the function must be there already. `rows`: how many the block has, for the function that comes to it
   * first, which finds out which of them hold what conditions look for within text; undefined for all others.
   */
  constructor(
    fn: FunctionBuilder,
    pipeline: CompiledPipeline,
    { nullable, bits }: Variant,
    rows: Code<'i32'> | undefined,
  ) {
    this.fn = fn;
    this.pipeline = pipeline;
    this.failed = fn.local('i32', 'failed');
    this.#slots = pipeline.shape.slots.map((slot, i) => {
      return { ...slot, bits: bits[i] ?? 127, validity: nullable ? slot.validity : undefined };
    });
    this.params = pipeline.shape.params.map((param, i) => this.#readParam(param, pipeline.shape.paramPlaces[i] ?? 0));
    this.#texts = readTexts(fn, pipeline.shape.slots, pipeline.shape.texts);
    this.#keyTables = pipeline.shape.keyTables.map(({ slot, range, pointer }) => ({
      slot,
      least: fn.bind(load('i64', 'i64.load', i32Const(0), range), 'least'),
      size: fn.bind(load('i64', 'i64.load', i32Const(0), range + 8), 'size'),
      bits: fn.bind(load('i32', 'i32.load', i32Const(0), pointer), 'bits'),
    }));
    if (rows === undefined) return;
    for (const text of this.#texts) emitSearch(fn, text, this.#slots[text.slot] as SlotPlace, rows);
  }

  #readParam(param: Expr, place: number): readonly Code[] {
    const zero = i32Const(0);
    switch (laneForm(param.type)) {
      case 'float':
        return [this.fn.bind(load('f64', 'f64.load', zero, place), 'param')];
      case 'bool':
        return [this.fn.bind(load('i32', 'i32.load', zero, place), 'param')];
      case 'decimal':
        return [0, 8].map((more) => this.fn.bind(load('i64', 'i64.load', zero, place + more), 'param'));
      default:
        return [this.fn.bind(load('i64', 'i64.load', zero, place), 'param')];
    }
  }

  /** What makes code for the row `row` + `step`. */
  emitter(row: Code<'i32'>, step = 0): Emitter {
    const scope = new RowScope(this.fn, this.failed, this.#slots, this.params, row, step);
    return new ExprEmitter(scope, this.pipeline.shape, this.#texts);
  }

  /** The condition as 0 or 1, sets of keys included; undefined without one. */
  condition(emitter: Emitter): Code<'i32'> | undefined {
    const { condition } = this.pipeline;
    const own = condition === undefined ? undefined : trueOf(emitter.value(condition, undefined));
    return this.#keyTables.reduce<Code<'i32'> | undefined>((passes, table) => {
      const has = this.#hasKey(emitter, table);
      return passes === undefined ? has : i32.and(passes, has);
    }, own);
  }

  /** Whether the row's value is in a set: 0 or 1. */
  #hasKey(emitter: Emitter, { slot, least, size, bits }: ReadKeyTable): Code<'i32'> {
    const value = emitter.row.slot(slot);
    const distance = emitter.row.bind(i64.sub(intOf(value), least), 'distance');
    // The bit behind the last one is never set.
    const place = emitter.row.bind(i32.wrap(select(i64.lt_u(distance, size), distance, size)), 'place');
    const byte = load('i32', 'i32.load8_u', i32.add(bits, i32.shr_u(place, i32Const(3))), 0);
    const bit = i32.and(i32.shr_u(byte, i32.and(place, i32Const(7))), i32Const(1));
    return value.present === undefined ? bit : i32.and(bit, value.present);
  }

  /** `body` for each row below `end`; several rows at a time, then the rest. */
  eachRow(end: Code<'i32'>, body: RowBody): void {
    const row = this.fn.local('i32', 'row');
    const whole = this.wholeTurns(end);
    this.fn.count('rows', row, whole, UNROLL, () => {
      for (let step = 0; step < UNROLL; step++) body(this.emitter(get(row), step), get(row), step);
    });
    this.eachRest(row, end, body);
  }

  /** How many of `end` rows whole turns of a loop take. */
  wholeTurns(end: Code<'i32'>): Code<'i32'> {
    return this.fn.bind(i32.and(end, i32Const(-UNROLL)), 'whole');
  }

  /** `body` for each row from the one in `row` on, below `end`. */
  eachRest(row: Local<'i32'>, end: Code<'i32'>, body: RowBody): void {
    this.fn.count('rest', row, end, 1, () => body(this.emitter(get(row)), get(row), 0));
  }

  /**
   * Lists the rows that pass the condition in `selection`, from place `at` on, as numbers from `first` on; answers how
   * many there are.
   */
  selectRows(end: Code<'i32'>, at: Code<'i32'>, first: Code<'i32'>): Code<'i32'> {
    const { fn, pipeline } = this;
    const next = fn.local('i32', 'next');
    fn.comment('rows that pass: every row is written, and the place moves on for those that do');
    fn.set(next, at);
    this.eachRow(end, (emitter, row, step) => {
      const passes = this.condition(emitter) as Code<'i32'>;
      const number = i32.add(row, i32.add(first, i32Const(step)));
      fn.store('i32.store', i32.shl(get(next), i32Const(2)), pipeline.selection, number);
      fn.set(next, i32.add(get(next), passes));
    });
    return i32.sub(get(next), at);
  }

  /** Notes in memory whether a row failed. */
  finishFailed(): void {
    this.fn.store('i32.store', i32Const(0), this.pipeline.failed, get(this.failed));
  }
}
