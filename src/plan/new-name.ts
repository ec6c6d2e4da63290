/**
 * Names that a statement gives to something new.
 *
 * Hides nothing. Invariant: a name that was checked fits the catalog.
 */
import { NAME_BYTES_MAX } from '../base/limits.ts';
import { isReservedName } from '../base/names.ts';
import type { Identifier } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';

/** @throws `limit_exceeded` for names that are too long */
export function checkNewName(sql: string, identifier: Identifier): void {
  if (Buffer.byteLength(identifier.name) <= NAME_BYTES_MAX) return;
  const message = `the name ${quoteText(identifier.name)} has more than ${NAME_BYTES_MAX.toString()} bytes`;
  throw sqlError('limit_exceeded', sql, identifier.span, message);
}

/** @throws as `checkNewName`, and `sql_bind` for names that are kept for system tables */
export function checkNewTableName(sql: string, identifier: Identifier): void {
  checkNewName(sql, identifier);
  if (!isReservedName(identifier.name)) return;
  const message = `${quoteText(identifier.name)} cannot name a table: names that begin with sheaf_ are kept for system tables`;
  throw sqlError('sql_bind', sql, identifier.span, message, 'choose another name');
}
