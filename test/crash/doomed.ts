/**
 * A child process that will be killed: what it said on stdout until then, and waiting for it to say something.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const DEADLINE_MS = 30_000;

/** A program that will be killed, and all that it said. */
export class Doomed {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  text = '';
  errors = '';

  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const environment = { ...process.env, ...env };
    this.child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env: environment });
    this.child.stdout?.on('data', (bytes: Buffer) => (this.text += bytes.toString()));
    this.child.stderr?.on('data', (bytes: Buffer) => (this.errors += bytes.toString()));
    this.child.stdin?.on('error', () => undefined);
    this.ended = once(this.child, 'close');
  }

  /** Resolves when what it said fulfils `condition`, or it ended. @throws after the deadline */
  async until(condition: (text: string) => boolean): Promise<void> {
    let watch: (() => void) | undefined;
    const fulfilled = new Promise<void>((resolve) => {
      watch = () => {
        if (condition(this.text)) resolve();
      };
      this.child.stdout?.on('data', watch);
      watch();
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const said = (): string => `it hangs after: ${this.text.slice(-200)}${this.errors}`;
      timer = setTimeout(() => reject(new Error(said())), DEADLINE_MS);
    });
    try {
      await Promise.race([fulfilled, this.ended, late]);
    } finally {
      clearTimeout(timer);
      if (watch !== undefined) this.child.stdout?.off('data', watch);
    }
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
