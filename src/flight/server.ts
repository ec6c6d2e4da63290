/**
 * The Flight server: the service's methods, each as one line of a table, on a grpc-js server.
 *
 * Hides grpc-js's kinds of handler. Invariants: every call has a CallScope and ends once, with a status made by
 * status.ts; what a method does stands in its own file and knows nothing of gRPC.
 */
import { Metadata, Server, setLogger } from '@grpc/grpc-js';
import type {
  ServerCredentials,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
  sendUnaryData,
} from '@grpc/grpc-js';
import type { CertificateSource } from '../base/certificates.ts';
import { EngineError } from '../base/errors.ts';
import {
  FLIGHT_CONNECTION_CALLS_MAX,
  FLIGHT_KEEPALIVE_MS,
  FLIGHT_KEEPALIVE_TIMEOUT_MS,
  FLIGHT_SILENCE_MS_MAX,
  RECEIVE_MESSAGE_BYTES_MAX,
} from '../base/limits.ts';
import { makeLog } from '../base/log.ts';
import type { Engine } from '../engine/contract.ts';
import { openGate } from '../engine/gate.ts';
import type { Gate } from '../engine/gate.ts';
import { doAction, listActions } from './action.ts';
import { CallScope } from './call.ts';
import { CallSession } from './call-session.ts';
import type { Caller } from './caller.ts';
import { doExchange } from './do-exchange.ts';
import { doGet } from './do-get.ts';
import { doPut } from './do-put.ts';
import type { FlightDoor } from './door.ts';
import { decodeTicket } from './encode.ts';
import type { CopiedMessage, FlightDescriptor } from './encode.ts';
import { getFlightInfo, getSchema } from './get-flight-info.ts';
import { guarded } from './guard.ts';
import {
  Connections,
  connectionOf,
  laneInterceptor,
  openInbox,
  openOutbox,
  sendInTime,
  sendMessage,
} from './lane.ts';
import type { LaneKind } from './lane.ts';
import { listFlights } from './list-flights.ts';
import { flightService } from './message.ts';
import { Polls } from './polls.ts';
import type { PollTimes } from './polls.ts';
import { PreparedStatements } from './prepared-statements.ts';
import { SessionStore } from './session-store.ts';
import { serverCredentials } from './server-credentials.ts';
import { toStatus } from './status.ts';
import type { CallStatus } from './status.ts';

/** What calls of every kind have. */
interface ServerCall {
  readonly metadata: Metadata;
  sendMetadata(headers: Metadata): void;
}

/** Makes the caller of a call. */
type CallerOf = (scope: CallScope, call: ServerCall) => Caller;

/** What the door keeps between calls of all its callers. */
interface Kept {
  readonly sessions: SessionStore;
  /** Polls of callers with the same rights. */
  readonly makePolls: () => Polls;
}

/** How results are sent. */
interface Sending {
  readonly lane: LaneKind;
  readonly silenceMs: number;
}

/** Methods whose clients stream to us. */
const INGOING = ['DoPut', 'DoExchange'].map((name) => `/arrow.flight.protocol.FlightService/${name}`);

export interface FlightServerOptions {
  readonly host: string;
  readonly port: number;
  /** Who may come in; everybody without one. */
  readonly gate?: Gate | undefined;
  /** For TLS; in clear text without them. */
  readonly certificates?: CertificateSource | undefined;
  /** `direct` unless a test wants the fallback. */
  readonly lane?: LaneKind;
  /** The longest silence of a DoGet, and how polls wait, where a test cannot wait as long as base/limits says. */
  readonly silenceMs?: number;
  readonly pollTimes?: PollTimes;
}

