/**
 * Reading a segment under another version of its table's schema than it was written with.
 *
 * Hides field ids. Invariants: a column is found by its field id, never by its name or place; a column that the
 * segment lacks reads as its default, or null; types never change under one field id.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import type { Bound } from '../arrow/source.ts';
import type { Vector } from '../arrow/vector.ts';
import { present } from '../base/assert.ts';
import { missingColumn } from './default-values.ts';
import type { TableDefinition } from './definition.ts';

/** True when stored bytes of one version are right under the other as they are: names may differ, nothing else. */
export function sameLayout(from: TableDefinition, to: TableDefinition): boolean {
  if (from === to) return true;
  return from.fieldIds.length === to.fieldIds.length && from.fieldIds.every((id, i) => id === to.fieldIds[i]);
}

/** Turns batches of one version into batches of columns of another. */
export class Layout {
  /** For each wanted column its index in the segment, or what it reads as. */
  readonly #sources: readonly (number | { readonly value: Vector | undefined })[];
  readonly #schema: Schema;
  readonly #isWhole: boolean;
  readonly #indexes: readonly number[];

  /** `columns`: indexes into `to.schema`, in the order wanted; all unless said. */
  constructor(
    from: TableDefinition,
    to: TableDefinition,
    columns: readonly number[] = to.schema.fields.map((_, i) => i),
  ) {
    this.#indexes = to.fieldIds.map((id) => from.fieldIds.indexOf(id));
    const fields = columns.map((column) => present(to.schema.fields[column], 'wanted column'));
    const isWhole = columns.length === to.schema.fields.length && columns.every((column, i) => column === i);
    this.#schema = isWhole ? to.schema : { fields, metadata: to.schema.metadata };
    this.#isWhole = isWhole && from === to;
    this.#sources = columns.map((column) => {
      const index = present(this.#indexes[column], 'column');
      return index >= 0 ? index : { value: to.defaults.get(present(to.fieldIds[column], 'field id')) };
    });
  }

  /** The wanted columns of a batch of the segment. */
  batch(stored: RecordBatch): RecordBatch {
    if (this.#isWhole) return stored;
    const { rowCount } = stored;
    const columns = this.#sources.map((source, i): Vector => {
      if (typeof source === 'number') return present(stored.columns[source], 'stored column');
      return missingColumn(present(this.#schema.fields[i], 'field').type, source.value, rowCount);
    });
    return { schema: this.#schema, rowCount, columns };
  }

  /** Bounds on columns of `to` as bounds on the segment's; those on columns that it lacks say nothing about it. */
  bounds(bounds: readonly Bound[]): readonly Bound[] {
    return bounds.flatMap((bound) => {
      const column = this.#indexes[bound.column] ?? -1;
      return column < 0 ? [] : [{ ...bound, column }];
    });
  }
}
