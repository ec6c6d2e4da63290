/**
 * CSV to record batches, as it comes.
 *
 * Hides the guesses: delimiter (comma, tab, semicolon, bar), header, types, each from a sample of the first
 * SNIFF_BYTES_MAX bytes unless told. The rules: UTF-8, with or without a byte order mark; an empty cell is null, a
 * quoted empty one the empty string (null where the column is not text); a first line of names is taken for a header
 * unless one of its cells is a number, a date or the like; a line that is empty is skipped, but is a null in a file
 * of one column. Invariants: memory is bounded by the sample, a batch and the longest record; the first cell that
 * does not fit its column's type fails the input with its line and column. Source: RFC 4180.
 */
import { isUtf8 } from 'node:buffer';
import type { RecordBatch } from '../arrow/batch.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import { typeName } from '../arrow/type.ts';
import { present } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { SNIFF_BYTES_MAX } from '../base/limits.ts';
import { foldName } from '../base/names.ts';
import { BatchBuilder } from './batch-build.ts';
import { ByteFeed, skipByteOrderMark } from './byte-feed.ts';
import { BARE, CsvScanner, ESCAPED, unescapeQuotes } from './csv-scan.ts';
import { uniqueNames } from './json-cell.ts';
import { TypeGuess } from './sniff.ts';
import { textOf } from './text-parse.ts';

export interface CsvReadOptions {
  /**
   * The table that the rows go to: its types are used for the columns of its names (by position when there is no
   * header).
   */
  readonly schema?: Schema;
  /** One ASCII character. */
  readonly delimiter?: string;
  readonly header?: boolean;
  /** One ASCII character; default a double quote. */
  readonly quote?: string;
  /** One ASCII character before a quote in a quoted cell; default the quote. */
  readonly escape?: string;
  /** A cell without quotes that is this text is null; default none but the empty cell. */
  readonly nullText?: string;
  /** Columns are those of `schema` in order, whatever names a first line has. */
  readonly positional?: boolean;
}

/** A text input that is being read: its schema, then its batches as they come, once. */
export interface TextInput {
  readonly schema: Schema;
  readonly batches: AsyncIterable<RecordBatch>;
}

const DELIMITERS = [',', '\t', ';', '|'];
const DELIMITER_RECORDS = 100;

/** Begins to read. @throws `request_invalid`, `limit_exceeded`, `unimplemented` here or from the batches */
export async function readCsv(source: AsyncIterable<Uint8Array>, options: CsvReadOptions = {}): Promise<TextInput> {
  const feed = new ByteFeed(source);
  try {
    await feed.fill(SNIFF_BYTES_MAX);
    skipByteOrderMark(feed, 'CSV');
    if (feed.start === feed.end) throw new EngineError('request_invalid', 'the CSV input is empty');
    const quotes = [options.quote, options.escape].map((character) => character?.charCodeAt(0)) as [number?, number?];
    const scanner = new CsvScanner(delimiterOf(feed, options.delimiter), ...quotes);
    const builder = new BatchBuilder(await readHead(feed, scanner, options));
    const nullBytes = options.nullText === undefined ? undefined : Buffer.from(options.nullText);
    return { schema: builder.schema, batches: readBatches(feed, scanner, builder, nullBytes) };
  } catch (error) {
    await feed.close();
    throw error;
  }
}

function delimiterOf(feed: ByteFeed, given: string | undefined): number {
  if (given !== undefined) {
    if (/^[\t\x20-\x7e]$/.test(given) && given !== '"') return given.charCodeAt(0);
    const shown = JSON.stringify(given);
    throw new EngineError('request_invalid', `the delimiter ${shown} is not one ASCII character other than a quote`);
  }
  let best = ',';
  let most = 1;
  for (const candidate of DELIMITERS) {
    const count = cellsPerRecord(feed, candidate.charCodeAt(0));
    if (count > most) {
      most = count;
      best = candidate;
    }
  }
  return best.charCodeAt(0);
}

/** Cells that every one of the first records has with this delimiter; 0 when they differ or do not scan. */
function cellsPerRecord(feed: ByteFeed, delimiter: number): number {
  const scanner = new CsvScanner(delimiter);
  let count = 0;
  try {
    let at = feed.start;
    for (let i = 0; i < DELIMITER_RECORDS && at < feed.end; i++) {
      at = scanner.scan(feed.bytes, at, feed.end, feed.done);
      if (at < 0) break;
      if (isEmptyLine(scanner)) continue;
      if (count !== 0 && scanner.cellCount !== count) return 0;
      count = scanner.cellCount;
    }
  } catch (error) {
    if (error instanceof EngineError) return 0;
    throw error;
  }
  return count;
}

