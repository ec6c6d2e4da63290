/**
 * Flight SQL's actions: prepared statements, and clear refusals of what is not offered. Bodies are packed messages.
 *
 * Hides nothing. Invariants: preparing runs nothing; the dataset schema of a statement that writes is empty, by which
 * drivers tell an update from a query.
 */
import { EngineError } from '../base/errors.ts';
import type { Caller } from './caller.ts';
import { schemaBytes } from './flight-info.ts';
import { decodeMessage, isPacked, packMessage, unpack } from './message.ts';
import type { MessageName } from './message.ts';
import type { MessageTypes } from './message-type.ts';
import { noSubstrait, noTransactions, refuseTransaction } from './sql-command.ts';
import { datasetSchema, parameterSchema } from './sql-query.ts';

const EMPTY = new Uint8Array(0);

/** Reads the packed body of an action. @throws `request_invalid` */
export function packedBody<Name extends MessageName>(name: Name, bytes: Uint8Array): MessageTypes[Name] {
  const packed = isPacked(bytes) ? unpack(bytes) : undefined;
  if (packed?.name === name) return decodeMessage(name, packed.value);
  const found = packed === undefined ? 'no packed message' : `a ${packed.name.slice(0, 100)}`;
  throw new EngineError('request_invalid', `the action's body is ${found}; it must be a packed ${name}`);
}

/** Prepares a statement and answers its handle and schemas. @throws what the statement brings */
export async function createPreparedStatement(caller: Caller, body: Uint8Array): Promise<Uint8Array> {
  const { query, transaction_id: transaction } = packedBody('ActionCreatePreparedStatementRequest', body);
  refuseTransaction(transaction);
  const statement = await caller.engine.prepare(query, { session: caller.session });
  const dataset = statement.writes ? EMPTY : schemaBytes(await datasetSchema(caller, statement));
  return packMessage('ActionCreatePreparedStatementResult', {
    prepared_statement_handle: caller.statements.add(statement),
    dataset_schema: dataset,
    parameter_schema: schemaBytes(parameterSchema(statement)),
  });
}

/** Forgets a prepared statement. @throws `request_invalid` */
export function closePreparedStatement(caller: Caller, body: Uint8Array): undefined {
  caller.statements.close(packedBody('ActionClosePreparedStatementRequest', body).prepared_statement_handle);
}

/** @throws `unimplemented` always */
export function refuseTransactions(): never {
  throw noTransactions();
}

/** @throws `unimplemented` always */
export function refuseSubstrait(): never {
  throw noSubstrait();
}
