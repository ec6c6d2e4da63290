/**
 * The program that kill-tools.test.ts kills half-way through a backup, a restore, a repair or a migration: it kills
 * itself, so that the moment is exact (reaper.ts).
 *
 * Usage: tool-victim TOOL KIND WHEN NTH FROM [TO]. Kinds are those of reaper.ts; `rebuild` for a transaction of a
 * repair; of a migration `statement`: `during` after its NTH statement, `before` and `after` its transaction. Says `end`
 * when it was not killed.
 */
import { join } from 'node:path';
import { setLogLevel } from '../../src/base/log.ts';
import { openConnection } from '../../src/catalog/connection.ts';
import { migrate, readMigrations } from '../../src/catalog/migrate.ts';
import type { Migration } from '../../src/catalog/migrate.ts';
import { CatalogRebuild } from '../../src/catalog/rebuild.ts';
import { realOs } from '../../src/os/real-os.ts';
import { backUpDatabase } from '../../src/storage/backup.ts';
import { repairDatabase } from '../../src/storage/repair.ts';
import { restoreDatabase } from '../../src/storage/restore.ts';
import { Reaper, die } from './reaper.ts';
import { say } from './voice.ts';

const [tool = '', kind = '', when = '', nth = '1', from = '', to = ''] = process.argv.slice(2);

/** The migration with a call of our death after its nth statement; comments hold no statement's end. */
function deadly(migration: Migration): Migration {
  let statements = 0;
  const lines = migration.sql.split('\n').map((line) => {
    if (line.startsWith('--') || !line.endsWith(';')) return line;
    return ++statements === Number(nth) ? `${line} SELECT die();` : line;
  });
  if (statements < Number(nth)) throw new Error(`the migration has only ${statements.toString()} statements`);
  return { ...migration, sql: lines.join('\n') };
}

async function migrateDeadly(): Promise<void> {
  const path = join(from, 'catalog.db');
  const migrations = await readMigrations();
  const connection = openConnection(path);
  connection.function('die', die);
  if (when === 'before') die();
  const last = migrations.length - 1;
  const changed = migrations.map((one, i) => (i === last && when === 'during' ? deadly(one) : one));
  migrate(connection, path, changed, Date.now());
  if (when === 'after') die();
}

setLogLevel('silent');
const reaper = new Reaper({ phase: tool, kind, when, nth: Number(nth) });
const { prototype } = CatalogRebuild;
const apply: unknown = Reflect.get(prototype, 'apply');
if (typeof apply !== 'function') throw new Error('CatalogRebuild has no method apply');
prototype.apply = function (this: CatalogRebuild, change): void {
  reaper.aroundSync('rebuild', () => {
    Reflect.apply(apply, this, [change]);
  });
};
reaper.enter(tool);
const os = reaper.deadly(realOs());
if (tool === 'backup') await backUpDatabase({ directory: from, target: to, copy: true, os });
else if (tool === 'restore') await restoreDatabase({ backup: from, directory: to, os });
else if (tool === 'repair') await repairDatabase({ directory: from, os });
else await migrateDeadly();
say('end');
