/**
 * The Flight server: a grpc-js server that listens, with the services on it.
 *
 * Hides grpc-js's settings. Invariant: what a call does is the handlers' affair, whatever methods they lead to.
 */
import { Server, setLogger } from '@grpc/grpc-js';
import type { ServerCredentials, UntypedServiceImplementation } from '@grpc/grpc-js';
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
import type { CallScope } from './call.ts';
import { CallSession } from './call-session.ts';
import type { Caller } from './caller.ts';
import type { FlightDoor } from './door.ts';
import { guarded } from './guard.ts';
import { FLIGHT_SERVICE, flightHandlers, flightService } from './handlers.ts';
import type { Service } from './handlers.ts';
import { HEALTH_SERVICE, healthService } from './health.ts';
import { Connections, connectionOf, laneInterceptor } from './lane.ts';
import type { LaneKind } from './lane.ts';
import { engineMethods } from './methods.ts';
import { Polls } from './polls.ts';
import type { PollTimes } from './polls.ts';
import { PreparedStatements } from './prepared-statements.ts';
import { reflectionServices } from './reflection.ts';
import { serverCredentials } from './server-credentials.ts';
import { SessionStore } from './session-store.ts';

/** The calls that bring data. */
const INCOMING = new Set([`/${FLIGHT_SERVICE}/DoPut`, `/${FLIGHT_SERVICE}/DoExchange`]);

/** The methods that stream data, whose answers offer no cookie. */
const STREAMS = new Set(['DoGet', 'DoPut', 'DoExchange']);

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

/** Listens and serves the engine. @throws `io_error` when the address cannot be listened on */
export async function startFlightServer(engine: Engine, options: FlightServerOptions): Promise<FlightDoor> {
  const { silenceMs = FLIGHT_SILENCE_MS_MAX, pollTimes } = options;
  const gate = options.gate ?? openGate(engine);
  const sessions = new SessionStore();
  const methods = engineMethods(silenceMs);
  /** Of callers with the same rights. */
  const polls: Polls[] = [];
  const handlersOf = (admitted: Engine, lane: LaneKind): UntypedServiceImplementation => {
    const own = new Polls(pollTimes);
    polls.push(own);
    return flightHandlers(methods, callersOf(admitted, sessions, own), lane);
  };
  const isServing = (): boolean => !engine.status().draining;
  const door = await startServices(
    (lane) => [
      flightService(guarded(gate, (admitted) => handlersOf(admitted, lane))),
      healthService([FLIGHT_SERVICE], isServing),
      ...reflectionServices([FLIGHT_SERVICE, HEALTH_SERVICE]),
    ],
    options,
  );
  const close = (graceMs: number): Promise<void> => {
    for (const each of polls) each.close();
    return door.close(graceMs);
  };
  return { ...door, close };
}

/** The callers of one engine, who share what it keeps between their calls. */
function callersOf(engine: Engine, store: SessionStore, polls: Polls): (scope: CallScope, call: object) => Caller {
  const statements = new PreparedStatements();
  const owner = engine.principal ?? '';
  return (scope, call) => {
    const { signal } = scope;
    const header = (name: string): readonly string[] => scope.header(name);
    const origin = { cookies: header('cookie'), owner, connection: connectionOf(call) };
    const sessions = new CallSession(store, origin);
    scope.beforeHeaders(() => {
      const cookie = sessions.takeSetCookie(!STREAMS.has(scope.rpc));
      if (cookie !== undefined) scope.addHeader('set-cookie', cookie);
    });
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
}

/** Listens and serves what `servicesOf` makes. @throws as `startFlightServer` */
export async function startServices(
  servicesOf: (lane: LaneKind) => readonly Service[],
  options: Pick<FlightServerOptions, 'host' | 'port' | 'certificates' | 'lane'>,
): Promise<FlightDoor> {
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
    interceptors: [laneInterceptor(lane, INCOMING, connections)],
  });
  for (const { definition, handlers } of servicesOf(lane)) server.addService(definition, handlers);
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const credentials = serverCredentials(options.certificates);
  const port = await listen(server, `${host}:${options.port.toString()}`, credentials);
  return {
    address: `${host}:${port.toString()}`,
    reason: undefined,
    close: (graceMs) => shutDown(server, connections, graceMs),
  };
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
