/**
 * Flight's small messages by name: to bytes and back, also packed as a protobuf Any.
 *
 * Hides protobuf and the proto files for everything but FlightData and Ticket (encode.ts). Invariants: bytes that are
 * no such message are `request_invalid`; fields that a message lacks have their default, those declared `optional` are
 * undefined; 64-bit numbers are numbers, since none here passes 2^53.
 */
import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { EngineError } from '../base/errors.ts';
import type { MessageTypes } from './message-type.ts';

export type MessageName = keyof MessageTypes;

const FLIGHT = 'arrow.flight.protocol.';
const FLIGHT_SQL = `${FLIGHT}sql.`;
const TYPE_URL = 'type.googleapis.com/';

const path = (name: string): string => fileURLToPath(new URL(`../../proto/${name}`, import.meta.url));
const FILES = ['Flight.proto', 'FlightSql.proto', 'Health.proto', 'Reflection.proto'];
const definition = loadSync(FILES.map(path), {
  keepCase: true,
  longs: Number,
  enums: Number,
  defaults: true,
  arrays: true,
  objects: true,
});

/** A service of the proto files by its full name. */
export function serviceOf(name: string): ServiceDefinition {
  const service = definition[name];
  if (service === undefined || 'format' in service) throw new Error(`the proto files have no service ${name}`);
  return service;
}

/** The descriptors of the proto files and of what they import, as proto-loader makes them. */
export function fileDescriptors(): readonly Buffer[] {
  return typeOf('Ticket').fileDescriptorProtos;
}

function typeOf(name: string): MessageTypeDefinition<object, object> {
  const type = definition[`${FLIGHT_SQL}${name}`] ?? definition[`${FLIGHT}${name}`];
  if (type === undefined || !('deserialize' in type)) throw new Error(`the proto files have no message ${name}`);
  return type as MessageTypeDefinition<object, object>;
}

/** Reads a message. @throws `request_invalid` */
export function decodeMessage<Name extends MessageName>(name: Name, bytes: Uint8Array): MessageTypes[Name] {
  try {
    return typeOf(name).deserialize(Buffer.from(bytes)) as MessageTypes[Name];
  } catch (cause) {
    const size = bytes.byteLength.toString();
    throw new EngineError('request_invalid', `these ${size} bytes are no ${name} message`, { cause });
  }
}

/** Writes a message; fields that are left out have their default. */
export function encodeMessage<Name extends MessageName>(name: Name, value: Partial<MessageTypes[Name]>): Buffer {
  return typeOf(name).serialize(value);
}

/** A message of Flight SQL, packed as an Any. */
export function packMessage<Name extends MessageName>(name: Name, value: Partial<MessageTypes[Name]>): Buffer {
  const packed = { type_url: `${TYPE_URL}${FLIGHT_SQL}${name}`, value: encodeMessage(name, value) };
  return encodeMessage('Packed', packed);
}

/**
 * True when `bytes` are a message of Flight SQL packed as an Any, by the type name that it begins with. A failed decode
 * could not tell: SQL text that begins with a newline (0x0A) looks like the first field of an Any.
 */
export function isPacked(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x0a) return false;
  let at = 1;
  while ((bytes[at] ?? 0) >= 0x80) at++;
  const prefix = `${TYPE_URL}${FLIGHT_SQL}`;
  return Buffer.from(bytes.subarray(at + 1, at + 1 + prefix.length)).toString('latin1') === prefix;
}

/** The name and the bytes of a packed message. @throws `request_invalid` */
export function unpack(bytes: Uint8Array): { readonly name: string; readonly value: Uint8Array } {
  const { type_url: typeUrl, value } = decodeMessage('Packed', bytes);
  return { name: typeUrl.slice(`${TYPE_URL}${FLIGHT_SQL}`.length), value };
}