function isEmptyLine(scanner: CsvScanner): boolean {
  return scanner.cellCount === 1 && scanner.cells[2] === BARE && (scanner.cells[0] ?? 0) === (scanner.cells[1] ?? 0);
}

/** Takes the header, guesses what is not told, and leaves the feed at the first row. */
async function readHead(feed: ByteFeed, scanner: CsvScanner, options: CsvReadOptions): Promise<Schema> {
  let next = -1;
  while (next < 0) {
    next = scanner.scan(feed.bytes, feed.start, feed.end, feed.done);
    if (next < 0) await feed.more('the first CSV record');
    else if (isEmptyLine(scanner) && next < feed.end) {
      feed.start = next;
      next = -1;
    }
  }
  if (!isUtf8(feed.bytes.subarray(feed.start, next))) {
    const line = scanner.recordLine.toString();
    throw new EngineError('request_invalid', `line ${line} is not valid UTF-8 text; convert the CSV input to UTF-8`);
  }
  const names: string[] = [];
  for (let i = 0; i < scanner.cellCount; i++) names.push(cellText(feed.bytes, scanner, i));
  const hasHeader = options.header ?? looksLikeHeader(feed.bytes, scanner, names, options.schema);
  if (hasHeader) feed.start = next;
  else scanner.line = scanner.recordLine;
  const isNamed = hasHeader && options.positional !== true;
  const fields = isNamed ? namedFields(names, options.schema) : placedFields(names.length, options.schema);
  const guesses = guessTypes(feed, scanner, fields.length);
  return makeSchema(
    fields.map((field, i) => field.known ?? makeField(field.name, present(guesses[i], 'guess').type())),
  );
}

/** A column's name, and its field when the table has it. */
interface NamedField {
  readonly name: string;
  readonly known: Field | undefined;
}

function namedFields(names: readonly string[], schema: Schema | undefined): NamedField[] {
  const filled = names.map((name, i) => (name === '' ? `column${(i + 1).toString()}` : name));
  // Found by key: a search for each would take the square of the columns.
  const known = new Map(schema?.fields.map((field) => [foldName(field.name), field]));
  return uniqueNames(filled).map((name) => {
    const field = known.get(foldName(name));
    return { name, known: field === undefined ? undefined : makeField(name, field.type) };
  });
}

function placedFields(count: number, schema: Schema | undefined): NamedField[] {
  if (schema !== undefined && schema.fields.length !== count) {
    const counts = `${count.toString()} columns, ${schema.fields.length.toString()} are to be filled`;
    const remedy = 'name the columns that it has, in a first line or in the statement';
    throw new EngineError('schema_mismatch', `the CSV input has ${counts}; ${remedy}`);
  }
  return Array.from({ length: count }, (_, i) => {
    const field = schema?.fields[i];
    const known = field === undefined ? undefined : makeField(field.name, field.type);
    return { name: known?.name ?? `column${(i + 1).toString()}`, known };
  });
}

function looksLikeHeader(
  bytes: Uint8Array,
  scanner: CsvScanner,
  names: readonly string[],
  schema: Schema | undefined,
): boolean {
  const known = new Set(schema?.fields.map((field) => foldName(field.name)));
  if (schema !== undefined && names.every((name) => known.has(foldName(name)))) return true;
  if (names.every((name) => name === '')) return false;
  return names.every((name, i) => {
    if (name === '') return true;
    const guess = new TypeGuess();
    guess.see(bytes, scanner.cells[i * 3] ?? 0, scanner.cells[i * 3 + 1] ?? 0);
    return !guess.isTyped;
  });
}

/** Looks at the records of the window without taking them. */
function guessTypes(feed: ByteFeed, from: CsvScanner, columnCount: number): TypeGuess[] {
  const guesses = Array.from({ length: columnCount }, () => new TypeGuess());
  const scanner = new CsvScanner(from.delimiter, from.quote, from.escape);
  scanner.line = from.line;
  let at = feed.start;
  while (at < feed.end) {
    at = scanner.scan(feed.bytes, at, feed.end, feed.done);
    if (at < 0) break;
    const { cells } = scanner;
    for (let i = 0; i < Math.min(scanner.cellCount, columnCount); i++) {
      const start = cells[i * 3] ?? 0;
      const end = cells[i * 3 + 1] ?? 0;
      if (cells[i * 3 + 2] === ESCAPED) guesses[i]?.seeText();
      else if (end > start) guesses[i]?.see(feed.bytes, start, end);
    }
  }
  return guesses;
}

