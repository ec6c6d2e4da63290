/**
 * Rules of arithmetic: + - * / // % and unary minus, abs, on integers, floats and dates, and by compiled-decimal on
 * decimals.
 *
 * Hides overflow checks. Invariants: integers of up to 32 bits are computed in 64 and held against their range; those
 * of 64 bits are checked by signs, products by a float estimate and, near the end of the range, by division; a divisor
 * is never 0 and never -1 under the least value, so that nothing traps; `//` and `%` by zero are null; the meaning is
 * that of function/arithmetic-*.
 */
import type { DataType } from '../arrow/type.ts';
import { get, i32Const, i64Const, select } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import { emitDecimal, emitDecimalAbs, isDecimalCall } from './compiled-decimal.ts';
import { argTypes, narrowRange, sameArgs } from './compiled-rule.ts';
import type { Call, Emitter, Rule } from './compiled-rule.ts';
import { both, floatOf, floatValue, intOf, intValue, isUnsigned64, laneForm } from './compiled-value.ts';
import type { RowScope, Value } from './compiled-value.ts';
import { f64, i32, i64 } from './compiled-vocabulary.ts';

const LEAST = -(1n << 63n);
const ZERO = i64Const(0n);

type Int = Code<'i64'>;

/** A result, and where it does not fit its type. */
interface Checked {
  readonly code: Int;
  readonly overflows: Code<'i32'>;
}

function negative(code: Int): Code<'i32'> {
  return i64.lt_s(code, ZERO);
}

/** Days of dates that are not infinite. */
const FINITE_DAYS: readonly [bigint, bigint] = [-0x7ffffffen, 0x7ffffffen];

/** Out of the range of a type of up to 32 bits. */
function outside(code: Int, [low, high]: readonly [bigint, bigint]): Code<'i32'> {
  return i32.or(i64.lt_s(code, i64Const(low)), i64.gt_s(code, i64Const(high)));
}

function addWide(row: RowScope, a: Int, b: Int, unsigned: boolean): Checked {
  const code = row.bind(i64.add(a, b), 'sum');
  const overflows = unsigned ? i64.lt_u(code, a) : negative(i64.and(i64.xor(a, code), i64.xor(b, code)));
  return { code, overflows };
}

function subtractWide(row: RowScope, a: Int, b: Int, unsigned: boolean): Checked {
  const code = row.bind(i64.sub(a, b), 'difference');
  const overflows = unsigned ? i64.lt_u(a, b) : negative(i64.and(i64.xor(a, b), i64.xor(a, code)));
  return { code, overflows };
}

/** Only where the product of the rounded factors comes near the range's end, division decides. */
function multiplyWide(row: RowScope, a: Int, b: Int, unsigned: boolean): Checked {
  const code = row.bind(i64.mul(a, b), 'product');
  const overflows = row.fn.local('i32', 'overflows');
  const double = unsigned ? f64.convert_u : f64.convert_s;
  row.fn.set(overflows, i32Const(0));
  row.fn.when(f64.ge(f64.abs(f64.mul(double(a), double(b))), f64.const(2 ** 62)), () => {
    if (unsigned) {
      row.fn.set(overflows, i64.ne(i64.div_u(code, a), b));
      return;
    }
    row.fn.when(
      i64.eq(a, i64Const(-1n)),
      () => row.fn.set(overflows, i64.eq(b, i64Const(LEAST))),
      () => row.fn.set(overflows, i64.ne(i64.div_s(code, a), b)),
    );
  });
  return { code, overflows: get(overflows) };
}

function sumOf(operator: '+' | '-' | '*', row: RowScope, a: Int, b: Int, type: DataType): Checked {
  const range = narrowRange(type);
  if (range === undefined) {
    const unsigned = isUnsigned64(type);
    const wide = operator === '+' ? addWide : operator === '-' ? subtractWide : multiplyWide;
    return wide(row, a, b, unsigned);
  }
  const code = row.bind(operator === '+' ? i64.add(a, b) : operator === '-' ? i64.sub(a, b) : i64.mul(a, b), 'r');
  return { code, overflows: outside(code, range) };
}

function emitSum(operator: '+' | '-' | '*'): Rule['emit'] {
  return ({ row, value }, call, active) => {
    const [left, right] = call.args.map((arg) => row.bound(value(arg, active), 'v')) as [Value, Value];
    const present = both(left.present, right.present);
    if (left.form === 'float') {
      const compute = operator === '+' ? f64.add : operator === '-' ? f64.sub : f64.mul;
      return rounded(compute(floatOf(left), floatOf(right)), call.type, present);
    }
    const { code, overflows } = sumOf(operator, row, intOf(left), intOf(right), call.type);
    row.fail(overflows, present, active);
    return intValue(code, present);
  };
}

function emitProduct(emitter: Emitter, call: Call, active: Code<'i32'> | undefined): Value {
  return (isDecimalCall(call) ? emitDecimal : emitSum('*'))(emitter, call, active);
}

/** A float result; float32 is rounded once. */
function rounded(code: Code<'f64'>, type: DataType, present: Code<'i32'> | undefined): Value {
  return floatValue(type.id === 'float' && type.bitWidth === 32 ? f64.round32(code) : code, present);
}

