/**
 * Goal: the stock JDBC driver of Flight SQL does what DBeaver, DataGrip, Spark and Tableau ask of it.
 *
 * Method: the driver comes by Maven into .cache, JdbcClient.java is run from its source against the real engine and the
 * real door. Without Java or Maven it is skipped aloud, and fails in CI. Run by tools/test-clients.mjs.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open } from '../../../src/engine/engine.ts';
import { guardedGate } from '../../../src/engine/gate.ts';
import { createToken } from '../../../src/engine/tokens.ts';
import { openFlightDoor } from '../../../src/flight/door.ts';

const VERSION = '18.3.0';
const ARTIFACT = `org.apache.arrow:flight-sql-jdbc-driver:${VERSION}`;
const FOLDER = fileURLToPath(new URL('../../../.cache/jdbc', import.meta.url));
const JAR = join(FOLDER, `flight-sql-jdbc-driver-${VERSION}.jar`);
const SOURCE = fileURLToPath(new URL('JdbcClient.java', import.meta.url));
const RUN_MS_MAX = 240_000;

/** True when the program runs. */
function runs(program: string): boolean {
  return spawnSync(program, ['-version'], { stdio: 'ignore' }).status === 0;
}

/** Makes the driver be there; false, said aloud, when it cannot be. @throws in CI then */
function hasDriver(): boolean {
  const lacking = [...(existsSync(JAR) ? [] : ['mvn']), 'java', 'javac'].filter((program) => !runs(program));
  if (lacking.length > 0) {
    const reason = `no ${lacking.join(', no ')} on this machine, which the JDBC driver needs`;
    if (process.env['CI'] !== undefined) throw new Error(reason);
    process.stdout.write(`skipped: ${reason}\n`);
    return false;
  }
  if (existsSync(JAR)) return true;
  process.stdout.write(`fetching ${ARTIFACT}\n`);
  const goal = ['dependency:copy', `-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${FOLDER}`];
  const { status } = spawnSync('mvn', ['--batch-mode', '--quiet', ...goal], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`mvn could not fetch ${ARTIFACT}`);
  return true;
}

/** Runs the client; returns its exit code. */
async function runClient(args: readonly string[]): Promise<number> {
  const options = ['--add-opens=java.base/java.nio=ALL-UNNAMED', '-cp', JAR];
  const child = spawn('java', [...options, SOURCE, ...args], { stdio: ['ignore', 'inherit', 'pipe'] });
  const errors: Buffer[] = [];
  child.stderr.on('data', (bytes: Buffer) => errors.push(bytes));
  const timer = setTimeout(() => child.kill('SIGKILL'), RUN_MS_MAX);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearTimeout(timer);
  // The driver logs there; it is of interest when something failed.
  if (status !== 0) process.stderr.write(Buffer.concat(errors));
  return status ?? 1;
}

if (hasDriver()) {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-jdbc-'));
  const grants = [{ table: undefined, role: 'read' }] as const;
  const { token } = await createToken(directory, { name: 'reader', grants, expiresMs: undefined });
  const engine = await open(directory);
  const gate = await guardedGate(engine);
  const where = { enabled: true, host: '127.0.0.1', port: 0 };
  const door = await openFlightDoor(engine, where);
  const guarded = await openFlightDoor(engine, { ...where, gate });
  try {
    process.exitCode = await runClient([door.address, guarded.address, 'reader', token]);
  } finally {
    await door.close(0);
    await guarded.close(0);
    gate.close();
    await engine.close();
    rmSync(directory, { recursive: true });
  }
}
