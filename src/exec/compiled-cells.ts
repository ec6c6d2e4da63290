/**
 * Cells: the state of aggregates in linear memory.
 *
 * Hides which aggregates share state. Invariants: a cell is one or more words of 8 bytes; sums of integers are exact:
 * the 32-bit halves (decimals: quarters) of the values have sums of their own, which no 2^31 rows overflow; count and
 * sum start at 0, the extremes at the end of their range (NaN for the least float); whether there was a value is told
 * by a count of present ones.
 */
import type { DataType } from '../arrow/type.ts';
import type { AggregateCall, Expr } from '../plan/expr.ts';
import { exprKey } from '../plan/expr-walk.ts';
import { narrowRange } from './compiled-rule.ts';
import { isCompilable } from './compiled-shape.ts';
import type { Shape } from './compiled-shape.ts';
import { isUnsigned64, laneForm } from './compiled-value.ts';
import type { LaneForm } from './compiled-value.ts';
import { canFail } from './evaluate-lazy.ts';

/** One piece of state. `offset`: bytes from the first cell. */
export interface Cell {
  readonly kind: 'count' | 'sum' | 'min' | 'max';
  /** What is counted or summed; undefined counts rows. Of `test` true rows are counted. */
  readonly arg: Expr | undefined;
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
  readonly calls: readonly CompiledCall[];
  readonly byteCount: number;
  readonly text: string;
}

/** Words of a sum: values of up to 32 bits need one, wider ones a word for each 32 bits. */
function sumWords(type: DataType, form: LaneForm): number {
  if (form === 'decimal') return 4;
  return form === 'int' && narrowRange(type) === undefined ? 2 : 1;
}

/** Gathers cells, each once. */
class CellBuilder {
  readonly cells: Cell[] = [];
  readonly texts: string[] = [];
  readonly #shape: Shape;
  readonly #hosted: boolean;
  readonly #known = new Map<string, number>();
  #byteCount = 0;

  constructor(shape: Shape, hosted: boolean) {
    this.#shape = shape;
    this.#hosted = hosted;
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  #add(key: string, text: () => string, cell: Omit<Cell, 'offset'>): number {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const index = this.cells.length;
    this.#known.set(key, index);
    this.texts.push(text());
    this.cells.push({ ...cell, offset: this.#byteCount });
    this.#byteCount += cell.words * 8;
    return index;
  }

  rows(): number {
    const cell = { kind: 'count', arg: undefined, test: undefined, form: 'int', unsigned: false, words: 1 } as const;
    return this.#add('rows', () => 'rows', cell);
  }

  /** Counts present values; undefined when that cannot be compiled. */
  count(arg: Expr): number | undefined {
    if (!arg.nullable && arg.type.id !== 'dictionary' && !canFail(arg)) return this.rows();
    const key = `count ${exprKey(arg)}`;
    const cell = { kind: 'count', arg, test: undefined, form: 'int', unsigned: false, words: 1 } as const;
    if (isCompilable(arg, this.#hosted))
      return this.#add(key, () => `count ${this.#shape.add(arg, this.#hosted)}`, cell);
    if (arg.kind !== 'column') return undefined;
    if (arg.type.id !== 'dictionary') return this.#add(key, () => `count ${this.#shape.addPresence(arg)}`, cell);
    const { span } = arg;
    const test: Expr = {
      kind: 'call',
      name: 'is_not_null',
      args: [arg],
      type: { id: 'bool' },
      nullable: false,
      span,
    };
    return this.#add(key, () => `test ${this.#shape.add(test, false)}`, { ...cell, arg: undefined, test });
  }

  /** Sums or finds an extreme; undefined when that cannot be compiled. */
  value(kind: 'sum' | 'min' | 'max', arg: Expr): number | undefined {
    const form = laneForm(arg.type);
    if (form === undefined || (form === 'bool' && kind !== 'sum') || !isCompilable(arg, this.#hosted))
      return undefined;
    const words = kind === 'sum' ? sumWords(arg.type, form) : form === 'decimal' ? 2 : 1;
    const cell = { kind, arg, test: undefined, form, unsigned: isUnsigned64(arg.type), words };
    return this.#add(`${kind} ${exprKey(arg)}`, () => `${kind} ${this.#shape.add(arg, this.#hosted)}`, cell);
  }
}

function addCall(builder: CellBuilder, call: AggregateCall, grouped: boolean): CompiledCall | undefined {
  const [arg] = call.args;
  if (call.name === 'count') {
    const cell = arg === undefined ? builder.rows() : builder.count(arg);
    return cell === undefined ? undefined : { call, cell, count: undefined };
  }
  const kind = call.name === 'avg' ? 'sum' : call.name;
  if (arg === undefined || (kind !== 'sum' && kind !== 'min' && kind !== 'max')) return undefined;
  const cell = builder.value(kind, arg);
  // A group is made by a row, so that a value which is never null is always there.
  const needsCount = !grouped || arg.nullable || call.name === 'avg';
  const count = needsCount && cell !== undefined ? builder.count(arg) : undefined;
  return cell === undefined || (needsCount && count === undefined) ? undefined : { call, cell, count };
}

/** The cells of `calls`; undefined when one of them cannot be compiled. */
export function addCells(
  shape: Shape,
  calls: readonly AggregateCall[],
  grouped: boolean,
  hosted: boolean,
): Cells | undefined {
  const builder = new CellBuilder(shape, hosted);
  const compiled: CompiledCall[] = [];
  for (const call of calls) {
    const made = addCall(builder, call, grouped);
    if (made === undefined) return undefined;
    compiled.push(made);
  }
  const { cells, byteCount, texts } = builder;
  return { cells, calls: compiled, byteCount, text: `${texts.join(' ; ')}` };
}
