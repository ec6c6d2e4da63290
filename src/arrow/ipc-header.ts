/**
 * Message headers: the flatbuffer that precedes each body.
 *
 * Hides Message.fbs. Invariants: headers read are within MESSAGE_HEADER_BYTES_MAX and of metadata version V4 or V5;
 * headers written are V5 and padded so that prefix + header is a multiple of 64 bytes. Source: Arrow format,
 * Message.fbs, "Encapsulated message format".
 */
import { Builder } from 'flatbuffers';
import { alignUp } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { MESSAGE_HEADER_BYTES_MAX } from '../base/limits.ts';
import { rootTable } from './flatbuffer-table.ts';
import type { FlatTable, StructVector } from './flatbuffer-table.ts';

/** Bytes of the prefix: continuation marker and header length. */
export const PREFIX_BYTES = 8;
/** Metadata version V5 as Schema.fbs numbers it. */
export const METADATA_V5 = 4;
const METADATA_V4 = 3;

export type MessageKind = 'schema' | 'dictionary' | 'batch';
const KINDS: readonly (MessageKind | undefined)[] = [undefined, 'schema', 'dictionary', 'batch'];
const TAGS: Readonly<Record<MessageKind, number>> = { schema: 1, dictionary: 2, batch: 3 };

/** What a message is, with the table of its kind. `bodyBytes` is what the header declares. */
export interface MessageHead {
  readonly kind: MessageKind;
  readonly table: FlatTable;
  readonly bodyBytes: number;
  /** In V4 unions and run-end types carry a validity buffer. */
  readonly version4: boolean;
}

/** Reads a header without its prefix. @throws `code`, and `limit_exceeded` */
export function readMessageHead(header: Uint8Array, code: ErrorCode = 'request_invalid'): MessageHead {
  if (header.byteLength > MESSAGE_HEADER_BYTES_MAX) {
    const most = MESSAGE_HEADER_BYTES_MAX.toString();
    throw new EngineError(
      'limit_exceeded',
      `a message header of ${header.byteLength.toString()} bytes; at most ${most}`,
    );
  }
  const root = rootTable(header, 'the message header', code);
  const version = root.int16(0, 0);
  if (version !== METADATA_V5 && version !== METADATA_V4) {
    throw new EngineError(code, `metadata version V${(version + 1).toString()} is not supported; V4 and V5 are`);
  }
  const tag = root.uint8(1, 0);
  const kind = KINDS[tag];
  if (kind === undefined) throw new EngineError(code, `message kind ${tag.toString()} is not supported`);
  const table = root.table(2);
  if (table === undefined) throw new EngineError(code, 'the message header has no content');
  const bodyBytes = root.int64(3, 0);
  if (bodyBytes < 0) throw new EngineError(code, `the message declares a body of ${bodyBytes.toString()} bytes`);
  return { kind, table, bodyBytes, version4: version === METADATA_V4 };
}

export type Codec = 'lz4' | 'zstd';

/** A RecordBatch table. Nodes are (int64 rows, int64 nulls), buffers (int64 offset, int64 length). */
export interface BatchHead {
  readonly rowCount: number;
  readonly nodes: StructVector;
  readonly buffers: StructVector;
  readonly codec: Codec | undefined;
  readonly variadicCounts: readonly number[];
}

/** Reads the RecordBatch table of a record batch or of a dictionary batch. @throws `request_invalid` */
export function readBatchHead(table: FlatTable): BatchHead {
  const compression = table.table(3);
  let codec: Codec | undefined;
  if (compression !== undefined) {
    const tag = compression.uint8(0, 0);
    const method = compression.uint8(1, 0);
    if (tag > 1)
      throw new EngineError(
        'request_invalid',
        `body compression ${tag.toString()} is unknown; LZ4_FRAME and ZSTD are known`,
      );
    if (method !== 0)
      throw new EngineError('request_invalid', `body compression method ${method.toString()} is unknown`);
    codec = tag === 0 ? 'lz4' : 'zstd';
  }
  return {
    rowCount: table.int64(0, 0),
    nodes: table.structs(1, 16),
    buffers: table.structs(2, 16),
    codec,
    variadicCounts: table.int64s(4),
  };
}

