/**
 * How long a directory of many sealed segments takes to open, what that reads, and how much disk tables take.
 *
 * Method: opens happen in fresh processes of the built program (durability-open.mjs), which count what is read. The
 * large directory is written through a disk that lets holes stand for zeros, so that 100 GB of stored bytes, with
 * true checksums, zone maps and catalog rows, take little room; reading them back gives the zeros.
 */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RecordBatch } from '../src/arrow/batch.ts';
import { makeVector } from '../src/arrow/vector.ts';
import type { Os, OsFile } from '../src/os/os.ts';
import { realOs } from '../src/os/real-os.ts';
import type { Storage } from '../src/storage/contract.ts';
import { openStorage } from '../src/storage/storage.ts';
import { figure, projectPath } from './bench.ts';
import type { Figure } from './bench.ts';
import { ROW_BYTES, TRADES, appendTrades, checkTrades, takenBytes, tally, trades } from './durability-rows.ts';

const run = promisify(execFile);
const MB = 1e6;
const GB = 1e9;
const BATCH_ROWS = 65_536;
const SMALL_ROWS = 100;
const WRITERS = 64;
const ZEROS = Buffer.alloc(4 << 20);

/** The real disk, but parts that are all zeros are left out of the file and read back as the zeros they were. */
function holesOs(): Os {
  const os = realOs();
  return { ...os, open: async (path, mode) => holesFile(await os.open(path, mode)) };
}

function holesFile(file: OsFile): OsFile {
  return {
    path: file.path,
    async write(parts, position) {
      let at = position;
      let isHoleLast = false;
      for (const part of parts) {
        isHoleLast = part.byteLength > 0 && ZEROS.subarray(0, part.byteLength).equals(part);
        if (!isHoleLast) await file.write([part], at);
        at += part.byteLength;
      }
      if (isHoleLast && at > (await file.size())) await file.truncate(at);
    },
    read: (length, position) => file.read(length, position),
    dataSync: () => file.dataSync(),
    size: () => file.size(),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
  };
}

/** A batch of nothing but zeros: 2 MiB on disk that need no room. */
function zeros(): RecordBatch {
  const columns = TRADES.fields.map((field) => {
    return makeVector(field.type, BATCH_ROWS, undefined, 0, [new Uint8Array(BATCH_ROWS * 8)]);
  });
  return { schema: TRADES, rowCount: BATCH_ROWS, columns };
}

/** Makes `segmentCount` sealed segments in ten tables, each a commit of the batches given. */
async function fill(directory: string, segmentCount: number, batches: () => Iterable<RecordBatch>): Promise<number> {
  const storage = await openStorage({ directory, os: holesOs() });
  try {
    for (let i = 0; i < segmentCount; i++) {
      await appendTrades(storage, `table_${(i % 10).toString()}`, batches());
      if (i % 10 === 9) await storage.seal();
    }
    await storage.seal();
    const snapshot = storage.snapshot();
    const bytes = snapshot.tableNames().reduce((sum, name) => sum + (snapshot.table(name)?.byteCount ?? 0), 0);
    snapshot.release();
    const { segmentCount: made } = storage.status();
    if (made < segmentCount) throw new Error(`${made.toString()} segments were made`);
    return bytes;
  } finally {
    await storage.close();
  }
}

interface Opened {
  readonly milliseconds: number;
  readonly readBytes: number;
  readonly segmentBytes: number;
  readonly maps: number;
  readonly rows: number;
}

/** Opens the directory in a fresh process of the built program, then reads `rows` rows of a table there. */
async function timeOpens(directory: string, name: string, rounds: number, rows: number): Promise<readonly Figure[]> {
  const opened: Opened[] = [];
  for (let round = 0; round < rounds; round++) {
    const words = [projectPath('bench/durability-open.mjs'), directory, 'table_0', rows.toString()];
    const { stdout } = await run(process.execPath, words);
    const outcome = JSON.parse(stdout) as Opened;
    if (outcome.rows < rows) throw new Error(`${name}: table_0 gave ${outcome.rows.toString()} rows`);
    opened.push(outcome);
  }
  const pick = (name: Exclude<keyof Opened, 'rows'>, unit = 1): number[] => opened.map((each) => each[name] / unit);
  return [
    figure(`open of ${name}`, 'ms', pick('milliseconds')),
    figure(`open of ${name}: all read calls, the catalog's too`, 'MB', pick('readBytes', MB)),
    figure(`open of ${name}: read of segment files`, 'MB', pick('segmentBytes', MB)),
    figure(`open of ${name}: maps made`, 'maps', pick('maps')),
  ];
}

/** Opens of small segments, and of segments of `batchesEach` batches of 2 MiB whose bytes are zeros. */
export async function opens(
  directory: string,
  segmentCount: number,
  batchesEach: number,
  rounds: number,
): Promise<readonly Figure[]> {
  const small = join(directory, 'small');
  await fill(small, segmentCount, () => [trades(0, 1000)]);
  const figures = await timeOpens(small, `${segmentCount.toString()} sealed segments`, rounds, 1000);
  const large = join(directory, 'large');
  const batch = zeros();
  const bytes = await fill(large, segmentCount, () => Array.from({ length: batchesEach }, () => batch));
  const size = `${segmentCount.toString()} sealed segments, ${(bytes / GB).toPrecision(3)} GB, zeros as holes`;
  return [...figures, ...(await timeOpens(large, size, rounds, batchesEach * BATCH_ROWS))];
}

