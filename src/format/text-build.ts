/**
 * Builders of text, binary and dictionary columns.
 *
 * Hides offsets and growing byte buffers. Invariants: text is valid UTF-8 (what is not is refused as a cell that
 * does not fit); binary comes as base64; a dictionary lives for the whole input, so that later batches only add to
 * it.
 */
import { isUtf8 } from 'node:buffer';
import type { DataType } from '../arrow/type.ts';
import { makeVector } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { Validity } from './column.ts';
import type { ColumnBuilder } from './column.ts';
import { textOf } from './text-parse.ts';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A column of variable-length bytes. */
export class TextBuilder implements ColumnBuilder {
  readonly type: DataType;
  readonly isText: boolean;
  readonly #wide: boolean;
  readonly #validity = new Validity();
  #offsets = new Int32Array(1);
  #bytes = Buffer.alloc(0);
  #used = 0;
  /** Rows whose end offset is written; skipped ones before it are null and empty. */
  #rows = 0;

  constructor(type: DataType) {
    this.type = type;
    this.isText = type.id === 'utf8' || type.id === 'large_utf8';
    this.#wide = type.id === 'large_utf8' || type.id === 'large_binary';
  }

  reserve(rows: number): void {
    this.#validity.reserve(rows);
    if (this.#offsets.length > rows) return;
    const grown = new Int32Array(rows + 1);
    grown.set(this.#offsets);
    this.#offsets = grown;
  }

  set(row: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.isText) {
      const text = textOf(bytes, start, end).trim();
      if (!BASE64.test(text)) return false;
      const decoded = Buffer.from(text, 'base64');
      this.#append(row, decoded, 0, decoded.byteLength);
      return true;
    }
    let seen = 0;
    for (let i = start; i < end; i++) seen |= bytes[i] ?? 0;
    if (seen >= 128 && !isUtf8(bytes.subarray(start, end))) return false;
    this.#append(row, bytes, start, end);
    return true;
  }

  #append(row: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#used + length > this.#bytes.byteLength) {
      const grown = Buffer.alloc(Math.max(this.#bytes.byteLength * 2, this.#used + length, 4_096));
      grown.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = grown;
    }
    if (length > 24) this.#bytes.set(bytes.subarray(start, end), this.#used);
    else for (let i = 0; i < length; i++) this.#bytes[this.#used + i] = bytes[start + i] ?? 0;
    this.#fillOffsets(row);
    this.#used += length;
    this.#offsets[row + 1] = this.#used;
    this.#rows = row + 1;
    this.#validity.mark(row);
  }

  #fillOffsets(row: number): void {
    for (let i = this.#rows; i < row; i++) this.#offsets[i + 1] = this.#used;
  }

  finish(count: number): Vector {
    this.#fillOffsets(count);
    const { bits, nullCount } = this.#validity.finish(count);
    const offsets = this.#wide
      ? BigInt64Array.from(this.#offsets.subarray(0, count + 1), BigInt)
      : this.#offsets.slice(0, count + 1);
    const values = new Uint8Array(this.#bytes.subarray(0, this.#used));
    this.#used = 0;
    this.#rows = 0;
    return makeVector(this.type, count, bits, nullCount, [new Uint8Array(offsets.buffer), values]);
  }
}

/** A dictionary column of text: indexes per batch, one growing dictionary. */
export class DictionaryBuilder implements ColumnBuilder {
  readonly type: Extract<DataType, { id: 'dictionary' }>;
  readonly isText = true;
  readonly #validity = new Validity();
  readonly #codes = new Map<string, number>();
  readonly #valuesMost: number;
  #indexes = new Int32Array(0);
  #valueBytes = 0;

  constructor(type: Extract<DataType, { id: 'dictionary' }>) {
    this.type = type;
    this.#valuesMost = 2 ** Math.min(31, type.index.signed ? type.index.bitWidth - 1 : type.index.bitWidth);
  }

  reserve(rows: number): void {
    this.#validity.reserve(rows);
    if (this.#indexes.length >= rows) return;
    const grown = new Int32Array(rows);
    grown.set(this.#indexes);
    this.#indexes = grown;
  }

  set(row: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (!isUtf8(bytes.subarray(start, end))) return false;
    const text = textOf(bytes, start, end);
    let code = this.#codes.get(text);
    if (code === undefined) {
      code = this.#codes.size;
      if (code >= this.#valuesMost) return false;
      this.#codes.set(text, code);
      this.#valueBytes += end - start;
    }
    this.#indexes[row] = code;
    this.#validity.mark(row);
    return true;
  }

  finish(count: number): Vector {
    const { bits, nullCount } = this.#validity.finish(count);
    const rows = this.#indexes.subarray(0, count);
    const { bitWidth } = this.type.index;
    const codes =
      bitWidth === 8
        ? Int8Array.from(rows)
        : bitWidth === 16
          ? Int16Array.from(rows)
          : bitWidth === 32
            ? rows.slice()
            : BigInt64Array.from(rows, BigInt);
    this.#indexes.fill(0);
    const indexes = new Uint8Array(codes.buffer);
    return { ...makeVector(this.type, count, bits, nullCount, [indexes]), dictionary: this.#dictionary() };
  }

  #dictionary(): Vector {
    const values = new TextBuilder(this.type.value);
    values.reserve(this.#codes.size);
    const scratch = Buffer.alloc(this.#valueBytes);
    let row = 0;
    let at = 0;
    for (const text of this.#codes.keys()) {
      const length = scratch.write(text, at);
      values.set(row++, scratch, at, at + length);
      at += length;
    }
    return values.finish(row);
  }
}
