/**
 * A Python script that is talked to: a line of JSON in, a line of text out.
 *
 * Hides the child process, which ends with the test.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { TestScope } from './sheaf-process.ts';

/** Sends one step; resolves with its answer. One at a time. */
export type Dialog = (step: Readonly<Record<string, unknown>>) => Promise<string>;

/** Starts the script at `path`. */
export function startDialog(t: TestScope, python: string, path: string): Dialog {
  const child = spawn(python, [path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  t.after(() => {
    child.kill('SIGKILL');
  });
  return async (step) => {
    child.stdin.write(`${JSON.stringify(step)}\n`);
    const answer = await lines.next();
    if (answer.done === true) throw new Error(`the script ended at ${JSON.stringify(step)}`);
    return answer.value;
  };
}
