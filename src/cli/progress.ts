/**
 * Progress of an import on stderr: one line that is rewritten on a terminal, a line every few seconds elsewhere.
 *
 * Hides when a line is due. Invariants: nothing is written to stdout; the last line of a finished import is whole and
 * tells rows, time and rates; rates are means since the start.
 */
import type { Clock } from '../base/clock.ts';
import { PROGRESS_LOG_MS, PROGRESS_TERMINAL_MS } from '../base/limits.ts';
import type { Output } from './host.ts';

/** How far the work has come. `totalBytes` is undefined when nobody knows (standard input). */
export interface Advance {
  readonly rows: number;
  readonly bytes: number;
  readonly totalBytes: number | undefined;
}

const MB = 1e6;

/** Writes the lines of one import. */
export class Progress {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #name: string;
  readonly #startMs: number;
  #lastMs: number;
  #drawn = false;

  constructor(output: Output, clock: Clock, name: string) {
    this.#output = output;
    this.#clock = clock;
    this.#name = name;
    this.#startMs = clock.monotonicMs();
    this.#lastMs = this.#startMs;
  }

  /** Tells how far the work is; writes a line when one is due. */
  async update(advance: Advance): Promise<void> {
    const now = this.#clock.monotonicMs();
    if (now - this.#lastMs < (this.#output.isTerminal ? PROGRESS_TERMINAL_MS : PROGRESS_LOG_MS)) return;
    this.#lastMs = now;
    const line = progressLine(this.#name, advance, (now - this.#startMs) / 1_000);
    if (!this.#output.isTerminal) {
      await this.#output.write(`${line}\n`);
      return;
    }
    this.#drawn = true;
    await this.#output.write(`\r\x1b[K${line.slice(0, this.#output.columns - 1)}`);
  }

  /** Ends with the summary line, which takes the rewritten line's place. */
  async finish(advance: Advance, where: string): Promise<void> {
    const seconds = Math.max((this.#clock.monotonicMs() - this.#startMs) / 1_000, 0.001);
    const time = `${seconds.toFixed(seconds < 10 ? 2 : 0)} s`;
    const rates = rateText(advance, seconds);
    const line = `${this.#name}: ${countText(advance.rows)} rows imported in ${time} (${rates}) into ${where}`;
    await this.#clear();
    await this.#output.write(`${line}\n`);
  }

  /** Takes the rewritten line away, so that an error message begins on a clean line. */
  async abandon(): Promise<void> {
    await this.#clear();
  }

  async #clear(): Promise<void> {
    if (this.#drawn) await this.#output.write('\r\x1b[K');
    this.#drawn = false;
  }
}

/** The line that tells rows so far, share done, rates and time left. */
export function progressLine(name: string, advance: Advance, seconds: number): string {
  const { rows, bytes, totalBytes } = advance;
  const told = [`${name}: ${countText(rows)} rows`];
  if (totalBytes !== undefined && totalBytes > 0) {
    told.push(`${Math.floor((Math.min(bytes, totalBytes) / totalBytes) * 100).toString()} %`);
  }
  told.push(rateText(advance, seconds));
  if (totalBytes !== undefined && bytes > 0) {
    const left = Math.max(0, (totalBytes - bytes) / (bytes / seconds));
    told.push(`${timeText(left)} left`);
  }
  return told.join(', ');
}

function rateText(advance: Advance, seconds: number): string {
  const mb = advance.bytes / MB / seconds;
  return `${countText(Math.round(advance.rows / seconds))} rows/s, ${mb.toFixed(mb < 100 ? 1 : 0)} MB/s`;
}

function timeText(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds).toString()} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes.toString()} min ${Math.floor(seconds % 60).toString()} s`
    : `${(minutes / 60).toFixed(1)} h`;
}

function countText(count: number): string {
  return count.toString().replace(/\B(?=(\d{3})+$)/g, ',');
}
