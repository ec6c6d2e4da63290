/**
 * The health routes: `/ping`, `/health` (`/healthz`), `/ready` (`/readyz`).
 *
 * Hides what ready means: the engine is open and takes new work. Invariant: alive and ready are different questions;
 * a server that drains is alive and not ready. A database that only reads is ready, and says so.
 */
import type { Engine } from '../engine/contract.ts';
import { sendJson, sendText } from './answer.ts';
import type { Exchange } from './exchange.ts';

/** `Ok.` and a newline, as probes for servers of this kind expect. */
export function answerPing(exchange: Exchange): void {
  sendText(exchange, 200, 'text/plain; charset=utf-8', 'Ok.\n');
}

/** Says that the process answers. */
export function answerHealth(exchange: Exchange): void {
  sendJson(exchange, 200, { status: 'healthy' });
}

/** Says whether new work is taken, and why not. */
export function answerReady(engine: Engine, exchange: Exchange): void {
  const { draining, readOnlyReason } = engine.status();
  if (draining) {
    exchange.response.setHeader('Retry-After', '1');
    sendJson(exchange, 503, { status: 'not_ready', reason: 'the server is stopping' });
    return;
  }
  sendJson(exchange, 200, {
    status: 'ready',
    ...(readOnlyReason === undefined ? {} : { read_only: readOnlyReason }),
  });
}
