/**
 * A segment's batches read from its file and not from a map: sequentially, every message held against its checksum. For
 * other threads than the one that serves, and for rewrites.
 *
 * Hides how many messages one read takes; those left out are not read. Invariants: no batch is given before its
 * checksum held; memory is bounded by two reads and the dictionaries; a mismatch is a SegmentDamage, which names the
 * place.
 */
import { crc32 } from 'node:zlib';
import type { RecordBatch } from '../arrow/batch.ts';
import { BatchReader } from '../arrow/ipc-read.ts';
import { EngineError } from '../base/errors.ts';
import { SCAN_READ_BYTES } from '../base/limits.ts';
import type { Os } from '../os/os.ts';
import type { BatchIndex } from './batch-index.ts';
import type { TableDefinition } from './definition.ts';

const PREFIX_BYTES = 8;
/** Numbers per message in a MessageTable. */
const STRIDE = 6;

/** Where a segment's messages lie and their checksums, in a form that moves between threads. */
export interface MessageTable {
  /** offset, header length, body length, crc32, 1 for a dictionary, ordinal; for each message in file order. */
  readonly numbers: Float64Array;
}

/** Damage that a scan met. */
export class SegmentDamage extends Error {
  override readonly name = 'SegmentDamage';
  readonly segmentId: number;
  readonly offset: number;

  constructor(segmentId: number, offset: number, what: string) {
    super(what);
    this.segmentId = segmentId;
    this.offset = offset;
  }
}

/** The table of messages [from, to) of a segment; without the batches that `skips` names, if it is given. */
export function messageTable(
  index: BatchIndex,
  from: number,
  to: number,
  skips: (ordinal: number) => boolean = () => false,
): MessageTable {
  const numbers: number[] = [];
  for (let i = from; i < to; i++) {
    const isDictionary = index.isDictionary(i);
    if (!isDictionary && skips(i)) continue;
    numbers.push(
      index.offset(i),
      index.headerLength(i),
      index.bodyLength(i),
      index.crc32(i),
      isDictionary ? 1 : 0,
      i,
    );
  }
  return { numbers: Float64Array.from(numbers) };
}

/** A segment file to scan. */
export interface ScannedSegment {
  readonly segmentId: number;
  readonly path: string;
  readonly messages: MessageTable;
}

interface Slice {
  readonly bytes: Uint8Array;
  /** Where `bytes` begins in the file. */
  readonly start: number;
  /** Messages [from, to) lie in it. */
  readonly from: number;
  readonly to: number;
}

/** Reads every message and checks it; yields the bytes read so far after each slice. @throws SegmentDamage */
export async function* verifyMessages(os: Os, segment: ScannedSegment): AsyncGenerator<number, void, undefined> {
  for await (const { bytes } of slices(os, segment)) yield bytes.byteLength;
}

/** The segment's batches in order. @throws SegmentDamage, and what the disk throws */
export async function* scanSegment(
  os: Os,
  segment: ScannedSegment,
  definition: TableDefinition,
): AsyncGenerator<RecordBatch, void, undefined> {
  const reader = new BatchReader(definition.schema, { trusted: true });
  const { numbers } = segment.messages;
  for await (const { bytes, start, from, to } of slices(os, segment)) {
    for (let i = from; i < to; i++) {
      const offset = numbers[i * STRIDE] ?? 0;
      const headerEnd = offset + (numbers[i * STRIDE + 1] ?? 0);
      const header = bytes.subarray(offset - start + PREFIX_BYTES, headerEnd - start);
      const body = bytes.subarray(headerEnd - start, headerEnd - start + (numbers[i * STRIDE + 2] ?? 0));
      const batch = decode(reader, segment.segmentId, offset, header, body);
      if (batch !== undefined) yield batch;
    }
  }
}

function decode(
  reader: BatchReader,
  segmentId: number,
  offset: number,
  header: Uint8Array,
  body: Uint8Array,
): RecordBatch | undefined {
  try {
    return reader.read(header, body);
  } catch (error) {
    if (error instanceof EngineError) throw new SegmentDamage(segmentId, offset, error.message);
    throw error;
  }
}

/** One read: messages [from, to), and their bytes once they are there. */
interface Read {
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly bytes: Promise<Uint8Array>;
}

/** While one slice is being looked at, the next is being read. */
async function* slices(os: Os, segment: ScannedSegment): AsyncGenerator<Slice, void, undefined> {
  const { numbers } = segment.messages;
  const count = numbers.length / STRIDE;
  if (count === 0) return;
  const endOf = (i: number): number =>
    (numbers[i * STRIDE] ?? 0) + (numbers[i * STRIDE + 1] ?? 0) + (numbers[i * STRIDE + 2] ?? 0);
  const file = await os.open(segment.path, 'read');
  const begin = (from: number): Read | undefined => {
    if (from >= count) return undefined;
    const start = numbers[from * STRIDE] ?? 0;
    let to = from + 1;
    const follows = (i: number): boolean => numbers[i * STRIDE] === endOf(i - 1);
    while (to < count && follows(to) && endOf(to) - start <= SCAN_READ_BYTES) to++;
    const bytes = file.read(endOf(to - 1) - start, start);
    // Its failure is met in its turn, or by nobody when the scan ends before.
    bytes.catch(() => undefined);
    return { from, to, start, bytes };
  };
  let next = begin(0);
  try {
    while (next !== undefined) {
      const { from, to, start } = next;
      const bytes = await arrived(next, segment.segmentId);
      next = begin(to);
      for (let i = from; i < to; i++) {
        const at = (numbers[i * STRIDE] ?? 0) - start;
        if (crc32(bytes.subarray(at, endOf(i) - start)) === numbers[i * STRIDE + 3]) continue;
        throw new SegmentDamage(
          segment.segmentId,
          start + at,
          `checksum of message ${String(numbers[i * STRIDE + 5])} is wrong`,
        );
      }
      yield { bytes, start, from, to };
    }
  } finally {
    await next?.bytes.catch(() => undefined);
    await file.close();
  }
}

async function arrived({ start, bytes }: Read, segmentId: number): Promise<Uint8Array> {
  try {
    return await bytes;
  } catch (error) {
    const isShort = error instanceof EngineError && error.code === 'corrupt';
    throw isShort ? new SegmentDamage(segmentId, start, 'the file ends early') : error;
  }
}
