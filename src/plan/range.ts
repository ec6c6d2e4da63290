/**
 * Ranges in FROM whose bounds are known: of whole numbers, and of moments.
 *
 * Hides how steps of months are counted. Invariants: rows are made when they are asked for; their number is known
 * before; as in DuckDB each moment is the one before it and the interval.
 */
import { buildVector } from '../arrow/build.ts';
import type { Schema } from '../arrow/schema.ts';
import type { RecordBatch } from '../arrow/batch.ts';
import type { ScanRequest, Source } from '../arrow/source.ts';
import type { DataType } from '../arrow/type.ts';
import { BATCH_ROWS_MAX, RANGE_MONTHS_MAX } from '../base/limits.ts';
import type { Span } from '../base/errors.ts';
import { INTERVAL } from '../function/interval.ts';
import { sqlError } from '../sql/frame.ts';
import { castTo, makeCall, readText } from './coerce.ts';
import type { Literal } from './constant.ts';
import { INT64, makeLiteral, MOMENT } from './constant.ts';
import { foldExpr } from './pass-fold.ts';

/** Values from `start`, `count` of them, `step` apart; or those that are listed. */
export interface Range {
  readonly type: DataType;
  readonly start: bigint;
  readonly step: bigint;
  readonly count: number;
  readonly listed?: readonly bigint[];
}

const TIMESTAMP: DataType = { id: 'timestamp', unit: 'microsecond', timezone: undefined };
const DAY_MICROS = 86_400_000_000n;

/** The range of `range`, `generate_series` (whose stop is within) or `repeat`. @throws `sql_bind` */
export function rangeOf(sql: string, name: string, args: readonly Literal[], span: Span): Range {
  const [first, second] = args;
  if (first === undefined || args.length > 3) {
    throw sqlError('sql_bind', sql, span, `${name} takes one to three numbers`, 'start, stop, step');
  }
  const isTime = args.length === 3 && (first.type.id === 'timestamp' || first.type.id === 'date');
  if (isTime) return momentsOf(sql, name, args, span);
  const numbers = args.map((arg) => wholeNumber(sql, name, arg));
  if (numbers.includes(null)) return { type: INT64, start: 0n, step: 1n, count: 0 };
  const [a = 0n, b, c] = numbers as readonly bigint[];
  const [start, stop, step] = second === undefined ? [0n, a, 1n] : [a, b ?? 0n, c ?? 1n];
  if (step === 0n) throw sqlError('sql_bind', sql, span, `the step of ${name} is 0`);
  return { type: INT64, start, step, count: countOf(sql, name, { start, stop, step }, span) };
}

function wholeNumber(sql: string, name: string, arg: Literal): bigint | null {
  const { id } = arg.type;
  const read = id === 'utf8' && arg.value !== null ? readText(sql, arg, INT64) : arg;
  const isWhole = id === 'int' || id === 'null' || id === 'utf8';
  const whole = isWhole ? foldExpr(castTo(sql, read, INT64, false, arg.span)) : undefined;
  if (whole?.kind === 'literal' && (whole.value === null || typeof whole.value === 'bigint')) return whole.value;
  throw sqlError('sql_bind', sql, arg.span, `${name} takes whole numbers, or two moments and an interval`);
}

interface Steps {
  readonly start: bigint;
  readonly stop: bigint;
  readonly step: bigint;
}

function countOf(sql: string, name: string, { start, stop, step }: Steps, span: Span): number {
  const distance = step > 0n ? stop - start : start - stop;
  const size = step > 0n ? step : -step;
  const isClosed = name === 'generate_series';
  const count = distance < 0n ? 0n : isClosed ? distance / size + 1n : (distance + size - 1n) / size;
  if (count <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(count);
  throw sqlError('sql_bind', sql, span, `${name} makes more rows than can be counted`);
}

function momentsOf(sql: string, name: string, args: readonly Literal[], span: Span): Range {
  const [first, second, third] = args as readonly [Literal, Literal, Literal];
  const type = first.type.id === 'timestamp' && first.type.timezone !== undefined ? MOMENT : TIMESTAMP;
  const wanted = [type, type, INTERVAL];
  const values = [first, second, third].map((arg, i) => {
    const wish = wanted[i] as DataType;
    const read = arg.type.id === 'utf8' && arg.value !== null ? readText(sql, arg, wish) : arg;
    const value = foldExpr(castTo(sql, read, wish, false, arg.span));
    return value.kind === 'literal' && typeof value.value === 'bigint' ? value.value : null;
  });
  const [start, stop, interval] = values;
  if (typeof start !== 'bigint' || typeof stop !== 'bigint' || typeof interval !== 'bigint') {
    return { type, start: 0n, step: 1n, count: 0 };
  }
  const months = BigInt.asIntN(32, interval);
  const days = BigInt.asIntN(32, interval >> 32n);
  const micros = BigInt.asIntN(64, interval >> 64n) / 1000n;
  const parts = [months, days, micros];
  const isUp = parts.some((part) => part > 0n);
  if (!isUp && !parts.some((part) => part < 0n)) throw sqlError('sql_bind', sql, span, `the step of ${name} is 0`);
  if (isUp && parts.some((part) => part < 0n)) {
    throw sqlError('sql_bind', sql, third.span, `the parts of ${name}'s interval go in different directions`);
  }
  if (months === 0n) {
    const step = days * DAY_MICROS + micros;
    return { type, start, step, count: countOf(sql, name, { start, stop, step }, span) };
  }
  const listed: bigint[] = [];
  const isClosed = name === 'generate_series';
  const isWithin = (moment: bigint): boolean => {
    return (isClosed && moment === stop) || (isUp ? moment < stop : moment > stop);
  };
  for (let moment: bigint | undefined = start; moment !== undefined && isWithin(moment);) {
    if (listed.push(moment) > RANGE_MONTHS_MAX)
      throw sqlError('limit_exceeded', sql, span, `${name} makes more than ${RANGE_MONTHS_MAX.toString()} moments`);
    const next = foldExpr(makeCall(sql, '+', [makeLiteral(moment, type, span), third], span));
    moment = next.kind === 'literal' && typeof next.value === 'bigint' ? next.value : undefined;
  }
  return { type, start, step: 1n, count: listed.length, listed };
}

/** The rows of a range, under a schema of one column. */
export function numberSource({ type, start, step, count, listed }: Range, schema: Schema): Source {
  const value = (place: number): bigint => listed?.[place] ?? start + step * BigInt(place);
  async function* scan({ columns, limit }: ScanRequest): AsyncGenerator<RecordBatch> {
    const end = Math.min(count, limit ?? count);
    for (let from = 0; from < end; from += BATCH_ROWS_MAX) {
      const rowCount = Math.min(BATCH_ROWS_MAX, end - from);
      const values = (): bigint[] => Array.from({ length: rowCount }, (_, i) => value(from + i));
      const vectors = columns.map(() => buildVector(type, values()));
      yield await Promise.resolve({ schema, rowCount, columns: vectors });
    }
  }
  const total = Math.ceil(count / BATCH_ROWS_MAX);
  return { schema, rowCount: count, scan, countBatches: () => Promise.resolve({ pruned: 0, total }) };
}
