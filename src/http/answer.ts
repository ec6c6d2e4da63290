/**
 * Answers: whole ones, and streams under backpressure.
 *
 * Hides how full the socket is, stalls and turns of the event loop. Invariants: no more than a piece or two
 * waits in memory for a client that does not read; a body that is small goes out with its length, a longer one
 * chunked; after the first byte an error ends the connection without the last chunk, so that no client takes a torn
 * body for a whole one.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { EngineError } from '../base/errors.ts';
import { HTTP_STALL_MS_MAX, HTTP_TURN_MS, TEXT_PIECE_BYTES } from '../base/limits.ts';
import type { Exchange } from './exchange.ts';

export const JSON_TYPE = 'application/json; charset=utf-8';

/** Sends a whole body; of HEAD, its headers only. */
export function sendText(exchange: Exchange, status: number, contentType: string, text: string): void {
  const body = Buffer.from(text);
  exchange.response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': body.byteLength });
  if (!exchange.isHead) exchange.responseBytes += body.byteLength;
  exchange.response.end(exchange.isHead ? undefined : body);
}

/** Sends a value as JSON, on one line. */
export function sendJson(exchange: Exchange, status: number, value: unknown): void {
  sendText(exchange, status, JSON_TYPE, `${JSON.stringify(value)}\n`);
}

/**
 * Sends pieces as they are made, and waits for a slow reader before asking for the next. Nothing is sent before the
 * first pieces or the end are there, so an early error still gets its own status.
 */
export async function sendStream(
  exchange: Exchange,
  contentType: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { response } = exchange;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let turnStartMs = performance.now();
  for await (const piece of pieces) {
    held.push(piece);
    heldBytes += piece.byteLength;
    if (heldBytes < TEXT_PIECE_BYTES) continue;
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': contentType });
    await writeAll(exchange, held);
    held = [];
    heldBytes = 0;
    if (performance.now() - turnStartMs > HTTP_TURN_MS) {
      // Events of other clients, and of this one's going away, are only seen between turns.
      await turn();
      turnStartMs = performance.now();
    }
    if (exchange.signal.aborted) throw gone();
  }
  if (!response.headersSent) {
    response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': heldBytes });
  }
  await writeAll(exchange, held);
  response.end();
}

function gone(): EngineError {
  return new EngineError('cancelled', 'the client went away before its answer ended');
}

/**
 * Hands pieces to the socket as one write, and waits while it is full.
 *
 * Waits for the last piece's own callback, not for `drain`: Node 22 says that a corked write fills its buffer, and
 * never says `drain` after uncorking when the socket took everything at once.
 */
async function writeAll(exchange: Exchange, pieces: readonly Uint8Array[]): Promise<void> {
  const { response, signal } = exchange;
  const filled = pieces.filter((piece) => piece.byteLength > 0);
  if (filled.length === 0) return;
  const sent = new Promise<void>((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done);
    response.cork();
    filled.forEach((piece, i) => {
      exchange.responseBytes += piece.byteLength;
      response.write(piece, i === filled.length - 1 ? done : undefined);
    });
    response.uncork();
  });
  if (response.destroyed || response.writableLength < response.writableHighWaterMark) return;
  if (signal.aborted) throw gone();
  const stalled = setTimeout(() => response.destroy(), HTTP_STALL_MS_MAX);
  await sent;
  clearTimeout(stalled);
  if (signal.aborted) throw gone();
}
