/**
 * The methods of the Flight service, as functions that know nothing of gRPC, and the product's.
 *
 * Hides nothing. Invariants: a method's errors are EngineErrors, or become one; a method that takes an inbox closes it,
 * and one that opens an outbox closes that.
 */
import { doAction, listActions } from './action.ts';
import type { Caller } from './caller.ts';
import { doExchange } from './do-exchange.ts';
import { doGet } from './do-get.ts';
import { doPut } from './do-put.ts';
import type { PutCall } from './do-put.ts';
import type { FlightDescriptor } from './encode.ts';
import { getFlightInfo, getSchema } from './get-flight-info.ts';
import type { Inbox } from './inbox.ts';
import type { Outbox } from './lane.ts';
import { listFlights } from './list-flights.ts';
import type { FlightInfo, PollInfo } from './message-type.ts';

type Answers<A> = Iterable<A> | AsyncIterable<A>;

/** A call that both sides stream FlightData on. */
export interface Exchange {
  readonly inbox: Inbox;
  /** Called once, when the first message is to be sent. */
  readonly open: () => Outbox;
}

/** What the service does for a caller, of whatever kind `C` the maker of callers gives it. */
export interface FlightMethods<C> {
  listFlights(caller: C, criteria: Uint8Array): Answers<FlightInfo>;
  getFlightInfo(caller: C, descriptor: FlightDescriptor): Promise<FlightInfo>;
  pollFlightInfo(caller: C, descriptor: FlightDescriptor): Promise<PollInfo>;
  getSchema(caller: C, descriptor: FlightDescriptor): Promise<{ readonly schema: Uint8Array }>;
  /** `open` is called once, when the answer is known to begin. */
  doGet(caller: C, ticket: Uint8Array, open: () => Outbox): Promise<void>;
  doPut(caller: C, put: PutCall): Promise<void>;
  doExchange(caller: C, exchange: Exchange): Promise<void>;
  listActions(caller: C): Answers<{ readonly type: string; readonly description: string }>;
  /** Returns the bodies of the results. */
  doAction(caller: C, type: string, body: Uint8Array): Promise<readonly Uint8Array[]>;
}

/** The product's: each calls the caller's engine. `silenceMs`: the longest time that a stream goes without a message */
export function engineMethods(silenceMs: number): FlightMethods<Caller> {
  return {
    listFlights: ({ engine }, criteria) => listFlights(engine, criteria),
    getFlightInfo: (caller, descriptor) => getFlightInfo(caller, descriptor),
    pollFlightInfo: (caller, descriptor) => caller.polls.poll(caller, descriptor),
    getSchema,
    doGet: (caller, ticket, open) => doGet(caller, ticket, open, silenceMs),
    doPut,
    doExchange: (caller, { inbox, open }) => doExchange(caller, inbox, open, silenceMs),
    listActions,
    doAction,
  };
}
