/**
 * ALTER TABLE, run: which change of storage it is, and what it says when it has happened.
 *
 * Hides nothing. Invariant: what IF EXISTS and IF NOT EXISTS tolerate is told in the answer.
 */
import { EngineError } from '../base/errors.ts';
import type { TableChange } from '../plan/physical.ts';
import type { Storage } from '../storage/contract.ts';

/** Alters a table, and tells so. @throws what storage throws */
export async function alter(storage: Storage, name: string, ifExists: boolean, change: TableChange): Promise<string> {
  return unless('not_found', ifExists, `no table ${name}`, () => changeTable(storage, name, change));
}

async function changeTable(storage: Storage, name: string, change: TableChange): Promise<string> {
  switch (change.kind) {
    case 'add_column': {
      const { field, default: value, sql, ifNotExists } = change;
      return unless('already_exists', ifNotExists, `column ${field.name} exists`, async () => {
        await storage.alterTable(name, { kind: 'add_column', field, default: value, sql });
        return `added column ${field.name} to table ${name}`;
      });
    }
    case 'drop_column':
      return unless('not_found', change.ifExists, `no column ${change.column}`, async () => {
        await storage.alterTable(name, { kind: 'drop_column', column: change.column });
        return `dropped column ${change.column} of table ${name}`;
      });
    case 'rename_column':
      await storage.alterTable(name, change);
      return `renamed column ${change.column} of table ${name} to ${change.to}`;
    case 'set_default':
      await storage.alterTable(name, change);
      return `column ${change.column} of table ${name} has ${change.sql === undefined ? 'no default' : 'a new default'}`;
    case 'set_nullable':
      await storage.alterTable(name, change);
      return `column ${change.column} of table ${name} ${change.nullable ? 'may be' : 'is not'} NULL`;
    case 'set_ttl':
      await storage.alterTable(name, change);
      return change.ttl === undefined
        ? `rows of table ${name} do not expire`
        : `rows of table ${name} expire by the age of ${change.ttl.column}`;
  }
}

/** Runs `work`; with `tolerated`, a failure with `code` is `instead`. */
export async function unless(
  code: EngineError['code'],
  tolerated: boolean,
  instead: string,
  work: () => Promise<string>,
): Promise<string> {
  try {
    return await work();
  } catch (error) {
    if (tolerated && error instanceof EngineError && error.code === code) return instead;
    throw error;
  }
}
