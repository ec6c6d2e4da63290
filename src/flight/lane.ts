/**
 * The fast lane: the only file that knows that a grpc-js call carries an HTTP/2 stream.
 *
 * grpc-js keeps the call: headers, status, trailers, deadline. Bodies go around it. Out: frame head and slices of the
 * batch are written to the HTTP/2 stream as views on mapped files, so that no byte of a body is copied in this
 * process. In: a put's bytes are taken from grpc-js's decoder and cut into messages by our own (frame.ts, inbox.ts),
 * and the connection's receive windows are raised, without which a put waits for the network most of its time.
 *
 * Hides the fields of grpc-js 1.14 that this needs. Where they are missing, messages go through grpc-js as usual: one
 * copy more, the same bytes; `sheaf_flight_lane_calls_total` tells which way calls took. Invariants: headers are sent
 * before the first byte and the status after the last; messages never interleave, one `send` at a time; what is
 * unsent is bounded by two slices, because the third waits until the first has been taken by the socket.
 */
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { ServerDuplexStream, ServerInterceptor, ServerWritableStream } from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js';
import type { Message } from '../arrow/batch.ts';
import { EngineError } from '../base/errors.ts';
import {
  FLIGHT_FRAME_BYTES,
  FLIGHT_JOIN_BYTES_MAX,
  FLIGHT_RAISED_SESSIONS_MAX,
  FLIGHT_REQUEST_BYTES_MAX,
  FLIGHT_SESSION_WINDOW_BYTES,
  FLIGHT_SLICE_BYTES_MAX,
  FLIGHT_STREAM_WINDOW_BYTES,
  PRODUCER_RESULT_STALL_MS_MAX,
} from '../base/limits.ts';
import { makeCounter } from '../base/metrics.ts';
import { countBytes } from './call.ts';
import type { CallScope } from './call.ts';
import { CopiedMessage, encodeFrame, encodeFrameHead } from './encode.ts';
import { Inbox } from './inbox.ts';
import { checkWireSize } from './wire-size.ts';

const laneCalls = makeCounter('flight_lane_calls_total', 'Calls by the way their messages took', [
  'direction',
  'kind',
]);

/** HTTP/2's code for a call that is not wanted any more. */
const HTTP2_CANCEL = 8;
/** gRPC's INVALID_ARGUMENT. */
const GRPC_INVALID = 3;

/** Which way messages take; `messages` is for tests of the fallback. */
export type LaneKind = 'direct' | 'messages';

/** Takes the messages of one answer in order. */
export interface Outbox {
  /**
   * Resolves when the next message may be sent. An empty header with `appMetadata` is a message of metadata alone.
   * @throws `cancelled`, `deadline` when nobody will read it; `limit_exceeded`
   */
  send(message: Message, appMetadata?: Uint8Array): Promise<void>;
  /** Call after the last message, whether all went well or not: hands on what still waits. Never throws. */
  close(): void;
}

/** The parts of grpc-js's server call that we look for. */
interface BaseCall {
  stream?: unknown;
  nextCall?: unknown;
  decoder?: unknown;
  maxReceiveMessageSize?: unknown;
  incomingEncoding?: unknown;
  sendStatus(status: { code: number; details: string; metadata: Metadata }): void;
}

interface Decoder {
  write(piece: Buffer): unknown[];
}

const inboxes = new WeakMap<object, Inbox>();
const raisedSessions = new Set<ServerHttp2Session>();

/** The innermost call: interceptors wrap it as `nextCall`. */
function baseOf(call: object): BaseCall {
  let base = call as BaseCall;
  while (typeof base.nextCall === 'object' && base.nextCall !== null) base = base.nextCall as BaseCall;
  return base;
}

function streamOf(base: BaseCall): ServerHttp2Stream | undefined {
  const stream = base.stream as Partial<ServerHttp2Stream> | undefined;
  const known =
    typeof stream === 'object' &&
    stream !== null &&
    typeof stream.write === 'function' &&
    typeof stream.cork === 'function' &&
    typeof stream.uncork === 'function' &&
    typeof stream.close === 'function' &&
    typeof stream.headersSent === 'boolean';
  return known ? (stream as ServerHttp2Stream) : undefined;
}

/** The call object that a handler's stream wraps. */
function innerCall(call: object): object | undefined {
  const inner = (call as { call?: unknown }).call;
  return typeof inner === 'object' && inner !== null ? inner : undefined;
}

/** Every connection that brought a call and is still there. */
export class Connections {
  readonly #sessions = new Set<ServerHttp2Session>();

