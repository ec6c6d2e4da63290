/** Child processes of tests: TypeScript text run by this Node under tsx, in the repository. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSX = import.meta.resolve('tsx');

export interface ChildOutcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningChild {
  readonly pid: number;
  /** Resolves with standard output up to now as soon as it contains `text`; rejects when the child ends before. */
  seen(text: string): Promise<string>;
  /** Resolves as soon as `lines` lines were printed; rejects when the child ends before. */
  printed(lines: number): Promise<string>;
  /** Ends it with SIGKILL. */
  kill(): void;
  readonly ended: Promise<ChildOutcome>;
}

export interface ChildOptions {
  /** Runs as this user; only root may ask for it. */
  readonly uid?: number;
  readonly nodeFlags?: readonly string[];
  /** What the shell's ulimit is told first, such as "-n 64". */
  readonly ulimit?: string;
}

/** Starts `script`, an ES module in TypeScript; its imports begin at the repository's root ("./src/…"). */
export function startChild(script: string, args: readonly string[] = [], options: ChildOptions = {}): RunningChild {
  const flags = ['--import', TSX, ...(options.nodeFlags ?? []), '--input-type=module', '--eval', script];
  // Node's own types are stripped by nobody in --eval text, so scripts are written without annotations.
  const limit = options.ulimit === undefined ? '' : `ulimit ${options.ulimit} && `;
  const child = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', process.execPath, ...flags, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const watcher of watchers) watcher();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<ChildOutcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
  const waitFor = (condition: () => boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      const watcher = (): void => {
        if (!condition()) return;
        watchers.delete(watcher);
        resolve(stdout);
      };
      watchers.add(watcher);
      watcher();
      void ended.then(() => reject(new Error(`the child ended too early: ${stdout}${stderr}`)));
    });
  return {
    pid: child.pid ?? -1,
    ended,
    kill: () => void child.kill('SIGKILL'),
    seen: (text) => waitFor(() => stdout.includes(text)),
    printed: (lines) => waitFor(() => stdout.split('\n').length > lines),
  };
}

/** Runs `script` to its end. */
export function runChild(
  script: string,
  args: readonly string[] = [],
  options: ChildOptions = {},
): Promise<ChildOutcome> {
  return startChild(script, args, options).ended;
}
