/**
 * Saves the sound batches of one damaged segment into a new one.
 *
 * Hides the order that survives a crash: the new file is durable before the catalog names it, the damaged one has a
 * second name in quarantine/ before the catalog forgets it, and loses its first name last. Invariants: what is saved
 * has the right checksum and passes the validator of foreign data; its bytes, statistics and order stay; a lost
 * dictionary takes the later batches with it.
 */
import { dirname } from 'node:path';
import { decodeSchema } from '../arrow/ipc-schema.ts';
import { EngineError } from '../base/errors.ts';
import type { BatchRow, SegmentRow, SoundBatchRow } from '../catalog/rows.ts';
import type { Os, OsFile } from '../os/os.ts';
import { hasDictionaries } from './dictionaries.ts';
import { MessageDecoder, headBytes, readFooter, segmentEnd } from './segment-file.ts';
import { readSound } from './segment-verify.ts';
import type { ExpectedSegment } from './segment-verify.ts';
import { statisticsOf } from './statistics.ts';

/** Rows that could not be saved. */
export interface LostBatch {
  readonly offset: number;
  readonly message: number;
  readonly rowCount: number;
  /** Number of its first row within the segment. */
  readonly firstRow: number;
  readonly why: string;
}

export interface Salvage {
  readonly lost: readonly LostBatch[];
  /** The segment that takes the old one's place; undefined when nothing could be saved. */
  readonly segment: SegmentRow | undefined;
  readonly batches: readonly SoundBatchRow[];
}

/** Where the saved batches go; without `path` nothing is written. */
export interface SalvageTarget {
  readonly segmentId: number;
  readonly commit: number;
  readonly path: string | undefined;
}

/**
 * Reads the file at `path` and writes what is sound to `target`. A missing file has nothing that is sound. Its
 * directory entry is synced.
 */
export async function salvageSegment(
  os: Os,
  path: string,
  expected: ExpectedSegment,
  target: SalvageTarget,
): Promise<Salvage> {
  const file = (await os.exists(path)) ? await os.open(path, 'read') : undefined;
  try {
    if (target.path === undefined) return await saveSound(file, undefined, expected, target);
    const output = await os.open(target.path, 'create');
    let salvage: Salvage;
    try {
      salvage = await saveSound(file, output, expected, target);
      await output.dataSync();
    } finally {
      await output.close();
    }
    if (salvage.segment === undefined) await os.unlink(target.path);
    await os.syncDirectory(dirname(target.path));
    return salvage;
  } finally {
    await file?.close();
  }
}

async function saveSound(
  file: OsFile | undefined,
  output: OsFile | undefined,
  expected: ExpectedSegment,
  target: SalvageTarget,
): Promise<Salvage> {
  const schema = decodeSchema(expected.schema.header);
  const needsAll = hasDictionaries(schema);
  const decoder = new MessageDecoder(schema);
  const head = headBytes(expected.schema.header);
  await output?.write([head], 0);
  const lost: LostBatch[] = [];
  const batches: SoundBatchRow[] = [];
  let length = head.byteLength;
  let firstRow = 0;
  let brokenAt: number | undefined;
  for (const row of expected.batches) {
    const saved = await readOrFault(file, decoder, row, brokenAt);
    if (saved instanceof EngineError) {
      if (row.kind === 'dictionary' && needsAll) brokenAt ??= row.ordinal;
      lost.push({ offset: row.offset, message: row.ordinal, rowCount: row.rowCount, firstRow, why: saved.message });
    } else {
      await output?.write([saved.bytes], length);
      const { isDamaged: _, ...sound } = saved.row;
      batches.push({ ...sound, segmentId: target.segmentId, ordinal: batches.length, offset: length });
      length += saved.bytes.byteLength;
    }
    firstRow += row.rowCount;
  }
  const savedNothing = batches.every((row) => row.kind === 'dictionary') && expected.batches.length > 0;
  if (savedNothing) return { lost, segment: undefined, batches: [] };
  const { segment, table } = expected;
  const identity = {
    databaseId: expected.databaseId,
    tableId: table.tableId,
    tableName: table.name,
    segmentId: target.segmentId,
    fieldIds: expected.schema.fieldIds,
    replaces: [segment.segmentId, ...(await olderReplaces(file))],
    schemaVersion: segment.schemaVersion,
    position: segment.position,
    commit: target.commit,
  };
  const end = segmentEnd(identity, head, schema, batches);
  await output?.write([end], length);
  return {
    lost,
    batches,
    segment: {
      ...segment,
      segmentId: target.segmentId,
      state: 'sealed',
      committedLength: length,
      rowCount: batches.reduce((sum, row) => sum + row.rowCount, 0),
      batchCount: batches.length,
      fileLength: length + end.byteLength,
      createdCommit: target.commit,
    },
  };
}

/** What the damaged segment replaced itself, as far as its footer can be read. */
async function olderReplaces(file: OsFile | undefined): Promise<readonly number[]> {
  try {
    return file === undefined ? [] : (await readFooter(file, await file.size())).replaces;
  } catch (error) {
    if (error instanceof EngineError && (error.code === 'corrupt' || error.code === 'io_error')) return [];
    throw error;
  }
}

interface Saved {
  readonly bytes: Uint8Array;
  readonly row: BatchRow;
}

/** The message's bytes and its row, or why it is lost. */
async function readOrFault(
  file: OsFile | undefined,
  decoder: MessageDecoder,
  row: BatchRow,
  brokenAt: number | undefined,
): Promise<Saved | EngineError> {
  try {
    if (file === undefined) throw new EngineError('corrupt', 'the file is missing');
    if (brokenAt !== undefined) {
      throw new EngineError('corrupt', `it needs the dictionary of message ${brokenAt.toString()}, which is lost`);
    }
    const bytes = await readSound(file, row);
    const batch = decoder.decode(bytes, row.headerLength);
    const rowCount = batch?.rowCount ?? 0;
    if (row.isDamaged) return { bytes, row: { ...row, rowCount, statistics: statisticsOf(batch) } };
    if (rowCount === row.rowCount) return { bytes, row };
    const said = row.rowCount.toString();
    throw new EngineError('corrupt', `it has ${rowCount.toString()} rows, the catalog says ${said}`);
  } catch (error) {
    if (error instanceof EngineError && (error.code === 'corrupt' || error.code === 'io_error')) return error;
    throw error;
  }
}
