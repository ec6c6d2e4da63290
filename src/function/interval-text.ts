/**
 * Intervals from text: `3 months 2 days`, `1.5 hours`, `-04:05:06.7`, `1 year ago`.
 *
 * Hides units and their fractions. Invariants: fractions go to the next smaller units, those of years and more to
 * whole months, and end at microseconds, rounded to the nearest, as in DuckDB; a time of day ends the text (what DuckDB
 * ignores behind one is refused here); values that do not fit are undefined.
 */
import { partOf } from './date-part.ts';
import type { PartName } from './date-part.ts';

/** Months, days and nanoseconds of one interval. */
export interface IntervalParts {
  months: bigint;
  days: bigint;
  nanos: bigint;
}

const MONTHS: Partial<Record<PartName, bigint>> = {
  millennium: 12_000n,
  century: 1200n,
  decade: 120n,
  year: 12n,
  quarter: 3n,
  month: 1n,
};
const DAYS: Partial<Record<PartName, bigint>> = { week: 7n, day: 1n };
const MICROS: Partial<Record<PartName, bigint>> = {
  hour: 3_600_000_000n,
  minute: 60_000_000n,
  second: 1_000_000n,
  millisecond: 1000n,
  microsecond: 1n,
};

const DAY_MICROS = 86_400_000_000n;
const CLOCK = /^(-?)(\d{1,12}):(\d{0,2})(?::(\d{0,2})(?:\.(\d*))?)?\s*$/u;
const TERM = /^(-?)(\d{1,19})(?:\.(\d{0,18}))?\s*([a-z]+)\s*/iu;
const SECONDS = /^(-?)(\d{1,19})(?:\.(\d{0,18}))?$/u;

/** A fraction's digits as numerator and denominator. */
interface Fraction {
  readonly digits: bigint;
  readonly scale: bigint;
}

/** Adds `whole` and a fraction of the unit; false for units that no interval has. */
function addTerm(
  parts: IntervalParts,
  unit: PartName,
  whole: bigint,
  { digits, scale }: Fraction,
  sign: bigint,
): boolean {
  const months = MONTHS[unit];
  if (months !== undefined) {
    // A fraction of years and more is whole months; one of a month is 30 days' share.
    const inMonths = months * digits;
    const isLong = months > 3n;
    parts.months += sign * (whole * months + (isLong ? rounded(inMonths, scale) : inMonths / scale));
    if (!isLong) addDays(parts, (inMonths % scale) * 30n, scale, sign);
    return true;
  }
  const days = DAYS[unit];
  if (days !== undefined) {
    parts.days += sign * whole * days;
    addDays(parts, days * digits, scale, sign);
    return true;
  }
  const micros = MICROS[unit];
  if (micros === undefined) return false;
  const share = unit === 'microsecond' ? 0n : rounded(micros * digits, scale);
  parts.nanos += sign * (whole * micros + share) * 1000n;
  return true;
}

/** The nearest whole number to what is not negative, halves up. */
function rounded(numerator: bigint, scale: bigint): bigint {
  return (numerator + scale / 2n) / scale;
}

/** Adds numerator / scale days, the rest of a day as time. */
function addDays(parts: IntervalParts, numerator: bigint, scale: bigint, sign: bigint): void {
  parts.days += sign * (numerator / scale);
  parts.nanos += sign * rounded((numerator % scale) * DAY_MICROS, scale) * 1000n;
}

function fractionOf(digits: string | undefined): Fraction {
  return {
    digits: BigInt(digits === undefined || digits === '' ? '0' : digits),
    scale: 10n ** BigInt(digits?.length ?? 0),
  };
}

function addClock(parts: IntervalParts, match: RegExpExecArray): boolean {
  const [, minus, hours = '0', minutes = '', seconds = '', fraction = ''] = match;
  if (Number(minutes) > 59 || Number(seconds) > 59) return false;
  const micros = BigInt(fraction.slice(0, 6).padEnd(6, '0'));
  const whole =
    (BigInt(hours) * 60n + BigInt(minutes === '' ? '0' : minutes)) * 60n + BigInt(seconds === '' ? '0' : seconds);
  parts.nanos += (minus === '-' ? -1n : 1n) * (whole * 1_000_000n + micros) * 1000n;
  return true;
}

/** Reads an interval; undefined for text that is none. The parts may pass their ranges: the caller checks. */
export function parseInterval(text: string): IntervalParts | undefined {
  const parts: IntervalParts = { months: 0n, days: 0n, nanos: 0n };
  let rest = text.trim().replace(/^@\s*/u, '');
  const bare = SECONDS.exec(rest);
  if (bare !== null) rest = `${rest}s`;
  let found = false;
  while (rest !== '') {
    const clock = CLOCK.exec(rest);
    if (clock !== null) return addClock(parts, clock) ? parts : undefined;
    if (found && /^ago$/iu.test(rest)) return { months: -parts.months, days: -parts.days, nanos: -parts.nanos };
    const term = TERM.exec(rest);
    const unit = term === null ? undefined : partOf(term[4] as string);
    if (term === null || unit === undefined) return undefined;
    const sign = term[1] === '-' ? -1n : 1n;
    if (!addTerm(parts, unit, BigInt(term[2] as string), fractionOf(term[3]), sign)) return undefined;
    found = true;
    rest = rest.slice(term[0].length);
  }
  return found ? parts : undefined;
}