/** A DictionaryBatch table. */
export interface DictionaryHead {
  readonly dictionaryId: bigint;
  readonly batch: BatchHead;
  readonly delta: boolean;
}

/** Reads a DictionaryBatch table. @throws `request_invalid` */
export function readDictionaryHead(table: FlatTable): DictionaryHead {
  const content = table.table(1);
  if (content === undefined) throw new EngineError('request_invalid', 'a dictionary message has no values');
  return { dictionaryId: table.bigint64(0, 0n), batch: readBatchHead(content), delta: table.bool(2) };
}

/** What a RecordBatch table is written from: flat arrays of pairs, in order. */
export interface BatchLayout {
  readonly rowCount: number;
  /** rows, nulls, rows, nulls … */
  readonly nodes: readonly number[];
  /** offset, length, offset, length … */
  readonly buffers: readonly number[];
  readonly variadicCounts: readonly number[];
}

function pairVector(builder: Builder, pairs: readonly number[]): number {
  builder.startVector(16, pairs.length / 2, 8);
  for (let i = pairs.length - 1; i >= 0; i--) builder.addInt64(BigInt(pairs[i] ?? 0));
  return builder.endVector();
}

function writeBatch(builder: Builder, layout: BatchLayout): number {
  const nodes = pairVector(builder, layout.nodes);
  const buffers = pairVector(builder, layout.buffers);
  let variadic = 0;
  if (layout.variadicCounts.length > 0) {
    builder.startVector(8, layout.variadicCounts.length, 8);
    for (const count of layout.variadicCounts.toReversed()) builder.addInt64(BigInt(count));
    variadic = builder.endVector();
  }
  builder.startObject(5);
  builder.addFieldInt64(0, BigInt(layout.rowCount), 0n);
  builder.addFieldOffset(1, nodes, 0);
  builder.addFieldOffset(2, buffers, 0);
  builder.addFieldOffset(4, variadic, 0);
  return builder.endObject();
}

/** The header of a record batch message. */
export function encodeBatchHeader(layout: BatchLayout, bodyBytes: number): Uint8Array {
  const builder = new Builder(256 + 8 * (layout.nodes.length + layout.buffers.length));
  return finishMessage(builder, 'batch', writeBatch(builder, layout), bodyBytes);
}

/** The header of a dictionary message. */
export function encodeDictionaryHeader(
  id: bigint,
  delta: boolean,
  layout: BatchLayout,
  bodyBytes: number,
): Uint8Array {
  const builder = new Builder(512);
  const batch = writeBatch(builder, layout);
  builder.startObject(3);
  builder.addFieldInt64(0, id, 0n);
  builder.addFieldOffset(1, batch, 0);
  builder.addFieldInt8(2, delta ? 1 : 0, 0);
  return finishMessage(builder, 'dictionary', builder.endObject(), bodyBytes);
}

/** Ends the builder with the Message table around `content`; the result is padded as the file header says. */
export function finishMessage(builder: Builder, kind: MessageKind, content: number, bodyBytes: number): Uint8Array {
  builder.startObject(5);
  builder.addFieldInt64(3, BigInt(bodyBytes), 0n);
  builder.addFieldOffset(2, content, 0);
  builder.addFieldInt16(0, METADATA_V5, 0);
  builder.addFieldInt8(1, TAGS[kind], 0);
  builder.finish(builder.endObject());
  const bytes = builder.asUint8Array();
  const padded = new Uint8Array(alignUp(PREFIX_BYTES + bytes.byteLength, 64) - PREFIX_BYTES);
  padded.set(bytes);
  return padded;
}
