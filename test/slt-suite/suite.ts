/**
 * Files of a suite: finding them, and running each on a fresh database.
 *
 * Invariant: a file that cannot be read as such a file is one failure of it, and stops no other.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openHost } from './host.ts';
import type { Oracle } from './oracle.ts';
import type { FileOutcome } from './report.ts';
import { runScript } from './runner.ts';
import { dialectOf } from './script.ts';
import type { Dialect } from './script.ts';

const FILE_NAME = /\.(?:test|test_slow|slt)$/u;

export interface SuiteOptions {
  /** What the file is written in; found out where it is not said. */
  readonly dialect?: Dialect;
  readonly recordMsMax?: number;
  readonly errorText?: boolean;
  /** DuckDB, which is asked whether it fails as Sheaf does. */
  readonly oracle?: Oracle;
}

const RECORD_MS_MAX = 60_000;

/** What DuckDB's sessions begin with to read a dialect as Sheaf does. */
const ORACLE_SETTINGS: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: ['SET integer_division = true'],
  duckdb: [],
  datafusion: [],
};

/** All files of a suite below `paths`, and those that are named themselves. */
export function suiteFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
    return names
      .filter((name) => FILE_NAME.test(name))
      .toSorted()
      .map((name) => join(path, name));
  });
}

/** Runs one file on a database of its own, which is gone afterwards. */
export async function runFile(path: string, options: SuiteOptions = {}): Promise<FileOutcome> {
  const started = performance.now();
  const text = readFileSync(path, 'utf8');
  const { dialect = dialectOf(path, text), recordMsMax = RECORD_MS_MAX, errorText = false } = options;
  const host = await openHost(dialect);
  const { oracle } = options;
  try {
    await oracle?.reset(ORACLE_SETTINGS[dialect]);
    const asked = oracle === undefined ? {} : { oracle };
    const outcome = await runScript(text, host, { dialect, recordMsMax, errorText, ...asked });
    return { ...outcome, path, milliseconds: performance.now() - started };
  } catch (error) {
    const failures = [{ line: 1, sql: '', message: `the file cannot be run: ${String(error)}` }];
    return { passed: 0, failures, notApplicable: new Map(), path, milliseconds: performance.now() - started };
  } finally {
    await host.close();
  }
}
