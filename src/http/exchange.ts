/**
 * One request and its answer, as routes see them.
 *
 * Hides request ids, parameters, and the signs that the client is gone. Invariants: every answer carries
 * `X-Request-Id`; `signal` fires when the client goes away before its answer ended, or the server stops; a parameter
 * that a route does not know is refused, so that a mistyped one is never silently without effect.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EngineError } from '../base/errors.ts';
import { RouteError } from './status.ts';

const REQUEST_ID_FORM = /^[\w.:-]{1,128}$/;

/** A request under way. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** GET, POST …; HEAD is told apart by `isHead` and runs as GET. */
  readonly method: string;
  readonly isHead: boolean;
  readonly path: string;
  readonly parameters: URLSearchParams;
  readonly startedMs: number;
  requestBytes = 0;
  responseBytes = 0;
  /** Who asks, once that is known; for the log. */
  principal: string | undefined = undefined;
  readonly #abort = new AbortController();

  constructor(request: IncomingMessage, response: ServerResponse, startedMs: number) {
    this.request = request;
    this.response = response;
    this.startedMs = startedMs;
    this.requestId = requestIdOf(request);
    this.isHead = request.method === 'HEAD';
    this.method = this.isHead ? 'GET' : (request.method ?? 'GET');
    const { path, query } = splitTarget(request.url ?? '/');
    this.path = path;
    this.parameters = new URLSearchParams(query);
    response.setHeader('X-Request-Id', this.requestId);
    response.on('close', () => {
      if (!response.writableFinished) this.cancel();
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Makes the work behind this exchange stop. */
  cancel(): void {
    this.#abort.abort();
  }

  /** One parameter, or undefined. @throws `request_invalid` when it stands there twice */
  parameter(name: string): string | undefined {
    const values = this.parameters.getAll(name);
    if (values.length > 1) throw new EngineError('request_invalid', `the parameter "${name}" is given twice`);
    return values[0];
  }

  /** @throws `request_invalid` for parameters other than `known` */
  refuseUnknownParameters(known: readonly string[]): void {
    for (const name of this.parameters.keys()) {
      if (known.includes(name)) continue;
      const shown = JSON.stringify(name);
      throw new EngineError(
        'request_invalid',
        `the parameter ${shown} is not known here; known: ${known.join(', ')}`,
      );
    }
  }

  /** A parameter that is one of `choices`, in any case; the first of them when it is absent. */
  choice<T extends string>(name: string, choices: readonly [T, ...T[]]): T {
    const given = this.parameter(name);
    if (given === undefined) return choices[0];
    const found = choices.find((choice) => choice === given.toLowerCase());
    if (found !== undefined) return found;
    const known = choices.join(', ');
    throw new EngineError('request_invalid', `${name}=${given} is not known; choose one of: ${known}`);
  }

  /**
   * Lower-case media type of the body without parameters, '' when there is none. @throws for a charset other than
   * UTF-8
   */
  contentType(): string {
    const [type = '', ...parameters] = (this.request.headers['content-type'] ?? '').split(';');
    for (const parameter of parameters) {
      const charset = /^\s*charset\s*=\s*"?([^"\s]+)"?\s*$/i.exec(parameter)?.[1]?.toLowerCase();
      if (charset === undefined || ['utf-8', 'utf8', 'us-ascii'].includes(charset)) continue;
      throw new RouteError(415, 'request_invalid', `the charset ${charset} is not read here; send UTF-8`);
    }
    return type.trim().toLowerCase();
  }
}

/** The client's own id where it is short and plain, else a new one. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID_FORM.test(given) ? given : randomUUID();
}

function splitTarget(target: string): { readonly path: string; readonly query: string } {
  // Proxies may send the absolute form.
  const origin = /^https?:\/\/[^/?#]*/i.exec(target)?.[0] ?? '';
  const relative = target.slice(origin.length);
  const mark = relative.indexOf('?');
  const path = mark < 0 ? relative : relative.slice(0, mark);
  return { path: path === '' ? '/' : path, query: mark < 0 ? '' : relative.slice(mark + 1) };
}
