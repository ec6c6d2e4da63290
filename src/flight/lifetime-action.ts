/**
 * Actions about what was promised: cancelling it, and renewing its tickets.
 *
 * Hides how a poll is told apart from a ticket. Invariants: what is cancelled is refused from then on; a renewed ticket
 * is good for no longer than its snapshot can surely be read.
 */
import type { Caller } from './caller.ts';
import { decodeCancelRequest, decodeCancelledInfo } from './encode.ts';
import type { CancelledInfo } from './encode.ts';
import { timestamp } from './flight-info.ts';
import { decodeMessage, encodeMessage, isPacked, packMessage } from './message.ts';
import { EngineError } from '../base/errors.ts';
import { packedBody } from './sql-action.ts';
import { engineTicket } from './ticket.ts';

/** Numbers of CancelStatus, and of CancelResult. */
const CANCELLED = 1;
const NOT_CANCELLABLE = 3;

/** Answers a CancelFlightInfoResult. @throws `request_invalid` for tickets that are not ours */
export async function cancelFlightInfo(caller: Caller, body: Uint8Array): Promise<Uint8Array> {
  return encodeMessage('CancelFlightInfoResult', { status: await cancel(caller, decodeCancelRequest(body)) });
}

/** The same as Flight SQL had it first. @throws as `cancelFlightInfo` */
export async function cancelPromisedQuery(caller: Caller, body: Uint8Array): Promise<Uint8Array> {
  const { info } = packedBody('ActionCancelQueryRequest', body);
  return packMessage('ActionCancelQueryResult', { result: await cancel(caller, decodeCancelledInfo(info)) });
}

async function cancel(caller: Caller, { tickets, appMetadata }: CancelledInfo): Promise<number> {
  const { engine, owner, polls } = caller;
  let found = polls.cancel(owner, appMetadata);
  for (const ticket of tickets) {
    const own = engineTicket(ticket);
    if (own === undefined) continue;
    await engine.cancel(own);
    found = true;
  }
  return found ? CANCELLED : NOT_CANCELLABLE;
}

/** Answers the endpoint with a ticket that is good for longer. @throws as `Engine.renew` */
export async function renewFlightEndpoint({ engine }: Caller, body: Uint8Array): Promise<Uint8Array> {
  const { endpoint } = decodeMessage('RenewFlightEndpointRequest', body);
  const ticket = endpoint?.ticket?.ticket;
  if (endpoint === null || ticket === undefined) {
    throw new EngineError('request_invalid', 'the RenewFlightEndpointRequest holds no endpoint with a ticket');
  }
  const own = engineTicket(ticket);
  // A command as ticket never expires.
  if (own === undefined) return encodeMessage('FlightEndpoint', endpoint);
  const renewed = await engine.renew(own);
  const handle = renewed.ticket;
  const sent = isPacked(ticket) ? packMessage('TicketStatementQuery', { statement_handle: handle }) : handle;
  const expiration_time = timestamp(renewed.expiresAtMs);
  return encodeMessage('FlightEndpoint', { ...endpoint, ticket: { ticket: sent }, expiration_time });
}
