/** Tickets: authenticated, expiring, never taken for SQL. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { looksLikeTicket, openTicket, sealTicket } from '../../src/engine/ticket.ts';
import type { TicketPayload } from '../../src/engine/ticket.ts';

const key = randomBytes(32);
const payload: TicketPayload = {
  id: '1f',
  kind: 'sql',
  text: 'SELECT 1',
  version: 7,
  nowMs: 500,
  owner: '',
  expiresAtMs: 1000,
  result: 'ab',
};
const NOT_OURS =
  'the ticket was not made by this database, or was changed; send SQL text, or a ticket from GetFlightInfo as it came';

test('a ticket opens to what was sealed', () => {
  assert.deepEqual(openTicket(sealTicket(payload, key), key, 999), payload);
});

test('a ticket with any bit flipped, cut, or under another key is refused', () => {
  const ticket = sealTicket(payload, key);
  for (let bit = 0; bit < ticket.byteLength * 8; bit++) {
    const changed = Uint8Array.from(ticket);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => openTicket(changed, key, 0), { code: 'request_invalid', message: NOT_OURS });
  }
  for (let length = 0; length < ticket.byteLength; length++) {
    assert.throws(() => openTicket(ticket.subarray(0, length), key, 0), { message: NOT_OURS });
  }
  assert.throws(() => openTicket(ticket, randomBytes(32), 0), { message: NOT_OURS });
});

test('an expired ticket says when it expired', () => {
  assert.throws(() => openTicket(sealTicket(payload, key), key, 1000), {
    code: 'request_invalid',
    message: 'the ticket expired at 1970-01-01T00:00:01.000Z; ask GetFlightInfo for a new one',
  });
});

test('no SQL text looks like a ticket', () => {
  assert.ok(looksLikeTicket(sealTicket(payload, key)));
  for (const sql of ['SELECT 1', '\nSELECT 1', 'ÿSHEAFT1', '']) assert.ok(!looksLikeTicket(Buffer.from(sql)), sql);
});
