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
  RECEIVE_MESSAGE_BYTES_MAX,
} from '../base/limits.ts';
import { makeLog } from '../base/log.ts';
import type { Engine } from '../engine/contract.ts';
import { openGate } from '../engine/gate.ts';
import type { Gate } from '../engine/gate.ts';
import type { FlightDoor } from './door.ts';
import { guarded } from './guard.ts';
import { FLIGHT_SERVICE, flightHandlers, flightService } from './handlers.ts';
import type { Service } from './handlers.ts';
import { HEALTH_SERVICE, healthService } from './health.ts';
import { Connections, laneInterceptor } from './lane.ts';
import type { LaneKind } from './lane.ts';
import { ENGINE_METHODS } from './methods.ts';
import { PreparedStatements } from './prepared-statements.ts';
import { reflectionServices } from './reflection.ts';
import { serverCredentials } from './server-credentials.ts';

/** The calls that bring data. */
const INCOMING = new Set([`/${FLIGHT_SERVICE}/DoPut`, `/${FLIGHT_SERVICE}/DoExchange`]);

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

/** Listens and serves the engine. @throws `io_error` when the address cannot be listened on */
export function startFlightServer(engine: Engine, options: FlightServerOptions): Promise<FlightDoor> {
  const gate = options.gate ?? openGate(engine);
  const isServing = (): boolean => !engine.status().draining;
  return startServices(
    (lane) => [
      flightService(guarded(gate, (admitted) => engineHandlers(admitted, lane))),
      healthService([FLIGHT_SERVICE], isServing),
      ...reflectionServices([FLIGHT_SERVICE, HEALTH_SERVICE]),
    ],
    options,
  );
}

/** The handlers for one engine, with what they keep between its calls. */
function engineHandlers(engine: Engine, lane: LaneKind): UntypedServiceImplementation {
  const statements = new PreparedStatements();
  return flightHandlers(ENGINE_METHODS, ({ signal }) => ({ engine, signal, statements, session: undefined }), lane);
}

/** Listens and serves what `servicesOf` makes. @throws as `startFlightServer` */
export async function startServices(
  servicesOf: (lane: LaneKind) => readonly Service[],
  options: Omit<FlightServerOptions, 'gate'>,
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
