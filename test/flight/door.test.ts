/**
 * Goal: the door opens, stays shut aloud, or says why it cannot open; and it closes in the time it is given.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { encodeSchema } from '../../src/arrow/ipc-schema.ts';
import { openFlightDoor } from '../../src/flight/door.ts';
import { FakeEngine, NO_FIELDS } from '../support/fake-engine.ts';
import { field, rawFlight, readAll } from '../support/flight-client.ts';

const run = promisify(execFile);
const LOCAL = { enabled: true, host: '127.0.0.1', port: 0 };
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test('a door that is switched off has the same methods, which do nothing and say why', async () => {
  const door = await openFlightDoor(new FakeEngine(), { ...LOCAL, enabled: false });
  assert.equal(door.address, 'off');
  assert.equal(door.reason, 'Flight is switched off (--no-flight)');
  await door.close(0);
  await door.close(0);
});

test('without the gRPC packages the stub takes the place of the door', async () => {
  // A resolver in the child process hides the packages, as if npm had left them out.
  const hook = `export async function resolve(specifier, context, next) {
    if (!specifier.startsWith('@grpc/')) return next(specifier, context);
    const error = new Error("Cannot find package '" + specifier + "' imported from here");
    error.code = 'ERR_MODULE_NOT_FOUND';
    throw error;
  }`;
  const script = `
    import { register } from 'node:module';
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});
    const { openFlightDoor } = await import('./src/flight/door.ts');
    const door = await openFlightDoor({}, { enabled: true, host: '127.0.0.1', port: 0 });
    await door.close(0);
    process.stdout.write(door.address + ' | ' + door.reason);`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  const { stdout } = await run(process.execPath, args, { cwd: ROOT });
  assert.equal(
    stdout,
    'off | Flight is off: @grpc/grpc-js and @grpc/proto-loader are not installed; npm install brings them',
  );
});

test('an address that is taken is an error that names it, and what stands there goes on', async (t) => {
  const engine = new FakeEngine();
  const door = await openFlightDoor(engine, LOCAL);
  t.after(() => door.close(0));
  const port = Number(door.address.split(':')[1]);
  await assert.rejects(openFlightDoor(engine, { ...LOCAL, port }), {
    name: 'EngineError',
    code: 'io_error',
    message:
      `Flight cannot listen on ${door.address}: No address added out of total 1 resolved ` +
      `errors: [listen EADDRINUSE: address already in use ${door.address}]`,
  });
  const client = rawFlight(door.address);
  t.after(() => {
    client.close();
  });
  const { messages } = await readAll(client.read('DoAction', field(1, Buffer.from('ping'))));
  assert.deepEqual(messages, [field(1, Buffer.from('pong'))]);
});

test('a door on an IPv6 address says its address as a URL does', async () => {
  const door = await openFlightDoor(new FakeEngine(), { ...LOCAL, host: '::1' });
  assert.match(door.address, /^\[::1\]:\d+$/);
  await door.close(0);
});

test('closing lets a call end within its grace, and cuts one that does not', async () => {
  const engine = new FakeEngine();
  let finish = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    finish = resolve;
  });
  engine.answers.set('held', {
    schema: NO_FIELDS,
    async *batches(signal) {
      await Promise.race([held, new Promise((resolve) => signal?.addEventListener('abort', resolve))]);
      yield* [];
    },
  });
  for (const graceMs of [60_000, 1]) {
    const door = await openFlightDoor(engine, LOCAL);
    const client = rawFlight(door.address);
    const call = client.read('DoGet', field(1, Buffer.from('held')));
    const ended = readAll(call);
    await once(call, 'metadata');
    const closed = door.close(graceMs);
    if (graceMs > 1) finish();
    await closed;
    const { messages, ending } = await ended;
    if (graceMs > 1) {
      assert.deepEqual([ending.grpc, messages.length], [0, 1]);
      assert.deepEqual(messages[0], field(2, encodeSchema(NO_FIELDS).header));
    } else {
      assert.notEqual(ending.grpc, 0);
    }
    client.close();
    await door.close(0);
    assert.equal(engine.resultsOpen, 0);
    finish = () => undefined;
    engine.answers.set('held', {
      schema: NO_FIELDS,
      async *batches(signal) {
        await new Promise((resolve) => signal?.addEventListener('abort', resolve));
        yield* [];
      },
    });
  }
});
