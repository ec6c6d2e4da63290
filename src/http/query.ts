/**
 * The query routes: `POST /`, `POST /query`, `GET /?query=`, `GET /query?query=`.
 *
 * Hides where the SQL stands and which form the answer has. Invariants: GET only reads (a statement that writes is
 * 405); a result is never whole in memory; every form carries every value exactly, or as format/ documents it.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { writeStream } from '../arrow/ipc-stream.ts';
import { systemClock } from '../base/clock.ts';
import { EngineError, toEngineError } from '../base/errors.ts';
import type { Engine, ParameterValues, QueryResult } from '../engine/contract.ts';
import { writeCsv } from '../format/csv-write.ts';
import { writeJson } from '../format/json-write.ts';
import type { JsonForm } from '../format/json-write.ts';
import { writeNdjson } from '../format/ndjson-write.ts';
import { JSON_TYPE, sendStream } from './answer.ts';
import { receiveText } from './body.ts';
import type { Exchange } from './exchange.ts';
import { RouteError, errorFields } from './status.ts';

const PARAMETERS = ['query', 'format', 'default_format', 'int64', 'nonfinite'];

type Form = 'json' | 'ndjson' | 'csv' | 'arrow';

/** Content types of the forms. */
const FORM_TYPES: Readonly<Record<Form, string>> = {
  json: JSON_TYPE,
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  arrow: 'application/vnd.apache.arrow.stream',
};

/** Names of the forms, in lower case: ours and those that clients of similar servers send. */
const FORM_NAMES: ReadonlyMap<string, Form> = new Map([
  ['json', 'json'],
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['jsoneachrow', 'ndjson'],
  ['csv', 'csv'],
  ['csvwithnames', 'csv'],
  ['arrow', 'arrow'],
  ['arrowstream', 'arrow'],
]);

/** Media types and ranges of `Accept`, and what each asks for. */
const MEDIA_TYPES: ReadonlyMap<string, Form> = new Map([
  ['*/*', 'json'],
  ['application/*', 'json'],
  ['application/json', 'json'],
  ['application/x-ndjson', 'ndjson'],
  ['application/ndjson', 'ndjson'],
  ['application/jsonl', 'ndjson'],
  ['text/*', 'csv'],
  ['text/csv', 'csv'],
  ['application/vnd.apache.arrow.stream', 'arrow'],
]);

/** Answers a GET, whose SQL stands in the parameter `query`. */
export async function answerGetQuery(engine: Engine, exchange: Exchange): Promise<void> {
  const sql = exchange.parameter('query');
  if (sql === undefined) {
    throw new EngineError(
      'request_invalid',
      'the parameter "query" is missing; send SQL as ?query=… or as the body of POST',
    );
  }
  await answerSql(engine, exchange, { sql }, true);
}

/** Answers a POST: the SQL is the body, or `{"query": …, "params": …}` of a JSON body, or the parameter when the body is empty. */
export async function answerPostQuery(engine: Engine, exchange: Exchange): Promise<void> {
  const body = await receiveText(exchange);
  const given = exchange.parameter('query');
  if (given !== undefined && body.trim() !== '') {
    throw new EngineError('request_invalid', 'SQL stands in the body and in the parameter "query"; send one of them');
  }
  const type = exchange.contentType();
  if (type.startsWith('multipart/')) {
    const remedy = 'send SQL as text/plain or {"query": …} as application/json';
    const message = `the content type ${type} is not read here; ${remedy}`;
    throw new RouteError(415, 'request_invalid', message);
  }
  const isJson = type === 'application/json' || type.endsWith('+json');
  const asked = given !== undefined ? { sql: given } : isJson ? queryOfJson(body) : { sql: body };
  if (asked.sql.trim() === '') throw new EngineError('request_invalid', 'the body holds no SQL');
  await answerSql(engine, exchange, asked, false);
}

/** A statement, and what stands for its parameters. */
interface Asked {
  readonly sql: string;
  readonly values?: ParameterValues;
}

