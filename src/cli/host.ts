/**
 * What the shell commands need from the machine, injected by main.ts: files, standard streams, settings, the server
 * itself.
 *
 * Hides the operating system and the doors, which this folder may not import. Invariants: commands end by returning
 * an exit code, never by ending the process; everything they print goes through `Output`.
 */
import type { Clock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';

/** Exit codes of the `sheaf` command. */
export const EXIT = { ok: 0, failure: 1, usage: 2, directory: 3 } as const;

/** A wrong command line or configuration: ends with EXIT.usage. */
export class UsageError extends EngineError {
  constructor(message: string) {
    super('request_invalid', message);
  }
}

/** One of the standard streams. */
export interface Output {
  readonly isTerminal: boolean;
  /** Columns of the terminal; a guess where there is none. */
  readonly columns: number;
  /** Resolves when more may be written (backpressure). */
  write(bytes: Uint8Array | string): Promise<void>;
}

/** A file opened for reading. Lengths and positions in bytes. */
export interface InputFile {
  readonly name: string;
  readonly size: number;
  /** Reads exactly `length` bytes into new memory. */
  read(length: number, position: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Flags as commander gives them: by camel-case name, only those that were typed. */
export type Flags = Readonly<Record<string, unknown>>;

/** Settings in force, after flags, environment, configuration file and defaults. */
export interface Settings {
  readonly dataDir: string;
  readonly host: string;
  readonly flightPort: number;
  readonly httpPort: number;
  readonly noFlight: boolean;
  readonly insecure: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly graceSeconds: number;
  readonly snapshotRetentionSeconds: number;
  readonly scrubMibPerSecond: number;
  /** 0: statements may take as long as they want. */
  readonly queryTimeoutSeconds: number;
  /** 0: no statement is logged for being slow. */
  readonly slowQueryMs: number;
  readonly allowOrigin: readonly string[];
  /** Where COPY may read and write files; empty for nowhere. */
  readonly copyDir: string;
  /** `auto`: required where other machines can call. */
  readonly auth: 'auto' | 'required' | 'off';
  /** Paths of PEM files; empty for none. */
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly tlsClientCa: string;
  /** A server to use instead of the one of the data directory; empty for none. */
  readonly url: string;
  /** What to show to a server; empty for nothing. */
  readonly token: string;
  /** Path of a file that holds it. */
  readonly tokenFile: string;
  /** Path of the CA that a server's certificate is of; empty for those that the system knows. */
  readonly tlsCa: string;
}

/** The content of DIR/server.json: who holds the directory, and where it serves. */
export interface ServerRecord {
  readonly pid: number;
  /** `host:port`. */
  readonly http: string;
  /** `host:port`, or `off`. */
  readonly flight: string;
  /** Present where both doors speak TLS. */
  readonly tls?: true;
}

/** The machine and the process around a command. */
export interface CliHost {
  readonly version: string;
  readonly clock: Clock;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** @throws UsageError naming setting, value, source and remedy */
  settings(flags: Flags): Promise<Settings>;
  /** Settings as lines of name, value and source. */
  describeSettings(flags: Flags): Promise<string>;
  /** @throws `not_found`, `forbidden`, `io_error` */
  openFile(path: string): Promise<InputFile>;
  /** True when `directory` holds a database. */
  hasDatabase(directory: string): Promise<boolean>;
  /** The directory's server.json, or undefined when there is none that can be read. */
  readServerRecord(directory: string): Promise<ServerRecord | undefined>;
  /** Whether the packages of the Flight door are there. */
  hasFlight(): Promise<boolean>;
  /** Serves until a stop signal; resolves with the exit code. */
  serve(flags: Flags): Promise<number>;
}
