/**
 * Goal: the client for Node comes in where TLS, a certificate of its own, or a token is asked for, and says why it does
 * not.
 *
 * Method: the real server with certificates that openssl makes; without openssl it skips.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EngineError, connect } from '../../src/client/library.ts';
import { OPENSSL_MISSING, hasOpenssl, makeAuthority } from '../support/certificates.ts';
import { runSheaf, startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';

const skip = hasOpenssl() ? false : OPENSSL_MISSING;

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof EngineError, String(error));
  return error.code;
}

test('TLS, a certificate of its own and a token let the client in', { skip }, async (t) => {
  const directory = temporaryDirectory(t);
  const authority = makeAuthority(temporaryDirectory(t), 'ca');
  const pair = authority.sign('localhost');
  const words = ['--data-dir', directory, '--tls-cert', pair.cert, '--tls-key', pair.key, '--auth', 'required'];
  const made = await runSheaf(['token', 'create', 'writer', '--role', 'ingest', '--data-dir', directory]);
  const token = made.text.trim().split('\n').at(-1) ?? '';
  const server = await startSheaf(t, words);
  const url = `grpc+tls://localhost:${server.flight.split(':').at(-1) ?? ''}`;
  const ca = readFileSync(authority.cert, 'utf8');

  const client = await connect(url, { ca, token });
  t.after(() => {
    client.close();
  });
  assert.equal(await client.ingest('t', [{ a: 1n }, { a: 2n }]), 2);
  const stream = await client.exactlyOnce('t', 'p');
  await stream.write([{ a: 3n }]);
  assert.equal(await stream.close(), 1);
  assert.equal(await codeOf(client.execute('DROP TABLE t')), 'forbidden');

  assert.equal(await codeOf(connect(url, { token })), 'io_error');
  assert.equal(await codeOf(connect(url.replace('+tls', ''), { token })), 'io_error');
  const stranger = await connect(url, { ca });
  t.after(() => {
    stranger.close();
  });
  assert.equal(await codeOf(stranger.query('SELECT 1')), 'unauthenticated');
});