/** Text of cell `index` of the record last scanned. */
function cellText(bytes: Uint8Array, scanner: CsvScanner, index: number): string {
  const start = scanner.cells[index * 3] ?? 0;
  const end = scanner.cells[index * 3 + 1] ?? 0;
  if (scanner.cells[index * 3 + 2] !== ESCAPED) return textOf(bytes, start, end);
  const plain = Buffer.alloc(end - start);
  return textOf(plain, 0, unescapeQuotes(scanner, bytes, start, end, plain));
}

async function* readBatches(
  feed: ByteFeed,
  scanner: CsvScanner,
  builder: BatchBuilder,
  nullBytes: Uint8Array | undefined,
): AsyncGenerator<RecordBatch> {
  const isNarrow = builder.columns.length === 1;
  try {
    for (;;) {
      while (feed.start < feed.end) {
        const next = scanner.scan(feed.bytes, feed.start, feed.end, feed.done);
        if (next < 0) break;
        if (isNarrow || !isEmptyLine(scanner)) addRow(feed.bytes, scanner, builder, next - feed.start, nullBytes);
        feed.start = next;
        if (builder.isFull) yield builder.finish();
      }
      if (feed.done && feed.start >= feed.end) break;
      if (!feed.done) await feed.more(`the CSV record on line ${scanner.line.toString()}`);
    }
    if (builder.rowCount > 0) yield builder.finish();
  } finally {
    await feed.close();
  }
}

let scratch = Buffer.alloc(1_024);

function addRow(
  bytes: Uint8Array,
  scanner: CsvScanner,
  builder: BatchBuilder,
  recordBytes: number,
  nullBytes: Uint8Array | undefined,
): void {
  const { cells, cellCount } = scanner;
  const { columns } = builder;
  if (cellCount !== columns.length) throw raggedRow(scanner, columns.length);
  const row = builder.beginRow(recordBytes);
  for (let i = 0; i < cellCount; i++) {
    const start = cells[i * 3] ?? 0;
    const end = cells[i * 3 + 1] ?? 0;
    const kind = cells[i * 3 + 2];
    const column = columns[i];
    if (column === undefined) return;
    if (start === end && ((kind === BARE && nullBytes === undefined) || !column.isText)) continue;
    if (nullBytes !== undefined && kind === BARE && isCell(nullBytes, bytes, start, end)) continue;
    const fits =
      kind === ESCAPED ? setEscaped(scanner, column, row, bytes, start, end) : column.set(row, bytes, start, end);
    if (!fits) throw badCell(bytes, scanner, i, builder.schema);
  }
}

function isCell(wanted: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (wanted.byteLength !== end - start) return false;
  for (let i = 0; i < wanted.byteLength; i++) if (wanted[i] !== bytes[start + i]) return false;
  return true;
}

function setEscaped(
  scanner: CsvScanner,
  column: BatchBuilder['columns'][number],
  row: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (scratch.byteLength < end - start) scratch = Buffer.alloc((end - start) * 2);
  return column.set(row, scratch, 0, unescapeQuotes(scanner, bytes, start, end, scratch));
}

function raggedRow(scanner: CsvScanner, columnCount: number): EngineError {
  const cells = `${scanner.cellCount.toString()} cell${scanner.cellCount === 1 ? '' : 's'}`;
  return new EngineError(
    'request_invalid',
    `line ${scanner.recordLine.toString()} has ${cells}, the first line ${columnCount.toString()}`,
  );
}

function badCell(bytes: Uint8Array, scanner: CsvScanner, index: number, schema: Schema): EngineError {
  const field = present(schema.fields[index], 'field');
  const text = cellText(bytes, scanner, index);
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  const place = `line ${scanner.recordLine.toString()}, column ${(index + 1).toString()} "${field.name}"`;
  return new EngineError('request_invalid', `${place}: ${badCellReason(shown, field)}`);
}

/** Why `shown` cannot be a value of `field`, and what to do. */
export function badCellReason(shown: string, field: Field): string {
  if (/utf8|string|dictionary/.test(field.type.id)) return `${shown} is not valid UTF-8 text`;
  const remedy = 'if it should be, create the table with another type first';
  return `${shown} is not a value of type ${typeName(field.type)}; ${remedy}`;
}
