/**
 * NDJSON to record batches, as it comes: one object a line, its names are columns.
 *
 * Hides the guesses, from a sample of the first SNIFF_BYTES_MAX bytes unless a table's schema is told. The rules:
 * numbers keep every digit (int64, uint64, else double; what none of them holds exactly is text); strings that all
 * look like dates or timestamps become these; nested values are kept as their JSON text in a utf8 column; columns
 * that hold different kinds become utf8; a name that a line lacks is null; a name that was not in the sample (nor
 * the table) is an error, as is one that stands twice in a line. Blank lines are skipped. Invariants: memory is
 * bounded by the sample, a batch and the longest line; errors name line and column. Source: RFC 8259, one value per
 * LF-ended line.
 */
import { isUtf8 } from 'node:buffer';
import type { RecordBatch } from '../arrow/batch.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Schema } from '../arrow/schema.ts';
import { present } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { COLUMNS_MAX, SNIFF_BYTES_MAX } from '../base/limits.ts';
import { foldName, nearestName } from '../base/names.ts';
import { BatchBuilder } from './batch-build.ts';
import { ByteFeed, skipByteOrderMark } from './byte-feed.ts';
import { badCellReason } from './csv-read.ts';
import type { TextInput } from './csv-read.ts';
import { ESCAPED_STRING, JsonLineScanner, NESTED, NULL, STRIDE, STRING, decodeEscapes } from './json-scan.ts';
import { TypeGuess } from './sniff.ts';
import { textOf } from './text-parse.ts';

export interface NdjsonReadOptions {
  /** The table that the rows go to: its columns are the ones that lines may name. */
  readonly schema?: Schema;
}

const LF = 10;

/** Begins to read. @throws `request_invalid`, `limit_exceeded`, `unimplemented` here or from the batches */
export async function readNdjson(
  source: AsyncIterable<Uint8Array>,
  options: NdjsonReadOptions = {},
): Promise<TextInput> {
  const feed = new ByteFeed(source);
  try {
    await feed.fill(SNIFF_BYTES_MAX);
    skipByteOrderMark(feed, 'NDJSON');
    if (feed.start === feed.end) throw new EngineError('request_invalid', 'the NDJSON input is empty');
    const builder = new BatchBuilder(await guessSchema(feed, options.schema));
    return { schema: builder.schema, batches: readBatches(feed, builder) };
  } catch (error) {
    await feed.close();
    throw error;
  }
}

/** End of the line at `start` (its LF, or the input's end), or -1 when it may go on. */
function lineEnd(feed: ByteFeed, start: number): number {
  const found = feed.bytes.indexOf(LF, start);
  if (found >= 0 && found < feed.end) return found;
  return feed.done ? feed.end : -1;
}

/** The columns named in the sample, in order of appearance, with the table's types where it has them. */
async function guessSchema(feed: ByteFeed, schema: Schema | undefined): Promise<Schema> {
  const guesses = new Map<string, TypeGuess>();
  const scanner = new JsonLineScanner();
  for (let at = feed.start; at < feed.end;) {
    const end = lineEnd(feed, at);
    if (end < 0) {
      if (guesses.size > 0) break;
      const offset = at - feed.start;
      await feed.more('the first NDJSON line');
      at = feed.start + offset;
      continue;
    }
    if (scanner.scan(feed.bytes, at, end)) guessLine(feed.bytes, scanner, guesses);
    at = end + 1;
  }
  const names = schema === undefined ? [...guesses.keys()] : namesFor(schema, guesses.keys());
  if (names.length === 0) throw new EngineError('request_invalid', 'the NDJSON input names no column');
  return makeSchema(
    names.map((name) => {
      const known = schema?.fields.find((field) => foldName(field.name) === foldName(name));
      return makeField(name, known?.type ?? present(guesses.get(name), 'guess').type());
    }),
  );
}

/** The table's own names, then those it does not know, so that its owner can refuse them by name. */
function namesFor(schema: Schema, seen: Iterable<string>): string[] {
  const known = new Set(schema.fields.map((field) => foldName(field.name)));
  const others = [...seen].filter((name) => !known.has(foldName(name)));
  return [...schema.fields.map((field) => field.name), ...others];
}

function guessLine(bytes: Uint8Array, scanner: JsonLineScanner, guesses: Map<string, TypeGuess>): void {
  for (let i = 0; i < scanner.memberCount; i++) {
    const name = memberName(bytes, scanner, i);
    let guess = guesses.get(name);
    if (guess === undefined) {
      if (guesses.size >= COLUMNS_MAX) {
        const most = `more than ${COLUMNS_MAX.toString()} different names`;
        throw new EngineError('limit_exceeded', `the NDJSON input has ${most}; is a value used as a name?`);
      }
      guess = new TypeGuess();
      guesses.set(name, guess);
    }
    const at = i * STRIDE + 3;
    const [start = 0, end = 0, kind = NULL] = scanner.members.subarray(at, at + 3);
    if (kind === NULL) continue;
    if (kind === NESTED || kind === ESCAPED_STRING) guess.seeText();
    else if (kind === STRING) guess.seeString(bytes, start, end);
    else guess.see(bytes, start, end);
  }
}

function memberName(bytes: Uint8Array, scanner: JsonLineScanner, member: number): string {
  const at = member * STRIDE;
  const [start = 0, end = 0, kind = STRING] = scanner.members.subarray(at, at + 3);
  if (!isUtf8(bytes.subarray(start, end))) throw lineError(scanner, 'a name is not valid UTF-8 text');
  if (kind === STRING) return textOf(bytes, start, end);
  const name = decodeEscapes(bytes, start, end);
  if (name !== undefined) return name;
  throw lineError(
    scanner,
    `the name ${JSON.stringify(textOf(bytes, start, end))} has an escape that JSON does not know`,
  );
}

