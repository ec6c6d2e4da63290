/**
 * The entries of the parts: date_part and the functions named after a part, with monthname, dayname and last_day.
 *
 * Hides parameter types. Invariants: dates, times, timestamps and intervals of every unit are taken, coarse timestamps
 * as microseconds; results are int64 but for epoch and julian, and for date_part with a specifier that is no constant.
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder, rowText } from './byte-rows.ts';
import { bytesOf, vectorFromNumbers, vectorOf } from './column.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { partNumbers, partOf, PARTS, weekdayOf } from './date-part.ts';
import type { Part, PartName } from './date-part.ts';
import { makeCounted } from './date-make.ts';
import type { FunctionEntry } from './entry.ts';
import { intervalsOf } from './interval.ts';
import { DOUBLE, familyOf, flatType, INT64, strictCall, UTF8 } from './signature.ts';
import { DATE, MICROS, momentParameter } from './time-signature.ts';
import { daysInMonth, dateOfDays, daysOfDate } from './date-calendar.ts';
import {
  isPresentRow,
  momentsOf,
  momentVector,
  PER_SECOND,
  rangeError,
  storeNumber,
  storeSeconds,
} from './time-words.ts';
import { mergeValidity, validityOf, withoutRows } from './validity.ts';
import type { Validity } from './validity.ts';

/** A column of numbers, in which NaN is NULL. */
function numberVector(type: DataType, numbers: Float64Array, args: readonly Vector[], rowCount: number): Vector {
  const validity = withoutRows(mergeValidity(args, rowCount), rowCount, (row) => Number.isNaN(numbers[row]));
  if (type.id === 'float') return vectorFromNumbers(type, numbers, rowCount, validity);
  const out = new Int32Array(rowCount * 2);
  for (let i = 0; i < rowCount; i++) storeNumber(out, i, numbers[i] as number);
  return vectorOf(type, rowCount, validity, bytesOf(out));
}

/** True for types with values that are infinite, of which nothing can be told. */
function canBeInfinite(type: DataType): boolean {
  return type.id === 'date' || type.id === 'timestamp';
}

function lackingPart(name: string, type: DataType): EngineError {
  return new EngineError('value_error', `a value of type ${familyOf(type)} has no ${name}`);
}

const partKernel =
  (name: PartName): Kernel =>
  (args, rowCount, type) => {
    const numbers = partNumbers(PARTS[name], args[0] as Vector);
    if (numbers === undefined) throw lackingPart(name, (args[0] as Vector).type);
    return numberVector(type, numbers, args, rowCount);
  };

/** date_part with a specifier in each row: one pass for each that occurs. */
const datePartKernel: Kernel = (args, rowCount, type) => {
  const [specifiers, values] = args as [Vector, Vector];
  const rows = byteRowsOf(specifiers);
  const validity = mergeValidity(args, rowCount);
  const byPart = new Map<PartName, Float64Array>();
  const out = new Float64Array(rowCount);
  let last = '';
  let numbers: Float64Array | undefined;
  for (let i = 0; i < rowCount; i++) {
    if (!isPresentRow(validity, i)) continue;
    const specifier = rowText(rows, i);
    if (specifier !== last || numbers === undefined) {
      const name = partOf(specifier);
      if (name === undefined) throw unknownPart(specifier);
      numbers = byPart.get(name) ?? partNumbers(PARTS[name], values);
      if (numbers === undefined) throw lackingPart(name, values.type);
      byPart.set(name, numbers);
      last = specifier;
    }
    out[i] = numbers[i] as number;
  }
  return numberVector(type, out, args, rowCount);
};

/** The error of a specifier that names no part. */
export function unknownPart(specifier: string): EngineError {
  const shown = specifier.length > 40 ? `${specifier.slice(0, 37)}...` : specifier;
  return new EngineError(
    'value_error',
    `'${shown}' is no part of a date or time; 'year', 'isodow' and 'hour' are some`,
  );
}

function partCall(name: string, part: Part, args: readonly DataType[]): ResolvedCall | undefined {
  const [argument] = args;
  if (argument === undefined || args.length !== 1) return undefined;
  const parameter = momentParameter(argument, true);
  if (parameter === undefined) return undefined;
  if (parameter.id === 'interval' && part.interval === undefined) return undefined;
  if (parameter.id === 'time' && part.ofTime !== true) return undefined;
  return strictCall(name, [parameter], part.isDouble === true ? DOUBLE : INT64, canBeInfinite(parameter));
}

function partEntry(key: PartName): FunctionEntry[] {
  const part: Part = PARTS[key];
  const [name, ...aliases] = part.names ?? [];
  if (name === undefined) return [];
  const others = `${part.ofTime === true ? ', (time)' : ''}${part.interval === undefined ? '' : ', (interval)'}`;
  return [
    {
      name,
      aliases,
      expects: `(date), (timestamp)${others}`,
      doc: part.doc,
      example: part.example,
      resolve: (args) => partCall(name, part, args),
      kernel: () => partKernel(key),
    },
  ];
}

