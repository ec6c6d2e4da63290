/**
 * A database on disk to check, back up, damage and repair: made by storage, then closed or left as a killed one
 * leaves it.
 *
 * Tables: `whole` (two sealed segments of 3 and 2 batches, 64 rows each), `words` (dictionaries, one segment of three
 * batches) and `open` (one segment, active when the database was killed).
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import Database from 'better-sqlite3';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { makeVector } from '../../src/arrow/vector.ts';
import type { CheckFinding } from '../../src/storage/check.ts';
import { checkDatabase } from '../../src/storage/check.ts';
import { openStorage } from '../../src/storage/storage.ts';
import type { Storage } from '../../src/storage/contract.ts';
import { INT32, UTF8, batchOf, schemaOf } from '../support/sample.ts';
import { numbered, put, readRows, temporaryDirectory } from './fixture.ts';

export const TABLES = ['whole', 'words', 'open'] as const;
const BOUNDS = { batchRowsMax: 64, freeFloorBytes: 0 };

const WORDS = makeSchema([
  makeField('word', {
    id: 'dictionary',
    index: { id: 'int', bitWidth: 32, signed: true },
    value: UTF8,
    ordered: false,
    dictionaryId: 0n,
  }),
]);

/** Rows whose words are the first `known` of a growing list. */
function words(known: number): RecordBatch {
  const list = Array.from({ length: known }, (_, i) => `word ${i.toString()}`);
  const values = batchOf(schemaOf({ v: UTF8 }), [list]).columns[0]!;
  const indexes = batchOf(schemaOf({ i: INT32 }), [Array.from({ length: 64 }, (_, i) => i % known)]).columns[0]!;
  const { type } = WORDS.fields[0]!;
  const column = { ...makeVector(type, 64, undefined, 0, [indexes.buffers[1]!]), dictionary: values };
  return { schema: WORDS, rowCount: 64, columns: [column] };
}

/** Opens storage with small batches. */
export function openSmall(directory: string): Promise<Storage> {
  return openStorage({ directory, bounds: BOUNDS });
}

/** Made once in each test process; every sample is a copy. */
let made: Promise<string> | undefined;

/** The sample, closed in order; with `killed`, as a process that was killed in the middle leaves it. */
export async function makeSample(t: TestContext, options: { readonly killed?: boolean } = {}): Promise<string> {
  made ??= buildSamples();
  const directory = join(temporaryDirectory(t), 'data');
  cpSync(join(await made, options.killed === true ? 'killed' : 'closed'), directory, { recursive: true });
  return directory;
}

async function buildSamples(): Promise<string> {
  const parent = mkdtempSync(join(tmpdir(), 'sheaf-sample-'));
  process.on('exit', () => {
    rmSync(parent, { recursive: true, force: true });
  });
  const directory = join(parent, 'closed');
  const killed = join(parent, 'killed');
  const storage = await openSmall(directory);
  await put(storage, 'whole', [numbered(0, 192)]);
  await storage.seal();
  await put(storage, 'whole', [numbered(192, 128)]);
  for (const known of [4, 7, 9]) await put(storage, 'words', [words(known)], WORDS);
  await storage.seal();
  await put(storage, 'open', [numbered(0, 128)]);
  await put(storage, 'open', [numbered(128, 100)]);
  cpSync(directory, killed, { recursive: true });
  await storage.close();
  return parent;
}

export function changeCatalog(directory: string, sql: string): void {
  const connection = new Database(join(directory, 'catalog.db'));
  connection.exec(sql);
  connection.close();
}

export function queryCatalog<T>(directory: string, sql: string): T[] {
  const connection = new Database(join(directory, 'catalog.db'));
  const rows = connection.prepare<[], T>(sql).all();
  connection.close();
  return rows;
}

/** A segment's file, as the catalog has it. */
export interface SampleSegment {
  readonly segmentId: number;
  readonly table: string;
  readonly directory: string;
  readonly path: string;
  /** Relative to the database. */
  readonly file: string;
  readonly committedLength: number;
}

/** Segments of a table in order. */
export function segmentsOf(directory: string, table: string): SampleSegment[] {
  const rows = queryCatalog<Omit<SampleSegment, 'path' | 'file'>>(
    directory,
    `SELECT segment_id AS segmentId, name AS "table", directory, committed_length AS committedLength
     FROM segments JOIN tables USING (table_id) WHERE name = '${table}' AND state <> 'obsolete' ORDER BY position`,
  );
  return rows.map((row) => {
    const file = `tables/${row.directory}/${row.segmentId.toString().padStart(12, '0')}.arrow`;
    return { ...row, file, path: join(directory, file) };
  });
}

/** Offsets of a segment's messages in file order. */
export function offsetsOf(directory: string, segmentId: number): number[] {
  return queryCatalog<{ readonly offset: number }>(
    directory,
    `SELECT offset FROM batches WHERE segment_id = ${segmentId.toString()} ORDER BY ordinal`,
  ).map((row) => row.offset);
}

/** Turns one bit of a file. */
export function flip(path: string, offset: number, bit = 0): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
  writeFileSync(path, bytes);
}

/** Rows of every sample table, sorted by their text: which segment comes first is the catalog's `position`. */
export async function sampleRows(directory: string): Promise<Record<string, unknown[][]>> {
  const storage = await openSmall(directory);
  try {
    const rows: Record<string, unknown[][]> = {};
    for (const table of TABLES) rows[table] = (await readRows(storage, table)).sort(byText);
    return rows;
  } finally {
    await storage.close();
  }
}

function byText(a: unknown[], b: unknown[]): number {
  return String(a) < String(b) ? -1 : 1;
}

/** What check finds, without notes unless asked for. */
export async function damagesOf(directory: string, deep = false): Promise<CheckFinding[]> {
  const report = await checkDatabase({ directory, deep });
  return report.findings.filter((finding) => finding.kind === 'damage');
}

export async function assertSound(directory: string): Promise<void> {
  assert.deepEqual(await damagesOf(directory, true), []);
}

/** Every file below a directory with its bytes, to see that nothing changed. */
export function contentOf(directory: string): Map<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile() && !/-(shm|wal)$/.test(entry.name));
  return new Map(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(directory.length + 1), readFileSync(path).toString('base64')]),
  );
}
