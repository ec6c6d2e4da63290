/**
 * TLS for grpc-js: certificates that can be replaced while connections are open.
 *
 * Hides grpc-js's certificate providers, which are the way that it has for a replacement. Invariants: with a client CA
 * a client without a certificate of it is refused while it connects; open connections keep what they began with.
 */
import { ServerCredentials, experimental } from '@grpc/grpc-js';
import type { CertificateSource } from '../base/certificates.ts';

type Provider = experimental.CertificateProvider;
type CaListener = Parameters<Provider['addCaCertificateListener']>[0];
type IdentityListener = Parameters<Provider['addIdentityCertificateListener']>[0];

/** Those of a server with `certificates`; of one in clear text without. */
export function serverCredentials(certificates: CertificateSource | undefined): ServerCredentials {
  if (certificates === undefined) return ServerCredentials.createInsecure();
  const provider = new SourceProvider(certificates);
  const isMutual = certificates.current.clientCa !== undefined;
  // grpc-js 1.14 takes the identity first, whatever its declaration calls it.
  return experimental.createCertificateProviderServerCredentials(provider, isMutual ? provider : null, isMutual);
}

class SourceProvider implements Provider {
  readonly #source: CertificateSource;
  readonly #ends = new Map<object, () => void>();

  constructor(source: CertificateSource) {
    this.#source = source;
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#add(listener, () => {
      const { clientCa } = this.#source.current;
      listener(clientCa === undefined ? null : { caCertificate: clientCa });
    });
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#add(listener, () => {
      const { cert, key } = this.#source.current;
      listener({ certificate: cert, privateKey: key });
    });
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#remove(listener);
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#remove(listener);
  }

  #add(listener: object, tell: () => void): void {
    this.#source.listen(tell);
    this.#ends.set(listener, () => {
      this.#source.unlisten(tell);
    });
    // grpc-js listens to itself only once this call has returned.
    queueMicrotask(tell);
  }

  #remove(listener: object): void {
    this.#ends.get(listener)?.();
    this.#ends.delete(listener);
  }
}
