/** Threads: calls, moved buffers, errors on their way, death, and both forms of a worker's module. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AssertionError } from '../../src/base/assert.ts';
import { EngineError } from '../../src/base/errors.ts';
import { moduleBeside, startThread } from '../../src/os/thread.ts';
import type { EchoMethods } from '../support/echo-thread.ts';
import { runChild } from '../support/child.ts';
import { refusal } from '../support/refusal.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ECHO = new URL('../support/echo-thread.ts', import.meta.url);
const start = () => startThread<EchoMethods>(ECHO, 'echo');

test('a thread answers calls, each with its own value', async () => {
  const thread = start();
  const answers = await Promise.all(
    [1, 'two', { three: [3n] }, undefined].map((value) => thread.call('echo', value)),
  );
  assert.deepEqual(answers, [1, 'two', { three: [3n] }, undefined]);
  await thread.end();
});

test('a call does not wait for an earlier one that waits', async () => {
  const thread = start();
  const waiting = thread.call('wait', undefined);
  assert.equal(await thread.call('echo', 'now'), 'now');
  await thread.call('release', undefined);
  assert.equal(await waiting, 'released');
  await thread.end();
});

test('buffers move there and back without a copy', async () => {
  const thread = start();
  const bytes = Uint8Array.of(1, 2, 255);
  const back = await thread.call('increment', bytes, [bytes.buffer]);
  assert.equal(bytes.byteLength, 0);
  assert.deepEqual([...back], [2, 3, 0]);
  await thread.end();
});

test('an error keeps its class, code, text, position and the stack of the thread', async () => {
  const thread = start();
  await assert.rejects(thread.call('fail', 'engine'), refusal('storage_full', 'the disk is full'));
  await assert.rejects(thread.call('fail', 'positioned'), (error) => {
    assert.ok(error instanceof EngineError);
    assert.deepEqual(error.position, { start: 1, end: 2, line: 1, column: 2 });
    assert.match(error.stack ?? '', /echo-thread/);
    return refusal('sql_syntax', 'unexpected word')(error);
  });
  await assert.rejects(
    thread.call('fail', 'assertion'),
    (error) => error instanceof AssertionError && error.message === 'one is two',
  );
  await assert.rejects(
    thread.call('fail', 'type'),
    (error) => error instanceof Error && error.message === 'not a function' && /TypeError/.test(error.stack ?? ''),
  );
  await assert.rejects(
    thread.call('fail', 'text'),
    (error) => error instanceof Error && error.message === 'only text',
  );
  await assert.rejects(thread.call('fail', 'uncloneable'), /could not be cloned/);
  assert.equal(await thread.call('echo', 'alive'), 'alive');
  await thread.end();
});

test('an argument that cannot be cloned fails its own call only', async () => {
  const thread = start();
  await assert.rejects(
    thread.call('echo', () => 1),
    /could not be cloned/,
  );
  assert.equal(await thread.call('echo', 'alive'), 'alive');
  await thread.end();
});

for (const [how, reason] of [
  ['exit', 'exit code 3'],
  ['throw', 'out of luck'],
] as const) {
  test(`the death of a thread (${how}) fails every waiting and every later call`, async () => {
    const thread = start();
    const waiting = thread.call('wait', undefined);
    const message = `the echo thread ended unexpectedly (${reason}); restart the program`;
    const both = [
      assert.rejects(waiting, refusal('io_error', message)),
      assert.rejects(thread.call('die', how), refusal('io_error', message)),
    ];
    await Promise.all(both);
    assert.equal(thread.alive, false);
    await assert.rejects(
      thread.call('echo', 1),
      refusal('draining', 'the echo thread has been ended; open the database again'),
    );
    await thread.end();
  });
}

test('a module that is not there fails the first call', async () => {
  const thread = startThread<EchoMethods>(new URL('./no-such-module.ts', import.meta.url), 'lost');
  await assert.rejects(
    thread.call('echo', 1),
    (error) =>
      error instanceof EngineError &&
      error.message.startsWith('the lost thread ended unexpectedly (Cannot find module '),
  );
  await thread.end();
});

test('the end waits for the calls already made, and refuses later ones', async () => {
  const thread = start();
  const waiting = thread.call('wait', undefined);
  const released = thread.call('release', undefined);
  const ended = thread.end();
  await assert.rejects(
    thread.call('echo', 1),
    refusal('draining', 'the echo thread has been ended; open the database again'),
  );
  assert.equal(await waiting, 'released');
  await released;
  await ended;
  assert.equal(thread.alive, false);
  await thread.end();
});

test('an idle thread does not keep the process alive, a waiting call does', async () => {
  const script = `import { startThread } from './src/os/thread.ts';
    const thread = startThread(new URL(process.argv[1]), 'echo');
    console.log(await thread.call('echo', 'answered'));`;
  const outcome = await runChild(script, [ECHO.href]);
  assert.deepEqual([outcome.stdout.trim(), outcome.status], ['answered', 0], outcome.stderr);
});

test("a module's file has the extension of the module beside it", () => {
  assert.equal(moduleBeside('file:///x/src/a/b.ts', 'c-thread').href, 'file:///x/src/a/c-thread.ts');
  assert.equal(moduleBeside('file:///x/dist/a/b.js', 'c-thread').href, 'file:///x/dist/a/c-thread.js');
});

test('threads work from built JavaScript, without tsx', async (t) => {
  const directory = temporaryDirectory(t);
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const compiler = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
  const config = {
    extends: `${root}tsconfig.json`,
    compilerOptions: {
      noEmit: false,
      rootDir: root,
      outDir: `${directory}/dist`,
      typeRoots: [`${root}node_modules/@types`],
    },
    files: [`${root}src/os/thread.ts`, fileURLToPath(ECHO)],
    include: [],
  };
  writeFileSync(`${directory}/tsconfig.json`, JSON.stringify(config));
  mkdirSync(`${directory}/dist`);
  writeFileSync(`${directory}/dist/package.json`, '{"type":"module"}');
  symlinkSync(`${root}node_modules`, `${directory}/node_modules`);
  execFileSync(process.execPath, [compiler, '-p', directory], { stdio: 'pipe' });
  const script = `import { startThread } from './src/os/thread.js';
    const thread = startThread(new URL('./test/support/echo-thread.js', import.meta.url), 'echo');
    const bytes = new Uint8Array([4]);
    console.log(await thread.call('echo', 1), (await thread.call('increment', bytes, [bytes.buffer]))[0]);
    await thread.call('fail', 'engine').catch((error) => console.log(error.name, error.code, error.message));
    await thread.end();`;
  writeFileSync(`${directory}/dist/main.js`, script);
  // Another working directory: nothing may depend on it.
  const stdout = execFileSync(process.execPath, [`${directory}/dist/main.js`], { cwd: directory, encoding: 'utf8' });
  assert.equal(stdout, '1 5\nEngineError storage_full the disk is full\n');
});
