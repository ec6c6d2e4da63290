/**
 * Flight SQL's writes by DoPut: updates, values of prepared statements, and bulk ingest.
 *
 * Hides how the stream is read. Invariants: a stream that may bring values is read to its end before the answer; an
 * update of plain text is answered at once, since some drivers end their stream only after that; an update without
 * values needs no batch and not even a schema, since drivers differ in what they send. A statement without parameters
 * runs once, also with the batch of no rows that some drivers send along.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { joinBatches } from '../arrow/concat.ts';
import { BatchReader } from '../arrow/ipc-read.ts';
import { decodeSchema } from '../arrow/ipc-schema.ts';
import { vectorBytes } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import { BOUND_VALUES_BYTES_MAX } from '../base/limits.ts';
import type { QueryResult } from '../engine/contract.ts';
import { countBatch } from './call.ts';
import { statementOptions } from './caller.ts';
import type { Caller } from './caller.ts';
import { decodeFlightData } from './encode.ts';
import type { Inbox } from './inbox.ts';
import { encodeMessage } from './message.ts';
import { noSubstrait, refuseTransaction } from './sql-command.ts';
import type { SqlCommand } from './sql-command.ts';

/** A put that is a command: what its first message had, and what follows. */
export interface SqlPut {
  /** The schema message's header; empty where the first message had none. */
  readonly header: Uint8Array;
  readonly inbox: Inbox;
}

/** True for a command that takes no values, whose client may wait for the answer before it ends its stream. */
export function isAnsweredAtOnce(command: SqlCommand): boolean {
  return command.name === 'CommandStatementUpdate';
}

/** Runs the command; returns the body of the one PutResult. @throws what the statement brings */
export async function sqlPut(caller: Caller, command: SqlCommand, put: SqlPut): Promise<Buffer> {
  const options = statementOptions(caller);
  switch (command.name) {
    case 'CommandStatementUpdate': {
      refuseTransaction(command.fields.transaction_id);
      return updateAnswer(await caller.engine.query(command.fields.query, options));
    }
    case 'CommandPreparedStatementUpdate': {
      const values = await readBatches(put);
      const { statement } = caller.statements.get(command.fields.prepared_statement_handle);
      const isPlain = values === undefined || statement.parameters.fields.length === 0;
      return updateAnswer(await (isPlain ? statement.run([], options) : statement.runRows(values, options)));
    }
    case 'CommandPreparedStatementQuery': {
      const { prepared_statement_handle: handle } = command.fields;
      const values = await readBatches(put);
      const { statement } = caller.statements.get(handle);
      const isPlain = values === undefined || statement.parameters.fields.length === 0;
      if (!isPlain) caller.statements.bind(handle, values);
      return encodeMessage('DoPutPreparedStatementResult', { prepared_statement_handle: handle });
    }
    case 'CommandStatementSubstraitPlan':
      throw noSubstrait();
    default:
      throw new EngineError('request_invalid', `${command.name} is nothing to put; send it to GetFlightInfo`);
  }
}

/** Ends the statement and tells the rows that it changed, -1 for one that only reads. */
async function updateAnswer(result: QueryResult): Promise<Buffer> {
  for await (const batch of result.batches()) countBatch('out', batch.rowCount);
  return encodeMessage('DoPutUpdateResult', { record_count: result.changedCount ?? -1 });
}

/** All batches of the stream as one; undefined when there is none. @throws `request_invalid`, `limit_exceeded` */
async function readBatches({ header, inbox }: SqlPut): Promise<RecordBatch | undefined> {
  let reader = header.byteLength === 0 ? undefined : new BatchReader(decodeSchema(header), { trusted: false });
  const batches: RecordBatch[] = [];
  let bytes = 0;
  for (let received = await inbox.next(); received !== undefined; received = await inbox.next()) {
    try {
      const message = decodeFlightData(received.bytes);
      if (message.header.byteLength === 0) continue;
      if (reader === undefined) {
        reader = new BatchReader(decodeSchema(message.header.slice()), { trusted: false });
        continue;
      }
      // Values outlive the message that they came in.
      const batch = reader.read(message.header.slice(), message.body.slice());
      if (batch === undefined) continue;
      bytes += batch.columns.reduce((sum, column) => sum + vectorBytes(column), 0);
      if (bytes > BOUND_VALUES_BYTES_MAX) throw tooManyValues(bytes);
      countBatch('in', batch.rowCount);
      batches.push(batch);
    } finally {
      received.release();
    }
  }
  return batches.length === 0 ? undefined : joinBatches(batches);
}

function tooManyValues(bytes: number): EngineError {
  const most = `at most ${BOUND_VALUES_BYTES_MAX.toString()} are allowed`;
  return new EngineError(
    'limit_exceeded',
    `the values of the parameters have ${bytes.toString()} bytes, ${most}; send large data by an ingest`,
  );
}
