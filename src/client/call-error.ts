/**
 * Failures as the Flight client tells them.
 *
 * Hides gRPC's statuses and the trailers that our server sends. Invariants: what the server told keeps its code,
 * message and position; what it could not tell (no connection, a connection that broke, a foreign server) has one of
 * our codes too, and `commit_unknown` exactly where rows may have been stored.
 */
import type { ServiceError } from '@grpc/grpc-js';
import { EngineError, ERROR_TABLE } from '../base/errors.ts';
import type { ErrorCode, Position } from '../base/errors.ts';

/** What a call does: one that writes leaves an unknown outcome where its answer is lost. */
export type CallKind = 'reads' | 'writes';

/** Codes for statuses of servers that send none of ours, by gRPC's number. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  1: 'cancelled',
  3: 'request_invalid',
  4: 'deadline',
  5: 'not_found',
  6: 'already_exists',
  7: 'forbidden',
  8: 'limit_exceeded',
  12: 'unimplemented',
  16: 'unauthenticated',
};

const UNAVAILABLE = 14;
/** grpc-js's words for a call that no connection was there for. */
const NEVER_SENT = /^No connection established|^Name resolution failed/;

/** The error that the end of a call stands for; `url` is for the message. */
export function errorOf(error: unknown, url: string, kind: CallKind): EngineError {
  if (error instanceof EngineError) return error;
  const { code, details = '', metadata } = error as Partial<ServiceError>;
  if (typeof code !== 'number') throw error;
  const trailer = (name: string): string => String(metadata?.get(name)[0] ?? '');
  const told = trailer('sheaf-code');
  if (Object.hasOwn(ERROR_TABLE, told)) {
    const message = details.startsWith(`${told}: `) ? details.slice(told.length + 2) : details;
    const position = positionOf(trailer('sheaf-position'));
    return new EngineError(told as ErrorCode, message, position === undefined ? {} : { position });
  }
  if (NEVER_SENT.test(details)) {
    return new EngineError('io_error', `no server answers at ${url}: ${details}`, { cause: error, retryable: true });
  }
  const known = CODES[code];
  if (known !== undefined) return new EngineError(known, `${url} answered: ${details}`, { cause: error });
  const what = code === UNAVAILABLE ? 'the connection broke' : `a status that is not ours, ${code.toString()}`;
  const lost = `${what} before ${url} had answered whole; the server may have stopped: ${details}`;
  if (kind === 'writes') return new EngineError('commit_unknown', lost, { cause: error });
  return new EngineError('io_error', lost, { cause: error, retryable: code === UNAVAILABLE });
}

/** The error of a call that its caller gave up. */
export function abortedError(signal: AbortSignal): EngineError {
  return new EngineError('cancelled', 'the call was given up by its caller', { cause: signal.reason });
}

function positionOf(text: string): Position | undefined {
  if (text === '') return undefined;
  try {
    const { start, end, line, column } = JSON.parse(text) as Record<string, unknown>;
    const numbers = [start, end, line, column];
    return numbers.every((each) => typeof each === 'number') ? ({ start, end, line, column } as Position) : undefined;
  } catch {
    // No position is better than one that cannot be read.
    return undefined;
  }
}
