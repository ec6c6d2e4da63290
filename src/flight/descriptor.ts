/**
 * Descriptors: what a client asks for or puts to.
 *
 * Reading: a command is SQL text, a path of one element is a table. Putting: both name a table. Flight SQL commands
 * are told apart by the type name that their protobuf Any begins with, never by a failed decode: SQL that begins with
 * a newline (0x0A) looks like the first field of an Any.
 *
 * Hides the forms of a descriptor. Invariant: names are passed on as they came; the engine judges them.
 */
import { EngineError } from '../base/errors.ts';
import type { FlightDescriptor } from './encode.ts';
import { decodeText } from './text.ts';

const TYPE_PATH = 1;
const TYPE_COMMAND = 2;
const FLIGHT_SQL_PREFIX = Buffer.from('type.googleapis.com/arrow.flight.protocol.sql.');

/** What GetFlightInfo and GetSchema are asked about. */
export type ReadTarget =
  { readonly kind: 'sql'; readonly sql: string } | { readonly kind: 'table'; readonly name: string };

/**
 * The name of the Flight SQL message that `bytes` hold as a protobuf Any; undefined when they hold something else.
 */
export function flightSqlCommand(bytes: Uint8Array): string | undefined {
  if (bytes[0] !== 0x0a) return undefined;
  let at = 1;
  while ((bytes[at] ?? 0) >= 0x80) at++;
  const lengthBytes = bytes.subarray(1, at + 1);
  const typeName = bytes.subarray(at + 1, at + 1 + FLIGHT_SQL_PREFIX.byteLength);
  if (!FLIGHT_SQL_PREFIX.equals(typeName)) return undefined;
  const length = lengthBytes.reduceRight((sum, byte) => sum * 0x80 + (byte & 0x7f), 0);
  const rest = bytes.subarray(at + 1 + FLIGHT_SQL_PREFIX.byteLength, at + 1 + length);
  return Buffer.from(rest).toString('latin1').replace(/\W/g, '?');
}

/** @throws `unimplemented` when `bytes` are a Flight SQL command */
export function refuseFlightSql(bytes: Uint8Array): void {
  const command = flightSqlCommand(bytes);
  if (command === undefined) return;
  throw new EngineError(
    'unimplemented',
    `the Flight SQL command ${command} is not offered yet; send the SQL text itself as ticket or command descriptor`,
  );
}

/** @throws `request_invalid`, `unimplemented` */
export function readTarget(descriptor: FlightDescriptor): ReadTarget {
  if (descriptor.type === TYPE_PATH) return { kind: 'table', name: onlyElement(descriptor.path) };
  if (descriptor.type !== TYPE_COMMAND) throw unknownType(descriptor.type);
  refuseFlightSql(descriptor.cmd);
  return { kind: 'sql', sql: decodeText(descriptor.cmd, 'the command descriptor') };
}

/** The table that a put goes to. @throws `request_invalid`, `unimplemented` */
export function putTarget(descriptor: FlightDescriptor): string {
  if (descriptor.type === TYPE_PATH) return onlyElement(descriptor.path);
  if (descriptor.type !== TYPE_COMMAND) throw unknownType(descriptor.type);
  refuseFlightSql(descriptor.cmd);
  return decodeText(descriptor.cmd, 'the command descriptor');
}

function onlyElement(path: readonly string[]): string {
  const [name] = path;
  if (name !== undefined && path.length === 1) return name;
  const shown = JSON.stringify(path.slice(0, 3));
  throw new EngineError(
    'request_invalid',
    `the descriptor's path has ${path.length.toString()} elements (${shown}); it must be one, the table's name`,
  );
}

function unknownType(type: number): EngineError {
  return new EngineError(
    'request_invalid',
    `the descriptor's type is ${String(type)}; it must be 1 (path: a table's name) or 2 (command)`,
  );
}
