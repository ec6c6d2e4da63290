/**
 * IPC streams and files as byte sequences.
 *
 * Hides framing (stream-read has the way in), dictionary order on the way out, and the footer of files. Invariants:
 * what is written can be read by any Arrow implementation; a file is `ARROW1`, the stream, and the footer, so that
 * cutting the footer off leaves a stream. Source: Arrow format, "IPC streaming format", "IPC file format"; File.fbs.
 */
import { Builder } from 'flatbuffers';
import { concatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { BATCH_BYTES_MAX, BATCH_ROWS_MAX } from '../base/limits.ts';
import type { Message, RecordBatch, ResultBatch } from './batch.ts';
import { prepareCodecs } from './compression.ts';
import { readInt64, rootTable } from './flatbuffer-table.ts';
import type { FlatTable } from './flatbuffer-table.ts';
import { METADATA_V5, PREFIX_BYTES, readDictionaryHead, readMessageHead } from './ipc-header.ts';
import { BatchReader } from './ipc-read.ts';
import { decodeSchema, encodeSchema, messagePrefix } from './ipc-schema.ts';
import { DictionaryWriter, cutRanges, encodeBatch } from './ipc-write.ts';
import { readMetadata, readSchema } from './schema-read.ts';
import { writeMetadata, writeSchema } from './schema-write.ts';
import type { Metadata, Schema } from './schema.ts';
import { sliceBatch } from './slice.ts';
import { MessageFeed } from './stream-read.ts';

/** A stream read from outside: its schema, then its batches as they come, each validated. */
export interface IncomingStream {
  readonly schema: Schema;
  readonly batches: AsyncIterable<RecordBatch>;
}

/**
 * Reads an IPC stream, or a file (`ARROW1`, read as its embedded stream), from chunks of any size; holds one message
 * at a time. Chunks must not be reused by their maker. An empty input is `request_invalid`. After the end-of-stream
 * the rest of the input is read and ignored; when reading stops before, the chunks' iterator is returned.
 * @throws `request_invalid`, `limit_exceeded`, `unimplemented`
 */
export async function readStream(chunks: AsyncIterable<Uint8Array>): Promise<IncomingStream> {
  const feed = new MessageFeed(chunks);
  try {
    await feed.begin();
    await prepareCodecs();
    const first = await feed.next();
    if (first === undefined) throw new EngineError('request_invalid', 'the input ends before its schema message');
    if (first.head.kind !== 'schema') {
      const remedy = 'some writers of files leave the schema message out; write a stream';
      throw new EngineError('request_invalid', `the input begins with a ${first.head.kind} message; ${remedy}`);
    }
    const schema = decodeSchema(first.header);
    return { schema, batches: readBatches(feed, new BatchReader(schema, { trusted: false })) };
  } catch (error) {
    await feed.close();
    throw error;
  }
}

async function* readBatches(feed: MessageFeed, reader: BatchReader): AsyncGenerator<RecordBatch> {
  try {
    for (;;) {
      const message = await feed.next();
      if (message === undefined) return;
      const batch = reader.read(message.header, message.body);
      if (batch !== undefined) yield batch;
    }
  } finally {
    await feed.close();
  }
}

/** Continuation marker and length 0. */
export const END_OF_STREAM = new Uint8Array([255, 255, 255, 255, 0, 0, 0, 0]);
/** Body parts below this are joined: many small writes cost more than a copy. */
const SMALL_PART_BYTES = 4_096;

/** Yields the bytes of an IPC stream: schema, batches with their dictionaries, end-of-stream. */
export async function* writeStream(schema: Schema, batches: AsyncIterable<ResultBatch>): AsyncGenerator<Uint8Array> {
  yield* messageBytes(encodeSchema(schema));
  for await (const batch of batches) {
    for (const dictionary of batch.dictionaries()) yield* messageBytes(dictionary);
    yield* messageBytes(batch.message());
  }
  yield END_OF_STREAM;
}

/** The bytes of one message, prefix included; large body parts as they are, small ones joined. */
export function* messageBytes(message: Message): Generator<Uint8Array> {
  let small: Uint8Array[] = [messagePrefix(message), message.header];
  for (const part of message.body) {
    if (part.byteLength < SMALL_PART_BYTES) {
      small.push(part);
      continue;
    }
    if (small.length > 0) yield concatBytes(small);
    small = [];
    yield part;
  }
  if (small.length > 0) yield concatBytes(small);
}

/**
 * Wraps computed batches as result batches that encode when asked, dictionaries included; cuts those above the batch
 * limits. The batches must have the columns of `schema`, whose dictionary ids must be unique (`numberDictionaries`).
 */
export async function* encodeResults(
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
): AsyncGenerator<ResultBatch> {
  const writer = new DictionaryWriter(schema);
  for await (const batch of batches) {
    let dictionaries = writer.messages(batch);
    for (const range of cutRanges(batch, BATCH_ROWS_MAX, BATCH_BYTES_MAX)) {
      const before = dictionaries;
      yield {
        rowCount: range.end - range.start,
        dictionaries: () => before,
        message: () => encodeBatch(batch, range),
        batch: () => sliceBatch(batch, range.start, range.end),
      };
      dictionaries = [];
    }
  }
}

/** A stream of one value. */
export async function* once<T>(value: T): AsyncGenerator<T> {
  yield await Promise.resolve(value);
}

/** `ARROW1` and padding, 8 bytes. */
export const FILE_MAGIC = new Uint8Array([65, 82, 82, 79, 87, 49, 0, 0]);

/** Where a message lies in a file: offset of its prefix, length of prefix and header, length of body. */
export interface FileBlock {
  readonly offset: number;
  readonly headerLength: number;
  readonly bodyLength: number;
}

export interface FileFooter {
  readonly schema: Schema;
  readonly dictionaries: readonly FileBlock[];
  readonly batches: readonly FileBlock[];
  readonly metadata: Metadata;
}

const BLOCK_BYTES = 24;
/** Footer length and `ARROW1` without padding. */
const TRAILER_BYTES = 10;

/**
 * The bytes that end a file: end-of-stream, footer flatbuffer, its length, `ARROW1`. `metadata` becomes the footer's
 * custom metadata.
 */
export function encodeFileEnd(
  schema: Schema,
  dictionaries: readonly FileBlock[],
  batches: readonly FileBlock[],
  metadata: Metadata,
): Uint8Array {
  const builder = new Builder(1024 + BLOCK_BYTES * (dictionaries.length + batches.length));
  const schemaTable = writeSchema(builder, schema);
  const pairs = writeMetadata(builder, metadata);
  const dictionaryBlocks = writeBlocks(builder, dictionaries);
  const batchBlocks = writeBlocks(builder, batches);
  builder.startObject(5);
  builder.addFieldInt16(0, METADATA_V5, 0);
  builder.addFieldOffset(1, schemaTable, 0);
  builder.addFieldOffset(2, dictionaryBlocks, 0);
  builder.addFieldOffset(3, batchBlocks, 0);
  builder.addFieldOffset(4, pairs, 0);
  builder.finish(builder.endObject());
  const footer = builder.asUint8Array();
  const trailer = new Uint8Array(TRAILER_BYTES);
  new DataView(trailer.buffer).setInt32(0, footer.byteLength, true);
  trailer.set(FILE_MAGIC.subarray(0, 6), 4);
  return concatBytes([END_OF_STREAM, footer, trailer]);
}

function writeBlocks(builder: Builder, blocks: readonly FileBlock[]): number {
  builder.startVector(BLOCK_BYTES, blocks.length, 8);
  for (const block of blocks.toReversed()) {
    builder.addInt64(BigInt(block.bodyLength));
    builder.addInt32(0);
    builder.addInt32(block.headerLength);
    builder.addInt64(BigInt(block.offset));
  }
  return builder.endVector();
}

/** Bytes of the footer and what follows it, from the last 10 or more bytes of a file. @throws `corrupt` */
export function fileEndLength(tail: Uint8Array): number {
  const start = tail.byteLength - TRAILER_BYTES;
  const magic = FILE_MAGIC.subarray(0, 6);
  if (start < 0 || magic.some((byte, i) => tail[start + 4 + i] !== byte)) {
    throw new EngineError('corrupt', 'the file does not end with ARROW1');
  }
  const length = new DataView(tail.buffer, tail.byteOffset, tail.byteLength).getInt32(start, true);
  if (length < 8) throw new EngineError('corrupt', `the file's footer declares ${length.toString()} bytes`);
  return length + TRAILER_BYTES;
}

/**
 * Reads the footer that ends `tail`, the last bytes of a file (at least `fileEndLength` of them); `fileLength` bounds
 * the blocks. Fully validated. @throws `corrupt`
 */
export function decodeFileEnd(tail: Uint8Array, fileLength: number): FileFooter {
  const length = fileEndLength(tail);
  if (length > tail.byteLength) {
    const got = tail.byteLength.toString();
    throw new EngineError('corrupt', `the file's footer takes ${length.toString()} bytes, ${got} are there`);
  }
  const start = tail.byteLength - length;
  const root: FlatTable = rootTable(
    tail.subarray(start, tail.byteLength - TRAILER_BYTES),
    "the file's footer",
    'corrupt',
  );
  const schemaTable = root.table(1);
  if (schemaTable === undefined) root.fail('it has no schema');
  const blocksEnd = fileLength - length;
  return {
    schema: asCorrupt(() => readSchema(schemaTable)),
    dictionaries: readBlocks(root, 2, blocksEnd),
    batches: readBlocks(root, 3, blocksEnd),
    metadata: readMetadata(root, 4),
  };
}

/** Runs `read` on bytes of our own: what would be a caller's fault elsewhere is damage here. */
function asCorrupt<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    throw new EngineError('corrupt', `the file's footer is damaged: ${cause.message}`, { cause });
  }
}

