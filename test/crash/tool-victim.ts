/**
 * The program that kill-tools.test.ts kills half-way through a backup, a restore, a repair or a migration: it kills
 * itself, so that the moment is exact (reaper.ts).
 *
 * Usage: tool-victim TOOL KIND WHEN NTH FROM [TO]. Kinds are those of reaper.ts; `rebuild` for a transaction of a
 * repair; of a migration `statement`: `during` after the NTH statement, `before` and `after` its transaction. Says `end`
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

/**
 * The migrations with a call of our death after the nth statement of those above version `done`; comments hold no
 * statement's end.
 */
function deadly(migrations: readonly Migration[], done: number): Migration[] {
  let statements = 0;
  const changed = migrations.map((migration) => {
    if (migration.version <= done) return migration;
    const lines = migration.sql.split('\n').map((line) => {
      if (line.startsWith('--') || !line.endsWith(';')) return line;
      return ++statements === Number(nth) ? `${line} SELECT die();` : line;
    });
    return { ...migration, sql: lines.join('\n') };
  });
  if (statements < Number(nth)) throw new Error(`there are only ${statements.toString()} statements to run`);
  return changed;
}

async function migrateDeadly(): Promise<void> {
  const path = join(from, 'catalog.db');
  const migrations = await readMigrations();
  const connection = openConnection(path);
  connection.function('die', die);
  if (when === 'before') die();
  const done = Number(connection.pragma('user_version', { simple: true }));
  migrate(connection, path, when === 'during' ? deadly(migrations, done) : migrations, Date.now());
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
