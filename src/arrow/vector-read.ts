/**
 * The body of a record batch as vectors: walks nodes and buffers in the order of the schema's fields.
 *
 * Hides where buffers lie and whether they are compressed. Invariants: every buffer lies within the body and holds
 * what its node's rows need; buffers are views on the body, cut to that need, but for those that had to be
 * decompressed or moved to an aligned address. What the buffers contain is vector-check's. Source: Arrow format,
 * "Recursive flattening", "Compression".
 *
 *   nodes:   one (rows, nulls) per field, depth first
 *   buffers: as TYPE_TABLE lists them, field by field, plus the variadic ones of view types
 */
import { EngineError } from '../base/errors.ts';
import { MESSAGE_ROWS_MAX } from '../base/limits.ts';
import { bitmapBytes, countOnes } from './bits.ts';
import { Decompressor } from './compression.ts';
import { readInt64 } from './flatbuffer-table.ts';
import type { BatchHead } from './ipc-header.ts';
import { fieldPath } from './schema.ts';
import type { Field } from './schema.ts';
import type { BufferKind, DataType } from './type.ts';
import { TYPE_TABLE, childFields } from './type.ts';
import type { Vector } from './vector.ts';

const EMPTY = new Uint8Array(0);
/** Offsets of a vector without rows whose writer left them out. */
const ZERO_OFFSETS = new Uint8Array(8);
const ELEMENT_BYTES: Readonly<Record<BufferKind, number>> = {
  validity: 1,
  bits: 1,
  data: 0,
  offsets32: 4,
  offsets64: 8,
  views: 16,
  starts32: 4,
  starts64: 8,
  sizes32: 4,
  sizes64: 8,
  bytes: 1,
  typeIds: 1,
};

/** What a reader is asked for besides the bytes. */
export interface VectorReadOptions {
  /** Bytes that we wrote: null counts are believed. */
  readonly trusted: boolean;
  /** Unions and run-end types have a validity buffer in V4. */
  readonly version4: boolean;
  /** Values of the dictionary of a field, for an encoded field with `rowCount` rows. */
  readonly dictionary: (type: Extract<DataType, { id: 'dictionary' }>, path: string) => Vector;
}

/** Reads the fields of one batch, one after another, then `end`. */
export class VectorReader {
  private readonly head: BatchHead;
  private readonly body: Uint8Array;
  private readonly options: VectorReadOptions;
  private readonly decompressor: Decompressor | undefined;
  private node = 0;
  private buffer = 0;
  private variadic = 0;
  /** End of the last buffer that was not empty, for the overlap check. */
  private bodyEnd = 0;

  constructor(head: BatchHead, body: Uint8Array, options: VectorReadOptions) {
    this.head = head;
    this.body = body;
    this.options = options;
    this.decompressor = head.codec === undefined ? undefined : new Decompressor(head.codec, body.byteLength);
  }

  /** The next field's vector. @throws `request_invalid`, `limit_exceeded` */
  read(field: Field, path: string): Vector {
    const { type } = field;
    const [length, declaredNulls] = this.nextNode(path);
    const buffers: Uint8Array[] = [];
    let nullCount = type.id === 'null' ? length : 0;
    if (this.options.version4 && (type.id === 'union' || type.id === 'run_end'))
      this.skipValidity(path, declaredNulls);
    for (const kind of TYPE_TABLE[type.id].buffers(type)) {
      if (kind === 'validity') {
        const validity = this.nextBuffer(path, kind);
        nullCount = this.nullCount(path, validity, length, declaredNulls);
        buffers.push(nullCount === 0 ? EMPTY : validity.subarray(0, bitmapBytes(length)));
      } else {
        buffers.push(this.sized(path, kind, type, length));
      }
    }
    if (TYPE_TABLE[type.id].variadic) {
      const count = this.nextVariadicCount(path);
      for (let i = 0; i < count; i++) buffers.push(this.nextBuffer(path, 'bytes'));
    }
    const children = childFields(type).map((child, i) => this.read(child, fieldPath(`${path}.`, child.name, i)));
    const dictionary = type.id === 'dictionary' ? this.options.dictionary(type, path) : undefined;
    return { type, length, nullCount, buffers, children, dictionary };
  }

  /** Fails unless everything that the header lists was used. */
  end(): void {
    const { nodes, buffers, variadicCounts } = this.head;
    if (this.node !== nodes.count) {
      refuse(`the batch has ${nodes.count.toString()} nodes; its schema needs ${this.node.toString()}`);
    }
    if (this.buffer !== buffers.count) {
      refuse(`the batch has ${buffers.count.toString()} buffers; its schema needs ${this.buffer.toString()}`);
    }
    if (this.variadic !== variadicCounts.length) {
      refuse(
        `the batch has ${variadicCounts.length.toString()} variadic counts; ` +
          `its schema needs ${this.variadic.toString()}`,
      );
    }
  }

