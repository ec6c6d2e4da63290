/**
 * Quantiles, medians, and the median of distances from the median.
 *
 * Hides interpolation in each physical form. Invariants: values come sorted and without nulls; a group without values
 * is null. Of n values the discrete quantile q is the least that has at least q × n values at or below it; the
 * continuous one lies at (n - 1) × q. Between two integers in disguise decimals are truncated and times rounded half
 * away from zero, as in DuckDB. approx_quantile is exact: it lies at q × n - 1/2, where DuckDB's digest of few values
 * lies. Source: Hyndman and Fan, "Sample quantiles in statistical packages", 1996, definitions 1, 5 and 7.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { groupValidity } from './aggregate-list.ts';
import { bytesOf, formOf, numbersOf, vectorFromNumbers, vectorOf } from './column.ts';
import type { AggregateMethod, BetweenValues, GroupedValues, QuantileMethod } from './contract.ts';
import { decimalValues, storeDecimal } from './decimal.ts';
import { takeFlat } from './decode.ts';
import { flagBits } from './group-state.ts';
import { roundEven } from './half.ts';
import { emptyIntervals, intervalVector } from './interval.ts';
import { validityFrom } from './validity.ts';

/** Decimals of more digits are 128-bit integers in DuckDB, which interpolates them otherwise. */
const INT64_DIGITS = 18;

/** Of the values from row `first` on; with a step of -1, of those down from it. */
function between(first: number, position: number, step: 1 | -1 = 1): BetweenValues {
  const low = Math.floor(position);
  return { low: first + step * low, high: first + step * Math.ceil(position), part: position - low };
}

/** A method by what it does with the values of groups. */
export function quantileMethod(method: QuantileMethod): Extract<AggregateMethod, { kind: 'collected' }> {
  const finish = ({ values, starts, groupCount }: GroupedValues): Vector => {
    return method.answer(values, groupCount, (g) => {
      const first = starts[g] as number;
      const count = (starts[g + 1] as number) - first;
      if (count === 0) return undefined;
      const { low, high, part } = method.placeOf(count);
      return { low: first + low, high: first + high, part };
    });
  };
  return { kind: 'collected', order: 'ascending', finish, quantile: method };
}

/** One of the values; a negative quantile counts from the greatest. */
export function discreteQuantile(quantile: number): QuantileMethod {
  return {
    placeOf: (count) => {
      const rank = Math.max(1, count - Math.floor(count - Math.abs(quantile) * count)) - 1;
      return between(isDescending(quantile) ? count - 1 - rank : rank, 0);
    },
    answer: (values, groupCount, placeOf) => {
      const rows = new Uint32Array(groupCount);
      const known = new Uint8Array(groupCount);
      for (let g = 0; g < groupCount; g++) {
        const place = placeOf(g);
        if (place === undefined) continue;
        rows[g] = place.low;
        known[g] = 1;
      }
      return takeFlat(values, rows, validityFrom(flagBits(known, groupCount), groupCount));
    },
  };
}

function isDescending(quantile: number): boolean {
  return quantile < 0 || Object.is(quantile, -0);
}

/** What becomes of a fraction: of the result, or (`step`) of the distance from the first neighbour. */
type Rounding = 'step' | 'truncate' | 'half_away' | 'half_even';

function roundingOf(type: DataType, isApproximate: boolean): Rounding {
  if (isApproximate) return 'half_even';
  if (type.id !== 'decimal') return 'half_away';
  return type.precision > INT64_DIGITS ? 'step' : 'truncate';
}

function rounded(value: number, rounding: Rounding): number {
  if (rounding === 'truncate' || rounding === 'step') return Math.trunc(value);
  if (rounding === 'half_even') return roundEven(value);
  return value < 0 ? -Math.round(-value) : Math.round(value);
}

/** Between two integers: by doubles where these are exact, as DuckDB does it, else by the distance. */
function integerBetween(low: bigint, high: bigint, part: number, rounding: Rounding): bigint {
  if (part === 0 || low === high) return low;
  const [a, b] = [Number(low), Number(high)];
  if (rounding === 'step' || !Number.isSafeInteger(a) || !Number.isSafeInteger(b)) {
    return low + BigInt(rounded(Number(high - low) * part, rounding));
  }
  return BigInt(rounded(rounding === 'truncate' ? a + (b - a) * part : a * (1 - part) + b * part, rounding));
}

function numberBetween(low: number, high: number, part: number, isNarrow: boolean): number {
  if (part === 0) return low;
  if (isNarrow) return low + Math.fround(high - low) * part;
  // Not as floats, which would overflow, and be NaN between equal infinities.
  return low * (1 - part) + high * part;
}

