/**
 * Goal: examples/spark does what it says: a table of Sheaf is read side by side, one partition for each endpoint, two
 * tables are joined in Spark, and the JDBC driver of Flight SQL reads in Spark too.
 *
 * Method: a Python environment of its own, .cache/spark, from examples/spark/requirements.txt; the driver comes by
 * Maven into .cache/jdbc; join.py runs against the real engine and the real door. Without Java it is skipped aloud,
 * and fails in CI. Run by tools/test-clients.mjs.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open } from '../../../src/engine/engine.ts';
import { openFlightDoor } from '../../../src/flight/door.ts';

const VERSION = '18.3.0';
const ARTIFACT = `org.apache.arrow:flight-sql-jdbc-driver:${VERSION}`;
const JAR_FOLDER = fileURLToPath(new URL('../../../.cache/jdbc', import.meta.url));
const JAR = join(JAR_FOLDER, `flight-sql-jdbc-driver-${VERSION}.jar`);
const ENVIRONMENT = fileURLToPath(new URL('../../../.cache/spark', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../../../examples/spark', import.meta.url));
const PYTHON = join(ENVIRONMENT, 'bin', 'python');
const RUN_MS_MAX = 600_000;

/** What join.py prints, whatever Spark logs beside it. */
const WANTED = [
  /^schema struct<code:int,name:string,opened:timestamp>$/,
  /^flights 1000000 rows in 8 partitions$/,
  /^airport 0: 10000 flights, delay 20000$/,
  /^airport 1: 10000 flights, delay 19997$/,
  /^airport 2: 10000 flights, delay 20001$/,
  /^by JDBC 71429 late flights$/,
];

/** Runs a program to its end. @throws when it fails */
function must(program: string, args: readonly string[]): void {
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed`, { cause: error });
}

/** Makes everything be there; false, said aloud, when it cannot be. @throws in CI then */
function isReady(): boolean {
  const needed = ['java', 'python3', ...(existsSync(JAR) ? [] : ['mvn'])];
  const lacking = needed.filter((program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status !== 0);
  if (lacking.length > 0) {
    const reason = `no ${lacking.join(', no ')} on this machine, which Spark needs`;
    if (process.env['CI'] !== undefined) throw new Error(reason);
    process.stdout.write(`skipped: ${reason}\n`);
    return false;
  }
  if (!existsSync(JAR)) {
    const goal = ['dependency:copy', `-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${JAR_FOLDER}`];
    must('mvn', ['--batch-mode', '--quiet', ...goal]);
  }
  const requirements = join(EXAMPLE, 'requirements.txt');
  const stamp = join(ENVIRONMENT, 'requirements.txt');
  const text = readFileSync(requirements, 'utf8');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== text) {
    rmSync(ENVIRONMENT, { recursive: true, force: true });
    must('python3', ['-m', 'venv', ENVIRONMENT]);
    must(PYTHON, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
    writeFileSync(stamp, text);
  }
  return true;
}

async function runExample(url: string): Promise<string> {
  const child = spawn(PYTHON, [join(EXAMPLE, 'join.py'), url, JAR], { stdio: ['ignore', 'pipe', 'pipe'] });
  const told: Buffer[] = [];
  const logged: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => told.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => logged.push(bytes));
  const timer = setTimeout(() => child.kill('SIGKILL'), RUN_MS_MAX);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearTimeout(timer);
  const text = Buffer.concat(told).toString();
  assert.equal(status, 0, `${text}\n${Buffer.concat(logged).toString()}`);
  return text;
}

if (isReady()) {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-spark-'));
  const engine = await open(directory);
  const door = await openFlightDoor(engine, { enabled: true, host: '127.0.0.1', port: 0 });
  try {
    const lines = (await runExample(`grpc://${door.address}`)).split('\n');
    for (const wanted of WANTED) {
      const found = lines.find((line) => wanted.test(line));
      assert.ok(found !== undefined, `no line is ${String(wanted)} among:\n${lines.join('\n')}`);
      process.stdout.write(`${found}\n`);
    }
  } finally {
    await door.close(0);
    await engine.close();
    rmSync(directory, { recursive: true });
  }
}
