/**
 * ListFlights: every table with its true schema, exact counts and a ticket that reads it.
 *
 * The criteria are UTF-8 text: empty for all tables, `abc*` for names that begin with abc, anything else for names
 * that hold it. ASCII case does not matter.
 *
 * Hides nothing. Invariant: a table that is dropped while the list is made is left out, never an error.
 */
import { EngineError } from '../base/errors.ts';
import { foldName } from '../base/names.ts';
import type { Engine } from '../engine/contract.ts';
import { flightInfo } from './flight-info.ts';
import type { FlightInfo } from './message-type.ts';
import { decodeText } from './text.ts';

const TYPE_PATH = 1;

/** Yields the FlightInfo of each table that fits, in the engine's order. @throws `request_invalid` */
export async function* listFlights(engine: Engine, criteria: Uint8Array): AsyncGenerator<FlightInfo> {
  const fits = nameFilter(decodeText(criteria, 'the criteria'));
  for (const { name } of engine.tables()) {
    if (!fits(name)) continue;
    try {
      const promised = await engine.promiseTable(name);
      yield flightInfo({ type: TYPE_PATH, cmd: new Uint8Array(0), path: [name] }, promised);
    } catch (error) {
      if (!(error instanceof EngineError && error.code === 'not_found')) throw error;
    }
  }
}

/** The test that `criteria` stand for. */
export function nameFilter(criteria: string): (name: string) => boolean {
  const wanted = foldName(criteria);
  if (!wanted.endsWith('*')) return (name) => foldName(name).includes(wanted);
  const start = wanted.slice(0, -1);
  return (name) => foldName(name).startsWith(start);
}
