/**
 * A caller of the Flight door for tests that call its methods without a server.
 */
import type { Engine } from '../../src/engine/engine.ts';
import type { Caller } from '../../src/flight/caller.ts';
import { CallSession } from '../../src/flight/call-session.ts';
import { Polls } from '../../src/flight/polls.ts';
import { PreparedStatements } from '../../src/flight/prepared-statements.ts';
import { SessionStore } from '../../src/flight/session-store.ts';

/** With the headers of its calls, by their names in lower case. */
export function callerOf(engine: Engine, headers: Readonly<Record<string, string>> = {}): Caller {
  const { signal } = new AbortController();
  const origin = { cookies: [], owner: '', connection: undefined };
  const sessions = new CallSession(new SessionStore(), origin);
  const { session } = sessions;
  const statements = new PreparedStatements();
  const header = (name: string): readonly string[] => (headers[name] === undefined ? [] : [headers[name]]);
  return { engine, owner: '', signal, statements, session, sessions, polls: new Polls(), header };
}
