/**
 * Sessions of Flight clients between their calls, each known by its cookie.
 *
 * Clients forget to close them, so they end by themselves too: after an idle time, and the one that was idle longest
 * when its principal, or all together, have too many.
 *
 * Hides the ids' form, and which connections were offered a cookie. Invariants: an id is made here and cannot be
 * guessed, so that no client can choose one for another; a session is found by its own principal alone.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import { SESSIONS_MAX, SESSIONS_PER_PRINCIPAL_MAX, SESSION_IDLE_MS_MAX } from '../base/limits.ts';
import { makeGauge } from '../base/metrics.ts';
import type { Session } from '../engine/engine.ts';

interface Entry {
  readonly session: Session;
  readonly owner: string;
  usedMs: number;
}

const ID_BYTES = 24;

let open = 0;
makeGauge('flight_sessions_open', 'Flight sessions that hold settings or prepared statements', () => open);

export class SessionStore {
  readonly #clock: Clock;
  /** By id; the one that was used longest ago first. */
  readonly #entries = new Map<string, Entry>();
  /** Sessions of each principal. */
  readonly #counts = new Map<string, number>();
  readonly #offered = new WeakSet();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Keeps a session of `owner`; returns its id. */
  add(session: Session, owner: string): string {
    this.#endIdle();
    if ((this.#counts.get(owner) ?? 0) >= SESSIONS_PER_PRINCIPAL_MAX) this.#endOldest(owner);
    if (this.#entries.size >= SESSIONS_MAX) this.#endOldest(undefined);
    const id = randomBytes(ID_BYTES).toString('base64url');
    this.#entries.set(id, { session, owner, usedMs: this.#clock.monotonicMs() });
    this.#counts.set(owner, (this.#counts.get(owner) ?? 0) + 1);
    open++;
    return id;
  }

  /** The session of `id`, which is used now; undefined when it has ended or is another principal's. */
  find(id: string, owner: string): Session | undefined {
    this.#endIdle();
    const entry = this.#entries.get(id);
    if (entry?.owner !== owner) return undefined;
    this.#entries.delete(id);
    entry.usedMs = this.#clock.monotonicMs();
    this.#entries.set(id, entry);
    return entry.session;
  }

  /** Ends a session of `owner`; does nothing for one that is not there. */
  end(id: string, owner: string): void {
    if (this.#entries.get(id)?.owner === owner) this.#drop(id);
  }

  /** Notes that a client of `connection` was offered a cookie. */
  noteOffer(connection: object): void {
    this.#offered.add(connection);
  }

  wasOffered(connection: object): boolean {
    return this.#offered.has(connection);
  }

  #endIdle(): void {
    const oldestMs = this.#clock.monotonicMs() - SESSION_IDLE_MS_MAX;
    for (const [id, { usedMs }] of this.#entries) {
      if (usedMs >= oldestMs) return;
      this.#drop(id);
    }
  }

  #endOldest(owner: string | undefined): void {
    for (const [id, entry] of this.#entries) {
      if (owner !== undefined && entry.owner !== owner) continue;
      this.#drop(id);
      return;
    }
  }

  #drop(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    const left = (this.#counts.get(entry.owner) ?? 1) - 1;
    if (left > 0) this.#counts.set(entry.owner, left);
    else this.#counts.delete(entry.owner);
    open--;
  }
}
