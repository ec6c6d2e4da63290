/**
 * Tables that a query reads: those of the database, and system tables.
 *
 * Hides who makes a system table's rows. Invariant: a table of the database stands in front of a system table of the
 * same name.
 */
import { nearestName } from '../base/names.ts';
import type { Identifier, TableName } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { INFORMATION_TABLES } from './information-schema.ts';
import { viewFields } from './bind-view.ts';
import type { Binding } from './binding.ts';
import type { PlanTable } from './physical.ts';
import { findTable, lookUpTable } from './scope.ts';
import { engineTableOf, INFORMATION_SCHEMA, SCHEMA_NAME, schemaOf } from './system-name.ts';
import { catalogAt } from './time-point.ts';

/** A table to read, and the schema that it is in. */
export interface ReadTable {
  readonly source: PlanTable;
  readonly schemaName: string;
}

/** The table that a query's `table` means, at the moment that it names. @throws `sql_bind` with the nearest name */
export function findSource(binding: Binding, table: TableName): ReadTable {
  const { sql, catalog } = binding;
  const schemaName = schemaOf(table.path) ?? SCHEMA_NAME;
  if (schemaName === INFORMATION_SCHEMA) {
    refuseMoment(sql, table);
    return { source: informationTable(binding, table), schemaName };
  }
  const name = engineTableOf(table);
  if (name === undefined || lookUpTable(sql, catalog, table) !== undefined) {
    return { source: findTable(sql, catalogAt(sql, catalog, table), table), schemaName };
  }
  refuseMoment(sql, table);
  const source = catalog.system(name);
  if (source !== undefined) return { source, schemaName };
  const message = `the system table ${name} cannot be read here`;
  throw sqlError('sql_unsupported', sql, table.span, message, 'name it in the statement itself');
}

function informationTable(binding: Binding, table: TableName): PlanTable {
  const { sql, catalog } = binding;
  const last = table.path.at(-1) as Identifier;
  const make = INFORMATION_TABLES.get(last.name.toLowerCase());
  if (make !== undefined) return make(catalog, (view) => viewFields(binding, view, table.span));
  const names = [...INFORMATION_TABLES.keys()];
  const nearest = nearestName(last.name, names);
  const remedy = nearest === undefined ? `there are ${names.join(', ')}` : `did you mean ${quoteText(nearest)}?`;
  const message = `there is no table ${quoteText(last.name)} in ${INFORMATION_SCHEMA}`;
  throw sqlError('sql_bind', sql, last.span, message, remedy);
}

function refuseMoment(sql: string, { at, path }: TableName): void {
  if (at === undefined) return;
  const message = `${quoteText(path.at(-1)?.name ?? '')} is a system table, and has no other moments`;
  throw sqlError('sql_bind', sql, at.span, message, 'leave AT out');
}
