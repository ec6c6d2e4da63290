/**
 * Tables and schemas of an inspected catalog by their ids.
 *
 * Hides maps, which are made once for each content. Invariant: the same answers as a search of the lists.
 */
import type { CatalogContent, InspectedSchema, InspectedTable } from '../catalog/inspect.ts';

export interface CatalogIndex {
  table(tableId: number): InspectedTable | undefined;
  schema(tableId: number, version: number): InspectedSchema | undefined;
}

const known = new WeakMap<CatalogContent, CatalogIndex>();

export function indexOf(content: CatalogContent): CatalogIndex {
  const found = known.get(content);
  if (found !== undefined) return found;
  const tables = new Map(content.tables.map((table) => [table.tableId, table]));
  const key = (tableId: number, version: number): string => `${tableId.toString()}/${version.toString()}`;
  const schemas = new Map(content.schemas.map((schema) => [key(schema.tableId, schema.version), schema]));
  const index: CatalogIndex = {
    table: (tableId) => tables.get(tableId),
    schema: (tableId, version) => schemas.get(key(tableId, version)),
  };
  known.set(content, index);
  return index;
}
