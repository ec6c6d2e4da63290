/**
 * Arithmetic on dates, times, timestamps and intervals.
 *
 * Hides which pairs have an operator. Invariants: what leaves the range of its type is `value_error` unless its row is
 * null; adding months ends at the last day of a shorter month; months come first, then days, then the time, but to
 * zoned timestamps a time comes first when a part is negative (ICU, DuckDB); times of day wrap at midnight. What is
 * infinite stays so; timestamps of which one is infinite have no difference, and dates that of their numbers (DuckDB).
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { bytesOf, numbersOf, vectorOf } from './column.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { meetingParameter, timestampDifference } from './date-diff.ts';
import {
  divideByDouble,
  multiplyByDouble,
  multiplyByInteger,
  negateIntervals,
  sumIntervals,
} from './interval-arithmetic.ts';
import { INTERVAL, intervalsOf } from './interval.ts';
import type { Intervals } from './interval.ts';
import type { FunctionEntry } from './entry.ts';
import { DOUBLE, flatType, INT32, INT64, isNumeric, strictCall } from './signature.ts';
import { DATE, MICROS, momentParameter, timestampType } from './time-signature.ts';
import { dateOfDays, daysInMonth, daysOfDate } from './date-calendar.ts';
import { DAY_INFINITE, momentsOf, momentVector, storeNumber } from './time-words.ts';
import type { Moments } from './time-words.ts';
import { bitAt, mergeValidity } from './validity.ts';

export type TemporalOperator = '+' | '-' | '*' | '/';

function isSpan(type: DataType | undefined): boolean {
  return type?.id === 'interval' || type?.id === 'duration';
}

/** A moment and an interval, in this order. */
function shiftCall(operator: '+' | '-', moment: DataType, swapped: boolean): ResolvedCall | undefined {
  const parameter = momentParameter(moment, false);
  if (parameter === undefined) return undefined;
  const type = parameter.id === 'date' ? MICROS : parameter;
  return strictCall(operator, swapped ? [INTERVAL, parameter] : [parameter, INTERVAL], type);
}

function resolveSum(operator: '+' | '-', a: DataType, b: DataType): ResolvedCall | undefined {
  const day: DataType = DATE;
  const isSmallInt = (type: DataType): boolean => type.id === 'null' || (type.id === 'int' && type.bitWidth <= 32);
  if (a.id === 'date' && isSmallInt(b)) return strictCall(operator, [day, INT32], day);
  if (isSmallInt(a) && b.id === 'date' && operator === '+') return strictCall('+', [INT32, day], day);
  const spans = [a, b].filter(isSpan).length;
  if (spans === 2 || (spans === 1 && (a.id === 'null' || b.id === 'null'))) {
    return strictCall(operator, [INTERVAL, INTERVAL], INTERVAL);
  }
  if (isSpan(b)) return shiftCall(operator, a, false);
  if (isSpan(a) && operator === '+') return shiftCall('+', b, true);
  if (operator === '+') return resolveDateAndTime(a, b);
  if (a.id === 'date' && b.id === 'date') return strictCall('-', [day, day], INT64);
  const met = a.id === 'time' || b.id === 'time' ? undefined : meetingParameter(a, b);
  return met === undefined ? undefined : strictCall('-', [met, met], INTERVAL);
}

/** date + time and time + date. */
function resolveDateAndTime(a: DataType, b: DataType): ResolvedCall | undefined {
  const [date, time] = a.id === 'date' ? [a, b] : [b, a];
  if (date.id !== 'date' || time.id !== 'time') return undefined;
  const ofTime = momentParameter(time, false) as DataType & { readonly id: 'time' };
  return strictCall('+', a === date ? [DATE, ofTime] : [ofTime, DATE], timestampType(ofTime.unit));
}

/** The overload of an operator for types of which one is a date, time, timestamp or interval; undefined for others. */
export function resolveTemporal(operator: TemporalOperator, args: readonly DataType[]): ResolvedCall | undefined {
  const [a, b] = args.map(flatType);
  if (args.length > 2) return undefined;
  if (a === undefined || b === undefined) {
    return a !== undefined && operator === '-' && isSpan(a) ? strictCall('-', [INTERVAL], INTERVAL) : undefined;
  }
  if (operator === '+' || operator === '-') return resolveSum(operator, a, b);
  if (operator === '*' && isSpan(b) && !isSpan(a)) return scaleCall('*', a, true);
  return isSpan(a) ? scaleCall(operator, b, false) : undefined;
}

function scaleCall(operator: '*' | '/', number: DataType, swapped: boolean): ResolvedCall | undefined {
  if (number.id !== 'null' && !isNumeric(number)) return undefined;
  const isWhole = operator === '*' && number.id === 'int' && (number.bitWidth < 64 || number.signed);
  const factor = isWhole ? INT64 : DOUBLE;
  return strictCall(operator, swapped ? [factor, INTERVAL] : [INTERVAL, factor], INTERVAL);
}

/** The kernel of an overload that `resolveTemporal` gave; undefined for other parameters. */
export function temporalKernel(operator: TemporalOperator, parameters: readonly DataType[]): Kernel | undefined {
  const [a, b] = parameters;
  if (b === undefined) return isSpan(a) ? negateIntervals : undefined;
  const spans = parameters.filter(isSpan).length;
  if (operator === '*' || operator === '/') {
    if (spans === 0) return undefined;
    if (operator === '/') return divideByDouble;
    return parameters.some((type) => type.id === 'int') ? multiplyByInteger : multiplyByDouble;
  }
  if (spans === 2) return sumIntervals(operator === '+' ? 1 : -1);
  if (spans === 1) return shiftMoments(operator, isSpan(a) ? 1 : 0);
  if (a?.id === 'date' && b.id === 'date') return dateDifference;
  if (a?.id === 'timestamp') return timestampDifference;
  if (a?.id === 'time' || b.id === 'time') return joinDateAndTime;
  return a?.id === 'date' || b.id === 'date' ? shiftDate(operator) : undefined;
}

