/**
 * What a statement needs of the world before it can be planned: planning is synchronous, and old snapshots and their
 * list are fetched.
 *
 * Hides where in a statement a table stands. Invariants: every moment that planning will ask the catalog for is found
 * here; a statement without AT and SHOW SNAPSHOTS needs nothing, and costs one look at its kind.
 */
import type { Select, Statement, TableName } from '../sql/ast.ts';
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
  const points = tablesRead(statement).flatMap(({ at }) => (at === undefined ? [] : [timePointOf(sql, at)]));
  return points.length === 0 ? NOTHING : { points, snapshots: false };
}

/** The tables that a query reads, those of the queries in it included. */
function tablesOf(query: Select): TableName[] {
  const inner = query.common.flatMap((table) => tablesOf(table.query));
  if (query.from?.kind === 'subquery') return [...inner, ...tablesOf(query.from.query)];
  return query.from === undefined ? inner : [...inner, query.from];
}

/** The tables that a statement reads, each at a moment it may name. */
function tablesRead(statement: Statement): readonly TableName[] {
  switch (statement.kind) {
    case 'select':
      return tablesOf(statement);
    case 'insert':
      return statement.source.kind === 'select' ? tablesOf(statement.source) : [];
    case 'explain':
      return tablesOf(statement.query);
    case 'describe':
      return statement.target.kind === 'select' ? tablesOf(statement.target) : [statement.target];
    case 'create_table':
      return statement.query === undefined ? [] : tablesOf(statement.query);
    case 'drop_table':
    case 'alter_table':
    case 'truncate':
    case 'delete':
    case 'update':
    case 'set':
    case 'show_tables':
    case 'show_snapshots':
      return [];
  }
}
