/**
 * A result as CSV: RFC 4180's quoting, lines that end in LF, a header line.
 *
 * Hides which cells need quotes. The forms: null is an empty cell and the empty string is `""`; floats that are not
 * finite are NaN, Infinity, -Infinity; binary is base64; nested values are their JSON text, quoted; everything else
 * is as in JSON without quotes. Invariants: a cell is quoted only when it must be; csv-read gives the same values
 * back when it is told the types.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import type { Vector } from '../arrow/vector.ts';
import { present } from '../base/assert.ts';
import { integerAt, isScalar, presenceOf, putBase64, scalarCell, textCell } from './cell.ts';
import { DEFAULT_JSON_FORM, jsonCell, putNonfinite } from './json-cell.ts';
import { ByteSink } from './sink.ts';
import type { CellWriter } from './sink.ts';

const QUOTE = 34;

export interface CsvWriteOptions {
  /** A first line of column names; default true. */
  readonly header?: boolean;
  /** One ASCII character; default a comma. */
  readonly delimiter?: string;
  /** One ASCII character; default a double quote. */
  readonly quote?: string;
  /** One ASCII character before a quote in a quoted cell; default the quote. */
  readonly escape?: string;
  /** What a null is written as; default nothing. */
  readonly nullText?: string;
}

/** Bytes that the form is made of. */
interface Marks {
  readonly delimiter: number;
  readonly quote: number;
  readonly escape: number;
  readonly nullBytes: Uint8Array;
}

/** Yields the text in pieces, each new memory. */
export async function* writeCsv(
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
  options: CsvWriteOptions = {},
): AsyncGenerator<Buffer> {
  const marks = marksOf(options);
  const { delimiter } = marks;
  const sink = new ByteSink();
  if (options.header ?? true) {
    schema.fields.forEach((field, i) => {
      if (i > 0) sink.byte(delimiter);
      const name = Buffer.from(field.name);
      putCsvText(marks)(sink, name, 0, name.byteLength);
    });
    sink.byte(10);
  }
  for await (const batch of batches) {
    const cells = batch.columns.map((column) => csvCell(column, marks));
    for (let row = 0; row < batch.rowCount; row++) {
      for (let i = 0; i < cells.length; i++) {
        if (i > 0) sink.byte(delimiter);
        cells[i]?.(sink, row);
      }
      sink.byte(10);
      if (sink.full) yield sink.take();
    }
  }
  if (sink.at > 0) yield sink.take();
}

function marksOf({ delimiter = ',', quote = '"', escape = quote, nullText = '' }: CsvWriteOptions): Marks {
  const byteOf = (character: string): number => character.charCodeAt(0);
  return {
    delimiter: byteOf(delimiter),
    quote: byteOf(quote),
    escape: byteOf(escape),
    nullBytes: Buffer.from(nullText),
  };
}

/**
 * Writes text with quotes where the cell needs them: when it is empty, reads as a null, or holds the delimiter, a quote
 * or a line's end.
 */
function putCsvText({ delimiter, quote, escape, nullBytes }: Marks) {
  return (sink: ByteSink, source: Uint8Array, start: number, end: number): void => {
    let bare = end > start;
    for (let i = start; i < end && bare; i++) {
      const byte = source[i] ?? 0;
      bare = byte !== quote && byte !== delimiter && byte !== 10 && byte !== 13;
    }
    bare &&= Buffer.compare(nullBytes, source.subarray(start, end)) !== 0;
    if (bare) {
      sink.copy(source, start, end);
      return;
    }
    sink.byte(quote);
    let clean = start;
    for (let i = start; i < end; i++) {
      if (source[i] !== quote && source[i] !== escape) continue;
      sink.copy(source, clean, i);
      sink.byte(escape);
      clean = i;
    }
    sink.copy(source, clean, end);
    sink.byte(quote);
  };
}

function csvCell(vector: Vector, marks: Marks): CellWriter {
  const write = presentCell(vector, marks);
  const isPresent = presenceOf(vector);
  if (isPresent === undefined) return write;
  const { nullBytes } = marks;
  return (sink, row) => {
    if (isPresent(row)) write(sink, row);
    else sink.copy(nullBytes, 0, nullBytes.byteLength);
  };
}

function presentCell(vector: Vector, marks: Marks): CellWriter {
  const { type } = vector;
  const { delimiter, quote, nullBytes } = marks;
  const put = putCsvText(marks);
  // Only a delimiter that can stand in a number or a date makes their cells need quotes.
  if (isScalar(type)) {
    const bare = scalarCell(vector, putNonfinite);
    const isUsual = delimiter === 44 || delimiter === 9 || delimiter === 59 || delimiter === 124;
    return isUsual && quote === QUOTE && nullBytes.byteLength === 0 ? bare : requoted(bare, put);
  }
  switch (type.id) {
    case 'utf8':
    case 'large_utf8':
    case 'utf8_view':
      return textCell(vector, put);
    case 'binary':
    case 'large_binary':
    case 'binary_view':
    case 'fixed_binary':
      return requoted(textCell(vector, putBase64), put);
    case 'dictionary': {
      const index = integerAt(vector, type.index);
      const value = csvCell(present(vector.dictionary, 'dictionary'), marks);
      return (sink, row) => value(sink, index(row));
    }
    default:
      return nestedCell(vector, put, nullBytes);
  }
}

/** Quotes what `write` wrote, where needed. */
function requoted(write: CellWriter, put: ReturnType<typeof putCsvText>): CellWriter {
  const scratch = new ByteSink(256);
  return (sink, row) => {
    scratch.reset();
    write(scratch, row);
    put(sink, scratch.bytes, 0, scratch.at);
  };
}

/**
 * Nested values as JSON text, with text and scalars bare, as run-end and union values are; a null inside is an empty
 * cell.
 */
function nestedCell(vector: Vector, put: ReturnType<typeof putCsvText>, nullBytes: Uint8Array): CellWriter {
  const json = jsonCell(vector, DEFAULT_JSON_FORM);
  const scratch = new ByteSink(256);
  return (sink, row) => {
    scratch.reset();
    json(scratch, row);
    if (scratch.at === 4 && scratch.bytes.toString('latin1', 0, 4) === 'null') {
      sink.copy(nullBytes, 0, nullBytes.byteLength);
      return;
    }
    if (scratch.bytes[0] !== QUOTE) {
      put(sink, scratch.bytes, 0, scratch.at);
      return;
    }
    const text = Buffer.from(String(JSON.parse(scratch.bytes.toString('utf8', 0, scratch.at))));
    put(sink, text, 0, text.byteLength);
  };
}
