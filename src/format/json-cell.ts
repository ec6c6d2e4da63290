/**
 * One column's cells as JSON.
 *
 * Hides every Arrow layout, nested ones included. The forms: integers as bare digits, all of them (`int64: 'string'`
 * quotes those of 64 bits); floats in the fewest digits that read back equal, NaN and infinities as null (or as the
 * strings "NaN", "Infinity", "-Infinity"); decimals as strings; dates, times, timestamps, durations, intervals as
 * ISO 8601 strings; binary as base64; lists as arrays; structs as objects; maps as arrays of [key, value]; unions as
 * the value they hold; dictionary and run-end as their values. Invariant: what is written is one valid JSON value,
 * null for a null.
 */
import { childFields } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { AssertionError, present, unreachable } from '../base/assert.ts';
import { bufferOf, integerAt, offsetsOf, presenceOf, putBase64, scalarCell, textCell } from './cell.ts';
import type { ByteSink, CellWriter } from './sink.ts';

/** The two choices a client has. */
export interface JsonForm {
  /** How int64 and uint64 are written; bare digits are exact, but JavaScript's own parser rounds them above 2^53. */
  readonly int64: 'number' | 'string';
  readonly nonfinite: 'null' | 'string';
}

/** Bare digits, nulls. */
export const DEFAULT_JSON_FORM: JsonForm = { int64: 'number', nonfinite: 'null' };

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const NULL = Buffer.from('null');
const HEX = Buffer.from('0123456789abcdef');
/** Letters of the two-character escapes, by byte; 0 where there is none. */
const SHORT_ESCAPES = new Uint8Array(128);
for (const [byte, letter] of Object.entries({ 8: 'b', 9: 't', 10: 'n', 12: 'f', 13: 'r', 34: '"', 92: '\\' })) {
  SHORT_ESCAPES[Number(byte)] = letter.charCodeAt(0);
}

/** Writes UTF-8 text as a JSON string, quotes included. */
function putJsonString(sink: ByteSink, source: Uint8Array, start: number, end: number): void {
  sink.reserve(end - start + 2);
  sink.bytes[sink.at++] = QUOTE;
  let clean = start;
  for (let i = start; i < end; i++) {
    const byte = source[i] ?? 0;
    if (byte >= 32 && byte !== QUOTE && byte !== BACKSLASH) continue;
    sink.copy(source, clean, i);
    putEscape(sink, byte);
    clean = i + 1;
  }
  sink.copy(source, clean, end);
  sink.byte(QUOTE);
}

function putEscape(sink: ByteSink, byte: number): void {
  const letter = SHORT_ESCAPES[byte] ?? 0;
  sink.byte(BACKSLASH);
  if (letter !== 0) sink.byte(letter);
  else {
    sink.ascii('u00');
    sink.byte(HEX[byte >> 4] ?? 0);
    sink.byte(HEX[byte & 15] ?? 0);
  }
}

/** Text as the bytes of a JSON string. */
export function jsonStringBytes(text: string): Uint8Array {
  return Buffer.from(JSON.stringify(text));
}

/** A writer of every row of `vector`, nulls included. */
export function jsonCell(vector: Vector, form: JsonForm): CellWriter {
  const write = presentCell(vector, form);
  const isPresent = presenceOf(vector);
  if (isPresent === undefined) return write;
  return (sink, row) => {
    if (isPresent(row)) write(sink, row);
    else sink.copy(NULL, 0, 4);
  };
}

function presentCell(vector: Vector, form: JsonForm): CellWriter {
  const { type } = vector;
  switch (type.id) {
    case 'null':
      return (sink) => sink.copy(NULL, 0, 4);
    case 'bool':
    case 'float':
      return scalarCell(vector, form.nonfinite === 'null' ? putNull : putNonfiniteString);
    case 'int': {
      const bare = scalarCell(vector, putNull);
      return type.bitWidth === 64 && form.int64 === 'string' ? quoted(bare) : bare;
    }
    case 'decimal':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'duration':
    case 'interval':
      return quoted(scalarCell(vector, putNull));
    case 'utf8':
    case 'large_utf8':
    case 'utf8_view':
      return textCell(vector, putJsonString);
    case 'binary':
    case 'large_binary':
    case 'binary_view':
    case 'fixed_binary':
      return quoted(textCell(vector, putBase64));
    case 'dictionary': {
      const index = integerAt(vector, type.index);
      const value = jsonCell(present(vector.dictionary, 'dictionary'), form);
      return (sink, row) => value(sink, index(row));
    }
    case 'run_end':
      return runEndCell(vector, form);
    case 'union':
      return unionCell(vector, form);
    case 'struct':
      return structCell(vector, form);
    case 'map':
      return mapCell(vector, form);
    case 'list':
    case 'large_list':
    case 'list_view':
    case 'large_list_view':
    case 'fixed_list':
      return arrayCell(bounds(vector), jsonCell(childOf(vector, 0), form));
    default:
      return unreachable(type);
  }
}

function putNull(sink: ByteSink): void {
  sink.copy(NULL, 0, 4);
}

