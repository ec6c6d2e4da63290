/**
 * The example of the client runs against the real server and prints what it promises, twice.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

async function run(url: string): Promise<string> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/node/trades.ts', url], { cwd: ROOT });
  const parts: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => parts.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => parts.push(bytes));
  const code = await new Promise((resolve) => child.on('close', resolve));
  const text = Buffer.concat(parts).toString();
  assert.equal(code, 0, text);
  return text;
}

test('examples/node/trades.ts runs, and runs again', async (t) => {
  const server = await startSheaf(t, ['--data-dir', temporaryDirectory(t)]);
  for (let i = 0; i < 2; i++) {
    assert.equal(
      await run(`grpc://${server.flight}`),
      [
        'stored 3 rows',
        'ACME: 100 at 150.25',
        'ACME: 200 at 150.3',
        '2 symbols, columns symbol, volume',
        'durable up to 3',
        'sql_bind at column 8: column "prise" is not in table trades (line 1, column 8); did you mean "price"?',
        'one batch of many rows is enough',
        '',
      ].join('\n'),
    );
  }
});
