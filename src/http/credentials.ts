/**
 * What a request shows of who sent it.
 *
 * Hides where that stands. Invariant: a certificate is only looked at on a connection that verified it.
 */
import { TLSSocket } from 'node:tls';
import type { Credentials } from '../engine/gate.ts';
import type { Exchange } from './exchange.ts';

/** The Authorization header, or the name in the client's certificate. */
export function credentialsOf({ request }: Exchange): Credentials {
  const { authorization } = request.headers;
  if (authorization !== undefined) return { authorization };
  const { socket } = request;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return {};
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? { certificateName: name } : {};
}
