/**
 * Names of system tables: tables that nobody makes, and that tell of the database.
 *
 * Hides nothing. Invariants: names of system tables begin with `sheaf_`, or stand in `information_schema`; no new table
 * takes such a name, and one that has it from before stands in front of the system table.
 */
import { foldName } from '../base/names.ts';
import type { Identifier, TableName } from '../sql/ast.ts';

/** The catalog that all tables live in. */
export const CATALOG_NAME = 'sheaf';
/** The schema that all tables live in which somebody made. */
export const SCHEMA_NAME = 'main';
/** The schema of the standard's system tables. */
export const INFORMATION_SCHEMA = 'information_schema';

/** System tables that are found without a schema; the engine makes their rows before the statement is planned. */
export const ENGINE_TABLES = [
  'sheaf_functions',
  'sheaf_metrics',
  'sheaf_queries',
  'sheaf_segments',
  'sheaf_settings',
  'sheaf_snapshots',
  'sheaf_tables',
] as const;

/** One of them. */
export type EngineTable = (typeof ENGINE_TABLES)[number];

function isNamed(identifier: Identifier | undefined, name: string): boolean {
  return identifier === undefined || foldName(identifier.name) === name;
}

/** The schema that a path names before its last part, in lower case; undefined for one that there is not. */
export function schemaOf(path: readonly Identifier[]): string | undefined {
  const [, schema, catalog, ...more] = [...path].reverse();
  if (more.length > 0 || !isNamed(catalog, CATALOG_NAME)) return undefined;
  const name = foldName(schema?.name ?? SCHEMA_NAME);
  return name === SCHEMA_NAME || name === INFORMATION_SCHEMA ? name : undefined;
}

/** The system table that a name means where no other table has it: as `sheaf_…` or `information_schema.…`. */
export function systemNameOf(table: TableName): string | undefined {
  const schema = schemaOf(table.path);
  const name = foldName(table.path.at(-1)?.name ?? '');
  if (schema === INFORMATION_SCHEMA) return `${INFORMATION_SCHEMA}.${name}`;
  return schema === undefined ? undefined : engineTableOf(table);
}

/** The engine's table that a name may mean. */
export function engineTableOf(table: TableName): EngineTable | undefined {
  if (schemaOf(table.path) !== SCHEMA_NAME) return undefined;
  const name = foldName(table.path.at(-1)?.name ?? '');
  return ENGINE_TABLES.find((known) => known === name);
}
