/**
 * information_schema: tables and views, their columns, and schemata as the SQL standard shows them.
 *
 * Hides nothing. Invariants: columns have DuckDB 2.0's names and types, may all be null as there, and have its values
 * as far as there is what they tell of; rows stand in the order of tables' names, and of columns within a
 * table; a view that cannot be read (any more) has no columns.
 * Source: DuckDB, "Information Schema".
 */
import type { Field } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import { present } from '../base/assert.ts';
import { BOOL, INT32, INT64, UTF8 } from '../function/signature.ts';
import type { PlanCatalog } from './physical.ts';
import type { NamedSource, RowColumn } from './row-source.ts';
import { rowSource } from './row-source.ts';
import { sqlTypeName } from './sql-type.ts';
import { CATALOG_NAME, INFORMATION_SCHEMA, SCHEMA_NAME } from './system-name.ts';

/** Makes a table; `fieldsOf` gives the columns of a view, undefined where it cannot be read. */
type Make = (catalog: PlanCatalog, fieldsOf: FieldsOf) => NamedSource;
type FieldsOf = (view: string) => readonly Field[] | undefined;

/** A column of every row's own text. */
function text<Row>(name: string, read?: (row: Row) => string | null): RowColumn<Row> {
  return { name, type: UTF8, read };
}

/** Columns of one type that are null in every row. */
function nulls<Row>(type: DataType, ...names: readonly string[]): readonly RowColumn<Row>[] {
  return names.map((name) => ({ name, type, read: undefined }));
}

interface TableRow {
  readonly name: string;
  readonly isView: boolean;
}

const TABLE_COLUMNS: readonly RowColumn<TableRow>[] = [
  text('table_catalog', () => CATALOG_NAME),
  text('table_schema', () => SCHEMA_NAME),
  text('table_name', (row) => row.name),
  text('table_type', (row) => (row.isView ? 'VIEW' : 'BASE TABLE')),
  ...nulls<TableRow>(UTF8, 'self_referencing_column_name', 'reference_generation', 'user_defined_type_catalog'),
  ...nulls<TableRow>(UTF8, 'user_defined_type_schema', 'user_defined_type_name'),
  text('is_insertable_into', (row) => (row.isView ? 'NO' : 'YES')),
  text('is_typed', () => 'NO'),
  ...nulls<TableRow>(UTF8, 'commit_action', 'TABLE_COMMENT'),
];

