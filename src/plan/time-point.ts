/**
 * AT: the moment that a query reads a table at.
 *
 * Hides the ways to write a moment. Invariant: the same text always means the same moment; text and timestamps without
 * a zone are UTC.
 */
import type { TableName, TimeTravel } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import type { BindCatalog } from './bind-catalog.ts';
import { bindConstant, storeLiteral } from './bind-constant.ts';
import type { Literal } from './constant.ts';
import { MOMENT } from './constant.ts';
import { foldExpr } from './pass-fold.ts';
import type { TimePoint } from './physical.ts';
import { sqlTypeName } from './sql-type.ts';

/** The moment that AT names. @throws `sql_bind` when it is no constant version or timestamp. */
export function timePointOf(sql: string, at: TimeTravel): TimePoint {
  return at.unit === 'version' ? versionOf(sql, at) : timestampOf(sql, at);
}

/** The tables at the moment that `table` is read at. */
export function catalogAt(sql: string, catalog: BindCatalog, table: TableName): BindCatalog {
  return table.at === undefined ? catalog : catalog.at(timePointOf(sql, table.at));
}

function versionOf(sql: string, at: TimeTravel): TimePoint {
  const what = 'AT (VERSION)';
  const literal = bindConstant(sql, at.value, what);
  const isInteger = literal.type.id === 'int' || (literal.type.id === 'decimal' && literal.type.scale === 0);
  const value = isInteger && literal.value !== null ? BigInt(literal.value as number | bigint) : undefined;
  if (value !== undefined && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
    return { kind: 'version', version: Number(value) };
  }
  const remedy = 'SHOW SNAPSHOTS lists the versions that there are';
  throw sqlError('sql_bind', sql, at.value.span, `${what} takes the number of a version`, remedy);
}

function timestampOf(sql: string, at: TimeTravel): TimePoint {
  const what = 'AT (TIMESTAMP)';
  const literal = bindConstant(sql, at.value, what);
  const { id } = literal.type;
  if (literal.value !== null && (id === 'utf8' || id === 'date' || id === 'timestamp')) {
    const zoned = foldExpr(storeLiteral(sql, withZone(literal), MOMENT, what));
    if (zoned.kind === 'literal' && typeof zoned.value === 'bigint') {
      return { kind: 'timestamp', micros: zoned.value };
    }
  }
  const found = literal.value === null ? 'NULL' : `a value of type ${sqlTypeName(literal.type)}`;
  const remedy = `write it as '2024-02-29 12:00:00'`;
  throw sqlError('sql_bind', sql, at.value.span, `${what} takes a moment, not ${found}`, remedy);
}

/** A naive timestamp is UTC here, whatever a session's time zone may come to be. */
function withZone(literal: Literal): Literal {
  if (literal.type.id !== 'timestamp') return literal;
  return { ...literal, type: { ...literal.type, timezone: literal.type.timezone ?? 'UTC' } };
}
