/**
 * The program that kill-steps.test.ts kills at a named step: it kills itself, so that the moment is exact (reaper.ts).
 *
 * Usage: victim DIRECTORY FIRST_STREAM PHASE KIND WHEN NTH. It opens the database (phase `recover`), prepares what all
 * phases need, and walks through the phases whose name PHASE begins with, saying what voice.ts says; with `none`
 * through all of them. At its end it says `end`.
 */
import { setLogLevel } from '../../src/base/log.ts';
import { realOs } from '../../src/os/real-os.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { WORDS_TABLE } from './ledger.ts';
import { Reaper } from './reaper.ts';
import { KILL_BOUNDS, LARGE_ROWS, STREAM_ROWS, TABLE_ROWS_MAX } from './rows.ts';
import { Speaker, say, sayFound } from './voice.ts';

const SWEEP_WAIT_MS = 10_000;
const [directory = '', first = '1', wanted = '', kind = '', when = '', nth = '1'] = process.argv.slice(2);

/** Nothing is merged but on request. */
const BOUNDS = { ...KILL_BOUNDS, compactSegmentsMin: 0, scrubBytesPerSecond: 0 };

const reaper = new Reaper({ phase: wanted, kind, when, nth: Number(nth) });

/** Waits for the sweep, which comes some time after what it is for. */
async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + SWEEP_WAIT_MS; !condition() && Date.now() < deadline;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

setLogLevel('silent');
reaper.enter('recover');
const storage = await openStorage({ directory, os: reaper.deadly(realOs()), bounds: BOUNDS });
reaper.enter('');
await sayFound(storage);
const speaker = new Speaker(storage, Number(first));

/** Two sealed segments and an active one. */
async function fill(table: string): Promise<void> {
  await speaker.put(table, STREAM_ROWS);
  await storage.seal(table);
  await speaker.put(table, STREAM_ROWS);
  await storage.seal(table);
  await speaker.put(table, STREAM_ROWS);
}

const PHASES: readonly (readonly [name: string, walk: () => Promise<void>])[] = [
  [
    'create',
    async () => {
      reaper.enter('create');
      await speaker.put(`made${first}`, STREAM_ROWS);
    },
  ],
  [
    'commit',
    async () => {
      reaper.enter('commit');
      await Promise.all([speaker.put('w0', STREAM_ROWS), speaker.put(WORDS_TABLE, STREAM_ROWS)]);
      await reaper.around('acknowledge', () => speaker.put('w0', STREAM_ROWS));
    },
  ],
  [
    'private',
    async () => {
      reaper.enter('private');
      await speaker.put('w0', LARGE_ROWS);
    },
  ],
  [
    'seal',
    async () => {
      reaper.enter('seal');
      await speaker.put('w0', STREAM_ROWS);
      await storage.seal();
    },
  ],
  [
    'delete',
    async () => {
      await fill('edited');
      reaper.enter('delete');
      await reaper.around('acknowledge', () => speaker.edit('edited', { kind: 'delete', modulus: 3, rest: 1 }));
      await until(() => reaper.unlinks > 1);
    },
  ],
  [
    'update',
    async () => {
      await fill('edited');
      reaper.enter('update');
      await speaker.edit('edited', { kind: 'update', modulus: 5, rest: 2, value: Number(first) / 4 });
    },
  ],
  [
    'truncate',
    async () => {
      await fill('emptied');
      reaper.enter('truncate');
      await speaker.edit('emptied', { kind: 'truncate' });
      await until(() => reaper.unlinks > 1);
    },
  ],
  [
    'alter',
    async () => {
      const table = `altered${first}`;
      for (const change of ['add', 'rename', 'drop'] as const) {
        await fill(table);
        reaper.enter(`alter-${change}`);
        await speaker.edit(table, { kind: change });
        reaper.enter('');
        await speaker.put(table, STREAM_ROWS);
      }
    },
  ],
  [
    'compact',
    async () => {
      await fill('merged');
      await storage.seal('merged');
      reaper.enter('compact');
      await storage.compact('merged');
      await until(() => reaper.unlinks > 1);
    },
  ],
  [
    'drop',
    async () => {
      await speaker.put('scratch', STREAM_ROWS);
      reaper.enter('drop');
      await speaker.drop('scratch');
      await until(() => reaper.removals > 0);
    },
  ],
  [
    'stop',
    async () => {
      reaper.enter('stop');
      await speaker.put(WORDS_TABLE, STREAM_ROWS);
      await storage.close();
    },
  ],
];

const before = storage.snapshot();
const isLarge = (before.table('w0')?.rowCount ?? 0) > TABLE_ROWS_MAX;
before.release();
if (isLarge) {
  await speaker.drop('w0');
  await until(() => reaper.removals > 0);
}
await speaker.put('w0', STREAM_ROWS);
await speaker.put(WORDS_TABLE, STREAM_ROWS);
for (const [name, walk] of PHASES) {
  if (wanted !== 'none' && !wanted.startsWith(name)) continue;
  await walk();
  reaper.enter('');
}
if (wanted !== 'stop') await storage.close();
say('end');
