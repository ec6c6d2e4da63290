/**
 * Care for databases on disk, without opening them: check, back up, restore, repair, and look at the machine.
 *
 * Hides storage from the commands. Invariants: check and backup only read, and run beside a server; restore makes a new
 * directory; repair needs a directory that nobody has open.
 */
import { prepareCodecs } from '../arrow/compression.ts';
import { backUpDatabase } from '../storage/backup.ts';
import type { BackupOptions, BackupReport } from '../storage/backup.ts';
import { checkDatabase } from '../storage/check.ts';
import type { CheckOptions, CheckReport } from '../storage/check.ts';
import { repairDatabase } from '../storage/repair.ts';
import type { RepairOptions, RepairReport } from '../storage/repair.ts';
import { restoreDatabase } from '../storage/restore.ts';
import type { RestoreOptions, RestoreReport } from '../storage/restore.ts';

export type { CheckFinding, CheckReport } from '../storage/check.ts';
export { examine } from './doctor.ts';
export type { Finding } from './doctor.ts';

/** Holds every file against the catalog. @throws `not_found`, `version_unsupported`, `io_error` */
export async function check(options: CheckOptions): Promise<CheckReport> {
  await prepareCodecs();
  return checkDatabase(options);
}

/** Copies a database, also one that is being served. @throws what `backUpDatabase` does */
export function backUp(options: BackupOptions): Promise<BackupReport> {
  return backUpDatabase(options);
}

/** Makes a database of a backup. @throws what `restoreDatabase` does */
export function restore(options: RestoreOptions): Promise<RestoreReport> {
  return restoreDatabase(options);
}

/** Mends a damaged database. @throws `locked`, `not_found`, `version_unsupported`, `io_error` */
export async function repair(options: RepairOptions): Promise<RepairReport> {
  await prepareCodecs();
  return repairDatabase(options);
}
