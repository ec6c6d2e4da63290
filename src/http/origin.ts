/**
 * Who may ask: the Host header, the Origin header, CORS.
 *
 * Hides the rules that keep web pages out of a server on the same machine. A page can make a browser send requests
 * to loopback: directly (then `Origin` or `Sec-Fetch-Site` says so) or through a name of its own that resolves to
 * 127.0.0.1 (DNS rebinding; then `Host` is that name). Invariants: a request with a foreign Origin reaches no route
 * but the health ones; a Host is a loopback name, an address, the bound name, or, on a wildcard address, a name
 * without a dot, which no page on the internet can have.
 */
import { isIP } from 'node:net';
import { EngineError } from '../base/errors.ts';
import type { Exchange } from './exchange.ts';

/** What the server was told about its callers. */
export interface OriginPolicy {
  /** The host that the server was asked to bind. */
  readonly host: string;
  /** Origins (`https://app.example`) whose pages may call; `*` for all. */
  readonly allowedOrigins: readonly string[];
}

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '']);
const PREFLIGHT_SECONDS = 600;
const REQUEST_HEADERS = 'Accept, Authorization, Content-Encoding, Content-Type, X-Request-Id';

/** Name or address in a Host header, lower case, without port, brackets and the root's dot. */
function hostName(header: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(header);
  const name = bracketed?.[1] ?? header.replace(/:\d*$/, '');
  return name.toLowerCase().replace(/\.$/, '');
}

function isAllowedHost(name: string, bound: string): boolean {
  if (isIP(name) !== 0) return true;
  if (name === 'localhost' || name.endsWith('.localhost') || name === bound.toLowerCase()) return true;
  return WILDCARDS.has(bound) && /^[\w-]+$/.test(name);
}

/** @throws `forbidden` for a Host that is not ours */
export function checkHost(exchange: Exchange, policy: OriginPolicy): void {
  const { host } = exchange.request.headers;
  // HTTP/1.0 probes send none; browsers always do.
  if (host === undefined || isAllowedHost(hostName(host), policy.host)) return;
  throw new EngineError(
    'forbidden',
    `the Host header ${JSON.stringify(host)} does not name this server; use its address or localhost`,
  );
}

/** True when the request comes from a web page of another origin that is not allowed. */
function isForeign(exchange: Exchange, policy: OriginPolicy): boolean {
  const { origin, host } = exchange.request.headers;
  if (policy.allowedOrigins.includes('*')) return false;
  if (origin === undefined) {
    // Pages may send GET without Origin (images, scripts); browsers then still say where from.
    return exchange.request.headers['sec-fetch-site'] === 'cross-site' && !isNavigation(exchange);
  }
  if (policy.allowedOrigins.includes(origin)) return false;
  return host === undefined || (origin !== `http://${host}` && origin !== `https://${host}`);
}

/** Somebody followed a link: the page that holds it cannot read the answer, and GET writes nothing. */
function isNavigation(exchange: Exchange): boolean {
  return exchange.method === 'GET' && exchange.request.headers['sec-fetch-mode'] === 'navigate';
}

/** @throws `forbidden` for a page of a foreign origin; sets the CORS headers for an allowed one */
export function checkOrigin(exchange: Exchange, policy: OriginPolicy): void {
  const { origin } = exchange.request.headers;
  exchange.response.setHeader('Vary', 'Origin');
  if (isForeign(exchange, policy)) {
    const shown = origin === undefined ? 'another site' : `the origin ${origin}`;
    throw new EngineError(
      'forbidden',
      `a page of ${shown} may not call this server; allow it by its origin to change that`,
    );
  }
  if (origin === undefined) return;
  exchange.response.setHeader('Access-Control-Allow-Origin', origin);
  exchange.response.setHeader('Access-Control-Expose-Headers', 'X-Request-Id, Retry-After');
}

/** Answers OPTIONS, a browser's preflight among them; `methods` are those of the path. */
export function answerOptions(exchange: Exchange, methods: string): void {
  const { response } = exchange;
  response.setHeader('Allow', methods);
  if (exchange.request.headers.origin !== undefined) {
    response.setHeader('Access-Control-Allow-Methods', methods);
    response.setHeader('Access-Control-Allow-Headers', REQUEST_HEADERS);
    response.setHeader('Access-Control-Max-Age', PREFLIGHT_SECONDS.toString());
  }
  response.writeHead(204).end();
}
