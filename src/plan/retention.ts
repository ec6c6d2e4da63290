/**
 * Times to live: text such as `1 day 12 hours` to milliseconds.
 *
 * Hides the units' spellings. Invariants: only units of a fixed length count (a month has none); sums are exact.
 * Source: DuckDB's interval units.
 */
import type { TimeLength } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';

const SECOND = 1_000n;
const MINUTE = 60n * SECOND;
const HOUR = 60n * MINUTE;
const DAY = 24n * HOUR;

const UNITS: ReadonlyMap<string, bigint> = new Map([
  ...['s', 'sec', 'secs', 'second', 'seconds'].map((name) => [name, SECOND] as const),
  ...['m', 'min', 'mins', 'minute', 'minutes'].map((name) => [name, MINUTE] as const),
  ...['h', 'hr', 'hrs', 'hour', 'hours'].map((name) => [name, HOUR] as const),
  ...['d', 'day', 'days'].map((name) => [name, DAY] as const),
  ...['w', 'week', 'weeks'].map((name) => [name, 7n * DAY] as const),
]);
const UNFIXED = /^(mon|mons|month|months|y|yr|yrs|year|years|quarter|quarters|decade|decades|century|centuries)$/u;
const FORM = "write it as '30 days' or '1 day 12 hours'";

/** The milliseconds of a length of time. @throws `sql_bind` when it is none, not above zero, or longer than time. */
export function timeLengthMs(sql: string, length: TimeLength): number {
  const refuse = (message: string, remedy?: string): Error => sqlError('sql_bind', sql, length.span, message, remedy);
  const shown = quoteText(length.text);
  const text = length.text.trim().toLowerCase();
  if (!/^(?:[+-]?\d+(?:\.\d+)?\s*[a-z]+[\s,]*)+$/u.test(text)) throw refuse(`${shown} is no length of time`, FORM);
  let micros = 0n;
  for (const [, sign = '', whole = '0', fraction = '', unit = ''] of text.matchAll(
    /([+-]?)(\d+)(?:\.(\d+))?\s*([a-z]+)/gu,
  )) {
    const unitMs = UNITS.get(unit);
    if (unitMs === undefined && UNFIXED.test(unit)) {
      throw refuse(`${quoteText(unit)} has no fixed length`, "write the length in days, such as '90 days'");
    }
    if (unitMs === undefined) {
      throw refuse(`${quoteText(unit)} is no unit of time`, 'there are seconds, minutes, hours, days and weeks');
    }
    // A longer number is beyond all time, and costly to read.
    if (whole.length > 18) throw refuse(`the time to live ${shown} is too long`, FORM);
    const digits = fraction.slice(0, 6).padEnd(6, '0');
    const part = (BigInt(whole) * 1_000_000n + BigInt(digits)) * unitMs;
    micros += sign === '-' ? -part : part;
  }
  const ms = micros / 1_000_000n;
  if (ms <= 0n) throw refuse(`the time to live ${shown} is not above zero`, FORM);
  if (ms > BigInt(Number.MAX_SAFE_INTEGER)) throw refuse(`the time to live ${shown} is too long`, FORM);
  return Number(ms);
}
