/**
 * The program that kill.test.ts kills and power-cut.test.ts cuts off: says what the database holds, then appends,
 * seals, deletes, updates, truncates, alters, merges, creates and drops as fast as it can, and says what was
 * acknowledged (voice.ts).
 *
 * Usage: writer DIRECTORY FIRST_STREAM [wait]. With `wait` it loads everything, then waits for a line on stdin. Ends
 * with 3 when the database does not open, and with 4 when a stream is refused, saying why on stderr.
 */
import { setLogLevel } from '../../src/base/log.ts';
import { EngineError } from '../../src/base/errors.ts';
import { openStorage } from '../../src/storage/storage.ts';
import type { Storage } from '../../src/storage/contract.ts';
import { WORDS_TABLE } from './ledger.ts';
import { KILL_BOUNDS, LARGE_ROWS, STREAM_ROWS, TABLE_ROWS_MAX } from './rows.ts';
import { Speaker, awaitStart, say, sayFound } from './voice.ts';

const TABLES = ['w0', 'w1', 'w2', WORDS_TABLE];

function rowCount(storage: Storage, table: string): number {
  const snapshot = storage.snapshot();
  const rows = snapshot.table(table)?.rowCount ?? 0;
  snapshot.release();
  return rows;
}

async function writeForEver(storage: Storage, speaker: Speaker, table: string): Promise<void> {
  for (let stream = 0; ; stream++) {
    if (rowCount(storage, table) > TABLE_ROWS_MAX) await speaker.drop(table);
    await speaker.put(table, table === 'w0' && stream % 3 === 2 ? LARGE_ROWS : STREAM_ROWS);
    if (stream % 10 === 9) await storage.seal(table);
  }
}

/** Statements of one table, one after another, and merges of what they leave. */
async function editForEver(storage: Storage, speaker: Speaker): Promise<void> {
  for (let round = 0; ; round++) {
    await speaker.put('edited', STREAM_ROWS);
    await storage.seal('edited');
    await speaker.put('edited', STREAM_ROWS);
    await speaker.edit('edited', { kind: 'delete', modulus: 3 + (round % 4), rest: 1 });
    await speaker.edit('edited', { kind: 'update', modulus: 5, rest: round % 5, value: round / 4 });
    if (round % 3 === 2) await storage.compact('edited');
    if (round % 5 === 4) await speaker.edit('edited', { kind: 'truncate' });
    if (round % 4 === 0) await alterOnce(speaker);
  }
}

/** A new table whose columns come, go and change their names. */
async function alterOnce(speaker: Speaker): Promise<void> {
  await speaker.use(async (table) => {
    for (const kind of ['add', 'rename', 'drop'] as const) {
      await speaker.put(table, 4);
      await speaker.edit(table, { kind });
    }
    await speaker.put(table, 4);
  });
}

async function dropForEver(speaker: Speaker): Promise<void> {
  for (;;) await speaker.makeAndDrop(4);
}

function end(code: number, error: unknown): never {
  process.stderr.write(`${error instanceof EngineError ? '' : 'BUG '}${String(error)}\n`);
  process.exit(code);
}

const [directory = '', first = '1', wait] = process.argv.slice(2);
setLogLevel('silent');
if (wait === 'wait') {
  say('loaded');
  awaitStart();
}
const opened = await openStorage({ directory, bounds: KILL_BOUNDS }).catch((error: unknown) => end(3, error));
await sayFound(opened);
const voice = new Speaker(opened, Number(first));
await Promise.all([
  ...TABLES.map((table) => writeForEver(opened, voice, table)),
  dropForEver(voice),
  editForEver(opened, voice),
]).catch((error: unknown) => end(4, error));
