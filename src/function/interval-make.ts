/**
 * to_years … to_microseconds: intervals of a number of units.
 *
 * Hides which part a unit goes to. Invariants: units of a day and more take whole numbers, of a double the whole part;
 * what does not fit is `value_error` unless its row is null.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { numbersOf } from './column.ts';
import type { Kernel } from './contract.ts';
import { decimalValues } from './decimal.ts';
import type { FunctionEntry } from './entry.ts';
import { emptyIntervals, INTERVAL, intervalRangeError, intervalVector } from './interval.ts';
import { DOUBLE, flatType, INT64, isNumeric, strictCall } from './signature.ts';
import { isPresentRow } from './time-words.ts';
import { validityOf } from './validity.ts';

interface UnitOf {
  readonly part: 'months' | 'days' | 'micros';
  readonly size: number;
  /** True for units that keep a fraction. */
  readonly fraction?: boolean;
}

function makeKernel({ part, size, fraction }: UnitOf): Kernel {
  return (args, rowCount) => {
    const source = args[0] as Vector;
    const validity = validityOf(source);
    const out = emptyIntervals(rowCount);
    const integers = source.type.id === 'int' ? decimalValues(source) : undefined;
    const numbers = integers === undefined ? numbersOf(source) : undefined;
    for (let i = 0; i < rowCount; i++) {
      if (!isPresentRow(validity, i)) continue;
      if (part !== 'micros') {
        const value = numbers === undefined ? Number(integers?.(i)) : Math.trunc(numbers[i] as number);
        (part === 'months' ? out.months : out.days)[i] = value * size;
        continue;
      }
      const micros = microsOf(integers?.(i), numbers?.[i], size, fraction === true);
      const nanos = micros * 1000n;
      if (nanos !== BigInt.asIntN(64, nanos)) throw intervalRangeError();
      out.seconds[i] = Number(nanos / 1_000_000_000n);
      out.nanos[i] = Number(nanos % 1_000_000_000n);
    }
    return intervalVector(out, rowCount, validity);
  };
}

/** A count of units of `size` microseconds, in microseconds. */
function microsOf(integer: bigint | undefined, number: number | undefined, size: number, fraction: boolean): bigint {
  if (integer !== undefined) return integer * BigInt(size);
  const value = number as number;
  const micros = fraction ? roundHalfEven(value * size) : Math.trunc(value) * size;
  if (!Number.isFinite(micros)) throw intervalRangeError();
  return BigInt(micros);
}

function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

const UNITS: Readonly<Record<string, UnitOf>> = {
  millennia: { part: 'months', size: 12_000 },
  centuries: { part: 'months', size: 1200 },
  decades: { part: 'months', size: 120 },
  years: { part: 'months', size: 12 },
  quarters: { part: 'months', size: 3 },
  months: { part: 'months', size: 1 },
  weeks: { part: 'days', size: 7 },
  days: { part: 'days', size: 1 },
  hours: { part: 'micros', size: 3_600_000_000 },
  minutes: { part: 'micros', size: 60_000_000 },
  seconds: { part: 'micros', size: 1_000_000, fraction: true },
  milliseconds: { part: 'micros', size: 1000, fraction: true },
  microseconds: { part: 'micros', size: 1 },
};

const SHOWN: Readonly<Record<string, string>> = {
  millennia: '2000 years',
  centuries: '200 years',
  decades: '20 years',
  years: '2 years',
  quarters: '6 months',
  months: '2 months',
  weeks: '14 days',
  days: '2 days',
  hours: '02:00:00',
  minutes: '00:02:00',
  seconds: '00:00:02',
  milliseconds: '00:00:00.002',
  microseconds: '00:00:00.000002',
};

/** The type in which a number is taken: int64 or double. */
function parameterOf(argument: DataType): DataType | undefined {
  const type = flatType(argument);
  if (type.id === 'null') return INT64;
  if (type.id === 'int' && (type.bitWidth < 64 || type.signed)) return INT64;
  return isNumeric(type) ? DOUBLE : undefined;
}

/** The entries of this family. */
export const INTERVAL_MAKERS: readonly FunctionEntry[] = Object.entries(UNITS).map(([unit, what]) => {
  const name = `to_${unit}`;
  return {
    name,
    expects: '(int64) or (double)',
    doc: `An interval of a number of ${unit}${what.fraction === true ? '' : ', without a fraction'}.`,
    example: `${name}(2) → ${SHOWN[unit] ?? ''}`,
    resolve: (args) => {
      const parameter = args.length === 1 ? parameterOf(args[0] as DataType) : undefined;
      return parameter === undefined ? undefined : strictCall(name, [parameter], INTERVAL);
    },
    kernel: () => makeKernel(what),
  };
});
