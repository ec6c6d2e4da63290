/**
 * Every file name of a database directory, and its parser.
 *
 *     DIR/LOCK.db                       held while the database is open
 *     DIR/catalog.db                    SQLite (its -wal, a second name of that, and -shm beside it)
 *     DIR/tables/<32 hex digits>/       one directory per table, named at random
 *     DIR/tables/…/<12 digits>.arrow    one segment, named by its id
 *     DIR/tables/…/dropped              marks the directory of a dropped table, so that no repair brings it back
 *     DIR/catalog.copy.db               a durable copy of the catalog, as of some moment: where a repair begins
 *     DIR/access.db                     who may use the database: see catalog/access-file
 *     DIR/ballast                       space kept for drops on a full disk
 *     DIR/spool/                        results and the like; emptied at open
 *     DIR/quarantine/                   damaged segments put aside
 *
 * And of a backup, whose tables/ is like a database's:
 *
 *     BACKUP/manifest.json              what belongs to the backup; written last
 *     BACKUP/catalog-<12 digits>.db     its catalog, named by the number of the backup
 *     BACKUP/access-<12 digits>.db      the same for access.db, where there is one
 *
 * Hides how names are spelled. Invariant: no text of a user ever becomes a path.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

/** Paths of the fixed entries of a database directory. */
export interface DatabasePaths {
  readonly directory: string;
  readonly lock: string;
  readonly catalog: string;
  readonly tables: string;
  readonly spool: string;
  readonly quarantine: string;
}

/** Paths of the fixed entries below `directory`. */
export function databasePaths(directory: string): DatabasePaths {
  return {
    directory,
    lock: join(directory, 'LOCK.db'),
    catalog: join(directory, 'catalog.db'),
    tables: join(directory, 'tables'),
    spool: join(directory, 'spool'),
    quarantine: join(directory, 'quarantine'),
  };
}

const DROPPED_FILE = 'dropped';

/** Path of the file that marks the directory of a dropped table. */
export function droppedPath(tableDirectoryPath: string): string {
  return join(tableDirectoryPath, DROPPED_FILE);
}

/** True when `name`, in a table's directory, is that of this mark, or of one that was not finished. */
export function isDroppedMark(name: string): boolean {
  return name === DROPPED_FILE || name === `${DROPPED_FILE}.tmp`;
}

/** Path of the durable copy of the catalog that is made from time to time. */
export function catalogCopyPath(paths: DatabasePaths): string {
  return join(paths.directory, 'catalog.copy.db');
}

/** Path of the file that keeps some space. */
export function ballastPath(paths: DatabasePaths): string {
  return join(paths.directory, 'ballast');
}

/** Path at which a repair builds a new catalog before it takes the old one's place. */
export function rebuiltCatalogPath(paths: DatabasePaths): string {
  return join(paths.directory, 'catalog.rebuilt.db');
}

const DATABASE_ENTRIES =
  /^(LOCK\.db|access\.db(-journal)?|ballast|server\.json|catalog(\.copy|\.rebuilt)?\.db(\.tmp)?(-wal(\.link)?|-shm|-journal)?|tables|spool|quarantine)$/;

/** True when `name` is one that we give to entries of a database directory. */
export function isDatabaseEntry(name: string): boolean {
  return DATABASE_ENTRIES.test(name);
}

/** Path of the list of what belongs to the backup in `directory`. */
export function manifestPath(directory: string): string {
  return join(directory, 'manifest.json');
}

/** File name of the catalog of the nth backup in a directory. */
export function backupCatalogName(generation: number): string {
  return `catalog-${generation.toString().padStart(12, '0')}.db`;
}

/** File name of the copy of access.db of the nth backup in a directory. */
export function backupAccessName(generation: number): string {
  return `access-${generation.toString().padStart(12, '0')}.db`;
}

/** True when `name` could have come from `backupAccessName`. */
export function isBackupAccess(name: string): boolean {
  return /^access-\d{12,15}\.db$/.test(name);
}

/** True when `name` could have come from `backupCatalogName`. */
export function isBackupCatalog(name: string): boolean {
  return /^catalog-\d{12,15}\.db$/.test(name);
}

/** True when `name` is one that we give to entries of a backup's directory. */
export function isBackupEntry(name: string): boolean {
  return /^(LOCK\.db|manifest\.json|(catalog|access)-\d{12,15}\.db|tables)(\.tmp|-journal)?$/.test(name);
}

/** A new random name for a table's directory. */
export function randomTableDirectory(): string {
  return randomBytes(16).toString('hex');
}

/** True when `name` could have come from `randomTableDirectory`. */
export function isTableDirectory(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name);
}

/** Path of a table's directory. */
export function tablePath(paths: DatabasePaths, tableDirectory: string): string {
  return join(paths.tables, tableDirectory);
}

/** File name of a segment. */
function segmentFileName(segmentId: number): string {
  return `${segmentId.toString().padStart(12, '0')}.arrow`;
}

/** The id that a segment's file name says, or undefined when it is no such name. */
export function parseSegmentFileName(name: string): number | undefined {
  const match = /^(\d{12,15})\.arrow$/.exec(name);
  if (match === null) return undefined;
  const segmentId = Number(match[1]);
  return segmentFileName(segmentId) === name ? segmentId : undefined;
}

/** Path of a segment's file in the table directory at `tableDirectoryPath`. */
export function segmentPath(tableDirectoryPath: string, segmentId: number): string {
  return join(tableDirectoryPath, segmentFileName(segmentId));
}

/** Name that a segment's file has in quarantine/. */
export function quarantinedName(tableDirectory: string, segmentId: number): string {
  return `${tableDirectory}-${segmentFileName(segmentId)}`;
}

/** Path of an entry that `list` found in a directory. */
export function entryPath(directory: string, name: string): string {
  return join(directory, name);
}
