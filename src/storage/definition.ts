/**
 * Table definitions: from a schema for a table to come, from catalog rows for one that is there, and from an older
 * definition by a change.
 *
 * Hides numbering of dictionaries and the bytes that begin each segment. Invariants: the same catalog rows always give
 * the same segment head, so that offsets in old segments keep their meaning; a field id is never given twice in the
 * life of a table, so that a column dropped does not come back under another's name.
 */
import { decodeSchema, encodeSchema, numberDictionaries } from '../arrow/ipc-schema.ts';
import { FILE_MAGIC } from '../arrow/ipc-stream.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import type { ColumnDefault } from '../arrow/source.ts';
import type { Vector } from '../arrow/vector.ts';
import { present } from '../base/assert.ts';
import { concatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { foldName } from '../base/names.ts';
import type { CatalogChange, SchemaRow, TableRow } from '../catalog/rows.ts';
import { decodeDefaults, encodeDefaults } from './default-values.ts';
import { hasDictionaries } from './dictionaries.ts';
import { randomTableDirectory, tablePath } from './filename.ts';
import type { DatabasePaths } from './filename.ts';
import { storedHead } from './stored-message.ts';

/** What is known of a table before it exists, and never changes after: one version of it. */
export interface TableDefinition {
  readonly tableId: number;
  readonly name: string;
  /** Name of its directory under tables/. */
  readonly directory: string;
  /** Path of that directory. */
  readonly path: string;
  /** 1, 2, 3 … within the table. */
  readonly schemaVersion: number;
  /** Dictionary ids are numbered within it. */
  readonly schema: Schema;
  /** Header of the schema message, as the catalog keeps it. */
  readonly schemaHeader: Uint8Array;
  /** Magic, prefix and padded schema header: how each segment begins. */
  readonly segmentHead: Uint8Array;
  readonly fieldIds: readonly number[];
  /** By field id, one row each: what segments without the column read as. */
  readonly defaults: ReadonlyMap<number, Vector>;
  /** By field id, what new rows get: SQL text, or null for nothing. Others get the value of `defaults`. */
  readonly insertDefaults: InsertDefaults;
  readonly hasDictionaries: boolean;
}

type InsertDefaults = ReadonlyMap<number, string | null>;

/** What a version of a table says of its columns beside their fields. */
type ColumnParts = Pick<TableDefinition, 'fieldIds' | 'defaults' | 'insertDefaults'>;

type Identity = Pick<TableDefinition, 'tableId' | 'name' | 'directory' | 'path'>;

/**
 * The definition of a table that does not exist yet; `tableId` is its own for ever. `defaults`: SQL text by the place
 * of the column.
 */
export function newDefinition(
  paths: DatabasePaths,
  tableId: number,
  name: string,
  schema: Schema,
  defaults: readonly (string | undefined)[] = [],
): TableDefinition {
  const directory = randomTableDirectory();
  const identity = { tableId, name, directory, path: tablePath(paths, directory) };
  const fieldIds = schema.fields.map((_, i) => i + 1);
  const insertDefaults = new Map(defaults.flatMap((sql, i) => (sql === undefined ? [] : [[i + 1, sql] as const])));
  const parts = { fieldIds, defaults: new Map<number, Vector>(), insertDefaults };
  return makeDefinition(identity, 1, numberDictionaries(schema), parts);
}

/** One version of a table in the catalog. @throws `request_invalid` when its schema cannot be read */
export function storedDefinition(paths: DatabasePaths, table: TableRow, row: SchemaRow): TableDefinition {
  const { tableId, name, directory } = table;
  return readDefinition({ tableId, name, directory, path: tablePath(paths, directory) }, row);
}

/** A version of a definition in a form that can go to another thread; `readDefinition` reads it. */
export function schemaRow(definition: TableDefinition): Omit<SchemaRow, 'tableId' | 'createdCommit'> {
  return {
    version: definition.schemaVersion,
    schema: definition.schemaHeader,
    fieldIds: definition.fieldIds,
    defaults: encodeDefaults(definition.defaults),
    insertDefaults: JSON.stringify(Object.fromEntries(definition.insertDefaults)),
  };
}

export function readDefinition(
  identity: Identity,
  row: Omit<SchemaRow, 'tableId' | 'createdCommit'>,
): TableDefinition {
  const schema = decodeSchema(row.schema);
  const texts = Object.entries(JSON.parse(row.insertDefaults) as Readonly<Record<string, string | null>>);
  const insertDefaults = new Map(texts.map(([id, sql]) => [Number(id), sql]));
  const parts = { fieldIds: row.fieldIds, defaults: decodeDefaults(row.defaults), insertDefaults };
  return withHead(identity, row.version, schema, row.schema, parts);
}

/** The table's row for the catalog. */
export function createRow(definition: TableDefinition): NonNullable<CatalogChange['createTables']>[number] {
  const { tableId, name, directory } = definition;
  return { tableId, name, directory, schema: schemaRow(definition) };
}

function makeDefinition(identity: Identity, version: number, schema: Schema, parts: ColumnParts): TableDefinition {
  return withHead(identity, version, schema, encodeSchema(schema).header, parts);
}

function withHead(
  { tableId, name, directory, path }: Identity,
  schemaVersion: number,
  schema: Schema,
  schemaHeader: Uint8Array,
  { fieldIds, defaults, insertDefaults }: ColumnParts,
): TableDefinition {
  const message = { header: schemaHeader, body: [], bodyBytes: 0 };
  return {
    tableId,
    name,
    directory,
    path,
    schemaVersion,
    schema,
    schemaHeader,
    segmentHead: concatBytes([FILE_MAGIC, storedHead(message, FILE_MAGIC.byteLength)]),
    fieldIds,
    defaults,
    insertDefaults,
    hasDictionaries: hasDictionaries(schema),
  };
}

/** The index of a column by name: exactly, else without regard to ASCII case. @throws `not_found` */
export function columnIndex(definition: TableDefinition, name: string): number {
  const { fields } = definition.schema;
  const exact = fields.findIndex((field) => field.name === name);
  if (exact >= 0) return exact;
  const folded = fields.findIndex((field) => foldName(field.name) === foldName(name));
  if (folded >= 0) return folded;
  throw new EngineError('not_found', `table "${definition.name}" has no column "${name}"; DESCRIBE lists them`);
}

/** What new rows get in a column that they are given no value for; undefined for NULL. */
export function defaultAt(
  { fieldIds, defaults, insertDefaults }: ColumnParts,
  index: number,
): ColumnDefault | undefined {
  const fieldId = present(fieldIds[index], 'field id');
  const sql = insertDefaults.get(fieldId);
  if (sql !== undefined) return sql === null ? undefined : { sql };
  const value = defaults.get(fieldId);
  return value === undefined ? undefined : { value };
}

/**
 * `definition` with one column more, at the end. `fieldId`: never used before. `value`: what the rows that are there
 * read as; `sql`: what new ones get. @throws `already_exists`
 */
export function withColumn(
  definition: TableDefinition,
  fieldId: number,
  field: Field,
  value: Vector | undefined,
  sql: string | undefined,
): TableDefinition {
  refuseTaken(definition, field.name, undefined);
  if (!field.nullable && (value === undefined || value.nullCount > 0 || field.type.id === 'null')) {
    const message = `column "${field.name}" of table "${definition.name}" would be NOT NULL without a default`;
    throw new EngineError('request_invalid', `${message}, and older rows have no value; give it a DEFAULT`);
  }
  const { schema, fieldIds, defaults, insertDefaults } = definition;
  const added = { ...schema, fields: [...schema.fields, field] };
  return nextVersion(definition, added, {
    fieldIds: [...fieldIds, fieldId],
    defaults: value === undefined ? defaults : new Map([...defaults, [fieldId, value]]),
    insertDefaults: sql === undefined ? insertDefaults : new Map([...insertDefaults, [fieldId, sql]]),
  });
}

/** `definition` without a column. @throws `not_found`; `request_invalid` for the last one */
export function withoutColumn(definition: TableDefinition, column: string): TableDefinition {
  const index = columnIndex(definition, column);
  const { schema, fieldIds } = definition;
  if (schema.fields.length === 1) {
    throw new EngineError(
      'request_invalid',
      `"${column}" is the only column of table "${definition.name}"; drop the table instead`,
    );
  }
  const others = <T>(items: readonly T[]): T[] => items.filter((_, i) => i !== index);
  const fieldId = present(fieldIds[index], 'field id');
  const defaults = new Map(definition.defaults);
  defaults.delete(fieldId);
  const insertDefaults = new Map(definition.insertDefaults);
  insertDefaults.delete(fieldId);
  const parts = { fieldIds: others(fieldIds), defaults, insertDefaults };
  return nextVersion(definition, { ...schema, fields: others(schema.fields) }, parts);
}

/** `definition` with a column called otherwise. @throws `not_found`, `already_exists` */
export function withRenamed(definition: TableDefinition, column: string, to: string): TableDefinition {
  const index = columnIndex(definition, column);
  refuseTaken(definition, to, index);
  return withField(definition, index, { name: to });
}

/** `definition` with a column that may be NULL, or may not. @throws `not_found` */
export function withNullable(definition: TableDefinition, column: string, nullable: boolean): TableDefinition {
  return withField(definition, columnIndex(definition, column), { nullable });
}

/** `definition` with another default for new rows; undefined for none. @throws `not_found` */
export function withDefault(definition: TableDefinition, column: string, sql: string | undefined): TableDefinition {
  const { schema, fieldIds } = definition;
  const fieldId = present(fieldIds[columnIndex(definition, column)], 'field id');
  const insertDefaults = new Map([...definition.insertDefaults, [fieldId, sql ?? null]]);
  return nextVersion(definition, schema, { ...definition, insertDefaults });
}

function withField(definition: TableDefinition, index: number, change: Partial<Field>): TableDefinition {
  const { schema } = definition;
  const fields = schema.fields.map((field, i) => (i === index ? { ...field, ...change } : field));
  return nextVersion(definition, { ...schema, fields }, definition);
}

function nextVersion(before: TableDefinition, schema: Schema, parts: ColumnParts): TableDefinition {
  return makeDefinition(before, before.schemaVersion + 1, numberDictionaries(schema), parts);
}

function refuseTaken(definition: TableDefinition, name: string, except: number | undefined): void {
  const taken = definition.schema.fields.find((field, i) => i !== except && foldName(field.name) === foldName(name));
  if (taken === undefined) return;
  throw new EngineError('already_exists', `table "${definition.name}" has a column "${taken.name}" already`);
}
