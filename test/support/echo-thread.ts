/** A thread for tests (test/os/thread.test.ts): it answers, moves buffers, throws every kind of error, and dies. */
import { assert } from '../../src/base/assert.ts';
import { EngineError } from '../../src/base/errors.ts';
import { Transferred, serveThread } from '../../src/os/thread.ts';

export interface EchoMethods {
  echo(value: unknown): unknown;
  /** Waits until `release` was called. */
  wait(argument: undefined): Promise<string>;
  release(argument: undefined): void;
  /** Adds 1 to each byte and moves the buffer back. */
  increment(bytes: Uint8Array<ArrayBuffer>): Transferred<Uint8Array<ArrayBuffer>>;
  fail(kind: 'engine' | 'positioned' | 'assertion' | 'type' | 'text' | 'uncloneable'): unknown;
  die(how: 'exit' | 'throw'): void;
}

let release: (value: string) => void = () => undefined;

serveThread<EchoMethods>({
  echo: (value) => value,
  wait: () => new Promise((resolve) => (release = resolve)),
  release: () => release('released'),
  increment(bytes) {
    for (let i = 0; i < bytes.byteLength; i++) bytes[i]!++;
    return new Transferred(bytes, [bytes.buffer]);
  },
  fail(kind) {
    if (kind === 'engine') throw new EngineError('storage_full', 'the disk is full');
    const position = { start: 1, end: 2, line: 1, column: 2 };
    if (kind === 'positioned') throw new EngineError('sql_syntax', 'unexpected word', { position });
    assert(kind !== 'assertion', 'one is two');
    if (kind === 'type') throw new TypeError('not a function');
    // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error -- libraries do
    if (kind === 'text') throw 'only text';
    return () => 'a function cannot be cloned';
  },
  die(how) {
    if (how === 'exit') process.exit(3);
    setImmediate(() => {
      throw new Error('out of luck');
    });
    return new Promise<never>(() => undefined) as never;
  },
});
