/**
 * The certificates of the doors, which can be replaced while they serve.
 *
 * Hides who listens for a replacement. Invariant: what is handed out has been read by the TLS library, so that a file
 * that is damaged or half written never takes the place of certificates that work.
 */
import { createSecureContext } from 'node:tls';
import { EngineError } from './errors.ts';

/** PEM texts. */
export interface Certificates {
  /** The server's certificate, and those between it and its root. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Who must have signed the certificates of clients; undefined where clients need none. */
  readonly clientCa: Buffer | undefined;
}

export class CertificateSource {
  #current: Certificates;
  readonly #listeners = new Set<() => void>();

  /** @throws `request_invalid` for certificates that TLS cannot be made with */
  constructor(first: Certificates) {
    check(first);
    this.#current = first;
  }

  get current(): Certificates {
    return this.#current;
  }

  /** Takes others; connections that are made from now on have them. @throws as the constructor, and changes nothing */
  replace(next: Certificates): void {
    check(next);
    this.#current = next;
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` at each replacement. */
  listen(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Ends `listen`. */
  unlisten(listener: () => void): void {
    this.#listeners.delete(listener);
  }
}

function check({ cert, key, clientCa }: Certificates): void {
  try {
    createSecureContext({ cert, key, ...(clientCa === undefined ? {} : { ca: clientCa }) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const remedy = 'give PEM files, the key being that of the certificate';
    throw new EngineError('request_invalid', `the TLS certificate and key do not serve: ${reason}; ${remedy}`);
  }
}
