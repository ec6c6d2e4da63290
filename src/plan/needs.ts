/**
 * What a statement needs of the world before it can be planned: planning is synchronous, and old snapshots and their
 * list are fetched.
 *
 * Hides where in a statement a table stands. Invariants: every moment that planning will ask the catalog for is found
 * here; a statement without AT and SHOW SNAPSHOTS needs nothing.
 */
import type { Statement, TimeTravel } from '../sql/ast.ts';
import { parseStatement } from '../sql/parse.ts';
import type { Node } from '../sql/walk.ts';
import { forEachChild } from '../sql/walk.ts';
import { freezeMoment } from './moment.ts';
import type { TimePoint } from './physical.ts';
import { timePointOf } from './time-point.ts';

/** A statement with its text, so that it is parsed once for all that is asked of it. */
export interface ParsedStatement {
  readonly sql: string;
  readonly statement: Statement;
  /** What now() means in it, microseconds since 1970 UTC; undefined where it is refused. */
  readonly nowMicros: bigint | undefined;
}

export interface ReadNeeds {
  /** Moments that tables are read at. */
  readonly points: readonly TimePoint[];
  /** True when the list of snapshots is shown. */
  readonly snapshots: boolean;
}

/** A look at the text, so that most statements are not walked. */
const MAY_NAME_A_MOMENT = /\bat\b/iu;

const NOTHING: ReadNeeds = { points: [], snapshots: false };

/**
 * Parses `sql`, for `readNeeds` and then `planStatement`. `nowMicros`: what now() means in it, microseconds since 1970
 * UTC. @throws as `planStatement` does for text it cannot parse
 */
export function readStatement(sql: string, nowMicros?: bigint): ParsedStatement {
  const statement = parseStatement(sql);
  const frozen = nowMicros === undefined ? statement : freezeMoment(sql, statement, nowMicros);
  return { sql, statement: frozen, nowMicros };
}

/** The statement of a text, or the one that was parsed before, whose moment is set already. */
export function asParsed(text: string | ParsedStatement, nowMicros?: bigint): ParsedStatement {
  return typeof text === 'string' ? readStatement(text, nowMicros) : text;
}

/** What must be fetched before `text` is planned. @throws `sql_syntax`, `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function readNeeds(text: string | ParsedStatement): ReadNeeds {
  const { sql, statement } = asParsed(text);
  if (statement.kind === 'show_snapshots') return { points: [], snapshots: true };
  if (!MAY_NAME_A_MOMENT.test(sql)) return NOTHING;
  const points = momentsOf(statement).map((at) => timePointOf(sql, at));
  return points.length === 0 ? NOTHING : { points, snapshots: false };
}

/** The moments that are named anywhere in the statement, in no order. */
export function momentsOf(statement: Statement): readonly TimeTravel[] {
  const moments: TimeTravel[] = [];
  const open: Node[] = [statement];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.kind === 'time_travel') moments.push(node);
    else forEachChild(node, (child) => open.push(child));
  }
  return moments;
}
