/**
 * A prepared statement of a Flight server.
 *
 * Hides its handle, which a server may forget: it is prepared again then. Invariants: values that are bound and the run
 * that they are for are not separated by those of another run; nothing that may have run is run again.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { EngineError } from '../base/errors.ts';
import { decodeSchema } from '../arrow/ipc-schema.ts';
import type { Schema } from '../arrow/schema.ts';
import { decodeMessage, packMessage, unpack } from '../flight/message.ts';
import type { CallOptions } from './flight-call.ts';
import type { FlightClient } from './flight-client.ts';
import { parameterBatch } from './parameter-batch.ts';
import type { ParameterValues } from './parameter-batch.ts';
import type { ResultStream } from './result-stream.ts';

/** Bytes of an encapsulated message before its header. */
const PREFIX_BYTES = 8;

interface Prepared {
  readonly handle: Uint8Array;
  /** A field for each parameter, by its number or name. */
  readonly parameters: Schema;
  readonly writes: boolean;
}

export class PreparedCalls {
  readonly sql: string;
  readonly #client: FlightClient;
  #prepared: Prepared;
  /** Ends when the run before has taken its values. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws EngineError */
  static async prepare(client: FlightClient, sql: string, options: CallOptions): Promise<PreparedCalls> {
    return new PreparedCalls(client, sql, await prepare(client, sql, options));
  }

  private constructor(client: FlightClient, sql: string, prepared: Prepared) {
    this.#client = client;
    this.sql = sql;
    this.#prepared = prepared;
  }

  /** True for a statement that changes something. */
  get writes(): boolean {
    return this.#prepared.writes;
  }

  /** A field for each parameter, by its number or name; of type text where any type will do. */
  get parameters(): Schema {
    return this.#prepared.parameters;
  }

  /** Runs a statement that reads. @throws EngineError */
  query(values: ParameterValues | undefined, options: CallOptions): Promise<ResultStream> {
    return this.#bound(values, options, (command) => this.#client.get(command, options));
  }

  /** Runs any statement, once, for the rows that it answers with. @throws EngineError */
  run(values: ParameterValues | undefined, options: CallOptions): Promise<ResultStream> {
    if (!this.writes) return this.query(values, options);
    return this.#bound(values, options, (command) => this.#client.getCommand(command, options));
  }

  /** Runs it for what it does; the rows that it changed, -1 where there is no such count. @throws EngineError */
  execute(values: ParameterValues | undefined, options: CallOptions): Promise<number> {
    return this.#withHandle(options, (handle) => this.#update(handle, this.#batchOf(values), options));
  }

  /** As `execute`, once for each row of a batch, whose columns are the parameters in order. @throws EngineError */
  executeRows(rows: RecordBatch, options: CallOptions): Promise<number> {
    return this.#withHandle(options, (handle) => this.#update(handle, rows, options));
  }

  /** The server forgets the statement. */
  async close(): Promise<void> {
    const { handle } = this.#prepared;
    const body = packMessage('ActionClosePreparedStatementRequest', { prepared_statement_handle: handle });
    await this.#client.action('ClosePreparedStatement', body);
  }

  #update(handle: Uint8Array, rows: RecordBatch | undefined, options: CallOptions): Promise<number> {
    const command = packMessage('CommandPreparedStatementUpdate', { prepared_statement_handle: handle });
    return this.#client.update(command, rows, options);
  }

  #batchOf(values: ParameterValues | undefined): RecordBatch | undefined {
    const { parameters } = this.#prepared;
    return values === undefined && parameters.fields.length === 0
      ? undefined
      : parameterBatch(parameters, values ?? []);
  }

  /** Binds the values and runs the command, both in one turn. */
  #bound(
    values: ParameterValues | undefined,
    options: CallOptions,
    run: (command: Buffer) => Promise<ResultStream>,
  ): Promise<ResultStream> {
    const batch = this.#batchOf(values);
    const work = (): Promise<ResultStream> =>
      this.#withHandle(options, async (handle) => {
        const command = packMessage('CommandPreparedStatementQuery', { prepared_statement_handle: handle });
        if (batch !== undefined) await this.#client.put(command, batch, options);
        return run(command);
      });
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #withHandle<T>(options: CallOptions, use: (handle: Uint8Array) => Promise<T>): Promise<T> {
    try {
      return await use(this.#prepared.handle);
    } catch (error) {
      if (!isForgotten(error)) throw error;
      this.#prepared = await prepare(this.#client, this.sql, options);
      return use(this.#prepared.handle);
    }
  }
}

/** True when the server knows no such handle, so that nothing has run. */
function isForgotten(error: unknown): boolean {
  return (
    error instanceof EngineError &&
    error.code === 'not_found' &&
    error.message.startsWith('there is no prepared statement')
  );
}

async function prepare(client: FlightClient, sql: string, options: CallOptions): Promise<Prepared> {
  const request = packMessage('ActionCreatePreparedStatementRequest', { query: sql });
  const answer = unpack(await client.action('CreatePreparedStatement', request, options));
  const made = decodeMessage('ActionCreatePreparedStatementResult', answer.value);
  return {
    handle: made.prepared_statement_handle,
    parameters: decodeSchema(made.parameter_schema.subarray(PREFIX_BYTES)),
    writes: made.dataset_schema.byteLength === 0,
  };
}
