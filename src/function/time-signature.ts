/**
 * Parameter types of functions on dates and times.
 *
 * Hides units. Invariants: kernels see date32, time and timestamp in microseconds or nanoseconds, and month_day_nano;
 * what a column has in coarser units is widened, nanoseconds are kept.
 */
import type { DataType, TimeUnit } from '../arrow/type.ts';
import { INTERVAL } from './interval.ts';
import { flatType } from './signature.ts';

export const DATE: DataType & { readonly id: 'date' } = { id: 'date', unit: 'day' };
export const TIME: DataType & { readonly id: 'time' } = { id: 'time', unit: 'microsecond', bitWidth: 64 };
export const MICROS: DataType & { readonly id: 'timestamp' } = timestampType('microsecond');
export const ZONED: DataType & { readonly id: 'timestamp' } = timestampType('microsecond', 'UTC');

/** A timestamp type. */
export function timestampType(unit: TimeUnit, timezone?: string): DataType & { readonly id: 'timestamp' } {
  return { id: 'timestamp', unit, timezone };
}

/** Microseconds, or nanoseconds where the type has them. */
function fineUnit(unit: TimeUnit): 'microsecond' | 'nanosecond' {
  return unit === 'nanosecond' ? 'nanosecond' : 'microsecond';
}

/**
 * The type in which a kernel takes a date, time or timestamp, and with `withInterval` an interval or duration;
 * undefined for all others.
 */
export function momentParameter(argument: DataType, withInterval: boolean): DataType | undefined {
  const type = flatType(argument);
  switch (type.id) {
    case 'date':
      return DATE;
    case 'time':
      return { id: 'time', unit: fineUnit(type.unit), bitWidth: 64 };
    case 'timestamp':
      return timestampType(fineUnit(type.unit), type.timezone);
    case 'interval':
    case 'duration':
      return withInterval ? INTERVAL : undefined;
    default:
      return undefined;
  }
}
