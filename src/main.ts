#!/usr/bin/env node
/**
 * The `sheaf` program: wires settings, engine, doors and the shell together, and turns signals into an orderly stop.
 *
 * Hides the process: only this file and config.ts touch process.env and process.exit. Invariants: `ready` is printed
 * once, after both doors serve; a stop refuses new work, lets running work end for the grace time, closes the doors,
 * then the engine; an error that nobody caught ends the program with 1 (crash before corrupt), and the next start
 * recovers.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CertificateSource } from './base/certificates.ts';
import type { Certificates } from './base/certificates.ts';
import { systemClock } from './base/clock.ts';
import { EngineError } from './base/errors.ts';
import { CERTIFICATE_FILE_BYTES_MAX, SETTINGS_FILE_BYTES_MAX, SIGNAL_ECHO_MS } from './base/limits.ts';
import { makeLog, setLogLevel } from './base/log.ts';
import { runCli } from './cli/cli.ts';
import type { CliHost, Flags, InputFile, Output, ServerRecord, Settings } from './cli/host.ts';
import { EXIT } from './cli/host.ts';
import { describeSettings, doorPolicy, resolveSettings } from './config.ts';
import { open } from './engine/engine.ts';
import type { Engine } from './engine/engine.ts';
import { guardedGate } from './engine/gate.ts';
import type { Gate } from './engine/gate.ts';
import { hasFlight, openFlightDoor } from './flight/door.ts';
import { startHttp } from './http/server.ts';
import { realOs } from './os/real-os.ts';

/** A door that serves. */
interface Door {
  readonly address: string;
  close(graceMs: number): Promise<void>;
}

/** What shuts both doors. */
interface Locks {
  readonly gate: Gate | undefined;
  readonly certificates: CertificateSource | undefined;
}

const CATALOG_FILE = 'catalog.db';
const SERVER_FILE = 'server.json';

const os = realOs();
const log = makeLog('main');

/** Serves until the first stop signal; resolves with the exit code. */
async function serve(flags: Flags): Promise<number> {
  const settings = await resolveSettings(flags, readText);
  const policy = doorPolicy(settings);
  setLogLevel(settings.logLevel);
  const certificates = policy.isTls ? new CertificateSource(await readCertificates(settings)) : undefined;
  const stop = stopSignal();
  const engine = await open(settings.dataDir, {
    snapshotRetentionMs: settings.snapshotRetentionSeconds * 1_000,
    scrubBytesPerSecond: settings.scrubMibPerSecond * 2 ** 20,
    queryTimeoutMs: settings.queryTimeoutSeconds * 1_000,
    slowQueryMs: settings.slowQueryMs,
    ...(settings.copyDir === '' ? {} : { copyDirectory: settings.copyDir }),
  });
  const guard = policy.isGuarded ? await guardedGate(engine) : undefined;
  const doors: Door[] = [];
  const graceMs = settings.graceSeconds * 1_000;
  const recordPath = join(settings.dataDir, SERVER_FILE);
  try {
    await removeIfThere(recordPath);
    if (certificates !== undefined) process.on('SIGHUP', () => void renew(certificates, settings));
    if (guard?.hasTokens() === false) await writeTo(process.stderr, noTokens(settings));
    const locks = { gate: guard, certificates };
    const { flight, http } = await openDoors(engine, settings, locks, doors);
    const tls = policy.isTls ? ({ tls: true } as const) : {};
    const record: ServerRecord = { pid: process.pid, http, flight, ...tls };
    await os.writeFile(recordPath, Buffer.from(`${JSON.stringify(record)}\n`));
    await writeTo(process.stdout, `ready flight=${flight} http=${http}\n`);
    log.info('ready', { flight, http, directory: engine.directory, pid: process.pid });
    log.info('stopping', { signal: await stop, graceMs });
    // Doors refuse new connections while the engine refuses new work on the open ones; all share the grace time.
    await Promise.all([engine.drain(graceMs), ...doors.splice(0).map((door) => door.close(graceMs))]);
    await removeIfThere(recordPath);
  } finally {
    await Promise.all(doors.map((door) => door.close(0)));
    guard?.close();
    await engine.close();
  }
  log.info('stopped');
  return EXIT.ok;
}

async function readCertificates({ tlsCert, tlsKey, tlsClientCa }: Settings): Promise<Certificates> {
  const read = async (path: string): Promise<Buffer> => {
    const size = await os.size(path);
    if (size <= CERTIFICATE_FILE_BYTES_MAX) return Buffer.from(await os.readFile(path));
    throw new EngineError('limit_exceeded', `${path} has ${size.toString()} bytes, and is no certificate or key`);
  };
  const clientCa = tlsClientCa === '' ? undefined : await read(tlsClientCa);
  return { cert: await read(tlsCert), key: await read(tlsKey), clientCa };
}

/** Reads the certificates again; those that do not serve leave the old ones in place. */
async function renew(certificates: CertificateSource, settings: Settings): Promise<void> {
  try {
    certificates.replace(await readCertificates(settings));
    log.warn('TLS certificates were read again');
  } catch (error) {
    log.error('TLS certificates could not be read again; the old ones stay', error);
  }
}

