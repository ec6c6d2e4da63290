/**
 * Calls of Flight: one request with answers that stream back, and streams both ways.
 *
 * Hides grpc-js. Invariants: a call ends with the server's work, whoever gives up first: the caller by its signal or by
 * abandoning the answers, or the server; a failure is a EngineError; answers are read no further ahead than grpc-js's
 * own few messages and the connection's window, and a message is sent when the one before has gone out.
 */
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import type { CallOptions as GrpcOptions, ClientDuplexStream, ClientReadableStream } from '@grpc/grpc-js';
import { EngineError } from '../base/errors.ts';
import {
  CLIENT_RECONNECT_MS,
  CLIENT_RECONNECT_MS_MAX,
  CLIENT_WINDOW_BYTES,
  RECEIVE_MESSAGE_BYTES_MAX,
} from '../base/limits.ts';
import type { CopiedMessage } from '../flight/encode.ts';
import { abortedError, errorOf } from './call-error.ts';
import type { CallKind } from './call-error.ts';

const SERVICE = '/arrow.flight.protocol.FlightService/';

/** How a client is let in, and whom it trusts. */
export interface ConnectOptions {
  /** Sent with every call, over a connection of any kind. */
  readonly token?: string | undefined;
  /** PEM text of the CA that a grpc+tls server's certificate is of; those that Node knows without it. */
  readonly ca?: string | undefined;
  /** PEM texts of a certificate and its key, for servers that ask for one. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** How long one call may take, and who may end it. */
export interface CallOptions {
  /** Ends the call and the server's work; the call fails with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from now after which the call fails with `deadline`. */
  readonly deadlineMs?: number | undefined;
}

type Answers = ClientReadableStream<Buffer> | ClientDuplexStream<unknown, Buffer>;

const asIs = (bytes: Buffer): Buffer => bytes;
/** grpc-js asks no more of a message than CopiedMessage offers. */
const asBytes = (message: CopiedMessage): Buffer => message as unknown as Buffer;

/** A server's Flight door. Connects when first called, and again whenever the connection is gone. */
export class FlightConnection {
  /** As given, for messages. */
  readonly url: string;
  readonly #client: Client;
  readonly #metadata = new Metadata();

  /** @throws `request_invalid` when `url` is no grpc or grpc+tls URL such as grpc://127.0.0.1:8815 */
  constructor(url: string, { token, ca, cert, key }: ConnectOptions = {}) {
    const { address, isSecure } = parseUrl(url);
    this.url = url;
    const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
    const trust = isSecure ? credentials.createSsl(pem(ca), pem(key), pem(cert)) : credentials.createInsecure();
    if (token !== undefined) this.#metadata.set('authorization', `Bearer ${token}`);
    this.#client = new Client(address, trust, {
      'grpc.max_receive_message_length': RECEIVE_MESSAGE_BYTES_MAX,
      'grpc.max_send_message_length': -1,
      // What may be sent again is for the caller to know.
      'grpc.enable_retries': 0,
      'grpc.initial_reconnect_backoff_ms': CLIENT_RECONNECT_MS,
      'grpc.min_reconnect_backoff_ms': CLIENT_RECONNECT_MS,
      'grpc.max_reconnect_backoff_ms': CLIENT_RECONNECT_MS_MAX,
      'grpc-node.flow_control_window': CLIENT_WINDOW_BYTES,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
    });
  }

  /** Sends one request and yields the answers. Abandoning them ends the call. @throws EngineError */
  async *read(
    rpc: string,
    request: Uint8Array,
    options: CallOptions = {},
    kind: CallKind = 'reads',
  ): AsyncGenerator<Buffer> {
    if (options.signal?.aborted === true) throw abortedError(options.signal);
    const sent = Buffer.from(request.buffer, request.byteOffset, request.byteLength);
    const call = this.#client.makeServerStreamRequest(
      SERVICE + rpc,
      asIs,
      asIs,
      sent,
      this.#metadata,
      grpcOptions(options),
    );
    yield* this.#answersOf(call, options.signal, () => kind);
  }

  /** The one answer to a request. @throws EngineError */
  async ask(rpc: string, request: Uint8Array, options: CallOptions = {}, kind: CallKind = 'reads'): Promise<Buffer> {
    let answer: Buffer | undefined;
    for await (const bytes of this.read(rpc, request, options, kind)) answer ??= bytes;
    if (answer === undefined) throw new EngineError('io_error', `${this.url} answered ${rpc} with nothing`);
    return answer;
  }

  /** Begins a put. @throws EngineError */
  put(options: CallOptions = {}): PutCall {
    const { signal } = options;
    if (signal?.aborted === true) throw abortedError(signal);
    const call = this.#client.makeBidiStreamRequest(
      `${SERVICE}DoPut`,
      asBytes,
      asIs,
      this.#metadata,
      grpcOptions(options),
    );
    return new PutCall(call, (kind) => this.#answersOf(call, signal, kind));
  }

  /** Ends every call and the connection. */
  close(): void {
    this.#client.close();
  }

  async *#answersOf(call: Answers, signal: AbortSignal | undefined, kind: () => CallKind): AsyncGenerator<Buffer> {
    // An end that comes when nobody reads any more is no event that ends the process.
    call.on('error', () => undefined);
    const stop = (): void => {
      call.cancel();
    };
    signal?.addEventListener('abort', stop, { once: true });
    try {
      for await (const bytes of call as AsyncIterable<Buffer>) yield bytes;
    } catch (error) {
      throw signal?.aborted === true ? abortedError(signal) : errorOf(error, this.url, kind());
    } finally {
      signal?.removeEventListener('abort', stop);
      call.cancel();
    }
  }
}

/** One stream to the server, and its answers. Read the answers to their end: there the outcome is told. */
export class PutCall {
  /** @throws EngineError, at the end */
  readonly answers: AsyncGenerator<Buffer>;
  readonly #call: ClientDuplexStream<CopiedMessage, Buffer>;
  #isOver = false;
  #isWhole = false;
  #settle: ((isSent: boolean) => void) | undefined;

  constructor(
    call: ClientDuplexStream<CopiedMessage, Buffer>,
    answersOf: (kind: () => CallKind) => AsyncGenerator<Buffer>,
  ) {
    this.#call = call;
    // Nothing is stored of a stream that is not whole.
    this.answers = answersOf(() => (this.#isWhole ? 'writes' : 'reads'));
    call.on('error', () => undefined);
    call.on('status', () => {
      this.#isOver = true;
      this.#settle?.(false);
    });
  }

  /** Resolves when the message has gone out: true; false when the server has ended the call. One at a time. */
  send(message: CopiedMessage): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#call.write(message, () => {
        resolve(true);
      });
    });
  }

  /** Tells the server that the stream is whole. */
  end(): void {
    this.#isWhole = true;
    this.#call.end();
  }

  /** Gives the stream up: nothing of it is stored that was not answered. */
  cancel(): void {
    this.#call.cancel();
  }
}

function grpcOptions({ deadlineMs }: CallOptions): GrpcOptions {
  return deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
}

function parseUrl(url: string): { readonly address: string; readonly isSecure: boolean } {
  const match = /^grpc(\+tls)?:\/\/([^/\s@]+:\d{1,5})\/?$/.exec(url);
  const [, secure, address] = match ?? [];
  if (address !== undefined) return { address, isSecure: secure !== undefined };
  const wanted = 'give one such as grpc://127.0.0.1:8815, or grpc+tls:// where the server speaks TLS';
  throw new EngineError('request_invalid', `${JSON.stringify(url)} is no Flight URL with a port; ${wanted}`);
}
