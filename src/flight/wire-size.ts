/**
 * The size of what is sent: one message stays below what clients take by default, unless a single row is larger.
 *
 * Batches are cut long before; what comes here is a row or a dictionary that cannot be. Clients that refuse it say so
 * themselves, and docs/flight.md says which option raises their limit.
 *
 * Hides nothing. Invariant: what is larger than the default is counted, what no client should have to take is refused.
 */
import type { Message } from '../arrow/batch.ts';
import { EngineError } from '../base/errors.ts';
import { ROW_BYTES_MAX, WIRE_MESSAGE_BYTES_MAX } from '../base/limits.ts';
import { makeCounter } from '../base/metrics.ts';

const largeTotal = makeCounter('flight_large_messages_total', 'Messages sent that clients do not take by default');

/** Looks at a message that is about to be sent. @throws `limit_exceeded` */
export function checkWireSize({ header, bodyBytes }: Message): void {
  if (header.byteLength + bodyBytes <= WIRE_MESSAGE_BYTES_MAX) return;
  if (bodyBytes > ROW_BYTES_MAX) {
    const size = `${bodyBytes.toString()} bytes, and at most ${ROW_BYTES_MAX.toString()} are sent in one message`;
    throw new EngineError(
      'limit_exceeded',
      `one row of the answer, or a dictionary, takes ${size}; select fewer columns, or a part of the value by substring`,
    );
  }
  largeTotal.inc();
}
