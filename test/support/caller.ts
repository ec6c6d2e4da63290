/**
 * A caller of the Flight door for tests that call its methods without a server.
 */
import type { Engine } from '../../src/engine/engine.ts';
import type { Caller } from '../../src/flight/caller.ts';
import { PreparedStatements } from '../../src/flight/prepared-statements.ts';

/** With the headers of its calls, by their names in lower case. */
export function callerOf(engine: Engine, headers: Readonly<Record<string, string>> = {}): Caller {
  const { signal } = new AbortController();
  const header = (name: string): readonly string[] => (headers[name] === undefined ? [] : [headers[name]]);
  return { engine, signal, statements: new PreparedStatements(), session: undefined, header };
}
