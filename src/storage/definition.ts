/**
 * Table definitions: from a schema for a table to come, from a catalog row for one that is there.
 *
 * Hides numbering of dictionaries and the bytes that begin each segment. Invariant: the same catalog row always
 * gives the same segment head, so that offsets in old segments keep their meaning.
 */
import { decodeSchema, encodeSchema, numberDictionaries } from '../arrow/ipc-schema.ts';
import { FILE_MAGIC } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { concatBytes } from '../base/bytes.ts';
import type { TableRow } from '../catalog/rows.ts';
import { hasDictionaries } from './dictionaries.ts';
import { randomTableDirectory, tablePath } from './filename.ts';
import type { DatabasePaths } from './filename.ts';
import { storedHead } from './stored-message.ts';
import type { TableDefinition } from './table.ts';

/** The definition of a table that does not exist yet; `tableId` is its own for ever. */
export function newDefinition(paths: DatabasePaths, tableId: number, name: string, schema: Schema): TableDefinition {
  const numbered = numberDictionaries(schema);
  const { header } = encodeSchema(numbered);
  return definition(paths, numbered, {
    tableId,
    name,
    directory: randomTableDirectory(),
    schema: header,
    fieldIds: numbered.fields.map((_, i) => i + 1),
  });
}

/** The definition of a table in the catalog. @throws `request_invalid` when its schema cannot be read */
export function storedDefinition(paths: DatabasePaths, row: TableRow): TableDefinition {
  return definition(paths, decodeSchema(row.schema), row);
}

function definition(
  paths: DatabasePaths,
  schema: Schema,
  row: Pick<TableRow, 'tableId' | 'name' | 'directory' | 'schema' | 'fieldIds'>,
): TableDefinition {
  const message = { header: row.schema, body: [], bodyBytes: 0 };
  return {
    tableId: row.tableId,
    name: row.name,
    directory: row.directory,
    path: tablePath(paths, row.directory),
    schema,
    schemaHeader: row.schema,
    segmentHead: concatBytes([FILE_MAGIC, storedHead(message, FILE_MAGIC.byteLength)]),
    fieldIds: row.fieldIds,
    hasDictionaries: hasDictionaries(schema),
  };
}
