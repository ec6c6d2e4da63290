/**
 * The program that kill-steps.test.ts kills at a named step: it kills itself, so that the moment is exact.
 *
 * Usage: victim DIRECTORY FIRST_STREAM PHASE KIND WHEN NTH. It goes through its phases in order, saying what voice.ts
 * says; within PHASE, the NTH operation of KIND (of the disk, `catalog` for a change of the catalog, `acknowledge` for
 * the end of a put) is where it dies: `before` it, `after` it, `half` through a write, or `during` a change of the
 * catalog. A phase PHASE `none` is never reached. At its end it says `end`.
 */
import { setLogLevel } from '../../src/base/log.ts';
import { concatBytes } from '../../src/base/bytes.ts';
import type { Os, OsFile } from '../../src/os/os.ts';
import { realOs } from '../../src/os/real-os.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { watchCatalog } from '../support/kept-catalog.ts';
import { WORDS_TABLE } from './ledger.ts';
import { KILL_BOUNDS, LARGE_ROWS, STREAM_ROWS, TABLE_ROWS_MAX } from './rows.ts';
import { Speaker, say, sayFound } from './voice.ts';

const SWEEP_WAIT_MS = 10_000;
const [directory = '', first = '1', wantedPhase = '', wantedKind = '', when = '', nth = '1'] = process.argv.slice(2);

let phase = '';
let seen = 0;
/** Directories removed since the open: the last thing that a drop does. */
let removals = 0;

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal is there before the call returns, or a moment later.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
}

/** Whether this operation is the one. */
function isHere(kind: string): boolean {
  if (phase !== wantedPhase || kind !== wantedKind) return false;
  seen++;
  return seen === Number(nth);
}

async function around<T>(kind: string, run: () => Promise<T>): Promise<T> {
  const here = isHere(kind);
  if (here && when === 'before') die();
  const value = await run();
  if (here && when === 'after') die();
  return value;
}

function deadlyFile(file: OsFile): OsFile {
  return {
    path: file.path,
    write: (parts, position) => {
      if (when !== 'half') return around('write', () => file.write(parts, position));
      if (!isHere('write')) return file.write(parts, position);
      const bytes = concatBytes(parts);
      return file.write([bytes.subarray(0, bytes.byteLength >> 1)], position).then(die);
    },
    read: (length, position) => file.read(length, position),
    dataSync: () => around('dataSync', () => file.dataSync()),
    size: () => file.size(),
    truncate: (length) => around('truncate', () => file.truncate(length)),
    close: () => file.close(),
  };
}

function deadlyOs(os: Os): Os {
  return {
    ...os,
    open: async (path, mode) =>
      deadlyFile(await around(mode === 'create' ? 'create' : 'open', () => os.open(path, mode))),
    makeDirectory: (path) => around('makeDirectory', () => os.makeDirectory(path)),
    syncDirectory: (path) => around('syncDirectory', () => os.syncDirectory(path)),
    unlink: (path) => around('unlink', () => os.unlink(path)),
    removeDirectory: async (path) => {
      await around('removeDirectory', () => os.removeDirectory(path));
      removals++;
    },
    rename: (from, to) => around('rename', () => os.rename(from, to)),
  };
}

let inCatalog = false;
watchCatalog(
  () => {
    inCatalog = isHere('catalog');
    if (inCatalog && when === 'before') die();
    if (inCatalog && when === 'during') setImmediate(die);
  },
  () => {
    if (inCatalog && when === 'after') die();
  },
);

function enter(name: string): void {
  phase = name;
  seen = 0;
}

setLogLevel('silent');
enter('recover');
const storage = await openStorage({ directory, os: deadlyOs(realOs()), bounds: KILL_BOUNDS });
enter('');
removals = 0;
await sayFound(storage);
const speaker = new Speaker(storage, Number(first));
const before = storage.snapshot();
const isLarge = (before.table('w0')?.rowCount ?? 0) > TABLE_ROWS_MAX;
before.release();
if (isLarge) await speaker.drop('w0');
await speaker.put('w0', STREAM_ROWS);
await speaker.put(WORDS_TABLE, STREAM_ROWS);
await speaker.put('scratch', STREAM_ROWS);
enter('create');
await speaker.put(`made${first}`, STREAM_ROWS);
enter('commit');
await Promise.all([speaker.put('w0', STREAM_ROWS), speaker.put(WORDS_TABLE, STREAM_ROWS)]);
await around('acknowledge', () => speaker.put('w0', STREAM_ROWS));
enter('private');
await speaker.put('w0', LARGE_ROWS);
enter('seal');
await speaker.put('w0', STREAM_ROWS);
await storage.seal();
enter('drop');
await speaker.drop('scratch');
// The sweep unlinks, some time after the drop.
const drops = isLarge ? 2 : 1;
for (const deadline = Date.now() + SWEEP_WAIT_MS; removals < drops && Date.now() < deadline;) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
enter('stop');
await speaker.put(WORDS_TABLE, STREAM_ROWS);
await storage.close();
say('end');
