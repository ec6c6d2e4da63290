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
import { columnIndex, schemaRow, withColumn, withRenamed, withoutColumn } from './definition.ts';
import type { TableDefinition } from './definition.ts';
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
  const definition = altered(table, change);
  await commit(store, { addSchemas: [{ ...schemaRow(definition), tableId: definition.tableId }] });
  table.define(definition, store.version);
  store.endActive(table);
}

function altered(table: Table, change: Exclude<TableAlteration, { kind: 'set_ttl' }>): TableDefinition {
  const { definition } = table;
  switch (change.kind) {
    case 'add_column':
      return withColumn(definition, table.nextFieldId, change.field, change.default);
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
