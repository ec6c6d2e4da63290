/**
 * The statements that run: `GET /queries` lists them with the last ones that ended, `DELETE /queries/N` ends one.
 *
 * Hides field names: JSON has snake case, as `sheaf_queries` has them in SQL. Invariant: a statement that is asked to
 * end may still run for a moment; the answer says that it was asked.
 */
import type { Engine, QueryRow } from '../engine/contract.ts';
import { sendJson } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { RouteError } from './status.ts';

/** How the path of one statement is written in the table of routes. */
export const ONE_QUERY = '/queries/N';

/** The statement's number in a path; undefined for other paths. */
export function queryNumber(path: string): number | undefined {
  const number = /^\/queries\/(\d{1,15})$/u.exec(path)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** The statements, the newest first. */
export function answerQueries(engine: Engine, exchange: Exchange): void {
  sendJson(exchange, 200, { queries: engine.queries().map(describeQuery).reverse() });
}

/** Asks the statement of the path to end. @throws `not_found` */
export function answerCancel(engine: Engine, exchange: Exchange): void {
  const id = queryNumber(exchange.path.replace(/\/$/u, ''));
  if (id === undefined) throw new RouteError(404, 'not_found', `${exchange.path} has no statement's number`);
  engine.cancelQuery(id);
  sendJson(exchange, 200, { id, cancelled: true });
}

function describeQuery(query: QueryRow): Readonly<Record<string, unknown>> {
  return {
    id: query.id,
    state: query.state,
    sql: query.text,
    started: new Date(query.startedMs).toISOString(),
    elapsed_ms: Math.round(query.elapsedMs * 1_000) / 1_000,
    rows: query.rowCount,
    memory_bytes: query.memoryBytes,
    error: query.error ?? null,
  };
}
