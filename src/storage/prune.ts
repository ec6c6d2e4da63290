/**
 * Decides by statistics which batches cannot hold a row of interest.
 *
 * Hides how bounds are laid out and compared. Invariant: `canSkip` is true only when no row of the batch can
 * satisfy every bound; whatever is not known keeps the batch. NaN counts as above every number, so a batch with NaN
 * is never skipped for its maximum; a comparison is never true for a null.
 */
import type { Schema } from '../arrow/schema.ts';
import type { Bound, BoundValue, MovingBounds } from '../arrow/source.ts';
import { ENTRY_HEAD_BYTES, HAS_BOUNDS, HAS_NAN, NO_MAX, NULLS_UNKNOWN, boundsKind } from './statistics.ts';
import type { BoundsKind } from './statistics.ts';

type ConditionValue = number | bigint | Uint8Array;

interface Condition {
  readonly column: number;
  readonly operator: Bound['operator'];
  readonly kind: BoundsKind;
  /** Numbers and bigints compare exactly with one another in JavaScript; text is compared as UTF-8. */
  readonly value: ConditionValue | undefined;
  /** The words of an int64, which need no bigint to be compared. */
  readonly words: Words | undefined;
}

interface Words {
  readonly high: number;
  readonly low: number;
}

/** A set of bounds, made ready to be held against many batches. */
export class Pruner {
  readonly #schema: Schema;
  readonly #fixed: readonly Condition[];
  readonly #moving: MovingBounds | undefined;
  #version = 0;
  #conditions: readonly Condition[];

  /** Both kinds of bounds are on columns of `schema`. */
  constructor(schema: Schema, bounds: readonly Bound[], moving?: MovingBounds) {
    this.#schema = schema;
    this.#fixed = bounds.flatMap((bound) => conditionOf(schema, bound));
    this.#moving = moving;
    this.#conditions = this.#fixed;
  }

  /** True when there is nothing to prune by, now or later. */
  get isEmpty(): boolean {
    return this.#conditions.length === 0 && this.#moving === undefined;
  }

  /** Takes up what moved since the last batch. */
  #move(moving: MovingBounds): void {
    const version = moving.version();
    if (version === this.#version) return;
    this.#version = version;
    this.#conditions = [...this.#fixed, ...moving.bounds().flatMap((bound) => conditionOf(this.#schema, bound))];
  }

  /** Whether the batch whose packed statistics are bytes [start, end) of `view` holds no row of interest. */
  canSkip(view: DataView, start: number, end: number, rowCount: number): boolean {
    if (end - start < 4) return false;
    if (this.#moving !== undefined) this.#move(this.#moving);
    const columns = view.getUint32(start, true);
    for (const condition of this.#conditions) {
      if (condition.column >= columns) continue;
      const entry = start + view.getUint32(start + 4 + condition.column * 4, true);
      if (excludes(condition, view, entry, rowCount)) return true;
    }
    return false;
  }
}

function conditionOf(schema: Schema, bound: Bound): Condition[] {
  const { column, operator } = bound;
  const type = schema.fields[column]?.type;
  if (type === undefined) return [];
  const kind = boundsKind(type);
  if (operator === 'is_null' || operator === 'not_null')
    return [{ column, operator, kind, value: undefined, words: undefined }];
  const value = bound.value === undefined ? undefined : boundOf(kind, bound.value);
  return value === undefined ? [] : [{ column, operator, kind, value, words: wordsOf(kind, value) }];
}

function wordsOf(kind: BoundsKind, value: ConditionValue): Words | undefined {
  if (kind !== 'int64' || typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) return undefined;
  return { high: Number(value >> 32n), low: Number(value & 0xffffffffn) };
}

/** The value in the form that `kind` compares with, or undefined when it says nothing about such a column. */
function boundOf(kind: BoundsKind, value: BoundValue): Condition['value'] {
  if (kind === 'none') return undefined;
  if (kind === 'text') {
    if (typeof value !== 'string') return undefined;
    const bytes = Buffer.from(value);
    return bytes.toString() === value ? bytes : undefined;
  }
  if (typeof value === 'string') return undefined;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return Number.isNaN(value) ? undefined : value;
}

function excludes(condition: Condition, view: DataView, entry: number, rowCount: number): boolean {
  const flags = view.getUint8(entry);
  const nullsKnown = (flags & NULLS_UNKNOWN) === 0;
  const nulls = view.getUint32(entry + 1, true);
  if (condition.operator === 'is_null') return nullsKnown && nulls === 0;
  if (nullsKnown && nulls === rowCount) return true;
  if (condition.operator === 'not_null' || (flags & HAS_BOUNDS) === 0) return false;
  const { value } = condition;
  if (value === undefined) return false;
  const at = entry + ENTRY_HEAD_BYTES;
  const belowMin = compareWithMin(condition, view, at, value);
  const aboveMax = (flags & (HAS_NAN | NO_MAX)) !== 0 ? -1 : compareWithMax(condition, view, at, value);
  switch (condition.operator) {
    case '=':
      // NaN never equals a number, so here the maximum of the numbers holds even beside NaN.
      return belowMin < 0 || ((flags & NO_MAX) === 0 && compareWithMax(condition, view, at, value) > 0);
    case '<':
      return belowMin <= 0;
    case '<=':
      return belowMin < 0;
    case '>':
      return aboveMax >= 0;
    case '>=':
      return aboveMax > 0;
  }
}

/** Negative, zero or positive as `value` is below, at or above the minimum. */
function compareWithMin({ kind, words }: Condition, view: DataView, at: number, value: ConditionValue): number {
  if (words !== undefined) return compareWords(words, view, at);
  if (value instanceof Uint8Array) return compareText(value, view, at);
  return compareNumbers(value, readNumber(kind, view, at, false));
}

function compareWithMax({ kind, words }: Condition, view: DataView, at: number, value: ConditionValue): number {
  if (words !== undefined) return compareWords(words, view, at + 8);
  if (value instanceof Uint8Array) return compareText(value, view, at + 1 + view.getUint8(at));
  return compareNumbers(value, readNumber(kind, view, at, true));
}

function compareWords({ high, low }: Words, view: DataView, at: number): number {
  const other = view.getInt32(at + 4, true);
  return high === other ? low - view.getUint32(at, true) : high - other;
}

function compareNumbers(a: number | bigint, b: number | bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function readNumber(kind: BoundsKind, view: DataView, at: number, upper: boolean): number | bigint {
  switch (kind) {
    case 'int64':
      return view.getBigInt64(upper ? at + 8 : at, true);
    case 'uint64':
      return view.getBigUint64(upper ? at + 8 : at, true);
    case 'decimal128': {
      const start = upper ? at + 16 : at;
      return (view.getBigInt64(start + 8, true) << 64n) | view.getBigUint64(start, true);
    }
    default:
      return view.getFloat64(upper ? at + 8 : at, true);
  }
}

/** Compares with the text stored at `at` (length, bytes). */
function compareText(value: Uint8Array, view: DataView, at: number): number {
  const length = view.getUint8(at);
  const shared = Math.min(length, value.byteLength);
  for (let i = 0; i < shared; i++) {
    const difference = (value[i] ?? 0) - view.getUint8(at + 1 + i);
    if (difference !== 0) return difference;
  }
  return value.byteLength - length;
}
