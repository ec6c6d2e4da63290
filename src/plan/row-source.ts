/**
 * Tables of rows that stand in memory: what system tables are made of.
 *
 * Hides that columns are built when they are first read. Invariant: the rows never change, and are bounded.
 */
import { buildVector } from '../arrow/build.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { RecordBatch } from '../arrow/batch.ts';
import type { ScanRequest, Source } from '../arrow/source.ts';
import type { DataType } from '../arrow/type.ts';
import type { Value } from '../arrow/value.ts';
import type { Vector } from '../arrow/vector.ts';
import { present } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { SYSTEM_ROWS_MAX } from '../base/limits.ts';

/** A source with a name. */
export type NamedSource = Source & { readonly name: string };

/** A column over rows of a kind. */
export interface RowColumn<Row> {
  readonly name: string;
  /** One of the flat types. */
  readonly type: DataType;
  /** Undefined: null in every row. Timestamps in microseconds. */
  readonly read: ((row: Row) => Value) | undefined;
  /** True when no row has null; the column may be null unless said. */
  readonly notNull?: boolean;
}

/** The table of `rows`. @throws `limit_exceeded` for too many rows */
export function rowSource<Row>(name: string, columns: readonly RowColumn<Row>[], rows: readonly Row[]): NamedSource {
  if (rows.length > SYSTEM_ROWS_MAX) {
    const counts = `${rows.length.toString()} rows, and at most ${SYSTEM_ROWS_MAX.toString()} are listed`;
    throw new EngineError('limit_exceeded', `the system table ${name} would have ${counts}`);
  }
  const schema = makeSchema(columns.map((column) => makeField(column.name, column.type, column.notNull !== true)));
  const built = new Map<number, Vector>();
  const build = (index: number): Vector => {
    const { type, read } = present(columns[index], 'a column of the table');
    const vector = read === undefined ? nullVector(type, rows.length) : buildVector(type, rows.map(read));
    built.set(index, vector);
    return vector;
  };
  async function* scan(request: ScanRequest): AsyncGenerator<RecordBatch> {
    if (rows.length === 0) return;
    const fields = request.columns.map((index) => present(schema.fields[index], 'a column of the table'));
    const vectors = request.columns.map((index) => built.get(index) ?? build(index));
    yield await Promise.resolve({ schema: makeSchema(fields), rowCount: rows.length, columns: vectors });
  }
  const total = rows.length === 0 ? 0 : 1;
  return { name, schema, rowCount: rows.length, scan, countBatches: () => Promise.resolve({ pruned: 0, total }) };
}
