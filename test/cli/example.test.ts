/**
 * The example of the library runs and prints what it promises.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../support/sheaf-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test('examples/library.ts runs, and runs again on the directory that it made', (t) => {
  const directory = join(temporaryDirectory(t), 'db');
  const run = (): string => {
    const words = ['--import', 'tsx', 'examples/library.ts', directory];
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: ROOT, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  assert.equal(
    run(),
    [
      'appended 4 rows',
      'ACME: 2 trades, volume 300, high 150.3',
      'INIT: 2 trades, volume 125, high 42.15',
      'sql_bind: column "prise" is not in table trades (line 1, column 8); did you mean "price"?',
      'table trades: 4 rows of at, symbol, price, volume',
      '',
    ].join('\n'),
  );
  assert.match(run(), /^ACME: 4 trades, volume 600, high 150\.3$/m);
});
