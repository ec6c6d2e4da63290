/**
 * Flight SQL's commands, from the packed bytes in a descriptor or ticket to a name with its fields.
 *
 * Hides the packing. Invariant: a command that is none of the names here is `unimplemented`, bytes that are none of its
 * kind `request_invalid`.
 */
import { EngineError } from '../base/errors.ts';
import { decodeMessage, unpack } from './message.ts';
import type { MessageTypes } from './message-type.ts';

/** Commands that ask for facts about the catalog or the server. */
export const METADATA_COMMANDS = [
  'CommandGetSqlInfo',
  'CommandGetXdbcTypeInfo',
  'CommandGetCatalogs',
  'CommandGetDbSchemas',
  'CommandGetTables',
  'CommandGetTableTypes',
  'CommandGetPrimaryKeys',
  'CommandGetExportedKeys',
  'CommandGetImportedKeys',
  'CommandGetCrossReference',
] as const;

const COMMANDS = [
  ...METADATA_COMMANDS,
  'CommandStatementQuery',
  'CommandStatementUpdate',
  'CommandStatementSubstraitPlan',
  'TicketStatementQuery',
  'CommandPreparedStatementQuery',
  'CommandPreparedStatementUpdate',
  'CommandStatementIngest',
] as const;

export type MetadataName = (typeof METADATA_COMMANDS)[number];
export type CommandName = (typeof COMMANDS)[number];

/** A command by its name. */
export type SqlCommand = {
  readonly [Name in CommandName]: { readonly name: Name; readonly fields: MessageTypes[Name] };
}[CommandName];

/** A command that asks for facts. */
export type MetadataCommand = Extract<SqlCommand, { readonly name: MetadataName }>;

/** Reads the command that `bytes` hold, of which `isPacked` is true. @throws `unimplemented`, `request_invalid` */
export function readCommand(bytes: Uint8Array): SqlCommand {
  const { name, value } = unpack(bytes);
  const known = COMMANDS.find((each) => each === name);
  if (known === undefined) {
    const shown = JSON.stringify(name.slice(0, 100));
    throw new EngineError(
      'unimplemented',
      `the Flight SQL command ${shown} is not offered; send the SQL text instead`,
    );
  }
  return { name: known, fields: decodeMessage(known, value) } as SqlCommand;
}

/** @throws `unimplemented` when a command names a transaction */
export function refuseTransaction(id: Uint8Array | undefined): void {
  if (id !== undefined && id.byteLength > 0) throw noTransactions();
}

/** The error for what would need a transaction of several statements. */
export function noTransactions(): EngineError {
  const remedy = 'each statement is a transaction of its own; connect with autocommit';
  return new EngineError('unimplemented', `transactions of several statements are not offered: ${remedy}`);
}

/** The error for a plan in Substrait's form. */
export function noSubstrait(): EngineError {
  return new EngineError('unimplemented', 'Substrait plans are not offered; send the query as SQL text');
}
