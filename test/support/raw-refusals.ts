/**
 * Tables of refusals: hand-made batches of one column "c", each with the exact message that reading it must give.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataType } from '../../src/arrow/type.ts';
import type { ErrorCode } from '../../src/base/errors.ts';
import type { RawBatch } from './ipc.ts';
import { bytesOf, readRaw } from './ipc.ts';
import { refusal } from './refusal.ts';

/** An empty buffer. */
export const NONE = new Uint8Array(0);
/** One node of two rows without nulls. */
export const TWO_ROWS: readonly (readonly [number, number])[] = [[2, 0]];

/** Memory of 32-bit and of 64-bit integers, and of text. */
export const i32 = (...values: number[]): Uint8Array => bytesOf(Int32Array.from(values));
export const i64 = (...values: (number | bigint)[]): Uint8Array => bytesOf(BigInt64Array.from(values, BigInt));
export const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));

/** One wrong batch. */
export interface Refusal {
  readonly name: string;
  readonly type: DataType;
  readonly batch: RawBatch;
  readonly message: string;
  readonly nullable?: boolean;
  readonly code?: ErrorCode;
}

/** Makes a test of each. */
export function refusals(cases: readonly Refusal[]): void {
  for (const { name, type, batch, message, nullable = true, code = 'request_invalid' } of cases) {
    test(name, () => {
      assert.throws(() => readRaw(type, batch, nullable), refusal(code, message));
    });
  }
}
