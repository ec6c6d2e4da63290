/**
 * range and generate_series: lists of numbers, or of timestamps, in steps.
 *
 * Hides how steps are counted. Invariants: a step of nothing makes no value; timestamps are made one from the other, so
 * that a month after the 31st of January stays on the 29th of the months after February (DuckDB); the number of values
 * is checked before they are made, or as they are.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { shifted } from './arithmetic-date.ts';
import { bytesOf, vectorOf } from './column.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { INTERVAL, intervalsOf } from './interval.ts';
import type { Intervals } from './interval.ts';
import { nestedEntry } from './list-frame.ts';
import type { Shape } from './list-frame.ts';
import { checkValueCount, makeList, offsetsOf } from './list-rows.ts';
import { listOf } from './nested-type.ts';
import { integersOf, rowError } from './scalar-frame.ts';
import { INT64, valueType } from './signature.ts';
import { meetingParameter } from './date-diff.ts';
import { MICROS } from './time-signature.ts';
import { momentsOf, momentVector } from './time-words.ts';
import type { Moments } from './time-words.ts';
import { ALL_PRESENT, bitAt, mergeValidity } from './validity.ts';

/** How many numbers lie from `start` to `stop` in steps, the last one too when `isClosed`. */
function rangeCount(start: number, stop: number, step: number, isClosed: boolean): number {
  if (step === 0) return 0;
  const steps = (stop - start) / step;
  return steps < 0 ? 0 : isClosed ? Math.floor(steps) + 1 : Math.ceil(steps);
}

/** Numbers beyond 2^53 lose digits in the bounds, and would be too many anyhow. */
function numberSeries(isClosed: boolean): Kernel {
  return (args, rowCount, type) => {
    const numbers = args.map(integersOf);
    const [low, high] = (args.length === 1 ? [undefined, numbers[0]] : numbers) as [
      Float64Array | undefined,
      Float64Array,
    ];
    const validity = mergeValidity(args, rowCount);
    const sizes = new Uint32Array(rowCount);
    let total = 0;
    for (let i = 0; i < rowCount; i++) {
      if (validity.bits !== undefined && !bitAt(validity.bits, i)) continue;
      const count = rangeCount(low?.[i] ?? 0, high[i] as number, numbers[2]?.[i] ?? 1, isClosed);
      checkValueCount((total += count));
      sizes[i] = count;
    }
    const offsets = offsetsOf(sizes);
    const values = new BigInt64Array(offsets[rowCount] ?? 0);
    const words = new Int32Array(values.buffer);
    for (let i = 0; i < rowCount; i++) {
      const [start, step] = [low?.[i] ?? 0, numbers[2]?.[i] ?? 1];
      for (let k = 0; k < (sizes[i] as number); k++) {
        const value = start + k * step;
        const at = 2 * ((offsets[i] as number) + k);
        words[at] = value - Math.floor(value / 4294967296) * 4294967296;
        words[at + 1] = Math.floor(value / 4294967296);
      }
    }
    return makeList(type, offsets, vectorOf(INT64, values.length, ALL_PRESENT, bytesOf(values)), validity);
  };
}

/** 1 for a step forward, -1 for one back, 0 for none. */
function directionOf(steps: Intervals, row: number): number {
  const parts = [steps.months, steps.days, steps.seconds, steps.nanos].map((part) => part[row] as number);
  const isBack = parts.some((part) => part < 0);
  // Nanoseconds add to seconds, which are rounded down.
  const isForward =
    parts.slice(0, 2).some((part) => part > 0) || (parts[2] === 0 ? parts[3] !== 0 : Number(parts[2]) > 0);
  if (isBack && isForward) throw rowError('the step of a series of timestamps has parts of both signs; give it one');
  return isBack ? -1 : isForward ? 1 : 0;
}

function oneRow(values: Float64Array, row: number): Float64Array {
  return values.slice(row, row + 1);
}

/** Timestamps from `start` to `stop`. */
function momentSeries(isClosed: boolean): Kernel {
  return (args, rowCount, type) => {
    const [starts, stops] = [momentsOf(args[0] as Vector), momentsOf(args[1] as Vector)];
    const steps = intervalsOf(args[2] as Vector);
    const validity = mergeValidity(args, rowCount);
    const element = args[0]?.type as DataType;
    const isZoned = element.id === 'timestamp' && element.timezone !== undefined;
    const days: number[] = [];
    const rests: number[] = [];
    const offsets = new Uint32Array(rowCount + 1);
    for (let i = 0; i < rowCount; i++) {
      offsets[i + 1] = days.length;
      if (validity.bits !== undefined && !bitAt(validity.bits, i)) continue;
      const direction = directionOf(steps, i);
      const [stopDay, stopRest] = [stops.days[i] as number, stops.rests[i] as number];
      const step = {
        months: oneRow(steps.months, i),
        days: oneRow(steps.days, i),
        seconds: oneRow(steps.seconds, i),
        nanos: oneRow(steps.nanos, i),
      };
      let at: Moments = { ...starts, days: oneRow(starts.days, i), rests: oneRow(starts.rests, i) };
      if (Math.abs(stopDay) === Infinity || Math.abs(at.days[0] as number) === Infinity) {
        throw rowError('a series of timestamps cannot begin or end at infinity');
      }
      while (direction !== 0) {
        const [day, rest] = [at.days[0] as number, at.rests[0] as number];
        const left = (stopDay - day || stopRest - rest) * direction;
        if (left < 0 || (left === 0 && !isClosed)) break;
        checkValueCount(days.length + 1);
        days.push(day);
        rests.push(rest);
        at = shifted(at, step, 1, isZoned);
      }
      offsets[i + 1] = days.length;
    }
    const moments = { days: Float64Array.from(days), rests: Float64Array.from(rests), perDay: starts.perDay };
    return makeList(type, offsets, momentVector(element, moments, days.length, ALL_PRESENT), validity);
  };
}

function resolve(args: readonly DataType[]): Shape | undefined {
  const [start, stop, step] = args;
  if (start === undefined || args.length > 3) return undefined;
  if (args.every((arg) => arg.id === 'null' || valueType(arg).id === 'int')) {
    return { parameters: args.map(() => INT64), type: listOf(INT64), canMakeNull: false };
  }
  if (stop === undefined || step === undefined || (step.id !== 'null' && valueType(step).id !== 'interval')) {
    return undefined;
  }
  const met = meetingParameter(start, stop);
  const moment = met?.id === 'date' ? MICROS : met;
  if (moment?.id !== 'timestamp') return undefined;
  return { parameters: [moment, moment, INTERVAL], type: listOf(moment), canMakeNull: false };
}

function seriesEntry(name: string, isClosed: boolean, doc: string, example: string): FunctionEntry {
  return nestedEntry({
    name,
    expects: '(integer), (integer, integer), (integer, integer, integer) or (timestamp, timestamp, interval)',
    doc,
    example,
    fails: true,
    resolve,
    makes: true,
    kernel: (parameters: readonly DataType[]) =>
      parameters[2]?.id === 'interval' ? momentSeries(isClosed) : numberSeries(isClosed),
  });
}

/** The entries of this family. */
export const LIST_SERIES: readonly FunctionEntry[] = [
  seriesEntry(
    'range',
    false,
    'The numbers from the first, or 0, up to the last without it; also timestamps an interval apart.',
    'range(2, 5) → [2, 3, 4]',
  ),
  seriesEntry(
    'generate_series',
    true,
    'The numbers from the first, or 0, up to the last with it; also timestamps an interval apart.',
    'generate_series(2, 8, 3) → [2, 5, 8]',
  ),
];
