/**
 * Loops of case, lengths and concatenation.
 *
 * Hides UTF-8. Invariants: case maps one code point to one code point (a mapping to several is left out, ß becomes
 * ẞ), as DuckDB does.
 */
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder, encodeText, decodeText } from './byte-rows.ts';
import type { ByteRows } from './byte-rows.ts';
import { bytesOf, vectorOf } from './column.ts';
import type { Kernel } from './contract.ts';
import { endTextRow, numberRows, textsOf } from './scalar-frame.ts';
import { graphemesOf } from './text-slice.ts';
import { ALL_PRESENT, bitAt, mergeValidity, validityOf } from './validity.ts';

const UPPER_A = 65;
const LOWER_A = 97;

function bufferOf(rows: ByteRows, row: number): Uint8Array {
  return rows.buffers[rows.which === undefined ? 0 : (rows.which[row] as number)] as Uint8Array;
}

/** Characters whose image JavaScript writes with two, and Unicode's simple mapping with one. */
const SPECIAL: Readonly<Record<string, string>> = { ß: 'ẞ', İ: 'i' };

/** Maps one text by code points; a character whose image is several stays as it is. */
function mapText(text: string, to: 'lower' | 'upper'): string {
  let out = '';
  for (const character of text) {
    const mapped = to === 'lower' ? character.toLowerCase() : character.toUpperCase();
    const single = mapped.length === 1 || (mapped.length === 2 && (mapped.codePointAt(0) ?? 0) > 0xffff);
    out += single ? mapped : (SPECIAL[character] ?? character);
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

/** Bytes of text in lower case. */
export function lowered(bytes: Uint8Array): Uint8Array {
  if (isAscii(bytes, 0, bytes.length)) return mapAscii(bytes, 0, bytes.length, UPPER_A);
  return encodeText(mapText(decodeText(bytes), 'lower'));
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

/** Bits. */
export const bitLengthKernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  return numberRows(args, rowCount, type, (i) => ((rows.ends[i] as number) - (rows.starts[i] as number)) * 8);
};

/** Grapheme clusters. */
export const graphemeLengthKernel: Kernel = (args, rowCount, type) => {
  const texts = textsOf(args[0] as Vector);
  return numberRows(args, rowCount, type, (i) => graphemesOf(texts(i)).length);
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
        appendRow(builder, columns[c] as ByteRows, i);
      }
      endTextRow(builder);
    }
    return builder.finish(type, validity);
  };
}

/** The values after the first, that one between those which are present. */
export const joinKernel: Kernel = (args, rowCount, type) => {
  const [separators, ...columns] = args.map((vector) => byteRowsOf(vector)) as [ByteRows, ...ByteRows[]];
  const presence = args.slice(1).map((vector) => validityOf(vector).bits);
  const validity = validityOf(args[0] as Vector);
  const builder = new ByteRowsBuilder(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const wanted = validity.bits === undefined || bitAt(validity.bits, i);
    let isFirst = true;
    for (let c = 0; wanted && c < columns.length; c++) {
      const bits = presence[c];
      if (bits !== undefined && !bitAt(bits, i)) continue;
      if (!isFirst) appendRow(builder, separators, i);
      isFirst = false;
      appendRow(builder, columns[c] as ByteRows, i);
    }
    endTextRow(builder);
  }
  return builder.finish(type, validity);
};

function appendRow(builder: ByteRowsBuilder, rows: ByteRows, row: number): void {
  builder.append(bufferOf(rows, row), rows.starts[row] as number, rows.ends[row] as number);
}
