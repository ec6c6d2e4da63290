/**
 * The Go client of Apache Arrow's Flight integration tests, installed from the Go module proxy into .cache.
 *
 * Hides where it lies. Invariants: the version is pinned, and another one is installed beside it; without Go nothing is
 * run, which is said aloud, and in CI is a failure.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAME = 'arrow-flight-integration-client';
const MODULE = 'github.com/apache/arrow-go/v18';
const VERSION = 'v18.8.0';
const DIRECTORY = fileURLToPath(new URL(`../../.cache/go/arrow-${VERSION}`, import.meta.url));
const BINARY = join(DIRECTORY, NAME);
/** The client tries three times and ends by itself; one that hangs is ended. */
const RUN_MS_MAX = 60_000;

/** Path of the client, which is installed when it is not there (minutes); undefined without Go. @throws in CI then */
export function goClient(): string | undefined {
  if (existsSync(BINARY)) return BINARY;
  if (spawnSync('go', ['version']).status !== 0) {
    const reason = 'no Go on this machine, which the integration clients of Apache Arrow need';
    if (process.env['CI'] !== undefined) throw new Error(reason);
    process.stdout.write(`skipped: ${reason}\n`);
    return undefined;
  }
  process.stdout.write(`installing ${NAME} ${VERSION}\n`);
  mkdirSync(DIRECTORY, { recursive: true });
  const { status } = spawnSync(
    'go',
    ['install', `${MODULE}/arrow/internal/flight_integration/cmd/${NAME}@${VERSION}`],
    // Outside of any module, and without asking git for a version of the folder it runs in.
    {
      cwd: DIRECTORY,
      stdio: 'inherit',
      env: { ...process.env, GOBIN: DIRECTORY, GOFLAGS: '-buildvcs=false -mod=mod' },
    },
  );
  if (status !== 0) throw new Error(`go install of ${NAME} failed`);
  return BINARY;
}

/** Runs the client against `address` (host:port); returns why it failed, undefined when it passed. */
export async function runGoClient(
  binary: string,
  address: string,
  args: readonly string[],
): Promise<string | undefined> {
  const [host = '', port = ''] = address.split(':');
  const child = spawn(binary, ['-host', host, '-port', port, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const errors: Buffer[] = [];
  child.stderr.on('data', (bytes: Buffer) => errors.push(bytes));
  const timer = setTimeout(() => child.kill('SIGKILL'), RUN_MS_MAX);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearTimeout(timer);
  if (status === 0) return undefined;
  const text = Buffer.concat(errors).toString().split('\n\n')[0] ?? '';
  return status === null ? `no end within ${(RUN_MS_MAX / 1000).toString()} s` : text;
}
