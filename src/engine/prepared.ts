/**
 * Prepared statements: parsed once, their types known, run with values as often as wanted.
 *
 * Hides how many rows of values are run: an INSERT of one row takes them all at once, in one commit; every other
 * statement runs once for each row, in order, a query's results one after another. Invariants: what is promised in
 * `parameters` and `schema` is inferred from the tables as they were when it was prepared; a run sees the newest
 * snapshot; a failure names parameter and row.
 */
import type { RecordBatch, ResultBatch } from '../arrow/batch.ts';
import { makeReader } from '../arrow/value.ts';
import { encodeResults, once } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { makeSchema } from '../arrow/schema.ts';
import type { Source } from '../arrow/source.ts';
import { sameType } from '../arrow/type.ts';
import { EngineError } from '../base/errors.ts';
import { atMoment } from '../plan/needs.ts';
import type { ParsedStatement } from '../plan/needs.ts';
import { checkColumns, literalsOf, literalsOfRow } from '../plan/parameter-value.ts';
import type { GivenValues } from '../plan/parameter-value.ts';
import type { PlannedStatement } from '../plan/physical.ts';
import { isQuery } from '../plan/plan.ts';
import type { DescribedStatement } from '../plan/plan.ts';
import { COUNT_SCHEMA, commandSchema, countColumn } from './command.ts';
import type {
  Engine,
  PreparedStatement,
  PromiseOptions,
  PromisedResult,
  QueryResult,
  StatementOptions,
} from './contract.ts';
import { batchSource } from './input-table.ts';
import type { Request } from './planning.ts';
import type { PromisedStatement } from './promises.ts';
import { makeResult } from './result.ts';
import type { Session } from './session.ts';

/** Starts a request; now() in it is to be what `request` is given. */
export type StartRequest = (request: (nowMs: number) => Request, options: StatementOptions) => Promise<QueryResult>;

/** How a prepared statement reaches the engine. */
export interface PreparedHost {
  readonly start: StartRequest;
  readonly promise: (statement: PromisedStatement, options: PromiseOptions) => Promise<PromisedResult>;
  /** The promise of an answer that is there. */
  readonly done: (result: QueryResult) => Promise<PromisedResult>;
}

/** Makes the prepared statement. */
export function makePrepared(
  parsed: ParsedStatement,
  { parameters, planned }: DescribedStatement,
  { start, promise, done }: PreparedHost,
): PreparedStatement {
  const writes = planned !== undefined && planned.kind !== 'query';
  const runner = new Runner(parsed, start, writes);
  return {
    sql: parsed.sql,
    parameters,
    schema: planned === undefined ? undefined : promisedSchema(planned, parameters),
    writes,
    run: async (values = [], options = {}) => runner.run(literalsOf(parsed.parameters, values), options),
    runRows: (batch, options = {}) => runner.runRows(batch, options),
    promise: async (batch, options = {}) => {
      if (batch !== undefined && batch.rowCount !== 1) return done(await runner.runRows(batch, options));
      const request = (nowMs: number): Request => runner.request(nowMs, runner.valuesOf(batch));
      return promise({ sql: parsed.sql, values: batch, request }, options);
    },
  };
}

/** True for PREPARE and EXECUTE, which mean something in a session alone. */
export function needsSession({ statement }: ParsedStatement): boolean {
  return statement.kind === 'prepare' || statement.kind === 'execute';
}

/**
 * Such a statement as a prepared one, since some drivers prepare whatever they send: it has no parameters of its own,
 * and is read again by each run. @throws what describing it throws
 */
export async function preparedText(
  engine: Engine,
  sql: string,
  { statement }: ParsedStatement,
  session: Session | undefined,
): Promise<PreparedStatement> {
  const own = session === undefined ? {} : { session };
  const schema = await engine.describe(sql, own);
  const target = statement.kind === 'execute' ? session?.prepared(statement.name.name).statement : undefined;
  const parameters = makeSchema([]);
  const refuseValues = (batch: RecordBatch | undefined): void => {
    if (batch === undefined || batch.columns.length === 0) return;
    const message = `${statement.kind.toUpperCase()} takes no values beside its text; write them into EXECUTE`;
    throw new EngineError('request_invalid', message);
  };
  return {
    sql,
    parameters,
    schema,
    writes: target === undefined || !isQuery(target),
    run: (values = [], options = {}) => engine.query(sql, { ...own, ...options, values }),
    runRows: async (batch, options = {}) => {
      refuseValues(batch);
      return engine.query(sql, { ...own, ...options });
    },
    promise: async (batch, options = {}) => {
      refuseValues(batch);
      return engine.promiseOnce(sql, { ...own, ...options });
    },
  };
}

/** The schema that a plan answers with; undefined where a column's type is that of a parameter of any type. */
function promisedSchema(planned: PlannedStatement, parameters: Schema): Schema | undefined {
  if (planned.kind !== 'query') return commandSchema(planned);
  const isOpen = ({ fields }: Schema): boolean => fields.some(({ type }) => type.id === 'null');
  return isOpen(parameters) && isOpen(planned.schema) ? undefined : planned.schema;
}

class Runner {
  readonly #parsed: ParsedStatement;
  readonly #start: StartRequest;
  readonly #writes: boolean;

