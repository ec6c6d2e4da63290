/**
 * Record batch and dictionary messages to vectors, validated.
 *
 * Hides flatbuffers, compression and dictionary bookkeeping. Invariants: what `read` returns is valid in every
 * respect that vector.ts promises, or it throws; buffers are views on the body where they can be; a batch that was
 * returned never changes, also when a later message replaces or extends a dictionary that it uses. Source: Arrow
 * format, "IPC streaming format", "Dictionary messages".
 */
import { present } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { MESSAGE_ROWS_MAX, RECEIVE_MESSAGE_BYTES_MAX } from '../base/limits.ts';
import type { RecordBatch } from './batch.ts';
import { growDictionary } from './concat.ts';
import { readBatchHead, readDictionaryHead, readMessageHead } from './ipc-header.ts';
import type { BatchHead, MessageHead } from './ipc-header.ts';
import { fieldPath } from './schema.ts';
import type { Field, Schema } from './schema.ts';
import { emptyVector } from './slice.ts';
import type { DataType } from './type.ts';
import { childFields, sameType, typeName } from './type.ts';
import { checkVector } from './vector-check.ts';
import { VectorReader } from './vector-read.ts';
import type { Vector } from './vector.ts';

type DictionaryType = Extract<DataType, { id: 'dictionary' }>;

/**
 * One dictionary of a stream: what its values are, and the values so far; deltas wait in `added` until they are used.
 */
interface DictionaryState {
  readonly path: string;
  readonly field: Field;
  values: Vector | undefined;
  added: Vector[];
}

/**
 * Reads the messages that follow a schema, in stream order, and keeps the dictionaries they bring. With `trusted`
 * (bytes that we wrote and whose checksum holds) only bounds are checked; otherwise everything of STORAGE 6 "Wire"
 * is. Bodies that are ZSTD compressed need `prepareCodecs` (compression.ts) before.
 */
export class BatchReader {
  readonly schema: Schema;
  private readonly trusted: boolean;
  private readonly dictionaries = new Map<bigint, DictionaryState>();

  /** @throws `request_invalid` when two fields share a dictionary id but not its type */
  constructor(schema: Schema, options: { readonly trusted: boolean }) {
    this.schema = schema;
    this.trusted = options.trusted;
    schema.fields.forEach((field, i) => this.register(field.type, fieldPath('', field.name, i)));
  }

  /**
   * Takes one message: a record batch returns a batch of views on `body` (or on new memory when it was compressed), a
   * dictionary undefined. @throws `request_invalid`, `limit_exceeded`, `unimplemented` (codec not installed)
   */
  read(header: Uint8Array, body: Uint8Array): RecordBatch | undefined {
    const head = readMessageHead(header);
    const bytes = checkBody(head, body);
    switch (head.kind) {
      case 'schema':
        throw new EngineError('request_invalid', 'a second schema in mid-stream; a stream has one schema');
      case 'dictionary':
        this.readDictionary(head, bytes);
        return undefined;
      case 'batch':
        return this.readBatch(readBatchHead(head.table), bytes, head.version4);
    }
  }

  private register(type: DataType, path: string): void {
    if (type.id === 'dictionary') {
      const known = this.dictionaries.get(type.dictionaryId);
      if (known !== undefined && !sameType(known.field.type, type.value)) {
        const id = type.dictionaryId.toString();
        const types = `${typeName(known.field.type)} in "${known.path}" but ${typeName(type.value)} in "${path}"`;
        throw new EngineError('request_invalid', `dictionary ${id} is ${types}`);
      }
      const field: Field = { name: path, type: type.value, nullable: true, metadata: [] };
      if (known === undefined)
        this.dictionaries.set(type.dictionaryId, { path, field, values: undefined, added: [] });
    }
    const inner = type.id === 'dictionary' ? type.value : type;
    childFields(inner).forEach((child, i) => this.register(child.type, fieldPath(`${path}.`, child.name, i)));
  }

  private readBatch(head: BatchHead, body: Uint8Array, version4: boolean): RecordBatch {
    checkRowCount(head.rowCount);
    const reader = this.vectorReader(head, body, version4);
    const paths = this.schema.fields.map((field, i) => fieldPath('', field.name, i));
    const columns = this.schema.fields.map((field, i) => {
      const column = reader.read(field, paths[i] ?? '');
      if (column.length !== head.rowCount) {
        const rows = `declares ${column.length.toString()} rows in a batch of ${head.rowCount.toString()}`;
        throw new EngineError('request_invalid', `column "${paths[i] ?? ''}": ${rows}`);
      }
      return column;
    });
    reader.end();
    if (!this.trusted) {
      this.schema.fields.forEach((field, i) => {
        checkVector(field, present(columns[i], 'a column'), paths[i] ?? '', undefined);
      });
    }
    return { schema: this.schema, rowCount: head.rowCount, columns };
  }

  private readDictionary(message: MessageHead, body: Uint8Array): void {
    const head = readDictionaryHead(message.table);
    const state = this.dictionaries.get(head.dictionaryId);
    if (state === undefined) {
      const id = head.dictionaryId.toString();
      throw new EngineError('request_invalid', `a dictionary message for id ${id}, which no field of the schema has`);
    }
    checkRowCount(head.batch.rowCount);
    const reader = this.vectorReader(head.batch, body, message.version4);
    const values = reader.read(state.field, state.path);
    reader.end();
    if (!this.trusted) checkVector(state.field, values, state.path, undefined);
    if (head.delta && state.values !== undefined) {
      state.added.push(values);
    } else {
      state.values = values;
      state.added = [];
    }
  }

  private vectorReader(head: BatchHead, body: Uint8Array, version4: boolean): VectorReader {
    const dictionary = (type: DictionaryType): Vector => this.dictionaryValues(type);
    return new VectorReader(head, body, { trusted: this.trusted, version4, dictionary });
  }

  /** The values as of now. A dictionary that was never sent has none, which is legal while every index is null. */
  private dictionaryValues(type: DictionaryType): Vector {
    const state = present(this.dictionaries.get(type.dictionaryId), 'a registered dictionary');
    state.values ??= emptyVector(type.value);
    if (state.added.length > 0) {
      state.values = growDictionary([state.values, ...state.added]);
      state.added = [];
    }
    return state.values;
  }
}

/** The part of `body` that the header declares, as a plain Uint8Array. */
function checkBody(head: MessageHead, body: Uint8Array): Uint8Array {
  if (head.bodyBytes > RECEIVE_MESSAGE_BYTES_MAX) {
    const most = RECEIVE_MESSAGE_BYTES_MAX.toString();
    throw new EngineError('limit_exceeded', `a message body of ${head.bodyBytes.toString()} bytes; at most ${most}`);
  }
  if (head.bodyBytes > body.byteLength) {
    const got = body.byteLength.toString();
    throw new EngineError(
      'request_invalid',
      `the message declares a body of ${head.bodyBytes.toString()} bytes, ${got} came`,
    );
  }
  return new Uint8Array(body.buffer, body.byteOffset, head.bodyBytes);
}

function checkRowCount(rowCount: number): void {
  if (rowCount < 0) throw new EngineError('request_invalid', `the batch declares ${rowCount.toString()} rows`);
  if (rowCount > MESSAGE_ROWS_MAX) {
    const most = MESSAGE_ROWS_MAX.toString();
    throw new EngineError(
      'limit_exceeded',
      `the batch declares ${rowCount.toString()} rows; at most ${most} per message`,
    );
  }
}
