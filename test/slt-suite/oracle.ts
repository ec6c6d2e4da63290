/**
 * DuckDB itself beside Sheaf: every statement of a file runs there too, so that a record it fails as Sheaf does can be
 * told from one that only Sheaf fails.
 *
 * Hides the child process, which holds a database in memory. Invariant: requests are answered one by one, in order.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PYTHON_MISSING, pythonPath } from '../support/python.ts';
import type { Answer } from './compare.ts';

const SCRIPT = fileURLToPath(new URL('oracle.py', import.meta.url));

/** What DuckDB says to a statement: an answer, or the text of its error. */
export type Verdict = { readonly answer: Answer } | { readonly error: string };

export interface Oracle {
  /** Runs one statement, for at most `msMax`. */
  run(sql: string, connection: string, msMax: number): Promise<Verdict>;
  /** Forgets all tables and connections; the next ones begin with `settings`, or as those before. */
  reset(settings?: readonly string[]): Promise<void>;
  close(): void;
}

/** Starts DuckDB. @throws Error without Python */
export function openOracle(): Oracle {
  const python = pythonPath();
  if (python === undefined) throw new Error(PYTHON_MISSING);
  return new ChildOracle(spawn(python, [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] }));
}

class ChildOracle implements Oracle {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #settings: readonly string[] = [];

  constructor(child: ChildProcess) {
    if (child.stdout === null) throw new Error('the oracle has no output');
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY })[
      Symbol.asyncIterator
    ]();
  }

  async run(sql: string, connection: string, msMax: number): Promise<Verdict> {
    const reply = (await this.#ask({ sql, connection, ms: msMax, settings: this.#settings })) as Verdict | Answer;
    return 'error' in reply ? reply : { answer: reply as Answer };
  }

  async reset(settings = this.#settings): Promise<void> {
    this.#settings = settings;
    await this.#ask({ sql: null });
  }

  close(): void {
    this.#child.stdin?.end();
    this.#child.kill();
  }

  async #ask(request: object): Promise<unknown> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error('DuckDB has ended');
    return JSON.parse(line.value);
  }
}
