/**
 * Sheaf's own HTTP client: queries that stream Arrow back, inserts that stream Arrow out.
 *
 * Hides node:http and node:https, the routes and the error body. Invariants: a failure is an EngineError with the
 * server's own code and message, or `io_error` when no whole answer came; neither direction holds more than a few
 * record batches (backpressure both ways); nothing is retried: an insert whose answer is lost is `commit_unknown`. The
 * Flight client is another file, later.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import type { RecordBatch } from '../arrow/batch.ts';
import { encodeResults, readStream, writeStream } from '../arrow/ipc-stream.ts';
import type { IncomingStream } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError, ERROR_TABLE } from '../base/errors.ts';
import type { ErrorCode, Position } from '../base/errors.ts';
import { CLIENT_ERROR_BYTES_MAX } from '../base/limits.ts';

/** The content type of Arrow streams in both directions. */
const ARROW_STREAM = 'application/vnd.apache.arrow.stream';

/** What an insert did, as the server says it. */
export interface InsertOutcome {
  readonly rowCount: number;
}

/** How a client is let in, and whom it trusts. */
export interface HttpClientOptions {
  /** Sent with every request, over a connection of any kind. */
  readonly token?: string | undefined;
  /** PEM text of the CA that an https server's certificate is of; those that the system knows without it. */
  readonly ca?: string | undefined;
}

/** A server's HTTP door. Holds no connection open. */
export class HttpClient {
  readonly #base: URL;
  readonly #options: HttpClientOptions;

  /** @throws `request_invalid` when `url` is not an http or https URL such as http://127.0.0.1:8123 */
  constructor(url: string, options: HttpClientOptions = {}) {
    this.#base = parseBase(url);
    this.#options = options;
  }

  /** The server's address as given, for messages. */
  get url(): string {
    return this.#base.origin;
  }

  /** True when a server answers `GET /ping`. */
  async ping(): Promise<boolean> {
    try {
      const response = await this.#send('GET', '/ping', {}, undefined);
      response.resume();
      return response.statusCode === 200;
    } catch (error) {
      if (error instanceof EngineError && error.code === 'io_error') return false;
      throw error;
    }
  }

  /**
   * Runs one statement; the result's batches arrive as the server makes them. Abandoning the batches ends the query.
   * `values` are text for its parameters, by name or number.
   */
  async query(sql: string, values?: Readonly<Record<string, string>>): Promise<IncomingStream> {
    const type = values === undefined ? 'text/plain; charset=utf-8' : 'application/json';
    const body = values === undefined ? sql : JSON.stringify({ query: sql, params: values });
    const headers = { 'content-type': type, accept: ARROW_STREAM };
    const response = await this.#send('POST', '/query?format=arrow', headers, oneBody(body));
    if (response.statusCode !== 200) throw await readError(response);
    return readStream(bodyOf(response, 'io_error'));
  }

  /** Sends `batches` as one insert: all of them become visible and durable, or none. */
  async insert(table: string, schema: Schema, batches: AsyncIterable<RecordBatch>): Promise<InsertOutcome> {
    const body = writeStream(schema, encodeResults(schema, batches));
    const route = `/insert/arrow?table=${encodeURIComponent(table)}`;
    const response = await this.#send('POST', route, { 'content-type': ARROW_STREAM }, body);
    if (response.statusCode !== 200) throw await readError(response);
    return readOutcome(await readWhole(bodyOf(response, 'commit_unknown')));
  }

