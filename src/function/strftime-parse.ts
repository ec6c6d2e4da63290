/**
 * strptime and try_strptime: timestamps from text after a format.
 *
 * Hides how fields make a date: year, month and day; year and day of the year; year, week and weekday. Invariants: what
 * a format leaves out is 1900-01-01 00:00:00; a zone or an offset brings the moment to UTC; weekday names are read and
 * not checked.
 * Source: DuckDB, "Date Format Functions".
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import { byteRowsOf, rowText } from './byte-rows.ts';
import type { Kernel } from './contract.ts';
import { monthName, weekdayName } from './date-function.ts';
import { weekdayOf } from './date-part.ts';
import type { FunctionEntry } from './entry.ts';
import { familyOf, flatType, UTF8 } from './signature.ts';
import { parseFormat } from './strftime.ts';
import type { FormatPiece } from './strftime.ts';
import { MICROS, timestampType } from './time-signature.ts';
import { daysInMonth, daysOfDate } from './date-calendar.ts';
import { isPresentRow, momentVector } from './time-words.ts';
import { mergeValidity, validityFrom, writableBits } from './validity.ts';
import { zoneOf } from './zone.ts';

/** What has been read of one text. */
interface Fields {
  year: number;
  isoYear: number | undefined;
  month: number;
  day: number;
  yearDay: number | undefined;
  weekday: number | undefined;
  week: { readonly letter: string; readonly value: number } | undefined;
  hour: number;
  afternoon: boolean | undefined;
  minute: number;
  second: number;
  nanos: number;
  offset: number | undefined;
  zone: string | undefined;
}

/** Digits at most, least and greatest value of specifiers that are numbers. */
const NUMBERS: Readonly<Record<string, readonly [number, number, number]>> = {
  d: [2, 1, 31],
  m: [2, 1, 12],
  y: [2, 0, 99],
  Y: [4, 0, 9999],
  G: [4, 0, 9999],
  V: [2, 0, 53],
  U: [2, 0, 53],
  W: [2, 0, 53],
  u: [1, 1, 7],
  w: [1, 0, 6],
  j: [3, 1, 366],
  H: [2, 0, 23],
  I: [2, 1, 12],
  M: [2, 0, 59],
  S: [2, 0, 59],
};
const FRACTIONS: Readonly<Record<string, number>> = { g: 3, f: 6, n: 9 };
const OFFSET = /^([+-])(\d{2})(?::?(\d{2}))?(?::?(\d{2}))?/u;

function storeNumber(fields: Fields, letter: string, value: number): void {
  switch (letter) {
    case 'd':
      fields.day = value;
      break;
    case 'm':
      fields.month = value;
      break;
    case 'y':
      fields.year = value < 69 ? 2000 + value : 1900 + value;
      break;
    case 'Y':
      fields.year = value;
      break;
    case 'G':
      fields.isoYear = value;
      break;
    case 'V':
    case 'U':
    case 'W':
      fields.week = { letter, value };
      break;
    case 'u':
      fields.weekday = value - 1;
      break;
    case 'w':
      fields.weekday = (value + 6) % 7;
      break;
    case 'j':
      fields.yearDay = value;
      break;
    case 'H':
    case 'I':
      fields.hour = value;
      break;
    case 'M':
      fields.minute = value;
      break;
    default:
      fields.second = value;
  }
}

/** The length of the name that stands at `at`, the longest first, and its index; undefined when none does. */
function nameAt(text: string, at: number, names: readonly string[]): readonly [number, number] | undefined {
  const rest = text.slice(at, at + 12).toLowerCase();
  const index = names.findIndex((name) => rest.startsWith(name.toLowerCase()));
  return index < 0 ? undefined : [index, (names[index] as string).length];
}

const MONTHS = Array.from({ length: 12 }, (_, i) => monthName(i + 1));
const WEEKDAYS = Array.from({ length: 7 }, (_, i) => weekdayName(i));
const SHORT_MONTHS = MONTHS.map((name) => name.slice(0, 3));
const SHORT_WEEKDAYS = WEEKDAYS.map((name) => name.slice(0, 3));

