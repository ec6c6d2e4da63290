/**
 * DuckDB as the judge: one Python process for a whole run, spoken to over its pipes.
 *
 * Hides the protocol (duckdb.py) and where tables lie on the way. Invariants: questions are answered in their order;
 * when the process ends early, every question fails with what it said.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAll, streamBytes } from '../support/ipc.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { pythonPath, PYTHON_MISSING } from '../support/python.ts';
import { answerOf } from './answer.ts';
import type { Answer } from './answer.ts';

interface Header {
  readonly error: string | null;
  readonly bytes: number;
}

const SCRIPT = readFileSync(new URL('duckdb.py', import.meta.url), 'utf8');

/** DuckDB in a child process. */
export class Oracle {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #directory: string;
  #buffered = Buffer.alloc(0);
  #said = '';
  #isOver = false;
  #wake: () => void = () => undefined;

  /** Starts the process; `directory` is where tables pass through. @throws where there is no Python environment */
  constructor(directory: string) {
    const python = pythonPath();
    if (python === undefined) throw new Error(PYTHON_MISSING);
    this.#directory = directory;
    this.#child = spawn(python, ['-c', SCRIPT], { stdio: 'pipe' });
    this.#child.stdout.on('data', (bytes: Buffer) => {
      this.#buffered = Buffer.concat([this.#buffered, bytes]);
      this.#wake();
    });
    this.#child.stderr.on('data', (bytes: Buffer) => (this.#said += bytes.toString()));
    this.#child.stdin.on('error', () => undefined);
    this.#child.on('close', () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  /** Puts these tables in the place of all that were there. */
  async load(tables: readonly MemorySource[]): Promise<void> {
    const files: { [name: string]: string } = {};
    for (const table of tables) {
      const path = join(this.#directory, `${table.name}.arrows`);
      writeFileSync(path, await streamBytes(table.schema, table.batches));
      files[table.name] = path;
    }
    const { error } = await this.#ask({ load: files });
    for (const path of Object.values(files)) rmSync(path);
    assert.equal(error, null);
  }

  /** Whether each of some queries over no tables is taken. */
  async accepts(queries: readonly string[]): Promise<readonly boolean[]> {
    const { error, body } = await this.#ask({ accepts: queries });
    assert.equal(error, null);
    return JSON.parse(body.toString()) as boolean[];
  }

  /** Asks one query; without its optimizer DuckDB evaluates what is written. */
  async query(sql: string, optimizer = true): Promise<Answer> {
    const { error, body } = await this.#ask({ sql, optimizer });
    if (error !== null) return { kind: 'error', text: error };
    const { schema, batches } = await readAll(body);
    return answerOf(schema, batches);
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    while (!this.#isOver) await this.#news();
  }

  async #ask(question: object): Promise<{ readonly error: string | null; readonly body: Buffer }> {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    const length = (await this.#take(4)).readUInt32LE(0);
    const { error, bytes } = JSON.parse((await this.#take(length)).toString()) as Header;
    return { error, body: await this.#take(bytes) };
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#buffered.byteLength < length) {
      if (this.#isOver) throw new Error(`DuckDB's process ended: ${this.#said}`);
      await this.#news();
    }
    const taken = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return taken;
  }

  async #news(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
