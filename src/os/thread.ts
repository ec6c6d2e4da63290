/**
 * Threads with typed calls: the only user of node:worker_threads.
 *
 * Hides messages, ids, transfer lists, and how a worker's module is started from TypeScript sources as well as from
 * built JavaScript. Both sides name their methods in one type; a call is one message there and one back:
 *
 *   caller                            worker
 *   thread.call('sum', [1, 2])  ───►  serveThread({ sum: (terms) => … })
 *     { id, method, argument }
 *                               ◄───  { id, value } or { id, failure }
 *
 * Invariants: calls of one thread begin in the order in which they were made; every call is answered once, also when
 * the worker dies (then by an error that says so); an EngineError keeps code, message and position on its way; a thread
 * without unanswered calls does not keep the process alive.
 */
import { Worker, parentPort } from 'node:worker_threads';
import type { Transferable } from 'node:worker_threads';
import { AssertionError, assert, present } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type { ErrorCode, Position } from '../base/errors.ts';

/** What a thread can be asked: each method takes one argument and gives one value, both fit for structured clone. */
export type ThreadMethods<M> = { readonly [K in keyof M]: (argument: never) => unknown };

type ArgumentOf<F> = F extends (argument: infer A) => unknown ? A : never;
type ValueOf<F> = F extends (argument: never) => infer R ? Unwrapped<Awaited<R>> : never;
type Unwrapped<R> = R extends Transferred<infer V> ? V : R;

/** The caller's end of a running thread. */
export interface Thread<M extends ThreadMethods<M>> {
  /** False once the worker has ended, in order or not. */
  readonly alive: boolean;
  /**
   * Calls `method` in the thread. The buffers in `transfer` move there and are empty here afterwards; all else is
   * copied, and with a view the whole buffer under it. Rejects with the error that the method threw.
   */
  call<K extends keyof M & string>(
    method: K,
    argument: ArgumentOf<M[K]>,
    transfer?: readonly Transferable[],
  ): Promise<ValueOf<M[K]>>;
  /** Waits until no call is unanswered. */
  settle(): Promise<void>;
  /** Waits for the calls already made, then ends the worker. Later calls are refused. */
  end(): Promise<void>;
}

/** A method's value together with the buffers that move to the caller instead of being copied. */
export class Transferred<V> {
  readonly value: V;
  readonly transfer: readonly Transferable[];