/** Reads one specifier at `at`; answers where it ends, or -1. */
function readSpecifier(fields: Fields, letter: string, text: string, at: number): number {
  const digits = FRACTIONS[letter];
  const rule = NUMBERS[letter];
  if (digits !== undefined || rule !== undefined) {
    let end = at;
    const most = at + (digits ?? rule?.[0] ?? 0);
    while (end < most && /^\d$/u.test(text.charAt(end))) end++;
    if (end === at) return -1;
    const written = text.slice(at, end);
    if (digits !== undefined) {
      fields.nanos = Number(written.padEnd(9, '0'));
      return end;
    }
    const value = Number(written);
    if (rule === undefined || value < rule[1] || value > rule[2]) return -1;
    storeNumber(fields, letter, value);
    return end;
  }
  switch (letter) {
    case 'a':
    case 'A': {
      const found = nameAt(text, at, letter === 'a' ? SHORT_WEEKDAYS : WEEKDAYS);
      if (found === undefined) return -1;
      [fields.weekday] = found;
      return at + found[1];
    }
    case 'b':
    case 'h':
    case 'B': {
      const found = nameAt(text, at, letter === 'B' ? MONTHS : SHORT_MONTHS);
      if (found === undefined) return -1;
      fields.month = found[0] + 1;
      return at + found[1];
    }
    case 'p': {
      const found = nameAt(text, at, ['AM', 'PM']);
      if (found === undefined) return -1;
      fields.afternoon = found[0] === 1;
      return at + 2;
    }
    default:
      return readZone(fields, letter, text, at);
  }
}

function readZone(fields: Fields, letter: string, text: string, at: number): number {
  if (letter === 'Z') {
    const name = /^[A-Za-z0-9_/+-]+/u.exec(text.slice(at))?.[0] ?? '';
    fields.zone = name;
    return at + name.length;
  }
  const match = OFFSET.exec(text.slice(at));
  if (match === null) return -1;
  const seconds = Number(match[2]) * 3600 + Number(match[3] ?? '0') * 60 + Number(match[4] ?? '0');
  fields.offset = match[1] === '-' ? -seconds : seconds;
  return at + match[0].length;
}

/** True for what C calls white space. */
function isSpace(character: string): boolean {
  return character === ' ' || (character >= '\t' && character <= '\r');
}

function readFields(pieces: readonly FormatPiece[], text: string): Fields | undefined {
  const fields: Fields = {
    year: 1900,
    isoYear: undefined,
    month: 1,
    day: 1,
    yearDay: undefined,
    weekday: undefined,
    week: undefined,
    hour: 0,
    afternoon: undefined,
    minute: 0,
    second: 0,
    nanos: 0,
    offset: undefined,
    zone: undefined,
  };
  let at = 0;
  while (isSpace(text.charAt(at))) at++;
  for (const piece of pieces) {
    if (piece.kind === 'specifier') {
      at = readSpecifier(fields, piece.letter.replace('-', ''), text, at);
      if (at < 0) return undefined;
      continue;
    }
    for (const character of piece.text) {
      if (isSpace(character)) {
        if (!isSpace(text.charAt(at)) && !isSpace(text.charAt(at - 1))) return undefined;
        while (isSpace(text.charAt(at))) at++;
      } else if (text.startsWith(character, at)) {
        at += character.length;
      } else {
        return undefined;
      }
    }
  }
  while (isSpace(text.charAt(at))) at++;
  return at === text.length ? fields : undefined;
}

/** The day that the fields name; undefined where there is none. */
function dayOf(fields: Fields): number | undefined {
  const { year, month, day, yearDay, weekday, week } = fields;
  if (week?.letter === 'V' && fields.isoYear !== undefined) {
    const fourth = daysOfDate(fields.isoYear, 1, 4);
    return fourth - weekdayOf(fourth) + (week.value - 1) * 7 + (weekday ?? 0);
  }
  if (week !== undefined && week.letter !== 'V') {
    const first = week.letter === 'U' ? 6 : 0;
    const newYear = daysOfDate(year, 1, 1);
    const start = newYear + ((first - weekdayOf(newYear) + 7) % 7);
    return start + (week.value - 1) * 7 + (weekday === undefined ? 0 : (weekday - first + 7) % 7);
  }
  if (yearDay !== undefined) return daysOfDate(year, 1, 1) + yearDay - 1;
  return day > daysInMonth(year, month) ? undefined : daysOfDate(year, month, day);
}

/** Seconds since midnight, in UTC where the text had a zone; undefined for 13 PM and such. */
function secondsOf(fields: Fields, day: number): number | undefined {
  let { hour } = fields;
  if (fields.afternoon !== undefined) {
    if (hour < 1 || hour > 12) return undefined;
    hour = (hour % 12) + (fields.afternoon ? 12 : 0);
  }
  const local = (hour * 60 + fields.minute) * 60 + fields.second;
  if (fields.offset !== undefined) return local - fields.offset;
  if (fields.zone === undefined || fields.zone === '') return local;
  return local - zoneOf(fields.zone).localOffset(day * 86_400 + local);
}