function noTokens({ dataDir }: Settings): string {
  const how = `make one by \`sheaf token create NAME --role admin --data-dir ${dataDir}\``;
  return `nobody can come in yet: callers need a token, and there is none; ${how}\n`;
}

/** Opens both doors and puts them into `doors` as they open, so that the caller can close what is open. */
async function openDoors(
  engine: Engine,
  settings: Settings,
  locks: Locks,
  doors: Door[],
): Promise<{ readonly flight: string; readonly http: string }> {
  const { host } = settings;
  const flight = await openFlight(engine, settings, locks);
  doors.push(flight);
  const http = await startHttp(engine, {
    host,
    port: settings.httpPort,
    flightAddress: flight.address === 'off' ? undefined : flight.address,
    allowedOrigins: settings.allowOrigin,
    ...locks,
  });
  doors.push(http);
  return { flight: flight.address, http: http.address };
}

/** Opens the Flight door; what the system refuses is told with the flag that helps, as the HTTP door does it. */
async function openFlight(engine: Engine, settings: Settings, locks: Locks): Promise<Door> {
  const { host, flightPort: port } = settings;
  try {
    return await openFlightDoor(engine, { enabled: !settings.noFlight, host, port, ...locks });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const place = `port ${port.toString()} on ${host}`;
    if (text.includes('EADDRINUSE')) {
      const remedy = 'stop the program that uses it, or choose another by --flight-port (0 picks a free one)';
      throw new EngineError('io_error', `${place} is in use; ${remedy}`, { cause: error });
    }
    if (text.includes('EACCES')) {
      const remedy = 'ports below 1024 need a privilege; choose another by --flight-port';
      throw new EngineError('forbidden', `${place} may not be used; ${remedy}`, { cause: error });
    }
    if (/EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN/.test(text)) {
      const message = `${host} is no address of this machine; choose another by --host`;
      throw new EngineError('io_error', message, { cause: error });
    }
    throw error;
  }
}

function errnoOf(error: Error): string {
  return 'code' in error ? String(error.code) : '';
}

/** Resolves at the first SIGTERM or SIGINT; a later one ends the program at once, unless it is the first one's echo. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      const now = systemClock.monotonicMs();
      if (firstMs === undefined) {
        firstMs = now;
        resolve(signal);
      } else if (now - firstMs > SIGNAL_ECHO_MS) {
        process.stderr.write(`${signal} again: stopping at once\n`);
        process.exit(EXIT.failure);
      }
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

async function removeIfThere(path: string): Promise<void> {
  if (await os.exists(path)) await os.unlink(path);
}

async function readText(path: string): Promise<string> {
  const size = await os.size(path);
  if (size > SETTINGS_FILE_BYTES_MAX) throw new EngineError('limit_exceeded', `${path} has ${size.toString()} bytes`);
  return Buffer.from(await os.readFile(path)).toString('utf8');
}

async function readServerRecord(directory: string): Promise<ServerRecord | undefined> {
  const path = join(directory, SERVER_FILE);
  if (!(await os.exists(path))) return undefined;
  try {
    const record: unknown = JSON.parse(await readText(path));
    const known =
      typeof record === 'object' && record !== null && 'http' in record && typeof record.http === 'string';
    return known ? (record as ServerRecord) : undefined;
  } catch (error) {
    log.warn(`${path} cannot be read`, { reason: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

async function openFile(path: string): Promise<InputFile> {
  const file = await os.open(path, 'read');
  return {
    name: path,
    size: await file.size(),
    read: (length, position) => file.read(length, position),
    close: () => file.close(),
  };
}

/** Resolves when the stream takes more; a reader that went away (`| head`) ends the program quietly. */
function writeTo(stream: NodeJS.WriteStream, bytes: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => {
      if (error === null || error === undefined) resolve();
      else if (errnoOf(error) === 'EPIPE') process.exit(EXIT.ok);
      else
        reject(new EngineError('io_error', `standard output cannot be written: ${error.message}`, { cause: error }));
    });
  });
}

function outputOf(stream: NodeJS.WriteStream): Output {
  // Errors are told to each write's callback; without a listener they would be thrown as well.
  stream.on('error', () => undefined);
  return {
    isTerminal: stream.isTTY,
    columns: stream.columns > 0 ? stream.columns : 80,
    write: (bytes) => writeTo(stream, bytes),
  };
}

async function readVersion(): Promise<string> {
  const path = fileURLToPath(new URL('../package.json', import.meta.url));
  const { version } = JSON.parse(await readText(path)) as { version: string };
  return version;
}

function dieOf(kind: string): (error: unknown) => void {
  return (error) => {
    log.error(kind, error);
    process.exit(EXIT.failure);
  };
}

process.on('uncaughtException', dieOf('uncaught error'));
process.on('unhandledRejection', dieOf('unhandled rejection'));

const host: CliHost = {
  version: await readVersion(),
  clock: systemClock,
  stdin: process.stdin,
  stdout: outputOf(process.stdout),
  stderr: outputOf(process.stderr),
  settings: (flags) => resolveSettings(flags, readText),
  describeSettings: (flags) => describeSettings(flags, readText),
  openFile,
  hasDatabase: (directory) => os.exists(join(directory, CATALOG_FILE)),
  readServerRecord,
  hasFlight,
  serve,
};

process.exit(await runCli(process.argv.slice(2), host));
