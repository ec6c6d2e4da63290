/**
 * strftime: dates and timestamps as text after a format, and the formats themselves.
 *
 * Hides the reading of formats. Invariants: a format is read once for a batch or a run of rows; `%c`, `%x`, `%X` and
 * `%T` are the ISO forms, written out before anything else sees them; infinity is itself in every format.
 * Source: DuckDB, "Date Format Functions".
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder, rowText } from './byte-rows.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { monthName, weekdayName } from './date-function.ts';
import { isoWeekOf, isoYearOf, weekdayOf, yearDayOf } from './date-part.ts';
import type { FunctionEntry } from './entry.ts';
import { familyOf, flatType, strictCall, UTF8 } from './signature.ts';
import { momentParameter } from './time-signature.ts';
import { dateOfDays } from './date-calendar.ts';
import { isPresentRow, momentsOf } from './time-words.ts';
import { mergeValidity } from './validity.ts';

/** A piece of a format: a specifier such as `d` or `-d`, or text that stands for itself. */
export type FormatPiece =
  { readonly kind: 'specifier'; readonly letter: string } | { readonly kind: 'text'; readonly text: string };

const EXPANDED: Readonly<Record<string, string>> = {
  c: '%Y-%m-%d %H:%M:%S',
  x: '%Y-%m-%d',
  X: '%H:%M:%S',
  T: '%H:%M:%S',
};
const SPECIFIERS: ReadonlySet<string> = new Set([
  ...'aAbBdfgGhHIjmMnpSuUVwWyYzZ'.split(''),
  '-d',
  '-H',
  '-I',
  '-j',
  '-m',
  '-M',
  '-S',
  '-y',
]);

function formatError(format: string, what: string): EngineError {
  const shown = format.length > 60 ? `${format.slice(0, 57)}...` : format;
  return new EngineError('value_error', `the format '${shown}' ${what}`);
}

/** Reads a format. @throws `value_error` for a specifier that there is not */
export function parseFormat(format: string): readonly FormatPiece[] {
  if (format === '') throw formatError(format, 'is empty');
  const pieces: FormatPiece[] = [];
  let text = '';
  const endText = (): void => {
    if (text !== '') pieces.push({ kind: 'text', text });
    text = '';
  };
  const characters = format.replace(/%([cxXT%])/gu, (all, letter: string) => EXPANDED[letter] ?? all);
  for (let i = 0; i < characters.length; i++) {
    const character = characters.charAt(i);
    if (character !== '%') {
      text += character;
      continue;
    }
    const next = characters.charAt(i + 1);
    if (next === '') throw formatError(format, 'ends in a % that no letter follows; %% is the sign itself');
    const letter = next === '-' ? characters.slice(i + 1, i + 3) : next;
    i += letter.length;
    if (letter === '%') {
      text += '%';
      continue;
    }
    if (!SPECIFIERS.has(letter)) {
      throw formatError(format, `has %${letter}, which means nothing; %Y, %m, %d, %H, %M and %S are some that do`);
    }
    endText();
    pieces.push({ kind: 'specifier', letter });
  }
  endText();
  return pieces;
}

/** What a row has: fields of the day, and nanoseconds since midnight as seconds and the rest. */
interface Shown {
  readonly day: number;
  readonly year: number;
  readonly month: number;
  readonly date: number;
  readonly second: number;
  readonly nanos: number;
  readonly zoned: boolean;
}

function padded(value: number, digits: number): string {
  return value < 0 ? value.toString() : value.toString().padStart(digits, '0');
}

const hour12 = (shown: Shown): number => ((Math.floor(shown.second / 3600) + 11) % 12) + 1;
const hourOf = (shown: Shown): number => Math.floor(shown.second / 3600);
const minuteOf = (shown: Shown): number => Math.floor(shown.second / 60) % 60;

/** The week of the year when weeks begin `first` days after Monday; days before the first such day are in week 0. */
function weekOf(day: number, first: number): number {
  const yearDay = yearDayOf(day) - 1;
  return Math.floor((yearDay + 7 - ((weekdayOf(day) - first + 7) % 7)) / 7);
}

