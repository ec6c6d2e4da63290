/**
 * What the segment files of a database say by themselves, for a catalog that has to be made anew.
 *
 * Hides the walk through the directories. Invariants: files are only read; a footer of a newer release is thrown and
 * not guessed at; batch rows are made from what was read and checked, with zone maps anew.
 */
import { asBuffer } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import type { SoundBatchRow } from '../catalog/rows.ts';
import type { Os, OsFile } from '../os/os.ts';
import { entryPath, isDroppedMark, isTableDirectory, parseSegmentFileName } from './filename.ts';
import { MessageDecoder, declaredRows, readFooter, readHead, scanMessages } from './segment-file.ts';
import type { FileMessage, ReadMessage, SegmentFooter, SegmentHead } from './segment-file.ts';
import { readSound } from './segment-verify.ts';
import { statisticsOf } from './statistics.ts';

/** One segment's file. */
export interface FoundSegment {
  readonly segmentId: number;
  readonly path: string;
  readonly size: number;
  readonly head: SegmentHead | undefined;
  readonly footer: SegmentFooter | undefined;
}

/** One directory of tables/. */
export interface FoundDirectory {
  readonly directory: string;
  readonly isDropped: boolean;
  /** By id. */
  readonly segments: readonly FoundSegment[];
}

/** Looks at every segment file below `tables`. @throws `version_unsupported` */
export async function findSegments(os: Os, tables: string): Promise<FoundDirectory[]> {
  if (!(await os.exists(tables))) return [];
  const found: FoundDirectory[] = [];
  for (const directory of (await os.list(tables)).filter(isTableDirectory)) {
    const names = await os.list(entryPath(tables, directory));
    const segments: FoundSegment[] = [];
    for (const name of names) {
      const segmentId = parseSegmentFileName(name);
      const path = entryPath(entryPath(tables, directory), name);
      if (segmentId !== undefined) segments.push(await lookAt(os, path, segmentId));
    }
    segments.sort((a, b) => a.segmentId - b.segmentId);
    found.push({ directory, isDropped: names.some(isDroppedMark), segments });
  }
  return found;
}

async function lookAt(os: Os, path: string, segmentId: number): Promise<FoundSegment> {
  const file = await os.open(path, 'read');
  try {
    const size = await file.size();
    const head = await unlessDamaged(() => readHead(file, size));
    const footer = await unlessDamaged(() => readFooter(file, size));
    return { segmentId, path, size, head, footer };
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'version_unsupported') throw error;
    throw new EngineError('version_unsupported', `${path}: ${error.message}`, { cause: error });
  } finally {
    await file.close();
  }
}

async function unlessDamaged<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof EngineError && (error.code === 'corrupt' || error.code === 'io_error')) return undefined;
    throw error;
  }
}

/** Rows of a segment, and where the committed part ends. */
export interface FoundRows {
  readonly batches: readonly SoundBatchRow[];
  readonly end: number;
  /** Why the walk ended before the end of the file, if it did. */
  readonly reason: string | undefined;
}

/** Batch rows of a sealed segment: what its footer lists, statistics from the data. `commit` is given to every row. */
export async function rowsOfSealed(
  os: Os,
  found: FoundSegment,
  footer: SegmentFooter,
  commit: number,
): Promise<FoundRows> {
  const decoder = new MessageDecoder(footer.schema);
  const batches: SoundBatchRow[] = [];
  await withFile(os, found.path, async (file) => {
    for (const [ordinal, message] of footer.messages.entries()) {
      batches.push(await sealedRow(file, decoder, { ...message, ordinal }, found.segmentId, commit));
    }
  });
  return { batches, end: footer.start, reason: undefined };
}

/**
 * The row of one message. When it is not sound it has the rows that its header declares, if that can be read, and no
 * statistics: salvaging the segment tells it.
 */
async function sealedRow(
  file: OsFile,
  decoder: MessageDecoder,
  message: FileMessage & { readonly ordinal: number },
  segmentId: number,
  commit: number,
): Promise<SoundBatchRow> {
  const { kind, ordinal, offset, headerLength, bodyLength, crc32 } = message;
  const row = { segmentId, ordinal, kind, offset, headerLength, bodyLength, crc32, commit };
  try {
    const bytes = await readSound(file, message);
    const batch = decoder.decode(bytes, headerLength);
    return { ...row, rowCount: batch?.rowCount ?? 0, statistics: statisticsOf(batch) };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const header = await unlessDamaged(() => file.read(headerLength, offset));
    const rowCount = header === undefined ? 0 : Math.max(0, declaredRows(header.subarray(8)) ?? 0);
    return { ...row, rowCount, statistics: new Uint8Array(0) };
  }
}

/** Batch rows of a segment without a footer: its sound messages from the first on. */
export async function rowsOfActive(
  os: Os,
  found: FoundSegment,
  head: SegmentHead,
  commit: number,
): Promise<FoundRows> {
  const batches: SoundBatchRow[] = [];
  const onMessage = (message: ReadMessage): void => {
    const { kind, offset, headerLength, bodyLength, crc32, rowCount, batch } = message;
    const statistics = statisticsOf(batch);
    const { segmentId } = found;
    const ordinal = batches.length;
    batches.push({ segmentId, ordinal, kind, offset, headerLength, bodyLength, rowCount, crc32, commit, statistics });
  };
  const range = { start: head.length, size: found.size };
  const { end, reason } = await withFile(os, found.path, (file) => scanMessages(file, head.schema, range, onMessage));
  return { batches, end, reason };
}

async function withFile<T>(os: Os, path: string, use: (file: OsFile) => Promise<T>): Promise<T> {
  const file = await os.open(path, 'read');
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** True when two schemas' headers are the same but for padding at their end. */
export function isSameHeader(a: Uint8Array, b: Uint8Array): boolean {
  const [longer, shorter] = a.byteLength >= b.byteLength ? [a, b] : [b, a];
  if (!asBuffer(longer.subarray(0, shorter.byteLength)).equals(shorter)) return false;
  return longer.subarray(shorter.byteLength).every((byte) => byte === 0);
}
