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

/** What answers one method of one path. */
type Answerer = (exchange: Exchange) => Promise<void> | void;

interface Route {
  readonly get?: Answerer;
  readonly post?: Answerer;
  readonly delete?: Answerer;
  /** Probes may ask with any Origin: the answer says nothing. */
  readonly isProbe?: boolean;
}

/** Paths and what answers them. */
export type Routes = ReadonlyMap<string, Route>;

/** Makes the table for one engine. */
export function makeRoutes(engine: Engine, flightAddress: string | undefined): Routes {
  const health: Route = { get: answerHealth, isProbe: true };
  const ready: Route = { get: (exchange) => answerReady(engine, exchange), isProbe: true };
  const routes = new Map<string, Route>([
    [
      '/query',
      {
        get: (exchange) => answerGetQuery(engine, exchange),
        post: (exchange) => answerPostQuery(engine, exchange),
      },
    ],
    ['/insert/arrow', { post: (exchange) => answerInsert(engine, exchange, 'arrow') }],
    ['/insert/csv', { post: (exchange) => answerInsert(engine, exchange, 'csv') }],
    ['/insert/ndjson', { post: (exchange) => answerInsert(engine, exchange, 'ndjson') }],
    ['/ping', { get: answerPing, isProbe: true }],
    ['/health', health],
    ['/healthz', health],
    ['/ready', ready],
    ['/readyz', ready],
    ['/stats', { get: (exchange) => answerStats(engine, exchange, flightAddress) }],
    ['/tables', { get: (exchange) => answerTables(engine, exchange) }],
    ['/metrics', { get: answerMetrics }],
    ['/queries', { get: (exchange) => answerQueries(engine, exchange) }],
    [ONE_QUERY, { delete: (exchange) => answerCancel(engine, exchange) }],
  ]);
  routes.set('/', {
    get: (exchange) =>
      exchange.parameters.size > 0 ? answerGetQuery(engine, exchange) : answerIndex(routes, exchange),
    post: (exchange) => answerPostQuery(engine, exchange),
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
