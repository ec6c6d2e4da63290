/**
 * A result as an aligned table for people: names, types, rows, a count.
 *
 * Hides widths and truncation. The form: a line of names, a line of types, a rule, rows with numbers to the right
 * and everything else to the left, then `(n rows)`. Nulls are empty cells, which quotes tell apart from the empty
 * string `""`; control characters show as escapes. A text of several lines that is in the only row, as a plan is, is
 * shown whole, line by line. Memory is bounded by the rows shown: the others are only counted.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import { typeName } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { present } from '../base/assert.ts';
import { TABLE_TEXT_CELL_WIDTH_MAX, TABLE_TEXT_ROWS_MAX } from '../base/limits.ts';
import { integerAt, isScalar, presenceOf, putBase64, scalarCell, textCell } from './cell.ts';
import { DEFAULT_JSON_FORM, jsonCell, putNonfinite } from './json-cell.ts';
import { ByteSink } from './sink.ts';
import type { CellWriter } from './sink.ts';

export interface TableWriteOptions {
  /** Rows shown at most. */
  readonly rowsMax?: number;
  /** Screen columns of one cell at most; longer text ends in `…`. */
  readonly cellWidthMax?: number;
}

const NUMERIC: ReadonlySet<DataType['id']> = new Set(['int', 'float', 'decimal']);
const SEPARATOR = '  ';
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** Drains `batches` and returns the whole table, its last line ending in LF. */
export async function writeTable(
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
  options: TableWriteOptions = {},
): Promise<string> {
  const rowsMax = options.rowsMax ?? TABLE_TEXT_ROWS_MAX;
  const widthMax = options.cellWidthMax ?? TABLE_TEXT_CELL_WIDTH_MAX;
  const rows: string[][] = [];
  let first: readonly string[] = [];
  let count = 0;
  for await (const batch of batches) {
    const shown = Math.min(batch.rowCount, Math.max(0, rowsMax - count));
    if (shown > 0) {
      const cells = batch.columns.map(cellText);
      for (let row = 0; row < shown; row++) {
        const texts = cells.map((text) => text(row));
        if (rows.length === 0) first = texts;
        rows.push(texts.map((text) => shorten(visible(text), widthMax)));
      }
    }
    count += batch.rowCount;
  }
  const lines = count === 1 && first.some((text) => text.includes('\n')) ? unfold(first) : rows;
  return layOut(schema, lines, footer(rows.length, count), widthMax);
}

/** The lines of one row's texts, beside each other. */
function unfold(texts: readonly string[]): readonly (readonly string[])[] {
  const cells = texts.map((text) => text.split('\n'));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, i) => cells.map((lines) => visible(lines[i] ?? '')));
}

function layOut(schema: Schema, rows: readonly (readonly string[])[], foot: string, widthMax: number): string {
  const names = schema.fields.map((field) => shorten(visible(field.name), widthMax));
  const types = schema.fields.map((field) => shorten(typeName(field.type), widthMax));
  const widths = schema.fields.map((_, i) =>
    [names, types, ...rows].reduce((most, line) => Math.max(most, textWidth(line[i] ?? '')), 1),
  );
  const toRight = schema.fields.map((field) => NUMERIC.has(valueType(field.type).id));
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, i) => {
      const blanks = ' '.repeat(Math.max(0, (widths[i] ?? 0) - textWidth(cell)));
      return toRight[i] === true ? blanks + cell : cell + blanks;
    });
    return `${padded.join(SEPARATOR).trimEnd()}\n`;
  };
  const rule = `${widths.map((width) => '-'.repeat(width)).join(SEPARATOR)}\n`;
  const head = schema.fields.length === 0 ? '' : line(names) + line(types) + rule;
  return head + rows.map(line).join('') + foot;
}

function footer(shown: number, count: number): string {
  const rows = `${count.toString()} row${count === 1 ? '' : 's'}`;
  return shown === count ? `(${rows})\n` : `(${rows}, the first ${shown.toString()} shown)\n`;
}

/** The type of the values that a cell shows. */
function valueType(type: DataType): DataType {
  if (type.id === 'dictionary') return valueType(type.value);
  return type.id === 'run_end' ? valueType(type.values.type) : type;
}

/** A reader of every row of `vector` as text for people. */
function cellText(vector: Vector): (row: number) => string {
  const write = plainCell(vector);
  const isPresent = presenceOf(vector);
  const sink = new ByteSink(256);
  const isText = valueType(vector.type).id.includes('utf8');
  return (row) => {
    if (isPresent !== undefined && !isPresent(row)) return '';
    sink.reset();
    write(sink, row);
    const text = sink.bytes.toString('utf8', 0, sink.at);
    return text === '' && isText ? '""' : text;
  };
}

function plainCell(vector: Vector): CellWriter {
  const { type } = vector;
  if (isScalar(type)) return scalarCell(vector, putNonfinite);
  switch (type.id) {
    case 'utf8':
    case 'large_utf8':
    case 'utf8_view':
      return textCell(vector, (sink, source, start, end) => sink.copy(source, start, end));
    case 'binary':
    case 'large_binary':
    case 'binary_view':
    case 'fixed_binary':
      return textCell(vector, putBase64);
    case 'dictionary': {
      const dictionary = present(vector.dictionary, 'dictionary');
      const index = integerAt(vector, type.index);
      const isPresent = presenceOf(dictionary);
      const value = plainCell(dictionary);
      return (sink, row) => {
        const at = index(row);
        if (isPresent === undefined || isPresent(at)) value(sink, at);
      };
    }
    default:
      return jsonCell(vector, DEFAULT_JSON_FORM);
  }
}

/** Control characters as JSON escapes, so that a cell stays on its line. */
function visible(text: string): string {
  return text.replace(CONTROLS, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1);
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped;
  });
}

function shorten(text: string, widthMax: number): string {
  if (text.length <= widthMax && textWidth(text) <= widthMax) return text;
  let kept = '';
  let width = 0;
  for (const character of text) {
    width += characterWidth(character);
    if (width > widthMax - 1) return `${kept}…`;
    kept += character;
  }
  return kept;
}

/** Screen columns of a text. */
function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** 0 for combining marks, 2 for East Asian wide characters and most emoji, else 1. */
function characterWidth(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  const invisible = (code >= 0x200b && code <= 0x200f) || (code >= 0xfe00 && code <= 0xfe0f);
  if (invisible || /^[\p{Mn}\p{Me}]$/u.test(character)) return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}
