/**
 * Endpoints: in how many parts a client takes an answer.
 *
 * Many clients read the first endpoint and no other, and would lose rows without a word: the page's snippets, the
 * Python DB-API of flightsql-dbapi, most programs written by hand. So an answer has several only for who asks for them
 * by a header, or is a driver that is known to read all in their order.
 *
 * Hides headers. Invariant: a client that says nothing and is not known gets one endpoint with every row.
 */
import { EngineError } from '../base/errors.ts';
import type { PromiseOptions } from '../engine/contract.ts';

/** The header by which a client asks for endpoints: at most how many. */
const HEADER = 'x-sheaf-endpoints';

/** Drivers that read every endpoint, and hand out their rows in the order of the endpoints. */
const READS_ALL = /^ADBC Flight SQL Driver\b/;

/** What a call's headers say about endpoints. @throws `request_invalid` */
export function wantedEndpoints(header: (name: string) => readonly string[]): PromiseOptions['parts'] {
  const [asked] = header(HEADER);
  if (asked === undefined) return header('user-agent').some((agent) => READS_ALL.test(agent)) ? 'large' : undefined;
  if (!/^[1-9][0-9]{0,8}$/.test(asked)) {
    const shown = JSON.stringify(asked.slice(0, 100));
    throw new EngineError('request_invalid', `the header ${HEADER} is ${shown}; it must be a number, 1 or more`);
  }
  return Number(asked);
}
