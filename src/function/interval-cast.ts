/**
 * Casts to intervals, and of intervals to text.
 *
 * Hides the other Arrow forms of a length of time: durations, year_month and day_time. Invariants: all become months,
 * days and nanoseconds without loss, or fail the row; a duration has no days.
 */
import type { DataType } from '../arrow/type.ts';
import { typedView } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder, rowText } from './byte-rows.ts';
import { castRows } from './cast-row.ts';
import type { CastTask } from './cast-row.ts';
import { bytesOf, vectorOf, wordsOf } from './column.ts';
import type { Kernel } from './contract.ts';
import { emptyIntervals, intervalsOf, intervalText, storeInterval } from './interval.ts';
import type { Intervals } from './interval.ts';
import { parseInterval } from './interval-text.ts';
import { isPresentRow, PER_SECOND, splitSeconds } from './time-words.ts';
import { validityOf } from './validity.ts';

const NANOS = 1_000_000_000;

/** The parts of a column of any type that lengths of time have. */
function partsOf(vector: Vector): Intervals {
  const { type, length: rowCount } = vector;
  if (type.id === 'duration') {
    const perSecond = PER_SECOND[type.unit];
    const [seconds, units] = splitSeconds(wordsOf(vector), rowCount, perSecond);
    const nanos = units.map((unit) => unit * (NANOS / perSecond));
    return { ...emptyIntervals(rowCount), seconds, nanos };
  }
  if (type.id !== 'interval' || type.unit === 'month_day_nano') return intervalsOf(vector);
  const parts = emptyIntervals(rowCount);
  const perRow = type.unit === 'year_month' ? 1 : 2;
  const words = typedView(Int32Array, vector.buffers[1] as Uint8Array, rowCount * perRow);
  for (let i = 0; i < rowCount; i++) {
    if (perRow === 1) {
      parts.months[i] = words[i] as number;
      continue;
    }
    const millis = words[2 * i + 1] as number;
    parts.days[i] = words[2 * i] as number;
    parts.seconds[i] = Math.floor(millis / 1000);
    parts.nanos[i] = (millis - Math.floor(millis / 1000) * 1000) * 1_000_000;
  }
  return parts;
}

function textOf(parts: Intervals, row: number): string {
  const { months, days, seconds, nanos } = parts;
  return intervalText(months[row] as number, days[row] as number, seconds[row] as number, nanos[row] as number);
}

/** Durations and intervals to intervals. */
export function spanCast(task: CastTask): Kernel {
  return ([vector], rowCount, type) => {
    const parts = partsOf(vector as Vector);
    const { months, days, seconds, nanos } = parts;
    const out = new Int32Array(rowCount * 4);
    const pair = new Int32Array(2);
    const convert = (i: number): boolean =>
      storeInterval(out, pair, i, months[i] as number, days[i] as number, seconds[i] as number, nanos[i] as number);
    const validity = castRows(task, vector as Vector, rowCount, convert, (row) => textOf(parts, row));
    return vectorOf(type, rowCount, validity, bytesOf(out));
  };
}

/** Durations and intervals to text. */
export const spanText: Kernel = ([vector], rowCount, type) => {
  const parts = partsOf(vector as Vector);
  const validity = validityOf(vector as Vector);
  const builder = new ByteRowsBuilder(rowCount);
  for (let i = 0; i < rowCount; i++) {
    if (isPresentRow(validity, i)) builder.addText(textOf(parts, i));
    else builder.endRow();
  }
  return builder.finish(type, validity);
};

/** Text to intervals. */
export function textToInterval(task: CastTask): Kernel {
  return ([vector], rowCount, type: DataType) => {
    const rows = byteRowsOf(vector as Vector);
    const out = new Int32Array(rowCount * 4);
    const pair = new Int32Array(2);
    const convert = (row: number): boolean => {
      const parts = parseInterval(rowText(rows, row));
      if (parts === undefined || parts.nanos !== BigInt.asIntN(64, parts.nanos)) return false;
      const seconds = Number(parts.nanos / BigInt(NANOS));
      const nanos = Number(parts.nanos % BigInt(NANOS));
      return storeInterval(out, pair, row, Number(parts.months), Number(parts.days), seconds, nanos);
    };
    const validity = castRows(task, vector as Vector, rowCount, convert, (row) => rowText(rows, row));
    return vectorOf(type, rowCount, validity, bytesOf(out));
  };
}
