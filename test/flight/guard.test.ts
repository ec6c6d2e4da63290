/**
 * What the door keeps between calls belongs to the principal that it was kept for: handles of prepared statements.
 *
 * Method: the real engine and door, and calls below any driver, so that one principal can send another's handle.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from '../../src/engine/engine.ts';
import { guardedGate } from '../../src/engine/gate.ts';
import { createToken } from '../../src/engine/tokens.ts';
import type { Grant } from '../../src/engine/tokens.ts';
import { openFlightDoor } from '../../src/flight/door.ts';
import { decodeMessage, packMessage, unpack } from '../../src/flight/message.ts';
import { field, rawFlight, readAll } from '../support/flight-client.ts';
import type { Ending } from '../support/flight-client.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ALL: readonly Grant[] = [{ table: undefined, role: 'admin' }];

test('a handle of a prepared statement serves no other principal, and survives changes of others', async (t) => {
  const directory = temporaryDirectory(t);
  const engine = await open(directory);
  const gate = await guardedGate(engine);
  const door = await openFlightDoor(engine, { enabled: true, host: '127.0.0.1', port: 0, gate });
  const client = rawFlight(door.address);
  t.after(async () => {
    client.close();
    await door.close(0);
    gate.close();
    await engine.close();
  });
  (await engine.query('CREATE TABLE t AS SELECT 1 AS id')).close();
  const make = async (name: string): Promise<string> => {
    return (await createToken(directory, { name, grants: ALL, expiresMs: undefined })).token;
  };
  const ann = await make('ann');
  const request = packMessage('ActionCreatePreparedStatementRequest', { query: 'SELECT id FROM t' });
  const action = Buffer.concat([field(1, Buffer.from('CreatePreparedStatement')), field(2, request)]);
  const bearer = (token: string): { headers: Record<string, string> } => ({
    headers: { authorization: `Bearer ${token}` },
  });
  const { messages } = await readAll(client.read('DoAction', action, bearer(ann)));
  const result = decodeMessage(
    'ActionCreatePreparedStatementResult',
    unpack(messages[0]?.subarray(varintEnd(messages[0])) ?? Buffer.of()).value,
  );
  const handle = result.prepared_statement_handle;
  const ticket = field(1, packMessage('CommandPreparedStatementQuery', { prepared_statement_handle: handle }));
  const get = async (token: string): Promise<Ending> =>
    (await readAll(client.read('DoGet', ticket, bearer(token)))).ending;
  assert.equal((await get(ann)).grpc, 0);
  const bob = await make('bob');
  assert.equal((await get(bob)).code, 'not_found');
  assert.equal((await get(ann)).grpc, 0, 'the file of tokens has changed, and her rights have not');
  assert.equal((await get('')).code, 'unauthenticated');
});

/** Where the one field of a Result begins. */
function varintEnd(message: Buffer): number {
  let at = 1;
  while ((message[at] ?? 0) >= 0x80) at++;
  return at + 1;
}
