/**
 * Reads a segment's file by itself, without the catalog: head, messages, footer. And writes one whole.
 *
 * Hides where things lie in the file (segment-writer.ts draws it). Invariants: nothing in the file is believed before
 * it was checked; memory is bounded by one message; what is wrong is an EngineError `corrupt` without the file's
 * name, or `version_unsupported` for a footer of a newer release. Keys of the footer's metadata that an older release
 * does not write are undefined.
 */
import { crc32 } from 'node:zlib';
import type { RecordBatch } from '../arrow/batch.ts';
import { readBatchHead, readMessageHead } from '../arrow/ipc-header.ts';
import { BatchReader } from '../arrow/ipc-read.ts';
import { decodeSchema, encodeSchema } from '../arrow/ipc-schema.ts';
import { FILE_MAGIC, decodeFileEnd, encodeFileEnd, fileEndLength } from '../arrow/ipc-stream.ts';
import type { FileBlock } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { asBuffer, concatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { FOOTER_READ_BYTES, MESSAGE_HEADER_BYTES_MAX, RECEIVE_MESSAGE_BYTES_MAX } from '../base/limits.ts';
import type { OsFile } from '../os/os.ts';
import { storedHead } from './stored-message.ts';

/** The version of the file layout, written in each footer. */
export const FORMAT_VERSION = 1;

const PREFIX_BYTES = 8;
const END_OF_STREAM = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0);

/** Where a message lies, and its checksum. */
export interface FileMessage extends FileBlock {
  readonly kind: 'batch' | 'dictionary';
  readonly crc32: number;
}

/** Whose segment a file is and where it stands, as its footer says. */
export interface SegmentIdentityText {
  readonly databaseId: string;
  readonly tableId: number;
  readonly tableName: string;
  readonly segmentId: number;
  readonly fieldIds: readonly number[];
  /** Ids of the segments whose rows this one has, or of which nothing is left. */
  readonly replaces: readonly number[];
  readonly schemaVersion: number | undefined;
  readonly position: number | undefined;
  /** Commit that created the segment. */
  readonly commit: number | undefined;
}

export interface SegmentFooter extends SegmentIdentityText {
  readonly schema: Schema;
  readonly headCrc32: number | undefined;
  /** True when the metadata proves itself by a checksum. */
  readonly hasMetadataSum: boolean;
  /** In file order. */
  readonly messages: readonly FileMessage[];
  /** Where end-of-stream begins: the committed length. */
  readonly start: number;
}

/** What begins a file: the schema as an IPC header, and where the first message begins. */
export interface SegmentHead {
  readonly header: Uint8Array;
  readonly schema: Schema;
  readonly length: number;
}

function damaged(what: string): EngineError {
  return new EngineError('corrupt', what);
}

/** The bytes that begin every segment under a schema. */
export function headBytes(schemaHeader: Uint8Array): Uint8Array {
  const message = { header: schemaHeader, body: [], bodyBytes: 0 };
  return concatBytes([FILE_MAGIC, storedHead(message, FILE_MAGIC.byteLength)]);
}

/** Reads magic and schema. @throws `corrupt` */
export async function readHead(file: OsFile, size: number): Promise<SegmentHead> {
  const start = FILE_MAGIC.byteLength;
  if (size < start + PREFIX_BYTES) throw damaged('the file is too short for a head');
  const first = asBuffer(await file.read(start + PREFIX_BYTES, 0));
  if (!first.subarray(0, start).equals(FILE_MAGIC)) throw damaged('the file does not begin with ARROW1');
  const length = first.readInt32LE(start + 4);
  if (first.readUInt32LE(start) !== 0xffff_ffff || length < 8 || length > MESSAGE_HEADER_BYTES_MAX) {
    throw damaged('the schema message has no valid prefix');
  }
  if (start + PREFIX_BYTES + length > size) throw damaged('the file ends within its schema message');
  const header = await file.read(length, start + PREFIX_BYTES);
  try {
    return { header, schema: decodeSchema(header), length: start + PREFIX_BYTES + length };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw damaged(`the schema cannot be read: ${error.message}`);
  }
}

/**
 * Reads and checks the footer that ends the file. @throws `corrupt`, `version_unsupported`
 */