  add(session: ServerHttp2Session | undefined): void {
    if (session === undefined || session.destroyed || this.#sessions.has(session)) return;
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
  }

  /** Cuts them all, calls included; grpc-js's forceShutdown forgets to when channelz is off. */
  cut(): void {
    for (const session of this.#sessions) session.destroy();
  }
}

/**
 * Prepares calls as they arrive, before grpc-js has read a byte of theirs: bounds requests, and for the paths in
 * `puts` raises the connection's windows and takes over the reading.
 */
export function laneInterceptor(
  kind: LaneKind,
  puts: ReadonlySet<string>,
  connections: Connections,
): ServerInterceptor {
  return (method, call) => {
    const base = baseOf(call);
    const stream = streamOf(base);
    const session = stream?.session as ServerHttp2Session | undefined;
    connections.add(session);
    if (!puts.has(method.path)) boundRequest(base);
    else if (stream !== undefined) {
      raiseWindows(session);
      if (kind === 'direct' && isDecoder(base.decoder)) takeReading(base, stream);
    }
    return call as ReturnType<ServerInterceptor>;
  };
}

function isDecoder(decoder: unknown): decoder is Decoder {
  return typeof (decoder as Partial<Decoder> | undefined)?.write === 'function';
}

/** Refuses a request by its length prefix, with our own status. */
function boundRequest(base: BaseCall): void {
  const decoder = base.decoder;
  if (!isDecoder(decoder) || typeof base.maxReceiveMessageSize !== 'number') return;
  base.maxReceiveMessageSize = FLIGHT_REQUEST_BYTES_MAX;
  Object.assign(decoder, { maxReadMessageLength: FLIGHT_REQUEST_BYTES_MAX });
  base.decoder = {
    write(piece: Buffer): unknown[] {
      try {
        return decoder.write(piece);
      } catch {
        const limit = FLIGHT_REQUEST_BYTES_MAX.toString();
        const metadata = new Metadata();
        metadata.set('sheaf-code', 'limit_exceeded');
        const details = `limit_exceeded: the request is larger than ${limit} bytes`;
        base.sendStatus({ code: GRPC_INVALID, details, metadata });
        return [];
      }
    },
  };
}

/** Lets a put's client send far ahead; the bytes wait in the kernel and in nghttp2, at most a window for each put. */
function raiseWindows(session: ServerHttp2Session | undefined): void {
  if (session === undefined || session.destroyed || raisedSessions.has(session)) return;
  if (raisedSessions.size >= FLIGHT_RAISED_SESSIONS_MAX) return;
  raisedSessions.add(session);
  session.once('close', () => raisedSessions.delete(session));
  session.settings({ initialWindowSize: FLIGHT_STREAM_WINDOW_BYTES, maxFrameSize: FLIGHT_FRAME_BYTES });
  session.setLocalWindowSize(FLIGHT_SESSION_WINDOW_BYTES);
}

/** Leads the call's bytes into an inbox; grpc-js sees no message of it, and only learns when the call ends. */
function takeReading(base: BaseCall, stream: ServerHttp2Stream): void {
  const inbox = new Inbox(stream, () => String(base.incomingEncoding));
  base.decoder = {
    write(piece: Buffer): unknown[] {
      inbox.writeBytes(piece);
      return [];
    },
  };
  stream.on('end', () => {
    // A reset also ends the readable side, after it has closed the stream; a client that has finished has not.
    if (!stream.closed && !stream.destroyed) inbox.end();
  });
  inboxes.set(base, inbox);
}

/** The messages that the client of `call` sends, FlightData as bytes. */
export function openInbox(call: ServerDuplexStream<Uint8Array, unknown>, signal: AbortSignal): Inbox {
  const inner = innerCall(call);
  const direct = inner === undefined ? undefined : inboxes.get(baseOf(inner));
  const inbox = direct ?? readMessages(call);
  laneCalls.inc({ direction: 'in', kind: direct === undefined ? 'messages' : 'direct' });
  signal.addEventListener('abort', () => {
    inbox.fail(signal.reason as EngineError);
  });
  return inbox;
}

/** The fallback: grpc-js joins messages by itself and reads up to 16 ahead, so that more memory is held than by the direct way. */
function readMessages(call: ServerDuplexStream<Uint8Array, unknown>): Inbox {
  const inbox = new Inbox(call);
  call.pause();
  call.on('data', (bytes: Uint8Array) => {
    inbox.writeMessage(bytes);
  });
  call.on('end', () => {
    if (!call.cancelled) inbox.end();
  });
  return inbox;
}

/** A call that sends FlightData. */
type SendingCall = ServerWritableStream<unknown, CopiedMessage> | ServerDuplexStream<Uint8Array, CopiedMessage>;

/** What stands for the connection that `call` came over, the same for all its calls; undefined where it is hidden. */
export function connectionOf(call: object): object | undefined {
  const inner = innerCall(call);
  return inner === undefined ? undefined : streamOf(baseOf(inner))?.session;
}

/** The way out of `call`, by which FlightData messages are sent; the answer's headers go first. */
export function openOutbox(call: SendingCall, kind: LaneKind, scope: CallScope): Outbox {
  const { signal } = scope;
  scope.sendHeaders();
  const inner = kind === 'direct' ? innerCall(call) : undefined;
  const stream = inner === undefined ? undefined : streamOf(baseOf(inner));
  if (stream !== undefined) {
    call.sendMetadata(new Metadata());
    // A call that ended meanwhile sends no headers; `send` finds that out.
    if (stream.headersSent || signal.aborted || stream.destroyed) {
      laneCalls.inc({ direction: 'out', kind: 'direct' });
      return new DirectOutbox(stream, signal);
    }
  }
  laneCalls.inc({ direction: 'out', kind: 'messages' });
  return {
    send: async (message, appMetadata) => {
      checkWireSize(message);
      await sendMessage(call, new CopiedMessage(message, appMetadata === undefined ? {} : { appMetadata }), signal);
    },
    close: () => undefined,
  };
}

/** A call of grpc-js that sends. */
interface MessageStream<T> {
  write(message: T, done: () => void): unknown;
}

/** Sends one message through grpc-js; resolves when it is with the transport. */
export function sendMessage<T>(call: MessageStream<T>, message: T, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(signal.reason as EngineError);
    };
    if (signal.aborted) {
      stop();
      return;
    }
    signal.addEventListener('abort', stop, { once: true });
    call.write(message, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    if (message instanceof CopiedMessage) countBytes('out', message.byteLength);
  });
}

