/**
 * Vectors to record and dictionary batch messages, slices included.
 *
 * Hides flatbuffers and the order of nodes and buffers. Invariants: the same rows give the same bytes; every buffer is
 * padded with zeros to 64 bytes; body parts are views on the batch's buffers where nothing had to be rewritten, so a
 * message must be sent or copied before those change. Source: Arrow format, "IPC streaming format", "Recursive
 * flattening".
 */
import { assert, present } from '../base/assert.ts';
import { alignUp, asBuffer, concatBytes } from '../base/bytes.ts';
import type { Message, RecordBatch } from './batch.ts';
import { encodeBatchHeader, encodeDictionaryHeader } from './ipc-header.ts';
import type { BatchLayout } from './ipc-header.ts';
import type { Schema } from './schema.ts';
import { BUFFER_ALIGNMENT_BYTES, encodedBytes } from './size.ts';
import { sliceVector, wholeVector } from './slice.ts';
import type { DataType } from './type.ts';
import { TYPE_TABLE, childFields } from './type.ts';
import type { Vector } from './vector.ts';

/** Half-open range of rows of one batch. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/** Cuts are moved down to a multiple of this many rows where they can be, so that bitmaps need no shift. */
const CUT_ROWS = 64;

/**
 * Cuts `batch` into ranges of at most `rowsMax` rows and, unless a single row is larger, `bytesMax` body bytes. No
 * rows: one empty range.
 */
export function cutRanges(batch: RecordBatch, rowsMax: number, bytesMax: number): RowRange[] {
  const { rowCount } = batch;
  if (rowCount === 0) return [{ start: 0, end: 0 }];
  const ranges: RowRange[] = [];
  let guess = rowsMax;
  for (let start = 0; start < rowCount;) {
    const most = Math.min(start + rowsMax, rowCount);
    const end = cutEnd(batch, start, most, guess, bytesMax);
    ranges.push({ start, end });
    guess = Math.min(rowsMax, 2 * (end - start));
    start = end;
  }
  return ranges;
}

/** Body bytes of rows [start, end) of `batch`, an upper bound that is exact but for dropped validity buffers. */
export function rangeBytes(batch: RecordBatch, start: number, end: number): number {
  let total = 0;
  for (const column of batch.columns) total += encodedBytes(column, start, end);
  return total;
}

/** The largest end in (start, most] whose range fits, at least one row; `guess` rows is where the search begins. */
function cutEnd(batch: RecordBatch, start: number, most: number, guess: number, bytesMax: number): number {
  const fits = (end: number): boolean => rangeBytes(batch, start, end) <= bytesMax;
  let low = start + 1;
  let high = Math.max(low, Math.min(most, start + guess));
  while (fits(high)) {
    if (high === most) return most;
    low = high;
    high = Math.min(most, start + 2 * (high - start));
  }
  // Here `low` fits or is the first row alone, and `high` does not fit.
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  const rows = low - start;
  return start + (rows > CUT_ROWS ? rows - (rows % CUT_ROWS) : rows);
}

/** Nodes, buffers and body of vectors as they are written one after another. */
class BodyWriter {
  readonly parts: Uint8Array[] = [];
  readonly nodes: number[] = [];
  readonly buffers: number[] = [];
  readonly variadicCounts: number[] = [];
  bodyBytes = 0;

  /** Adds a canonical vector (see slice.ts) and its children. */
  add(vector: Vector): void {
    const { type } = vector;
    this.nodes.push(vector.length, vector.nullCount);
    if (TYPE_TABLE[type.id].variadic) this.variadicCounts.push(vector.buffers.length - 2);
    for (const buffer of vector.buffers) this.addBuffer(buffer);
    for (const child of vector.children) this.add(child);
  }

  layout(rowCount: number): BatchLayout {
    return { rowCount, nodes: this.nodes, buffers: this.buffers, variadicCounts: this.variadicCounts };
  }

  /** The body: small ones as one part, because many small parts cost more than a copy. */
  body(): Uint8Array[] {
    return this.bodyBytes <= SMALL_BODY_BYTES && this.parts.length > 1 ? [concatBytes(this.parts)] : this.parts;
  }

  private addBuffer(buffer: Uint8Array): void {
    this.buffers.push(this.bodyBytes, buffer.byteLength);
    if (buffer.byteLength === 0) return;
    const padded = alignUp(buffer.byteLength, BUFFER_ALIGNMENT_BYTES);
    this.parts.push(buffer);
    if (padded > buffer.byteLength) this.parts.push(ZEROS.subarray(0, padded - buffer.byteLength));
    this.bodyBytes += padded;
  }
}

const ZEROS = new Uint8Array(BUFFER_ALIGNMENT_BYTES);
const SMALL_BODY_BYTES = 16_384;

/**
 * The record batch message of rows [start, end) of `batch`. Body parts are views on the batch's buffers where that is
 * possible without shifting bits or offsets, new memory otherwise; each buffer is padded to 64 bytes. Bytes beyond a
 * buffer's meaning (padding, bits past the last row) are zero. View types: data buffers are compacted to what the
 * rows use.
 */
