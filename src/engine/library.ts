/**
 * The engine as a library: `import { open } from 'sheaf'`. Arrow tables in, SQL, Arrow tables out, in this process.
 *
 * Hides batches, results and puts behind five calls; `engine` gives the rest. Invariants: `append` resolves when its
 * rows are durable; a query's whole answer is in memory (stream with `engine.query` where it may be large); one
 * process at a time opens a directory.
 */
import { joinBatches } from '../arrow/concat.ts';
import { fromArrowTable, toArrowTable } from '../arrow/interop.ts';
import type { ArrowTable } from '../arrow/interop.ts';
import type { RecordBatch, ResultBatch } from '../arrow/batch.ts';
import { emptyVector } from '../arrow/slice.ts';
import type { ParameterValues, PreparedStatement, QueryResult } from './contract.ts';
import { open as openEngine, Session } from './engine.ts';
import type { Engine, TableDescription } from './engine.ts';

export { EngineError } from '../base/errors.ts';
export type { ErrorCode } from '../base/errors.ts';
export { Session } from './engine.ts';
export type { Engine, TableDescription } from './engine.ts';
export type { ParameterValue, ParameterValues, PreparedStatement } from './contract.ts';

/** An open database. */
export interface Database {
  /** Everything else: streaming results, atomic puts of any size, tickets, status. */
  readonly engine: Engine;
  /**
   * Appends all rows of an apache-arrow table in one transaction; makes the table if it is missing. @throws
   * `schema_mismatch`
   */
  append(name: string, rows: ArrowTable): Promise<{ readonly commit: number; readonly rowCount: number }>;
  /**
   * Runs one statement; its whole answer as an apache-arrow table. What SET sets holds for the next calls, of this
   * database object alone. `values` are those of the statement's parameters, by place or by name. @throws `sql_syntax`,
   * `sql_bind`, `value_error` …
   */
  query(sql: string, values?: ParameterValues): Promise<ArrowTable>;
  /** Parses a statement to run it many times with other values. @throws as `query` does before it runs */
  prepare(sql: string): Promise<PreparedQuery>;
  /** Every table with schema, rows and bytes. */
  tables(): readonly TableDescription[];
  /** Ends what runs, seals, frees the directory's lock. */
  close(): Promise<void>;
}

/** A statement that can be run again and again. */
export interface PreparedQuery {
  /** What it is: types of its parameters, schema of its answer; runs that stream. */
  readonly statement: PreparedStatement;
  /** Runs it with one row of values; its whole answer as an apache-arrow table. */
  query(values?: ParameterValues): Promise<ArrowTable>;
  /** Runs it for each row of a table whose columns are the parameters in order: see PreparedStatement. */
  queryRows(rows: ArrowTable): Promise<ArrowTable>;
}

export interface DatabaseOptions {
  /** Where COPY may read and write files; nowhere unless given. It must lie apart from the database. */
  readonly copyDirectory?: string;
}

/** How long `close` waits for queries that still run. */
const CLOSE_GRACE_MS = 10_000;

/**
 * Opens the database in `directory`, which is made when it is missing.
 * @throws `locked` when another process has it open, `version_unsupported`, `corrupt`, `forbidden`, `storage_full`
 */
export async function open(directory: string, options: DatabaseOptions = {}): Promise<Database> {
  const engine = await openEngine(directory, options);
  const session = new Session();
  return {
    engine,
    async append(name, rows) {
      const { schema, batches } = await fromArrowTable(rows);
      const put = await engine.beginPut(name, schema);
      try {
        for (const batch of batches) await put.write(batch);
        const { commit, rowCount } = await put.commit();
        return { commit, rowCount };
      } catch (error) {
        await put.abort();
        throw error;
      }
    },
    async query(sql, values) {
      return tableOf(await engine.query(sql, { session, ...(values === undefined ? {} : { values }) }));
    },
    async prepare(sql) {
      const statement = await engine.prepare(sql, { session });
      return {
        statement,
        query: async (values) => tableOf(await statement.run(values, { session })),
        async queryRows(rows) {
          const { schema, batches } = await fromArrowTable(rows);
          const columns = schema.fields.map(({ type }) => emptyVector(type));
          const values = batches.length === 0 ? { schema, rowCount: 0, columns } : joinBatches(batches);
          return tableOf(await statement.runRows(values, { session }));
        },
      };
    },
    tables: () => engine.tables(),
    async close() {
      await engine.drain(CLOSE_GRACE_MS);
      await engine.close();
    },
  };
}

async function tableOf(result: QueryResult): Promise<ArrowTable> {
  return toArrowTable(result.schema, decoded(result.batches()));
}

async function* decoded(batches: AsyncIterable<ResultBatch>): AsyncGenerator<RecordBatch> {
  for await (const batch of batches) yield batch.batch();
}
