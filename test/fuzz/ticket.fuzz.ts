/**
 * Forged tickets: every bit, every cut, extensions, foreign keys, spliced halves, blind damage.
 *
 * Invariant: what was not sealed under the key is refused with one and the same message, whatever is wrong with it
 * and whether it has expired; what was sealed opens to what it was.
 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { openTicket, sealTicket } from '../../src/engine/ticket.ts';
import type { TicketPayload } from '../../src/engine/ticket.ts';
import type { Random } from '../support/random.ts';
import { damage } from './mutation.ts';
import { below, fuzz, pick } from './rounds.ts';

const NOT_OURS = {
  code: 'request_invalid',
  message:
    'the ticket was not made by this database, or was changed; ' +
    'send SQL text, or a ticket from GetFlightInfo as it came',
};
const NOW = 1_000;

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => below(random, 256));
}

/** Without zeros: HMAC fills a short key up with them, so that it could be the long one. */
function randomKey(random: Random): Uint8Array {
  return Uint8Array.from({ length: 32 }, () => 1 + below(random, 255));
}

function randomPayload(random: Random): TicketPayload {
  return {
    id: below(random, 2 ** 31).toString(16),
    kind: pick(random, ['sql', 'table']),
    text: pick(random, ['SELECT 1', 'trades', '', 'SELECT "ü" FROM "日本"', 'x'.repeat(below(random, 400))]),
    version: below(random, 1_000),
    nowMs: below(random, 2 ** 31),
    owner: '',
    expiresAtMs: pick(random, [1, NOW, NOW + 1, 2 ** 40]),
    result: pick(random, [undefined, 'ab']),
  };
}

function refused(ticket: Uint8Array, key: Uint8Array): void {
  for (const now of [0, NOW, 2 ** 41]) assert.throws(() => openTicket(ticket, key, now), NOT_OURS);
}

test('tickets of every kind open whole and are refused with any bit flipped, cut or extended', async (t) => {
  await fuzz(t, 'ticket bits', 4, (random) => {
    const key = randomKey(random);
    const payload = randomPayload(random);
    const ticket = sealTicket(payload, key);
    const expected = JSON.parse(JSON.stringify(payload)) as TicketPayload;
    assert.deepEqual(openTicket(ticket, key, payload.expiresAtMs - 1), expected);
    for (let bit = 0; bit < ticket.byteLength * 8; bit++) {
      const changed = Uint8Array.from(ticket);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      refused(changed, key);
    }
    for (let length = 0; length < ticket.byteLength; length++) refused(ticket.subarray(0, length), key);
    for (const more of [1, 32, 1_000]) refused(Buffer.concat([ticket, new Uint8Array(more)]), key);
    for (const more of [1, 8, 40]) refused(Buffer.concat([randomBytes(random, more), ticket]), key);
  });
});

test('tickets that were forged are refused, before it is told that they have expired', async (t) => {
  await fuzz(t, 'ticket forged', 500, (random) => {
    const key = randomKey(random);
    const [one, two] = [randomPayload(random), randomPayload(random)];
    const ticket = sealTicket(one, key);
    const other = sealTicket(two, key);
    const signed = ticket.subarray(0, -32);
    const forged = [
      sealTicket(one, randomBytes(random, 32)),
      sealTicket(one, key.subarray(0, below(random, 32))),
      Buffer.concat([signed, randomBytes(random, 32)]),
      Buffer.concat([signed, createHmac('sha256', key).update(signed.subarray(8)).digest()]),
      Buffer.concat([signed, createHmac('sha512', key).update(signed).digest().subarray(0, 32)]),
      damage(ticket, random),
      randomBytes(random, below(random, 200)),
      Buffer.concat([ticket.subarray(0, 8), randomBytes(random, below(random, 200))]),
      Buffer.concat([signed, other.subarray(-32)]),
    ];
    for (const each of forged) {
      if (!Buffer.from(each).equals(ticket) && !Buffer.from(each).equals(other)) refused(each, key);
    }
  });
});
