/**
 * Goal: the scenario `do_exchange:echo`, which Go's client lacks: both sides stream at a time, dictionaries and
 * metadata included.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { startScenario } from './scenario-server.ts';

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

for (const lane of ['direct', 'messages'] as const) {
  test(`pyarrow's exchange comes back as it went by the way "${lane}"`, { skip }, async (t) => {
    const door = await startScenario('do_exchange:echo', lane);
    t.after(() => door.close(0));
    const script = readFileSync(new URL('exchange.py', import.meta.url), 'utf8');
    const { status, stdout, stderr } = await runPython(script, [`grpc://${door.address}`], { timeoutMs: 60_000 });
    assert.equal(status, 0, stderr);
    assert.equal(stdout.trim(), 'ok');
  });
}
