/**
 * Damage of the catalog's files, and a clock that goes back.
 *
 * Method: a database with two tables and more is closed in order (or left as a kill leaves it); its catalog is changed,
 * then it is opened and read whole. Each try ends in one of these: the open is refused and names the file; a table says
 * that it is damaged; everything reads as it was; or the answer is silently wrong, which is counted and must not be.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import Database from 'better-sqlite3';
import type { Clock } from '../../src/base/clock.ts';
import { EngineError } from '../../src/base/errors.ts';
import { setLogLevel } from '../../src/base/log.ts';
import type { Storage } from '../../src/storage/contract.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { makeRandom } from '../support/random.ts';
import { amount, report } from '../support/report.ts';
import { Ledger, WORDS_TABLE } from './ledger.ts';
import { SMALL_BOUNDS, fastDirectory, readCatalog, tolerate, writeCatalog } from './workload.ts';
import type { CatalogFiles } from './workload.ts';

const PAGE_BYTES = 4_096;
const BITS = amount('SHEAF_CATALOG_BITS', 300);

setLogLevel('silent');

interface Closed {
  readonly directory: string;
  readonly os: MemoryOs;
  readonly ledger: Ledger;
  readonly catalog: CatalogFiles;
}

async function fill(storage: Storage, ledger: Ledger): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await Promise.all([ledger.put(storage, 'a', 10), ledger.put(storage, 'b', 10)]);
    await ledger.put(storage, 'a', 400);
    await ledger.put(storage, WORDS_TABLE, 10);
  }
  await ledger.put(storage, 'gone', 10);
  await ledger.drop(storage, 'gone');
}

async function makeClosed(t: TestContext): Promise<Closed> {
  const [directory, os, ledger] = [fastDirectory(t), new MemoryOs(), new Ledger()];
  const storage = await openStorage({ directory, os, bounds: SMALL_BOUNDS });
  await fill(storage, ledger);
  await storage.close();
  return { directory, os, ledger, catalog: readCatalog(directory) };
}

type Verdict = 'refused' | 'damaged' | 'as it was' | 'silently wrong' | 'a bug';

async function verdictOf({ directory, os, ledger }: Closed, files: CatalogFiles): Promise<[Verdict, string]> {
  writeCatalog(directory, files);
  let storage: Storage;
  try {
    storage = await openStorage({ directory, os: os.copy(), bounds: SMALL_BOUNDS });
  } catch (error) {
    return [error instanceof EngineError ? 'refused' : 'a bug', String(error)];
  }
  try {
    const damaged = await ledger.check(storage, { damage: true });
    return [damaged.length > 0 ? 'damaged' : 'as it was', ''];
  } catch (error) {
    // The catalog itself may tell of its damage when a table is read.
    const told = error instanceof Error && error.cause instanceof EngineError && error.cause.code === 'corrupt';
    return [told ? 'damaged' : 'silently wrong', String(error)];
  } finally {
    await tolerate(() => storage.close());
  }
}

type Counts = Record<Verdict, number>;

async function tryAll(
  t: TestContext,
  closed: Closed,
  changes: readonly ((bytes: Buffer) => Buffer)[],
): Promise<Counts> {
  const counts: Counts = { refused: 0, damaged: 0, 'as it was': 0, 'silently wrong': 0, 'a bug': 0 };
  for (const [i, change] of changes.entries()) {
    const bytes = change(Buffer.from(closed.catalog.get('catalog.db') ?? Buffer.alloc(0)));
    const [verdict, why] = await verdictOf(closed, new Map([['catalog.db', bytes]]));
    counts[verdict]++;
    if (verdict === 'a bug' || verdict === 'silently wrong') t.diagnostic(`${i.toString()}: ${verdict}: ${why}`);
  }
  return counts;
}

function conclude(t: TestContext, id: string, what: string, unit: string, counts: Counts): void {
  const total = Object.values(counts).reduce((sum, one) => sum + one, 0);
  const result = Object.entries(counts)
    .map(([verdict, count]) => `${count.toString()} ${verdict}`)
    .join(', ');
  t.diagnostic(`${total.toString()} ${unit}: ${result}`);
  report({ id, what, command: 'npm run test:suite -- catalog-damage', count: total, unit, result });
}

test('a damaged page of the catalog is never taken for what it is not', { timeout: 600_000 }, async (t) => {
  const closed = await makeClosed(t);
  const pages = (closed.catalog.get('catalog.db')?.byteLength ?? 0) / PAGE_BYTES;
  const random = makeRandom(5);
  const changes: ((bytes: Buffer) => Buffer)[] = [];
  for (let page = 0; page < pages; page++) {
    const [from, to] = [page * PAGE_BYTES, (page + 1) * PAGE_BYTES];
    const other = ((page + 1) % pages) * PAGE_BYTES;
    changes.push(
      (bytes) => bytes.fill(0, from, to),
      (bytes) => bytes.fill(Buffer.from(Array.from({ length: 997 }, () => Math.floor(random() * 256))), from, to),
      (bytes) =>
        Buffer.concat([bytes.subarray(0, from), bytes.subarray(other, other + PAGE_BYTES), bytes.subarray(to)]),
      (bytes) => bytes.subarray(0, from),
    );
  }
  const counts = await tryAll(t, closed, changes);
  conclude(t, 'catalog-pages', 'pages of catalog.db zeroed, filled with noise, doubled, cut off', 'pages', counts);
  assert.equal(counts['a bug'], 0);
});

test('flipped bits of the catalog cause no crash and no hang', { timeout: 600_000 }, async (t) => {
  const closed = await makeClosed(t);
  const seed = amount('SHEAF_SEED', Date.now() % 1_000_000);
  t.diagnostic(`seed ${seed.toString()}`);
  const random = makeRandom(seed);
  const changes = Array.from({ length: BITS }, () => (bytes: Buffer) => {
    const bit = Math.floor(random() * bytes.byteLength * 8);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return bytes;
  });
  const counts = await tryAll(t, closed, changes);
  conclude(t, 'catalog-bits', 'random bits of catalog.db flipped', 'bits', counts);
  assert.equal(counts['a bug'], 0);
});

const LIVE_BATCHES =
  "SELECT * FROM batches WHERE segment_id IN (SELECT segment_id FROM segments WHERE state <> 'obsolete')";

/** One row of `batches` with a bit of one column flipped, as the statement that does it. */
function rowFlips(bytes: Buffer, random: () => number): string[] {
  // A database in memory has no write-ahead log: read and write version 1.
  bytes.fill(1, 18, 20);
  const database = new Database(bytes);
  const rows = database.prepare(LIVE_BATCHES).all() as Record<string, number | Buffer | null>[];
  database.close();
  return rows.flatMap((row) => {
    const place = `WHERE segment_id = ${String(row['segment_id'])} AND ordinal = ${String(row['ordinal'])}`;
    return Object.entries(row).flatMap(([column, value]) => {
      if (column === 'segment_id' || column === 'ordinal' || column === 'kind' || value === null) return [];
      if (typeof value === 'number') {
        const flipped = value ^ (1 << Math.floor(random() * 16));
        return `UPDATE batches SET ${column} = ${(flipped >>> 0).toString()} ${place}`;
      }
      if (value.byteLength === 0) return [];
      const bit = Math.floor(random() * value.byteLength * 8);
      value[bit >> 3] = (value[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return `UPDATE batches SET ${column} = x'${value.toString('hex')}' ${place}`;
    });
  });
}

test('a bit of any number, or of the zone maps, in the rows of batches is found', { timeout: 600_000 }, async (t) => {
  const closed = await makeClosed(t);
  const seed = amount('SHEAF_SEED', Date.now() % 1_000_000);
  t.diagnostic(`seed ${seed.toString()}`);
  const path = join(fastDirectory(t), 'catalog.db');
  const change = (sql: string) => (bytes: Buffer) => {
    writeFileSync(path, bytes);
    const database = new Database(path);
    database.exec(`PRAGMA ignore_check_constraints = ON; ${sql}`);
    database.close();
    return readFileSync(path);
  };
  const flips = rowFlips(Buffer.from(closed.catalog.get('catalog.db') ?? Buffer.alloc(0)), makeRandom(seed));
  const counts = await tryAll(t, closed, flips.map(change));
  conclude(t, 'catalog-rows', 'a bit flipped in each column of the rows of batches', 'bits', counts);
  assert.deepEqual(counts, { ...counts, 'silently wrong': 0, 'as it was': 0, 'a bug': 0 });
});

test('with its clock going back, a database loses nothing', async (t) => {
  const [directory, os, ledger] = [fastDirectory(t), new MemoryOs(), new Ledger()];
  for (const wallMs of [2_000_000_000_000, 1_000_000_000_000, 0, 1_500_000_000_000]) {
    const clock: Clock = { wallMs: () => wallMs, monotonicMs: () => performance.now() };
    const storage = await openStorage({ directory, os, clock, bounds: SMALL_BOUNDS });
    await ledger.check(storage, { damage: false });
    await ledger.put(storage, 'a', 10);
    const name = `scratch${wallMs.toString()}`;
    await ledger.put(storage, name, 10);
    await ledger.drop(storage, name);
    await ledger.check(storage, { damage: false });
    await storage.close();
  }
  report({
    id: 'clock-back',
    what: 'starts with the clock decades earlier',
    command: 'npm run test:suite -- catalog-damage',
    count: 4,
    unit: 'starts',
    result: '0 with a loss',
  });
  assert.ok(os.filePaths().every((path) => path.startsWith(join(directory, 'tables'))));
});

test('a catalog whose log was deleted gets it back from its second name, and is refused without', async (t) => {
  const [directory, os, ledger] = [fastDirectory(t), new MemoryOs(), new Ledger()];
  const first = await openStorage({ directory, os, bounds: SMALL_BOUNDS });
  await fill(first, ledger);
  await first.close();
  const second = await openStorage({ directory, os, bounds: SMALL_BOUNDS });
  await fill(second, ledger);
  const disk = os.copy();
  const files = new Map(readCatalog(directory));
  await second.close();
  const log = files.get('catalog.db-wal');
  assert.ok(log !== undefined && files.delete('catalog.db-wal'));
  const closed: Closed = { directory, os: disk, ledger, catalog: files };
  const [alone, why] = await verdictOf(closed, files);
  t.diagnostic(`${alone}: ${why}`);
  assert.equal(alone, 'refused');
  assert.match(why, /catalog\.db-wal is missing, and the last stop was not in order/);
  const [linked, text] = await verdictOf(closed, new Map([...files, ['catalog.db-wal.link', log]]));
  assert.equal(linked, 'as it was', text);
  report({
    id: 'catalog-log-deleted',
    what: 'catalog.db-wal deleted after a kill, with and without its second name',
    command: 'npm run test:suite -- catalog-damage',
    count: 2,
    unit: 'tries',
    result: '0 silently wrong: nothing lost, and refused',
  });
});
