/**
 * Casts from and to text and binary.
 *
 * Hides parsing and printing of every flat type. Invariants: printing then parsing gives the value again; spaces
 * around a number, date or boolean are ignored, other leftovers fail the row.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder, rowBytes, rowText } from './byte-rows.ts';
import { castRows } from './cast-row.ts';
import type { CastTask } from './cast-row.ts';
import { integerWriter, temporalText } from './cast-time.ts';
import { bitsOf, bytesOf, formOf, numbersOf, vectorFromNumbers, vectorOf } from './column.ts';
import type { Kernel } from './contract.ts';
import { decimalText, decimalValues, rescale, storeDecimal } from './decimal.ts';
import { floatText, parseCoded, parseExact, parseFloatText } from './number-text.ts';
import { parseDate, parseTime, parseTimestamp } from './time-text.ts';
import { bitAt, validityOf } from './validity.ts';
import type { Validity } from './validity.ts';

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  t: true,
  yes: true,
  y: true,
  on: true,
  '1': true,
  false: false,
  f: false,
  no: false,
  n: false,
  off: false,
  '0': false,
};

/** A writer of one target type from text. */
interface Writer {
  readonly put: (row: number, text: string) => boolean;
  readonly finish: (validity: Validity) => Vector;
}

function boolWriter(type: DataType, rowCount: number): Writer {
  const bits = new Uint8Array((rowCount + 7) >> 3);
  return {
    put: (row, text) => {
      const value = BOOLEANS[text.trim().toLowerCase()];
      if (value === true) bits[row >> 3] = (bits[row >> 3] as number) | (1 << (row & 7));
      return value !== undefined;
    },
    finish: (validity) => vectorOf(type, rowCount, validity, bits),
  };
}

function floatWriter(type: DataType & { id: 'float' }, rowCount: number): Writer {
  const numbers = new Float64Array(rowCount);
  return {
    put: (row, text) => {
      const value = parseFloatText(text);
      if (value === undefined) return false;
      numbers[row] = value;
      return true;
    },
    finish: (validity) => vectorFromNumbers(type, numbers, rowCount, validity),
  };
}

function intWriter(type: DataType & { id: 'int' }, rowCount: number): Writer {
  const low = type.signed ? -(1n << BigInt(type.bitWidth - 1)) : 0n;
  const high = type.signed ? -low : 1n << BigInt(type.bitWidth);
  const wide = type.bitWidth === 64 ? new Int32Array(rowCount * 2) : undefined;
  const numbers = wide === undefined ? new Float64Array(rowCount) : undefined;
  return {
    put: (row, text) => {
      const exact = parseExact(text);
      const value = exact === undefined ? parseCoded(text) : rescale(exact.unscaled, exact.scale, 0);
      if (value === undefined) return false;
      if (value < low || value >= high) return false;
      if (wide !== undefined) storeDecimal(wide, row, 64, value);
      if (numbers !== undefined) numbers[row] = Number(value);
      return true;
    },
    finish: (validity) => {
      if (wide !== undefined) return vectorOf(type, rowCount, validity, bytesOf(wide));
      return vectorFromNumbers(type, numbers as Float64Array, rowCount, validity);
    },
  };
}

function decimalWriter(type: DataType & { id: 'decimal' }, rowCount: number): Writer {
  const out = new Int32Array((rowCount * type.bitWidth) / 32);
  const bound = 10n ** BigInt(type.precision);
  return {
    put: (row, text) => {
      const exact = parseExact(text);
      if (exact === undefined) return false;
      const value = rescale(exact.unscaled, exact.scale, type.scale);
      if (value >= bound || value <= -bound) return false;
      storeDecimal(out, row, type.bitWidth, value);
      return true;
    },
    finish: (validity) => vectorOf(type, rowCount, validity, bytesOf(out)),
  };
}

function temporalWriter(type: DataType, rowCount: number): Writer {
  const writer = integerWriter(type, rowCount);
  const parse = (text: string): bigint | undefined => {
    if (type.id === 'time') return parseTime(text, type.unit);
    if (type.id === 'timestamp') return parseTimestamp(text, type.unit, type.timezone !== undefined);
    const days = parseDate(text);
    if (days === undefined) return undefined;
    return BigInt(days) * (type.id === 'date' && type.unit === 'millisecond' ? 86_400_000n : 1n);
  };
  return {
    put: (row, text) => {
      const value = parse(text);
      return value !== undefined && writer.put(row, value);
    },
    finish: writer.finish,
  };
}

function writerOf(type: DataType, rowCount: number): Writer {
  switch (type.id) {
    case 'bool':
      return boolWriter(type, rowCount);
    case 'float':
      return floatWriter(type, rowCount);
    case 'int':
      return intWriter(type, rowCount);
    case 'decimal':
      return decimalWriter(type, rowCount);
    default:
      return temporalWriter(type, rowCount);
  }
}