export function encodeBatch(batch: RecordBatch, range?: RowRange): Message {
  const { start, end } = range ?? { start: 0, end: batch.rowCount };
  const writer = new BodyWriter();
  for (const column of batch.columns) writer.add(sliceVector(column, start, end));
  const header = encodeBatchHeader(writer.layout(end - start), writer.bodyBytes);
  return { header, body: writer.body(), bodyBytes: writer.bodyBytes };
}

/** The dictionary message of all of `values`, or of what a delta adds. */
function encodeDictionary(id: bigint, values: Vector, delta: boolean): Message {
  const writer = new BodyWriter();
  writer.add(wholeVector(values));
  const header = encodeDictionaryHeader(id, delta, writer.layout(values.length), writer.bodyBytes);
  return { header, body: writer.body(), bodyBytes: writer.bodyBytes };
}

/** What a dictionary needs before a batch can follow. */
export type DictionaryChange = 'none' | 'delta' | 'replace';

const CHANGE_ORDER: Readonly<Record<DictionaryChange, number>> = { none: 0, delta: 1, replace: 2 };

function worse(a: DictionaryChange, b: DictionaryChange): DictionaryChange {
  return CHANGE_ORDER[a] >= CHANGE_ORDER[b] ? a : b;
}

/**
 * Makes the dictionary messages that a stream needs before each batch: remembers what was sent; sends nothing when a
 * dictionary is the same, a delta when the old one is a prefix of it, the whole otherwise. Nested dictionaries come
 * first. Ids are those of the schema's types, which must be unique (`numberDictionaries`); the batches' own are not
 * looked at.
 */
export class DictionaryWriter {
  private readonly schema: Schema;
  private readonly sent = new Map<bigint, Vector>();

  constructor(schema: Schema) {
    this.schema = schema;
  }

  /** The messages to send before `batch`, which then count as sent. */
  messages(batch: RecordBatch): Message[] {
    const messages: Message[] = [];
    this.walk(batch, (id, values, change, known) => {
      this.sent.set(id, values);
      if (change === 'none') return;
      const from = change === 'delta' ? known : 0;
      const news = from === 0 ? values : sliceVector(values, from, values.length);
      messages.push(encodeDictionary(id, news, change === 'delta'));
    });
    return messages;
  }

  /**
   * What `messages` would have to do for this batch, without doing it: the most of any dictionary. One that was never
   * sent counts as `delta`, because sending it disturbs no earlier batch.
   */
  change(batch: RecordBatch): DictionaryChange {
    let most: DictionaryChange = 'none';
    this.walk(batch, (_id, _values, change, known) => {
      most = worse(most, known === 0 && change === 'replace' ? 'delta' : change);
    });
    return most;
  }

  private walk(batch: RecordBatch, visit: DictionaryVisit): void {
    this.schema.fields.forEach((field, i) => {
      this.walkVector(field.type, present(batch.columns[i], 'a column'), visit);
    });
  }

  /** Visits the dictionaries below `vector`, innermost first. Returns the most that any of them needs. */
  private walkVector(type: DataType, vector: Vector, visit: DictionaryVisit): DictionaryChange {
    if (type.id !== 'dictionary') {
      let most: DictionaryChange = 'none';
      childFields(type).forEach((field, i) => {
        most = worse(most, this.walkVector(field.type, present(vector.children[i], 'a child vector'), visit));
      });
      return most;
    }
    const values = present(vector.dictionary, 'a dictionary');
    const nested = this.walkVector(type.value, values, visit);
    const known = this.sent.get(type.dictionaryId);
    // Values that refer to a replaced dictionary mean something else now: they must be sent again.
    const change = nested === 'replace' ? 'replace' : compare(known, values);
    visit(type.dictionaryId, values, change, known?.length ?? 0);
    return change;
  }
}

type DictionaryVisit = (id: bigint, values: Vector, change: DictionaryChange, known: number) => void;

function compare(known: Vector | undefined, values: Vector): DictionaryChange {
  if (known === values) return 'none';
  if (known === undefined || values.length < known.length) return 'replace';
  if (!sameContent(known, known.length, values)) return 'replace';
  return values.length === known.length ? 'none' : 'delta';
}

/** True when the first `length` rows of both are encoded by the same bytes. */
function sameContent(known: Vector, length: number, values: Vector): boolean {
  const a = new BodyWriter();
  const b = new BodyWriter();
  a.add(sliceVector(known, 0, length));
  b.add(sliceVector(values, 0, length));
  assert(a.nodes.length === b.nodes.length, 'expected dictionaries of one type');
  const sameNumbers = (left: readonly number[], right: readonly number[]): boolean =>
    left.length === right.length && left.every((value, i) => value === right[i]);
  return (
    sameNumbers(a.nodes, b.nodes) &&
    sameNumbers(a.buffers, b.buffers) &&
    a.parts.length === b.parts.length &&
    a.parts.every((part, i) => asBuffer(part).equals(b.parts[i] ?? ZEROS))
  );
}