function queryOfJson(body: string): Asked {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    throw new EngineError('request_invalid', `the body is not valid JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const fields = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  const { query: sql, params, ...rest } = Object.fromEntries(fields) as Record<string, unknown>;
  const isWhole = typeof sql === 'string' && Object.keys(rest).length === 0;
  if (isWhole && params === undefined) return { sql };
  if (isWhole && typeof params === 'object' && params !== null) {
    // What is no value is refused with the parameter's name where it is read.
    return { sql, values: params as ParameterValues };
  }
  const form = '{"query": "SELECT …"}, with "params": […] or {…} where the statement has parameters';
  throw new EngineError('request_invalid', `a JSON body is ${form}`);
}

async function answerSql(engine: Engine, exchange: Exchange, asked: Asked, readOnly: boolean): Promise<void> {
  exchange.refuseUnknownParameters(PARAMETERS);
  const form = formOf(exchange);
  const jsonForm: JsonForm = {
    int64: exchange.choice('int64', ['number', 'string']),
    nonfinite: exchange.choice('nonfinite', ['null', 'string']),
  };
  const startedMs = systemClock.monotonicMs();
  const result = await startQuery(engine, exchange, asked, readOnly);
  try {
    if (exchange.isHead) {
      exchange.response.writeHead(200, { 'Content-Type': FORM_TYPES[form] }).end();
      return;
    }
    const elapsedUs = (): number => (systemClock.monotonicMs() - startedMs) * 1_000;
    await sendStream(exchange, FORM_TYPES[form], written(form, jsonForm, result, elapsedUs));
  } catch (error) {
    if (form === 'ndjson' && exchange.response.headersSent && !exchange.signal.aborted)
      await sendLastLine(exchange, error);
    throw error;
  } finally {
    result.close();
  }
}

/** Runs the statement; a GET of one that writes is a wrong method. */
async function startQuery(
  engine: Engine,
  exchange: Exchange,
  { sql, values }: Asked,
  readOnly: boolean,
): Promise<QueryResult> {
  try {
    return await engine.query(sql, {
      readOnly,
      signal: exchange.signal,
      ...(values === undefined ? {} : { values }),
    });
  } catch (error) {
    // The engine refuses as request_invalid what a read-only door may not run, and nothing else while planning.
    if (!readOnly || !(error instanceof EngineError) || error.code !== 'request_invalid') throw error;
    throw new RouteError(405, error.code, error.message, { headers: { Allow: 'POST' }, cause: error });
  }
}

function written(
  form: Form,
  jsonForm: JsonForm,
  result: QueryResult,
  elapsedUs: () => number,
): AsyncIterable<Uint8Array> {
  const { schema } = result;
  switch (form) {
    case 'json':
      return writeJson(schema, decoded(result), { form: jsonForm, elapsedUs });
    case 'ndjson':
      return writeNdjson(schema, decoded(result), jsonForm);
    case 'csv':
      return writeCsv(schema, decoded(result));
    case 'arrow':
      return writeStream(schema, result.batches());
  }
}

async function* decoded(result: QueryResult): AsyncGenerator<RecordBatch> {
  for await (const batch of result.batches()) yield batch.batch();
}

/**
 * The line that tells an NDJSON reader why there are no more. The caller then ends the connection without the last
 * chunk.
 */
async function sendLastLine(exchange: Exchange, error: unknown): Promise<void> {
  const line = `${JSON.stringify({ error: errorFields(toEngineError(error)), request_id: exchange.requestId })}\n`;
  await new Promise<void>((resolve) => {
    exchange.response.write(line, () => {
      resolve();
    });
    exchange.response.once('close', resolve);
  });
}

/** The form asked for: `format` (or its alias `default_format`), else `Accept`, else JSON. */
function formOf(exchange: Exchange): Form {
  for (const parameter of ['format', 'default_format']) {
    const name = exchange.parameter(parameter);
    if (name !== undefined) return formNamed(parameter, name);
  }
  const accept = exchange.request.headers.accept;
  return accept === undefined || accept.trim() === '' ? 'json' : acceptedForm(accept);
}

function formNamed(parameter: string, name: string): Form {
  const form = FORM_NAMES.get(name.toLowerCase());
  if (form !== undefined) return form;
  throw new EngineError(
    'request_invalid',
    `${parameter}=${name} is not known; choose one of: json, ndjson, csv, arrow`,
  );
}

/**
 * The form of the media range with the highest weight that we have; the first of equals, named types before ranges.
 */
function acceptedForm(accept: string): Form {
  let best: Form | undefined;
  let bestWeight = 0;
  for (const part of accept.split(',')) {
    const [range = '', ...parameters] = part.trim().toLowerCase().split(';');
    const type = range.trim();
    const form = MEDIA_TYPES.get(type);
    const weightText = parameters
      .map((text) => /^\s*q=([\d.]+)\s*$/.exec(text)?.[1])
      .find((text) => text !== undefined);
    // A named type beats a range of the same weight.
    const weight = Number(weightText ?? '1') - (type.endsWith('/*') ? 1e-6 : 0);
    if (form === undefined || weight <= bestWeight) continue;
    best = form;
    bestWeight = weight;
  }
  if (best !== undefined) return best;
  const known = Object.values(FORM_TYPES)
    .map((type) => type.split(';')[0])
    .join(', ');
  throw new RouteError(406, 'request_invalid', `none of the types in Accept is offered here; offered: ${known}`);
}
