// `npm run test:clients`: clients that need more than Node and Python, each against servers of this project.
//
// A part that needs Go or Java skips aloud where that is missing, and fails in CI. All parts are run; ends with 1 when one failed.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installIfNeeded } from './install.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A name, and the arguments of Node that run the part. */
const PARTS = [
  ["Apache Arrow's Flight integration suite, by its Go client", ['--import', 'tsx', 'test/conformance/main.ts']],
  ['The JDBC driver of Flight SQL', ['--import', 'tsx', 'test/clients/jdbc/main.ts']],
  ['Spark, over Flight endpoints and over JDBC', ['--import', 'tsx', 'test/clients/spark/main.ts']],
];

installIfNeeded(root);
let failed = 0;
for (const [name, args] of PARTS) {
  process.stdout.write(`\n== ${name}\n`);
  const started = Date.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: root });
  if (status !== 0) failed++;
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  process.stdout.write(`== ${name}: ${status === 0 ? 'ok' : 'FAILED'} in ${seconds} s\n`);
}
process.exitCode = failed === 0 ? 0 : 1;