/** Listens and serves. @throws `io_error` when the address cannot be listened on */
export async function startFlightServer(engine: Engine, options: FlightServerOptions): Promise<FlightDoor> {
  const log = makeLog('grpc');
  const toLog = (level: 'debug' | 'info' | 'warn') => (text?: unknown) => {
    log[level](String(text));
  };
  // What grpc-js calls an error here (a port that is taken) comes back to us as one.
  setLogger({ error: toLog('info'), info: toLog('info'), debug: toLog('debug') });
  const lane = options.lane ?? 'direct';
  const connections = new Connections();
  const server = new Server({
    'grpc.max_receive_message_length': RECEIVE_MESSAGE_BYTES_MAX,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': FLIGHT_CONNECTION_CALLS_MAX,
    'grpc.keepalive_time_ms': FLIGHT_KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': FLIGHT_KEEPALIVE_TIMEOUT_MS,
    'grpc.enable_channelz': 0,
    interceptors: [laneInterceptor(lane, new Set(INGOING), connections)],
  });
  const polls: Polls[] = [];
  const makePolls = (): Polls => {
    const made = new Polls(options.pollTimes);
    polls.push(made);
    return made;
  };
  const kept = { sessions: new SessionStore(), makePolls };
  const sending = { lane, silenceMs: options.silenceMs ?? FLIGHT_SILENCE_MS_MAX };
  const gate = options.gate ?? openGate(engine);
  server.addService(
    serviceDefinition(),
    guarded(gate, (admitted) => methods(admitted, sending, kept)),
  );
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const port = await listen(server, `${host}:${options.port.toString()}`, serverCredentials(options.certificates));
  return {
    address: `${host}:${port.toString()}`,
    reason: undefined,
    close: (graceMs) => {
      for (const each of polls) each.close();
      return shutDown(server, connections, graceMs);
    },
  };
}

/** The service of proto/Flight.proto, with FlightData and Ticket in our own hands. */
function serviceDefinition(): ServiceDefinition {
  const service = flightService();
  const asIs = { requestDeserialize: (bytes: Buffer) => bytes, responseSerialize: (message: Buffer) => message };
  return {
    ...service,
    DoGet: { ...methodOf(service, 'DoGet'), ...asIs },
    DoPut: { ...methodOf(service, 'DoPut'), requestDeserialize: asIs.requestDeserialize },
    DoExchange: { ...methodOf(service, 'DoExchange'), ...asIs },
  };
}

function methodOf(service: ServiceDefinition, name: string): ServiceDefinition[string] {
  const method = service[name];
  if (method === undefined) throw new Error(`Flight.proto has no ${name}`);
  return method;
}

function methods(engine: Engine, { lane, silenceMs }: Sending, kept: Kept): UntypedServiceImplementation {
  const { sessions: store, makePolls } = kept;
  const statements = new PreparedStatements();
  const polls = makePolls();
  const owner = engine.principal ?? '';
  const callerOf = ({ signal }: CallScope, call: ServerCall): Caller => {
    const header = (name: string): readonly string[] => call.metadata.get(name).map(String);
    const sessions = new CallSession(store, { cookies: header('cookie'), owner, connection: connectionOf(call) });
    return {
      engine,
      owner,
      signal,
      statements,
      sessions,
      polls,
      header,
      get session() {
        return sessions.session;
      },
    };
  };
  return {
    GetFlightInfo: unary<FlightDescriptor, unknown>('GetFlightInfo', callerOf, (caller, descriptor) =>
      getFlightInfo(caller, descriptor),
    ),
    GetSchema: unary<FlightDescriptor, unknown>('GetSchema', callerOf, getSchema),
    PollFlightInfo: unary<FlightDescriptor, unknown>('PollFlightInfo', callerOf, (caller, descriptor) =>
      caller.polls.poll(caller, descriptor),
    ),
    ListFlights: answers<{ expression: Uint8Array }>('ListFlights', callerOf, (caller, criteria) =>
      listFlights(caller.engine, criteria.expression),
    ),
    ListActions: answers<unknown>('ListActions', callerOf, () => listActions()),
    DoAction: answers<{ type: string; body: Uint8Array }>('DoAction', callerOf, async function* (caller, action) {
      for (const body of await doAction(caller, action.type, action.body)) yield { body };
    }),
    DoGet: (call: ServerWritableStream<Uint8Array, CopiedMessage>) => {
      const scope = new CallScope('DoGet', call);
      const caller = callerOf(scope, call);
      const open = () => openOutbox(call, lane, scope.signal, headersOf(caller, false));
      const run = async (): Promise<void> => doGet(caller, decodeTicket(call.request), open, silenceMs);
      finish(call, scope, caller, run());
    },
    DoPut: (call: ServerDuplexStream<Uint8Array, unknown>) => {
      const scope = new CallScope('DoPut', call);
      const caller = callerOf(scope, call);
      const inbox = openInbox(call, scope.signal);
      const send = (bytes: Buffer): Promise<void> => {
        sendHeaders(call, caller, false);
        return sendInTime(call, { app_metadata: bytes }, scope.signal);
      };
      finish(call, scope, caller, doPut(caller, { inbox, headers: caller.header, send }));
    },
    DoExchange: (call: ServerDuplexStream<Uint8Array, CopiedMessage>) => {
      const scope = new CallScope('DoExchange', call);
      const caller = callerOf(scope, call);
      const inbox = openInbox(call, scope.signal);
      const open = () => openOutbox(call, lane, scope.signal, headersOf(caller, false));
      finish(call, scope, caller, doExchange(caller, inbox, open, silenceMs));
    },
  };
}

