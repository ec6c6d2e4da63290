/** What a test expects of an EngineError: its code and its exact text. */
import assert from 'node:assert/strict';
import { EngineError } from '../../src/base/errors.ts';
import type { ErrorCode } from '../../src/base/errors.ts';

/** A check for assert.throws and assert.rejects. */
export function refusal(code: ErrorCode, message: string): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof EngineError, `expected an EngineError, got ${String(error)}`);
    assert.equal(error.message, message);
    assert.equal(error.code, code);
    return true;
  };
}
