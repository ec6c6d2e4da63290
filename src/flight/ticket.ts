/**
 * Tickets of DoGet: SQL text, or what GetFlightInfo and ListFlights handed out.
 *
 * Hides how they are told apart: ours begin with a byte that never occurs in UTF-8, Flight SQL commands with their
 * type name, and the rest must be text. Invariant: nothing that writes runs from a ticket, so that a repeated DoGet
 * never writes twice.
 */
import { EngineError } from '../base/errors.ts';
import type { Engine, QueryResult } from '../engine/contract.ts';
import { refuseFlightSql } from './descriptor.ts';
import { decodeText } from './text.ts';

/** Opens the result that `ticket` names. @throws `request_invalid`, `unimplemented`, and what the statement brings */
export async function openTicket(engine: Engine, ticket: Uint8Array, signal: AbortSignal): Promise<QueryResult> {
  if (engine.isTicket(ticket)) return engine.redeem(ticket, { signal, readOnly: true });
  refuseFlightSql(ticket);
  if (ticket.byteLength === 0) {
    throw new EngineError('request_invalid', 'the ticket is empty; send SQL text, or a ticket from GetFlightInfo');
  }
  return engine.query(ticketText(ticket), { signal, readOnly: true });
}

function ticketText(ticket: Uint8Array): string {
  try {
    return decodeText(ticket, 'the ticket');
  } catch (cause) {
    const bytes = ticket.byteLength.toString();
    throw new EngineError(
      'request_invalid',
      `the ticket (${bytes} bytes) is neither SQL text in UTF-8 nor a ticket from GetFlightInfo`,
      { cause },
    );
  }
}
