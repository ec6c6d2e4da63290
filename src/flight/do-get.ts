/**
 * DoGet: a ticket's result.
 *
 * Hides nothing.
 */
import type { Caller } from './caller.ts';
import type { Outbox } from './lane.ts';
import { sendResult } from './send-result.ts';
import { openTicket } from './ticket.ts';

/**
 * Answers `ticket` into what `open` gives; `open` is called once the result is known to begin. `silenceMs` is the
 * longest time without a message.
 */
export async function doGet(
  caller: Caller,
  ticket: Uint8Array,
  open: () => Outbox,
  silenceMs: number,
): Promise<void> {
  await sendResult(await openTicket(caller, ticket), open, silenceMs);
}
