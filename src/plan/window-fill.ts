/**
 * fill: a call over numbers, and its answer in the type of the values.
 *
 * Hides how dates, moments and decimals become numbers and back. Invariants: a value that is there stays as it is; one
 * that its type cannot hold is NULL.
 */
import type { DataType } from '../arrow/type.ts';
import type { Span } from '../base/errors.ts';
import { sqlError } from '../sql/frame.ts';
import { targetOf } from './adapt.ts';
import { castTo, makeArithmetic, makeCall } from './coerce.ts';
import { DOUBLE, INT32, INT64, makeLiteral } from './constant.ts';
import type { Expr, SortKey } from './expr.ts';

/** A place on a line: its value as a double. @throws `sql_bind` for types that have no differences */
function numberOf(sql: string, expr: Expr, what: string): Expr {
  const type = targetOf(expr.type);
  const { span } = expr;
  switch (type.id) {
    case 'int':
    case 'float':
      return castTo(sql, expr, DOUBLE, false, span);
    case 'decimal': {
      const number = castTo(sql, expr, DOUBLE, false, span);
      return makeArithmetic(sql, '*', number, scaleOf(type, span), span);
    }
    case 'date':
    case 'timestamp':
    case 'time':
      return castTo(sql, makeCall(sql, 'epoch_us', [expr], span), DOUBLE, false, span);
    default:
      throw sqlError('sql_bind', sql, span, `${what} of fill must be numbers, dates or times`);
  }
}

function scaleOf(type: DataType, span: Span): Expr {
  return makeLiteral(type.id === 'decimal' ? 10 ** type.scale : 1, DOUBLE, span);
}

const DAY_MICROS = 86_400_000_000;

/** The arguments of the call: values and their places, by the only key. @throws `sql_bind` */
export function fillArguments(sql: string, values: Expr, keys: readonly SortKey[], span: Span): readonly Expr[] {
  const [key, ...more] = keys;
  if (key === undefined || more.length > 0) {
    throw sqlError('sql_bind', sql, span, 'fill needs ORDER BY one expression, by which values follow one another');
  }
  if (targetOf(values.type).id === 'time') throw sqlError('sql_bind', sql, span, 'fill takes no times of day');
  return [numberOf(sql, values, 'the values'), numberOf(sql, key.expr, 'the places')];
}

/** The values, with the call's numbers where there are none. */
export function filled(sql: string, values: Expr, numbers: Expr, span: Span): Expr {
  const type = targetOf(values.type);
  const call = (name: string, args: readonly Expr[]): Expr => makeCall(sql, name, args, span);
  const made = (): Expr => {
    switch (type.id) {
      case 'float':
        return numbers;
      case 'decimal':
        return makeArithmetic(sql, '/', call('trunc', [numbers]), scaleOf(type, span), span);
      case 'date': {
        const days = call('floor', [makeArithmetic(sql, '/', numbers, makeLiteral(DAY_MICROS, DOUBLE, span), span)]);
        const epoch = makeLiteral(0, { id: 'date', unit: 'day' }, span);
        return makeArithmetic(sql, '+', epoch, castTo(sql, days, INT32, true, span), span);
      }
      case 'timestamp': {
        const micros = castTo(sql, call('trunc', [numbers]), INT64, true, span);
        return call(type.timezone === undefined ? 'make_timestamp' : 'make_timestamptz', [micros]);
      }
      default:
        return call('trunc', [numbers]);
    }
  };
  const fitting = castTo(sql, made(), type, true, span);
  return call('coalesce', [castTo(sql, values, type, false, span), fitting]);
}
