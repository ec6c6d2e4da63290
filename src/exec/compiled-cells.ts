/**
 * Cells: the state of aggregates in linear memory.
 *
 * Hides which aggregates share state. Invariants: a cell is one or more signed words of 8 bytes; sums of integers are
 * exact: the 32-bit halves (decimals: quarters) of the values have sums of their own, which no 2^31 rows overflow, and
 * the topmost part that a value has may be negative; count and sum start at 0, the extremes at the end of their range
 * (NaN for the least float); whether there was a value is told by a count of present ones.
 */
import type { DataType } from '../arrow/type.ts';
import type { AggregateCall, Expr } from '../plan/expr.ts';
import { conjunctionOf, exprKey } from '../plan/expr-walk.ts';
import { narrowRange } from './compiled-rule.ts';
import { isCompilable } from './compiled-shape.ts';
import type { Shape } from './compiled-shape.ts';
import { isUnsigned64, laneForm } from './compiled-value.ts';
import type { LaneForm } from './compiled-value.ts';
import { canFail } from './evaluate-lazy.ts';

/** One piece of state. `offset`: bytes from the first cell. */
export interface Cell {
  readonly kind: 'count' | 'sum' | 'min' | 'max';
  /** What is counted or summed; undefined counts rows. */
  readonly arg: Expr | undefined;
  /** Only rows for which this is true change the cell. */
  readonly test: Expr | undefined;
  readonly form: LaneForm;
  readonly unsigned: boolean;
  readonly offset: number;
  readonly words: number;
}

/** One aggregate: its cell, and the one that counts its values when not every group has one. */
export interface CompiledCall {
  readonly call: AggregateCall;
  readonly cell: number;
  readonly count: number | undefined;
}

export interface Cells {
  readonly cells: readonly Cell[];
  readonly calls: readonly (CompiledCall | undefined)[];
  readonly byteCount: number;
  readonly text: string;
}

const COUNT = { kind: 'count', form: 'int', unsigned: false, words: 1 } as const;

/** Words of a sum: values of up to 32 bits need one, wider ones a word for each 32 bits. */
function sumWords(type: DataType, form: LaneForm): number {
  if (form === 'decimal') return 4;
  return form === 'int' && narrowRange(type) === undefined ? 2 : 1;
}

/** Gathers cells, each once. `test`: a condition that rows have to pass, if there is one. */
class CellBuilder {
  readonly cells: Cell[] = [];
  readonly texts: string[] = [];
  readonly #shape: Shape;
  readonly #known = new Map<string, number>();
  #byteCount = 0;

  constructor(shape: Shape) {
    this.#shape = shape;
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  #add(key: string, text: () => string, cell: Omit<Cell, 'offset'>): number {
    const { test } = cell;
    const whole = test === undefined ? key : `${key} if ${exprKey(test)}`;
    const known = this.#known.get(whole);
    if (known !== undefined) return known;
    const index = this.cells.length;
    this.#known.set(whole, index);
    this.texts.push(test === undefined ? text() : `${text()} if ${this.#shape.add(test, true)}`);
    this.cells.push({ ...cell, offset: this.#byteCount });
    this.#byteCount += cell.words * 8;
    return index;
  }

  rows(test: Expr | undefined): number {
    return this.#add('rows', () => 'rows', { ...COUNT, arg: undefined, test });
  }

  /** Counts present values; undefined when that cannot be compiled. */
  count(arg: Expr, test: Expr | undefined): number | undefined {
    if (!arg.nullable && arg.type.id !== 'dictionary' && !canFail(arg)) return this.rows(test);
    const key = `count ${exprKey(arg)}`;
    const cell = { ...COUNT, arg, test };
    if (isCompilable(arg, true)) return this.#add(key, () => `count ${this.#shape.add(arg, true)}`, cell);
    if (arg.kind !== 'column') return undefined;
    if (arg.type.id !== 'dictionary') return this.#add(key, () => `count ${this.#shape.addPresence(arg)}`, cell);
    const { span } = arg;
    const type: DataType = { id: 'bool' };
    const isPresent: Expr = { kind: 'call', name: 'is_not_null', args: [arg], type, nullable: false, span };
    return this.rows(test === undefined ? isPresent : conjunctionOf([test, isPresent]));
  }

  /** Sums or finds an extreme; undefined when that cannot be compiled. */
  value(kind: 'sum' | 'min' | 'max', arg: Expr, test: Expr | undefined): number | undefined {
    const form = laneForm(arg.type);
    if (form === undefined || (form === 'bool' && kind !== 'sum') || !isCompilable(arg, true)) return undefined;
    const words = kind === 'sum' ? sumWords(arg.type, form) : form === 'decimal' ? 2 : 1;
    const cell = { kind, arg, test, form, unsigned: isUnsigned64(arg.type), words };
    return this.#add(`${kind} ${exprKey(arg)}`, () => `${kind} ${this.#shape.add(arg, true)}`, cell);
  }
}

/** True when nothing is asked of a call but what is compiled. */
function isPlainCall({ distinct, filter, order, constants }: AggregateCall): boolean {
  const isTested = filter === undefined || isCompilable(filter, true);
  return !distinct && isTested && order.length === 0 && constants.length === 0;
}

function addCall(builder: CellBuilder, call: AggregateCall, grouped: boolean): CompiledCall | undefined {
  const [arg] = call.args;
  const test = call.filter;
  if (!isPlainCall(call)) return undefined;
  if (call.name === 'count') {
    const cell = arg === undefined ? builder.rows(test) : builder.count(arg, test);
    return cell === undefined ? undefined : { call, cell, count: undefined };
  }
  const kind = call.name === 'avg' ? 'sum' : call.name;
  if (arg === undefined || (kind !== 'sum' && kind !== 'min' && kind !== 'max')) return undefined;
  // The mean of moments is a moment.
  if (call.name === 'avg' && call.type.id !== 'float') return undefined;
  const cell = builder.value(kind, arg, test);
  // A group is made by a row, so that a value which is never null is always there.
  const needsCount = !grouped || arg.nullable || call.name === 'avg' || test !== undefined;
  const count = needsCount && cell !== undefined ? builder.count(arg, test) : undefined;
  return cell === undefined || (needsCount && count === undefined) ? undefined : { call, cell, count };
}

/** The cells of `calls`; of those that cannot be compiled there is undefined among the calls. */
export function addCells(shape: Shape, calls: readonly AggregateCall[], grouped: boolean): Cells {
  const builder = new CellBuilder(shape);
  const compiled = calls.map((call) => addCall(builder, call, grouped));
  const { cells, byteCount, texts } = builder;
  return { cells, calls: compiled, byteCount, text: texts.join(' ; ') };
}
