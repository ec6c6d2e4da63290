/**
 * What a statement needs of the world before it can be planned: planning is synchronous, and old snapshots and rows of
 * system tables are fetched.
 *
 * Hides where in a statement a table stands. Invariants: every moment that planning will ask the catalog for is found
 * here; a statement without AT and system tables needs nothing.
 */
import type { Statement, TableName, TimeTravel } from '../sql/ast.ts';
import { parseStatement } from '../sql/parse.ts';
import type { Node } from '../sql/walk.ts';
import { forEachChild } from '../sql/walk.ts';
import { PlanMemory } from './kept-plan.ts';
import { freezeMoment } from './moment.ts';
import type { ParameterSet } from './parameter.ts';
import { mayBeVolatile } from '../function/registry.ts';
import { openParameters } from './parameter.ts';
import type { TimePoint } from './physical.ts';
import { engineTableOf } from './system-name.ts';
import type { EngineTable } from './system-name.ts';
import { timePointOf } from './time-point.ts';

export { mayBeVolatile };

/** A statement with its text, so that it is parsed once for all that is asked of it. */
export interface ParsedStatement {
  readonly sql: string;
  readonly statement: Statement;
  /** What now() means in it, microseconds since 1970 UTC; undefined where it is refused. */
  readonly nowMicros: bigint | undefined;
  readonly parameters: ParameterSet;
  /** Where its plan is kept; undefined for a statement that is not run again, or whose plan is for one moment. */
  readonly memory: PlanMemory | undefined;
}

export interface ReadNeeds {
  /** Moments that tables are read at. */
  readonly points: readonly TimePoint[];
  /** System tables that may be read, each once. */
  readonly system: readonly EngineTable[];
}

/** A look at the text, so that most statements are not walked. */
const MAY_NEED = /\bat\b|sheaf_/iu;

const NOTHING: ReadNeeds = { points: [], system: [] };

/**
 * Parses `sql`, for `readNeeds` and then `planStatement`. `nowMicros`: what now() means in it, microseconds since 1970
 * UTC. @throws as `planStatement` does for text it cannot parse
 */
export function readStatement(sql: string, nowMicros?: bigint): ParsedStatement {
  const opened = openParameters(sql, parseStatement(sql));
  return atMoment({ sql, ...opened, nowMicros: undefined, memory: undefined }, nowMicros);
}

/** A statement that keeps its plan from one run to the next, unless what is computed in it may differ. */
export function withMemory(parsed: ParsedStatement): ParsedStatement {
  return mayBeVolatile(parsed.sql) ? parsed : { ...parsed, memory: new PlanMemory() };
}

/** A statement whose now() is `nowMicros`; one that is to be prepared has no moment yet. */
export function atMoment(parsed: ParsedStatement, nowMicros: bigint | undefined): ParsedStatement {
  const { sql, statement } = parsed;
  if (nowMicros === undefined || statement.kind === 'prepare') return parsed;
  const frozen = freezeMoment(sql, statement, nowMicros);
  return { ...parsed, statement: frozen, nowMicros, memory: frozen === statement ? parsed.memory : undefined };
}

/** The statement of a text, or the one that was parsed before, whose moment is set already. */
export function asParsed(text: string | ParsedStatement, nowMicros?: bigint): ParsedStatement {
  return typeof text === 'string' ? readStatement(text, nowMicros) : text;
}

/** What must be fetched before `text` is planned. @throws `sql_syntax`, `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function readNeeds(text: string | ParsedStatement): ReadNeeds {
  const { sql, statement } = asParsed(text);
  if (statement.kind === 'show_snapshots') return { points: [], system: ['sheaf_snapshots'] };
  if (!MAY_NEED.test(sql)) return NOTHING;
  const { moments, tables } = namedIn(statement);
  const system = new Set(tables.flatMap((table) => engineTableOf(table) ?? []));
  return { points: moments.map((at) => timePointOf(sql, at)), system: [...system] };
}

/** Moments and tables that are named anywhere in a statement, in no order. */
export function namedIn(statement: Statement): {
  readonly moments: readonly TimeTravel[];
  readonly tables: readonly TableName[];
} {
  const moments: TimeTravel[] = [];
  const tables: TableName[] = [];
  const open: Node[] = [statement];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.kind === 'time_travel') moments.push(node);
    else {
      if (node.kind === 'table_name') tables.push(node);
      forEachChild(node, (child) => open.push(child));
    }
  }
  return { moments, tables };
}