interface Moment {
  readonly day: number;
  readonly seconds: number;
  readonly nanos: number;
}

function readMoment(pieces: readonly FormatPiece[], text: string): Moment | undefined {
  const fields = readFields(pieces, text);
  const day = fields === undefined ? undefined : dayOf(fields);
  if (fields === undefined || day === undefined) return undefined;
  const seconds = secondsOf(fields, day);
  return seconds === undefined ? undefined : { day, seconds, nanos: fields.nanos };
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function parseKernel(attempt: boolean): Kernel {
  return (args, rowCount, type) => {
    const [texts, formats] = args.map((arg) => byteRowsOf(arg)) as [
      ReturnType<typeof byteRowsOf>,
      ReturnType<typeof byteRowsOf>,
    ];
    const given = mergeValidity(args, rowCount);
    const bits = writableBits(given, rowCount);
    const perSecond = type.id === 'timestamp' && type.unit === 'nanosecond' ? 1_000_000_000 : 1_000_000;
    const days = new Float64Array(rowCount);
    const rests = new Float64Array(rowCount);
    let format: string | undefined;
    let pieces: readonly FormatPiece[] = [];
    for (let i = 0; i < rowCount; i++) {
      if (!isPresentRow(given, i)) continue;
      const next = rowText(formats, i);
      if (next !== format) pieces = parseFormat(next);
      format = next;
      const text = rowText(texts, i);
      const moment = readMoment(pieces, text);
      if (moment !== undefined) {
        days[i] = moment.day;
        rests[i] = moment.seconds * perSecond + Math.floor((moment.nanos * perSecond) / 1_000_000_000);
        continue;
      }
      if (!attempt) {
        const what = `'${shortened(text)}' cannot be read by the format '${shortened(next)}'`;
        throw new EngineError('value_error', `${what}; try_strptime gives NULL for such texts`);
      }
      bits[i >> 3] = (bits[i >> 3] as number) & ~(1 << (i & 7));
    }
    return momentVector(type, { days, rests, perDay: 86_400 * perSecond }, rowCount, validityFrom(bits, rowCount));
  };
}

function parseEntry(name: string, attempt: boolean, type: DataType, doc: string, example: string): FunctionEntry {
  return {
    name,
    expects: '(text, text)',
    doc,
    example,
    resolve: (args) => {
      if (args.length !== 2 || !args.every((arg) => arg.id === 'null' || familyOf(arg) === 'text')) return undefined;
      const parameters = args.map((arg) => (arg.id === 'null' ? UTF8 : flatType(arg)));
      return { name, parameters, type, canMakeNull: attempt, nulls: 'strict' };
    },
    kernel: () => parseKernel(attempt),
  };
}

const NANOS = timestampType('nanosecond');

/** The entries of this family. */
export const STRPTIME: readonly FunctionEntry[] = [
  parseEntry(
    'strptime',
    false,
    MICROS,
    'The timestamp that a text says by a format (see strftime); zoned when the format has %z or %Z.',
    "strptime('29.2.2024 13:45', '%d.%m.%Y %H:%M') → 2024-02-29 13:45:00",
  ),
  parseEntry(
    'try_strptime',
    true,
    MICROS,
    'As strptime, and NULL for a text that the format does not fit.',
    "try_strptime('yesterday', '%Y') → NULL",
  ),
  parseEntry(
    'strptime_ns',
    false,
    NANOS,
    'As strptime, in nanoseconds; strptime itself does so for a constant format with %n.',
    "strptime_ns('00.000000001', '%S.%n') → 1900-01-01 00:00:00.000000001",
  ),
  parseEntry(
    'try_strptime_ns',
    true,
    NANOS,
    'As try_strptime, in nanoseconds.',
    "try_strptime_ns('yesterday', '%Y') → NULL",
  ),
];

/** What a constant format says of strptime's result: the suffix of the function, and whether it is zoned. */
export function formatTraits(format: string): { readonly nanos: boolean; readonly zoned: boolean } {
  const letters = parseFormat(format).map((piece) => (piece.kind === 'specifier' ? piece.letter : ''));
  return { nanos: letters.includes('n'), zoned: letters.includes('z') || letters.includes('Z') };
}
