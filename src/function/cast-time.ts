/**
 * Casts among dates, times, timestamps and durations.
 *
 * Hides units: everything goes over nothing but one multiplication or one division. Invariants: towards coarser units
 * values round to the nearest, halves away from zero (DuckDB), but to dates and times of day down; zoned and naive
 * timestamps share their numbers (the session's zone is UTC); overflow of int64 fails the row. Infinite dates and
 * timestamps stay so, and have no time of day.
 */
import type { DataType, TimeUnit } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { castRows } from './cast-row.ts';
import type { CastTask } from './cast-row.ts';
import { bytesOf, formOf, vectorFromNumbers, vectorOf } from './column.ts';
import { decimalValues, storeDecimal } from './decimal.ts';
import type { Kernel } from './contract.ts';
import { dateText, timestampText, timeText, UNITS_PER_SECOND } from './time-text.ts';
import { COUNT_INFINITE, DAY_INFINITE } from './time-words.ts';

const DAY_SECONDS = 86_400n;

/** Units of a temporal type in one day. */
function unitsPerDay(type: DataType): bigint {
  if (type.id === 'date') return type.unit === 'day' ? 1n : DAY_SECONDS * 1000n;
  const unit: TimeUnit = 'unit' in type && type.id !== 'interval' ? type.unit : 'second';
  return DAY_SECONDS * UNITS_PER_SECOND[unit];
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}

/** The number that stands for infinity in a type; undefined where none does. */
function infiniteNumber(type: DataType): bigint | undefined {
  if (type.id === 'timestamp') return COUNT_INFINITE;
  return type.id === 'date' && type.unit === 'day' ? BigInt(DAY_INFINITE) : undefined;
}

/** The nearest quotient, halves away from zero. */
function roundDivide(value: bigint, divisor: bigint): bigint {
  const half = divisor / 2n;
  return (value < 0n ? value - half : value + half) / divisor;
}

/** How a temporal value is shown. */
export function temporalText(type: DataType, value: bigint): string {
  switch (type.id) {
    case 'date':
      return dateText(Number(type.unit === 'day' ? value : floorDivide(value, DAY_SECONDS * 1000n)));
    case 'time':
      return timeText(value, type.unit);
    case 'timestamp':
      return timestampText(value, type.unit, type.timezone !== undefined);
    default:
      return value.toString();
  }
}

/** Writes integers into a vector of `type`, refusing those that its width cannot hold. */
export function integerWriter(
  type: DataType,
  rowCount: number,
): {
  readonly put: (row: number, value: bigint) => boolean;
  readonly finish: (validity: ReturnType<typeof castRows>) => Vector;
} {
  const form = formOf(type);
  if (form.kind === 'number') {
    const numbers = new Float64Array(rowCount);
    return {
      put: (row, value) => {
        numbers[row] = Number(value);
        return value === BigInt.asIntN(32, value);
      },
      finish: (validity) => vectorFromNumbers(type, numbers, rowCount, validity),
    };
  }
  const words = new Int32Array(rowCount * 2);
  return {
    put: (row, value) => {
      storeDecimal(words, row, 64, value);
      return value === BigInt.asIntN(64, value);
    },
    finish: (validity) => vectorOf(type, rowCount, validity, bytesOf(words)),
  };
}

/** The kernel among temporal types. */
export function temporalCast(task: CastTask): Kernel {
  const { from, to } = task;
  const source = unitsPerDay(from);
  const target = unitsPerDay(to);
  const toDate = to.id === 'date';
  const toTime = to.id === 'time' && from.id === 'timestamp';
  const factor = target > source ? target / source : 1n;
  const divisor = target < source ? source / target : 1n;
  const infinite = infiniteNumber(from);
  const becomes = infiniteNumber(to);
  return ([vector], rowCount, type) => {
    const column = vector as Vector;
    if (source === target && !toTime && !(toDate && from.id === 'timestamp')) return { ...column, type };
    const values = decimalValues(column);
    const writer = integerWriter(type, rowCount);
    const convert = (row: number): boolean => {
      let value = values(row);
      if (infinite !== undefined && (value === infinite || value === -infinite)) {
        return becomes !== undefined && writer.put(row, value < 0n ? -becomes : becomes);
      }
      if (toTime) value -= floorDivide(value, source) * source;
      // A date64 holds whole days only.
      if (toDate) return writer.put(row, floorDivide(value, source) * target);
      if (divisor === 1n) return writer.put(row, value * factor);
      return writer.put(row, toTime ? floorDivide(value, divisor) : roundDivide(value, divisor));
    };
    return writer.finish(castRows(task, column, rowCount, convert, (row) => temporalText(from, values(row))));
  };
}
