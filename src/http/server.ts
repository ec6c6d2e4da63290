/**
 * The HTTP door: listens, routes, answers errors, logs, stops.
 *
 * Hides node:http and node:https. One request goes: id, host, route, origin, who asks, answer, log line. Invariants:
 * every request gets one answer or a broken connection, and one access log line; an error after the first byte breaks
 * the connection, so that a torn body is never taken for whole; a stop lets running requests end for a while, then
 * cancels them.
 */
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Server as SecureServer } from 'node:https';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { randomUUID } from 'node:crypto';
import type { CertificateSource } from '../base/certificates.ts';
import { systemClock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import {
  HTTP_CONNECTIONS_MAX,
  HTTP_HEADERS_MAX,
  HTTP_HEAD_BYTES_MAX,
  HTTP_HEAD_MS_MAX,
  HTTP_KEEP_ALIVE_MS,
} from '../base/limits.ts';
import { makeLog } from '../base/log.ts';
import { makeCounter, makeHistogram } from '../base/metrics.ts';
import { openGate } from '../engine/gate.ts';
import type { Engine, Gate } from '../engine/gate.ts';
import { JSON_TYPE } from './answer.ts';
import { discardRest, endAfterBody } from './body.ts';
import { credentialsOf } from './credentials.ts';
import { Exchange } from './exchange.ts';
import { answerOptions, checkHost, checkOrigin } from './origin.ts';
import type { OriginPolicy } from './origin.ts';
import { ONE_QUERY, queryNumber } from './queries.ts';
import { answererOf, makeRoutes, methodsOf, routeOf } from './routes.ts';
import type { Routes } from './routes.ts';
import { errorAnswer } from './status.ts';

/** Where to listen, and who may call. */
export interface HttpOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Where Flight listens, for `/stats`; undefined when it is off. */
  readonly flightAddress: string | undefined;
  /** Origins whose web pages may call (`https://app.example`), `*` for all; default none but the server's own. */
  readonly allowedOrigins?: readonly string[];
  /** Who may come in; everybody without one. */
  readonly gate?: Gate | undefined;
  /** For https; http without them. */
  readonly certificates?: CertificateSource | undefined;
}

/** A server that listens. */
export interface HttpDoor {
  /** `127.0.0.1:8123`. */
  readonly address: string;
  /** Takes no new connections, lets running requests end for `graceMs`, then cancels them. */
  close(graceMs: number): Promise<void>;
}

const log = makeLog('http');
const requestsTotal = makeCounter('http_requests_total', 'HTTP requests by route and status', ['route', 'status']);
const requestSeconds = makeHistogram('http_request_seconds', 'Time from request head to end of answer', ['route']);
const requestBytes = makeCounter('http_request_bytes_total', 'Bytes of HTTP request bodies');
const responseBytes = makeCounter('http_response_bytes_total', 'Bytes of HTTP answer bodies');

/** Starts the door. @throws `io_error`, `forbidden` when the address cannot be bound */
export async function startHttp(engine: Engine, options: HttpOptions): Promise<HttpDoor> {
  const door = new Door(engine, options);
  await door.listen(options);
  return door;
}

const BOUNDS = {
  maxHeaderSize: HTTP_HEAD_BYTES_MAX,
  headersTimeout: HTTP_HEAD_MS_MAX,
  // Uploads may take hours; body.ts watches that they do not stand still.
  requestTimeout: 0,
  keepAliveTimeout: HTTP_KEEP_ALIVE_MS,
  noDelay: true,
} as const;

/** The same over TLS, with the certificates of the moment for each new connection. */
function secureServer(
  certificates: CertificateSource,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
): SecureServer {
  const { cert, key, clientCa } = certificates.current;
  const isMutual = clientCa !== undefined;
  const client = { requestCert: isMutual, rejectUnauthorized: isMutual, ...(isMutual ? { ca: clientCa } : {}) };
  const server = createSecureServer({ ...BOUNDS, ...client, cert, key, handshakeTimeout: HTTP_HEAD_MS_MAX }, serve);
  const renew = (): void => {
    const { cert: nextCert, key: nextKey, clientCa: ca } = certificates.current;
    server.setSecureContext({ cert: nextCert, key: nextKey, ...(ca === undefined ? {} : { ca }) });
  };
  certificates.listen(renew);
  server.on('close', () => {
    certificates.unlisten(renew);
  });
  return server;
}

class Door implements HttpDoor {
  address = '';
  readonly #routes: Routes;
  readonly #policy: OriginPolicy;
  readonly #gate: Gate;
  readonly #server: Server | SecureServer;
  readonly #running = new Set<Exchange>();
  #closing = false;
  #onIdle: (() => void) | undefined;

  constructor(engine: Engine, options: HttpOptions) {
    this.#routes = makeRoutes(options.flightAddress);
    this.#policy = { host: options.host, allowedOrigins: options.allowedOrigins ?? [] };
    this.#gate = options.gate ?? openGate(engine);
    const { certificates } = options;
    const serve = (request: IncomingMessage, response: ServerResponse): void => void this.#serve(request, response);
    this.#server = certificates === undefined ? createServer(BOUNDS, serve) : secureServer(certificates, serve);
    this.#server.maxConnections = HTTP_CONNECTIONS_MAX;
    this.#server.maxHeadersCount = HTTP_HEADERS_MAX;
    this.#server.on('clientError', refuseBrokenRequest);
  }

