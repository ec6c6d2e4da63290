/**
 * Builders: cells of text become a column, type by type.
 *
 * Hides typed arrays, their growth and validity bitmaps. Invariants: rows are set in order, each once; `finish`
 * hands over the memory and begins anew; a cell that does not fit leaves its row unset and is the caller's error to
 * report. Blanks around a cell that is not text are ignored.
 */
import type { DataType } from '../arrow/type.ts';
import { typeName } from '../arrow/type.ts';
import { makeVector } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import { parseDecimal, parseDuration, parseInterval } from './long-parse.ts';
import { halfBits } from './number-text.ts';
import {
  parseBoolean,
  parseDate,
  parseFloat64,
  parseInteger64,
  parseSmallInteger,
  parseTime,
  parseTimestamp,
  parsed,
} from './text-parse.ts';
import { DictionaryBuilder, TextBuilder } from './text-build.ts';
import { Validity } from './column.ts';
import type { ColumnBuilder } from './column.ts';

/** Makes the builder of a type. @throws `unimplemented` for types that text cannot bring */
export function makeBuilder(type: DataType, columnName: string): ColumnBuilder {
  switch (type.id) {
    case 'utf8':
    case 'large_utf8':
    case 'binary':
    case 'large_binary':
      return new TextBuilder(type);
    case 'utf8_view':
      return new TextBuilder({ id: 'utf8' });
    case 'binary_view':
      return new TextBuilder({ id: 'binary' });
    case 'dictionary':
      if (type.value.id === 'utf8' || type.value.id === 'large_utf8') return new DictionaryBuilder(type);
      throw refuse(type, columnName);
    case 'bool':
      return new BooleanBuilder();
    case 'null':
      return new FixedBuilder(type, 0, () => false);
    default: {
      const fixed = fixedSetter(type);
      if (fixed === undefined) throw refuse(type, columnName);
      return new FixedBuilder(type, fixed.byteWidth, fixed.set);
    }
  }
}

function refuse(type: DataType, columnName: string): EngineError {
  return new EngineError(
    'unimplemented',
    `column "${columnName}" is ${typeName(type)}, which text input cannot bring; send it as Arrow (/insert/arrow)`,
  );
}

/** First byte of the trimmed cell, and one past its last, in `trimmed`. */
const trimmed = { start: 0, end: 0 };

function trim(bytes: Uint8Array, start: number, end: number): void {
  let first = start;
  let last = end;
  while (first < last && isBlank(bytes[first])) first++;
  while (last > first && isBlank(bytes[last - 1])) last--;
  trimmed.start = first;
  trimmed.end = last;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9;
}

type Setter = (view: DataView, at: number, bytes: Uint8Array, start: number, end: number) => boolean;