  constructor(value: V, transfer: readonly Transferable[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

interface Request {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

/** An error as plain fields: structured clone would lose its class and code. */
interface Failure {
  readonly kind: 'engine' | 'assertion' | 'other';
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: ErrorCode | undefined;
  readonly position: Position | undefined;
}

type Answer =
  | { readonly id: number; readonly value: unknown; readonly failure?: undefined }
  | { readonly id: number; readonly failure: Failure };

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Starts `module` in a thread of its own; `name` is for messages. `module` is a URL beside the caller, made with the
 * caller's own extension (`moduleBeside`), and calls `serveThread` once.
 */
export function startThread<M extends ThreadMethods<M>>(module: URL, name: string): Thread<M> {
  return new WorkerThread<M>(module, name);
}

/**
 * URL of the module `name` (no extension) beside the module at `base` (its import.meta.url), with the same extension:
 * `.ts` when sources run, `.js` when built files run.
 */
export function moduleBeside(base: string, name: string): URL {
  return new URL(`./${name}${base.endsWith('.ts') ? '.ts' : '.js'}`, base);
}

/** Answers the calls of the thread's owner with `methods`, each begun in order. Called once, by the thread's module. */
export function serveThread<M extends ThreadMethods<M>>(methods: M): void {
  const port = present(parentPort, 'the port of a worker thread');
  const table = methods as unknown as Readonly<Record<string, (argument: unknown) => unknown>>;
  port.on('message', (request: Request) => {
    const answer = async (): Promise<void> => {
      try {
        const value = await present(table[request.method], `a method named ${request.method}`)(request.argument);
        if (value instanceof Transferred) {
          port.postMessage({ id: request.id, value: value.value } satisfies Answer, [...value.transfer]);
        } else {
          port.postMessage({ id: request.id, value } satisfies Answer);
        }
      } catch (error) {
        port.postMessage({ id: request.id, failure: packError(error) } satisfies Answer);
      }
    };
    void answer();
  });
}

class WorkerThread<M extends ThreadMethods<M>> implements Thread<M> {
  readonly #name: string;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #nextId = 0;
  #ending = false;
  #alive = true;
  #cause: Error | undefined;
  readonly #settled: (() => void)[] = [];

  constructor(module: URL, name: string) {
    this.#name = name;
    this.#worker = startWorker(module, name);
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => this.#receive(answer));
    this.#worker.on('messageerror', (error) => this.#fail(error));
    this.#worker.on('error', (error: Error) => (this.#cause = error));
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (exitCode) => {
        this.#died(exitCode);
        resolve();
      });
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  call<K extends keyof M & string>(
    method: K,
    argument: ArgumentOf<M[K]>,
    transfer: readonly Transferable[] = [],
  ): Promise<ValueOf<M[K]>> {
    return new Promise<ValueOf<M[K]>>((resolve, reject) => {
      if (this.#ending || !this.#alive) {
        reject(new EngineError('draining', `the ${this.#name} thread has been ended; open the database again`));
        return;
      }
      const id = this.#nextId++;
      // A throw here (a value that cannot be cloned) rejects this call only and leaves nothing waiting.
      this.#worker.postMessage({ id, method, argument } satisfies Request, [...transfer]);
      this.#waiting.set(id, { resolve: (value) => resolve(value as ValueOf<M[K]>), reject });
      if (this.#waiting.size === 1) this.#worker.ref();
    });
  }

  async settle(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => void this.#settled.push(resolve));
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.settle();
    if (this.#alive) await this.#worker.terminate();
    await this.#exited;
  }

  #receive(answer: Answer): void {
    const waiting = present(this.#waiting.get(answer.id), `a waiting call with id ${answer.id}`);
    this.#waiting.delete(answer.id);
    if (answer.failure === undefined) waiting.resolve(answer.value);
    else waiting.reject(unpackError(answer.failure));
    this.#rest();
  }

  /** An answer could not be read: which call it belongs to is lost with it, so the thread is of no more use. */
  #fail(error: Error): void {
    this.#cause = error;
    void this.#worker.terminate();
  }

  #died(exitCode: number): void {
    this.#alive = false;
    const reason = this.#cause === undefined ? `exit code ${exitCode}` : this.#cause.message;
    const message = `the ${this.#name} thread ended unexpectedly (${reason}); restart the program`;
    for (const waiting of this.#waiting.values()) {
      waiting.reject(new EngineError('io_error', message, { cause: this.#cause }));
    }
    this.#waiting.clear();
    this.#rest();
  }

  #rest(): void {
    if (this.#waiting.size > 0) return;
    if (this.#alive) this.#worker.unref();
    for (const resolve of this.#settled.splice(0)) resolve();
  }
}

function startWorker(module: URL, name: string): Worker {
  if (!module.pathname.endsWith('.ts')) return new Worker(module, { name });
  // Sources run under tsx, whose hooks do not reach into workers: the worker registers them itself. execArgv is emptied
  // because it names tsx relative to the directory in which the program was started.
  const register = import.meta.resolve('tsx/esm/api');
  const bootstrap = [
    `import { register } from ${JSON.stringify(register)};`,
    'register();',
    `await import(${JSON.stringify(module.href)});`,
  ].join('\n');
  const url = new URL(`data:text/javascript,${encodeURIComponent(bootstrap)}`);
  return new Worker(url, { name, execArgv: [] });
}

function packError(error: unknown): Failure {
  const stack = error instanceof Error ? error.stack : undefined;
  if (error instanceof EngineError) {
    return { kind: 'engine', message: error.message, stack, code: error.code, position: error.position };
  }
  const kind = error instanceof AssertionError ? 'assertion' : 'other';
  const message = error instanceof Error ? error.message : String(error);
  return { kind, message, stack, code: undefined, position: undefined };
}

function unpackError(failure: Failure): Error {
  const error = revive(failure);
  // The worker's stack shows where it went wrong; the caller's would only show this file.
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}

function revive(failure: Failure): Error {
  if (failure.kind === 'assertion') return new AssertionError(failure.message);
  if (failure.kind === 'other') return new Error(failure.message);
  assert(failure.code !== undefined, 'an EngineError that crosses threads keeps its code');
  const options = failure.position === undefined ? {} : { position: failure.position };
  return new EngineError(failure.code, failure.message, options);
}
