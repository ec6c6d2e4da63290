/**
 * Time zones: offsets from UTC at an instant, and at a local time.
 *
 * Hides where the rules come from: Intl, asked once for each stretch of time, never for each row. Invariants: offsets
 * are whole seconds; a zone is one object for its name, whatever the case; a local time that occurs twice is the
 * later instant, one that is skipped counts from before the gap (ICU, and so DuckDB). Rules of the far future repeat
 * every 400 years; before 1800 the first offset holds.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { ZONES_CACHED_MAX } from '../base/limits.ts';
import { daysOfDate } from './date-calendar.ts';

const DAY = 86_400;
/** Seconds of the stretches that are asked for at once: 8 years of 365.25 days. */
const STRETCH = 252_460_800;
/** Seconds of the 400 years after which the calendar repeats. */
const CYCLE = 146_097 * DAY;
/** 1800-01-01 and 2500-01-01. */
const FIRST = -5_364_662_400;
const LAST = 16_725_225_600;

/** Offsets of one stretch: offset k holds from start k (seconds since 1970) to the next. */
interface Stretch {
  readonly starts: readonly number[];
  readonly offsets: readonly number[];
}

/** One time zone. */
export class Zone {
  readonly #ask: (seconds: number) => number;
  readonly #stretches = new Map<number, Stretch>();
  #from = 0;
  #to = 0;
  #offset = 0;

  /** `ask` gives the offset at an instant; it is called once for each day of a stretch. */
  constructor(ask: (seconds: number) => number) {
    this.#ask = ask;
  }

  /** Seconds east of UTC at an instant, given in whole seconds since 1970. */
  offset(seconds: number): number {
    if (seconds >= this.#from && seconds < this.#to) return this.#offset;
    const folded = seconds < FIRST ? FIRST : seconds < LAST ? seconds : LAST - CYCLE + ((seconds - LAST) % CYCLE);
    const stretch = this.#stretch(Math.floor(folded / STRETCH));
    const { starts, offsets } = stretch;
    let k = starts.length - 1;
    while (k > 0 && (starts[k] as number) > folded) k--;
    const offset = offsets[k] as number;
    if (folded === seconds) {
      this.#from = starts[k] as number;
      this.#to = starts[k + 1] ?? (Math.floor(folded / STRETCH) + 1) * STRETCH;
      this.#offset = offset;
    }
    return offset;
  }

  /** Seconds east of UTC at a local time, given as if it were UTC. */
  localOffset(local: number): number {
    // Of the offsets around, the one that makes the later instant: that of before a gap, that of after an overlap.
    const before = this.offset(local - DAY);
    const after = this.offset(local + DAY);
    if (before === after && this.offset(local - before) === before) return before;
    const candidates = [...new Set([before, after, this.offset(local - before), this.offset(local - after)])];
    const valid = candidates.filter((offset) => this.offset(local - offset) === offset);
    return Math.min(...(valid.length > 0 ? valid : [before, after]));
  }

  #stretch(index: number): Stretch {
    const known = this.#stretches.get(index);
    if (known !== undefined) return known;
    const start = index * STRETCH;
    const end = start + STRETCH;
    const starts = [start];
    const offsets = [this.#ask(start)];
    for (let at = start; at < end; at += DAY) {
      const next = Math.min(at + DAY, end);
      const last = offsets.at(-1) as number;
      const offset = this.#ask(next);
      const border = offset === last ? end : this.#border(at, next, last);
      if (border === end) continue;
      starts.push(border);
      offsets.push(offset);
    }
    const made = { starts, offsets };
    this.#stretches.set(index, made);
    return made;
  }

  /** The first second after `low`, at which the offset is `offset`, at which it is another. */
  #border(low: number, high: number, offset: number): number {
    let [from, to] = [low, high];
    while (to - from > 1) {
      const middle = Math.floor((from + to) / 2);
      if (this.#ask(middle) === offset) from = middle;
      else to = middle;
    }
    return to;
  }
}

/** What Intl says of a zone. @throws RangeError for one that it does not know */
function askIntl(name: string): (seconds: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (seconds) => {
    const text = format.format(seconds * 1000);
    const match = /^(\d+)\/(\d+)\/(\d+) (\w)\w*, (\d+):(\d+):(\d+)$/u.exec(text);
    assert(match !== null, () => `Intl shows a date as month/day/year era, not as ${text}`);
    const [, month, day, year, era, hour, minute, second] = match;
    const shownYear = era === 'B' ? 1 - Number(year) : Number(year);
    const midnight = daysOfDate(shownYear, Number(month), Number(day)) * DAY;
    return midnight + Number(hour) * 3600 + Number(minute) * 60 + Number(second) - seconds;
  };
}

const zones = new Map<string, Zone>();

/** `UTC+2`, `GMT-03:30`: fixed offsets as ICU reads them, which not every Intl does. */
const FIXED = /^(?:utc|gmt)([+-])(\d{1,2})(?::?(\d{2}))?$/iu;

/** The zone of a name, in whatever case. @throws `value_error` for one that is not known */
export function zoneOf(name: string): Zone {
  const zone = findZone(name);
  if (zone !== undefined) return zone;
  const shown = name.length > 40 ? `${name.slice(0, 37)}...` : name;
  throw new EngineError('value_error', `there is no time zone '${shown}'; 'Europe/Berlin' and 'UTC' are some`);
}

/** True when a zone has the name. */
export function isZone(name: string): boolean {
  return findZone(name) !== undefined;
}

function findZone(name: string): Zone | undefined {
  const key = name.toLowerCase();
  const known = zones.get(key);
  if (known !== undefined) return known;
  const zone = makeZone(name);
  if (zone === undefined) return undefined;
  if (zones.size >= ZONES_CACHED_MAX) zones.clear();
  zones.set(key, zone);
  return zone;
}

function makeZone(name: string): Zone | undefined {
  const fixed = FIXED.exec(name);
  if (fixed !== null) {
    const offset = Number(fixed[2]) * 3600 + Number(fixed[3] ?? '0') * 60;
    return new Zone(() => (fixed[1] === '-' ? -offset : offset));
  }
  try {
    // Of bare offsets the sign is understood in two ways; DuckDB refuses them.
    if (!/^[+-]/u.test(name)) return new Zone(askIntl(name));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}