/** As `sendMessage`, to a client that may still be sending and not reading. @throws `deadline` when it does not */
export async function sendInTime<T>(call: MessageStream<T>, message: T, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const seconds = (PRODUCER_RESULT_STALL_MS_MAX / 1_000).toString();
      // Nothing more reaches this client, a status neither, and it waits for us to read.
      const inner = innerCall(call);
      if (inner !== undefined) streamOf(baseOf(inner))?.close(HTTP2_CANCEL);
      const told = `the client has not read its results for ${seconds} s; read one result for each batch`;
      reject(new EngineError('deadline', told));
    }, PRODUCER_RESULT_STALL_MS_MAX);
  });
  try {
    await Promise.race([sendMessage(call, message, signal), stalled]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Writes to the HTTP/2 stream itself. One slice is being sent while the next is made, so that the socket does not run
 * dry; a third waits. Small messages gather until the event loop turns: the schema and a small result go out as one.
 */
class DirectOutbox implements Outbox {
  readonly #stream: ServerHttp2Stream;
  readonly #signal: AbortSignal;
  #slice: Uint8Array[] = [];
  #sliceBytes = 0;
  #sent: Promise<void> = Promise.resolve();
  #soon: NodeJS.Immediate | undefined;

  constructor(stream: ServerHttp2Stream, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    // grpc-js listens once only, and a second error without a listener would end the process. The stream's close
    // tells us.
    stream.on('error', () => undefined);
    // At a deadline grpc-js ends the call in order, which a client that does not read would hold up for ever.
    signal.addEventListener('abort', () => {
      if (!stream.destroyed) stream.close(HTTP2_CANCEL);
    });
  }

  async send(message: Message, appMetadata?: Uint8Array): Promise<void> {
    this.#refuseIfOver();
    checkWireSize(message);
    if (message.bodyBytes <= FLIGHT_JOIN_BYTES_MAX) {
      this.#take(encodeFrame(message, appMetadata));
    } else {
      this.#take(encodeFrameHead(message, appMetadata));
      for (const part of message.body) {
        for (let at = 0; at < part.byteLength;) {
          const end = Math.min(part.byteLength, at + FLIGHT_SLICE_BYTES_MAX - this.#sliceBytes);
          this.#take(part.subarray(at, end));
          at = end;
          if (this.#sliceBytes >= FLIGHT_SLICE_BYTES_MAX) await this.#flush();
        }
      }
    }
    if (this.#sliceBytes > FLIGHT_JOIN_BYTES_MAX) await this.#flush();
    else this.#soon ??= setImmediate(() => this.#write());
  }

  close(): void {
    this.#write();
  }

  #take(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    this.#slice.push(bytes);
    this.#sliceBytes += bytes.byteLength;
  }

  /** Writes the slice; resolves when the one before it is with the socket. */
  async #flush(): Promise<void> {
    this.#refuseIfOver();
    const before = this.#sent;
    this.#write();
    await before;
    this.#refuseIfOver();
  }

  #write(): void {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    const stream = this.#stream;
    const slice = this.#slice;
    this.#slice = [];
    if (slice.length === 0 || this.#isOver()) return;
    countBytes('out', this.#sliceBytes);
    this.#sliceBytes = 0;
    this.#sent = new Promise((resolve) => {
      const done = (): void => {
        stream.off('close', done);
        resolve();
      };
      stream.on('close', done);
      stream.cork();
      const last = slice.length - 1;
      slice.forEach((bytes, i) => stream.write(bytes, i === last ? done : undefined));
      stream.uncork();
    });
  }

  #isOver(): boolean {
    return this.#signal.aborted || this.#stream.destroyed || this.#stream.writableEnded;
  }

  #refuseIfOver(): void {
    if (!this.#isOver()) return;
    throw this.#signal.aborted
      ? this.#signal.reason
      : new EngineError('cancelled', 'the client left before the call ended');
  }
}
