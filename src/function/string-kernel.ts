/**
 * Loops of the text functions.
 *
 * Hides UTF-8. Invariants: case maps one code point to one code point (a mapping to several is left out, ß becomes
 * ẞ), as DuckDB does; LIKE takes time proportional to text × pattern at worst, whatever the pattern.
 */
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder, encodeText, decodeText } from './byte-rows.ts';
import type { ByteRows } from './byte-rows.ts';
import { bytesOf, vectorOf } from './column.ts';
import { isConstant } from './constant.ts';
import type { Kernel } from './contract.ts';
import { ALL_PRESENT, bitAt, mergeValidity, validityOf } from './validity.ts';

const UPPER_A = 65;
const LOWER_A = 97;

function bufferOf(rows: ByteRows, row: number): Uint8Array {
  return rows.buffers[rows.which === undefined ? 0 : (rows.which[row] as number)] as Uint8Array;
}

/** Maps one text by code points; a character whose image is several stays as it is. */
function mapText(text: string, to: 'lower' | 'upper'): string {
  let out = '';
  for (const character of text) {
    const mapped = to === 'lower' ? character.toLowerCase() : character.toUpperCase();
    const single = mapped.length === 1 || (mapped.length === 2 && (mapped.codePointAt(0) ?? 0) > 0xffff);
    out += single ? mapped : character === 'ß' ? 'ẞ' : character;
  }
  return out;
}

function isAscii(buffer: Uint8Array, start: number, end: number): boolean {
  for (let k = start; k < end; k++) if ((buffer[k] as number) >= 128) return false;
  return true;
}

function mapAscii(buffer: Uint8Array, start: number, end: number, first: number): Uint8Array {
  const out = buffer.slice(start, end);
  for (let k = 0; k < out.length; k++) {
    const byte = out[k] as number;
    if (byte >= first && byte < first + 26) out[k] = byte ^ 32;
  }
  return out;
}

/** One row in the other case, as bytes. */
function mapRow(rows: ByteRows, row: number, to: 'lower' | 'upper'): Uint8Array {
  const buffer = bufferOf(rows, row);
  const start = rows.starts[row] as number;
  const end = rows.ends[row] as number;
  if (isAscii(buffer, start, end)) return mapAscii(buffer, start, end, to === 'lower' ? UPPER_A : LOWER_A);
  return encodeText(mapText(decodeText(buffer.subarray(start, end)), to));
}

/** lower and upper. */
export function caseMapKernel(to: 'lower' | 'upper'): Kernel {
  return ([vector], rowCount, type) => {
    const rows = byteRowsOf(vector as Vector);
    const validity = validityOf(vector as Vector);
    const builder = new ByteRowsBuilder(rowCount);
    for (let i = 0; i < rowCount; i++) {
      if (validity.bits === undefined || bitAt(validity.bits, i)) {
        const mapped = mapRow(rows, i, to);
        builder.append(mapped, 0, mapped.length);
      }
      builder.endRow();
    }
    return builder.finish(type, validity);
  };
}

/** Code points. */
export const lengthKernel: Kernel = ([vector], rowCount, type) => {
  const rows = byteRowsOf(vector as Vector);
  const words = new Int32Array(rowCount * 2);
  for (let i = 0; i < rowCount; i++) {
    const buffer = bufferOf(rows, i);
    const end = rows.ends[i] as number;
    let count = 0;
    for (let k = rows.starts[i] as number; k < end; k++) if (((buffer[k] as number) & 0xc0) !== 0x80) count++;
    words[2 * i] = count;
  }
  return vectorOf(type, rowCount, validityOf(vector as Vector), bytesOf(words));
};

/** Bytes. */
export const byteLengthKernel: Kernel = ([vector], rowCount, type) => {
  const rows = byteRowsOf(vector as Vector);
  const words = new Int32Array(rowCount * 2);
  for (let i = 0; i < rowCount; i++) words[2 * i] = (rows.ends[i] as number) - (rows.starts[i] as number);
  return vectorOf(type, rowCount, validityOf(vector as Vector), bytesOf(words));
};