/** The names that CSV and the string option use for floats that are not finite. */
export function putNonfinite(sink: ByteSink, value: number): void {
  sink.ascii(Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity');
}

function putNonfiniteString(sink: ByteSink, value: number): void {
  sink.byte(QUOTE);
  putNonfinite(sink, value);
  sink.byte(QUOTE);
}

/** Puts quotes around text that needs no escapes. */
function quoted(write: CellWriter): CellWriter {
  return (sink, row) => {
    sink.byte(QUOTE);
    write(sink, row);
    sink.byte(QUOTE);
  };
}

function childOf(vector: Vector, index: number): Vector {
  return present(vector.children[index], `child ${index.toString()} of a ${vector.type.id} vector`);
}

/** Half-open range of child rows of a list row. */
interface Bounds {
  start(row: number): number;
  end(row: number): number;
}

function bounds(vector: Vector): Bounds {
  const { type, length } = vector;
  switch (type.id) {
    case 'fixed_list':
      return { start: (row) => row * type.listSize, end: (row) => (row + 1) * type.listSize };
    case 'list_view':
    case 'large_list_view': {
      const starts = offsetsOf(bufferOf(vector, 1), length, type.id === 'large_list_view');
      const sizes = offsetsOf(bufferOf(vector, 2), length, type.id === 'large_list_view');
      return { start: (row) => starts[row] ?? 0, end: (row) => (starts[row] ?? 0) + (sizes[row] ?? 0) };
    }
    case 'list':
    case 'large_list':
    case 'map': {
      const offsets = offsetsOf(bufferOf(vector, 1), length + 1, type.id === 'large_list');
      return { start: (row) => offsets[row] ?? 0, end: (row) => offsets[row + 1] ?? 0 };
    }
    default:
      throw new AssertionError(`expected a list type, got ${type.id}`);
  }
}

function arrayCell(range: Bounds, item: CellWriter): CellWriter {
  return (sink, row) => {
    sink.byte(91);
    const start = range.start(row);
    const end = range.end(row);
    for (let i = start; i < end; i++) {
      if (i > start) sink.byte(COMMA);
      item(sink, i);
    }
    sink.byte(93);
  };
}

function mapCell(vector: Vector, form: JsonForm): CellWriter {
  const entries = childOf(vector, 0);
  const key = jsonCell(childOf(entries, 0), form);
  const value = jsonCell(childOf(entries, 1), form);
  return arrayCell(bounds(vector), (sink, row) => {
    sink.byte(91);
    key(sink, row);
    sink.byte(COMMA);
    value(sink, row);
    sink.byte(93);
  });
}

function structCell(vector: Vector, form: JsonForm): CellWriter {
  const names = uniqueNames(childFields(vector.type).map((field) => field.name)).map(jsonStringBytes);
  return objectCell(
    names,
    vector.children.map((child) => jsonCell(child, form)),
  );
}

/** A writer of objects with `names` (JSON strings) as keys. */
export function objectCell(names: readonly Uint8Array[], cells: readonly CellWriter[]): CellWriter {
  const count = cells.length;
  return (sink, row) => {
    sink.byte(123);
    for (let i = 0; i < count; i++) {
      if (i > 0) sink.byte(COMMA);
      const name = names[i];
      const cell = cells[i];
      if (name === undefined || cell === undefined) break;
      sink.copy(name, 0, name.byteLength);
      sink.byte(COLON);
      cell(sink, row);
    }
    sink.byte(125);
  };
}

/** `names` with `_1`, `_2` … after repeated ones, so that an object keeps every column. */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set(names);
  const seen = new Set<string>();
  // Where to go on: thousands of columns of one name would else be counted from 1 each.
  const counts = new Map<string, number>();
  return names.map((name) => {
    let unique = name;
    let i = counts.get(name) ?? 1;
    for (; seen.has(unique) || (unique !== name && taken.has(unique)); i++) unique = `${name}_${i.toString()}`;
    counts.set(name, i);
    seen.add(unique);
    return unique;
  });
}

function unionCell(vector: Vector, form: JsonForm): CellWriter {
  const { type } = vector;
  if (type.id !== 'union') throw new AssertionError(`expected a union, got ${type.id}`);
  const typeIds = bufferOf(vector, 0);
  const starts = type.mode === 'dense' ? typedStarts(vector) : undefined;
  const cells = vector.children.map((child) => jsonCell(child, form));
  const byTypeId = new Map(type.typeIds.map((id, i) => [id, cells[i]]));
  return (sink, row) => {
    const cell = present(byTypeId.get(typeIds[row] ?? 0), 'union child');
    cell(sink, starts === undefined ? row : (starts[row] ?? 0));
  };
}

function typedStarts(vector: Vector): Int32Array | Float64Array {
  return offsetsOf(bufferOf(vector, 1), vector.length, false);
}

function runEndCell(vector: Vector, form: JsonForm): CellWriter {
  const ends = childOf(vector, 0);
  const end = integerAt(ends, ends.type);
  const value = jsonCell(childOf(vector, 1), form);
  return (sink, row) => {
    let low = 0;
    let high = ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (end(middle) > row) high = middle;
      else low = middle + 1;
    }
    value(sink, low);
  };
}
