/**
 * The Flight door: opens it, or puts the stub in its place.
 *
 * Hides whether the gRPC packages are there: they are loaded here, when the door opens, and nowhere else is it asked
 * whether Flight is on. Invariant: what is returned has the same interface either way.
 */
import type { CertificateSource } from '../base/certificates.ts';
import { makeLog } from '../base/log.ts';
import type { Engine, Gate } from '../engine/contract.ts';
import type { startFlightServer } from './server.ts';
import { flightStub } from './stub.ts';

/** A door that is open, or that stands for one. */
export interface FlightDoor {
  /** host:port, or `off`. */
  readonly address: string;
  /** Why it is off; undefined when it serves. */
  readonly reason: string | undefined;
  /** Takes no more calls, and cuts those that still run after `graceMs`. May be called again. */
  close(graceMs: number): Promise<void>;
}

export interface FlightDoorOptions {
  readonly enabled: boolean;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Who may come in; everybody without one. */
  readonly gate?: Gate | undefined;
  /** For TLS; in clear text without them. */
  readonly certificates?: CertificateSource | undefined;
}

/**
 * Opens the door on `host`:`port`. Whether that address may be served without authentication is for the caller to
 * judge. @throws `io_error` when the address cannot be listened on
 */
export async function openFlightDoor(engine: Engine, options: FlightDoorOptions): Promise<FlightDoor> {
  if (!options.enabled) return flightStub('Flight is switched off (--no-flight)');
  const server = await loadServer();
  if (server !== undefined) return server.startFlightServer(engine, options);
  const reason = 'Flight is off: @grpc/grpc-js and @grpc/proto-loader are not installed; npm install brings them';
  makeLog('flight').warn(reason);
  return flightStub(reason);
}

/** Whether the packages that the door needs are installed. */
export async function hasFlight(): Promise<boolean> {
  return (await loadServer()) !== undefined;
}

function loadServer(): Promise<{ readonly startFlightServer: typeof startFlightServer } | undefined> {
  return import('./server.ts').catch((error: unknown) => {
    if (!isPackageMissing(error)) throw error;
    return undefined;
  });
}

function isPackageMissing(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === 'ERR_MODULE_NOT_FOUND' && typeof message === 'string' && message.includes('@grpc/');
}