class FixedBuilder implements ColumnBuilder {
  readonly type: DataType;
  readonly isText = false;
  readonly #byteWidth: number;
  readonly #set: Setter;
  readonly #validity = new Validity();
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);

  constructor(type: DataType, byteWidth: number, set: Setter) {
    this.type = type;
    this.#byteWidth = byteWidth;
    this.#set = set;
  }

  reserve(rows: number): void {
    this.#validity.reserve(rows);
    if (this.#bytes.byteLength >= rows * this.#byteWidth) return;
    const grown = new Uint8Array(rows * this.#byteWidth);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  set(row: number, bytes: Uint8Array, start: number, end: number): boolean {
    trim(bytes, start, end);
    if (!this.#set(this.#view, row * this.#byteWidth, bytes, trimmed.start, trimmed.end)) return false;
    this.#validity.mark(row);
    return true;
  }

  finish(count: number): Vector {
    const { bits, nullCount } = this.#validity.finish(count);
    if (this.type.id === 'null') {
      return { type: this.type, length: count, nullCount: count, buffers: [], children: [], dictionary: undefined };
    }
    const values = this.#bytes.slice(0, count * this.#byteWidth);
    // Rows that are null in the next batch must not show this batch's values.
    this.#bytes.fill(0, 0, count * this.#byteWidth);
    return makeVector(this.type, count, bits, nullCount, [values]);
  }
}

class BooleanBuilder implements ColumnBuilder {
  readonly type: DataType = { id: 'bool' };
  readonly isText = false;
  readonly #validity = new Validity();
  #bits = new Uint8Array(0);

  reserve(rows: number): void {
    this.#validity.reserve(rows);
    if (this.#bits.byteLength * 8 >= rows) return;
    const grown = new Uint8Array(Math.ceil(rows / 8));
    grown.set(this.#bits);
    this.#bits = grown;
  }

  set(row: number, bytes: Uint8Array, start: number, end: number): boolean {
    trim(bytes, start, end);
    if (!parseBoolean(bytes, trimmed.start, trimmed.end)) return false;
    this.#bits[row >> 3] = (this.#bits[row >> 3] ?? 0) | (parsed.number << (row & 7));
    this.#validity.mark(row);
    return true;
  }

  finish(count: number): Vector {
    const { bits, nullCount } = this.#validity.finish(count);
    const values = this.#bits.slice(0, Math.ceil(count / 8));
    this.#bits.fill(0);
    return makeVector(this.type, count, bits, nullCount, [values]);
  }
}

interface FixedSetter {
  readonly byteWidth: number;
  readonly set: Setter;
}

const setHalves = (view: DataView, at: number): void => {
  view.setInt32(at, parsed.low, true);
  view.setInt32(at + 4, parsed.high, true);
};

/** Width and setter of the fixed-width types; undefined for all others. */
function fixedSetter(type: DataType): FixedSetter | undefined {
  switch (type.id) {
    case 'int':
      return type.bitWidth === 64 ? wideInteger(type.signed) : smallInteger(type.bitWidth, type.signed);
    case 'float':
      return floating(type.bitWidth);
    case 'decimal':
      return {
        byteWidth: type.bitWidth / 8,
        set: (view, at, bytes, start, end) => parseDecimal(view, at, bytes, start, end, type),
      };
    case 'date':
      return date(type.unit === 'day');
    case 'time':
      return {
        byteWidth: type.bitWidth / 8,
        set: (view, at, bytes, start, end) => {
          if (!parseTime(bytes, start, end, type.unit)) return false;
          if (type.bitWidth === 32) view.setInt32(at, parsed.number, true);
          else setHalves(view, at);
          return true;
        },
      };
    case 'timestamp': {
      // Only a zone of UTC says what a text without one means.
      const zone =
        type.timezone === undefined ? 'none' : /^(utc|z|\+00:?00)$/i.test(type.timezone) ? 'optional' : 'needed';
      return {
        byteWidth: 8,
        set: (view, at, bytes, start, end) => {
          if (!parseTimestamp(bytes, start, end, type.unit, zone)) return false;
          setHalves(view, at);
          return true;
        },
      };
    }
    case 'duration':
      return {
        byteWidth: 8,
        set: (view, at, bytes, start, end) => parseDuration(view, at, bytes, start, end, type.unit),
      };
    case 'interval':
      return {
        byteWidth: type.unit === 'year_month' ? 4 : type.unit === 'day_time' ? 8 : 16,
        set: (view, at, bytes, start, end) => parseInterval(view, at, bytes, start, end, type.unit),
      };
    default:
      return undefined;
  }
}

function wideInteger(signed: boolean): FixedSetter {
  return {
    byteWidth: 8,
    set: (view, at, bytes, start, end) => {
      if (!parseInteger64(bytes, start, end, signed)) return false;
      setHalves(view, at);
      return true;
    },
  };
}

function smallInteger(bitWidth: 8 | 16 | 32, signed: boolean): FixedSetter {
  const span = 2 ** bitWidth;
  const least = signed ? -span / 2 : 0;
  const most = least + span - 1;
  return {
    byteWidth: bitWidth / 8,
    set: (view, at, bytes, start, end) => {
      if (!parseSmallInteger(bytes, start, end, least, most)) return false;
      if (bitWidth === 8) view.setInt8(at, parsed.number);
      else if (bitWidth === 16) view.setInt16(at, parsed.number, true);
      else view.setInt32(at, parsed.number, true);
      return true;
    },
  };
}

function floating(bitWidth: 16 | 32 | 64): FixedSetter {
  return {
    byteWidth: bitWidth / 8,
    set: (view, at, bytes, start, end) => {
      if (!parseFloat64(bytes, start, end)) return false;
      const value = parsed.number;
      if (bitWidth === 64) view.setFloat64(at, value, true);
      else if (bitWidth === 32) {
        if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) return false;
        view.setFloat32(at, value, true);
      } else {
        const bits = halfBits(value);
        if (Number.isFinite(value) && (bits & 0x7c00) === 0x7c00) return false;
        view.setUint16(at, bits, true);
      }
      return true;
    },
  };
}

function date(days: boolean): FixedSetter {
  return {
    byteWidth: days ? 4 : 8,
    set: (view, at, bytes, start, end) => {
      if (!parseDate(bytes, start, end)) return false;
      if (days) view.setInt32(at, parsed.number, true);
      else view.setBigInt64(at, BigInt(parsed.number) * 86_400_000n, true);
      return true;
    },
  };
}
