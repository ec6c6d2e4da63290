/**
 * The real `sheaf` program in a child process, built from the sources, and temporary directories.
 *
 * Hides spawning. Invariants: environment variables SHEAF_* of the outside are not passed on; every server started
 * here is killed when its test ends, whatever the test does; nothing is waited for by time.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What undoes things at its end: a test, or a script that is like one. */
export interface TestScope {
  after(undo: () => void | Promise<void>): void;
}

/** How to run: another checkout (from its sources), more environment, bytes for standard input. */
export interface RunOptions {
  readonly root?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Uint8Array | string;
  readonly cwd?: string;
}

export interface RunOutcome {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly text: string;
  readonly stderr: string;
}

/** A `sheaf serve` that printed its ready line. */
export interface RunningSheaf {
  readonly child: ChildProcess;
  /** `host:port` or `off`. */
  readonly flight: string;
  /** `host:port`. */
  readonly http: string;
  readonly url: string;
  /** Everything on stdout so far. */
  stdout(): string;
  stderr(): string;
  /** Sends `signal` and waits for the end; the exit code, null when the signal killed it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Resolves at the end. */
  readonly ended: Promise<number | null>;
}

/** A new temporary directory that goes away with the test. */
export function temporaryDirectory(t: TestScope): string {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-test-'));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

let built: string | undefined;

/**
 * The program as JavaScript, made once per test file: a child from it starts in a fifth of the time that one from the
 * sources takes, and it is what users run. Lies in node_modules, where it finds its packages.
 */
function builtProgram(): string {
  if (built !== undefined) return built;
  const place = join(ROOT, 'node_modules', '.cache', `sheaf-test-${process.pid.toString()}`);
  mkdirSync(place, { recursive: true });
  process.on('exit', () => {
    rmSync(place, { recursive: true, force: true });
  });
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const words = ['-p', 'tsconfig.build.json', '--outDir', join(place, 'dist'), '--declaration', 'false'];
  const { stdout } = spawnSync(process.execPath, [compiler, ...words], { cwd: ROOT, encoding: 'utf8' });
  const main = join(place, 'dist', 'main.js');
  if (!existsSync(main)) throw new Error(`the build failed: ${stdout}`);
  cpSync(join(ROOT, 'package.json'), join(place, 'package.json'));
  for (const name of ['proto', 'migrations']) symlinkSync(join(ROOT, name), join(place, name));
  built = main;
  return main;
}

function spawnSheaf(words: readonly string[], options: RunOptions): ChildProcess {
  const tsx = join(ROOT, 'node_modules', 'tsx', 'dist', 'esm', 'index.mjs');
  const program =
    options.root === undefined ? [builtProgram()] : ['--import', tsx, join(options.root, 'src', 'main.ts')];
  const outside = Object.entries(process.env);
  const kept = outside.filter(([name]) => !name.startsWith('SHEAF_') && name !== 'NODE_TEST_CONTEXT');
  return spawn(process.execPath, [...program, ...words], {
    cwd: options.cwd ?? options.root ?? ROOT,
    env: { ...Object.fromEntries(kept), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
}

function collect(stream: NodeJS.ReadableStream | null): Buffer[] {
  const parts: Buffer[] = [];
  stream?.on('data', (bytes: Buffer) => parts.push(bytes));
  return parts;
}

/** Runs one command to its end. */
export async function runSheaf(words: readonly string[], options: RunOptions = {}): Promise<RunOutcome> {
  const child = spawnSheaf(words, options);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input);
  const code = await exitOf(child);
  const bytes = Buffer.concat(stdout);
  return { code, stdout: bytes, text: bytes.toString(), stderr: Buffer.concat(stderr).toString() };
}

/** Starts `sheaf serve` on free ports and waits for its ready line. @throws when it ends before, with its stderr */
export async function startSheaf(
  t: TestScope,
  words: readonly string[],
  options: RunOptions = {},
): Promise<RunningSheaf> {
  const child = spawnSheaf(['serve', '--flight-port', '0', '--http-port', '0', ...words], options);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const textOf = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString();
  const ended = exitOf(child);
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  });
  const match = await new Promise<RegExpExecArray>((resolve, reject) => {
    child.stdout?.on('data', () => {
      const found = /^ready flight=(\S+) http=(\S+)$/m.exec(textOf(stdout));
      if (found !== null) resolve(found);
    });
    void ended.then((code) => {
      reject(new Error(`serve ended with ${String(code)} before it was ready: ${textOf(stderr)}`));
    });
  });
  const [, flight = '', http = ''] = match;
  return {
    child,
    flight,
    http,
    url: `http://${http}`,
    stdout: () => textOf(stdout),
    stderr: () => textOf(stderr),
    ended,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}
