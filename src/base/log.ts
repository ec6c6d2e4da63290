/**
 * The log: JSON lines on stderr, by pino.
 *
 * Hides the library. Invariants: one line per event; `component` is always present; nothing secret is logged; stdout
 * stays free for `ready` lines and results. The level comes from `setLogLevel`, called once by main.
 */
import { pino } from 'pino';
import type { Logger as PinoLogger } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** What a line carries besides its message: numbers and short strings, never rows or SQL beyond 200 characters. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A component's log. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** `error`'s stack goes into the line. */
  error(message: string, error?: unknown, fields?: LogFields): void;
}

const root: PinoLogger = pino(
  {
    base: null,
    level: 'warn',
    messageKey: 'msg',
    timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
  },
  pino.destination({ dest: 2, sync: true }),
);

/** Sets the least level that is written, for every component. */
export function setLogLevel(level: LogLevel): void {
  root.level = level;
}

/** Makes the log of one component. */
export function makeLog(component: string): Log {
  return {
    debug: (message, fields) => root.debug({ component, ...fields }, message),
    info: (message, fields) => root.info({ component, ...fields }, message),
    warn: (message, fields) => root.warn({ component, ...fields }, message),
    error: (message, error, fields) => root.error({ component, ...fields, err: error }, message),
  };
}
