/**
 * Errors as gRPC statuses.
 *
 * Hides the trailers: `sheaf-code` holds our code, `sheaf-position` the place in the SQL text as JSON
 * (`{"line":1,"column":8,"start":7,"end":12}`). Invariants: the message begins with our code, so that clients that
 * drop trailers still see it; it fits the trailers that clients take; what is not an EngineError is logged whole and
 * told as an incident id.
 */
import { Metadata } from '@grpc/grpc-js';
import { ERROR_TABLE, toEngineError } from '../base/errors.ts';
import type { EngineError } from '../base/errors.ts';
import { STATUS_MESSAGE_BYTES_MAX } from '../base/limits.ts';
import { makeLog } from '../base/log.ts';

const log = makeLog('flight');

/** What grpc-js takes as the outcome of a call that failed. */
export interface CallStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** The EngineError that a caller sees for `error`; an unexpected one is logged with its cause. */
export function callError(rpc: string, error: unknown): EngineError {
  const told = toEngineError(error);
  if (told.code === 'internal') log.error(told.message, told.cause ?? told, { rpc });
  return told;
}

/** The status that tells `error`. */
export function toStatus(error: EngineError): CallStatus {
  const metadata = new Metadata();
  metadata.set('sheaf-code', error.code);
  if (error.position !== undefined) {
    const { line, column, start, end } = error.position;
    metadata.set('sheaf-position', JSON.stringify({ line, column, start, end }));
  }
  const details = shorten(`${error.code}: ${error.message}`);
  return { code: ERROR_TABLE[error.code].grpc, details, metadata };
}

/** Cuts at a character; also makes lone surrogates safe, which the percent-encoding of the status would throw on. */
function shorten(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.byteLength <= STATUS_MESSAGE_BYTES_MAX) return bytes.toString();
  let end = STATUS_MESSAGE_BYTES_MAX;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.subarray(0, end).toString()}…`;
}