/** The headers of a response. */
function headersOf(caller: Caller, mayOffer: boolean): Metadata {
  const headers = new Metadata();
  const cookie = caller.sessions.takeSetCookie(mayOffer);
  if (cookie !== undefined) headers.set('set-cookie', cookie);
  return headers;
}

/** Sends the cookie, if the response is to bring one; before its first message or its status. */
function sendHeaders(call: ServerCall, caller: Caller, mayOffer: boolean): void {
  const headers = headersOf(caller, mayOffer);
  if (headers.get('set-cookie').length > 0) call.sendMetadata(headers);
}

/** A method of one request and one answer. */
function unary<Q, A>(rpc: string, callerOf: CallerOf, run: (caller: Caller, request: Q) => Promise<A>) {
  return (call: ServerUnaryCall<Q, A>, callback: sendUnaryData<A>): void => {
    const scope = new CallScope(rpc, call);
    const caller = callerOf(scope, call);
    const work = async (): Promise<() => void> => {
      try {
        const answer = await run(caller, call.request);
        scope.succeed();
        return () => {
          sendHeaders(call, caller, true);
          callback(null, answer);
        };
      } catch (error) {
        const status = toStatus(scope.fail(error));
        return () => {
          sendHeaders(call, caller, true);
          callback(status);
        };
      }
    };
    void work().then((tell) => {
      tell();
    });
  };
}

/** A method of one request and a few small answers, sent through grpc-js. */
function answers<Q>(
  rpc: string,
  callerOf: CallerOf,
  run: (caller: Caller, request: Q) => Iterable<unknown> | AsyncIterable<unknown>,
) {
  return (call: ServerWritableStream<Q, unknown>): void => {
    const scope = new CallScope(rpc, call);
    const caller = callerOf(scope, call);
    const send = async (): Promise<void> => {
      let isFirst = true;
      for await (const answer of run(caller, call.request)) {
        if (isFirst) sendHeaders(call, caller, true);
        isFirst = false;
        await sendMessage(call, answer, scope.signal);
      }
      if (isFirst) sendHeaders(call, caller, true);
    };
    finish(call, scope, caller, send());
  };
}

/** Ends a streaming call when `work` ends. */
function finish(
  call: ServerCall & { end(): unknown; emit(event: 'error', status: CallStatus): unknown },
  scope: CallScope,
  caller: Caller,
  work: Promise<void>,
): void {
  work.then(
    () => {
      scope.succeed();
      call.end();
    },
    (error: unknown) => {
      // Unless they have gone before the first message.
      sendHeaders(call, caller, false);
      call.emit('error', toStatus(scope.fail(error)));
    },
  );
}

function listen(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(cannotListen(address, error));
    });
  });
}

/** Keeps the system's word for the reason (EADDRINUSE, EACCES …), by which main chooses the remedy. */
function cannotListen(address: string, cause: Error): EngineError {
  return new EngineError('io_error', `Flight cannot listen on ${address}: ${cause.message}`, { cause });
}

/** Lets running calls end for `graceMs`, then cuts them. */
function shutDown(server: Server, connections: Connections, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      connections.cut();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
