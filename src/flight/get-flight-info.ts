/**
 * GetFlightInfo and GetSchema: what a statement or a table will answer with, before it is read.
 *
 * Hides nothing. Invariants: the schema is byte for byte the one that DoGet sends first; of SQL text and of tables the
 * row count is exact.
 */
import type { PromiseOptions } from '../engine/contract.ts';
import { readTarget } from './descriptor.ts';
import { statementOptions } from './caller.ts';
import type { Caller } from './caller.ts';
import type { FlightDescriptor } from './encode.ts';
import { wantedEndpoints } from './endpoints.ts';
import { flightInfo, schemaBytes } from './flight-info.ts';
import type { FlightInfo } from './message-type.ts';
import { sqlFlightInfo, sqlSchema } from './sql-query.ts';

/**
 * Answers GetFlightInfo; `how` is told to the engine. @throws `request_invalid`, `not_found`, `unimplemented`, and what
 * the statement brings
 */
export async function getFlightInfo(
  caller: Caller,
  descriptor: FlightDescriptor,
  how: PromiseOptions = {},
): Promise<FlightInfo> {
  const { engine, signal, header } = caller;
  const target = readTarget(descriptor);
  const parts = wantedEndpoints(header);
  switch (target.kind) {
    case 'command':
      return sqlFlightInfo(caller, target.command, descriptor, how);
    case 'table':
      return flightInfo(descriptor, await engine.promiseTable(target.name, { signal, parts, ...how }));
    case 'sql':
      return flightInfo(descriptor, await engine.promise(target.sql, { ...statementOptions(caller), parts, ...how }));
  }
}

/** Answers GetSchema; nothing runs. @throws as getFlightInfo */
export async function getSchema(
  caller: Caller,
  descriptor: FlightDescriptor,
): Promise<{ readonly schema: Uint8Array }> {
  const { engine } = caller;
  const target = readTarget(descriptor);
  switch (target.kind) {
    case 'command':
      return { schema: schemaBytes(await sqlSchema(caller, target.command)) };
    case 'table':
      return { schema: schemaBytes(await engine.schemaOf(target.name)) };
    case 'sql':
      return { schema: schemaBytes(await engine.describe(target.sql, statementOptions(caller))) };
  }
}
