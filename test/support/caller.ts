/**
 * A caller of the Flight door for tests that call its methods without a server.
 */
import type { Engine } from '../../src/engine/engine.ts';
import type { Caller } from '../../src/flight/caller.ts';
import { PreparedStatements } from '../../src/flight/prepared-statements.ts';

export function callerOf(engine: Engine): Caller {
  const { signal } = new AbortController();
  return { engine, signal, statements: new PreparedStatements(), session: undefined };
}