const WRITERS: Readonly<Record<string, (shown: Shown) => string>> = {
  a: ({ day }) => weekdayName(weekdayOf(day)).slice(0, 3),
  A: ({ day }) => weekdayName(weekdayOf(day)),
  b: ({ month }) => monthName(month).slice(0, 3),
  h: ({ month }) => monthName(month).slice(0, 3),
  B: ({ month }) => monthName(month),
  d: ({ date }) => padded(date, 2),
  '-d': ({ date }) => date.toString(),
  m: ({ month }) => padded(month, 2),
  '-m': ({ month }) => month.toString(),
  y: ({ year }) => padded(Math.abs(year % 100), 2),
  '-y': ({ year }) => Math.abs(year % 100).toString(),
  Y: ({ year }) => padded(year, 4),
  G: ({ day }) => padded(isoYearOf(day), 4),
  V: ({ day }) => padded(isoWeekOf(day), 2),
  u: ({ day }) => (weekdayOf(day) + 1).toString(),
  w: ({ day }) => ((weekdayOf(day) + 1) % 7).toString(),
  U: ({ day }) => padded(weekOf(day, 6), 2),
  W: ({ day }) => padded(weekOf(day, 0), 2),
  j: ({ day }) => padded(yearDayOf(day), 3),
  '-j': ({ day }) => yearDayOf(day).toString(),
  H: (shown) => padded(hourOf(shown), 2),
  '-H': (shown) => hourOf(shown).toString(),
  I: (shown) => padded(hour12(shown), 2),
  '-I': (shown) => hour12(shown).toString(),
  p: (shown) => (hourOf(shown) < 12 ? 'AM' : 'PM'),
  M: (shown) => padded(minuteOf(shown), 2),
  '-M': (shown) => minuteOf(shown).toString(),
  S: ({ second }) => padded(second % 60, 2),
  '-S': ({ second }) => (second % 60).toString(),
  g: ({ nanos }) => padded(Math.floor(nanos / 1_000_000), 3),
  f: ({ nanos }) => padded(Math.floor(nanos / 1000), 6),
  n: ({ nanos }) => padded(nanos, 9),
  z: () => '+00',
  Z: ({ zoned }) => (zoned ? 'UTC' : ''),
};

const formatKernel: Kernel = (args, rowCount, type) => {
  const [values, formats] = familyOf((args[0] as Vector).type) === 'text' ? [args[1], args[0]] : args;
  const source = values as Vector;
  const rows = byteRowsOf(formats as Vector);
  const validity = mergeValidity(args, rowCount);
  const { days, rests, perDay } = momentsOf(source);
  const perSecond = perDay / 86_400;
  const zoned = source.type.id === 'timestamp' && source.type.timezone !== undefined;
  const builder = new ByteRowsBuilder(rowCount);
  let format: string | undefined;
  let pieces: readonly FormatPiece[] = [];
  for (let i = 0; i < rowCount; i++) {
    if (!isPresentRow(validity, i)) {
      builder.endRow();
      continue;
    }
    const next = rowText(rows, i);
    if (next !== format) pieces = parseFormat(next);
    format = next;
    const day = days[i] as number;
    if (Math.abs(day) === Infinity) {
      builder.addText(day < 0 ? '-infinity' : 'infinity');
      continue;
    }
    const second = Math.floor((rests[i] as number) / perSecond);
    const nanos = ((rests[i] as number) - second * perSecond) * (1_000_000_000 / perSecond);
    const { year, month, day: date } = dateOfDays(day);
    const shown = { day, year, month, date, second, nanos, zoned };
    let text = '';
    for (const piece of pieces) {
      text += piece.kind === 'text' ? piece.text : (WRITERS[piece.letter] as (shown: Shown) => string)(shown);
    }
    builder.addText(text);
  }
  return builder.finish(type, validity);
};

function resolve(args: readonly DataType[]): ResolvedCall | undefined {
  const [a, b] = args;
  if (a === undefined || b === undefined || args.length !== 2) return undefined;
  const swapped = familyOf(a) === 'text' && familyOf(b) !== 'text';
  const [value, format] = swapped ? [b, a] : [a, b];
  const parameter = momentParameter(value, false);
  if (parameter === undefined || parameter.id === 'time') return undefined;
  if (format.id !== 'null' && familyOf(format) !== 'text') return undefined;
  const text = format.id === 'null' ? UTF8 : flatType(format);
  return strictCall('strftime', swapped ? [text, parameter] : [parameter, text], UTF8);
}

/** The entries of this family. */
export const STRFTIME: readonly FunctionEntry[] = [
  {
    name: 'strftime',
    expects: '(date, text) or (timestamp, text), in either order',
    doc:
      'A date or timestamp as text after a format: %Y %y %m %B %b %d %j %A %a %u %w %H %I %p %M %S %g %f %n %G %V ' +
      '%U %W %z %Z %c %x %X %T %%, with - after the % for no leading zero.',
    example: "strftime(DATE '2024-02-29', '%d %b %Y') → '29 Feb 2024'",
    resolve,
    kernel: () => formatKernel,
  },
];
