/**
 * The program that kernel-fault.test.ts makes suffer: a fixed piece of work in which every step may be refused, and
 * nothing else may go wrong.
 *
 * Usage: sufferer DIRECTORY FIRST_STREAM [loaded | open]. It says what voice.ts says, `refused CODE` for a step that
 * failed, and `end`. It waits for a line on stdin once everything is loaded, or once the database is open, when told
 * so. Ends with 0, with 3 when the database does not open, and with 5 for an error that is none of ours.
 */
import { setLogLevel } from '../../src/base/log.ts';
import { EngineError } from '../../src/base/errors.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { WORDS_TABLE, readStreams } from './ledger.ts';
import { KILL_BOUNDS, LARGE_ROWS, STREAM_ROWS } from './rows.ts';
import { Speaker, awaitStart, say, sayFound } from './voice.ts';

const ROUNDS = 4;
const [directory = '', first = '1', wait] = process.argv.slice(2);

/** What only tells us that the program is wrong. */
function fail(error: unknown): never {
  process.stderr.write(`BUG ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(5);
}

async function attempt(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof EngineError) || error.code === 'internal') fail(error);
    say('refused', error.code);
  }
}

function rethrow(_table: string, error: unknown): never {
  throw error;
}

process.on('unhandledRejection', fail);
setLogLevel('silent');
say('loaded');
if (wait === 'loaded') awaitStart();
const storage = await openStorage({ directory, bounds: KILL_BOUNDS }).catch((error: unknown) => {
  if (!(error instanceof EngineError)) fail(error);
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exit(3);
});
await sayFound(storage);
if (wait === 'open') awaitStart();
const speaker = new Speaker(storage, Number(first));
for (let round = 0; round < ROUNDS; round++) {
  await Promise.all([
    attempt(() => speaker.put('w0', STREAM_ROWS)),
    attempt(() => speaker.put('w1', STREAM_ROWS)),
    attempt(() => speaker.put(WORDS_TABLE, STREAM_ROWS)),
  ]);
  await attempt(() => speaker.put('w0', LARGE_ROWS));
  await attempt(() => storage.seal());
  await attempt(() => readStreams(storage, rethrow));
  await attempt(() => speaker.makeAndDrop(STREAM_ROWS));
}
await attempt(() => storage.close());
say('end');