function readBlocks(root: FlatTable, slot: number, blocksEnd: number): FileBlock[] {
  const { view, position, count } = root.structs(slot, BLOCK_BYTES);
  return Array.from({ length: count }, (_, i) => {
    const at = position + i * BLOCK_BYTES;
    const offset = readInt64(view, at);
    const headerLength = view.getInt32(at + 8, true);
    const bodyLength = readInt64(view, at + 16);
    const end = offset + headerLength + bodyLength;
    if (offset < FILE_MAGIC.byteLength || headerLength < PREFIX_BYTES || bodyLength < 0 || end > blocksEnd) {
      root.fail(
        `block ${i.toString()} lies at ${offset.toString()} to ${end.toString()} of ${blocksEnd.toString()} bytes`,
      );
    }
    return { offset, headerLength, bodyLength };
  });
}

/**
 * Yields the bytes of an IPC file: as `writeStream`, between `ARROW1` and the footer. @throws `unimplemented` where a
 * batch replaces a dictionary, which only streams can
 */
export async function* writeFile(schema: Schema, batches: AsyncIterable<ResultBatch>): AsyncGenerator<Uint8Array> {
  const blocks: { readonly dictionaries: FileBlock[]; readonly batches: FileBlock[] } = {
    dictionaries: [],
    batches: [],
  };
  let offset = FILE_MAGIC.byteLength;
  const seen = new Set<bigint>();
  function* put(message: Message, list: FileBlock[] | undefined): Generator<Uint8Array> {
    const headerLength = PREFIX_BYTES + message.header.byteLength;
    list?.push({ offset, headerLength, bodyLength: message.bodyBytes });
    offset += headerLength + message.bodyBytes;
    yield* messageBytes(message);
  }
  yield FILE_MAGIC;
  yield* put(encodeSchema(schema), undefined);
  for await (const batch of batches) {
    for (const dictionary of batch.dictionaries()) {
      const { dictionaryId, delta } = readDictionaryHead(readMessageHead(dictionary.header).table);
      if (!delta && seen.has(dictionaryId)) {
        const remedy = 'write a stream (arrows), or cast the column to VARCHAR';
        throw new EngineError('unimplemented', `an Arrow file cannot replace a dictionary; ${remedy}`);
      }
      seen.add(dictionaryId);
      yield* put(dictionary, blocks.dictionaries);
    }
    yield* put(batch.message(), blocks.batches);
  }
  yield encodeFileEnd(schema, blocks.dictionaries, blocks.batches, []);
}
