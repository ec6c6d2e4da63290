/**
 * Certificates for tests of TLS, made by openssl: a CA, and what it signs.
 *
 * Hides openssl. Invariants: everything lies in a directory that goes with the test; without openssl there are none,
 * and the caller skips aloud.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why tests that need certificates skip. */
export const OPENSSL_MISSING = 'openssl is not installed, and certificates cannot be made';

/** True when `openssl` can be run. */
export function hasOpenssl(): boolean {
  return spawnSync('openssl', ['version']).status === 0;
}

/** Paths of PEM files. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** A CA that signs. */
export interface Authority {
  /** Path of its own certificate. */
  readonly cert: string;
  /** Signs for `name`: as server of localhost and 127.0.0.1, and as client. The files are new with each call. */
  sign(name: string): Pair;
}

let count = 0;

/** Makes a CA below `directory`. */
export function makeAuthority(directory: string, name: string): Authority {
  const ca = { cert: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  run('req', '-x509', ...ec, '-subj', `/CN=${name}`, '-keyout', ca.key, '-out', ca.cert);
  return {
    cert: ca.cert,
    sign(subject) {
      const base = join(directory, `signed-${(++count).toString()}`);
      const pair = { cert: `${base}.pem`, key: `${base}.key` };
      writeFileSync(`${base}.ext`, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
      run('req', ...ec, '-subj', `/CN=${subject}`, '-keyout', pair.key, '-out', `${base}.csr`);
      const signer = ['-CA', ca.cert, '-CAkey', ca.key, '-CAcreateserial', '-days', '2'];
      run('x509', '-req', '-in', `${base}.csr`, ...signer, '-extfile', `${base}.ext`, '-out', pair.cert);
      return pair;
    },
  };
}

function run(...words: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${words.join(' ')}: ${stderr}`);
}
