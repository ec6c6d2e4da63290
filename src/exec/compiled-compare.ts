/**
 * Rules of comparison and three-valued logic: = <> < <= > >=, IS [NOT] DISTINCT FROM, IN, AND, OR, NOT, IS … .
 *
 * Hides NaN, which equals itself and is greater than every number. Invariants: a strict comparison is absent where an
 * argument is; AND and OR show later arguments only the rows that are still open; the meaning is that of
 * function/compare and function/boolean.
 */
import { i32Const } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import type { Expr } from '../plan/expr.ts';
import { canFail } from './evaluate-lazy.ts';
import { sameArgs } from './compiled-rule.ts';
import type { Call, Emitter, Rule } from './compiled-rule.ts';
import {
  boolOf,
  boolValue,
  both,
  decimalOf,
  floatOf,
  intOf,
  isUnsigned64,
  laneForm,
  narrowOf,
} from './compiled-value.ts';
import type { RowScope, Value } from './compiled-value.ts';
import { f64, i32, i64 } from './compiled-vocabulary.ts';

type Bit = Code<'i32'>;

/** True for a literal that is not NaN: one side of most comparisons, which then need no look at NaN there. */
export function isOrderedLiteral(expr: Expr): boolean {
  return expr.kind === 'literal' && typeof expr.value === 'number' && !Number.isNaN(expr.value);
}

/** Two sides of a comparison. `plainA` and `plainB`: known not to be NaN. */
interface Sides {
  readonly a: Value;
  readonly b: Value;
  readonly unsigned: boolean;
  readonly plainA: boolean;
  readonly plainB: boolean;
}

function isNan(code: Code<'f64'>): Bit {
  return f64.ne(code, code);
}

function less({ a, b, unsigned, plainA, plainB }: Sides): Bit {
  switch (a.form) {
    case 'int':
      return (unsigned ? i64.lt_u : i64.lt_s)(intOf(a), intOf(b));
    case 'bool':
      return i32.lt_u(boolOf(a), boolOf(b));
    case 'float': {
      const [x, y] = [floatOf(a), floatOf(b)];
      if (plainB) return f64.lt(x, y);
      // y is greater, or NaN.
      if (plainA) return i32.not(f64.le(y, x));
      return i32.or(f64.lt(x, y), i32.and(isNan(y), f64.eq(x, x)));
    }
    case 'decimal': {
      if (a.words.length + b.words.length === 2) return i64.lt_s(narrowOf(a), narrowOf(b));
      const [[aLow, aHigh], [bLow, bHigh]] = [decimalOf(a), decimalOf(b)];
      return i32.or(i64.lt_s(aHigh, bHigh), i32.and(i64.eq(aHigh, bHigh), i64.lt_u(aLow, bLow)));
    }
  }
}

function equal({ a, b, plainA, plainB }: Sides): Bit {
  switch (a.form) {
    case 'int':
      return i64.eq(intOf(a), intOf(b));
    case 'bool':
      return i32.eq(boolOf(a), boolOf(b));
    case 'float': {
      const [x, y] = [floatOf(a), floatOf(b)];
      if (plainA || plainB) return f64.eq(x, y);
      return i32.or(f64.eq(x, y), i32.and(isNan(x), isNan(y)));
    }
    case 'decimal': {
      if (a.words.length + b.words.length === 2) return i64.eq(narrowOf(a), narrowOf(b));
      const [[aLow, aHigh], [bLow, bHigh]] = [decimalOf(a), decimalOf(b)];
      return i32.and(i64.eq(aLow, bLow), i64.eq(aHigh, bHigh));
    }
  }
}

function swapped(sides: Sides): Sides {
  return { a: sides.b, b: sides.a, unsigned: sides.unsigned, plainA: sides.plainB, plainB: sides.plainA };
}

const OPERATORS: Readonly<Record<string, (sides: Sides) => Bit>> = {
  '=': equal,
  '<>': (sides) => i32.not(equal(sides)),
  '<': less,
  '<=': (sides) => i32.not(less(swapped(sides))),
  '>': (sides) => less(swapped(sides)),
  '>=': (sides) => i32.not(less(sides)),
};

function sidesOf({ row, value }: Emitter, [left, right]: readonly Expr[], active: Bit | undefined): Sides {
  const [x, y] = [left as Expr, right as Expr];
  return {
    a: row.bound(value(x, active), 'x'),
    b: row.bound(value(y, active), 'y'),
    unsigned: isUnsigned64(x.type),
    plainA: isOrderedLiteral(x),
    plainB: isOrderedLiteral(y),
  };
}

function isComparable(call: Call): boolean {
  return sameArgs(call) && laneForm(call.args[0]?.type ?? { id: 'null' }) !== undefined;
}

function comparison(operator: string): Rule {
  const compare = OPERATORS[operator] as (sides: Sides) => Bit;
  return {
    fits: isComparable,
    emit: (emitter, call, active) => {
      const sides = sidesOf(emitter, call.args, active);
      return boolValue(compare(sides), both(sides.a.present, sides.b.present));
    },
  };
}