export async function readFooter(file: OsFile, size: number): Promise<SegmentFooter> {
  let tail = await file.read(Math.min(size, FOOTER_READ_BYTES), size - Math.min(size, FOOTER_READ_BYTES));
  const length = fileEndLength(tail);
  const start = size - length - END_OF_STREAM.byteLength;
  if (start < FILE_MAGIC.byteLength)
    throw damaged(`the footer declares ${length.toString()} bytes, more than there are`);
  if (size - start > tail.byteLength) tail = await file.read(size - start, start);
  const { schema, dictionaries, batches, metadata } = decodeFileEnd(tail, size);
  const end = asBuffer(tail).subarray(tail.byteLength - (size - start));
  if (!end.subarray(0, END_OF_STREAM.byteLength).equals(END_OF_STREAM)) {
    throw damaged('there is no end-of-stream before the footer');
  }
  const values = new Map(metadata);
  // A flipped bit in the version must not pass for a newer program's file.
  checkMetadata(metadata);
  checkFormat(values);
  const sums = values.get('sheaf.crc32') ?? '';
  const blocks = [
    ...dictionaries.map((block) => ({ kind: 'dictionary' as const, ...block })),
    ...batches.map((block) => ({ kind: 'batch' as const, ...block })),
  ].sort((a, b) => a.offset - b.offset);
  if (!/^[0-9a-f]*$/.test(sums) || sums.length !== blocks.length * 8) {
    throw damaged(
      `the footer has ${(sums.length / 8).toString()} checksums for ${blocks.length.toString()} messages`,
    );
  }
  const messages = blocks.map((block, i) => ({ ...block, crc32: parseInt(sums.slice(i * 8, i * 8 + 8), 16) }));
  return {
    ...readIdentity(values),
    schema,
    headCrc32: hexValue(values.get('sheaf.head_crc32')),
    messages,
    start,
    hasMetadataSum: values.has('sheaf.metadata_crc32'),
  };
}

function checkFormat(values: ReadonlyMap<string, string>): void {
  const format = values.get('sheaf.format');
  if (format === undefined || !/^\d+$/.test(format)) throw damaged('the footer names no format version');
  if (Number(format) <= FORMAT_VERSION) return;
  const known = FORMAT_VERSION.toString();
  throw new EngineError(
    'version_unsupported',
    `the segment has format version ${format}, this program knows versions up to ${known}; ` +
      'use the newer program that wrote it',
  );
}

/** Holds the metadata against its own checksum, where it has one. */
function checkMetadata(metadata: readonly (readonly [string, string])[]): void {
  const at = metadata.findIndex(([key]) => key === 'sheaf.metadata_crc32');
  if (at < 0) return;
  if (metadata[at]?.[1] !== metadataSum(metadata.slice(0, at)))
    throw damaged("the checksum of the footer's metadata is wrong");
}

function metadataSum(metadata: readonly (readonly [string, string])[]): string {
  return hex(crc32(JSON.stringify(metadata)));
}

function readIdentity(values: ReadonlyMap<string, string>): SegmentIdentityText {
  const number = (key: string): number | undefined => {
    const text = values.get(key);
    if (text === undefined || text === '') return undefined;
    if (!/^\d{1,16}$/.test(text)) throw damaged(`the footer's ${key} is ${JSON.stringify(text)}`);
    return Number(text);
  };
  const numbers = (key: string): number[] => {
    const text = values.get(key) ?? '';
    if (!/^(\d{1,16}(,\d{1,16})*)?$/.test(text)) throw damaged(`the footer's ${key} is ${JSON.stringify(text)}`);
    return text === '' ? [] : text.split(',').map(Number);
  };
  const tableId = number('sheaf.table_id');
  const segmentId = number('sheaf.segment');
  const tableName = values.get('sheaf.table');
  if (tableId === undefined || segmentId === undefined || tableName === undefined) {
    throw damaged('the footer does not say whose segment this is');
  }
  return {
    databaseId: values.get('sheaf.database') ?? '',
    tableId,
    tableName,
    segmentId,
    fieldIds: numbers('sheaf.field_ids'),
    replaces: numbers('sheaf.replaces'),
    schemaVersion: number('sheaf.schema_version'),
    position: number('sheaf.position'),
    commit: number('sheaf.commit'),
  };
}

function hexValue(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9a-f]{8}$/.test(text) ? parseInt(text, 16) : undefined;
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}

/** The bytes that end a segment. `messages` in file order. */
export function segmentEnd(
  identity: SegmentIdentityText,
  head: Uint8Array,
  schema: Schema,
  messages: readonly FileMessage[],
): Uint8Array {
  const optional = (key: string, value: number | undefined): [string, string][] =>
    value === undefined ? [] : [[key, value.toString()]];
  const metadata: [string, string][] = [
    ['sheaf.format', FORMAT_VERSION.toString()],
    ['sheaf.database', identity.databaseId],
    ['sheaf.table_id', identity.tableId.toString()],
    ['sheaf.table', identity.tableName],
    ['sheaf.segment', identity.segmentId.toString()],
    ['sheaf.field_ids', identity.fieldIds.join(',')],
    ['sheaf.replaces', identity.replaces.join(',')],
    ...optional('sheaf.schema_version', identity.schemaVersion),
    ...optional('sheaf.position', identity.position),
    ...optional('sheaf.commit', identity.commit),
    ['sheaf.head_crc32', hex(crc32(head))],
    ['sheaf.crc32', messages.map((message) => hex(message.crc32)).join('')],
  ];
  metadata.push(['sheaf.metadata_crc32', metadataSum(metadata)]);
  const blocks = (kind: FileMessage['kind']): FileMessage[] => messages.filter((message) => message.kind === kind);
  return encodeFileEnd(schema, blocks('dictionary'), blocks('batch'), metadata);
}

