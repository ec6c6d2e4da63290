/**
 * Dates, times and timestamps made of numbers: make_date and its kin, to_timestamp.
 *
 * Hides checking of fields. Invariants: fields that are no date or time are `value_error` unless the row is null; a
 * second's fraction rounds to microseconds, and may round up to the next second.
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowText } from './byte-rows.ts';
import { numbersOf } from './column.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { decimalValues } from './decimal.ts';
import type { FunctionEntry } from './entry.ts';
import { DOUBLE, familyOf, flatType, INT32, INT64, isNumeric, strictCall } from './signature.ts';
import { DATE, MICROS, TIME, timestampType, ZONED } from './time-signature.ts';
import { daysInMonth, daysOfDate } from './date-calendar.ts';
import { isPresentRow, momentsOf, momentVector, rangeError } from './time-words.ts';
import type { Moments } from './time-words.ts';
import { mergeValidity, validityOf } from './validity.ts';
import { zoneOf } from './zone.ts';

const DAY_MICROS = 86_400_000_000;

function isWhole(type: DataType): boolean {
  return type.id === 'null' || type.id === 'bool' || (type.id === 'int' && (type.bitWidth < 64 || type.signed));
}

/** A call of integers, the last a double where `fraction`; `tail` are further parameters as they are. */
function fieldsCall(
  name: string,
  args: readonly DataType[],
  wholes: number,
  fraction: boolean,
  type: DataType,
): ResolvedCall | undefined {
  const count = wholes + (fraction ? 1 : 0);
  if (args.length !== count || !args.slice(0, wholes).every((arg) => isWhole(flatType(arg)))) return undefined;
  const last = args[wholes];
  if (fraction && last !== undefined && last.id !== 'null' && !isNumeric(flatType(last))) return undefined;
  return strictCall(name, [...args.slice(0, wholes).map(() => INT64), ...(fraction ? [DOUBLE] : [])], type);
}

/** The numbers of an int64 or double column; beyond 2^53 near enough to fail every check. */
function fieldsOf(vector: Vector): (row: number) => number {
  if (vector.type.id === 'float') {
    const numbers = numbersOf(vector);
    return (row) => numbers[row] as number;
  }
  const values = decimalValues(vector);
  return (row) => Number(values(row));
}

function dayOf(year: number, month: number, day: number): number {
  const days =
    month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month) ? daysOfDate(year, month, day) : NaN;
  if ((days | 0) === days) return days;
  throw new EngineError('value_error', `${String(year)}-${String(month)}-${String(day)} is no date`);
}

/** Microseconds since midnight; 24:00:00 is allowed. */
function clockOf(hour: number, minute: number, second: number): number {
  const whole = Math.trunc(second);
  const micros = Math.round((second - whole) * 1_000_000);
  const total = ((hour * 60 + minute) * 60 + whole) * 1_000_000 + micros;
  const inRange = hour >= 0 && minute >= 0 && minute < 60 && second >= 0 && whole <= 60 && total <= DAY_MICROS;
  if (inRange) return total;
  throw new EngineError('value_error', `${String(hour)}:${String(minute)}:${String(second)} is no time of day`);
}

const makeDate: Kernel = (args, rowCount, type) => {
  if (args.length === 1) return { ...(args[0] as Vector), type };
  const [year, month, day] = args.map(fieldsOf) as [
    (row: number) => number,
    (row: number) => number,
    (row: number) => number,
  ];
  const validity = mergeValidity(args, rowCount);
  const days = new Float64Array(rowCount);
  for (let i = 0; i < rowCount; i++) if (isPresentRow(validity, i)) days[i] = dayOf(year(i), month(i), day(i));
  return momentVector(type, { days, rests: new Float64Array(rowCount), perDay: 86_400 }, rowCount, validity);
};

/** Fields from `at` on: year, month and day unless `timeOnly`, then hour, minute and second. */
function makeMoments(args: readonly Vector[], rowCount: number, timeOnly: boolean): Moments {
  const fields = args.filter((arg) => familyOf(arg.type) !== 'text').map(fieldsOf);
  const validity = mergeValidity(args, rowCount);
  const days = new Float64Array(rowCount);
  const rests = new Float64Array(rowCount);
  const first = timeOnly ? 0 : 3;
  for (let i = 0; i < rowCount; i++) {
    if (!isPresentRow(validity, i)) continue;
    const at = (k: number): number => (fields[k] as (row: number) => number)(i);
    if (!timeOnly) days[i] = dayOf(at(0), at(1), at(2));
    rests[i] = clockOf(at(first), at(first + 1), at(first + 2));
  }
  return { days, rests, perDay: DAY_MICROS };
}

const makeTime: Kernel = (args, rowCount, type) =>
  momentVector(type, makeMoments(args, rowCount, true), rowCount, mergeValidity(args, rowCount));

/** A count of units as a timestamp of them. */
export function makeCounted(unit: 'millisecond' | 'microsecond' | 'nanosecond'): Kernel {
  return ([vector], rowCount, type) => {
    const source = { ...(vector as Vector), type: timestampType(unit) };
    const moments = momentsOf(source);
    const validity = validityOf(source);
    for (let i = 0; i < rowCount; i++) {
      if (Math.abs(moments.days[i] as number) === Infinity && isPresentRow(validity, i)) {
        throw rangeError(`the count of ${unit}s`, 'timestamps');
      }
    }
    return momentVector(type, moments, rowCount, validity);
  };
}

