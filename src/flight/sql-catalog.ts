/**
 * The catalog as Flight SQL's questions see it: tables, views and system tables, with the schemas of each.
 *
 * Hides where tables stand. Invariants: rows are in the specification's order (schema, table, type); a table that
 * somebody made stands in front of a system table of its name; what cannot be read any more has no columns.
 */
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Field, Metadata, Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import { foldName } from '../base/names.ts';
import {
  CATALOG_NAME,
  INFORMATION_SCHEMA,
  namePattern,
  SCHEMA_NAME,
  sqlTypeName,
  SYSTEM_TABLES,
} from '../engine/dialect.ts';
import type { Caller } from './caller.ts';
import type { MessageTypes } from './message-type.ts';
import { columnScale, columnSize, isSearchableAsText } from './xdbc-type.ts';

/** Types of tables, sorted. */
export const TABLE_TYPES = ['SYSTEM TABLE', 'TABLE', 'VIEW'] as const;

type TableType = (typeof TABLE_TYPES)[number];

/** The schemas of the catalog, sorted. */
export const SCHEMA_NAMES: readonly string[] = [INFORMATION_SCHEMA, SCHEMA_NAME].sort();

/** One row of the catalog. */
export interface Relation {
  readonly schema: string;
  readonly name: string;
  readonly type: TableType;
  /** Its columns; none where it cannot be read (any more). */
  readonly columns: () => Promise<Schema>;
}

/** True when a filter by catalog lets ours pass; an empty one asks for what is in no catalog. */
export function isOurCatalog(catalog: string | undefined): boolean {
  return catalog === undefined || foldName(catalog) === CATALOG_NAME;
}

/** The relations that pass the filters, in the specification's order. */
export function findRelations(caller: Caller, fields: MessageTypes['CommandGetTables']): readonly Relation[] {
  if (!isOurCatalog(fields.catalog)) return [];
  const inSchema = namePattern(fields.db_schema_filter_pattern);
  const isNamed = namePattern(fields.table_name_filter_pattern);
  const types = new Set(fields.table_types.map((type) => type.toUpperCase()));
  return relations(caller).filter(
    ({ schema, name, type }) => inSchema(schema) && isNamed(name) && (types.size === 0 || types.has(type)),
  );
}

function relations({ engine }: Caller): readonly Relation[] {
  const made = (type: TableType, name: string): Relation => {
    return { schema: SCHEMA_NAME, name, type, columns: () => readable(engine.schemaOf(name)) };
  };
  const own = [
    ...engine.tables().map(({ name }) => made('TABLE', name)),
    ...engine.views().map((name) => made('VIEW', name)),
  ];
  const taken = new Set(own.map(({ name }) => foldName(name)));
  const system = SYSTEM_TABLES.filter(({ schema, name }) => schema !== SCHEMA_NAME || !taken.has(name)).map(
    ({ schema, name, query }): Relation => ({
      schema,
      name,
      type: 'SYSTEM TABLE',
      columns: () => readable(engine.describe(query)),
    }),
  );
  return [...own, ...system].sort((a, b) => compare(a.schema, b.schema) || compare(a.name, b.name));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Nothing for a view of what is gone, a table that went meanwhile, or one that the caller may not read. */
async function readable(schema: Promise<Schema>): Promise<Schema> {
  try {
    return await schema;
  } catch (error) {
    if (error instanceof EngineError && !PASSED_ON.has(error.code)) return makeSchema([]);
    throw error;
  }
}

const PASSED_ON: ReadonlySet<string> = new Set(['busy', 'draining', 'cancelled', 'deadline', 'io_error']);

const FLIGHT_SQL = 'ARROW:FLIGHT:SQL:';

/** The relation's columns with what drivers show of each, beside the metadata that the columns have. */
export async function describedColumns(relation: Relation): Promise<Schema> {
  const { fields, metadata } = await relation.columns();
  return makeSchema(
    fields.map((field) => makeField(field.name, field.type, field.nullable, columnMetadata(relation, field))),
    metadata,
  );
}

function columnMetadata({ schema, name, type }: Relation, field: Field): Metadata {
  const size = columnSize(field.type);
  const scale = columnScale(field.type);
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['CATALOG_NAME', CATALOG_NAME],
    ['DB_SCHEMA_NAME', schema],
    // The specification's name is the one above; drivers read this one.
    ['SCHEMA_NAME', schema],
    ['TABLE_NAME', name],
    ['TYPE_NAME', sqlTypeName(field.type)],
    ['PRECISION', size?.toString()],
    ['SCALE', scale?.toString()],
    ['IS_AUTO_INCREMENT', '0'],
    ['IS_CASE_SENSITIVE', isSearchableAsText(field.type) ? '1' : '0'],
    ['IS_READ_ONLY', type === 'TABLE' ? '0' : '1'],
    ['IS_SEARCHABLE', '1'],
  ];
  const added = facts.flatMap(([key, value]): Metadata =>
    value === undefined ? [] : [[`${FLIGHT_SQL}${key}`, value]],
  );
  return [...field.metadata.filter(([key]) => !key.startsWith(FLIGHT_SQL)), ...added];
}
