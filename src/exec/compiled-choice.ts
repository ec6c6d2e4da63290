/**
 * Rules of CASE, COALESCE and casts among numbers, dates and times.
 *
 * Hides ranges and rounding. Invariants: a branch that a row does not take counts for nothing, so it cannot fail; casts
 * are those of function/cast-number (compiled-decimal has those of decimals, compiled-moment those of dates): floats
 * round half to even, what does not fit fails its row or, under TRY_CAST, makes it null.
 */
import { sameType } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import { i32Const, i64Const } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import type { Expr } from '../plan/expr.ts';
import { convertDecimal, decimalCastFits } from './compiled-decimal.ts';
import type { Converted } from './compiled-decimal.ts';
import { convertMoment, momentCastFits } from './compiled-moment.ts';
import { narrowRange } from './compiled-rule.ts';
import type { Call, Emitter, Rule } from './compiled-rule.ts';
import {
  boolOf,
  boolValue,
  both,
  choose,
  floatOf,
  floatValue,
  intOf,
  intValue,
  isUnsigned64,
  laneForm,
  trueOf,
} from './compiled-value.ts';
import type { RowScope, Value } from './compiled-value.ts';
import { f64, i32, i64 } from './compiled-vocabulary.ts';

type Bit = Code<'i32'>;
type Cast = Extract<Expr, { kind: 'cast' }>;

function absentLike(value: Value): Value {
  return { ...value, present: i32Const(0) };
}

function emitCase({ row, value }: Emitter, call: Call, active: Bit | undefined): Value {
  const pairs = Math.floor(call.args.length / 2);
  let open = active;
  const taken: { readonly condition: Bit; readonly value: Value }[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const condition = row.bind(trueOf(value(call.args[pair * 2] as Expr, open)), 'when');
    const within = row.bind(both(open, condition) as Bit, 'open');
    taken.push({ condition, value: row.bound(value(call.args[pair * 2 + 1] as Expr, within), 'then') });
    open = row.bind(both(open, i32.not(condition)) as Bit, 'open');
  }
  const last = taken.at(-1)?.value as Value;
  const otherwise = call.args.length % 2 === 1 ? value(call.args.at(-1) as Expr, open) : absentLike(last);
  return taken.reduceRight(
    (rest, pair) => row.bound(choose(pair.condition, pair.value, rest), 'case'),
    row.bound(otherwise, 'else'),
  );
}

function emitCoalesce({ row, value }: Emitter, call: Call, active: Bit | undefined): Value {
  const parts: Value[] = [];
  let open = active;
  for (const arg of call.args) {
    const part = row.bound(value(arg, open), 'part');
    parts.push(part);
    if (part.present === undefined) break;
    open = row.bind(both(open, i32.not(part.present)) as Bit, 'open');
  }
  const last = parts.pop() as Value;
  return parts.reduceRight(
    (rest, part) => row.bound(choose(part.present as Bit, { ...part, present: undefined }, rest), 'coalesce'),
    last,
  );
}

/** True when every argument that is a result has the call's type. */
function resultsFit(call: Call, isResult: (index: number) => boolean): boolean {
  return (
    laneForm(call.type) !== undefined &&
    call.args.every((arg, i) => (isResult(i) ? sameType(arg.type, call.type) : arg.type.id === 'bool'))
  );
}

/** Rules by the names of functions. */
export const CHOICE_RULES: Readonly<Record<string, Rule>> = {
  case: {
    fits: (call) => resultsFit(call, (i) => i % 2 === 1 || i === call.args.length - 1),
    emit: emitCase,
  },
  coalesce: { fits: (call) => resultsFit(call, () => true), emit: emitCoalesce },
};

function isNumber(type: DataType): boolean {
  return type.id === 'bool' || type.id === 'int' || (type.id === 'float' && type.bitWidth !== 16);
}

/** True for casts among numbers, for those among dates and timestamps, and for those that change nothing. */
export function castFits(cast: Cast): boolean {
  const [from, to] = [cast.operand.type, cast.type];
  if (sameType(from, to)) return laneForm(to) !== undefined;
  return (isNumber(from) && isNumber(to)) || momentCastFits(from, to) || decimalCastFits(cast);
}