function lineError(scanner: JsonLineScanner, message: string): EngineError {
  return new EngineError('request_invalid', `line ${scanner.line.toString()}: ${message}`);
}

async function* readBatches(feed: ByteFeed, builder: BatchBuilder): AsyncGenerator<RecordBatch> {
  const scanner = new JsonLineScanner();
  const rows = new RowReader(builder, scanner);
  try {
    for (;;) {
      while (feed.start < feed.end) {
        const end = lineEnd(feed, feed.start);
        if (end < 0) break;
        if (scanner.scan(feed.bytes, feed.start, end)) rows.add(feed.bytes, end - feed.start);
        feed.start = Math.min(end + 1, feed.end);
        if (builder.isFull) yield builder.finish();
      }
      if (feed.done && feed.start >= feed.end) break;
      if (!feed.done) await feed.more(`the NDJSON line ${(scanner.line + 1).toString()}`);
    }
    if (builder.rowCount > 0) yield builder.finish();
  } finally {
    await feed.close();
  }
}

/**
 * Puts scanned members into their columns. Members mostly come in one order, so the column that came next last time is
 * tried first.
 */
class RowReader {
  readonly #builder: BatchBuilder;
  readonly #scanner: JsonLineScanner;
  readonly #byName = new Map<string, number>();
  readonly #byFoldedName = new Map<string, number>();
  /** Raw bytes of each column's name, to compare without decoding. */
  readonly #nameBytes: readonly Buffer[];
  /** For each place in a line, the column that stood there last. */
  readonly #places: number[] = [];
  /** For each column, the last row (of all) that set it. */
  readonly #lastRow: Float64Array;
  #rowsInAll = 0;

  constructor(builder: BatchBuilder, scanner: JsonLineScanner) {
    this.#builder = builder;
    this.#scanner = scanner;
    const names = builder.schema.fields.map((field) => field.name);
    names.forEach((name, i) => this.#byName.set(name, i));
    names.forEach((name, i) => this.#byFoldedName.set(foldName(name), i));
    this.#nameBytes = names.map((name) => Buffer.from(name));
    this.#lastRow = new Float64Array(names.length);
  }

  add(bytes: Buffer, inputBytes: number): void {
    const { members, memberCount } = this.#scanner;
    const row = this.#builder.beginRow(inputBytes);
    this.#rowsInAll++;
    for (let i = 0; i < memberCount; i++) {
      const column = this.#columnOf(bytes, i);
      if (this.#lastRow[column] === this.#rowsInAll) throw this.#fault(column, 'stands twice in the line');
      this.#lastRow[column] = this.#rowsInAll;
      const at = i * STRIDE + 3;
      const start = members[at] ?? 0;
      const end = members[at + 1] ?? 0;
      const kind = members[at + 2] ?? NULL;
      if (kind !== NULL) this.#set(column, row, bytes, start, end, kind);
    }
  }

  #columnOf(bytes: Buffer, member: number): number {
    const { members } = this.#scanner;
    const start = members[member * STRIDE] ?? 0;
    const end = members[member * STRIDE + 1] ?? 0;
    const expected = this.#places[member] ?? member;
    const name = this.#nameBytes[expected];
    if (name !== undefined && sameBytes(name, bytes, start, end)) return expected;
    const text = memberName(bytes, this.#scanner, member);
    const column = this.#byName.get(text) ?? this.#byFoldedName.get(foldName(text));
    if (column === undefined) {
      const near = nearestName(text, this.#byName.keys());
      const hint = near === undefined ? 'create the table with it first' : `did you mean "${near}"?`;
      throw lineError(this.#scanner, `the name ${JSON.stringify(text)} is no column seen before; ${hint}`);
    }
    this.#places[member] = column;
    return column;
  }

  #set(column: number, row: number, bytes: Buffer, start: number, end: number, kind: number): void {
    const builder = present(this.#builder.columns[column], 'column builder');
    if (kind === ESCAPED_STRING) {
      const text = decodeEscapes(bytes, start, end);
      if (text === undefined) throw this.#fault(column, 'has an escape that JSON does not know');
      // A lone surrogate has no UTF-8 form; the platform would put U+FFFD in its place.
      if (/\p{Surrogate}/u.test(text)) throw this.#fault(column, 'holds half of a surrogate pair, which is no text');
      const decoded = Buffer.from(text);
      if (builder.set(row, decoded, 0, decoded.byteLength)) return;
    } else if (
      kind === NESTED ? builder.isText && builder.set(row, bytes, start, end) : builder.set(row, bytes, start, end)
    ) {
      return;
    }
    const text = textOf(bytes, start, Math.min(end, start + 80));
    const shown = kind === STRING || kind === ESCAPED_STRING ? JSON.stringify(text) : text;
    const field = present(this.#builder.schema.fields[column], 'field');
    throw this.#fault(column, badCellReason(shown, field), ':');
  }

  #fault(column: number, message: string, separator = ''): EngineError {
    const name = JSON.stringify(this.#builder.schema.fields[column]?.name ?? '');
    return lineError(this.#scanner, `column ${name}${separator} ${message}`);
  }
}

function sameBytes(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.byteLength !== end - start) return false;
  for (let i = 0; i < name.byteLength; i++) if (name[i] !== bytes[start + i]) return false;
  return true;
}
