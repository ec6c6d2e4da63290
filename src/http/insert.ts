/**
 * The insert routes: `POST /insert/arrow`, `/insert/csv`, `/insert/ndjson`, each with `?table=`.
 *
 * Hides reading and the put's life. Invariants: one request is one transaction: its rows are visible and durable
 * when the answer is 200, and absent otherwise; with an Idempotency-Key they are stored once, however often the
 * request is repeated; the body streams, so its size has no bound here; a table's types
 * decide how its text is read.
 */
import type { IncomingMessage } from 'node:http';
import type { RecordBatch } from '../arrow/batch.ts';
import { readStream } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import { PRODUCER_NAME_BYTES_MAX } from '../base/limits.ts';
import { makeLog } from '../base/log.ts';
import { makeCounter } from '../base/metrics.ts';
import type { Engine, Put, PutTag } from '../engine/contract.ts';
import { readCsv } from '../format/csv-read.ts';
import type { CsvReadOptions } from '../format/csv-read.ts';
import { readNdjson } from '../format/ndjson-read.ts';
import { sendJson } from './answer.ts';
import { receiveBody } from './body.ts';
import type { Exchange } from './exchange.ts';

/** What the last part of an insert route's path may be. */
export type InsertForm = 'arrow' | 'csv' | 'ndjson';

const KEY_FORM = /^[\w.~:/+=@-]+$/;

const log = makeLog('http');
const insertedRows = makeCounter('http_inserted_rows_total', 'Rows made durable through HTTP, by form', ['form']);

interface Input {
  readonly schema: Schema;
  readonly batches: AsyncIterable<RecordBatch>;
}

/** Answers one insert. */
export async function answerInsert(engine: Engine, exchange: Exchange, form: InsertForm): Promise<void> {
  const tag = keyTag(exchange.request);
  exchange.refuseUnknownParameters(form === 'csv' ? ['table', 'create', 'delimiter', 'header'] : ['table', 'create']);
  const table = exchange.parameter('table');
  if (table === undefined || table === '') {
    throw new EngineError('request_invalid', `name the table: POST /insert/${form}?table=NAME`);
  }
  const create = exchange.choice('create', ['true', 'false']) === 'true';
  const known = tableSchema(engine, table, create);
  const input = await readInput(exchange, form, known);
  const put = await engine.beginPut(table, input.schema, { create, ...(tag === undefined ? {} : { tag }) });
  const { rowCount, commit, duplicate } = await drainInto(put, input, exchange);
  if (!duplicate) insertedRows.inc({ form }, rowCount);
  sendJson(exchange, 200, { inserted: rowCount, failed: 0, table, commit, ...(duplicate ? { duplicate } : {}) });
}

/** The promise that the header asks for; undefined without it. @throws `request_invalid` */
function keyTag(request: IncomingMessage): PutTag | undefined {
  // Two of the same name come joined by a comma, which a key must not hold.
  const given = request.headers['idempotency-key'];
  if (given === undefined) return undefined;
  const key = typeof given === 'string' ? given.replace(/^"(.*)"$/, '$1') : '';
  if (key.length <= PRODUCER_NAME_BYTES_MAX && KEY_FORM.test(key)) {
    return { kind: 'key', name: key, epoch: 0, seq: 1 };
  }
  const found = JSON.stringify(key.length > 80 ? `${key.slice(0, 80)}…` : key);
  const most = PRODUCER_NAME_BYTES_MAX.toString();
  throw new EngineError(
    'request_invalid',
    `the header Idempotency-Key is ${found}; it must be one key of 1 to ${most} letters, digits and -._~:/+=@`,
  );
}

/** The table's schema, or undefined when there is none and it may be made. @throws `not_found` */
function tableSchema(engine: Engine, table: string, create: boolean): Schema | undefined {
  try {
    return engine.table(table).schema;
  } catch (error) {
    if (create && error instanceof EngineError && error.code === 'not_found') return undefined;
    throw error;
  }
}

async function readInput(exchange: Exchange, form: InsertForm, known: Schema | undefined): Promise<Input> {
  const body = receiveBody(exchange);
  const table = known === undefined ? {} : { schema: known };
  switch (form) {
    case 'arrow':
      return readStream(body);
    case 'csv':
      return readCsv(body, { ...table, ...csvOptions(exchange) });
    case 'ndjson':
      return readNdjson(body, table);
  }
}

function csvOptions(exchange: Exchange): CsvReadOptions {
  const delimiter = exchange.parameter('delimiter');
  const header = exchange.parameter('header');
  return {
    ...(delimiter === undefined ? {} : { delimiter: delimiter === '\\t' ? '\t' : delimiter }),
    ...(header === undefined ? {} : { header: exchange.choice('header', ['true', 'false']) === 'true' }),
  };
}

/** Writes everything and commits, or leaves nothing behind. */
async function drainInto(put: Put, input: Input, exchange: Exchange): ReturnType<Put['commit']> {
  try {
    for await (const batch of input.batches) await put.write(batch);
    if (exchange.signal.aborted) throw new EngineError('cancelled', 'the client went away; nothing was kept');
    return await put.commit();
  } catch (error) {
    await put.abort().catch((second: unknown) => {
      log.error('abort after a failed insert failed too', second, { request_id: exchange.requestId });
    });
    throw error;
  }
}
