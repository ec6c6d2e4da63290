/**
 * What the programs that are killed (writer.ts, victim.ts) and the tests that kill them agree on.
 */
import type { Ledger, Leniency } from './ledger.ts';
import type { Edit, FoundTable } from './table-ledger.ts';

/** Rows of a small stream; half of it per batch. */
export const STREAM_ROWS = 40;
/** Rows of a stream that goes through private segments. */
export const LARGE_ROWS = 2_000;
/** A table of more rows is dropped by the writer, so that a check takes milliseconds. */
export const TABLE_ROWS_MAX = 8_000;

/** Small, so that every path is walked in a few milliseconds. */
export const KILL_BOUNDS = {
  segmentBytesMax: 300_000,
  privateSegmentBytesMin: 8_000,
  snapshotRetentionMs: 0,
  sweepMs: 20,
};

/** What a program says on stdout, a line each: words parted by spaces. */
export interface Said {
  /** What it found at its start; undefined when it did not come so far. */
  found: Map<string, FoundTable> | undefined;
  /** Tables that it could not read, as damage that names them and their file. */
  readonly damaged: string[];
}

/**
 * Goes through what a program said: holds what it found against `ledger`, then adds to that what it sent and what was
 * acknowledged. A line without its end was cut off by the kill.
 *
 *   found TABLE FOUND               damaged TABLE REASON   unreadable TABLE REASON   open
 *   send TABLE STREAM ROWS          ack TABLE STREAM
 *   drop TABLE                      dropped TABLE
 *   edit TABLE EDIT                 edited TABLE
 */
export function hear(text: string, ledger: Ledger, leniency: Leniency = { damage: false }): Said {
  const found = new Map<string, FoundTable>();
  const said: Said = { found: undefined, damaged: [] };
  for (const line of text.split('\n').slice(0, -1)) {
    const [word, table = '', first = '', second = ''] = line.split(' ');
    if (word === 'found') found.set(table, JSON.parse(first) as FoundTable);
    else if (word === 'damaged' && leniency.damage) said.damaged.push(table);
    else if (word === 'damaged' || word === 'unreadable') throw new Error(line);
    else if (word === 'open') {
      ledger.compare(found, said.damaged);
      ledger.settle(found);
      said.found = found;
    } else if (word === 'send') ledger.sent(table, Number(first), Number(second));
    else if (word === 'ack') ledger.acknowledged(table, Number(first));
    else if (word === 'edit') ledger.editing(table, JSON.parse(first) as Edit);
    else if (word === 'edited') ledger.edited(table);
    else if (word === 'drop') ledger.dropping(table, 'maybe');
    else if (word === 'dropped') ledger.dropping(table, 'yes');
  }
  return said;
}