/** True when two schemas are written the same. */
export function isSameSchema(a: Schema, b: Schema): boolean {
  return asBuffer(encodeSchema(a).header).equals(encodeSchema(b).header);
}

/** A sound message of a file. */
export interface ReadMessage extends FileMessage {
  readonly rowCount: number;
  /** The whole message as it is stored. */
  readonly bytes: Uint8Array;
  /** undefined for dictionaries. */
  readonly batch: RecordBatch | undefined;
}

/** Decodes the messages of one segment in file order, each fully validated. */
export class MessageDecoder {
  readonly #reader: BatchReader;

  constructor(schema: Schema) {
    this.#reader = new BatchReader(schema, { trusted: false });
  }

  /** `bytes`: a whole stored message. @throws `corrupt` saying what is wrong with it */
  decode(bytes: Uint8Array, headerLength: number): RecordBatch | undefined {
    try {
      return this.#reader.read(bytes.subarray(PREFIX_BYTES, headerLength), bytes.subarray(headerLength));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw damaged(error.message);
    }
  }
}

/** Rows that a message's header declares; undefined when it cannot be read. */
export function declaredRows(header: Uint8Array): number | undefined {
  try {
    const head = readMessageHead(header);
    return head.kind === 'batch' ? readBatchHead(head.table).rowCount : 0;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return undefined;
  }
}

/**
 * Walks through messages from `start` on, where nothing says how many there are, and calls `onMessage` with each sound
 * one. Returns where the first that is not sound begins, and why; no reason at the end of the stream or of the file.
 */
export async function scanMessages(
  file: OsFile,
  schema: Schema,
  range: { readonly start: number; readonly size: number },
  onMessage: (message: ReadMessage) => void | Promise<void>,
): Promise<{ readonly end: number; readonly reason: string | undefined }> {
  const decoder = new MessageDecoder(schema);
  let offset = range.start;
  while (offset < range.size) {
    try {
      const message = await readUnknown(file, decoder, offset, range.size);
      if (message === undefined) return { end: offset, reason: undefined };
      await onMessage(message);
      offset += message.headerLength + message.bodyLength;
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'corrupt') throw error;
      return { end: offset, reason: error.message };
    }
  }
  return { end: offset, reason: undefined };
}

/** The message at `offset`, or undefined for an end-of-stream. @throws `corrupt` */
async function readUnknown(
  file: OsFile,
  decoder: MessageDecoder,
  offset: number,
  size: number,
): Promise<ReadMessage | undefined> {
  if (offset + PREFIX_BYTES > size) throw damaged('the file ends within a message');
  const prefix = asBuffer(await file.read(PREFIX_BYTES, offset));
  if (prefix.equals(END_OF_STREAM)) return undefined;
  const length = prefix.readInt32LE(4);
  if (prefix.readUInt32LE(0) !== 0xffff_ffff || length < 8 || length > MESSAGE_HEADER_BYTES_MAX) {
    throw damaged('no message begins here');
  }
  const headerLength = PREFIX_BYTES + length;
  if (offset + headerLength > size) throw damaged('the file ends within a message');
  const { kind, bodyBytes } = readDeclared(await file.read(length, offset + PREFIX_BYTES));
  if (offset + headerLength + bodyBytes > size) throw damaged('the file ends within a message');
  const bytes = await file.read(headerLength + bodyBytes, offset);
  const batch = decoder.decode(bytes, headerLength);
  const rowCount = batch?.rowCount ?? 0;
  return { kind, offset, headerLength, bodyLength: bodyBytes, crc32: crc32(bytes), rowCount, bytes, batch };
}

function readDeclared(header: Uint8Array): { kind: FileMessage['kind']; bodyBytes: number } {
  try {
    const { kind, bodyBytes } = readMessageHead(header, 'corrupt');
    if (kind === 'schema') throw damaged('a schema stands where a batch is expected');
    if (bodyBytes > RECEIVE_MESSAGE_BYTES_MAX) throw damaged(`a message declares ${bodyBytes.toString()} bytes`);
    return { kind, bodyBytes };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw damaged(error.message);
  }
}
