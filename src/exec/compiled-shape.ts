/**
 * The shape of a pipeline: what its code depends on, as a text, and where its parts lie in memory.
 *
 * Hides how expressions are taken apart: columns and what the interpreter computes become slots, literals parameters,
 * conditions on one dictionary column tables of a byte a value. Invariants: two pipelines of one shape have one code;
 * constants are no part of a shape but for whether they are null or NaN, and about how many digits a decimal has; every
 * address is a multiple of 16.
 */
import { typeName } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import { CODE_BLOCK_ROWS, CODE_NODES_MAX } from '../base/limits.ts';
import type { Expr } from '../plan/expr.ts';
import { forEachColumn } from '../plan/expr-walk.ts';
import { ARITHMETIC_RULES } from './compiled-arithmetic.ts';
import { castFits, CHOICE_RULES } from './compiled-choice.ts';
import { COMPARE_RULES } from './compiled-compare.ts';
import { DATE_RULES } from './compiled-date.ts';
import { sameArgs, valuesOf } from './compiled-rule.ts';
import type { Call, Rule } from './compiled-rule.ts';
import { middleOf, textTest, textWords } from './compiled-text.ts';
import type { TextPlace, TextTest } from './compiled-text.ts';
import { laneForm, offsetWidth, WIDE_BOUND, widthOf } from './compiled-value.ts';
import type { SlotPlace } from './compiled-value.ts';
import { canFail } from './evaluate-lazy.ts';

/** Rules of all calls that are compiled. */
export const RULES: ReadonlyMap<string, Rule> = new Map(
  Object.entries({ ...ARITHMETIC_RULES, ...COMPARE_RULES, ...CHOICE_RULES, ...DATE_RULES }),
);

/** Functions that the interpreter may evaluate for rows that nobody asked for: none of them can fail. */
const HARMLESS: ReadonlySet<string> = new Set(
  (
    '= <> < <= > >= in is_distinct_from is_not_distinct_from and or not is_null is_not_null is_true is_not_true ' +
    'is_false is_not_false coalesce case nullif like ilike not_like not_ilike starts_with contains lower ' +
    'upper length octet_length substring left right || concat year month day quarter'
  ).split(' '),
);

/** What is copied into memory for each block: a column, or what the interpreter makes of some. */
export interface Slot extends SlotPlace {
  readonly expr: Expr;
  /** Of text: where stands what an offset is added to. */
  readonly pointer: number | undefined;
}

/** A condition on one dictionary column: 0 false, 1 true, 2 null for each of its values, and for null after them. */
export interface Table {
  readonly expr: Expr;
  readonly slot: number;
  readonly column: number;
  /** Where the table's address stands. */
  readonly pointer: number;
}

/** A set of keys, as a bitmap, that the values of a slot are looked up in. */
export interface KeyTable {
  readonly column: number;
  readonly slot: number;
  /** Where stand: what the bitmap's first bit stands for, an i64; its size in bits, an i64. */
  readonly range: number;
  /** Where the bitmap's address stands. */
  readonly pointer: number;
}

/** Where the parts of an expression are found. */
export type Place =
  | { readonly kind: 'slot' | 'param' | 'table' | 'text'; readonly index: number }
  | { readonly kind: 'null'; readonly index: 0 };

type Literal = Extract<Expr, { kind: 'literal' }>;

/** True when the interpreter may evaluate `expr` for rows that nobody asked for. */
export function isHarmless(expr: Expr): boolean {
  switch (expr.kind) {
    case 'column':
    case 'literal':
      return true;
    case 'outer':
    case 'pending':
      return false;
    case 'cast':
      return !canFail(expr) && isHarmless(expr.operand);
    case 'call':
      // Arguments of different types are cast by NULLIF itself.
      if (expr.name === 'nullif' && !sameArgs(expr)) return false;
      return HARMLESS.has(expr.name) && expr.args.every(isHarmless);
  }
}

/** The one column that `expr` reads, if it is dictionary encoded. */
function dictionaryColumn(expr: Expr): Extract<Expr, { kind: 'column' }> | undefined {
  let found: Extract<Expr, { kind: 'column' }> | undefined;
  let isOne = true;
  forEachColumn(expr, (column) => {
    isOne &&= found === undefined || found.index === column.index;
    found = column;
  });
  return isOne && found?.type.id === 'dictionary' ? found : undefined;
}

/** The column of a condition that is computed once for each value of a dictionary. */
function tableColumn(expr: Expr): Extract<Expr, { kind: 'column' }> | undefined {
  if (expr.kind !== 'call' || expr.type.id !== 'bool' || !isHarmless(expr)) return undefined;
  return dictionaryColumn(expr);
}

