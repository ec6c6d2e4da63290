/**
 * The catalog's log (catalog.db-wal) and its second name, a hard link beside it.
 *
 * SQLite removes the log whenever its last connection is closed, also when a program ends without a clean stop; so a
 * log that is not there does not show by itself that somebody took it away, and with it the newest commits. The second
 * name keeps its content until a clean stop:
 *
 *     log there                          the last process was killed: SQLite replays it
 *     log not there, clean stop          as it must be
 *     log not there, no clean stop       the second name becomes the log again; what was in it already changes nothing
 *     neither there, no clean stop       commits may be lost: refused, `sheaf repair` looks for them
 *
 * Hides the names. Invariants: the second name is that of the present log, or of one whose whole content is in the
 * catalog; it goes when the stop was clean. Where there are no hard links there is no second name.
 */
import { EngineError } from '../base/errors.ts';
import { realOs } from '../os/real-os.ts';

/** Path of the log of the catalog at `path`. */
function logPath(path: string): string {
  return `${path}-wal`;
}

function linkPath(path: string): string {
  return `${logPath(path)}.link`;
}

/** What stands beside a catalog that is not open. */
export interface LogFiles {
  readonly hasLog: boolean;
  readonly hasLink: boolean;
}

/** Looks which of the two are there. */
export async function findLog(path: string): Promise<LogFiles> {
  const os = realOs();
  return { hasLog: await os.exists(logPath(path)), hasLink: await os.exists(linkPath(path)) };
}

/** Gives the log that is there its second name, in place of an older one. */
export async function linkLog(path: string): Promise<void> {
  const os = realOs();
  await dropLink(path);
  try {
    await os.link(logPath(path), linkPath(path));
  } catch (error) {
    // Nothing depends on it but the wit to undo somebody's mistake.
    if (!(error instanceof EngineError)) throw error;
  }
}

/** Makes the second name the log again, and keeps it as second name too. The catalog must not be open. */
export async function restoreLog(path: string): Promise<void> {
  await realOs().link(linkPath(path), logPath(path));
}

/** Takes the second name away. */
export async function dropLink(path: string): Promise<void> {
  const os = realOs();
  if (await os.exists(linkPath(path))) await os.unlink(linkPath(path));
}

/** The error of a catalog whose log is gone. */
export function lostLog(path: string): EngineError {
  return new EngineError(
    'corrupt',
    `${logPath(path)} is missing, and the last stop was not in order: the commits in it would be lost; ` +
      'put it back, or run `sheaf repair`',
  );
}
