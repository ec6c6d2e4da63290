/**
 * Silent damage: a database of many alike tables, closed in order, whose files are then changed behind its back.
 *
 * Hides how it is fast: the segments lie on a disk in memory, every table has a segment of the same rows, and one open
 * looks at as many kinds of damage as there are tables. Invariant of every try: a table reads as it was, or its reads
 * fail with `corrupt` and name the table and the file; nothing else ever happens, and the other tables read as they
 * were.
 */
import assert from 'node:assert/strict';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import type { Storage } from '../../src/storage/contract.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { rowsOf } from '../support/sample.ts';
import type { MemoryOs } from '../support/memory-os.ts';
import { withDeadline } from './deadline.ts';
import { namesDamage } from './ledger.ts';
import { readCatalog, writeCatalog } from './workload.ts';
import type { CatalogFiles } from './workload.ts';

const DEADLINE_MS = 60_000;

/** A change of one segment's file; undefined takes the file away. */
export type Damage = (bytes: Uint8Array) => Uint8Array | undefined;

/** What became of damages. */
export interface DamageCounts {
  tried: number;
  /** Found, with table and file named. */
  found: number;
  /** The rows are as they were: the damage hit what is not needed to read them. */
  harmless: number;
  readonly failures: string[];
}

/** A closed database of `tableCount` tables with the same rows in each. */
export class Sample {
  readonly directory: string;
  readonly os: MemoryOs;
  readonly catalog: CatalogFiles;
  /** Path of each table's segment, by the table's number. */
  readonly paths: readonly string[];
  /** The rows, as text. */
  readonly rows: string;
  readonly bytes: Uint8Array;

  private constructor(directory: string, os: MemoryOs, paths: readonly string[], rows: string, bytes: Uint8Array) {
    this.directory = directory;
    this.os = os;
    this.catalog = readCatalog(directory);
    this.paths = paths;
    this.rows = rows;
    this.bytes = bytes;
  }

  static async make(
    directory: string,
    os: MemoryOs,
    schema: Schema,
    batches: readonly RecordBatch[],
    tableCount: number,
  ): Promise<Sample> {
    const storage = await openStorage({ directory, os });
    for (let i = 0; i < tableCount; i++) {
      const append = await storage.beginAppend(nameOf(i), schema, { create: true });
      for (const batch of batches) await append.write(batch);
      await append.commit();
    }
    const rows = await textOf(storage, 0);
    await storage.close();
    // One segment a table, named by growing ids.
    const name = (path: string): string => path.slice(path.lastIndexOf('/'));
    const paths = os
      .filePaths()
      .filter((path) => path.endsWith('.arrow'))
      .sort((a, b) => (name(a) < name(b) ? -1 : 1));
    assert.equal(paths.length, tableCount);
    const bytes = await os.readFile(paths[0] ?? '');
    return new Sample(directory, os, paths, rows, bytes);
  }

  /** Opens the database once for each `tables.length` damages, and reads every table. */
  async tryAll(damages: readonly Damage[], label: string): Promise<DamageCounts> {
    const counts: DamageCounts = { tried: 0, found: 0, harmless: 0, failures: [] };
    for (let at = 0; at < damages.length; at += this.paths.length) {
      const some = damages.slice(at, at + this.paths.length);
      await withDeadline(
        DEADLINE_MS,
        () => 'it hangs',
        () => this.#tryOnce(some, at, counts),
      ).catch((error: unknown) => {
        counts.failures.push(`${label} ${at.toString()} and after it: ${String(error)}`);
      });
      if (counts.failures.length > 3) break;
    }
    return counts;
  }

  async #tryOnce(damages: readonly Damage[], at: number, counts: DamageCounts): Promise<void> {
    const os = this.os.copy();
    for (const [i, damage] of damages.entries()) await applyDamage(os, this.paths[i] ?? '', damage);
    writeCatalog(this.directory, this.catalog);
    const storage = await openStorage({ directory: this.directory, os });
    try {
      for (let i = 0; i < this.paths.length; i++) {
        const isDamaged = i < damages.length;
        const verdict = await this.#verdict(storage, i);
        if (isDamaged) counts.tried++;
        if (verdict === 'found' && isDamaged) counts.found++;
        else if (verdict === 'as it was') counts.harmless += isDamaged ? 1 : 0;
        else counts.failures.push(`damage ${(at + i).toString()}: ${verdict}`);
      }
    } finally {
      await storage.close();
    }
  }

  async #verdict(storage: Storage, i: number): Promise<string> {
    let text: string;
    try {
      text = await textOf(storage, i);
    } catch (error) {
      return namesDamage(error, nameOf(i)) ? 'found' : `an error that names too little: ${String(error)}`;
    }
    return text === this.rows ? 'as it was' : 'SILENTLY WRONG';
  }
}

function nameOf(i: number): string {
  return `t${i.toString()}`;
}

async function textOf(storage: Storage, i: number): Promise<string> {
  const snapshot = storage.snapshot();
  try {
    const table = snapshot.table(nameOf(i));
    assert.ok(table !== undefined, `table ${nameOf(i)} is not there`);
    const rows = await rowsOf(table.messages());
    return JSON.stringify(rows, (_key, value: unknown) =>
      typeof value === 'bigint' || ArrayBuffer.isView(value) || Number.isNaN(value) ? String(value) : value,
    );
  } finally {
    snapshot.release();
  }
}

async function applyDamage(os: MemoryOs, path: string, damage: Damage): Promise<void> {
  const changed = damage(await os.readFile(path));
  if (changed === undefined) {
    await os.unlink(path);
    return;
  }
  const file = await os.open(path, 'write');
  await file.truncate(0);
  await file.write([changed], 0);
  await file.dataSync();
  await file.close();
}
