/** The words of every layer: errors, positions, sizes, names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignUp, concatBytes, formatBytes } from '../../src/base/bytes.ts';
import { ERROR_TABLE, EngineError, positionOf, toEngineError } from '../../src/base/errors.ts';
import { foldName, nearestName } from '../../src/base/names.ts';

test('every error code has a gRPC status that pyarrow keeps apart, and an HTTP error status', () => {
  const kept = new Set([1, 3, 4, 5, 6, 7, 12, 13, 14, 16]);
  for (const [code, row] of Object.entries(ERROR_TABLE)) {
    assert.ok(kept.has(row.grpc), `${code} maps to gRPC ${row.grpc.toString()}`);
    assert.ok(row.http >= 400 && row.http < 600, `${code} maps to HTTP ${row.http.toString()}`);
  }
});

test('an unexpected error becomes internal, with an incident and without its text', () => {
  const shown = toEngineError(new TypeError('secret path'));
  assert.equal(shown.code, 'internal');
  assert.match(shown.message, /^internal error, incident [0-9a-f]{8}; the server's log has the details$/);
  const known = new EngineError('busy', 'try again');
  assert.equal(toEngineError(known), known);
});

test('a position counts lines and columns from 1', () => {
  assert.deepEqual(positionOf('SELECT\n  x', { start: 9, end: 10 }), { start: 9, end: 10, line: 2, column: 3 });
  assert.deepEqual(positionOf('', { start: 0, end: 0 }), { start: 0, end: 0, line: 1, column: 1 });
});

test('sizes are aligned and printed for people', () => {
  assert.equal(alignUp(5 * 2 ** 30 + 1, 64), 5 * 2 ** 30 + 64);
  assert.equal(formatBytes(1536), '1.5 KiB');
  assert.equal(formatBytes(12), '12 B');
  assert.deepEqual(concatBytes([Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]), Uint8Array.of(1, 2, 3));
});

test('names fold A to Z only, and the nearest one is near', () => {
  assert.equal(foldName('PriceÄ'), 'priceÄ');
  assert.equal(nearestName('prise', ['symbol', 'price', 'volume']), 'price');
  assert.equal(nearestName('pirce', ['price']), 'price');
  assert.equal(nearestName('TRADE', ['trades']), 'trades');
  assert.equal(nearestName('x', ['volume']), undefined);
  assert.equal(nearestName('abcdef', ['uvwxyz']), undefined);
});
