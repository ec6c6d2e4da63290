/**
 * The Flight server: the service's methods, each as one line of a table, on a grpc-js server.
 *
 * Hides grpc-js's kinds of handler. Invariants: every call has a CallScope and ends once, with a status made by
 * status.ts; what a method does stands in its own file and knows nothing of gRPC.
 */
import { Server, setLogger } from '@grpc/grpc-js';
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
  RECEIVE_MESSAGE_BYTES_MAX,
} from '../base/limits.ts';
import { makeLog } from '../base/log.ts';
import type { Engine } from '../engine/contract.ts';
import { openGate } from '../engine/gate.ts';
import type { Gate } from '../engine/gate.ts';
import { doAction, listActions } from './action.ts';
import { CallScope } from './call.ts';
import type { Caller } from './caller.ts';
import { doGet } from './do-get.ts';
import { doPut } from './do-put.ts';
import type { FlightDoor } from './door.ts';
import { decodeTicket } from './encode.ts';
import type { CopiedMessage, FlightDescriptor } from './encode.ts';
import { getFlightInfo, getSchema } from './get-flight-info.ts';
import { guarded } from './guard.ts';
import { Connections, laneInterceptor, openInbox, openOutbox, sendInTime, sendMessage } from './lane.ts';
import type { LaneKind } from './lane.ts';
import { listFlights } from './list-flights.ts';
import { flightService } from './message.ts';
import { PreparedStatements } from './prepared-statements.ts';
import { serverCredentials } from './server-credentials.ts';
import { toStatus } from './status.ts';
import type { CallStatus } from './status.ts';

/** Makes the caller of a call. */
type CallerOf = (scope: CallScope) => Caller;

const DO_PUT = '/arrow.flight.protocol.FlightService/DoPut';

export interface FlightServerOptions {
  readonly host: string;
  readonly port: number;
  /** Who may come in; everybody without one. */
  readonly gate?: Gate | undefined;
  /** For TLS; in clear text without them. */
  readonly certificates?: CertificateSource | undefined;
  /** `direct` unless a test wants the fallback. */
  readonly lane?: LaneKind;
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
    interceptors: [laneInterceptor(lane, new Set([DO_PUT]), connections)],
  });
  const gate = options.gate ?? openGate(engine);
  server.addService(
    serviceDefinition(),
    guarded(gate, (admitted) => methods(admitted, lane)),
  );
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const credentials = serverCredentials(options.certificates);
  const port = await listen(server, `${host}:${options.port.toString()}`, credentials);
  return {
    address: `${host}:${port.toString()}`,
    reason: undefined,
    close: (graceMs) => shutDown(server, connections, graceMs),
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

function methods(engine: Engine, lane: LaneKind): UntypedServiceImplementation {
  const statements = new PreparedStatements();
  const callerOf = ({ signal }: CallScope): Caller => ({ engine, signal, statements, session: undefined });
  return {
    GetFlightInfo: unary<FlightDescriptor, unknown>('GetFlightInfo', callerOf, getFlightInfo),
    GetSchema: unary<FlightDescriptor, unknown>('GetSchema', callerOf, getSchema),
    ListFlights: answers<{ expression: Uint8Array }>('ListFlights', callerOf, (caller, criteria) =>
      listFlights(caller.engine, criteria.expression),
    ),
    ListActions: answers<unknown>('ListActions', callerOf, () => listActions()),
    DoAction: answers<{ type: string; body: Uint8Array }>('DoAction', callerOf, async function* (caller, action) {
      for (const body of await doAction(caller, action.type, action.body)) yield { body };
    }),
    DoGet: (call: ServerWritableStream<Uint8Array, CopiedMessage>) => {
      const scope = new CallScope('DoGet', call);
      const open = () => openOutbox(call, lane, scope.signal);
      const run = async (): Promise<void> => doGet(callerOf(scope), decodeTicket(call.request), open);
      finish(call, scope, run());
    },
    DoPut: (call: ServerDuplexStream<Uint8Array, unknown>) => {
      const scope = new CallScope('DoPut', call);
      const inbox = openInbox(call, scope.signal);
      const headers = (name: string): string[] => call.metadata.get(name).map(String);
      const send = (bytes: Buffer): Promise<void> => sendInTime(call, { app_metadata: bytes }, scope.signal);
      finish(call, scope, doPut(callerOf(scope), { inbox, headers, send }));
    },
    DoExchange: notOffered('DoExchange', 'use DoGet to read and DoPut to write'),
    PollFlightInfo: unary('PollFlightInfo', callerOf, () =>
      Promise.reject(new EngineError('unimplemented', 'PollFlightInfo is not offered yet; use GetFlightInfo')),
    ),
  };
}

/** A method of one request and one answer. */
function unary<Q, A>(rpc: string, callerOf: CallerOf, run: (caller: Caller, request: Q) => Promise<A>) {
  return (call: ServerUnaryCall<Q, A>, callback: sendUnaryData<A>): void => {
    const scope = new CallScope(rpc, call);
    const work = async (): Promise<() => void> => {
      try {
        const answer = await run(callerOf(scope), call.request);
        scope.succeed();
        return () => {
          callback(null, answer);
        };
      } catch (error) {
        const status = toStatus(scope.fail(error));
        return () => {
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
    const send = async (): Promise<void> => {
      for await (const answer of run(callerOf(scope), call.request)) await sendMessage(call, answer, scope.signal);
    };
    finish(call, scope, send());
  };
}

/** A method that is not there yet; `instead` says what to do. */
function notOffered(rpc: string, instead: string) {
  return (call: ServerDuplexStream<unknown, unknown>): void => {
    const scope = new CallScope(rpc, call);
    call.resume();
    finish(call, scope, Promise.reject(new EngineError('unimplemented', `${rpc} is not offered yet; ${instead}`)));
  };
}

/** Ends a streaming call when `work` ends. */
function finish(
  call: { end(): unknown; emit(event: 'error', status: CallStatus): unknown },
  scope: CallScope,
  work: Promise<void>,
): void {
  work.then(
    () => {
      scope.succeed();
      call.end();
    },
    (error: unknown) => {
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
