/**
 * Three parsers asked whether they take a text: ours, DuckDB's, and PostgreSQL's (libpg-query).
 *
 * Hides DuckDB's child process (oracle.py), one for as long as it is open. Invariants: nothing is bound, planned or
 * run; answers come in the order of the texts. No text, and no statement in it, is not taken by anyone.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { loadModule, parseSync } from 'libpg-query';
import { EngineError } from '../../src/base/errors.ts';
import { parseStatement } from '../../src/sql/parse.ts';
import { PYTHON_MISSING, pythonPath } from '../support/python.ts';

const SCRIPT = fileURLToPath(new URL('oracle.py', import.meta.url));

/** What three parsers say to a text. */
export interface Verdict {
  readonly sql: string;
  /** Lacking is what we know to be SQL, and have not. */
  readonly ours: 'taken' | 'lacking' | 'refused';
  /** The first line of our refusal, code and message; empty without one. */
  readonly ourText: string;
  readonly duckdb: boolean;
  /** The first line of DuckDB's refusal; empty without one. */
  readonly duckdbText: string;
  readonly postgres: boolean;
}

function askUs(sql: string): Pick<Verdict, 'ours' | 'ourText'> {
  try {
    parseStatement(sql);
    return { ours: 'taken', ourText: '' };
  } catch (error) {
    if (!(error instanceof EngineError)) throw new Error(`not an EngineError for: ${sql}`, { cause: error });
    const ourText = `${error.code}: ${error.message.split('\n')[0] ?? ''}`;
    return { ours: error.code === 'sql_unsupported' ? 'lacking' : 'refused', ourText };
  }
}

function askPostgres(sql: string): boolean {
  try {
    return (parseSync(sql).stmts ?? []).length > 0;
  } catch {
    return false;
  }
}

export class Judges {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    if (child.stdout === null) throw new Error('the oracle has no output');
    this.#child = child;
    const lines = createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** @throws Error where there is no Python environment */
  static async open(): Promise<Judges> {
    const python = pythonPath();
    if (python === undefined) throw new Error(PYTHON_MISSING);
    await loadModule();
    return new Judges(spawn(python, [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] }));
  }

  async judge(texts: readonly string[]): Promise<Verdict[]> {
    const answers = (await this.#ask(texts)) as (number | string)[];
    return texts.map((sql, i) => {
      const answer = answers[i];
      const duckdbText = typeof answer === 'string' ? answer : '';
      const duckdb = typeof answer === 'number' && answer > 0;
      return { sql, ...askUs(sql), duckdb, duckdbText, postgres: askPostgres(sql) };
    });
  }

  /** The words that DuckDB has as keywords, in order. */
  async words(): Promise<readonly string[]> {
    return (await this.#ask(null)) as string[];
  }

  close(): void {
    this.#child.stdin?.end();
  }

  async #ask(texts: readonly string[] | null): Promise<unknown> {
    this.#child.stdin?.write(`${JSON.stringify(texts)}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error("DuckDB's process has ended");
    return JSON.parse(line.value);
  }
}
