/**
 * The Python of the tests: the virtual environment that `npm test` makes (tools/python-env.mjs).
 *
 * Hides where it lies. Invariant: in CI a missing environment is a failure, elsewhere the caller skips and says why.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const VENV_PYTHON = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url));

/** Why tests that need Python skip; printed by them. */
export const PYTHON_MISSING = 'no Python environment in .venv: run `node tools/python-env.mjs` (npm test does)';

/** Path of the environment's interpreter, or undefined when there is none. @throws in CI when there is none */
export function pythonPath(): string | undefined {
  if (existsSync(VENV_PYTHON)) return VENV_PYTHON;
  if (process.env['CI'] !== undefined) throw new Error(PYTHON_MISSING);
  return undefined;
}

export interface PythonOutcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script's text (`-c`) with arguments and optional standard input, and waits for its end. */
export async function runPython(
  script: string,
  args: readonly string[] = [],
  options: { readonly input?: Uint8Array; readonly timeoutMs?: number } = {},
): Promise<PythonOutcome> {
  const python = pythonPath();
  if (python === undefined) throw new Error(PYTHON_MISSING);
  const child = spawn(python, ['-c', script, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 120_000);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearTimeout(timer);
  return { status, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}
