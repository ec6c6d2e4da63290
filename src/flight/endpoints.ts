/**
 * Endpoints: in how many parts a client takes an answer.
 *
 * Many clients read the first endpoint and no other, and would lose rows without a word: the page's snippets, the
 * Python DB-API of flightsql-dbapi, most programs written by hand. Others read all through one connection, which takes
 * longer than one endpoint does. So an answer has several only for who asks for them by a header.
 *
 * Hides headers. Invariant: a client that says nothing gets one endpoint with every row.
 */
import { EngineError } from '../base/errors.ts';

/** The header by which a client asks for endpoints: at most how many. */
const HEADER = 'x-sheaf-endpoints';

/** How many endpoints a call's headers ask for. @throws `request_invalid` */
export function wantedEndpoints(header: (name: string) => readonly string[]): number {
  const asked = header(HEADER)[0] ?? '1';
  if (/^[1-9][0-9]{0,8}$/.test(asked)) return Number(asked);
  const shown = JSON.stringify(asked.slice(0, 100));
  throw new EngineError('request_invalid', `the header ${HEADER} is ${shown}; it must be a number, 1 or more`);
}
