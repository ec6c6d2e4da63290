/**
 * Flight SQL's questions about the catalog and the server: each as a schema and the rows of its answer.
 *
 * Hides nothing. Invariants: columns, their order and nullability are the specification's, to which drivers hold a
 * server; filters that are absent let everything pass.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { buildVector } from '../arrow/build.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import type { Value } from '../arrow/value.ts';
import type { Vector } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import { SQL_METADATA_BYTES_MAX } from '../base/limits.ts';
import { CATALOG_NAME, namePattern } from '../engine/dialect.ts';
import type { Caller } from './caller.ts';
import { schemaBytes } from './flight-info.ts';
import type { MessageTypes } from './message-type.ts';
import { describedColumns, findRelations, isOurCatalog, SCHEMA_NAMES, TABLE_TYPES } from './sql-catalog.ts';
import type { MetadataCommand, MetadataName } from './sql-command.ts';
import { SQL_INFO_SCHEMA, sqlInfoColumns } from './sql-info.ts';
import { textListVector } from './sql-info-value.ts';
import { xdbcTypes } from './xdbc-type.ts';
import type { XdbcType } from './xdbc-type.ts';

/** How one question is answered. */
interface Metadata<Name extends MetadataName> {
  readonly schema: (fields: MessageTypes[Name]) => Schema;
  /** The columns of the schema. */
  readonly columns: (caller: Caller, fields: MessageTypes[Name]) => readonly Vector[] | Promise<readonly Vector[]>;
}

const UTF8: DataType = { id: 'utf8' };
const BOOL: DataType = { id: 'bool' };
const BINARY: DataType = { id: 'binary' };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const UINT8: DataType = { id: 'int', bitWidth: 8, signed: false };
const TEXT_LIST: DataType = { id: 'list', child: makeField('item', UTF8, false) };

const optional = (name: string, type: DataType): Field => makeField(name, type);
const required = (name: string, type: DataType): Field => makeField(name, type, false);

const CATALOGS = makeSchema([required('catalog_name', UTF8)]);
const SCHEMAS = makeSchema([optional('catalog_name', UTF8), required('db_schema_name', UTF8)]);
const TABLE_FIELDS = [
  optional('catalog_name', UTF8),
  optional('db_schema_name', UTF8),
  required('table_name', UTF8),
  required('table_type', UTF8),
];
const TABLES = makeSchema(TABLE_FIELDS);
const TABLES_WITH_SCHEMA = makeSchema([...TABLE_FIELDS, required('table_schema', BINARY)]);
const TYPES_OF_TABLES = makeSchema([required('table_type', UTF8)]);
const PRIMARY_KEYS = makeSchema([
  optional('catalog_name', UTF8),
  optional('db_schema_name', UTF8),
  required('table_name', UTF8),
  required('column_name', UTF8),
  required('key_sequence', INT32),
  optional('key_name', UTF8),
]);
const FOREIGN_KEYS = makeSchema([
  optional('pk_catalog_name', UTF8),
  optional('pk_db_schema_name', UTF8),
  required('pk_table_name', UTF8),
  required('pk_column_name', UTF8),
  optional('fk_catalog_name', UTF8),
  optional('fk_db_schema_name', UTF8),
  required('fk_table_name', UTF8),
  required('fk_column_name', UTF8),
  required('key_sequence', INT32),
  optional('fk_key_name', UTF8),
  optional('pk_key_name', UTF8),
  required('update_rule', UINT8),
  required('delete_rule', UINT8),
]);

/** `NULLABILITY_NULLABLE`: every type may be null. */
const NULLABLE = 1;
/** `SEARCHABLE_FULL`, and `SEARCHABLE_BASIC`: by all but LIKE. */
const SEARCHABLE_FULL = 3;
const SEARCHABLE_BASIC = 2;

const XDBC_COLUMNS: readonly (readonly [Field, (row: XdbcType) => Value])[] = [
  [required('type_name', UTF8), (row) => row.name],
  [required('data_type', INT32), (row) => row.dataType],
  [optional('column_size', INT32), (row) => row.columnSize],
  [optional('literal_prefix', UTF8), (row) => row.prefix],
  [optional('literal_suffix', UTF8), (row) => row.suffix],
  [optional('create_params', TEXT_LIST), () => null],
  [required('nullable', INT32), () => NULLABLE],
  [required('case_sensitive', BOOL), (row) => row.isText],
  [required('searchable', INT32), (row) => (row.isText ? SEARCHABLE_FULL : SEARCHABLE_BASIC)],
  [optional('unsigned_attribute', BOOL), (row) => row.isUnsigned],
  [required('fixed_prec_scale', BOOL), () => false],
  [optional('auto_increment', BOOL), (row) => (row.isUnsigned === null ? null : false)],
  [optional('local_type_name', UTF8), () => null],
  [optional('minimum_scale', INT32), (row) => row.minimumScale],
  [optional('maximum_scale', INT32), (row) => row.maximumScale],
  [required('sql_data_type', INT32), (row) => row.sqlDataType],
  [optional('datetime_subcode', INT32), (row) => row.subcode],
  [optional('num_prec_radix', INT32), (row) => row.radix],
  [optional('interval_precision', INT32), () => null],
];
const XDBC_TYPES = makeSchema(XDBC_COLUMNS.map(([field]) => field));

