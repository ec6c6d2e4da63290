/**
 * The one error class, and the one table from its codes to gRPC statuses, HTTP statuses and retry advice.
 *
 * Hides how a door's status is chosen. Invariants: every failure that a caller can act on is an EngineError;
 * everything else reaches a door as `internal` with an incident id and without its text. Only gRPC statuses that
 * pyarrow's C++ client keeps apart are used (INVALID_ARGUMENT 3, NOT_FOUND 5, ALREADY_EXISTS 6, PERMISSION_DENIED 7,
 * UNIMPLEMENTED 12, INTERNAL 13, UNAVAILABLE 14, UNAUTHENTICATED 16, CANCELLED 1, DEADLINE_EXCEEDED 4).
 */
import { randomUUID } from 'node:crypto';

/** Every code that a client can see. */
export type ErrorCode =
  | 'sql_syntax'
  | 'sql_bind'
  | 'sql_unsupported'
  | 'value_error'
  | 'schema_mismatch'
  | 'request_invalid'
  | 'limit_exceeded'
  | 'not_found'
  | 'snapshot_gone'
  | 'already_exists'
  | 'unauthenticated'
  | 'forbidden'
  | 'unimplemented'
  | 'busy'
  | 'draining'
  | 'storage_full'
  | 'commit_unknown'
  | 'locked'
  | 'version_unsupported'
  | 'io_error'
  | 'deadline'
  | 'cancelled'
  | 'corrupt'
  | 'internal';

/** What a client should do with the same request: never repeat it, repeat it later, or it depends. */
export type Retry = 'no' | 'yes' | 'maybe';

/** gRPC status number, HTTP status and retry advice of each code. */
export const ERROR_TABLE: Readonly<
  Record<ErrorCode, { readonly grpc: number; readonly http: number; readonly retry: Retry }>
> = {
  sql_syntax: { grpc: 3, http: 400, retry: 'no' },
  sql_bind: { grpc: 3, http: 400, retry: 'no' },
  sql_unsupported: { grpc: 3, http: 400, retry: 'no' },
  value_error: { grpc: 3, http: 400, retry: 'no' },
  schema_mismatch: { grpc: 3, http: 400, retry: 'no' },
  request_invalid: { grpc: 3, http: 400, retry: 'no' },
  limit_exceeded: { grpc: 3, http: 413, retry: 'no' },
  not_found: { grpc: 5, http: 404, retry: 'no' },
  snapshot_gone: { grpc: 5, http: 410, retry: 'no' },
  already_exists: { grpc: 6, http: 409, retry: 'no' },
  unauthenticated: { grpc: 16, http: 401, retry: 'no' },
  forbidden: { grpc: 7, http: 403, retry: 'no' },
  unimplemented: { grpc: 12, http: 501, retry: 'no' },
  busy: { grpc: 14, http: 503, retry: 'yes' },
  draining: { grpc: 14, http: 503, retry: 'yes' },
  storage_full: { grpc: 14, http: 503, retry: 'yes' },
  commit_unknown: { grpc: 14, http: 503, retry: 'maybe' },
  locked: { grpc: 14, http: 503, retry: 'maybe' },
  version_unsupported: { grpc: 13, http: 500, retry: 'no' },
  io_error: { grpc: 13, http: 500, retry: 'maybe' },
  deadline: { grpc: 4, http: 504, retry: 'maybe' },
  cancelled: { grpc: 1, http: 499, retry: 'maybe' },
  corrupt: { grpc: 13, http: 500, retry: 'no' },
  internal: { grpc: 13, http: 500, retry: 'no' },
};

/** Half-open range of UTF-16 code units in the SQL text that an error is about. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where in the text an error stands: the span, and its start as 1-based line and column. */
export interface Position extends Span {
  readonly line: number;
  readonly column: number;
}

/** An expected failure, told to a person: the thing, the value, the remedy. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;
  readonly position: Position | undefined;
  /** True when the same request may be sent again without doing anything twice, and may then succeed. */
  readonly retryable: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly position?: Position; readonly cause?: unknown; readonly retryable?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.position = options.position;
    this.retryable = options.retryable ?? ERROR_TABLE[code].retry === 'yes';
  }
}

/** The error that a signal which has fired carries, `cancelled` when it carries none. */
export function abortError(signal: AbortSignal): EngineError {
  const reason: unknown = signal.reason;
  return reason instanceof EngineError ? reason : new EngineError('cancelled', 'the query was cancelled');
}

/** Builds the position of `span` in `text`. */
export function positionOf(text: string, span: Span): Position {
  let line = 1;
  let lineStart = 0;
  for (let i = 0; i < span.start && i < text.length; i++) {
    if (text.charCodeAt(i) === 10) {
      line++;
      lineStart = i + 1;
    }
  }
  return { start: span.start, end: span.end, line, column: span.start - lineStart + 1 };
}

/** True when a change that failed with `error` did not happen; false when it may have, and nobody knows. */
export function didNotHappen(error: unknown): error is EngineError {
  return error instanceof EngineError && error.code !== 'commit_unknown';
}

/** An error as doors show it: the EngineError itself, or an `internal` one whose cause is for the log only. */
export function toEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const incident = randomUUID().slice(0, 8);
  return new EngineError('internal', `internal error, incident ${incident}; the server's log has the details`, {
    cause: error,
  });
}
