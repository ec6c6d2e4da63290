/**
 * Where a command's work is done: on a running server, or, when none runs, on the data directory itself.
 *
 * Hides which of the two it is. Invariants: without --url the directory's lock decides, so a stale server.json never
 * leads to somebody else's server: who gets the lock works on the directory, who does not asks the holder; a
 * directory is only made for work that writes.
 */
import type { RecordBatch, ResultBatch } from '../arrow/batch.ts';
import { encodeResults } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import { CERTIFICATE_FILE_BYTES_MAX, TOKEN_FILE_BYTES_MAX } from '../base/limits.ts';
import type { FlightClient } from '../client/flight-client.ts';
import { HttpClient } from '../client/http-client.ts';
import { open } from '../engine/engine.ts';
import type { Engine } from '../engine/engine.ts';
import type { CliHost, ServerRecord, Settings } from './host.ts';

/** A result on its way to be printed. */
export interface TargetResult {
  readonly schema: Schema;
  readonly batches: AsyncIterable<ResultBatch>;
}

export interface Target {
  /** For people: `server http://…` or `directory …`. */
  readonly description: string;
  /** `values` are text for the statement's parameters, by name or number. */
  query(sql: string, values?: Readonly<Record<string, string>>): Promise<TargetResult>;
  /** Schema of a table, or undefined when there is none. */
  tableSchema(table: string): Promise<Schema | undefined>;
  /** Inserts all batches or none; the table is made when it is missing. Resolves with the rows inserted. */
  insert(table: string, schema: Schema, batches: AsyncIterable<RecordBatch>): Promise<number>;
  close(): Promise<void>;
}

/** A server as target. */
interface ServerTarget extends Target {
  /** True when a server answers. */
  ping(): Promise<boolean>;
}

/**
 * Opens the place that `settings` name. `create` lets a missing directory come into being.
 * @throws `not_found`, `locked`, and what opening a directory throws
 */
export async function openTarget(host: CliHost, settings: Settings, create: boolean): Promise<Target> {
  if (settings.url !== '') return serverAt(host, settings, settings.url);
  const directory = settings.dataDir;
  if (!create && !(await host.hasDatabase(directory))) {
    const remedy = 'name another with --data-dir, or a server with --url; `sheaf import` and `sheaf serve` make one';
    throw new EngineError('not_found', `there is no database in ${directory}; ${remedy}`);
  }
  try {
    const { copyDir } = settings;
    return directoryTarget(await open(directory, copyDir === '' ? {} : { copyDirectory: copyDir }));
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'locked') throw error;
    const record = await host.readServerRecord(directory);
    if (record === undefined) throw error;
    const target = await serverAt(host, settings, urlOf(record));
    if (await target.ping()) return target;
    await target.close();
    throw error;
  }
}

/** Flight where the server has it: streams of Arrow both ways with a status at their end. */
function urlOf({ tls, flight, http }: ServerRecord): string {
  const secure = tls === true;
  if (flight === 'off') return `${secure ? 'https' : 'http'}://${http}`;
  return `${secure ? 'grpc+tls' : 'grpc'}://${flight}`;
}

/**
 * The server at `url`, by the door that it names: grpc and grpc+tls are Flight, others HTTP. Shows the token and trusts
 * the CA of the settings.
 */
async function serverAt(host: CliHost, settings: Settings, url: string): Promise<ServerTarget> {
  const { token, tokenFile, tlsCa } = settings;
  const given = token === '' && tokenFile !== '' ? await readWhole(host, tokenFile, TOKEN_FILE_BYTES_MAX) : token;
  const ca = tlsCa === '' ? undefined : await readWhole(host, tlsCa, CERTIFICATE_FILE_BYTES_MAX);
  const options = { token: given.trim() === '' ? undefined : given.trim(), ca };
  if (!url.startsWith('grpc')) return httpTarget(new HttpClient(url, options));
  const { FlightClient } = await import('../client/flight-client.ts');
  return flightTarget(new FlightClient(url, options));
}

async function readWhole(host: CliHost, path: string, bytesMax: number): Promise<string> {
  const file = await host.openFile(path);
  try {
    if (file.size > bytesMax) {
      throw new EngineError('limit_exceeded', `${path} has ${file.size.toString()} bytes, and is not what was meant`);
    }
    return Buffer.from(await file.read(file.size, 0)).toString('utf8');
  } finally {
    await file.close();
  }
}

function flightTarget(client: FlightClient): ServerTarget {
  return {
    description: `server ${client.connection.url}`,
    ping: () => client.ping(),
    async query(sql, values) {
      const result = await client.run(sql, { parameters: values });
      return { schema: result.schema, batches: encodeResults(result.schema, result.batches()) };
    },
    tableSchema: (table) => client.tableSchema(table),
    insert: (table, schema, batches) => client.ingest(table, schema, batches),
    close() {
      client.close();
      return Promise.resolve();
    },
  };
}

function httpTarget(client: HttpClient): ServerTarget {
  return {
    description: `server ${client.url}`,
    ping: () => client.ping(),
    async query(sql, values) {
      const { schema, batches } = await client.query(sql, values);
      return { schema, batches: encodeResults(schema, batches) };
    },
    async tableSchema(table) {
      try {
        const { schema, batches } = await client.query(`SELECT * FROM "${table.replaceAll('"', '""')}" LIMIT 0`);
        for await (const _ of batches);
        return schema;
      } catch (error) {
        if (isMissingTable(error)) return undefined;
        throw error;
      }
    },
    async insert(table, schema, batches) {
      return (await client.insert(table, schema, batches)).rowCount;
    },
    close: () => Promise.resolve(),
  };
}

function directoryTarget(engine: Engine): Target {
  return {
    description: `directory ${engine.directory}`,
    async query(sql, values) {
      const result = await engine.query(sql, values === undefined ? {} : { values });
      return { schema: result.schema, batches: result.batches() };
    },
    tableSchema(table) {
      try {
        return Promise.resolve(engine.table(table).schema);
      } catch (error) {
        if (isMissingTable(error)) return Promise.resolve(undefined);
        throw error;
      }
    },
    async insert(table, schema, batches) {
      const put = await engine.beginPut(table, schema);
      try {
        for await (const batch of batches) await put.write(batch);
        return (await put.commit()).rowCount;
      } catch (error) {
        await put.abort();
        throw error;
      }
    },
    close: () => engine.close(),
  };
}

/**
 * True when an error says that there is no such table; the statement that it answers can fail to bind in no other
 * way.
 */
function isMissingTable(error: unknown): boolean {
  return error instanceof EngineError && (error.code === 'not_found' || error.code === 'sql_bind');
}