  constructor(parsed: ParsedStatement, start: StartRequest, writes: boolean) {
    this.#parsed = parsed;
    this.#start = start;
    this.#writes = writes;
  }

  run(values: GivenValues, options: StatementOptions, rows?: Source): Promise<QueryResult> {
    return this.#start((nowMs) => this.request(nowMs, values, rows), options);
  }

  /** The statement with values, its now() at `nowMs`. */
  request(nowMs: number, values: GivenValues, rows?: Source): Request {
    const parsed = atMoment(this.#parsed, BigInt(nowMs) * 1_000n);
    return rows === undefined ? { parsed, values } : { parsed, values, rows };
  }

  /** The values of a batch of one row, or of none. @throws as `run` */
  valuesOf(batch: RecordBatch | undefined): GivenValues {
    if (batch === undefined) return literalsOf(this.#parsed.parameters, []);
    checkColumns(this.#parsed.parameters, batch);
    return this.#row(batch, 0);
  }

  async runRows(batch: RecordBatch, options: StatementOptions): Promise<QueryResult> {
    checkColumns(this.#parsed.parameters, batch);
    if (batch.rowCount === 1) return this.run(this.#row(batch, 0), options);
    const { statement } = this.#parsed;
    const isInsert = statement.kind === 'insert' && statement.source.kind === 'value_rows';
    if (isInsert && statement.source.rows.length === 1 && this.#takesRows() && batch.rowCount > 0) {
      return this.#insert(batch, options);
    }
    return this.#writes ? this.#sum(batch, options) : this.#concat(batch, options);
  }

  #takesRows(): boolean {
    const { statement } = this.#parsed;
    if (statement.kind !== 'insert' || statement.source.kind !== 'value_rows') return false;
    const { rows, isDefault } = statement.source;
    return !isDefault && rows[0]?.values.every((value) => value.kind !== 'default_value') === true;
  }

  #row(batch: RecordBatch, row: number): GivenValues {
    return literalsOfRow(this.#parsed.parameters, batch, row);
  }

  async #insert(batch: RecordBatch, options: StatementOptions): Promise<QueryResult> {
    return this.run([], options, sourceOf(batch));
  }

  /** Each row by itself; the sum of what they changed. */
  async #sum(batch: RecordBatch, options: StatementOptions): Promise<QueryResult> {
    let count = 0;
    for (let row = 0; row < batch.rowCount; row++) {
      count += await this.#located(row, async () => countOf(await this.run(this.#row(batch, row), options)));
    }
    const schema = COUNT_SCHEMA;
    const batches = (): AsyncIterable<ResultBatch> =>
      encodeResults(schema, once({ schema, rowCount: 1, columns: [countColumn(count)] }));
    return makeResult({
      schema,
      rowCount: 1,
      byteCount: undefined,
      changedCount: count,
      batches,
      signal: options.signal,
      turn: undefined,
      unpin: () => undefined,
    });
  }

  /** The results of all rows, one after another. */
  async #concat(batch: RecordBatch, options: StatementOptions): Promise<QueryResult> {
    if (batch.rowCount === 0) {
      throw new EngineError('request_invalid', 'a batch of parameters without rows runs no query; give one row');
    }
    const first = await this.#located(0, () => this.run(this.#row(batch, 0), options));
    const { schema } = first;
    const all = async function* (this: Runner): AsyncGenerator<ResultBatch> {
      yield* first.batches();
      for (let row = 1; row < batch.rowCount; row++) {
        const next = await this.#located(row, () => this.run(this.#row(batch, row), options));
        try {
          checkSame(schema, next.schema, row);
          yield* next.batches();
        } finally {
          next.close();
        }
      }
    };
    return makeResult({
      schema,
      rowCount: undefined,
      byteCount: undefined,
      batches: () => all.call(this),
      signal: options.signal,
      turn: undefined,
      unpin: () => {
        first.close();
      },
    });
  }

  /** Says which row of values an error is about. */
  async #located<T>(row: number, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const { code, message, position } = error;
      const options = { ...(position === undefined ? {} : { position }), cause: error };
      throw new EngineError(code, `row ${(row + 1).toString()} of the parameters: ${message}`, options);
    }
  }
}

function checkSame(schema: Schema, other: Schema, row: number): void {
  const isSame = schema.fields.every((field, i) => {
    const type = other.fields[i]?.type;
    return type !== undefined && sameType(field.type, type);
  });
  if (isSame) return;
  const message = `row ${(row + 1).toString()} of the parameters gives columns of other types than the first`;
  throw new EngineError('schema_mismatch', `${message}; cast the parameters in the SQL text`);
}

async function countOf(result: QueryResult): Promise<number> {
  let count = 0;
  for await (const batch of result.batches()) {
    const column = batch.batch().columns[0];
    const value = column === undefined ? 0n : makeReader(column)(0);
    if (typeof value === 'bigint') count += Number(value);
  }
  return count;
}

/** The batch as a source of columns that may be null. */
function sourceOf(batch: RecordBatch): Source {
  return batchSource(makeSchema(batch.schema.fields.map((field) => ({ ...field, nullable: true }))), [batch]);
}
