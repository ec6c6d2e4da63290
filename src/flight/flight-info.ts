/**
 * GetFlightInfo and GetSchema: what a statement or a table will answer with, before it is read.
 *
 * Hides FlightInfo's form. Invariants: the schema is byte for byte the one that DoGet sends first; the row count is
 * exact; one endpoint without a location, which means the connection that asked; the ticket is refused after
 * `expiration_time`.
 */
import { encodeSchema, messagePrefix } from '../arrow/ipc-schema.ts';
import type { Schema } from '../arrow/schema.ts';
import { concatBytes } from '../base/bytes.ts';
import type { Engine, PromisedResult } from '../engine/contract.ts';
import { readTarget } from './descriptor.ts';
import type { FlightDescriptor } from './encode.ts';

/** FlightInfo as proto/Flight.proto has it. */
export interface FlightInfo {
  readonly schema: Uint8Array;
  readonly flight_descriptor: FlightDescriptor;
  readonly endpoint: readonly {
    readonly ticket: { readonly ticket: Uint8Array };
    readonly location: readonly { readonly uri: string }[];
    readonly expiration_time: { readonly seconds: number; readonly nanos: number };
  }[];
  readonly total_records: number;
  readonly total_bytes: number;
  readonly ordered: boolean;
}

/** The schema as FlightInfo and SchemaResult carry it: an encapsulated message. */
function schemaBytes(schema: Schema): Uint8Array {
  const message = encodeSchema(schema);
  return concatBytes([messagePrefix(message), message.header]);
}

/** The FlightInfo that tells `promised`. */
export function flightInfo(descriptor: FlightDescriptor, promised: PromisedResult): FlightInfo {
  const seconds = Math.floor(promised.expiresAtMs / 1000);
  const nanos = Math.round((promised.expiresAtMs - seconds * 1000) * 1e6);
  return {
    schema: schemaBytes(promised.schema),
    flight_descriptor: descriptor,
    endpoint: [{ ticket: { ticket: promised.ticket }, location: [], expiration_time: { seconds, nanos } }],
    total_records: promised.rowCount,
    total_bytes: promised.byteCount,
    ordered: true,
  };
}

/** Answers GetFlightInfo. @throws `request_invalid`, `not_found`, `unimplemented`, and what the statement brings */
export async function getFlightInfo(
  engine: Engine,
  descriptor: FlightDescriptor,
  signal: AbortSignal,
): Promise<FlightInfo> {
  const target = readTarget(descriptor);
  const promised = await (target.kind === 'table'
    ? engine.promiseTable(target.name)
    : engine.promise(target.sql, { signal }));
  return flightInfo(descriptor, promised);
}

/** Answers GetSchema; nothing runs. @throws as getFlightInfo */
export async function getSchema(
  engine: Engine,
  descriptor: FlightDescriptor,
): Promise<{ readonly schema: Uint8Array }> {
  const target = readTarget(descriptor);
  const schema = await (target.kind === 'table' ? engine.schemaOf(target.name) : engine.describe(target.sql));
  return { schema: schemaBytes(schema) };
}
