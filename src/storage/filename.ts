/**
 * Every file name of a database directory, and its parser.
 *
 *     DIR/LOCK.db                       held while the database is open
 *     DIR/catalog.db                    SQLite (its -wal and -shm beside it)
 *     DIR/tables/<32 hex digits>/       one directory per table, named at random
 *     DIR/tables/…/<12 digits>.arrow    one segment, named by its id
 *     DIR/tables/…/dropped              the table was dropped: a repair must not bring it back
 *     DIR/catalog.copy.db               a copy of the catalog, made now and then, for a repair
 *     DIR/spool/                        results and the like; emptied at open
 *     DIR/quarantine/                   damaged segments put aside
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
  readonly catalogCopy: string;
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
    catalogCopy: join(directory, 'catalog.copy.db'),
    tables: join(directory, 'tables'),
    spool: join(directory, 'spool'),
    quarantine: join(directory, 'quarantine'),
  };
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

const DROP_MARK = 'dropped';

/** Path of the file that says that the table of a directory was dropped. */
export function dropMarkPath(tableDirectoryPath: string): string {
  return join(tableDirectoryPath, DROP_MARK);
}

/** True when `name`, in a table's directory, is that file's. */
export function isDropMark(name: string): boolean {
  return name === DROP_MARK || name === `${DROP_MARK}.tmp`;
}

/** Path of an entry that `list` found in a directory. */
export function entryPath(directory: string, name: string): string {
  return join(directory, name);
}