/** IS DISTINCT FROM, or its opposite. */
function distinction(negated: boolean): Rule {
  return {
    fits: isComparable,
    emit: (emitter, call, active) => {
      const sides = sidesOf(emitter, call.args, active);
      const present = both(sides.a.present, sides.b.present);
      const differs = i32.not(equal(sides));
      const one = i32Const(1);
      const oneNull = i32.xor(sides.a.present ?? one, sides.b.present ?? one);
      const distinct = present === undefined ? differs : i32.or(i32.and(differs, present), oneNull);
      return boolValue(negated ? i32.not(distinct) : distinct, undefined);
    },
  };
}

function emitIn(emitter: Emitter, call: Call, active: Bit | undefined): Value {
  const { row } = emitter;
  const [operand, ...items] = call.args as readonly [Expr, ...Expr[]];
  const a = row.bound(emitter.value(operand, active), 'x');
  const unsigned = isUnsigned64(operand.type);
  let found: Bit = i32Const(0);
  let known = a.present;
  for (const item of items) {
    const b = row.bound(emitter.value(item, active), 'y');
    const sides = { a, b, unsigned, plainA: isOrderedLiteral(operand), plainB: isOrderedLiteral(item) };
    const hit = both(both(equal(sides), a.present), b.present) as Bit;
    found = row.bind(i32.or(found, hit), 'found');
    known = both(known, b.present);
  }
  return boolValue(found, known === undefined ? undefined : i32.or(found, known));
}

/** An argument taken apart: known to decide (false for AND, true for OR), and known not to. */
function decided(row: RowScope, value: Value, isAnd: boolean): { readonly deciding: Bit; readonly other: Bit } {
  const truth = row.bind(boolOf(value), 'truth');
  const [deciding, other] = isAnd ? [i32.not(truth), truth] : [truth, i32.not(truth)];
  return { deciding: both(deciding, value.present) as Bit, other: both(other, value.present) as Bit };
}

function emitLogic(isAnd: boolean): Rule['emit'] {
  return ({ row, value }, call, active) => {
    let anyDecides: Bit | undefined;
    let allOther: Bit | undefined;
    let nullable = false;
    for (const arg of call.args) {
      const isLazy = anyDecides !== undefined && canFail(arg);
      const open = isLazy ? row.bind(both(active, i32.not(anyDecides as Bit)) as Bit, 'open') : active;
      const part = value(arg, open);
      nullable ||= part.present !== undefined;
      const { deciding, other } = decided(row, part, isAnd);
      anyDecides = row.bind(anyDecides === undefined ? deciding : i32.or(anyDecides, deciding), 'decided');
      allOther = row.bind(allOther === undefined ? other : i32.and(allOther, other), 'all');
    }
    const truth = (isAnd ? allOther : anyDecides) as Bit;
    return boolValue(truth, nullable ? i32.or(anyDecides as Bit, allOther as Bit) : undefined);
  };
}

function allBool(call: Call): boolean {
  return call.args.every(({ type }) => type.id === 'bool');
}

/** IS [NOT] NULL. */
function nullTest(whenPresent: boolean): Rule {
  return {
    fits: (call) => laneForm(call.args[0]?.type ?? { id: 'null' }) !== undefined,
    emit: (emitter, call, active) => {
      const { present } = emitter.value(call.args[0] as Expr, active);
      if (present === undefined) return boolValue(i32Const(whenPresent ? 1 : 0), undefined);
      return boolValue(whenPresent ? present : i32.not(present), undefined);
    },
  };
}

/** IS [NOT] TRUE and IS [NOT] FALSE. */
function truthTest(wanted: boolean, negated: boolean): Rule {
  return {
    fits: allBool,
    emit: (emitter, call, active) => {
      const value = emitter.value(call.args[0] as Expr, active);
      const truth = wanted ? boolOf(value) : i32.not(boolOf(value));
      const holds = both(truth, value.present) as Bit;
      return boolValue(negated ? i32.not(holds) : holds, undefined);
    },
  };
}

/** Null where both are equal, else the first. */
function emitNullif(emitter: Emitter, call: Call, active: Bit | undefined): Value {
  const sides = sidesOf(emitter, call.args, active);
  const hit = both(both(equal(sides), sides.a.present), sides.b.present) as Bit;
  return { ...sides.a, present: both(sides.a.present, i32.not(hit)) };
}

/** Rules by the names of functions. */
export const COMPARE_RULES: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(Object.keys(OPERATORS).map((operator) => [operator, comparison(operator)])),
  is_distinct_from: distinction(false),
  is_not_distinct_from: distinction(true),
  in: { fits: isComparable, emit: emitIn },
  nullif: { fits: isComparable, emit: emitNullif },
  and: { fits: allBool, emit: emitLogic(true) },
  or: { fits: allBool, emit: emitLogic(false) },
  not: {
    fits: allBool,
    emit: (emitter, call, active) => {
      const value = emitter.value(call.args[0] as Expr, active);
      return boolValue(i32.not(boolOf(value)), value.present);
    },
  },
  is_null: nullTest(false),
  is_not_null: nullTest(true),
  is_true: truthTest(true, false),
  is_not_true: truthTest(true, true),
  is_false: truthTest(false, false),
  is_not_false: truthTest(false, true),
};
