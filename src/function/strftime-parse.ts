/**
 * strptime and try_strptime: timestamps from text after a format.
 *
 * Hides how fields make a date: year, month and day; year and day of the year; year, week and weekday. Invariants: what
 * a format leaves out is 1900-01-01 00:00:00; a zone or an offset brings the moment to UTC; weekday names are read and
 * not used. Of a list of formats the first that fits is taken; infinity and epoch are read by every format.
 * Source: DuckDB, "Date Format Functions".
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowText } from './byte-rows.ts';
import type { Kernel } from './contract.ts';
import { monthName, weekdayName } from './date-function.ts';
import { weekdayOf } from './date-part.ts';
import type { FunctionEntry } from './entry.ts';
import { elementType } from './list-frame.ts';
import { listRowsOf } from './list-rows.ts';
import { listOf, partsOf } from './nested-type.ts';
import { madeFor } from './scalar-frame.ts';
import { familyOf, flatType, UTF8 } from './signature.ts';
import { parseFormat } from './strftime.ts';
import type { FormatPiece } from './strftime.ts';
import { MICROS, timestampType } from './time-signature.ts';
import { daysInMonth, daysOfDate } from './date-calendar.ts';
import { isPresentRow, momentVector } from './time-words.ts';
import { mergeValidity, validityFrom, validityOf, writableBits } from './validity.ts';
import { zoneOf } from './zone.ts';

/** Which specifiers say the day: month and day, a year alone, a week of a year, ISO year and week, a day of a year. */
type DayKind = 'none' | 'date' | 'year' | 'U' | 'W' | 'iso' | 'yearDay';

