/**
 * The program that kill-statements.test.ts kills within a statement: it kills itself, so that the moment is exact
 * (reaper.ts).
 *
 * Usage: statement-victim DIRECTORY FILES STATEMENT KIND WHEN NTH. Kinds are those of reaper.ts, and `writev`,
 * `datasync` and `rename` of the files of COPY. Says `ack` when the statement has run, and `end` at its end.
 */
import promises from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { setLogLevel } from '../../src/base/log.ts';
import { open } from '../../src/engine/engine.ts';
import { realOs } from '../../src/os/real-os.ts';
import { run, STATEMENTS } from './kill-statement.ts';
import { Reaper } from './reaper.ts';
import { say } from './voice.ts';

const [directory = '', files = '', name = '', kind = '', when = '', nth = '1'] = process.argv.slice(2);
const statement = STATEMENTS[name];
if (statement === undefined) throw new Error(`there is no statement ${name}`);

setLogLevel('silent');
const reaper = new Reaper({ phase: name, kind, when, nth: Number(nth) });

/** Files of COPY are no business of the disk that tests replace. */
async function watchFiles(): Promise<void> {
  const { rename } = promises;
  promises.rename = (from, to) => reaper.around('rename', () => rename(from, to));
  syncBuiltinESMExports();
  const handle = await promises.open('/dev/null');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  for (const method of ['writev', 'datasync'] as const) {
    const original = Reflect.get(prototype, method) as (...args: unknown[]) => Promise<unknown>;
    const watched = function (this: FileHandle, ...args: unknown[]): Promise<unknown> {
      return reaper.around<unknown>(method, () => Reflect.apply(original, this, args));
    };
    Reflect.set(prototype, method, watched);
  }
}

await watchFiles();
const engine = await open(directory, { os: reaper.deadly(realOs()), copyDirectory: files });
for (const sql of statement.before) await run(engine, sql);
reaper.enter(name);
await run(engine, statement.sql);
say('ack');
await reaper.around('acknowledge', () => Promise.resolve());
reaper.enter('');
await engine.close();
say('end');