/**
 * True when code can be made of `expr`. With `hosted`, parts of a fixed width that cannot be compiled may be left to
 * the interpreter, over whole batches.
 */
export function isCompilable(expr: Expr, hosted: boolean): boolean {
  if (expr.kind === 'column' || expr.kind === 'literal') return laneForm(expr.type) !== undefined;
  if (tableColumn(expr) !== undefined || textTest(expr) !== undefined) return true;
  return fitsRule(expr, hosted) || (hosted && isHosted(expr));
}

function fitsRule(expr: Expr, hosted: boolean): boolean {
  if (expr.kind === 'cast') return castFits(expr) && isCompilable(expr.operand, hosted);
  if (expr.kind !== 'call') return false;
  const rule = RULES.get(expr.name);
  return rule?.fits(expr) === true && valuesOf(rule, expr).every((arg) => isCompilable(arg, hosted));
}

function isHosted(expr: Expr): boolean {
  return laneForm(expr.type) !== undefined && isHarmless(expr);
}

/** True when the code of `expr` would be more than reading what the interpreter made. */
export function isWorthwhile(expr: Expr): boolean {
  if (expr.kind === 'column' || expr.kind === 'literal') return false;
  return tableColumn(expr) !== undefined || textTest(expr) !== undefined || fitsRule(expr, true);
}

/** Bytes that a row of a slot takes. */
function slotWidth(type: DataType, mode: SlotPlace['mode']): number {
  if (mode === 'validity') return 0;
  if (mode === 'key') return 8;
  if (mode === 'text') return offsetWidth(type);
  return type.id === 'bool' ? 1 / 8 : widthOf(type);
}

const PARAM_BYTES = 16;
/** Decimal constants whose numbers of digits are equal after division by this, rounded up, share their code. */
const LITERAL_DIGITS = 3;

function boundOfLiteral({ value }: Literal): bigint {
  const digits = BigInt(value as bigint)
    .toString()
    .replace('-', '').length;
  const bound = 10n ** BigInt(Math.ceil(digits / LITERAL_DIGITS) * LITERAL_DIGITS) - 1n;
  return bound < WIDE_BOUND ? bound : WIDE_BOUND;
}

/** Takes expressions apart, in the order in which they are given. */
export class Shape {
  readonly slots: Slot[] = [];
  readonly params: Literal[] = [];
  readonly paramPlaces: number[] = [];
  /** How far from 0 the unscaled value of a decimal may be, by which code is made. */
  readonly paramBounds: (bigint | undefined)[] = [];
  readonly tables: Table[] = [];
  readonly keyTables: KeyTable[] = [];
  readonly texts: TextPlace[] = [];
  readonly #places = new Map<Expr, Place>();
  readonly #slotOf = new Map<string, number>();
  #end = 0;
  #nodes = 0;

  /** Bytes of memory that are laid out so far. */
  get byteCount(): number {
    return this.#end;
  }

  /** False when so much was taken in that compiling is not worth it. */
  get isSmall(): boolean {
    return this.#nodes <= CODE_NODES_MAX;
  }

  /** Lays out `bytes` bytes. */
  take(bytes: number): number {
    const address = this.#end;
    this.#end += Math.ceil(bytes / 16) * 16;
    return address;
  }

  /** Where a node that was taken in is found; undefined for those that are code. */
  place(expr: Expr): Place | undefined {
    return this.#places.get(expr);
  }

  /** Takes in an expression that `isCompilable` with the same `hosted`; answers its part of the shape's text. */
  add(expr: Expr, hosted: boolean): string {
    this.#nodes++;
    if (!this.isSmall) return '';
    const column = tableColumn(expr);
    if (column !== undefined) return this.#addTable(expr, column);
    const test = textTest(expr);
    if (test !== undefined) return this.#addText(expr, test);
    switch (expr.kind) {
      case 'column':
        return this.#addSlot(expr, 'value');
      case 'literal':
        return this.#addLiteral(expr);
      case 'outer':
      case 'pending':
        throw new TypeError(`Shape.add: ${expr.kind} is left of binding`);
      case 'cast':
        if (!fitsRule(expr, hosted)) return this.#addSlot(expr, 'value');
        return `${expr.attempt ? 'try' : 'cast'}<${typeName(expr.type)}>(${this.add(expr.operand, hosted)})`;
      case 'call':
        if (!fitsRule(expr, hosted)) return this.#addSlot(expr, 'value');
        return this.#addCall(expr, hosted);
    }
  }

