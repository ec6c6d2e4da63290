/**
 * Dates and days: date ± integer, date - date.
 *
 * Hides nothing. Invariant: a date that leaves int32 days is `value_error` unless its row is null.
 */
import { EngineError } from '../base/errors.ts';
import type { Vector } from '../arrow/vector.ts';
import { bytesOf, numbersOf, vectorFromNumbers, vectorOf } from './column.ts';
import type { Kernel } from './contract.ts';
import { bitAt, mergeValidity } from './validity.ts';

/** date ± days, or days + date. */
export function shiftDate(operator: '+' | '-'): Kernel {
  const sign = operator === '+' ? 1 : -1;
  return (args, rowCount, type) => {
    const a = numbersOf(args[0] as Vector);
    const b = numbersOf(args[1] as Vector);
    const out = new Float64Array(rowCount);
    const validity = mergeValidity(args, rowCount);
    for (let i = 0; i < rowCount; i++) {
      const day = (a[i] as number) + sign * (b[i] as number);
      out[i] = day;
      if ((day | 0) === day || (validity.bits !== undefined && !bitAt(validity.bits, i))) continue;
      const message = `day ${String(a[i])} ${operator} ${String(b[i])} days is outside the range of dates`;
      throw new EngineError('value_error', message);
    }
    return vectorFromNumbers(type, out, rowCount, validity);
  };
}

/** date - date, in days, as int64. */
export const dateDifference: Kernel = (args, rowCount, type) => {
  const a = numbersOf(args[0] as Vector);
  const b = numbersOf(args[1] as Vector);
  const out = new Int32Array(rowCount * 2);
  for (let i = 0; i < rowCount; i++) {
    const days = (a[i] as number) - (b[i] as number);
    out[2 * i] = days;
    out[2 * i + 1] = Math.floor(days / 4294967296);
  }
  return vectorOf(type, rowCount, mergeValidity(args, rowCount), bytesOf(out));
};
