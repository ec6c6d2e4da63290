/**
 * Flight SQL's reads: what a command will answer with, and the answer.
 *
 * A query is planned by GetFlightInfo and runs in DoGet. A statement that writes runs in GetFlightInfo, once, and its
 * ticket names the answer, so that a DoGet that is sent twice never writes.
 *
 * Hides which command is answered by what. Invariants: the schema is byte for byte the one that DoGet sends first;
 * every endpoint's ticket is a packed command, since some drivers take no other.
 */
import { encodeResults, once } from '../arrow/ipc-stream.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { makeSchema } from '../arrow/schema.ts';
import type { Schema } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import { EngineError } from '../base/errors.ts';
import type { PreparedStatement, PromiseOptions, QueryResult } from '../engine/contract.ts';
import { statementOptions } from './caller.ts';
import type { Caller } from './caller.ts';
import type { FlightDescriptor } from './encode.ts';
import { wantedEndpoints } from './endpoints.ts';
import { flightInfo, plainInfo } from './flight-info.ts';
import { packMessage } from './message.ts';
import type { FlightInfo } from './message-type.ts';
import { noSubstrait, refuseTransaction } from './sql-command.ts';
import type { MetadataCommand, SqlCommand } from './sql-command.ts';
import { metadataRows, metadataSchema } from './sql-metadata.ts';

/** Answers GetFlightInfo for a command; `how` is told to the engine. @throws what the statement brings */
export async function sqlFlightInfo(
  caller: Caller,
  command: SqlCommand,
  descriptor: FlightDescriptor,
  how: PromiseOptions = {},
): Promise<FlightInfo> {
  const options = { ...statementOptions(caller), parts: wantedEndpoints(caller.header), ...how };
  switch (command.name) {
    case 'CommandStatementQuery': {
      refuseTransaction(command.fields.transaction_id);
      const promised = await caller.engine.promiseOnce(command.fields.query, options);
      return flightInfo(descriptor, promised, wrapTicket);
    }
    case 'CommandPreparedStatementQuery': {
      const { statement, values } = caller.statements.get(command.fields.prepared_statement_handle);
      return flightInfo(descriptor, await statement.promise(values, options), wrapTicket);
    }
    case 'CommandStatementSubstraitPlan':
      throw noSubstrait();
    case 'TicketStatementQuery':
    case 'CommandStatementUpdate':
    case 'CommandPreparedStatementUpdate':
    case 'CommandStatementIngest':
      throw notRead(command.name);
    default:
      return plainInfo(descriptor, metadataSchema(command), descriptor.cmd);
  }
}

/** The schema that `sqlFlightInfo` would answer with; nothing runs. @throws as `sqlFlightInfo` */
export async function sqlSchema(caller: Caller, command: SqlCommand): Promise<Schema> {
  switch (command.name) {
    case 'CommandStatementQuery':
      refuseTransaction(command.fields.transaction_id);
      return caller.engine.describe(command.fields.query, statementOptions(caller));
    case 'CommandPreparedStatementQuery':
      return datasetSchema(caller, caller.statements.get(command.fields.prepared_statement_handle).statement);
    case 'CommandStatementSubstraitPlan':
      throw noSubstrait();
    case 'TicketStatementQuery':
    case 'CommandStatementUpdate':
    case 'CommandPreparedStatementUpdate':
    case 'CommandStatementIngest':
      throw notRead(command.name);
    default:
      return metadataSchema(command);
  }
}

/** Answers DoGet for a command as ticket. @throws as `redeem`, and what the statement brings */
export async function sqlResult(caller: Caller, command: SqlCommand): Promise<QueryResult> {
  const options = { ...statementOptions(caller), readOnly: true };
  switch (command.name) {
    case 'TicketStatementQuery':
      return caller.engine.redeem(command.fields.statement_handle, options);
    case 'CommandStatementQuery':
      refuseTransaction(command.fields.transaction_id);
      return caller.engine.query(command.fields.query, options);
    case 'CommandPreparedStatementQuery': {
      const { statement, values } = caller.statements.get(command.fields.prepared_statement_handle);
      return values === undefined ? statement.run([], options) : statement.runRows(values, options);
    }
    case 'CommandStatementSubstraitPlan':
      throw noSubstrait();
    case 'CommandStatementUpdate':
    case 'CommandPreparedStatementUpdate':
    case 'CommandStatementIngest':
      throw notRead(command.name);
    default:
      return metadataResult(caller, command);
  }
}

/**
 * The parameters as drivers want them: of text where any type will do, since they cannot bind one of type null, and
 * times and timestamps in milliseconds, since JDBC's driver writes these whatever the unit. Values are taken in any
 * unit.
 */
export function parameterSchema({ parameters }: PreparedStatement): Schema {
  return makeSchema(parameters.fields.map((field) => ({ ...field, type: parameterType(field.type) })));
}

function parameterType(type: DataType): DataType {
  if (type.id === 'null') return { id: 'utf8' };
  if (type.id === 'timestamp') return { ...type, unit: 'millisecond' };
  return type.id === 'time' ? { id: 'time', unit: 'millisecond', bitWidth: 32 } : type;
}

/** What a query answers with, also where that depends on the values: then as for those of `parameterSchema`. */
export async function datasetSchema(caller: Caller, statement: PreparedStatement): Promise<Schema> {
  if (statement.schema !== undefined) return statement.schema;
  const schema = parameterSchema(statement);
  const columns = schema.fields.map(({ type }) => nullVector(type, 1));
  const promised = await statement.promise({ schema, rowCount: 1, columns }, statementOptions(caller));
  return promised.schema;
}

/** One of our tickets as a packed command. */
function wrapTicket(ticket: Uint8Array): Uint8Array {
  return packMessage('TicketStatementQuery', { statement_handle: ticket });
}

async function metadataResult(caller: Caller, command: MetadataCommand): Promise<QueryResult> {
  const schema = metadataSchema(command);
  const batch = await metadataRows(caller, command);
  return {
    schema,
    rowCount: batch.rowCount,
    byteCount: undefined,
    changedCount: undefined,
    batches: () => encodeResults(schema, once(batch)),
    close: () => undefined,
  };
}

function notRead(name: string): EngineError {
  return new EngineError('request_invalid', `${name} is not something to read; send it to DoPut`);
}