const makeTimestamp: Kernel = (args, rowCount, type) => {
  const moments = makeMoments(args, rowCount, false);
  const zones = args[6];
  const validity = mergeValidity(args, rowCount);
  if (zones !== undefined) {
    const names = byteRowsOf(zones);
    for (let i = 0; i < rowCount; i++) {
      if (!isPresentRow(validity, i)) continue;
      const seconds = (moments.days[i] as number) * 86_400 + Math.floor((moments.rests[i] as number) / 1_000_000);
      const offset = zoneOf(rowText(names, i)).localOffset(seconds);
      moments.rests[i] = (moments.rests[i] as number) - offset * 1_000_000;
    }
  }
  return momentVector(type, moments, rowCount, validity);
};

const toTimestamp: Kernel = ([vector], rowCount, type) => {
  const numbers = numbersOf(vector as Vector);
  const validity = validityOf(vector as Vector);
  const days = new Float64Array(rowCount);
  const rests = new Float64Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    if (!isPresentRow(validity, i)) continue;
    const scaled = (numbers[i] as number) * 1_000_000;
    const micros = Math.sign(scaled) * Math.round(Math.abs(scaled));
    if (!(Math.abs(micros) < 9_223_372_036_854_775_000))
      throw rangeError(`${String(numbers[i])} seconds`, 'timestamps');
    const day = Math.floor(micros / DAY_MICROS);
    days[i] = day;
    rests[i] = micros - day * DAY_MICROS;
  }
  return momentVector(type, { days, rests, perDay: DAY_MICROS }, rowCount, validity);
};

function zonedFields(args: readonly DataType[]): ResolvedCall | undefined {
  const zone = args[6];
  if (args.length !== 7 || zone === undefined || familyOf(zone) !== 'text') return undefined;
  const call = fieldsCall('make_timestamptz', args.slice(0, 6), 5, true, ZONED);
  return call === undefined ? undefined : { ...call, parameters: [...call.parameters, flatType(zone)] };
}

/** The entries of this family. */
export const DATE_MAKERS: readonly FunctionEntry[] = [
  {
    name: 'make_date',
    expects: '(int64, int64, int64) or (int32)',
    doc: 'A date of year, month and day, or of days since 1970.',
    example: 'make_date(2024, 2, 29) → 2024-02-29',
    resolve: (args) => {
      const [only] = args;
      if (args.length === 1 && only !== undefined) {
        const type = flatType(only);
        const small =
          type.id === 'null' || (type.id === 'int' && (type.bitWidth < 32 || (type.bitWidth === 32 && type.signed)));
        return small ? strictCall('make_date', [INT32], DATE) : undefined;
      }
      return fieldsCall('make_date', args, 3, false, DATE);
    },
    kernel: () => makeDate,
  },
  {
    name: 'make_time',
    expects: '(int64, int64, double)',
    doc: 'A time of hour, minute and second.',
    example: 'make_time(13, 45, 7.5) → 13:45:07.5',
    resolve: (args) => fieldsCall('make_time', args, 2, true, TIME),
    kernel: () => makeTime,
  },
  {
    name: 'make_timestamp',
    expects: '(int64, int64, int64, int64, int64, double) or (int64)',
    doc: 'A timestamp of year, month, day, hour, minute and second, or of microseconds since 1970.',
    example: 'make_timestamp(2024, 2, 29, 13, 45, 7.5) → 2024-02-29 13:45:07.5',
    resolve: (args) =>
      args.length === 1
        ? fieldsCall('make_timestamp', args, 1, false, MICROS)
        : fieldsCall('make_timestamp', args, 5, true, MICROS),
    kernel: (parameters) => (parameters.length === 1 ? makeCounted('microsecond') : makeTimestamp),
  },
  {
    name: 'make_timestamp_ms',
    expects: '(int64)',
    doc: 'A timestamp of milliseconds since 1970.',
    example: 'make_timestamp_ms(1500) → 1970-01-01 00:00:01.5',
    resolve: (args) => fieldsCall('make_timestamp_ms', args, 1, false, MICROS),
    kernel: () => makeCounted('millisecond'),
  },
  {
    name: 'make_timestamp_ns',
    expects: '(int64)',
    doc: 'A timestamp of nanoseconds since 1970.',
    example: 'make_timestamp_ns(1500) → 1970-01-01 00:00:00.0000015',
    resolve: (args) => fieldsCall('make_timestamp_ns', args, 1, false, timestampType('nanosecond')),
    kernel: () => makeCounted('nanosecond'),
  },
  {
    name: 'make_timestamptz',
    expects: '(int64, int64, int64, int64, int64, double), the same with a time zone (text), or (int64)',
    doc: 'A zoned timestamp of year, month, day, hour, minute and second in a zone or UTC, or of microseconds.',
    example: "make_timestamptz(2024, 2, 29, 13, 45, 7.5, 'Europe/Berlin') → 2024-02-29 12:45:07.5+00",
    resolve: (args) => {
      if (args.length === 7) return zonedFields(args);
      const whole = args.length === 1;
      return fieldsCall('make_timestamptz', args, whole ? 1 : 5, !whole, ZONED);
    },
    kernel: (parameters) => (parameters.length === 1 ? makeCounted('microsecond') : makeTimestamp),
  },
  {
    name: 'to_timestamp',
    expects: '(double)',
    doc: 'The zoned timestamp of seconds since 1970 UTC.',
    example: 'to_timestamp(1.5) → 1970-01-01 00:00:01.5+00',
    resolve: (args) => fieldsCall('to_timestamp', args, 0, true, ZONED),
    kernel: () => toTimestamp,
  },
];
