/**
 * Runs Apache Arrow's Flight integration suite, by its Go client, against the scenario server (`npm run test:clients`).
 *
 * Prints a line for each scenario and golden set, then what failed; exits with 1 when anything did. Golden files that
 * the client put are read back below it and held against their JSON, since the client does not compare.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { goClient, runGoClient } from './go-client.ts';
import { GOLDEN_SETS, assertGolden, getStream, goldenFiles, goldenSetsMissing } from './golden-set.ts';
import { GO_SCENARIOS, startScenario, startStore } from './scenario-server.ts';

/** By what failed. */
const failures = new Map<string, string>();

function print(name: string, result: string): void {
  process.stdout.write(`${name.padEnd(48)} ${result}\n`);
}

async function runScenario(client: string, name: string): Promise<void> {
  const door = await startScenario(name);
  const failure = await runGoClient(client, door.address, ['-scenario', name]);
  await door.close(0);
  if (failure !== undefined) failures.set(name, failure);
  print(name, failure === undefined ? 'passed' : 'FAILED');
}

/** Why a golden file failed, undefined when it passed. */
async function runFile(
  client: string,
  address: string,
  file: string,
  directory: string,
): Promise<string | undefined> {
  const json = join(directory, `${basename(file)}.json`);
  writeFileSync(json, gunzipSync(readFileSync(`${file}.json.gz`)));
  const failure = await runGoClient(client, address, ['-path', json]);
  if (failure !== undefined) return failure;
  try {
    assertGolden(await getStream(address, json), file);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

async function runGoldenSet(client: string, set: string): Promise<void> {
  const { door } = await startStore();
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-golden-'));
  const files = goldenFiles(set);
  let passed = 0;
  for (const file of files) {
    const failure = await runFile(client, door.address, file, directory);
    if (failure === undefined) passed++;
    else failures.set(`${set}/${basename(file)}`, failure);
  }
  await door.close(0);
  rmSync(directory, { recursive: true });
  print(`golden set ${set}`, `${passed.toString()} of ${files.length.toString()} passed`);
}

const client = goClient();
if (client !== undefined) {
  for (const name of GO_SCENARIOS) await runScenario(client, name);
  const missing = goldenSetsMissing();
  if (missing === undefined) for (const set of GOLDEN_SETS) await runGoldenSet(client, set);
  else print('golden sets', `skipped: ${missing}`);
  for (const [name, failure] of failures) process.stdout.write(`\nfailed: ${name}\n${failure}\n`);
  process.exitCode = failures.size === 0 ? 0 : 1;
}