function intToInt(from: DataType, to: DataType, code: Code<'i64'>): Bit | undefined {
  const range = narrowRange(to);
  if (range === undefined) {
    // Into uint64 nothing negative goes, out of it nothing above the greatest int64.
    return isUnsigned64(from) === isUnsigned64(to) ? undefined : i64.lt_s(code, i64Const(0n));
  }
  if (isUnsigned64(from)) return i64.gt_u(code, i64Const(range[1]));
  return i32.or(i64.lt_s(code, i64Const(range[0])), i64.gt_s(code, i64Const(range[1])));
}

function floatToInt(to: DataType, code: Code<'f64'>): Converted {
  const range = narrowRange(to);
  const unsigned = isUnsigned64(to);
  const low = range === undefined ? (unsigned ? 0 : -(2 ** 63)) : Number(range[0]);
  const below = range === undefined ? (unsigned ? 2 ** 64 : 2 ** 63) : Number(range[1]) + 1;
  const fits = i32.and(f64.ge(code, f64.const(low)), f64.lt(code, f64.const(below)));
  const whole = unsigned ? i64.trunc_sat_u(code) : i64.trunc_sat_s(code);
  return { value: intValue(whole, undefined), misfit: i32.not(fits) };
}

/** The largest double that still rounds to a finite float32 is just below this. */
const FLOAT_END = 3.4028235677973366e38;

function toFloat(from: DataType, to: DataType, value: Value): Converted {
  const narrow = to.id === 'float' && to.bitWidth === 32;
  if (value.form === 'float') {
    const code = floatOf(value);
    if (!narrow) return { value: floatValue(code, undefined), misfit: undefined };
    const size = f64.abs(code);
    const misfit = i32.and(f64.ge(size, f64.const(FLOAT_END)), f64.lt(size, f64.const(Infinity)));
    return { value: floatValue(f64.round32(code), undefined), misfit };
  }
  const code = isUnsigned64(from) ? f64.convert_u(intOf(value)) : f64.convert_s(intOf(value));
  return { value: floatValue(narrow ? f64.round32(code) : code, undefined), misfit: undefined };
}

function convert(row: RowScope, from: DataType, to: DataType, value: Value): Converted {
  if (from.id === 'decimal' || to.id === 'decimal') return convertDecimal(row, from, to, value);
  if (momentCastFits(from, to)) return convertMoment(row, from, to, value);
  if (to.id === 'bool') {
    const set = value.form === 'float' ? f64.ne(floatOf(value), f64.const(0)) : i64.ne(intOf(value), i64Const(0n));
    return { value: boolValue(set, undefined), misfit: undefined };
  }
  if (value.form === 'bool') {
    const whole = intValue(i64.extend_u(boolOf(value)), undefined);
    return to.id === 'float' ? toFloat(from, to, whole) : { value: whole, misfit: undefined };
  }
  if (to.id === 'float') return toFloat(from, to, value);
  if (value.form === 'float') return floatToInt(to, f64.nearest(floatOf(value)));
  return { value: intValue(intOf(value), undefined), misfit: intToInt(from, to, intOf(value)) };
}

/** The code of a cast that fits. */
export function emitCast(emitter: Emitter, cast: Cast, active: Bit | undefined): Value {
  const { row } = emitter;
  const operand = row.bound(emitter.value(cast.operand, active), 'v');
  if (sameType(cast.operand.type, cast.type)) return operand;
  const [from, to] = [cast.operand.type, cast.type];
  const ofDecimals = from.id === 'decimal' || to.id === 'decimal';
  const { value, misfit } = convert(row, from, to, operand);
  if (misfit === undefined) return { ...value, present: operand.present };
  // Every decimal is some double: what code cannot round, the operator does.
  const isLeft = ofDecimals && to.id === 'float';
  if (cast.attempt && !isLeft) return { ...value, present: both(operand.present, i32.not(misfit)) };
  row.fail(misfit, operand.present, active);
  return { ...value, present: operand.present };
}
