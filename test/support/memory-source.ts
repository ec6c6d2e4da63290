/**
 * Tables in memory, as sources and as a catalog: for tests of planning and running without storage.
 *
 * Hides nothing. Invariants: batches come in the order given; nothing is pruned; `openScans` counts scans not yet
 * closed and `batchesRead` the batches handed out, so that tests see what an operator pulled.
 */
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { sliceBatch } from '../../src/arrow/slice.ts';
import type { ScanRequest, Source } from '../../src/arrow/source.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { Value } from '../../src/arrow/value.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import type { PlanCatalog } from '../../src/plan/physical.ts';

/** A table of batches in memory. */
export class MemorySource implements Source {
  readonly name: string;
  readonly schema: Schema;
  readonly batches: readonly RecordBatch[];
  batchesRead = 0;
  openScans = 0;

  constructor(name: string, schema: Schema, batches: readonly RecordBatch[]) {
    this.name = name;
    this.schema = schema;
    this.batches = batches;
  }

  get rowCount(): number {
    return this.batches.reduce((sum, batch) => sum + batch.rowCount, 0);
  }

  // oxlint-disable-next-line typescript/require-await -- sources are asynchronous
  async *scan(request: ScanRequest): AsyncGenerator<RecordBatch> {
    const schema = makeSchema(
      request.columns.map((column) => this.schema.fields[column] ?? makeField('', { id: 'null' })),
    );
    this.openScans++;
    try {
      for (const batch of this.batches) {
        this.batchesRead++;
        const columns = request.columns.map((column) => batch.columns[column] as Vector);
        yield { schema, rowCount: batch.rowCount, columns };
      }
    } finally {
      this.openScans--;
    }
  }

  countBatches(): Promise<{ readonly pruned: number; readonly total: number }> {
    return Promise.resolve({ pruned: 0, total: this.batches.length });
  }
}

/** One column given by values. */
export interface GivenColumn {
  readonly name: string;
  readonly type: DataType;
  readonly values: readonly Value[];
  readonly nullable?: boolean;
}

/** A table from values, cut into batches of `batchRows` rows (all in one unless given). */
export function tableOf(name: string, columns: readonly GivenColumn[], batchRows?: number): MemorySource {
  const schema = makeSchema(columns.map((column) => makeField(column.name, column.type, column.nullable ?? true)));
  const rowCount = columns[0]?.values.length ?? 0;
  const vectors = columns.map((column) => buildVector(column.type, column.values));
  return tableOfVectors(name, schema, vectors, rowCount, batchRows);
}

/** A table from whole columns, cut likewise. */
export function tableOfVectors(
  name: string,
  schema: Schema,
  columns: readonly Vector[],
  rowCount: number,
  batchRows = rowCount,
): MemorySource {
  const whole: RecordBatch = { schema, rowCount, columns };
  const batches: RecordBatch[] = [];
  for (let start = 0; start < rowCount; start += batchRows) {
    batches.push(sliceBatch(whole, start, Math.min(start + batchRows, rowCount)));
  }
  return new MemorySource(name, schema, batches);
}

/** A catalog of the tables, the same at every moment. */
export function catalogOf(tables: readonly MemorySource[]): PlanCatalog {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const catalog: PlanCatalog = {
    table: (name) => byName.get(name),
    tableNames: () => [...byName.keys()],
    view: () => undefined,
    viewNames: () => [],
    at: () => catalog,
    system: () => undefined,
  };
  return catalog;
}