/** The function that gives a constant part. */
export function partFunction(specifier: string): string {
  const key = partOf(specifier);
  if (key === undefined) throw unknownPart(specifier);
  const part: Part = PARTS[key];
  return part.names?.[0] ?? key;
}

/**
 * Whole units since 1970, since midnight, or of an interval of 30-day months: exact in int64. Timestamps round to the
 * nearest, halves away from zero; times and intervals are cut (DuckDB).
 */
function epochKernel(unit: 'millisecond' | 'microsecond' | 'nanosecond'): Kernel {
  const perSecond = PER_SECOND[unit];
  return ([vector], rowCount, type) => {
    const source = vector as Vector;
    let validity = validityOf(source);
    const out = new Int32Array(rowCount * 2);
    const store = (i: number, seconds: number, units: number): void => {
      if (!storeSeconds(out, i, seconds, units, perSecond) && isPresentRow(validity, i)) {
        throw rangeError(`the count of ${unit}s`, 'int64');
      }
    };
    if (source.type.id === 'interval') {
      const { months, days, seconds, nanos } = intervalsOf(source);
      for (let i = 0; i < rowCount; i++) {
        const whole = ((months[i] as number) * 30 + (days[i] as number)) * 86_400 + (seconds[i] as number);
        store(i, whole, Math.floor((nanos[i] as number) / (PER_SECOND.nanosecond / perSecond)));
      }
    } else {
      const { days, rests, perDay } = momentsOf(source);
      const own = perDay / 86_400;
      const rounds = source.type.id === 'timestamp';
      validity = finiteRows(source, days);
      for (let i = 0; i < rowCount; i++) {
        const second = Math.floor((rests[i] as number) / own);
        const units = (rests[i] as number) - second * own;
        const rest = (units * perSecond) % own;
        const day = days[i] as number;
        const up = rounds && (day < 0 ? rest * 2 > own : rest * 2 >= own) ? 1 : 0;
        store(i, day * 86_400 + second, Math.floor(units * (perSecond / own)) + up);
      }
    }
    return vectorOf(type, rowCount, validity, bytesOf(out));
  };
}

function epochEntry(
  unit: 'millisecond' | 'microsecond' | 'nanosecond',
  short: string,
  example: string,
): FunctionEntry {
  const name = `epoch_${short}`;
  const takesNumber = unit === 'millisecond';
  return {
    name,
    expects: `(date), (timestamp), (time), (interval)${takesNumber ? ' or (int64)' : ''}`,
    doc: `The ${unit}s since 1970 UTC, since midnight, or of an interval${takesNumber ? '; a timestamp from such a number' : ''}.`,
    example,
    resolve: (args) => {
      const [argument] = args;
      if (argument === undefined || args.length !== 1) return undefined;
      if (takesNumber && flatType(argument).id === 'int') return strictCall(name, [INT64], MICROS);
      const parameter = momentParameter(argument, true);
      if (parameter === undefined) return undefined;
      return strictCall(name, [parameter], INT64, canBeInfinite(parameter));
    },
    kernel: ([parameter]) => (parameter?.id === 'int' ? makeCounted(unit) : epochKernel(unit)),
  };
}

/** Nanoseconds of the minute. */
const nanosecondKernel: Kernel = (args, rowCount, type) => {
  const source = args[0] as Vector;
  const out = new Float64Array(rowCount);
  if (source.type.id === 'interval') {
    const { seconds, nanos } = intervalsOf(source);
    for (let i = 0; i < rowCount; i++) {
      const negative = (seconds[i] as number) < 0;
      const whole = (seconds[i] as number) + (negative && nanos[i] !== 0 ? 1 : 0);
      const rest = negative && nanos[i] !== 0 ? (nanos[i] as number) - 1_000_000_000 : (nanos[i] as number);
      out[i] = (whole % 60) * 1_000_000_000 + rest;
    }
  } else {
    const { days, rests, perDay } = momentsOf(source);
    const own = perDay / 86_400;
    for (let i = 0; i < rowCount; i++) {
      const nanos = ((rests[i] as number) % (60 * own)) * (1_000_000_000 / own);
      out[i] = Math.abs(days[i] as number) === Infinity ? NaN : nanos;
    }
  }
  return numberVector(type, out, args, rowCount);
};

const MONTHS: readonly string[] =
  'January February March April May June July August September October November December'.split(' ');
const WEEKDAYS: readonly string[] = 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday'.split(' ');

/** The English name of a month, 1 to 12. */
export function monthName(month: number): string {
  return MONTHS[month - 1] ?? '';
}

/** The English name of a day of the week, from Monday, which is 0. */
export function weekdayName(weekday: number): string {
  return WEEKDAYS[weekday] ?? '';
}