/** What has been read of one text. */
interface Fields {
  kind: DayKind;
  year: number;
  month: number;
  day: number;
  yearDay: number;
  /** Of `%U` and `%W`. */
  week: number;
  /** Of `%w`: from Sunday, which is 0. */
  weekday: number | undefined;
  isoYear: number | undefined;
  isoWeek: number | undefined;
  isoWeekday: number | undefined;
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
  V: [2, 1, 53],
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

/**
 * What says the day once `letter` was read, given what said it before; undefined where both cannot be together. Numbers
 * of months and days win over all others, which are read and not used beside them.
 */
function kindAfter(kind: DayKind, letter: string): DayKind | undefined {
  switch (letter) {
    case 'd':
    case 'm':
      return 'date';
    case 'y':
    case 'Y':
      return kind === 'none' || kind === 'iso' ? 'year' : kind;
    case 'U':
    case 'W':
      if (kind === 'date') return kind;
      return kind === 'none' || kind === 'year' ? letter : undefined;
    case 'j':
      if (kind === 'date') return kind;
      return kind === 'none' || kind === 'year' ? 'yearDay' : undefined;
    case 'G':
    case 'V':
      if (kind === 'date') return kind;
      if (letter === 'G' && kind === 'year') return kind;
      return kind === 'none' || kind === 'iso' ? 'iso' : undefined;
    default:
      return kind;
  }
}

/** Notes a number; false where it contradicts what was read before. */
function storeNumber(fields: Fields, letter: string, value: number): boolean {
  const kind = kindAfter(fields.kind, letter);
  if (kind === undefined) return false;
  fields.kind = kind;
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
      if (fields.isoYear !== undefined && kind === 'iso') return false;
      fields.isoYear = value;
      break;
    case 'V':
      if (fields.isoWeek !== undefined && kind === 'iso') return false;
      fields.isoWeek = value;
      break;
    case 'U':
    case 'W':
      fields.week = value;
      break;
    case 'u':
      if (fields.isoWeekday !== undefined) return false;
      fields.isoWeekday = value;
      break;
    case 'w':
      fields.weekday = value;
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
  return true;
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
    return storeNumber(fields, letter, value) ? end : -1;
  }
  switch (letter) {
    case 'a':
    case 'A': {
      const found = nameAt(text, at, letter === 'a' ? SHORT_WEEKDAYS : WEEKDAYS);
      if (found === undefined) return -1;
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
    kind: 'none',
    year: 1900,
    month: 1,
    day: 1,
    yearDay: 1,
    week: 0,
    weekday: undefined,
    isoYear: undefined,
    isoWeek: undefined,
    isoWeekday: undefined,
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
  const { kind, year, month, day } = fields;
  const newYear = daysOfDate(year, 1, 1);
  switch (kind) {
    case 'iso': {
      const fourth = daysOfDate(fields.isoYear ?? 1900, 1, 4);
      return fourth - weekdayOf(fourth) + ((fields.isoWeek ?? 1) - 1) * 7 + (fields.isoWeekday ?? 1) - 1;
    }
    case 'U':
    case 'W': {
      // The first day of week 0, which may lie in the year before.
      const monday = newYear - weekdayOf(newYear);
      const first = kind === 'U' ? monday - 1 : monday;
      const start = first >= newYear ? first - 7 : first;
      const { weekday } = fields;
      return start + fields.week * 7 + (weekday === undefined ? 0 : (weekday + (kind === 'W' ? 6 : 0)) % 7);
    }
    case 'yearDay':
      return newYear + fields.yearDay - 1;
    default:
      return day > daysInMonth(year, month) ? undefined : daysOfDate(year, month, day);
  }
}

/** Seconds since midnight, in UTC where the text had a zone; undefined for 13 PM and such. */
function secondsOf(fields: Fields, day: number): number | undefined {
  let { hour } = fields;
  if (fields.afternoon !== undefined) {
    if (hour > 12) return undefined;
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

const SPECIAL = /^\s*(-?infinity|epoch)\s*$/iu;

function readMoment(pieces: readonly FormatPiece[], text: string): Moment | undefined {
  const special = SPECIAL.exec(text)?.[1]?.toLowerCase();
  if (special === 'epoch') return { day: 0, seconds: 0, nanos: 0 };
  if (special !== undefined) return { day: special.startsWith('-') ? -Infinity : Infinity, seconds: 0, nanos: 0 };
  const fields = readFields(pieces, text);
  const day = fields === undefined ? undefined : dayOf(fields);
  if (fields === undefined || day === undefined) return undefined;
  const seconds = secondsOf(fields, day);
  return seconds === undefined ? undefined : { day, seconds, nanos: fields.nanos };
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** The formats of each row, text or a list of texts, whose NULLs count for nothing. */
function formatsOf(vector: Vector): (row: number) => readonly string[] {
  if (partsOf(vector.type) === undefined) {
    const rows = byteRowsOf(vector);
    return (row) => [rowText(rows, row)];
  }
  const { values, starts, ends } = listRowsOf(vector);
  const rows = byteRowsOf(values);
  const present = validityOf(values);
  return (row) => {
    const formats: string[] = [];
    for (let i = starts[row] as number; i < (ends[row] as number); i++) {
      if (isPresentRow(present, i)) formats.push(rowText(rows, i));
    }
    if (formats.length === 0) throw new EngineError('value_error', 'strptime needs a format; the list has none');
    return formats;
  };
}

function parseKernel(attempt: boolean): Kernel {
  return (args, rowCount, type) => {
    const texts = byteRowsOf(args[0] as Vector);
    const formatsAt = madeFor([args[1] as Vector], formatsOf(args[1] as Vector));
    const given = mergeValidity(args, rowCount);
    const bits = writableBits(given, rowCount);
    const perSecond = type.id === 'timestamp' && type.unit === 'nanosecond' ? 1_000_000_000 : 1_000_000;
    const days = new Float64Array(rowCount);
    const rests = new Float64Array(rowCount);
    const piecesOf = new Map<string, readonly FormatPiece[]>();
    for (let i = 0; i < rowCount; i++) {
      if (!isPresentRow(given, i)) continue;
      const formats = formatsAt(i);
      const text = rowText(texts, i);
      let moment: Moment | undefined;
      for (let k = 0; k < formats.length && moment === undefined; k++) {
        moment = readMoment(piecesFor(piecesOf, formats[k] as string), text);
      }
      if (moment !== undefined) {
        days[i] = moment.day;
        rests[i] = moment.seconds * perSecond + Math.floor((moment.nanos * perSecond) / 1_000_000_000);
        continue;
      }
      if (!attempt) {
        const what = `'${shortened(text)}' cannot be read by the format '${shortened(formats.join("', '"))}'`;
        throw new EngineError('value_error', `${what}; try_strptime gives NULL for such texts`);
      }
      bits[i >> 3] = (bits[i >> 3] as number) & ~(1 << (i & 7));
    }
    return momentVector(type, { days, rests, perDay: 86_400 * perSecond }, rowCount, validityFrom(bits, rowCount));
  };
}

/** The pieces of a format, read once while there are few. */
function piecesFor(known: Map<string, readonly FormatPiece[]>, format: string): readonly FormatPiece[] {
  const pieces = known.get(format) ?? parseFormat(format);
  if (known.size >= FORMATS_KEPT) known.clear();
  known.set(format, pieces);
  return pieces;
}

const FORMATS_KEPT = 64;

function parseEntry(name: string, attempt: boolean, type: DataType, doc: string, example: string): FunctionEntry {
  return {
    name,
    expects: '(text, text) or (text, a list of texts)',
    doc,
    example,
    resolve: ([text, format, ...others]) => {
      if (text === undefined || format === undefined || others.length > 0) return undefined;
      if (text.id !== 'null' && familyOf(text) !== 'text') return undefined;
      const parameter = text.id === 'null' ? UTF8 : flatType(text);
      const list = elementType(flatType(format));
      const isText = format.id === 'null' || familyOf(format) === 'text';
      if (!isText && (list === undefined || (list.id !== 'null' && familyOf(list) !== 'text'))) return undefined;
      const formats = !isText ? listOf(UTF8) : format.id === 'null' ? UTF8 : flatType(format);
      return { name, parameters: [parameter, formats], type, canMakeNull: attempt, nulls: 'strict' };
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

/** What constant formats say of strptime's result: the suffix of the function, and whether it is zoned. */
export function formatTraits(formats: readonly string[]): { readonly nanos: boolean; readonly zoned: boolean } {
  const letters = formats.flatMap(parseFormat).map((piece) => (piece.kind === 'specifier' ? piece.letter : ''));
  return { nanos: letters.includes('n'), zoned: letters.includes('z') || letters.includes('Z') };
}
