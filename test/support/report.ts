/**
 * Figures of the reliability tests: one JSON line each, appended to the file that SHEAF_REPORT names.
 *
 * `tools/reliability.mjs` runs the tests with it and makes the table of docs/reliability.md. Without the variable
 * nothing is written. Invariant: a figure is written when its test has measured it, whatever comes after.
 */
import { appendFileSync } from 'node:fs';

/** One line of the table. */
export interface Figure {
  /** Short and unique, such as `fault-walk`; the table is sorted by it, and a later line replaces an earlier one. */
  readonly id: string;
  /** What was done. */
  readonly what: string;
  /** How to do it again. */
  readonly command: string;
  /** How many times. */
  readonly count: number;
  /** Of what. */
  readonly unit: string;
  /** What came out. */
  readonly result: string;
}

/** Writes one figure. */
export function report(figure: Figure): void {
  const path = process.env['SHEAF_REPORT'];
  if (path !== undefined && path !== '') appendFileSync(path, `${JSON.stringify(figure)}\n`);
}

/** The number that environment variable `name` holds, or `fallback`. */
export function amount(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name}=${text} is not a count`);
  return value;
}
