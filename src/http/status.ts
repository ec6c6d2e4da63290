/**
 * Errors as HTTP answers: one JSON form, one way from an error to a status.
 *
 * The form: `{"error":{"code":…,"message":…,"line":…,"column":…,"start":…,"end":…},"request_id":…}`; the position
 * only where the error has one (1-based line and column; start and end are UTF-16 offsets into the SQL text). Hides
 * internal errors' text: it goes to the log under an incident id. Invariant: a status other than the error table's
 * is chosen by `RouteError` alone.
 */
import { ERROR_TABLE, EngineError, toEngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';

/** Seconds after which a client that was told `busy` or the like should come back. */
const RETRY_AFTER_SECONDS = 1;

/** How to say who one is, told with 401. */
const CHALLENGE: Readonly<Record<string, string>> = {
  'WWW-Authenticate': 'Bearer realm="sheaf", Basic realm="sheaf", charset="UTF-8"',
};

/** An error whose status HTTP has a better word for than the table: 404 of a path, 405, 406, 415. */
export class RouteError extends EngineError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Fields of the answer beside `error`. */
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    options: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly fields?: Readonly<Record<string, unknown>>;
      readonly cause?: EngineError;
    } = {},
  ) {
    const position = options.cause?.position;
    super(code, message, { ...(position === undefined ? {} : { position }), cause: options.cause });
    this.status = status;
    this.headers = options.headers ?? {};
    this.fields = options.fields ?? {};
  }
}

/** An error as a client sees it. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly error: EngineError;
}

/** The answer to a failed request. */
export function errorAnswer(cause: unknown, requestId: string): ErrorAnswer {
  const error = toEngineError(cause);
  const row = ERROR_TABLE[error.code];
  const retry: Record<string, string> = row.retry === 'yes' ? { 'Retry-After': RETRY_AFTER_SECONDS.toString() } : {};
  const own = error instanceof RouteError ? error : undefined;
  return {
    status: own?.status ?? row.http,
    headers: { ...retry, ...(error.code === 'unauthenticated' ? CHALLENGE : {}), ...own?.headers },
    body: `${JSON.stringify({ error: errorFields(error), ...own?.fields, request_id: requestId })}\n`,
    error,
  };
}

/** What of an error goes into JSON. */
export function errorFields(error: EngineError): Readonly<Record<string, unknown>> {
  const { code, message, position } = error;
  if (position === undefined) return { code, message };
  const { line, column, start, end } = position;
  return { code, message, line, column, start, end };
}
