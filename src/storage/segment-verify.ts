/**
 * Holds one segment's file against what the catalog says of it.
 *
 * Hides how the file is read: by `pread` in pieces of bounded size, the next ones under way while one is summed.
 * Invariants: every byte of the committed messages and of the head is looked at; a fault names the offset in the file;
 * a missing file, a newer format and an error of the disk under the head are thrown, everything else is a fault.
 */
import { crc32 } from 'node:zlib';
import { decodeSchema } from '../arrow/ipc-schema.ts';
import { asBuffer } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { CHECK_READS_AHEAD, CHECK_READ_BYTES_MAX } from '../base/limits.ts';
import type { InspectedSchema, InspectedTable } from '../catalog/inspect.ts';
import type { BatchRow, SegmentRow } from '../catalog/rows.ts';
import type { Os, OsFile } from '../os/os.ts';
import { MessageDecoder, headBytes, isSameSchema, readFooter } from './segment-file.ts';
import type { SegmentFooter } from './segment-file.ts';

/** What the catalog says of a segment. */
export interface ExpectedSegment {
  readonly databaseId: string;
  readonly table: InspectedTable;
  readonly schema: InspectedSchema;
  readonly segment: SegmentRow;
  readonly batches: readonly BatchRow[];
}

/** Something wrong in a file, at a byte of it. */
export interface FileFault {
  readonly offset: number;
  readonly what: string;
}

export interface VerifiedFile {
  readonly faults: readonly FileFault[];
  readonly byteCount: number;
}

/** What contradicts itself in a segment's rows of the catalog, without looking at the file. */
export function rowFaults(expected: ExpectedSegment): FileFault[] {
  const { segment, batches, schema } = expected;
  const faults: FileFault[] = [];
  let end = headBytes(schema.header).byteLength;
  let rowCount = 0;
  batches.forEach((row, i) => {
    if (row.isDamaged)
      faults.push({ offset: row.offset, what: `batch row ${text(i)} of the catalog contradicts its checksum` });
    if (row.ordinal !== i)
      faults.push({ offset: row.offset, what: `batch row ${text(row.ordinal)} stands at place ${text(i)}` });
    if (row.offset !== end)
      faults.push({
        offset: row.offset,
        what: `batch row ${text(i)} begins there, but the one before ends at ${text(end)}`,
      });
    end = row.offset + row.headerLength + row.bodyLength;
    rowCount += row.rowCount;
  });
  const count = (what: string, found: number, said: number): void => {
    if (found !== said)
      faults.push({ offset: end, what: `the catalog says ${text(said)} ${what}, its batch rows ${text(found)}` });
  };
  count('messages', batches.length, segment.batchCount);
  count('rows', rowCount, segment.rowCount);
  count('committed bytes', end, segment.committedLength);
  return faults;
}

/** Reads the file. With `deep`, every batch is decoded and validated too. @throws `not_found`, `version_unsupported` */
export async function verifySegment(
  os: Os,
  path: string,
  expected: ExpectedSegment,
  options: { readonly deep: boolean },
): Promise<VerifiedFile> {
  const file = await os.open(path, 'read');
  try {
    return await verifyOpen(file, expected, options.deep);
  } finally {
    await file.close();
  }
}

async function verifyOpen(file: OsFile, expected: ExpectedSegment, deep: boolean): Promise<VerifiedFile> {
  const { segment, batches } = expected;
  const faults: FileFault[] = [];
  const size = await file.size();
  const head = headBytes(expected.schema.header);
  if (size < segment.committedLength) {
    faults.push({ offset: size, what: `the file ends ${text(segment.committedLength - size)} bytes early` });
  }
  await verifyHead(file, size, head, faults);
  const there = batches.filter((row) => row.offset + row.headerLength + row.bodyLength <= size);
  if (deep) await decodeMessages(file, expected, there, faults);
  else await sumMessages(file, there, faults);
  if (segment.state === 'sealed' && size >= segment.committedLength) {
    if (size === segment.fileLength) await verifyFooter(file, size, expected, head, faults);
    else
      faults.push({
        offset: size,
        what: `the file has ${text(size)} bytes, sealed with ${text(segment.fileLength)}`,
      });
  }
  return {
    faults: faults.sort((a, b) => a.offset - b.offset),
    byteCount: Math.min(size, Math.max(segment.committedLength, segment.fileLength)),
  };
}

async function verifyHead(file: OsFile, size: number, head: Uint8Array, faults: FileFault[]): Promise<void> {
  if (size < head.byteLength) return;
  const found = await file.read(head.byteLength, 0);
  if (asBuffer(found).equals(head)) return;
  const at = found.findIndex((byte, i) => byte !== head[i]);
  faults.push({ offset: at, what: 'the head is not the one of the table' });
}

/** Part of a read that belongs to one message; `last` completes it. */
interface Part {
  readonly message: number;
  readonly length: number;
  readonly last: boolean;
}

interface Piece {
  readonly offset: number;
  readonly length: number;
  readonly parts: readonly Part[];
}

