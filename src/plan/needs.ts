/**
 * What a statement needs of the world before it can be planned: planning is synchronous, and old snapshots and their
 * list are fetched.
 *
 * Hides where in a statement a table stands. Invariants: every moment that planning will ask the catalog for is found
 * here; a statement without AT and SHOW SNAPSHOTS needs nothing, and costs one look at its kind.
 */
import type { Statement, TableName } from '../sql/ast.ts';
import { parseStatement } from '../sql/parse.ts';
import type { TimePoint } from './physical.ts';
import { timePointOf } from './time-point.ts';

/** A statement with its text, so that it is parsed once for all that is asked of it. */
export interface ParsedStatement {
  readonly sql: string;
  readonly statement: Statement;
}

export interface ReadNeeds {
  /** Moments that tables are read at. */
  readonly points: readonly TimePoint[];
  /** True when the list of snapshots is shown. */
  readonly snapshots: boolean;
}

const NOTHING: ReadNeeds = { points: [], snapshots: false };

/** Parses `sql`, for `readNeeds` and then `planStatement`. @throws as `planStatement` does for text it cannot parse */
export function readStatement(sql: string): ParsedStatement {
  return { sql, statement: parseStatement(sql) };
}

/** The statement of a text, or the one that was parsed before. */
export function asParsed(text: string | ParsedStatement): ParsedStatement {
  return typeof text === 'string' ? readStatement(text) : text;
}

/** What must be fetched before `text` is planned. @throws `sql_syntax`, `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function readNeeds(text: string | ParsedStatement): ReadNeeds {
  const { sql, statement } = asParsed(text);
  if (statement.kind === 'show_snapshots') return { points: [], snapshots: true };
  const at = tableRead(statement)?.at;
  return at === undefined ? NOTHING : { points: [timePointOf(sql, at)], snapshots: false };
}

/** The table that a statement reads at a moment it may name. */
function tableRead(statement: Statement): TableName | undefined {
  switch (statement.kind) {
    case 'select':
      return statement.from;
    case 'insert':
      return statement.source.kind === 'select' ? statement.source.from : undefined;
    case 'explain':
      return statement.query.from;
    case 'describe':
      return statement.target.kind === 'select' ? statement.target.from : statement.target;
    case 'create_table':
      return statement.query?.from;
    case 'drop_table':
    case 'alter_table':
    case 'truncate':
    case 'delete':
    case 'update':
    case 'show_tables':
    case 'show_snapshots':
      return undefined;
  }
}