function emitNegate(emitter: Emitter, call: Call, active: Code<'i32'> | undefined): Value {
  const { row } = emitter;
  const operand = row.bound(emitter.value(call.args[0] as Call, active), 'v');
  if (operand.form === 'float') return floatValue(f64.neg(floatOf(operand)), operand.present);
  const { code, overflows } = sumOf('-', row, ZERO, intOf(operand), call.type);
  row.fail(overflows, operand.present, active);
  return intValue(code, operand.present);
}

function emitAbs(emitter: Emitter, call: Call, active: Code<'i32'> | undefined): Value {
  if (isDecimalCall(call)) return emitDecimalAbs(emitter, call, active);
  const { row } = emitter;
  const operand = row.bound(emitter.value(call.args[0] as Call, active), 'v');
  if (operand.form === 'float') return floatValue(f64.abs(floatOf(operand)), operand.present);
  if (call.type.id === 'int' && !call.type.signed) return operand;
  const { code, overflows } = sumOf('-', row, ZERO, intOf(operand), call.type);
  const below = row.bind(negative(intOf(operand)), 'below');
  row.fail(i32.and(below, overflows), operand.present, active);
  return intValue(select(below, code, intOf(operand)), operand.present);
}

/** `//` and `%` of integers. */
function divideInts(row: RowScope, call: Call, [left, right]: readonly [Value, Value], active?: Code<'i32'>): Value {
  const [a, b] = [intOf(left), intOf(right)];
  const isZero = row.bind(i64.eqz(b), 'zero');
  const present = both(both(left.present, right.present), i32.not(isZero));
  const unsigned = isUnsigned64(call.type);
  if (call.name === '%') {
    const divisor = select(isZero, i64Const(1n), b);
    return intValue(unsigned ? i64.rem_u(a, divisor) : i64.rem_s(a, divisor), present);
  }
  if (unsigned) return intValue(i64.div_u(a, select(isZero, i64Const(1n), b)), present);
  const range = narrowRange(call.type);
  if (range !== undefined) {
    const code = row.bind(i64.div_s(a, select(isZero, i64Const(1n), b)), 'quotient');
    row.fail(outside(code, range), present, active);
    return intValue(code, present);
  }
  const overflows = row.bind(i32.and(i64.eq(a, i64Const(LEAST)), i64.eq(b, i64Const(-1n))), 'overflows');
  row.fail(overflows, present, active);
  return intValue(i64.div_s(a, select(i32.or(isZero, overflows), i64Const(1n), b)), present);
}

function emitDivide({ row, value }: Emitter, call: Call, active: Code<'i32'> | undefined): Value {
  const [left, right] = call.args.map((arg) => row.bound(value(arg, active), 'v')) as [Value, Value];
  if (left.form === 'int') return divideInts(row, call, [left, right], active);
  let present = both(left.present, right.present);
  if (call.name === '//') present = both(present, f64.ne(floatOf(right), f64.const(0)));
  return rounded(f64.div(floatOf(left), floatOf(right)), call.type, present);
}

function emitDates({ row, value }: Emitter, call: Call, active: Code<'i32'> | undefined): Value {
  const [left, right] = call.args.map((arg) => row.bound(value(arg, active), 'v')) as [Value, Value];
  const present = both(left.present, right.present);
  const compute = call.name === '+' ? i64.add : i64.sub;
  const code = row.bind(compute(intOf(left), intOf(right)), 'days');
  if (call.type.id !== 'date') return intValue(code, present);
  const moment = intOf(call.args[0]?.type.id === 'date' ? left : right);
  // What is infinite stays so.
  const isInfinite = row.bind(outside(moment, FINITE_DAYS), 'infinite');
  row.fail(i32.and(outside(code, FINITE_DAYS), i32.not(isInfinite)), present, active);
  return intValue(row.bind(select(isInfinite, moment, code), 'days'), present);
}

function isArithmetic(type: DataType): boolean {
  return type.id === 'int' || (type.id === 'float' && type.bitWidth !== 16);
}

function isNumeric(call: Call): boolean {
  return sameArgs(call) && isArithmetic(call.args[0]?.type ?? { id: 'null' }) && laneForm(call.type) !== undefined;
}

/** Days and integers of up to 32 bits. */
function isDates(call: Call): boolean {
  const types = argTypes(call);
  return types.some(({ id }) => id === 'date') && types.every((type) => narrowRange(type) !== undefined);
}

function sumRule(operator: '+' | '-'): Rule {
  return {
    fits: (call) => (call.args.length === 2 && isDates(call)) || isNumeric(call) || isDecimalCall(call),
    emit: (emitter, call, active) => {
      if (call.args.length === 1 && operator === '+') return emitter.value(call.args[0] as Call, active);
      if (isDecimalCall(call)) return emitDecimal(emitter, call, active);
      if (call.args.length === 1) return emitNegate(emitter, call, active);
      return (isDates(call) ? emitDates : emitSum(operator))(emitter, call, active);
    },
  };
}

/** Rules by the names of functions. */
export const ARITHMETIC_RULES: Readonly<Record<string, Rule>> = {
  '+': sumRule('+'),
  '-': sumRule('-'),
  '*': { fits: (call) => isNumeric(call) || isDecimalCall(call), emit: emitProduct },
  '/': { fits: (call) => isNumeric(call) && call.type.id === 'float', emit: emitDivide },
  '//': { fits: isNumeric, emit: emitDivide },
  // The remainder of floats is no instruction.
  '%': { fits: (call) => isNumeric(call) && call.type.id === 'int', emit: emitDivide },
  abs: { fits: (call) => isNumeric(call) || isDecimalCall(call), emit: emitAbs },
};