/** Text to any flat type but text and binary. */
export function fromTextCast(task: CastTask): Kernel {
  return ([vector], rowCount, type) => {
    const rows = byteRowsOf(vector as Vector);
    const writer = writerOf(type, rowCount);
    const convert = (row: number): boolean => writer.put(row, rowText(rows, row));
    return writer.finish(castRows(task, vector as Vector, rowCount, convert, (row) => rowText(rows, row)));
  };
}

/** How a row of a flat vector prints. */
function printerOf(vector: Vector): (row: number) => string {
  const { type } = vector;
  if (type.id === 'bool') {
    const bits = bitsOf(vector);
    return (row) => (bitAt(bits, row) ? 'true' : 'false');
  }
  if (type.id === 'float') {
    const numbers = numbersOf(vector);
    return (row) => floatText(numbers[row] as number, type.bitWidth);
  }
  if (type.id === 'int' && formOf(type).kind === 'number') {
    const numbers = numbersOf(vector);
    return (row) => String(numbers[row]);
  }
  const values = decimalValues(vector);
  if (type.id === 'decimal') {
    // Without digits before the point there is no zero there either (DuckDB).
    const isFraction = type.precision === type.scale;
    return (row) => {
      const text = decimalText(values(row), type.scale);
      return isFraction ? text.replace(/^(-?)0\./u, '$1.') : text;
    };
  }
  return (row) => temporalText(type, values(row));
}

/** Any flat type but text and binary to text. */
export const toTextCast: Kernel = ([vector], rowCount, type) => {
  const source = vector as Vector;
  const print = printerOf(source);
  const validity = validityOf(source);
  const builder = new ByteRowsBuilder(rowCount);
  for (let i = 0; i < rowCount; i++) {
    if (validity.bits === undefined || bitAt(validity.bits, i)) builder.addText(print(i));
    else builder.endRow();
  }
  return builder.finish(type, validity);
};

/** Text to text, binary to binary: the bytes stay. A fixed width that does not fit fails the row. */
export function bytesCast(task: CastTask): Kernel {
  const width = task.to.id === 'fixed_binary' ? task.to.byteWidth : undefined;
  return ([vector], rowCount, type) => {
    const source = vector as Vector;
    const rows = byteRowsOf(source);
    const builder = new ByteRowsBuilder(rowCount);
    const zeros = new Uint8Array(width ?? 0);
    const present = validityOf(source).bits;
    const fits = (row: number): boolean => width === undefined || width === rowBytes(rows, row).length;
    const validity = castRows(task, source, rowCount, fits, (row) => binaryText(rowBytes(rows, row)));
    for (let i = 0; i < rowCount; i++) {
      const bytes = present !== undefined && !bitAt(present, i) ? zeros : rowBytes(rows, i);
      if (width === undefined || bytes.length === width) builder.append(bytes, 0, bytes.length);
      else builder.append(zeros, 0, width);
      builder.endRow();
    }
    return builder.finish(type, validity);
  };
}

/** Binary as text: printable ASCII but quotes and backslashes as it is, other bytes as \xNN. */
export function binaryText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const plain = byte >= 32 && byte < 127 && byte !== 92 && byte !== 34 && byte !== 39;
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** Binary to text. */
export const binaryToText: Kernel = ([vector], rowCount, type) => {
  const rows = byteRowsOf(vector as Vector);
  const builder = new ByteRowsBuilder(rowCount);
  for (let i = 0; i < rowCount; i++) builder.addText(binaryText(rowBytes(rows, i)));
  return builder.finish(type, validityOf(vector as Vector));
};

/** The bytes of text with \xNN escapes; undefined when a backslash or a character beyond ASCII stands elsewhere. */
function binaryOf(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 128) return undefined;
    if (code !== 92) {
      bytes.push(code);
      continue;
    }
    const hex = /^\\x([0-9a-fA-F]{2})/.exec(text.slice(i, i + 4))?.[1];
    if (hex === undefined) return undefined;
    bytes.push(Number.parseInt(hex, 16));
    i += 3;
  }
  return Uint8Array.from(bytes);
}

/** Text to binary. */
export function textToBinary(task: CastTask): Kernel {
  const width = task.to.id === 'fixed_binary' ? task.to.byteWidth : undefined;
  return ([vector], rowCount, type) => {
    const rows = byteRowsOf(vector as Vector);
    const values = Array.from({ length: rowCount }, (): Uint8Array | undefined => undefined);
    const convert = (row: number): boolean => {
      const bytes = binaryOf(rowText(rows, row));
      if (bytes === undefined || (width !== undefined && bytes.length !== width)) return false;
      values[row] = bytes;
      return true;
    };
    const validity = castRows(task, vector as Vector, rowCount, convert, (row) => rowText(rows, row));
    const builder = new ByteRowsBuilder(rowCount);
    const blank = new Uint8Array(width ?? 0);
    for (let i = 0; i < rowCount; i++) {
      const bytes = values[i] ?? blank;
      builder.append(bytes, 0, bytes.length);
      builder.endRow();
    }
    return builder.finish(type, validity);
  };
}
