/**
 * Tickets of DoGet: SQL text, what GetFlightInfo and ListFlights handed out, or a command of Flight SQL.
 *
 * Hides how they are told apart: ours begin with a byte that never occurs in UTF-8, Flight SQL commands with their
 * type name, and the rest must be text. Invariant: nothing that writes runs from a ticket, so that a repeated DoGet
 * never writes twice.
 */
import { EngineError } from '../base/errors.ts';
import type { QueryResult } from '../engine/contract.ts';
import { statementOptions } from './caller.ts';
import type { Caller } from './caller.ts';
import { decodeMessage, isPacked, unpack } from './message.ts';
import { readCommand } from './sql-command.ts';
import { sqlResult } from './sql-query.ts';
import { decodeText } from './text.ts';

/** Opens the result that `ticket` names. @throws `request_invalid`, `unimplemented`, and what the statement brings */
export async function openTicket(caller: Caller, ticket: Uint8Array): Promise<QueryResult> {
  const { engine, signal } = caller;
  if (engine.isTicket(ticket)) return engine.redeem(ticket, { signal, readOnly: true });
  if (isPacked(ticket)) return sqlResult(caller, readCommand(ticket));
  if (ticket.byteLength === 0) {
    throw new EngineError('request_invalid', 'the ticket is empty; send SQL text, or a ticket from GetFlightInfo');
  }
  return engine.query(ticketText(ticket), { ...statementOptions(caller), readOnly: true });
}

/** The engine's ticket that a client was given, packed or not; undefined for a command, which the engine knows not. */
export function engineTicket(ticket: Uint8Array): Uint8Array | undefined {
  if (!isPacked(ticket)) return ticket;
  const { name, value } = unpack(ticket);
  return name === 'TicketStatementQuery' ? decodeMessage(name, value).statement_handle : undefined;
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