function interpolate(
  values: Vector,
  groupCount: number,
  placeOf: (g: number) => BetweenValues | undefined,
  isApproximate: boolean,
): Vector {
  const { type } = values;
  const form = formOf(type);
  const rounding = roundingOf(type, isApproximate);
  const isNarrow = type.id === 'float' && type.bitWidth === 32;
  const known = new Uint8Array(groupCount);
  if (form.kind === 'number') {
    const source = numbersOf(values);
    const out = new Float64Array(groupCount);
    for (let g = 0; g < groupCount; g++) {
      const place = placeOf(g);
      if (place === undefined) continue;
      known[g] = 1;
      const { low, high, part } = place;
      const value = numberBetween(source[low] as number, source[high] as number, part, isNarrow);
      out[g] = form.isFloat ? value : rounded(value, rounding);
    }
    return vectorFromNumbers(type, out, groupCount, validityFrom(flagBits(known, groupCount), groupCount));
  }
  if (form.kind !== 'words') throw new TypeError(`interpolate: ${type.id}`);
  const read = decimalValues(values);
  const words = new Int32Array(groupCount * form.words);
  for (let g = 0; g < groupCount; g++) {
    const place = placeOf(g);
    if (place === undefined) continue;
    known[g] = 1;
    const { low, high, part } = place;
    storeDecimal(words, g, form.words * 32, integerBetween(read(low), read(high), part, rounding));
  }
  return vectorOf(type, groupCount, validityFrom(flagBits(known, groupCount), groupCount), bytesOf(words));
}

/** Interpolates between neighbours; a negative quantile counts from the greatest. */
export function continuousQuantile(quantile: number): QuantileMethod {
  return {
    placeOf: (count) => {
      const last = count - 1;
      const position = last * Math.abs(quantile);
      return isDescending(quantile) ? between(last, position, -1) : between(0, position);
    },
    answer: (values, groupCount, placeOf) => interpolate(values, groupCount, placeOf, false),
  };
}

/** Interpolates where a digest that holds every value would. */
export function middleQuantile(quantile: number): QuantileMethod {
  return {
    placeOf: (count) => between(0, Math.min(Math.max(quantile * count - 0.5, 0), count - 1)),
    answer: (values, groupCount, placeOf) => interpolate(values, groupCount, placeOf, true),
  };
}

function decimalDistances(values: Vector, start: number, end: number, middle: bigint): readonly bigint[] {
  const read = decimalValues(values);
  const distances = Array.from({ length: end - start }, (_, i) => {
    const distance = read(start + i) - middle;
    return distance < 0n ? -distance : distance;
  });
  return distances.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The median of the distances from the median, over dates, times and timestamps in microseconds: intervals. */
function medianSpan(grouped: GroupedValues, medians: Vector): Vector {
  const { values, starts, groupCount } = grouped;
  const read = decimalValues(medians);
  const out = emptyIntervals(groupCount);
  for (let g = 0; g < groupCount; g++) {
    const [start, end] = [starts[g] as number, starts[g + 1] as number];
    if (start === end) continue;
    const distances = decimalDistances(values, start, end, read(g));
    const { low, high, part } = between(0, (end - start - 1) / 2);
    const micros = integerBetween(distances[low] as bigint, distances[high] as bigint, part, 'half_away');
    const rest = Number(micros % DAY_MICROS);
    out.days[g] = Number(micros / DAY_MICROS);
    out.seconds[g] = Math.floor(rest / 1_000_000);
    out.nanos[g] = (rest % 1_000_000) * 1000;
  }
  return intervalVector(out, groupCount, groupValidity(grouped));
}

const DAY_MICROS = 86_400_000_000n;

/** The median of the distances from the median. */
export function medianDistance(grouped: GroupedValues): Vector {
  const { values, starts, groupCount } = grouped;
  const { type } = values;
  const medians = quantileMethod(continuousQuantile(0.5)).finish(grouped);
  if (type.id !== 'decimal' && type.id !== 'float') return medianSpan(grouped, medians);
  const validity = groupValidity(grouped);
  if (type.id === 'decimal') {
    const read = decimalValues(medians);
    const words = new Int32Array((groupCount * type.bitWidth) / 32);
    for (let g = 0; g < groupCount; g++) {
      const [start, end] = [starts[g] as number, starts[g + 1] as number];
      if (start === end) continue;
      const distances = decimalDistances(values, start, end, read(g));
      const { low, high, part } = between(0, (end - start - 1) / 2);
      const middle = integerBetween(
        distances[low] as bigint,
        distances[high] as bigint,
        part,
        roundingOf(type, false),
      );
      storeDecimal(words, g, type.bitWidth, middle);
    }
    return vectorOf(type, groupCount, validity, bytesOf(words));
  }
  const isNarrow = type.id === 'float' && type.bitWidth === 32;
  const source = numbersOf(values);
  const middles = numbersOf(medians);
  const out = new Float64Array(groupCount);
  for (let g = 0; g < groupCount; g++) {
    const [start, end] = [starts[g] as number, starts[g + 1] as number];
    if (start === end) continue;
    const distances = source.slice(start, end);
    for (let i = 0; i < distances.length; i++) {
      const distance = Math.abs((distances[i] as number) - (middles[g] as number));
      distances[i] = isNarrow ? Math.fround(distance) : distance;
    }
    // Typed arrays sort by number, NaN last.
    distances.sort();
    const { low, high, part } = between(0, (end - start - 1) / 2);
    out[g] = numberBetween(distances[low] as number, distances[high] as number, part, isNarrow);
  }
  return vectorFromNumbers(type, out, groupCount, validity);
}