function nameEntry(name: string, doc: string, example: string, nameOf: (day: number) => string): FunctionEntry {
  return {
    name,
    expects: '(date) or (timestamp)',
    doc,
    example,
    resolve: (args) => dayCall(name, args, UTF8),
    kernel: () => (args, rowCount, type) => {
      const { days } = momentsOf(args[0] as Vector);
      const validity = finiteRows(args[0] as Vector, days);
      const builder = new ByteRowsBuilder(rowCount);
      for (let i = 0; i < rowCount; i++) builder.addText(isPresentRow(validity, i) ? nameOf(days[i] as number) : '');
      return builder.finish(type, validity);
    },
  };
}

function dayCall(name: string, args: readonly DataType[], type: DataType): ResolvedCall | undefined {
  const [argument] = args;
  const parameter = argument === undefined || args.length !== 1 ? undefined : momentParameter(argument, false);
  return parameter === undefined || parameter.id === 'time' ? undefined : strictCall(name, [parameter], type, true);
}

/** The rows whose dates and timestamps are not infinite. */
function finiteRows(vector: Vector, days: Float64Array): Validity {
  return withoutRows(validityOf(vector), vector.length, (row) => Math.abs(days[row] as number) === Infinity);
}

const lastDayKernel: Kernel = (args, rowCount, type) => {
  const { days } = momentsOf(args[0] as Vector);
  const out = new Float64Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const { year, month } = dateOfDays(days[i] as number);
    out[i] = daysOfDate(year, month, daysInMonth(year, month));
  }
  const moments = { days: out, rests: new Float64Array(rowCount), perDay: 86_400 };
  return momentVector(type, moments, rowCount, finiteRows(args[0] as Vector, days));
};

const RESOLVE_DATE_PART = (args: readonly DataType[]): ResolvedCall | undefined => {
  const [specifier, value] = args;
  if (specifier === undefined || value === undefined || args.length !== 2) return undefined;
  if (specifier.id !== 'null' && familyOf(specifier) !== 'text') return undefined;
  const parameter = momentParameter(value, true);
  if (parameter === undefined) return undefined;
  const text = specifier.id === 'null' ? UTF8 : flatType(specifier);
  return strictCall('date_part', [text, parameter], DOUBLE, canBeInfinite(parameter));
};

/** The entries of this family. */
export const DATE_PARTS: readonly FunctionEntry[] = [
  {
    name: 'date_part',
    aliases: ['datepart'],
    expects:
      "(text, date), (text, timestamp), (text, time) or (text, interval); the text names a part, such as 'year'",
    doc: 'The part of a date, time, timestamp or interval that the text names; `EXTRACT(part FROM x)` is the same.',
    example: "date_part('year', DATE '2024-02-29') → 2024",
    resolve: RESOLVE_DATE_PART,
    kernel: () => datePartKernel,
  },
  ...(Object.keys(PARTS) as PartName[]).flatMap(partEntry),
  {
    name: 'nanosecond',
    expects: '(date), (timestamp), (time) or (interval)',
    doc: 'The nanoseconds of the minute: the seconds are among them.',
    example: "nanosecond(TIME '13:45:07.9') → 7900000000",
    resolve: (args) => {
      const parameter = args.length === 1 ? momentParameter(args[0] as DataType, true) : undefined;
      if (parameter === undefined) return undefined;
      return strictCall('nanosecond', [parameter], INT64, canBeInfinite(parameter));
    },
    kernel: () => nanosecondKernel,
  },
  epochEntry('millisecond', 'ms', "epoch_ms(TIMESTAMP '1970-01-01 00:00:01.5') → 1500"),
  epochEntry('microsecond', 'us', "epoch_us(TIMESTAMP '1970-01-01 00:00:01.5') → 1500000"),
  epochEntry('nanosecond', 'ns', "epoch_ns(TIMESTAMP '1970-01-01 00:00:01.5') → 1500000000"),
  nameEntry('monthname', "The month's name in English.", "monthname(DATE '2024-02-29') → 'February'", (day) =>
    monthName(dateOfDays(day).month),
  ),
  nameEntry('dayname', "The day's name in English.", "dayname(DATE '2024-02-29') → 'Thursday'", (day) =>
    weekdayName(weekdayOf(day)),
  ),
  {
    name: 'last_day',
    expects: '(date) or (timestamp)',
    doc: 'The last day of the month, as a date.',
    example: "last_day(DATE '2024-02-03') → 2024-02-29",
    resolve: (args) => dayCall('last_day', args, DATE),
    kernel: () => lastDayKernel,
  },
];

/** The type of parts that only date_part and EXTRACT know, and timezone() with one argument. */
export function zonePartCall(args: readonly DataType[]): ResolvedCall | undefined {
  const [argument] = args;
  const parameter = argument === undefined || args.length !== 1 ? undefined : momentParameter(argument, false);
  return parameter === undefined ? undefined : strictCall('timezone', [parameter], INT64, true);
}

/** The kernel of `timezone(x)`. */
export const zonePartKernel: Kernel = partKernel('timezone');
