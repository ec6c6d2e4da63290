/**
 * Goal: every error reaches the client with code, message and place, within what trailers can carry.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_TABLE, EngineError, positionOf } from '../../src/base/errors.ts';
import type { ErrorCode } from '../../src/base/errors.ts';
import { callError, toStatus } from '../../src/flight/status.ts';

test('every code has its gRPC status, stands before the message and in the trailers', () => {
  for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
    const status = toStatus(new EngineError(code, 'what is wrong'));
    assert.equal(status.code, ERROR_TABLE[code].grpc);
    assert.equal(status.details, `${code}: what is wrong`);
    assert.deepEqual(status.metadata.get('sheaf-code'), [code]);
    assert.deepEqual(status.metadata.get('sheaf-position'), []);
  }
});

test('the place in the SQL text is in the trailers', () => {
  const position = positionOf('SELECT\n  x', { start: 9, end: 10 });
  const status = toStatus(new EngineError('sql_bind', 'no column x', { position }));
  assert.deepEqual(status.metadata.get('sheaf-position'), ['{"line":2,"column":3,"start":9,"end":10}']);
});

test('a long message is cut at a character, and a lone surrogate does not break the encoding', () => {
  const status = toStatus(new EngineError('request_invalid', 'ü'.repeat(5000)));
  assert.equal(Buffer.byteLength(status.details), 2047 + 3);
  assert(status.details.endsWith('ü…'));
  assert(encodeURI(status.details).length < 8192);
  encodeURI(toStatus(new EngineError('request_invalid', 'a\ud800b')).details);
});

test('what is not ours is told as an incident only', () => {
  const told = callError('DoGet', new EngineError('not_found', 'x'));
  assert.equal(told.code, 'not_found');
  const hidden = callError('DoGet', new TypeError('secret'));
  assert.equal(hidden.code, 'internal');
  assert.match(hidden.message, /^internal error, incident [0-9a-f]{8}; the server's log has the details$/);
});
