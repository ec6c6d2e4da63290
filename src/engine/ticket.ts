/**
 * Tickets: what GetFlightInfo hands out and DoGet brings back.
 *
 * Layout: magic (8 bytes) | payload (JSON, UTF-8) | HMAC-SHA-256 of magic and payload (32 bytes).
 *
 * Hides the payload's form. Invariants: a ticket that we did not make, or that was changed, is refused before its
 * payload is parsed; the key lives in the catalog, so tickets survive a restart; the magic is no valid UTF-8, so
 * that no SQL text is ever taken for a ticket.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { EngineError } from '../base/errors.ts';
import type { Settings } from '../plan/setting.ts';

/** 0xFF never occurs in UTF-8. */
const MAGIC = Uint8Array.of(0xff, 0x53, 0x48, 0x45, 0x41, 0x46, 0x54, 0x31);
const MAC_BYTES = 32;

/** What a ticket names. */
export interface TicketPayload {
  /** Random; what cancelling goes by. */
  readonly id: string;
  /** `done`: a statement that has run; only its kept answer can be had. */
  readonly kind: 'sql' | 'table' | 'done';
  /** The statement, or the table's name; empty for what is done. */
  readonly text: string;
  /** For an EXECUTE: the text of the PREPARE that the session had of that name. */
  readonly prepare?: string;
  /** What the session had set otherwise than the defaults. */
  readonly settings?: Partial<Settings>;
  /** One row of values for the statement's parameters: an IPC stream in base64. */
  readonly values?: string;
  /** The snapshot that the promise was made on. */
  readonly version: number;
  /** Wall time in ms that now() means in the statement: what runs again answers the same. */
  readonly nowMs: number;
  /** Fingerprint of the rights that it was made under; empty where there were none to ask for. */
  readonly owner: string;
  /** Wall time in ms. */
  readonly expiresAtMs: number;
  /** Kept result that answers it, when there is one. */
  readonly result: string | undefined;
  /** Undefined for the whole answer. */
  readonly part?: TicketPart;
}

/**
 * A part of an answer: `table` what comes of the batches of the table that begin at the rows `from` … `to` - 1,
 * `answer` those rows of the answer. They count from 0.
 */
export interface TicketPart {
  readonly of: 'table' | 'answer';
  readonly from: number;
  readonly to: number;
}

/** True when `bytes` begin as our tickets do; says nothing about their truth. */
export function looksLikeTicket(bytes: Uint8Array): boolean {
  return bytes.byteLength >= MAGIC.byteLength && MAGIC.every((byte, i) => bytes[i] === byte);
}

/** Makes the ticket of `payload` under `key` (32 secret bytes). */
export function sealTicket(payload: TicketPayload, key: Uint8Array): Uint8Array {
  const signed = Buffer.concat([MAGIC, Buffer.from(JSON.stringify(payload))]);
  return Buffer.concat([signed, createHmac('sha256', key).update(signed).digest()]);
}

/** Reads a ticket. @throws `request_invalid` when it is not ours, was changed, or has expired at `nowMs` */
export function openTicket(ticket: Uint8Array, key: Uint8Array, nowMs: number): TicketPayload {
  const signedLength = ticket.byteLength - MAC_BYTES;
  if (!looksLikeTicket(ticket) || signedLength <= MAGIC.byteLength) throw notOurs();
  const signed = ticket.subarray(0, signedLength);
  const expected = createHmac('sha256', key).update(signed).digest();
  if (!timingSafeEqual(expected, ticket.subarray(signedLength))) throw notOurs();
  const payload = JSON.parse(Buffer.from(signed.subarray(MAGIC.byteLength)).toString()) as TicketPayload;
  if (payload.expiresAtMs <= nowMs) {
    const when = new Date(payload.expiresAtMs).toISOString();
    throw new EngineError('request_invalid', `the ticket expired at ${when}; ask GetFlightInfo for a new one`);
  }
  return payload;
}

function notOurs(): EngineError {
  return new EngineError(
    'request_invalid',
    'the ticket was not made by this database, or was changed; ' +
      'send SQL text, or a ticket from GetFlightInfo as it came',
  );
}