function tableRows(catalog: PlanCatalog): readonly TableRow[] {
  const views = catalog.viewNames().map((name): TableRow => ({ name, isView: true }));
  const tables = catalog.tableNames().map((name): TableRow => ({ name, isView: false }));
  return [...tables, ...views].sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface ColumnRow {
  readonly table: string;
  readonly field: Field;
  /** From 1. */
  readonly position: number;
  /** What new rows get, as SQL. */
  readonly default: string | null;
}

/** Digits (in base `radix`) of a number's type, and those after the point. */
function precisionOf({ type }: Field): { precision: number; radix: number; scale: number } | undefined {
  switch (type.id) {
    case 'int':
      return type.signed ? { precision: type.bitWidth, radix: 2, scale: 0 } : undefined;
    case 'float':
      return type.bitWidth === 16 ? undefined : { precision: type.bitWidth === 32 ? 24 : 53, radix: 2, scale: 0 };
    case 'decimal':
      return { precision: type.precision, radix: 10, scale: type.scale };
    default:
      return undefined;
  }
}

const COLUMN_COLUMNS: readonly RowColumn<ColumnRow>[] = [
  text('table_catalog', () => CATALOG_NAME),
  text('table_schema', () => SCHEMA_NAME),
  text('table_name', (row) => row.table),
  text('column_name', (row) => row.field.name),
  { name: 'ordinal_position', type: INT32, read: (row) => row.position },
  text('column_default', (row) => row.default),
  text('is_nullable', (row) => (row.field.nullable ? 'YES' : 'NO')),
  text('data_type', (row) => sqlTypeName(row.field.type)),
  ...nulls<ColumnRow>(INT32, 'character_maximum_length', 'character_octet_length'),
  { name: 'numeric_precision', type: INT32, read: (row) => precisionOf(row.field)?.precision ?? null },
  { name: 'numeric_precision_radix', type: INT32, read: (row) => precisionOf(row.field)?.radix ?? null },
  { name: 'numeric_scale', type: INT32, read: (row) => precisionOf(row.field)?.scale ?? null },
  ...nulls<ColumnRow>(INT32, 'datetime_precision'),
  ...nulls<ColumnRow>(UTF8, 'interval_type'),
  ...nulls<ColumnRow>(INT32, 'interval_precision'),
  ...nulls<ColumnRow>(UTF8, 'character_set_catalog', 'character_set_schema', 'character_set_name'),
  ...nulls<ColumnRow>(UTF8, 'collation_catalog', 'collation_schema', 'collation_name'),
  ...nulls<ColumnRow>(UTF8, 'domain_catalog', 'domain_schema', 'domain_name'),
  ...nulls<ColumnRow>(UTF8, 'udt_catalog', 'udt_schema', 'udt_name'),
  ...nulls<ColumnRow>(UTF8, 'scope_catalog', 'scope_schema', 'scope_name'),
  ...nulls<ColumnRow>(INT64, 'maximum_cardinality'),
  ...nulls<ColumnRow>(UTF8, 'dtd_identifier'),
  ...nulls<ColumnRow>(BOOL, 'is_self_referencing', 'is_identity'),
  ...nulls<ColumnRow>(UTF8, 'identity_generation', 'identity_start', 'identity_increment'),
  ...nulls<ColumnRow>(UTF8, 'identity_maximum', 'identity_minimum'),
  ...nulls<ColumnRow>(BOOL, 'identity_cycle'),
  text('is_generated', () => 'NEVER'),
  text('generation_expression'),
  ...nulls<ColumnRow>(BOOL, 'is_updatable'),
  text('COLUMN_COMMENT'),
];

const SCHEMA_COLUMNS: readonly RowColumn<string>[] = [
  text('catalog_name', () => CATALOG_NAME),
  text('schema_name', (name) => name),
  text('schema_owner', () => CATALOG_NAME),
  ...nulls<string>(UTF8, 'default_character_set_catalog', 'default_character_set_schema'),
  ...nulls<string>(UTF8, 'default_character_set_name', 'sql_path'),
];

function columnRows(catalog: PlanCatalog, fieldsOf: FieldsOf): readonly ColumnRow[] {
  return tableRows(catalog).flatMap(({ name: table, isView }) => {
    if (isView) {
      // Of rows that are no table's DuckDB does not say which columns are never NULL.
      const fields = (fieldsOf(table) ?? []).map((field) => ({ ...field, nullable: true }));
      return fields.map((field, i): ColumnRow => ({ table, field, position: i + 1, default: null }));
    }
    const { schema, defaults = [] } = present(catalog.table(table), 'a table that is listed');
    return schema.fields.map((field, i): ColumnRow => {
      const given = defaults[i];
      const text = given !== undefined && 'sql' in given ? given.sql : null;
      return { table, field, position: i + 1, default: text };
    });
  });
}

/** Its tables, by their names in lower case with the schema before them. */
export const INFORMATION_TABLES: ReadonlyMap<string, Make> = new Map<string, Make>([
  ['tables', (catalog: PlanCatalog) => rowSource('tables', TABLE_COLUMNS, tableRows(catalog))],
  [
    'columns',
    (catalog: PlanCatalog, fieldsOf: FieldsOf) => rowSource('columns', COLUMN_COLUMNS, columnRows(catalog, fieldsOf)),
  ],
  ['schemata', () => rowSource('schemata', SCHEMA_COLUMNS, [INFORMATION_SCHEMA, SCHEMA_NAME])],
]);
