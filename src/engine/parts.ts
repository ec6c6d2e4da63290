/**
 * What an engine is made of, and what of it is another one for a principal.
 *
 * Hides which parts principals share. Invariant: limits, kept results and tickets are the whole engine's; tables and
 * statements are seen as rights have it.
 */
import type { Clock } from '../base/clock.ts';
import type { Os } from '../os/os.ts';
import type { Storage } from '../storage/contract.ts';
import { Admission } from './admission.ts';
import type { CopyFiles } from './copy.ts';
import { KeptResults } from './kept-result.ts';
import type { Queries, QueryLog } from './query-log.ts';
import { Redemptions } from './redemption.ts';
import { restrictStorage } from './restricted-storage.ts';
import type { Rights } from './rights.ts';
import { StatementCache } from './statement-cache.ts';

export interface Parts {
  readonly storage: Storage;
  readonly clock: Clock;
  /** Of tickets: 32 secret bytes. */
  readonly ticketKey: Uint8Array;
  /** For how long what was replaced or dropped can still be read. */
  readonly snapshotRetentionMs: number;
  readonly files: CopyFiles;
  readonly queries: Queries;
  readonly kept: KeptResults;
  readonly admission: Admission;
  readonly redemptions: Redemptions;
  readonly statements: StatementCache;
  readonly startedMs: number;
  readonly puts: { openCount: number };
  /** Whose parts these are; undefined for the engine itself. */
  readonly rights: Rights | undefined;
  /** These, as the holder of `rights` may use them. */
  restrict(rights: Rights): Parts;
}

/** The parts of a new engine. */
export function makeParts(
  given: Pick<Parts, 'storage' | 'clock' | 'ticketKey' | 'snapshotRetentionMs' | 'files'> & {
    readonly os: Os;
    readonly queries: QueryLog;
  },
): Parts {
  const { storage, clock, ticketKey, snapshotRetentionMs, files, os, queries } = given;
  const parts: Parts = {
    storage,
    clock,
    ticketKey,
    snapshotRetentionMs,
    files,
    queries,
    kept: new KeptResults(os, storage.spoolDirectory),
    admission: new Admission(),
    redemptions: new Redemptions(),
    statements: new StatementCache(),
    startedMs: clock.monotonicMs(),
    puts: { openCount: 0 },
    rights: undefined,
    restrict: (rights) => ({
      ...parts,
      storage: restrictStorage(storage, rights),
      queries: queries.of(rights.name, rights.has('admin')),
      rights,
    }),
  };
  return parts;
}