  private nextNode(path: string): readonly [length: number, nulls: number] {
    const { view, position, count } = this.head.nodes;
    if (this.node >= count) refuseField(path, `the batch has ${count.toString()} nodes, too few for its schema`);
    const at = position + 16 * this.node++;
    const length = readInt64(view, at);
    const nulls = readInt64(view, at + 8);
    if (length < 0) refuseField(path, `declares ${length.toString()} rows`);
    if (length > MESSAGE_ROWS_MAX) {
      const most = MESSAGE_ROWS_MAX.toString();
      throw new EngineError(
        'limit_exceeded',
        `column "${path}": declares ${length.toString()} rows; at most ${most}`,
      );
    }
    if (nulls < -1 || nulls > length) {
      refuseField(path, `declares ${nulls.toString()} nulls in ${length.toString()} rows`);
    }
    return [length, nulls];
  }

  private nextVariadicCount(path: string): number {
    const count = this.head.variadicCounts[this.variadic++];
    if (count === undefined) refuseField(path, 'the batch has too few variadic counts for its schema');
    if (count < 0 || count > this.head.buffers.count - this.buffer) {
      refuseField(path, `declares ${count.toString()} view buffers; the batch has fewer`);
    }
    return count;
  }

  /** The next buffer, decompressed and aligned. */
  private nextBuffer(path: string, kind: BufferKind, elementBytes = ELEMENT_BYTES[kind]): Uint8Array {
    const { view, position, count } = this.head.buffers;
    const index = this.buffer++;
    if (index >= count) refuseField(path, `the batch has ${count.toString()} buffers, too few for its schema`);
    const offset = readInt64(view, position + 16 * index);
    const length = readInt64(view, position + 16 * index + 8);
    const name = `${kind} buffer`;
    if (length < 0) refuseField(path, `${name} declares ${length.toString()} bytes`);
    if (length === 0) return EMPTY;
    if (offset < 0 || offset + length > this.body.byteLength) {
      const range = `${offset.toString()} to ${(offset + length).toString()}`;
      refuseField(path, `${name} lies at bytes ${range} of a body of ${this.body.byteLength.toString()} bytes`);
    }
    if (offset < this.bodyEnd) {
      refuseField(path, `${name} begins at byte ${offset.toString()}, inside of the buffer before it`);
    }
    this.bodyEnd = offset + length;
    const stored = this.body.subarray(offset, offset + length);
    if (this.decompressor !== undefined) return this.decompressor.decompress(stored, `column "${path}": ${name}`);
    return aligned(stored, elementBytes);
  }

  private sized(path: string, kind: BufferKind, type: DataType, length: number): Uint8Array {
    const width = kind === 'data' ? TYPE_TABLE[type.id].byteWidth(type) : ELEMENT_BYTES[kind];
    const buffer = this.nextBuffer(path, kind, width);
    if (kind === 'bytes') return buffer;
    if (kind === 'offsets32' || kind === 'offsets64') {
      if (length === 0 && buffer.byteLength < width) return ZERO_OFFSETS.subarray(0, width);
      return this.cut(path, kind, buffer, (length + 1) * width, length);
    }
    return this.cut(path, kind, buffer, kind === 'bits' ? bitmapBytes(length) : length * width, length);
  }

  private cut(path: string, kind: BufferKind, buffer: Uint8Array, needed: number, length: number): Uint8Array {
    if (buffer.byteLength < needed) {
      const rows = `${length.toString()} rows need ${needed.toString()}`;
      refuseField(path, `${kind} buffer holds ${buffer.byteLength.toString()} bytes, ${rows}`);
    }
    return buffer.byteLength === needed ? buffer : buffer.subarray(0, needed);
  }

  private nullCount(path: string, validity: Uint8Array, length: number, declared: number): number {
    if (validity.byteLength === 0) {
      if (declared > 0) refuseField(path, `declares ${declared.toString()} nulls but has no validity buffer`);
      return 0;
    }
    this.cut(path, 'validity', validity, bitmapBytes(length), length);
    if (this.options.trusted && declared >= 0) return declared;
    const counted = length - countOnes(validity, length);
    if (declared !== -1 && declared !== counted) {
      refuseField(path, `declares ${declared.toString()} nulls, its validity buffer has ${counted.toString()}`);
    }
    return counted;
  }

  private skipValidity(path: string, declaredNulls: number): void {
    const validity = this.nextBuffer(path, 'validity');
    if (declaredNulls > 0 && validity.byteLength > 0) {
      refuseField(
        path,
        'nulls of a union or run-end itself (metadata version V4) cannot be held; put them into its values',
      );
    }
  }
}

/** `bytes` at an address that is a multiple of its elements' width (8 at most): itself, or a copy. */
function aligned(bytes: Uint8Array, elementBytes: number): Uint8Array {
  const width = elementBytes % 8 === 0 ? 8 : elementBytes % 4 === 0 ? 4 : elementBytes % 2 === 0 ? 2 : 1;
  return elementBytes === 0 || bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
}

function refuse(message: string): never {
  throw new EngineError('request_invalid', message);
}

/** Fails with the column's name. */
export function refuseField(path: string, detail: string): never {
  throw new EngineError('request_invalid', `column "${path}": ${detail}`);
}
