/**
 * What every bench shares: its shape, medians, and the child processes it times.
 *
 * Hides process bookkeeping. Invariants: a bench checks its answers before it prints a figure; figures are medians
 * with their spread; every child is ended by the bench that started it.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** One figure: its name, unit, and the runs it comes from. Without runs, its unit says why there are none. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly runs: number;
}

export interface BenchOptions {
  /** Small sizes for the test suite: shows that the bench works, says nothing about speed. */
  readonly small: boolean;
}

export interface Bench {
  readonly name: string;
  readonly question: string;
  run(options: BenchOptions): Promise<readonly Figure[]>;
}

/** Median and spread of `values`. */
export function figure(name: string, unit: string, values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  const lower = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  return {
    name,
    unit,
    median: (upper + lower) / 2,
    least: sorted[0] ?? Number.NaN,
    most: sorted.at(-1) ?? Number.NaN,
    runs: sorted.length,
  };
}

/** The value below which `share` (0 … 1) of `values` lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Milliseconds of each round, by the wall clock and of processor time. */
export interface Times {
  readonly milliseconds: readonly number[];
  /** User and system time of all threads of the process. */
  readonly processor: readonly number[];
}

/** Measures rounds of work in this process. */
export class Stopwatch {
  readonly #milliseconds: number[] = [];
  readonly #processor: number[] = [];
  #started = 0;
  #used: NodeJS.CpuUsage | undefined;

  get times(): Times {
    return { milliseconds: this.#milliseconds, processor: this.#processor };
  }

  start(): void {
    this.#used = process.cpuUsage();
    this.#started = performance.now();
  }

  /** Ends a round and keeps it; a round that was started and not stopped is not kept. */
  stop(): void {
    const milliseconds = performance.now() - this.#started;
    const { user, system } = process.cpuUsage(this.#used);
    this.#milliseconds.push(milliseconds);
    this.#processor.push((user + system) / 1000);
  }
}

/** The geometric mean of positive values. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** The machine and versions that a result belongs to. */
export function machineLine(): string {
  const model = cpus()[0]?.model ?? 'unknown processor';
  return `${cpus().length.toString()} × ${model}, Node ${process.version}, ${process.platform}`;
}

/** A server under test, or its peer. */
export interface Server {
  readonly child: ChildProcess;
  /** The line that said it was ready. */
  readonly readyLine: string;
  readonly startMs: number;
  stop(): Promise<void>;
}

/** Starts a process and waits for a line on its stdout that begins with `ready`. */
export async function startServer(command: string, args: readonly string[]): Promise<Server> {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const readyLine = await new Promise<string>((resolve, reject) => {
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      if (line.startsWith('ready')) resolve(line);
    });
    child.once('exit', (code) => reject(new Error(`${command} ended with ${String(code)} before it was ready`)));
    child.once('error', reject);
  });
  const startMs = performance.now() - started;
  return {
    child,
    readyLine,
    startMs,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/**
 * Processor seconds (user and system) that a process has used, ended threads included. Linux only; it counts in
 * hundredths, so that sums over several runs are what to compare.
 */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid.toString()}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticksPerSecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Anonymous resident memory of a process in MiB, mapped files left out. Linux only. */
export function anonymousMib(pid: number): number {
  const status = readFileSync(`/proc/${pid.toString()}/status`, 'utf8');
  const match = /^RssAnon:\s+(\d+) kB/m.exec(status);
  return Number(match?.[1] ?? Number.NaN) / 1024;
}

/** Path of a file of the project. */
export function projectPath(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}
