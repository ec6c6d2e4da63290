/**
 * A server for one integration scenario: the product's Flight layer with the scenario's methods in it.
 *
 * Hides which methods are scripted and which are the product's. Invariant: transport, framing, messages and statuses
 * are the product's in all of them.
 */
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { FLIGHT_SILENCE_MS_MAX } from '../../src/base/limits.ts';
import type { Gate } from '../../src/engine/gate.ts';
import type { FlightDoor } from '../../src/flight/door.ts';
import { guarded } from '../../src/flight/guard.ts';
import { flightHandlers, flightService } from '../../src/flight/handlers.ts';
import type { LaneKind } from '../../src/flight/lane.ts';
import { engineMethods } from '../../src/flight/methods.ts';
import { startServices } from '../../src/flight/server.ts';
import { callerOf } from '../support/caller.ts';
import {
  basicAuth,
  basicGate,
  exchangeEcho,
  expirationTime,
  infoMetadata,
  middleware,
  ordered,
  pollFlightInfo,
  reuseConnection,
  sessionOptions,
} from './scenarios.ts';
import type { Script } from './scripted.ts';
import { sqlExtension, sqlIngestion } from './sql-extension.ts';
import { StatementEngine } from './sql-scenarios.ts';
import { streamStore } from './stream-store.ts';
import type { StoredStream } from './stream-store.ts';

type HandlersOf = (lane: LaneKind) => UntypedServiceImplementation;

function scripted(methods: Script): HandlersOf {
  return (lane) => flightHandlers(methods, (scope) => scope, lane);
}

/** A scenario behind the product's guard: Handshake, and the token that it gives on each call after it. */
function behindGate(gate: Gate, methods: Script): HandlersOf {
  return (lane) => guarded(gate, () => scripted(methods)(lane));
}

/** The product's methods over an engine of fixed answers. */
function overStatements(): HandlersOf {
  const caller = callerOf(new StatementEngine());
  const methods = engineMethods(FLIGHT_SILENCE_MS_MAX);
  return (lane) => flightHandlers(methods, ({ signal }) => ({ ...caller, signal }), lane);
}

/** By the name that integration clients call them. */
const SCENARIOS: Readonly<Record<string, () => HandlersOf>> = {
  'auth:basic_proto': () => behindGate(basicGate(), basicAuth()),
  middleware: () => scripted(middleware()),
  ordered: () => scripted(ordered()),
  'expiration_time:do_get': () => scripted(expirationTime()),
  'expiration_time:list_actions': () => scripted(expirationTime()),
  'expiration_time:cancel_flight_info': () => scripted(expirationTime()),
  'expiration_time:renew_flight_endpoint': () => scripted(expirationTime()),
  'location:reuse_connection': () => scripted(reuseConnection()),
  poll_flight_info: () => scripted(pollFlightInfo()),
  app_metadata_flight_info_endpoint: () => scripted(infoMetadata()),
  session_options: () => scripted(sessionOptions()),
  flight_sql: overStatements,
  'flight_sql:extension': () => scripted(sqlExtension()),
  'flight_sql:ingestion': () => scripted(sqlIngestion()),
  'do_exchange:echo': () => scripted(exchangeEcho()),
};

/** The scenarios that Go's client knows. */
export const GO_SCENARIOS = Object.keys(SCENARIOS).filter((name) => name !== 'do_exchange:echo');

/** Starts the server of a scenario on a free port. */
export function startScenario(name: string, lane: LaneKind = 'direct'): Promise<FlightDoor> {
  const handlersOf = SCENARIOS[name]?.();
  if (handlersOf === undefined) throw new Error(`there is no scenario ${name}`);
  return startServices((kind) => [flightService(handlersOf(kind))], { host: '127.0.0.1', port: 0, lane });
}

/** Starts the server of the JSON mode; `streams` are what was put to it, by path. */
export async function startStore(
  lane: LaneKind = 'direct',
): Promise<{ readonly door: FlightDoor; readonly streams: ReadonlyMap<string, StoredStream> }> {
  let address = '';
  const { streams, methods } = streamStore(() => address);
  const door = await startServices((kind) => [flightService(scripted(methods)(kind))], {
    host: '127.0.0.1',
    port: 0,
    lane,
  });
  ({ address } = door);
  return { door, streams };
}
