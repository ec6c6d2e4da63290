/**
 * ALTER TABLE: a new version of a table's definition, or of its retention, in one commit. Nothing is rewritten: older
 * segments keep the version they were written under, and are read through it (layout.ts).
 *
 * Hides which version comes next. Invariants: the active segment ends, so that a segment has one version; streams that
 * were begun before go on under theirs; a snapshot reads the version that was in force at its commit.
 */
import { EngineError } from '../base/errors.ts';
import type { CatalogChange, TtlRow } from '../catalog/rows.ts';
import type { TableAlteration } from './contract.ts';
import {
  columnIndex,
  schemaRow,
  withColumn,
  withDefault,
  withNullable,
  withRenamed,
  withoutColumn,
} from './definition.ts';
import type { TableDefinition } from './definition.ts';
import type { Segment } from './segment.ts';
import { nullCountAt } from './statistics.ts';
import { missingTable } from './store.ts';
import type { Store } from './store.ts';
import type { Table } from './table.ts';

/** Alters the table. Called between group commits. @throws `not_found`, `already_exists`, `request_invalid` */
export async function alterTable(store: Store, table: Table, change: TableAlteration): Promise<void> {
  store.checkWritable();
  if (table.droppedCommit !== undefined) throw missingTable(table.name);
  if (table.damage !== undefined) throw table.damage;
  if (change.kind === 'set_ttl') {
    const ttl = change.ttl === undefined ? undefined : ttlRow(table, change.ttl);
    await commit(store, { setTtls: [{ tableId: table.definition.tableId, ttl }] });
    table.ttl = ttl;
    return;
  }
  if (change.kind === 'set_nullable' && !change.nullable) await refuseNulls(table, change.column);
  const definition = altered(table, change);
  await commit(store, { addSchemas: [{ ...schemaRow(definition), tableId: definition.tableId }] });
  table.define(definition, store.version);
  store.endActive(table);
}

function altered(table: Table, change: Exclude<TableAlteration, { kind: 'set_ttl' }>): TableDefinition {
  const { definition } = table;
  switch (change.kind) {
    case 'add_column':
      return withColumn(definition, table.nextFieldId, change.field, change.default, change.sql);
    case 'set_default':
      return withDefault(definition, change.column, change.sql);
    case 'set_nullable':
      return withNullable(definition, change.column, change.nullable);
    case 'rename_column':
      return withRenamed(definition, change.column, change.to);
    case 'drop_column': {
      const fieldId = definition.fieldIds[columnIndex(definition, change.column)];
      if (table.ttl !== undefined && table.ttl.fieldId === fieldId) {
        const message = `column "${change.column}" of table "${table.name}" decides how long rows are kept`;
        throw new EngineError('request_invalid', `${message}; ALTER TABLE … DROP TTL first`);
      }
      return withoutColumn(definition, change.column);
    }
  }
}

/** By the zone maps of all segments; nothing is appended meanwhile. @throws `value_error` when there are NULLs */
async function refuseNulls(table: Table, column: string): Promise<void> {
  const { definition, name } = table;
  const fieldId = definition.fieldIds[columnIndex(definition, column)] ?? 0;
  for (const segment of table.liveSegments) {
    if (segment.rowCount === 0) continue;
    const nulls = await nullsIn(segment, fieldId, definition.defaults.has(fieldId));
    if (nulls === 0) continue;
    const what = `column "${column}" of table "${name}" cannot be made NOT NULL`;
    if (nulls === undefined) {
      const why = 'it is not kept how many of its values are NULL';
      throw new EngineError('unimplemented', `${what}: ${why}; add a column that is NOT NULL and fill it by UPDATE`);
    }
    throw new EngineError('value_error', `${what}: it has rows in which it is NULL; change them by UPDATE first`);
  }
}

/** How many rows of the segment have a NULL in the column, at least in its first batch that has some. */
async function nullsIn(segment: Segment, fieldId: number, hasDefault: boolean): Promise<number | undefined> {
  const column = segment.identity.definition.fieldIds.indexOf(fieldId);
  if (column < 0) return hasDefault ? 0 : segment.rowCount;
  const index = await segment.loadIndex();
  for (let i = 0; i < segment.messageCount; i++) {
    if (index.isDictionary(i)) continue;
    const nulls = nullCountAt(index.statistics, index.statisticsStart(i), column);
    if (nulls !== 0) return nulls;
  }
  return 0;
}

function ttlRow(table: Table, { column, ms }: { readonly column: string; readonly ms: number }): TtlRow {
  const { definition } = table;
  const index = columnIndex(definition, column);
  const type = definition.schema.fields[index]?.type;
  if (type?.id !== 'timestamp' && type?.id !== 'date') {
    const message = `column "${column}" of table "${table.name}" is no timestamp and no date`;
    throw new EngineError('request_invalid', `${message}; retention goes by the age of such a column`);
  }
  return { fieldId: definition.fieldIds[index] ?? 0, ms };
}

async function commit(store: Store, change: Pick<CatalogChange, 'addSchemas' | 'setTtls'>): Promise<void> {
  const version = store.version + 1;
  await store.apply({ commit: version, timeMs: store.clock.wallMs(), ...change }, 'a change of a table');
  store.version = version;
}