/** Reads of bounded size that cover the messages in order, and nothing between them. */
function* piecesOf(rows: readonly BatchRow[]): Generator<Piece> {
  let offset = 0;
  let length = 0;
  let parts: Part[] = [];
  for (const [message, row] of rows.entries()) {
    const bytes = row.headerLength + row.bodyLength;
    if (length > 0 && (row.offset !== offset + length || length + bytes > CHECK_READ_BYTES_MAX)) {
      yield { offset, length, parts };
      length = 0;
    }
    if (length === 0) {
      offset = row.offset;
      parts = [];
    }
    let left = bytes;
    for (; left > CHECK_READ_BYTES_MAX; left -= CHECK_READ_BYTES_MAX) {
      yield { offset, length: CHECK_READ_BYTES_MAX, parts: [{ message, length: CHECK_READ_BYTES_MAX, last: false }] };
      offset += CHECK_READ_BYTES_MAX;
    }
    parts.push({ message, length: left, last: true });
    length += left;
  }
  if (length > 0) yield { offset, length, parts };
}

async function sumMessages(file: OsFile, rows: readonly BatchRow[], faults: FileFault[]): Promise<void> {
  const pieces = piecesOf(rows);
  const underWay: { readonly piece: Piece; readonly reading: Promise<Uint8Array | EngineError> }[] = [];
  const begin = (): void => {
    const next = pieces.next();
    if (next.done === true) return;
    const piece = next.value;
    underWay.push({ piece, reading: file.read(piece.length, piece.offset).catch(asFault) });
  };
  for (let i = 0; i < CHECK_READS_AHEAD; i++) begin();
  let sum = 0;
  for (let next = underWay.shift(); next !== undefined; next = underWay.shift()) {
    const { piece, reading } = next;
    const bytes = await reading;
    begin();
    if (bytes instanceof EngineError) {
      faults.push({ offset: piece.offset, what: bytes.message });
      sum = 0;
      continue;
    }
    let at = 0;
    for (const part of piece.parts) {
      sum = crc32(bytes.subarray(at, at + part.length), sum);
      at += part.length;
      if (!part.last) continue;
      const row = rows[part.message];
      if (row !== undefined && row.crc32 !== sum)
        faults.push({ offset: row.offset, what: `the checksum of message ${text(row.ordinal)} is wrong` });
      sum = 0;
    }
  }
}

function asFault(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  throw error;
}

async function decodeMessages(
  file: OsFile,
  expected: ExpectedSegment,
  rows: readonly BatchRow[],
  faults: FileFault[],
): Promise<void> {
  const decoder = new MessageDecoder(decodeSchema(expected.schema.header));
  for (const row of rows) {
    try {
      const batch = decoder.decode(await readSound(file, row), row.headerLength);
      const found = batch?.rowCount ?? 0;
      if (found !== row.rowCount)
        faults.push({
          offset: row.offset,
          what: `message ${text(row.ordinal)} has ${text(found)} rows, the catalog says ${text(row.rowCount)}`,
        });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      faults.push({ offset: row.offset, what: error.message });
    }
  }
}

/** A message's bytes, whose checksum is right. @throws `corrupt`, `io_error` */
export async function readSound(
  file: OsFile,
  row: Pick<BatchRow, 'offset' | 'headerLength' | 'bodyLength' | 'crc32'> & { readonly ordinal: number },
): Promise<Uint8Array> {
  const bytes = await file.read(row.headerLength + row.bodyLength, row.offset);
  if (crc32(bytes) === row.crc32) return bytes;
  throw new EngineError('corrupt', `the checksum of message ${text(row.ordinal)} is wrong`);
}

async function verifyFooter(
  file: OsFile,
  size: number,
  expected: ExpectedSegment,
  head: Uint8Array,
  faults: FileFault[],
): Promise<void> {
  const offset = expected.segment.committedLength;
  try {
    const footer = await readFooter(file, size);
    for (const what of footerFaults(footer, expected, head)) faults.push({ offset, what });
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'corrupt') throw error;
    faults.push({ offset, what: error.message });
  }
}

type Named = string | number | readonly number[];

/** Where a footer contradicts the catalog. */
function footerFaults(footer: SegmentFooter, expected: ExpectedSegment, head: Uint8Array): string[] {
  const { segment, table, schema, batches, databaseId } = expected;
  const faults: string[] = [];
  const compare = (what: string, found: Named | undefined, said: Named): void => {
    if (found === undefined || String(found) === String(said)) return;
    faults.push(`the footer says ${what} ${String(found)}, the catalog ${String(said)}`);
  };
  compare('database', footer.databaseId, databaseId);
  compare('table', footer.tableId, table.tableId);
  // A table may have got another name since; only where nothing else covers the name is it held against the catalog.
  if (!footer.hasMetadataSum) compare('table name', footer.tableName, table.name);
  compare('segment', footer.segmentId, segment.segmentId);
  compare('field ids', footer.fieldIds, schema.fieldIds);
  compare('schema version', footer.schemaVersion, segment.schemaVersion);
  compare('commit', footer.commit, segment.createdCommit);
  compare('checksum of the head', footer.headCrc32, crc32(head));
  compare('committed bytes', footer.start, segment.committedLength);
  compare('messages', footer.messages.length, batches.length);
  if (!isSameSchema(footer.schema, decodeSchema(schema.header)))
    faults.push('the footer has another schema than the table');
  for (const [i, message] of footer.messages.entries()) {
    const row = batches[i];
    if (row === undefined) break;
    const same =
      message.kind === row.kind &&
      message.offset === row.offset &&
      message.headerLength === row.headerLength &&
      message.bodyLength === row.bodyLength &&
      message.crc32 === row.crc32;
    if (!same) faults.push(`the footer's entry of message ${text(i)} is not the catalog's`);
  }
  return faults;
}

function text(value: number): string {
  return value.toString();
}
