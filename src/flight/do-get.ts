/**
 * DoGet: a ticket's result as FlightData: the schema, then each batch after the dictionaries that it needs.
 *
 * Hides nothing of the engine. Invariants: a batch is asked for only when the one before is on its way; the result is
 * closed however the call ends; messages go out as the engine made them, so that stored bytes are sent as they lie on
 * disk.
 */
import { encodeSchema } from '../arrow/ipc-schema.ts';
import { countBatch } from './call.ts';
import type { Caller } from './caller.ts';
import type { Outbox } from './lane.ts';
import { openTicket } from './ticket.ts';

/** Answers `ticket` into what `open` gives; `open` is called once the result is known to begin. */
export async function doGet(caller: Caller, ticket: Uint8Array, open: () => Outbox): Promise<void> {
  const result = await openTicket(caller, ticket);
  try {
    const outbox = open();
    try {
      await outbox.send(encodeSchema(result.schema));
      for await (const batch of result.batches()) {
        for (const dictionary of batch.dictionaries()) await outbox.send(dictionary);
        await outbox.send(batch.message());
        countBatch('out', batch.rowCount);
      }
    } finally {
      outbox.close();
    }
  } finally {
    result.close();
  }
}
