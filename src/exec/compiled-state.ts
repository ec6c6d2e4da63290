/**
 * Cells in code: how they begin, and how a row changes them.
 *
 * Hides the arithmetic of aggregates. Invariants: a row that does not count changes nothing, without a branch: what it
 * adds is masked to zero; of -0 and 0 the first seen stays an extreme.
 */
import { f64Const, i32Const, i64Const, select } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import type { Expr } from '../plan/expr.ts';
import type { Cell } from './compiled-cells.ts';
import type { Emitter } from './compiled-rule.ts';
import {
  allWords,
  boolOf,
  both,
  boundOf,
  decimalOf,
  floatOf,
  intOf,
  isNarrow,
  maskOf,
  narrowOf,
  trueOf,
} from './compiled-value.ts';
import type { Value } from './compiled-value.ts';
import { f64, i32, i64 } from './compiled-vocabulary.ts';

type Bit = Code<'i32'>;

const MOST = (1n << 63n) - 1n;
const LEAST = -(1n << 63n);
const LOW_MOST = 0xffffffffn;
const LOW_HALF = i64Const(LOW_MOST);

/** The words of a cell before the first row. */
export function startOf({ kind, form, unsigned, words }: Cell): readonly Code[] {
  if (kind === 'count' || kind === 'sum') {
    return form === 'float' ? [f64Const(0)] : Array.from({ length: words }, () => i64Const(0n));
  }
  if (form === 'float') return [f64Const(kind === 'min' ? NaN : -Infinity)];
  const isMin = kind === 'min';
  if (form === 'decimal') return [i64Const(isMin ? -1n : 0n), i64Const(isMin ? MOST : LEAST)];
  if (unsigned) return [i64Const(isMin ? -1n : 0n)];
  return [i64Const(isMin ? MOST : LEAST)];
}

/** What a row adds to each word of a sum. */
function addends({ words, unsigned }: Cell, value: Value): readonly Code<'i64'>[] {
  if (value.form === 'bool') return [i64.extend_u(boolOf(value))];
  const top = (code: Code<'i64'>): Code<'i64'> => (unsigned ? i64.shr_u : i64.shr_s)(code, i64Const(32n));
  if (value.form === 'decimal') {
    const bound = boundOf(value);
    // No 2^31 values of 32 bits pass a word; wider ones go to it by their halves.
    if (bound <= LOW_MOST) return [narrowOf(value)];
    if (isNarrow(bound)) return [i64.and(narrowOf(value), LOW_HALF), i64.shr_s(narrowOf(value), i64Const(32n))];
    const [low, high] = decimalOf(value);
    return [i64.and(low, LOW_HALF), i64.shr_u(low, i64Const(32n)), i64.and(high, LOW_HALF), top(high)];
  }
  const code = intOf(value);
  return words === 1 ? [code] : [i64.and(code, LOW_HALF), top(code)];
}

function isBetter(cell: Cell, value: Value, best: readonly Code[]): Bit {
  const isMin = cell.kind === 'min';
  if (value.form === 'float') {
    const [x, old] = [floatOf(value), best[0] as Code<'f64'>];
    return isMin ? i32.or(f64.lt(x, old), f64.ne(old, old)) : i32.or(f64.gt(x, old), f64.ne(x, x));
  }
  if (value.form === 'decimal') {
    const [xLow, xHigh] = decimalOf(value);
    const [low, high] = best as readonly [Code<'i64'>, Code<'i64'>];
    const [aLow, bLow] = isMin ? [xLow, low] : [low, xLow];
    const [aHigh, bHigh] = isMin ? [xHigh, high] : [high, xHigh];
    return i32.or(i64.lt_s(aHigh, bHigh), i32.and(i64.eq(aHigh, bHigh), i64.lt_u(aLow, bLow)));
  }
  const less = cell.unsigned ? i64.lt_u : i64.lt_s;
  const [x, old] = [intOf(value), best[0] as Code<'i64'>];
  return isMin ? less(x, old) : less(old, x);
}

function sumWith(cell: Cell, old: readonly Code[], value: Value, counts: Bit | undefined): readonly Code[] {
  const mask = counts === undefined ? undefined : maskOf(counts);
  if (value.form === 'float') {
    const code = floatOf(value);
    const masked = mask === undefined ? code : f64.of_bits(i64.and(i64.bits(code), mask));
    return [f64.add(old[0] as Code<'f64'>, masked)];
  }
  const added = addends(cell, value);
  return old.map((word, i) => {
    const addend = added[i];
    if (addend === undefined) return word;
    return i64.add(word as Code<'i64'>, mask === undefined ? addend : i64.and(addend, mask));
  });
}

/** The words of a cell after a row, from those before it; `active`: whether the row counts at all. */
export function advance(
  cell: Cell,
  emitter: Emitter,
  old: readonly Code[],
  active: Bit | undefined,
): readonly Code[] {
  const { row } = emitter;
  let open = active;
  if (cell.test !== undefined) open = row.bind(both(active, trueOf(emitter.value(cell.test, active))) as Bit, 'open');
  if (cell.kind === 'count') {
    const counts = cell.arg === undefined ? open : both(open, emitter.value(cell.arg, open).present);
    return [i64.add(old[0] as Code<'i64'>, i64.extend_u(counts ?? i32Const(1)))];
  }
  const value = row.bound(emitter.value(cell.arg as Expr, open), 'arg');
  const counts = both(open, value.present);
  if (cell.kind === 'sum') return sumWith(cell, old, value, counts);
  const better = row.bind(both(isBetter(cell, value, old), counts) as Bit, 'better');
  const words = allWords(value);
  return old.map((code, i) => select(better, words[i] as Code, code));
}
