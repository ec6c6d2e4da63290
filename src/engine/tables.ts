/**
 * Tables and views by name, as doors ask for them without SQL.
 *
 * Hides nothing. Invariant: a name that is not there is refused with what was perhaps meant.
 */
import { EngineError } from '../base/errors.ts';
import { nearestName } from '../base/names.ts';
import { printName } from '../sql/print.ts';
import type { Snapshot, TableSnapshot } from '../storage/contract.ts';
import type { TableDescription } from './contract.ts';

/** The table of that name. @throws `not_found` with the nearest name, `request_invalid` for a view */
export function tableOf(snapshot: Snapshot, name: string): TableSnapshot {
  const table = snapshot.table(name);
  if (table !== undefined) return table;
  const view = snapshot.view(name);
  if (view !== undefined) {
    const message = `${JSON.stringify(view.name)} is a view, which has no rows of its own`;
    throw new EngineError('request_invalid', `${message}; name one of the tables that it reads`);
  }
  const near = nearestName(name, snapshot.tableNames());
  const hint = near === undefined ? 'SHOW TABLES lists what there is' : `did you mean "${near}"?`;
  throw new EngineError('not_found', `there is no table ${JSON.stringify(name)}; ${hint}`);
}

/** The statement that reads a view whole. */
export function viewQuery(name: string): string {
  return `FROM ${printName(name)}`;
}

/** A table as doors are told of it. */
export function description(table: TableSnapshot): TableDescription {
  return { name: table.name, schema: table.schema, rowCount: table.rowCount, byteCount: table.byteCount };
}
