/**
 * The caller of one RPC: the engine as it may use it, and what the door keeps between its calls.
 *
 * Hides nothing. Invariant: what a method does for a caller goes through these; a method holds no other state.
 */
import type { Engine, Session } from '../engine/engine.ts';
import type { CallSession } from './call-session.ts';
import type { Polls } from './polls.ts';
import type { PreparedStatements } from './prepared-statements.ts';

export interface Caller {
  readonly engine: Engine;
  /** Whose calls these are; empty where nobody is asked who he is. */
  readonly owner: string;
  /** Fires when the caller is gone or its deadline has passed. */
  readonly signal: AbortSignal;
  readonly statements: PreparedStatements;
  /** Whose settings hold, for the statements of this caller. @throws `not_found` when looked at after it has ended */
  readonly session: Session;
  /** By which a session is opened and ended. */
  readonly sessions: CallSession;
  /** Queries that run between polls. */
  readonly polls: Polls;
  /** A header of the call, as often as it came; its name in lower case. */
  readonly header: (name: string) => readonly string[];
}

/** The options that statements of this caller run with. */
export function statementOptions({ signal, session }: Caller): {
  readonly signal: AbortSignal;
  readonly session: Session;
} {
  return { signal, session };
}