/** date ± days, or days + date. */
function shiftDate(operator: '+' | '-'): Kernel {
  const sign = operator === '+' ? 1 : -1;
  return (args, rowCount, type) => {
    const isFirst = args[0]?.type.id === 'date';
    const { days } = momentsOf(args[isFirst ? 0 : 1] as Vector);
    const more = numbersOf(args[isFirst ? 1 : 0] as Vector);
    const validity = mergeValidity(args, rowCount);
    for (let i = 0; i < rowCount; i++) {
      const day = days[i] as number;
      days[i] = day + sign * (more[i] as number);
      const fits = Math.abs(day) === Infinity || Math.abs(days[i] as number) < DAY_INFINITE;
      if (fits || (validity.bits !== undefined && !bitAt(validity.bits, i))) continue;
      const message = `day ${String(day)} ${operator} ${String(more[i])} days is outside the range of dates`;
      throw new EngineError('value_error', message);
    }
    return momentVector(type, { days, rests: new Float64Array(rowCount), perDay: 86_400 }, rowCount, validity);
  };
}

/** date - date, in days, as int64. */
const dateDifference: Kernel = (args, rowCount, type) => {
  const a = numbersOf(args[0] as Vector);
  const b = numbersOf(args[1] as Vector);
  const out = new Int32Array(rowCount * 2);
  for (let i = 0; i < rowCount; i++) storeNumber(out, i, (a[i] as number) - (b[i] as number));
  return vectorOf(type, rowCount, mergeValidity(args, rowCount), bytesOf(out));
};

const joinDateAndTime: Kernel = (args, rowCount, type) => {
  const [date, time] = args[0]?.type.id === 'date' ? args : [args[1], args[0]];
  const { days } = momentsOf(date as Vector);
  const { rests, perDay } = momentsOf(time as Vector);
  return momentVector(type, { days, rests, perDay }, rowCount, mergeValidity(args, rowCount));
};

/** True for zoned timestamps. */
export function isZoned(type: DataType): boolean {
  return type.id === 'timestamp' && type.timezone !== undefined;
}

/** The day `months` later, or the last of its month. */
function addMonths(day: number, months: number): number {
  if (months === 0 || Math.abs(day) === Infinity) return day;
  const fields = dateOfDays(day);
  const index = fields.year * 12 + fields.month - 1 + months;
  const year = Math.floor(index / 12);
  const month = index - year * 12 + 1;
  return daysOfDate(year, month, Math.min(fields.day, daysInMonth(year, month)));
}

/** Moments `sign` × intervals later. `zoned`: in the order of zoned timestamps. */
export function shifted(moments: Moments, intervals: Intervals, sign: 1 | -1, zoned: boolean): Moments {
  const { days, rests } = moments;
  // A date's day has too few units for a time to be added.
  const perDay = moments.perDay === 86_400 ? 86_400_000_000 : moments.perDay;
  const scale = perDay / moments.perDay;
  const perSecond = perDay / 86_400;
  const perNano = perSecond / 1_000_000_000;
  const outDays = new Float64Array(days.length);
  const outRests = new Float64Array(days.length);
  for (let i = 0; i < days.length; i++) {
    const months = sign * (intervals.months[i] as number);
    const more = sign * (intervals.days[i] as number);
    const seconds = sign * (intervals.seconds[i] as number);
    const secondDays = Math.floor(seconds / 86_400);
    const added =
      (seconds - secondDays * 86_400) * perSecond + Math.floor(sign * (intervals.nanos[i] as number) * perNano);
    const rest = (rests[i] as number) * scale + added;
    const carried = Math.floor(rest / perDay);
    const day = days[i] as number;
    outRests[i] = rest - carried * perDay;
    const timeFirst = zoned && (months < 0 || more < 0 || seconds < 0);
    const extra = secondDays + carried;
    outDays[i] = timeFirst ? addMonths(day + extra, months) + more : addMonths(day, months) + more + extra;
  }
  return { days: outDays, rests: outRests, perDay };
}

/** moment ± interval; `at` is the moment's place among the arguments. */
function shiftMoments(operator: '+' | '-', at: 0 | 1): Kernel {
  const sign = operator === '+' ? 1 : -1;
  return (args, rowCount, type) => {
    const moments = momentsOf(args[at] as Vector);
    const intervals = intervalsOf(args[1 - at] as Vector);
    const ofTime = type.id === 'time';
    if (ofTime) {
      intervals.months.fill(0);
      intervals.days.fill(0);
    }
    return momentVector(
      type,
      shifted(moments, intervals, sign, isZoned(type)),
      rowCount,
      mergeValidity(args, rowCount),
    );
  };
}

/** The entries of this family that are no operators. */
export const DATE_ADD: readonly FunctionEntry[] = [
  {
    name: 'date_add',
    expects: '(date, interval), (timestamp, interval) or (time, interval)',
    doc: 'The moment an interval later, as `+` gives it.',
    example: "date_add(DATE '2024-01-31', INTERVAL '1' MONTH) → 2024-02-29 00:00:00",
    resolve: (args) => {
      const [moment, span] = args.map(flatType);
      const call = isSpan(span) && !isSpan(moment) ? resolveTemporal('+', args) : undefined;
      return call === undefined ? undefined : { ...call, name: 'date_add' };
    },
    kernel: () => shiftMoments('+', 0),
  },
];