  async listen(options: HttpOptions): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => {
        reject(listenError(error, options));
      });
      this.#server.listen(options.port, options.host, resolve);
    });
    this.#server.on('error', (error) => {
      log.error('the HTTP server reports an error', error);
    });
    const { address, family, port } = this.#server.address() as AddressInfo;
    this.address = family === 'IPv6' ? `[${address}]:${port.toString()}` : `${address}:${port.toString()}`;
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    this.#server.closeIdleConnections();
    if (!(await this.#idleWithin(graceMs))) {
      for (const exchange of this.#running) exchange.cancel();
    }
    this.#server.closeAllConnections();
    await closed;
    await this.#idleWithin(graceMs);
  }

  /** True as soon as no request runs; false after `ms`. */
  async #idleWithin(ms: number): Promise<boolean> {
    if (this.#running.size === 0) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#onIdle = undefined;
        resolve(false);
      }, ms);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = new Exchange(request, response, systemClock.monotonicMs());
    this.#running.add(exchange);
    // A socket that breaks is seen through `close`; without a listener its error would end the process.
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    if (this.#closing) response.setHeader('Connection', 'close');
    try {
      await this.#answer(exchange);
    } catch (error) {
      sendError(exchange, error);
    }
    discardRest(exchange);
    if (!response.writableFinished && !response.destroyed) {
      await new Promise<void>((resolve) => {
        response.once('close', resolve);
        response.once('finish', resolve);
      });
    }
    this.#record(exchange);
    this.#running.delete(exchange);
    if (this.#running.size === 0) this.#onIdle?.();
  }

  async #answer(exchange: Exchange): Promise<void> {
    // A page that got here by a name of its own has no token to send.
    if (!this.#gate.isGuarded) checkHost(exchange, this.#policy);
    const route = routeOf(this.#routes, exchange);
    if (route.isProbe !== true) checkOrigin(exchange, this.#policy);
    if (exchange.method === 'OPTIONS') {
      answerOptions(exchange, methodsOf(route));
      return;
    }
    const answerer = answererOf(route, exchange);
    const engine = route.isProbe === true ? this.#gate.open : this.#gate.admit('http', credentialsOf(exchange));
    exchange.principal = engine.principal;
    await answerer(engine, exchange);
  }

  #record(exchange: Exchange): void {
    const { response, path } = exchange;
    const elapsedMs = systemClock.monotonicMs() - exchange.startedMs;
    // 499: the client went away before its answer ended, whatever the head said.
    const status = response.writableFinished ? response.statusCode : 499;
    const route = this.#routes.has(path) ? path : queryNumber(path) === undefined ? 'other' : ONE_QUERY;
    requestsTotal.inc({ route, status: status.toString() });
    requestSeconds.observe({ route }, elapsedMs / 1_000);
    requestBytes.inc(exchange.requestBytes);
    responseBytes.inc(exchange.responseBytes);
    log.info('request', {
      request_id: exchange.requestId,
      method: exchange.request.method,
      path: path.slice(0, 200),
      status,
      duration_us: Math.round(elapsedMs * 1_000),
      request_bytes: exchange.requestBytes,
      response_bytes: exchange.responseBytes,
      remote_addr: exchange.request.socket.remoteAddress,
      ...(exchange.principal === undefined ? {} : { principal: exchange.principal }),
    });
  }
}

/** Answers with the error, or breaks the connection when the answer has begun. */
function sendError(exchange: Exchange, cause: unknown): void {
  const { response } = exchange;
  const { status, headers, body, error } = errorAnswer(cause, exchange.requestId);
  const fields = { request_id: exchange.requestId, code: error.code };
  if (error.code === 'internal' || error.code === 'corrupt') log.error(error.message, error.cause ?? error, fields);
  else log.debug(error.message, fields);
  if (response.destroyed) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const bytes = Buffer.from(body);
  response.writeHead(status, { 'Content-Type': JSON_TYPE, 'Content-Length': bytes.byteLength, ...headers });
  exchange.responseBytes += exchange.isHead ? 0 : bytes.byteLength;
  endAfterBody(exchange, exchange.isHead ? undefined : bytes);
}

/** Requests that are no HTTP, too large in the head, or too slow: no exchange exists for them. */
function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const status = tooLarge ? '431 Request Header Fields Too Large' : late ? '408 Request Timeout' : '400 Bad Request';
  const message = tooLarge
    ? `the request's head is larger than ${HTTP_HEAD_BYTES_MAX.toString()} bytes; send long SQL as the body of POST`
    : late
      ? "the request's head came too slowly"
      : 'the request is not valid HTTP/1.1';
  const requestId = randomUUID();
  const code = tooLarge ? 'limit_exceeded' : late ? 'deadline' : 'request_invalid';
  const { body } = errorAnswer(new EngineError(code, message), requestId);
  const head = [
    `HTTP/1.1 ${status}`,
    `Content-Type: ${JSON_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body).toString()}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ];
  log.info('request refused', { request_id: requestId, code, reason: error.code });
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function listenError(error: NodeJS.ErrnoException, options: HttpOptions): EngineError {
  const place = `port ${options.port.toString()} on ${options.host}`;
  switch (error.code) {
    case 'EADDRINUSE': {
      const remedy = 'stop the program that uses it, or choose another by --http-port (0 picks a free one)';
      return new EngineError('io_error', `${place} is in use; ${remedy}`, { cause: error });
    }
    case 'EACCES': {
      const remedy = 'ports below 1024 need a privilege; choose another by --http-port';
      return new EngineError('forbidden', `${place} may not be used; ${remedy}`, { cause: error });
    }
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN': {
      const message = `${options.host} is no address of this machine; choose another by --host`;
      return new EngineError('io_error', message, { cause: error });
    }
    default:
      return new EngineError('io_error', `cannot listen on ${place}: ${error.message}`, { cause: error });
  }
}