/** `||` when strict, else `concat`, which leaves nulls out. */
export function concatKernel(strict: boolean): Kernel {
  return (args, rowCount, type) => {
    const columns = args.map((vector) => byteRowsOf(vector));
    const presence = args.map((vector) => validityOf(vector).bits);
    const validity = strict ? mergeValidity(args, rowCount) : ALL_PRESENT;
    const builder = new ByteRowsBuilder(rowCount);
    for (let i = 0; i < rowCount; i++) {
      const wanted = validity.bits === undefined || bitAt(validity.bits, i);
      for (let c = 0; wanted && c < columns.length; c++) {
        const bits = presence[c];
        if (bits !== undefined && !bitAt(bits, i)) continue;
        const rows = columns[c] as ByteRows;
        builder.append(bufferOf(rows, i), rows.starts[i] as number, rows.ends[i] as number);
      }
      builder.endRow();
    }
    return builder.finish(type, validity);
  };
}

const ANY_CHARACTER = -1;
const ANY_TEXT = -2;

/** A pattern as bytes, with negative numbers for its wildcards. */
function compilePattern(pattern: Uint8Array): Int16Array {
  return Int16Array.from(pattern, (byte) => (byte === 37 ? ANY_TEXT : byte === 95 ? ANY_CHARACTER : byte));
}

/** Bytes of the character that begins with `byte`. */
function characterLength(byte: number): number {
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/** Matches greedily; on a mismatch only the last % is tried again, one character further. */
function matches(text: Uint8Array, start: number, end: number, pattern: Int16Array): boolean {
  let at = start;
  let p = 0;
  let retryAt = -1;
  let retryPattern = -1;
  while (at < end) {
    const wanted = p < pattern.length ? (pattern[p] as number) : -3;
    if (wanted === ANY_TEXT) {
      retryAt = at;
      retryPattern = ++p;
    } else if (wanted === ANY_CHARACTER) {
      at += characterLength(text[at] as number);
      p++;
    } else if (wanted === text[at]) {
      at++;
      p++;
    } else if (retryAt >= 0) {
      retryAt += characterLength(text[retryAt] as number);
      at = retryAt;
      p = retryPattern;
    } else {
      return false;
    }
  }
  while (p < pattern.length && pattern[p] === ANY_TEXT) p++;
  return p === pattern.length && at === end;
}

/** LIKE; ILIKE lowers both sides first. */
export function likeKernel(ignoreCase: boolean): Kernel {
  return (args, rowCount, type) => {
    const [value, pattern] = args as [Vector, Vector];
    const texts = byteRowsOf(value);
    const patterns = byteRowsOf(pattern);
    const validity = mergeValidity(args, rowCount);
    const patternOf = (row: number): Int16Array => {
      const start = patterns.starts[row] as number;
      const bytes = bufferOf(patterns, row).subarray(start, patterns.ends[row]);
      return compilePattern(ignoreCase ? mapRow(patterns, row, 'lower') : bytes);
    };
    const fixed = isConstant(pattern) && validityOf(pattern).bits === undefined ? patternOf(0) : undefined;
    const bits = new Uint8Array((rowCount + 7) >> 3);
    for (let i = 0; i < rowCount; i++) {
      if (validity.bits !== undefined && !bitAt(validity.bits, i)) continue;
      const text = ignoreCase ? mapRow(texts, i, 'lower') : bufferOf(texts, i);
      const start = ignoreCase ? 0 : (texts.starts[i] as number);
      const end = ignoreCase ? text.length : (texts.ends[i] as number);
      if (matches(text, start, end, fixed ?? patternOf(i))) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
    }
    return vectorOf(type, rowCount, validity, bits);
  };
}