function xdbcColumns(dataType: number | undefined): readonly Vector[] {
  const rows = xdbcTypes(dataType);
  return XDBC_COLUMNS.map(([{ type }, read]) =>
    type.id === 'list'
      ? textListVector(
          type,
          rows.map((row) => row.parameters),
        )
      : buildVector(type, rows.map(read)),
  );
}

/** The columns of `schema`, whose columns are flat, from rows of values. */
function columnsOf(schema: Schema, rows: readonly (readonly Value[])[]): readonly Vector[] {
  return schema.fields.map(({ type }, i) =>
    buildVector(
      type,
      rows.map((row) => row[i] ?? null),
    ),
  );
}

/** An answer of no rows: there are no keys, and asking for those of a table that is not there is no error. */
function none<Name extends MetadataName>(schema: Schema): Metadata<Name> {
  return { schema: () => schema, columns: () => columnsOf(schema, []) };
}

async function tableColumns(caller: Caller, fields: MessageTypes['CommandGetTables']): Promise<readonly Vector[]> {
  const relations = findRelations(caller, fields);
  const rows: Value[][] = relations.map(({ schema, name, type }) => [CATALOG_NAME, schema, name, type]);
  if (!fields.include_schema) return columnsOf(TABLES, rows);
  let bytes = 0;
  for (const [i, relation] of relations.entries()) {
    const schema = schemaBytes(await describedColumns(relation));
    bytes += schema.byteLength;
    if (bytes > SQL_METADATA_BYTES_MAX) {
      const most = SQL_METADATA_BYTES_MAX.toString();
      const remedy = 'filter by table name, or ask without schemas';
      throw new EngineError(
        'limit_exceeded',
        `the schemas of all these tables have more than ${most} bytes; ${remedy}`,
      );
    }
    rows[i]?.push(schema);
  }
  return columnsOf(TABLES_WITH_SCHEMA, rows);
}

const METADATA: { readonly [Name in MetadataName]: Metadata<Name> } = {
  CommandGetSqlInfo: { schema: () => SQL_INFO_SCHEMA, columns: (_caller, { info }) => sqlInfoColumns(info) },
  CommandGetXdbcTypeInfo: {
    schema: () => XDBC_TYPES,
    columns: (_caller, { data_type: dataType }) => xdbcColumns(dataType),
  },
  CommandGetCatalogs: { schema: () => CATALOGS, columns: () => columnsOf(CATALOGS, [[CATALOG_NAME]]) },
  CommandGetDbSchemas: {
    schema: () => SCHEMAS,
    columns: (_caller, { catalog, db_schema_filter_pattern: pattern }) => {
      const names = isOurCatalog(catalog) ? SCHEMA_NAMES.filter(namePattern(pattern)) : [];
      return columnsOf(
        SCHEMAS,
        names.map((name) => [CATALOG_NAME, name]),
      );
    },
  },
  CommandGetTables: {
    schema: (fields) => (fields.include_schema ? TABLES_WITH_SCHEMA : TABLES),
    columns: tableColumns,
  },
  CommandGetTableTypes: {
    schema: () => TYPES_OF_TABLES,
    columns: () =>
      columnsOf(
        TYPES_OF_TABLES,
        TABLE_TYPES.map((type) => [type]),
      ),
  },
  CommandGetPrimaryKeys: none(PRIMARY_KEYS),
  CommandGetExportedKeys: none(FOREIGN_KEYS),
  CommandGetImportedKeys: none(FOREIGN_KEYS),
  CommandGetCrossReference: none(FOREIGN_KEYS),
};

function metadataOf({ name }: MetadataCommand): Metadata<MetadataName> {
  return METADATA[name] as Metadata<MetadataName>;
}

/** The schema of a question's answer. */
export function metadataSchema(command: MetadataCommand): Schema {
  return metadataOf(command).schema(command.fields);
}

/** The answer's rows, under `metadataSchema`. */
export async function metadataRows(caller: Caller, command: MetadataCommand): Promise<RecordBatch> {
  const columns = await metadataOf(command).columns(caller, command.fields);
  return { schema: metadataSchema(command), rowCount: columns[0]?.length ?? 0, columns };
}