  #addCall(call: Call, hosted: boolean): string {
    const rule = RULES.get(call.name) as Rule;
    const args = valuesOf(rule, call).map((arg) => this.add(arg, hosted));
    const constants = rule.constants?.(call).text ?? '';
    return `${call.name}<${typeName(call.type)}${constants}>(${args.join(',')})`;
  }

  /** Takes in a column of which only the presence counts. */
  addPresence(expr: Expr): string {
    return this.#addSlot(expr, 'validity');
  }

  /** Takes in a dictionary column of which the indexes count. */
  addCodes(expr: Expr): string {
    return this.#addSlot(expr, 'code');
  }

  /** Takes in an expression that the interpreter computes, of which words that tell its values apart count. */
  addKey(expr: Expr): string {
    return this.#addSlot(expr, 'key');
  }

  /** Takes in text or binary that the interpreter may compute, of which the bytes count. */
  addTextKey(expr: Expr): string {
    return this.#addSlot(expr, 'text');
  }

  /** Takes in a column of integers whose values are looked up in a set of keys. */
  addKeys(expr: Extract<Expr, { kind: 'column' }>): string {
    const text = this.#addSlot(expr, 'value');
    const slot = this.#places.get(expr)?.index ?? 0;
    this.keyTables.push({ column: expr.index, slot, range: this.take(16), pointer: this.take(4) });
    return `keys(${text})`;
  }

  #addSlot(expr: Expr, mode: SlotPlace['mode']): string {
    const key = expr.kind === 'column' ? `${mode} ${expr.index.toString()}` : undefined;
    const { type, nullable } = expr;
    const known = key === undefined ? undefined : this.#slotOf.get(key);
    const index = known ?? this.slots.length;
    if (known === undefined) {
      // Of text there is one offset more than rows.
      const data = this.take(slotWidth(type, mode) * (CODE_BLOCK_ROWS + (mode === 'text' ? 1 : 0)));
      // A dictionary may hold a null although its column is never null.
      const hasNulls = mode !== 'key' && (nullable || mode === 'code');
      const validity = hasNulls ? this.take(CODE_BLOCK_ROWS / 8) : undefined;
      const pointer = mode === 'text' ? this.take(4) : undefined;
      this.slots.push({ expr, type, mode, data, validity, pointer });
      if (key !== undefined) this.#slotOf.set(key, index);
    }
    this.#places.set(expr, { kind: 'slot', index });
    const place = this.slots[index] as Slot;
    return `$${index.toString()}:${typeName(type)}:${mode}${place.validity === undefined ? '' : '?'}`;
  }

  #addTable(expr: Expr, column: Extract<Expr, { kind: 'column' }>): string {
    const text = this.#addSlot(column, 'code');
    const slot = this.#places.get(column)?.index ?? 0;
    const index = this.tables.length;
    this.tables.push({ expr, slot, column: column.index, pointer: this.take(4) });
    this.#places.set(expr, { kind: 'table', index });
    return `table${index.toString()}${expr.nullable ? '?' : ''}(${text})`;
  }

  #addText(expr: Expr, test: TextTest): string {
    const { column, kind, values, negated } = test;
    const text = this.#addSlot(column, 'text');
    const slot = this.#places.get(column)?.index ?? 0;
    const constants = values.map((bytes) => ({ bytes, place: this.take(8 * textWords(bytes.length)) }));
    this.#places.set(expr, { kind: 'text', index: this.texts.length });
    const hits = middleOf(kind, values).length > 0 ? this.take(CODE_BLOCK_ROWS) : undefined;
    this.texts.push({ slot, kind, negated, constants, hits });
    const lengths = values.map(({ length }) => length.toString()).join(',');
    return `${negated ? 'not ' : ''}${kind}<${lengths}>(${text})`;
  }

  #addLiteral(expr: Literal): string {
    if (expr.value === null) {
      this.#places.set(expr, { kind: 'null', index: 0 });
      return `null:${typeName(expr.type)}`;
    }
    let index = this.params.indexOf(expr);
    if (index < 0) {
      index = this.params.length;
      this.params.push(expr);
      this.paramPlaces.push(this.take(PARAM_BYTES));
      this.paramBounds.push(expr.type.id === 'decimal' ? boundOfLiteral(expr) : undefined);
    }
    this.#places.set(expr, { kind: 'param', index });
    const size = this.paramBounds[index] === undefined ? '' : `:${String(this.paramBounds[index]).length.toString()}`;
    return `?${index.toString()}:${typeName(expr.type)}${Number.isNaN(expr.value) ? ':nan' : size}`;
  }
}