/** The rate of a first scan, in which every checksum is verified, beside the second. */
export async function verification(
  directory: string,
  batchCount: number,
  rounds: number,
): Promise<readonly Figure[]> {
  const bytes = batchCount * BATCH_ROWS * ROW_BYTES;
  const writer = await openStorage({ directory });
  await appendTrades(writer, 't', batchesOf(batchCount));
  await writer.close();
  const first: number[] = [];
  const second: number[] = [];
  const scrubbed: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const storage = await openStorage({ directory });
    for (const rates of [first, second]) {
      const snapshot = storage.snapshot();
      const started = performance.now();
      let rows = 0;
      for await (const batch of snapshot.table('t')?.messages() ?? []) rows += batch.rowCount;
      rates.push(bytes / GB / ((performance.now() - started) / 1000));
      snapshot.release();
      if (rows !== batchCount * BATCH_ROWS) throw new Error(`a scan gave ${rows.toString()} rows`);
    }
    // The first one starts the thread, which takes as long as reading some hundred MB.
    await storage.scrub();
    const started = performance.now();
    const report = await storage.scrub();
    scrubbed.push(report.byteCount / GB / ((performance.now() - started) / 1000));
    if (report.byteCount < bytes || report.damagedCount > 0) throw new Error('the scrub did not read everything');
    await storage.close();
  }
  return [
    figure('first scan after an open, every checksum verified', 'GB/s', first),
    figure('the same scan again (no byte is touched)', 'GB/s', second),
    figure('scrub in its thread, as fast as it can', 'GB/s', scrubbed),
  ];
}

function* batchesOf(count: number): Generator<RecordBatch> {
  for (let i = 0; i < count; i++) yield trades(i * BATCH_ROWS, BATCH_ROWS);
}

/** Disk taken over raw Arrow bytes: large batches, and small commits before compaction. */
export async function space(directory: string, batchCount: number, commitCount: number): Promise<readonly Figure[]> {
  const large = join(directory, 'space_large');
  const first = await openStorage({ directory: large });
  await appendTrades(first, 't', batchesOf(batchCount));
  await first.close();
  const largeRatio = takenBytes(large) / (batchCount * BATCH_ROWS * ROW_BYTES);

  const small = join(directory, 'space_small');
  // What is merged in the background would not be there to be measured.
  const storage = await openStorage({ directory: small, bounds: { compactSegmentsMin: 0 } });
  const perWriter = Math.ceil(commitCount / WRITERS);
  await storage.createTable('t', TRADES);
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      for (let i = 0; i < perWriter; i++) {
        await appendTrades(storage, 't', [trades((writer * perWriter + i) * SMALL_ROWS, SMALL_ROWS)]);
      }
    }),
  );
  const rows = perWriter * WRITERS * SMALL_ROWS;
  await checkTrades(storage, 't', rows);
  await storage.close();
  const catalogBytes = takenBytes(small) - takenBytes(join(small, 'tables'));
  const raw = rows * ROW_BYTES;
  const figures = [
    figure(`space of ${batchCount.toString()} batches of 64 Ki rows over raw Arrow bytes`, '×', [largeRatio]),
    figure(`space of ${(perWriter * WRITERS).toString()} commits of 100 rows over raw Arrow bytes`, '×', [
      takenBytes(small) / raw,
    ]),
    figure('of it the catalog', '×', [catalogBytes / raw]),
  ];
  rmSync(large, { recursive: true });
  return [...figures, ...(await compaction(small, rows, raw))];
}

/** Compacts the small commits: rate, and what it costs and gives to a reader. */
async function compaction(directory: string, rows: number, raw: number): Promise<readonly Figure[]> {
  const storage = await openStorage({ directory, bounds: { compactSegmentsMin: 0 } });
  try {
    const before = await readerRate(storage, raw, (scans) => scans === 3);
    let isDone = false;
    const started = performance.now();
    const compacting = storage.compact('t').finally(() => (isDone = true));
    const during = await readerRate(storage, raw, () => isDone);
    const report = await compacting;
    const seconds = (performance.now() - started) / 1000;
    await checkTrades(storage, 't', rows);
    const after = await readerRate(storage, raw, (scans) => scans === 3);
    return [
      figure('compaction of small commits', 'GB/s of raw bytes', [raw / GB / seconds]),
      figure('compaction: segments before', 'segments', [report.inputCount]),
      figure('compaction: segments after', 'segments', [report.outputCount]),
      figure('a reader beside compaction over one alone', '×', [during / before]),
      figure('a reader after compaction over one before', '×', [after / before]),
    ];
  } finally {
    await storage.close();
  }
}

/** Raw GB/s of one scan after another, at least one, until `isEnough` of their number. */
async function readerRate(storage: Storage, raw: number, isEnough: (scans: number) => boolean): Promise<number> {
  let scans = 0;
  const started = performance.now();
  do {
    await tally(storage, 't');
    scans++;
    // A scan of what is in memory waits for nothing: other work of this process gets its turn here.
    await new Promise((resolve) => setImmediate(resolve));
  } while (!isEnough(scans));
  return (raw * scans) / GB / ((performance.now() - started) / 1000);
}
