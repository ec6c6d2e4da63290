/**
 * The table of routes.
 *
 * Hides nothing: path, then method, then what answers. Invariants: HEAD is GET without its body, so it is never
 * named; a method that a path lacks is 405 with `Allow`; an unknown path is 404 and lists the known ones.
 */
import type { Engine } from '../engine/contract.ts';
import { sendJson } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { answerHealth, answerPing, answerReady } from './health.ts';
import { answerInsert } from './insert.ts';
import { answerCancel, answerQueries, ONE_QUERY, queryNumber } from './queries.ts';
import { answerGetQuery, answerPostQuery } from './query.ts';
import { answerMetrics, answerStats, answerTables } from './stats.ts';
import { RouteError } from './status.ts';

/** What answers one method of one path, with the engine as the caller may use it. */
type Answerer = (engine: Engine, exchange: Exchange) => Promise<void> | void;

interface Route {
  readonly get?: Answerer;
  readonly post?: Answerer;
  readonly delete?: Answerer;
  /** Anybody may ask, with any Origin: the answer says nothing. */
  readonly isProbe?: boolean;
}

/** Paths and what answers them. */
export type Routes = ReadonlyMap<string, Route>;

/** Makes the table. `flightAddress` undefined: Flight is off. */
export function makeRoutes(flightAddress: string | undefined): Routes {
  const health: Route = { get: (_engine, exchange) => answerHealth(exchange), isProbe: true };
  const ready: Route = { get: answerReady, isProbe: true };
  const routes = new Map<string, Route>([
    ['/query', { get: answerGetQuery, post: answerPostQuery }],
    ['/insert/arrow', { post: (engine, exchange) => answerInsert(engine, exchange, 'arrow') }],
    ['/insert/csv', { post: (engine, exchange) => answerInsert(engine, exchange, 'csv') }],
    ['/insert/ndjson', { post: (engine, exchange) => answerInsert(engine, exchange, 'ndjson') }],
    ['/ping', { get: (_engine, exchange) => answerPing(exchange), isProbe: true }],
    ['/health', health],
    ['/healthz', health],
    ['/ready', ready],
    ['/readyz', ready],
    ['/stats', { get: (engine, exchange) => answerStats(engine, exchange, flightAddress) }],
    ['/tables', { get: answerTables }],
    ['/metrics', { get: (_engine, exchange) => answerMetrics(exchange) }],
    ['/queries', { get: answerQueries }],
    [ONE_QUERY, { delete: answerCancel }],
  ]);
  routes.set('/', {
    get: (engine, exchange) =>
      exchange.parameters.size > 0 ? answerGetQuery(engine, exchange) : answerIndex(routes, exchange),
    post: answerPostQuery,
  });
  return routes;
}

/** `GET /` alone: what there is. */
function answerIndex(routes: Routes, exchange: Exchange): void {
  sendJson(exchange, 200, { name: 'sheaf', routes: routeList(routes) });
}

function routeList(routes: Routes): string[] {
  return [...routes].map(([path, route]) => `${methodsOf(route)} ${path}`);
}

/** The methods of a route, as `Allow` lists them. */
export function methodsOf(route: Route): string {
  const methods = [
    ...(route.get === undefined ? [] : ['GET', 'HEAD']),
    ...(route.post === undefined ? [] : ['POST']),
    ...(route.delete === undefined ? [] : ['DELETE']),
  ];
  return [...methods, 'OPTIONS'].join(', ');
}

/** The route of a path. @throws RouteError 404 */
export function routeOf(routes: Routes, exchange: Exchange): Route {
  const path = exchange.path.length > 1 ? exchange.path.replace(/\/$/, '') : exchange.path;
  const route = routes.get(queryNumber(path) === undefined ? path : ONE_QUERY);
  if (route !== undefined) return route;
  throw new RouteError(404, 'not_found', `there is no route ${path}`, { fields: { routes: routeList(routes) } });
}

/** What answers the exchange's method. @throws RouteError 405 */
export function answererOf(route: Route, exchange: Exchange): Answerer {
  const answerers: Readonly<Record<string, Answerer | undefined>> = {
    GET: route.get,
    POST: route.post,
    DELETE: route.delete,
  };
  const answerer = Object.hasOwn(answerers, exchange.method) ? answerers[exchange.method] : undefined;
  if (answerer !== undefined) return answerer;
  const allowed = methodsOf(route);
  const message = `${exchange.path} does not take ${exchange.method}; it takes ${allowed}`;
  throw new RouteError(405, 'unimplemented', message, { headers: { Allow: allowed } });
}