  /**
   * Sends a request with a streamed body; resolves with the head of the response, which may come before the body's
   * end.
   */
  async #send(
    method: string,
    route: string,
    headers: OutgoingHttpHeaders,
    body: AsyncGenerator<Uint8Array | string> | undefined,
  ): Promise<IncomingMessage> {
    const target = new URL(route, this.#base);
    const { token, ca } = this.#options;
    const shown = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const call = { method, headers: { ...headers, ...shown }, agent: false } as const;
    const isSecure = target.protocol === 'https:';
    const request = isSecure
      ? httpsRequest(target, { ...call, ...(ca === undefined ? {} : { ca }) })
      : httpRequest(target, call);
    const answer = this.#answerOf(request);
    try {
      if (body === undefined) request.end();
      else await writeBody(request, answer, body);
      return await answer;
    } catch (error) {
      request.destroy();
      throw error;
    }
  }

  #answerOf(request: ClientRequest): Promise<IncomingMessage> {
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.on('error', (error: NodeJS.ErrnoException) => {
        const refused = error.code === 'ECONNREFUSED';
        const text = refused ? 'no server answers at' : 'the connection broke with';
        reject(new EngineError('io_error', `${text} ${this.#base.origin}: ${error.message}`, { cause: error }));
      });
    });
    // The body may fail first, and then nobody waits for the answer.
    answer.catch(() => undefined);
    return answer;
  }
}

function parseBase(url: string): URL {
  if (URL.canParse(url)) {
    const parsed = new URL(url);
    if (parsed.protocol === 'http:' || parsed.protocol === 'https:') return parsed;
  }
  throw new EngineError(
    'request_invalid',
    `${JSON.stringify(url)} is not an http or https URL; give one such as http://127.0.0.1:8123`,
  );
}

async function* oneBody(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text);
}

/**
 * Writes `body` as fast as the server reads it; stops early when the answer is there already, which then is a
 * refusal.
 */
async function writeBody(
  request: ClientRequest,
  answer: Promise<IncomingMessage>,
  body: AsyncGenerator<Uint8Array | string>,
): Promise<void> {
  let answered = false;
  const settled = answer.then(
    () => {
      answered = true;
    },
    () => {
      answered = true;
    },
  );
  for await (const bytes of body) {
    if (answered) return;
    if (request.write(bytes)) continue;
    const abort = new AbortController();
    const drained = once(request, 'drain', { signal: abort.signal }).catch(() => undefined);
    await Promise.race([drained, settled]);
    abort.abort();
  }
  if (!answered) request.end();
}

/** A response's bytes; a connection that ends too early becomes an error under `code`. */
async function* bodyOf(response: IncomingMessage, code: ErrorCode): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of response as AsyncIterable<Uint8Array>) yield bytes;
  } catch (error) {
    throw new EngineError(code, 'the connection ended before the answer was complete; the server may have stopped', {
      cause: error,
    });
  } finally {
    response.destroy();
  }
}

async function readWhole(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of bytes) {
    length += part.byteLength;
    if (length > CLIENT_ERROR_BYTES_MAX) break;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The EngineError that an error response stands for. */
async function readError(response: IncomingMessage): Promise<EngineError> {
  const text = await readWhole(bodyOf(response, 'io_error'));
  const body = parseObject(text);
  const error = parseObjectOf(body?.['error']) ?? body;
  const code = error?.['code'];
  const message = error?.['message'];
  if (typeof code === 'string' && code in ERROR_TABLE && typeof message === 'string') {
    const position = positionIn(error);
    return new EngineError(code as ErrorCode, message, position === undefined ? {} : { position });
  }
  const status = (response.statusCode ?? 0).toString();
  return new EngineError(
    'io_error',
    `the server answered ${status} without an error of Sheaf's: ${text.slice(0, 200)}`,
  );
}

function positionIn(value: Record<string, unknown> | undefined): Position | undefined {
  const number = (key: string): number => (typeof value?.[key] === 'number' ? value[key] : Number.NaN);
  const position = { start: number('start'), end: number('end'), line: number('line'), column: number('column') };
  return Object.values(position).some(Number.isNaN) ? undefined : position;
}

function readOutcome(text: string): InsertOutcome {
  const rows = parseObject(text)?.['inserted'];
  if (typeof rows !== 'number') {
    throw new EngineError(
      'commit_unknown',
      `the insert was answered with ${JSON.stringify(text.slice(0, 200))}, not with a row count`,
    );
  }
  return { rowCount: rows };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return parseObjectOf(JSON.parse(text));
  } catch {
    // Not JSON: the caller says so, with the text.
    return undefined;
  }
}

function parseObjectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}
