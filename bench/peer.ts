/**
 * Another engine in a Python process of its own, asked one thing at a time, so that benches let engines take turns and
 * drift of the machine hits all of them.
 *
 * Hides lines and processes. Invariants: it has loaded its data before it is asked; whoever starts one closes it. The
 * program prints a line when it is ready, and then a line of JSON for each line of JSON that it reads.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { projectPath } from './bench.ts';

export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<void>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child;
    this.#lines = lines;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /** Starts a program of the folder bench and waits until it is ready. */
  static async start(program: string, ...words: readonly string[]): Promise<Peer> {
    const args = [projectPath(`bench/${program}`), ...words];
    const child = spawn(projectPath('.venv/bin/python'), args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const peer = new Peer(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    await peer.#line();
    return peer;
  }

  /** Sends a request and waits for the answer, which has the form that the program's header tells. */
  async ask<Answer>(request: unknown): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    return JSON.parse(await this.#line()) as Answer;
  }

  /** Ends the process. */
  async close(): Promise<void> {
    this.#child.stdin?.end();
    await this.#exited;
  }

  async #line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error(`${this.#child.spawnargs.join(' ')} ended too early`);
    return next.value;
  }
}
