/**
 * FlightInfo: what a promise looks like on the wire.
 *
 * Hides FlightInfo's form. Invariants: an endpoint has no location, which means the connection that asked; a ticket is
 * refused after `expiration_time`; the endpoints, read one after another, are the answer in its order.
 */
import { encodeSchema, messagePrefix } from '../arrow/ipc-schema.ts';
import type { Schema } from '../arrow/schema.ts';
import { concatBytes } from '../base/bytes.ts';
import type { PromisedResult } from '../engine/contract.ts';
import type { FlightDescriptor } from './encode.ts';
import type { FlightInfo, Timestamp } from './message-type.ts';

/** The schema as Flight's messages carry it: an encapsulated message. */
export function schemaBytes(schema: Schema): Uint8Array {
  const message = encodeSchema(schema);
  return concatBytes([messagePrefix(message), message.header]);
}

/** The FlightInfo that tells `promised`; `wrap` makes of its tickets what the client is to send back. */
export function flightInfo(
  descriptor: FlightDescriptor,
  promised: PromisedResult,
  wrap: (ticket: Uint8Array) => Uint8Array = (ticket) => ticket,
): FlightInfo {
  const { ticket: whole, partTickets } = promised;
  const tickets = partTickets.length === 0 ? [whole] : partTickets;
  const expiration_time = timestamp(promised.expiresAtMs);
  return {
    schema: schemaBytes(promised.schema),
    flight_descriptor: descriptor,
    endpoint: tickets.map((ticket) => ({ ticket: { ticket: wrap(ticket) }, location: [], expiration_time })),
    total_records: promised.rowCount,
    total_bytes: promised.byteCount,
    ordered: true,
  };
}

/** The FlightInfo of an answer that is made when `ticket` is sent: no counts, no expiry. */
export function plainInfo(descriptor: FlightDescriptor, schema: Schema, ticket: Uint8Array): FlightInfo {
  return {
    schema: schemaBytes(schema),
    flight_descriptor: descriptor,
    endpoint: [{ ticket: { ticket }, location: [], expiration_time: null }],
    total_records: -1,
    total_bytes: -1,
    ordered: true,
  };
}

/** A wall time in ms as the protocol has it. */
export function timestamp(wallMs: number): Timestamp {
  const seconds = Math.floor(wallMs / 1000);
  return { seconds, nanos: Math.round((wallMs - seconds * 1000) * 1e6) };
}
