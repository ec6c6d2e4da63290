/**
 * The Flight service on grpc-js: its definition, and a handler for each method; other services take their kinds from
 * here.
 *
 * Hides grpc-js's kinds of handler. Invariants: every call has a CallScope and ends once, with a status made by
 * status.ts; headers of the answer leave before its first message, and also before an error.
 */
import type {
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
  sendUnaryData,
} from '@grpc/grpc-js';
import { CallScope } from './call.ts';
import { decodeTicket } from './encode.ts';
import type { CopiedMessage, FlightDescriptor } from './encode.ts';
import { openInbox, openOutbox, sendInTime, sendMessage } from './lane.ts';
import type { LaneKind } from './lane.ts';
import { serviceOf } from './message.ts';
import type { FlightMethods } from './methods.ts';
import { toStatus } from './status.ts';
import type { CallStatus } from './status.ts';

/** A service as grpc-js takes it. */
export interface Service {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

/** The full name of the Flight service. */
export const FLIGHT_SERVICE = 'arrow.flight.protocol.FlightService';

/** The Flight service, by the handlers of its methods. */
export function flightService(handlers: UntypedServiceImplementation): Service {
  return { definition: flightDefinition(), handlers };
}

/** The service of proto/Flight.proto, with FlightData and Ticket in our own hands. */
function flightDefinition(): ServiceDefinition {
  const service = serviceOf(FLIGHT_SERVICE);
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

/** Handlers that call `methods`; `callerOf` makes the caller of each call. Handshake is not among them. */
export function flightHandlers<C>(
  methods: FlightMethods<C>,
  callerOf: (scope: CallScope, call: object) => C,
  lane: LaneKind,
): UntypedServiceImplementation {
  return {
    GetFlightInfo: unary<FlightDescriptor, unknown>('GetFlightInfo', (scope, descriptor, call) =>
      methods.getFlightInfo(callerOf(scope, call), descriptor),
    ),
    PollFlightInfo: unary<FlightDescriptor, unknown>('PollFlightInfo', (scope, descriptor, call) =>
      methods.pollFlightInfo(callerOf(scope, call), descriptor),
    ),
    GetSchema: unary<FlightDescriptor, unknown>('GetSchema', (scope, descriptor, call) =>
      methods.getSchema(callerOf(scope, call), descriptor),
    ),
    ListFlights: answers<{ expression: Uint8Array }>('ListFlights', (scope, { expression }, call) =>
      methods.listFlights(callerOf(scope, call), expression),
    ),
    ListActions: answers<unknown>('ListActions', (scope, _request, call) =>
      methods.listActions(callerOf(scope, call)),
    ),
    DoAction: answers<{ type: string; body: Uint8Array }>('DoAction', async function* (scope, { type, body }, call) {
      for (const answer of await methods.doAction(callerOf(scope, call), type, body)) yield { body: answer };
    }),
    DoGet: (call: ServerWritableStream<Uint8Array, CopiedMessage>) => {
      const scope = new CallScope('DoGet', call);
      const open = () => openOutbox(call, lane, scope);
      finish(call, scope, async () => methods.doGet(callerOf(scope, call), decodeTicket(call.request), open));
    },
    DoPut: (call: ServerDuplexStream<Uint8Array, unknown>) => {
      const scope = new CallScope('DoPut', call);
      const inbox = openInbox(call, scope.signal);
      const headers = (name: string): readonly string[] => scope.header(name);
      const send = (bytes: Uint8Array): Promise<void> => {
        scope.sendHeaders();
        return sendInTime(call, { app_metadata: bytes }, scope.signal);
      };
      finish(call, scope, async () => methods.doPut(callerOf(scope, call), { inbox, headers, send }));
    },
    DoExchange: (call: ServerDuplexStream<Uint8Array, CopiedMessage>) => {
      const scope = new CallScope('DoExchange', call);
      const exchange = { inbox: openInbox(call, scope.signal), open: () => openOutbox(call, lane, scope) };
      finish(call, scope, async () => methods.doExchange(callerOf(scope, call), exchange));
    },
  };
}

/** A method of one request and one answer. */
export function unary<Q, A>(rpc: string, run: (scope: CallScope, request: Q, call: object) => Promise<A>) {
  return (call: ServerUnaryCall<Q, A>, callback: sendUnaryData<A>): void => {
    const scope = new CallScope(rpc, call);
    const work = async (): Promise<() => void> => {
      try {
        const answer = await run(scope, call.request, call);
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
      scope.sendHeaders();
      tell();
    });
  };
}

/** A method of one request and a few small answers, sent through grpc-js. */
export function answers<Q>(
  rpc: string,
  run: (scope: CallScope, request: Q, call: object) => Iterable<unknown> | AsyncIterable<unknown>,
) {
  return (call: ServerWritableStream<Q, unknown>): void => {
    const scope = new CallScope(rpc, call);
    finish(call, scope, async () => {
      for await (const answer of run(scope, call.request, call)) {
        scope.sendHeaders();
        await sendMessage(call, answer, scope.signal);
      }
    });
  };
}

/** Ends a streaming call when `work` ends. */
export function finish(
  call: { end(): unknown; emit(event: 'error', status: CallStatus): unknown },
  scope: CallScope,
  work: () => Promise<void>,
): void {
  work().then(
    () => {
      scope.sendHeaders();
      scope.succeed();
      call.end();
    },
    (error: unknown) => {
      scope.sendHeaders();
      call.emit('error', toStatus(scope.fail(error)));
    },
  );
}
