/**
 * The integration scenarios of Flight SQL: the plain one runs the product's own methods over an engine of fixed
 * answers; the extension (Substrait, transactions) and the ingest with options that the product refuses are scripted.
 *
 * Hides nothing. Source: what the Go client of Apache Arrow's integration tests sends and compares.
 */
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { EngineError } from '../../src/base/errors.ts';
import type { PreparedStatement, PromisedResult, QueryResult } from '../../src/engine/contract.ts';
import { FakeEngine } from '../support/fake-engine.ts';

const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };

/** A column with everything that Flight SQL says of columns. */
function columnSchema(name: string, type: DataType): Schema {
  const facts = {
    TABLE_NAME: 'test',
    IS_AUTO_INCREMENT: '1',
    IS_CASE_SENSITIVE: '0',
    TYPE_NAME: 'type_test',
    SCHEMA_NAME: 'schema_test',
    IS_SEARCHABLE: '1',
    CATALOG_NAME: 'catalog_test',
    PRECISION: '100',
    REMARKS: 'test column',
  };
  const metadata = Object.entries(facts).map(([key, value]) => [`ARROW:FLIGHT:SQL:${key}`, value] as const);
  return makeSchema([makeField(name, type, true, metadata)]);
}

/** What a statement answers with, and what it answers with in a transaction. */
export const QUERY_SCHEMA = columnSchema('id', INT64);
export const TRANSACTION_SCHEMA = columnSchema('pkey', INT32);

/** Rows that statements say they changed. */
const CHANGED: Readonly<Record<string, number>> = {
  'UPDATE STATEMENT': 10_000,
  'UPDATE PREPARED STATEMENT': 20_000,
};

async function* noBatches(): AsyncGenerator<never> {
  yield* await Promise.resolve([]);
}

/** An engine that knows the statements of the scenario `flight_sql`, and no table. */
export class StatementEngine extends FakeEngine {
  constructor() {
    super();
    for (const sql of ['SELECT STATEMENT', 'SELECT PREPARED STATEMENT']) {
      this.answers.set(sql, { schema: QUERY_SCHEMA, batches: noBatches });
    }
    for (const sql of Object.keys(CHANGED)) this.answers.set(sql, { schema: makeSchema([]), batches: noBatches });
  }

  override async query(sql: string): Promise<QueryResult> {
    return { ...(await super.query(sql)), changedCount: CHANGED[sql] };
  }

  override async prepare(sql: string): Promise<PreparedStatement> {
    const schema = await this.describe(sql);
    const run = (): Promise<QueryResult> => this.query(sql);
    const promise = (values?: RecordBatch): Promise<PromisedResult> => {
      const columns = values?.schema.fields.map(({ name }) => name) ?? [];
      if (columns.join(' ') === 'id') return this.promise(sql);
      return Promise.reject(new EngineError('request_invalid', `the values have the columns ${columns.join(', ')}`));
    };
    const writes = Object.hasOwn(CHANGED, sql);
    return { sql, parameters: QUERY_SCHEMA, schema, writes, run, runRows: run, promise };
  }
}
