/**
 * Durable copies of a catalog: one file each, without a log beside it.
 *
 * Hides SQLite's backup. Invariants: a copy is of one moment, also while others write; `target` is either what it was
 * or the whole new copy, synced; the source is only read. A trimmed copy holds what is alive and nothing that needs
 * files of the past.
 */
import Database from 'better-sqlite3';
import { dirname } from 'node:path';
import { realOs } from '../os/real-os.ts';
import type { Connection } from './connection.ts';
import { CatalogInspection } from './inspect.ts';
import { sqliteError } from './sqlite-error.ts';

/**
 * Copies the catalog at `source` to `target`, durably, in place of an older copy. Waits between pages, so that the
 * event loop goes on. @returns the last commit in the copy. @throws what reading and writing throw
 */
export async function copyCatalog(source: string, target: string): Promise<number> {
  const inspection = await CatalogInspection.open(source);
  try {
    await copyInspected(inspection, target, () => undefined);
    return inspection.content.lastCommit;
  } finally {
    inspection.close();
  }
}

/**
 * The same for a backup: retired segments, dropped tables and damages are left out of the copy, and snapshots before
 * the last commit are given up (`meta` keeps `horizon` under `horizonKey`).
 */
export async function copyTrimmed(
  inspection: CatalogInspection,
  target: string,
  horizonKey: string,
  horizon: Uint8Array,
): Promise<void> {
  await copyInspected(inspection, target, (connection) => {
    connection.exec(TRIM);
    connection
      .prepare('INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
      .run(horizonKey, horizon);
  });
}

const TRIM = `
  DELETE FROM batches WHERE segment_id IN (SELECT segment_id FROM segments WHERE state = 'obsolete');
  DELETE FROM segments WHERE state = 'obsolete';
  DELETE FROM schemas WHERE table_id IN (SELECT table_id FROM tables WHERE dropped_commit IS NOT NULL);
  DELETE FROM tables WHERE dropped_commit IS NOT NULL;
  DELETE FROM views WHERE dropped_commit IS NOT NULL;`;

async function copyInspected(
  inspection: CatalogInspection,
  target: string,
  change: (connection: Connection) => void,
): Promise<void> {
  const os = realOs();
  const temporary = `${target}.tmp`;
  await makeEmpty(temporary);
  await inspection.copyTo(temporary);
  let connection: Connection | undefined;
  try {
    connection = new Database(temporary, { fileMustExist: true });
    // Out of WAL mode, a copy is one file, and one that may be read where nothing can be written.
    connection.pragma('journal_mode = DELETE');
    connection.pragma('synchronous = FULL');
    const opened = connection;
    const finish = connection.transaction(() => {
      // A copy has no log that could be missing.
      opened.exec('UPDATE database SET clean_stop = 1');
      change(opened);
    });
    finish.immediate();
  } catch (error) {
    throw sqliteError('write to', temporary, error);
  } finally {
    connection?.close();
  }
  const file = await os.open(temporary, 'write');
  try {
    await file.dataSync();
  } finally {
    await file.close();
  }
  await os.rename(temporary, target);
  await os.syncDirectory(dirname(target));
}

/** SQLite would make the file with mode 0644; a leftover of a killed copy is overwritten. */
async function makeEmpty(path: string): Promise<void> {
  const os = realOs();
  for (const name of [path, `${path}-journal`]) if (await os.exists(name)) await os.unlink(name);
  await (await os.open(path, 'create')).close();
}
