/**
 * The gate: from what a caller shows to the engine as he may use it.
 *
 * Shown can be: a token (`Bearer`), a principal's name with one of its tokens (`Basic`, as drivers with user and
 * password send it), or, where there is neither, a verified client certificate whose common name is that of a principal
 * which still has a good token.
 *
 * Hides what is remembered of access.db. Invariants: whoever is not let in learns no more than that; each call is
 * judged by what the file holds at that moment; no token reaches a message, a log or a metric.
 */
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { CREDENTIALS_LENGTH_MAX, TOKENS_MAX } from '../base/limits.ts';
import { makeCounter } from '../base/metrics.ts';
import { AccessFile, accessPath } from '../catalog/access-file.ts';
import type { KnownToken } from '../catalog/access-file.ts';
import type { Credentials, Engine, Gate } from './contract.ts';
import { NOBODY, Rights } from './rights.ts';
import { idOfToken, isToken } from './tokens.ts';

export type { Credentials, Engine, Gate } from './contract.ts';

const failures = makeCounter('auth_failures_total', 'Calls of callers who were not let in, by door and reason', [
  'door',
  'reason',
]);

/** What clients hold that log in where nobody is asked who he is. */
const NO_TOKEN = 'none';

type Reason = 'missing' | 'malformed' | 'unknown' | 'expired';

/** Why somebody is not let in: for metrics. The message is for him, and the same for all tokens that do not serve. */
class Refusal extends EngineError {
  readonly reason: Reason;

  constructor(reason: Reason, message: string) {
    super('unauthenticated', message);
    this.reason = reason;
  }
}

/** A gate that asks, until it is closed. */
export interface GuardedGate extends Gate {
  /** True while some token lets somebody in. */
  hasTokens(): boolean;
  close(): void;
}

/** The gate of a database whose callers are not asked who they are. */
export function openGate(engine: Engine): Gate {
  return { isGuarded: false, open: engine, admit: () => engine, logIn: () => NO_TOKEN };
}

/** The gate of a database that asks for tokens. @throws what opening access.db throws */
export async function guardedGate(engine: Engine, clock: Clock = systemClock): Promise<GuardedGate> {
  return new TokenGate(engine, await AccessFile.open(accessPath(engine.directory)), clock);
}

class TokenGate implements GuardedGate {
  readonly isGuarded = true;
  readonly open: Engine;
  readonly #engine: Engine;
  readonly #access: AccessFile;
  readonly #clock: Clock;
  /** As they are at `#version`. */
  readonly #tokens = new Map<string, KnownToken>();
  readonly #rights = new Map<string, Rights>();
  #version = 0;
  /** By fingerprints of their rights, so that what doors keep for an engine outlives changes of other principals. */
  readonly #engines = new Map<string, Engine>();

  constructor(engine: Engine, access: AccessFile, clock: Clock) {
    this.#engine = engine;
    this.#access = access;
    this.#clock = clock;
    this.open = engine.as(NOBODY);
  }

  admit(door: string, credentials: Credentials): Engine {
    return this.#judged(door, () => this.#engineOf(this.#nameIn(credentials)));
  }

  logIn(door: string, credentials: Credentials): string {
    return this.#judged(door, () => {
      this.#nameIn(credentials);
      return tokenIn(credentials)?.token ?? NO_TOKEN;
    });
  }

  hasTokens(): boolean {
    const nowMs = this.#clock.wallMs();
    return this.#access.tokens().some(({ expiresMs }) => expiresMs === undefined || expiresMs > nowMs);
  }

  close(): void {
    this.#access.close();
  }

  #judged<T>(door: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof Refusal) failures.inc({ door, reason: error.reason });
      throw error;
    }
  }

  /** The principal that the credentials show to be there. */
  #nameIn(credentials: Credentials): string {
    this.#forgetOld();
    const shown = tokenIn(credentials);
    if (shown !== undefined) return this.#nameOf(shown);
    const { certificateName } = credentials;
    if (certificateName === undefined) throw missing();
    if (this.#access.hasToken(certificateName, this.#clock.wallMs())) return certificateName;
    throw new Refusal('unknown', 'the client certificate names no principal of this database; send a token');
  }

  #nameOf({ token, user }: Shown): string {
    const id = idOfToken(token);
    const known = id === undefined ? undefined : this.#known(id);
    if (known === undefined || !isToken(token, known)) throw notGood('unknown');
    if (user !== undefined && user !== known.name) throw notGood('unknown');
    if (known.expiresMs !== undefined && known.expiresMs <= this.#clock.wallMs()) throw notGood('expired');
    return known.name;
  }

  #known(id: string): KnownToken | undefined {
    const known = this.#tokens.get(id) ?? this.#access.token(id);
    if (known !== undefined) this.#tokens.set(id, known);
    return known;
  }

  #forgetOld(): void {
    const { version } = this.#access;
    if (version === this.#version) return;
    this.#version = version;
    this.#tokens.clear();
    this.#rights.clear();
  }

  #engineOf(name: string): Engine {
    const rights = this.#rights.get(name) ?? new Rights({ name, grants: this.#access.rightsOf(name) ?? [] });
    this.#rights.set(name, rights);
    const { fingerprint } = rights;
    const engine = this.#engines.get(fingerprint) ?? this.#engine.as(rights);
    this.#engines.set(fingerprint, engine);
    for (const oldest of this.#engines.keys()) {
      if (this.#engines.size <= TOKENS_MAX) break;
      this.#engines.delete(oldest);
    }
    return engine;
  }
}

interface Shown {
  readonly token: string;
  /** Of Basic. */
  readonly user: string | undefined;
}

/** The token in an Authorization header; undefined without one. */
function tokenIn({ authorization }: Credentials): Shown | undefined {
  if (authorization === undefined) return undefined;
  if (authorization.length > CREDENTIALS_LENGTH_MAX) throw malformed('the authorization header is too long');
  const [, scheme = '', value = ''] = /^(\w+) +(\S+) *$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return { token: value, user: undefined };
  if (scheme.toLowerCase() !== 'basic') {
    throw malformed('the authorization header is neither "Bearer TOKEN" nor "Basic …"');
  }
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) throw malformed('the Basic authorization holds no ":" between user and password');
  return { user: text.slice(0, colon), token: text.slice(colon + 1) };
}

function missing(): Refusal {
  const how = 'send the header "authorization: Bearer TOKEN", or user and password (a token) as Basic';
  return new Refusal('missing', `this database asks who you are; ${how}`);
}

function malformed(what: string): Refusal {
  return new Refusal('malformed', what);
}

function notGood(reason: Reason): Refusal {
  return new Refusal(
    reason,
    'the token does not serve: it is mistyped, revoked or expired, or it is of another user',
  );
}
