/**
 * Descriptors: what a client asks for or puts to.
 *
 * Reading: a command is SQL text, a path of one element is a table. Putting: both name a table. A command may also be
 * one of Flight SQL's, packed.
 *
 * Hides the forms of a descriptor. Invariant: names are passed on as they came; the engine judges them.
 */
import { EngineError } from '../base/errors.ts';
import type { FlightDescriptor } from './encode.ts';
import { isPacked } from './message.ts';
import { readCommand } from './sql-command.ts';
import type { SqlCommand } from './sql-command.ts';
import { decodeText } from './text.ts';

const TYPE_PATH = 1;
const TYPE_COMMAND = 2;

/** What GetFlightInfo and GetSchema are asked about. */
export type ReadTarget =
  | { readonly kind: 'sql'; readonly sql: string }
  | { readonly kind: 'table'; readonly name: string }
  | { readonly kind: 'command'; readonly command: SqlCommand };

/** What DoPut is sent to. */
export type PutTarget = Exclude<ReadTarget, { readonly kind: 'sql' }>;

/** @throws `request_invalid`, `unimplemented` */
export function readTarget(descriptor: FlightDescriptor): ReadTarget {
  if (descriptor.type === TYPE_PATH) return { kind: 'table', name: onlyElement(descriptor.path) };
  if (descriptor.type !== TYPE_COMMAND) throw unknownType(descriptor.type);
  if (isPacked(descriptor.cmd)) return { kind: 'command', command: readCommand(descriptor.cmd) };
  return { kind: 'sql', sql: decodeText(descriptor.cmd, 'the command descriptor') };
}

/** What a put goes to: a table, or a command that takes a stream. @throws `request_invalid`, `unimplemented` */
export function putTarget(descriptor: FlightDescriptor): PutTarget {
  const target = readTarget(descriptor);
  return target.kind === 'sql' ? { kind: 'table', name: target.sql } : target;
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
