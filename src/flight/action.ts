/**
 * DoAction and ListActions: small commands beside the data.
 *
 * Bodies of ours are JSON objects in UTF-8. Hides nothing. Invariants: an action is one entry of ACTIONS, with the
 * description that ListActions gives; an unknown name is `unimplemented`, which clients of Flight SQL expect of
 * actions that are not offered.
 */
import { decodeSchema } from '../arrow/ipc-schema.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import { ACTION_BODY_BYTES_MAX } from '../base/limits.ts';
import { nearestName } from '../base/names.ts';
import type { Engine } from '../engine/contract.ts';
import type { Caller } from './caller.ts';
import { checkName } from './ingest-tag.ts';
import { cancelFlightInfo, cancelPromisedQuery, renewFlightEndpoint } from './lifetime-action.ts';
import { closeSession, getSessionOptions, setSessionOptions } from './session-action.ts';
import {
  closePreparedStatement,
  createPreparedStatement,
  refuseSubstrait,
  refuseTransactions,
} from './sql-action.ts';
import { decodeText } from './text.ts';

type Answer = string | Uint8Array | undefined;

interface Action {
  readonly description: string;
  /** Returns the body of the one result; undefined for none. */
  readonly run: (caller: Caller, body: Uint8Array) => Answer | Promise<Answer>;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  ping: { description: 'Answers `pong`.', run: () => 'pong' },
  healthcheck: {
    description: 'Answers the state of the server as JSON; "status" is ok, read_only or draining.',
    run: ({ engine }) => JSON.stringify(health(engine)),
  },
  'create-table': {
    description:
      'Makes an empty table. Body: JSON {"table": name, "schema": base64 of the serialized Arrow schema}; ' +
      'in Python: base64.b64encode(schema.serialize()).decode().',
    run: createTable,
  },
  'drop-table': { description: 'Drops a table and its rows. Body: JSON {"table": name}.', run: dropTable },
  CancelFlightInfo: {
    description:
      'Ends what runs for a FlightInfo, of a poll too, and refuses its tickets from now on. Body: ' +
      'CancelFlightInfoRequest. Answers CancelFlightInfoResult.',
    run: cancelFlightInfo,
  },
  CancelQuery: {
    description:
      'The same in the form that Flight SQL had first. Body: ActionCancelQueryRequest, packed. Answers ' +
      'ActionCancelQueryResult, packed.',
    run: cancelPromisedQuery,
  },
  RenewFlightEndpoint: {
    description:
      'Lets the ticket of an endpoint live longer, as far as its snapshot can be read. Body: ' +
      'RenewFlightEndpointRequest. Answers FlightEndpoint.',
    run: renewFlightEndpoint,
  },
  SetSessionOptions: {
    description:
      'Sets settings for the calls that come with the same cookie. Body: SetSessionOptionsRequest. Answers ' +
      'SetSessionOptionsResult.',
    run: setSessionOptions,
  },
  GetSessionOptions: {
    description: 'Tells the settings of the session. Answers GetSessionOptionsResult.',
    run: getSessionOptions,
  },
  CloseSession: {
    description: 'Ends the session, if there is one. Answers CloseSessionResult.',
    run: closeSession,
  },
  seal: {
    description:
      'Gives the active segment files their footer now. Body: JSON {"table": name}, or empty for all tables.',
    run: seal,
  },
  compact: {
    description:
      'Merges small segment files and small batches. Body: JSON {"table": name}, or empty for all tables. ' +
      'Answers JSON {"inputs", "outputs", "bytes"}: segments read and written.',
    run: compact,
  },
  queries: {
    description:
      'The statements that run, and the last ones that ended, as a JSON array of {"id", "state", "sql", ' +
      '"elapsed_ms", "rows", "error"}. No body.',
    run: queries,
  },
  'cancel-query': {
    description:
      'Ends a statement that runs. Body: JSON {"id": number}; sheaf_queries and `queries` tell the numbers.',
    run: cancelQuery,
  },
  CreatePreparedStatement: {
    description:
      'Parses a statement and infers its types; runs nothing. Body: ActionCreatePreparedStatementRequest, packed. ' +
      'Answers ActionCreatePreparedStatementResult, packed.',
    run: createPreparedStatement,
  },
  ClosePreparedStatement: {
    description: 'Forgets a prepared statement. Body: ActionClosePreparedStatementRequest, packed.',
    run: closePreparedStatement,
  },
  'ingest-state': {
    description:
      'How far a producer came in a table. Body: JSON {"table": name, "producer": name}. Answers JSON {"producer", ' +
      '"epoch", "seq", "rows"}: the last number that is stored (0 when there is none) and the rows stored in all.',
    run: ingestState,
  },
};

/** True for actions that nobody needs a right for: they say that the server is there. */
export function isPublicAction(type: string): boolean {
  return type === 'ping' || type === 'healthcheck';
}

/** Actions of Flight SQL that are refused, with the reason. */
const REFUSED: Readonly<Record<string, () => never>> = {
  BeginTransaction: refuseTransactions,
  EndTransaction: refuseTransactions,
  BeginSavepoint: refuseTransactions,
  EndSavepoint: refuseTransactions,
  CreatePreparedSubstraitPlan: refuseSubstrait,
};

/** What ListActions answers. */
export function listActions(): readonly { readonly type: string; readonly description: string }[] {
  return Object.entries(ACTIONS).map(([type, { description }]) => ({ type, description }));
}

/**
 * Runs one action; returns the bodies of its results. @throws `unimplemented`, `limit_exceeded`, `request_invalid`,
 * and its own
 */
export async function doAction(caller: Caller, type: string, body: Uint8Array): Promise<readonly Uint8Array[]> {
  if (Object.hasOwn(REFUSED, type)) REFUSED[type]?.();
  const action = Object.hasOwn(ACTIONS, type) ? ACTIONS[type] : undefined;
  if (action === undefined) throw unknownAction(type);
  if (body.byteLength > ACTION_BODY_BYTES_MAX) {
    const sizes = `${body.byteLength.toString()} bytes, at most ${ACTION_BODY_BYTES_MAX.toString()} are allowed`;
    throw new EngineError('limit_exceeded', `the body of the action ${type} has ${sizes}`);
  }
  const answer = await action.run(caller, body);
  if (answer === undefined) return [];
  return [typeof answer === 'string' ? Buffer.from(answer) : answer];
}

function unknownAction(type: string): EngineError {
  const names = Object.keys(ACTIONS);
  const near = nearestName(type, names);
  const hint = near === undefined ? `there are ${names.join(', ')}` : `did you mean "${near}"?`;
  return new EngineError('unimplemented', `there is no action ${JSON.stringify(type.slice(0, 100))}; ${hint}`);
}

function health(engine: Engine): Readonly<Record<string, unknown>> {
  const status = engine.status();
  const state = status.draining ? 'draining' : status.readOnlyReason === undefined ? 'ok' : 'read_only';
  return {
    status: state,
    reason: status.readOnlyReason,
    snapshot: status.version,
    tables: status.tableCount,
    segments: status.segmentCount,
    uptime_ms: status.uptimeMs,
    queries_running: status.queriesRunning,
    queries_waiting: status.queriesWaiting,
    puts_open: status.putsOpen,
  };
}

async function createTable({ engine }: Caller, body: Uint8Array): Promise<string> {
  const fields = readFields('create-table', body);
  const table = textField('create-table', fields, 'table');
  await engine.createTable(table, readSchema(textField('create-table', fields, 'schema')));
  return JSON.stringify({ table, created: true });
}

async function dropTable({ engine }: Caller, body: Uint8Array): Promise<string> {
  const table = textField('drop-table', readFields('drop-table', body), 'table');
  await engine.dropTable(table);
  return JSON.stringify({ table, dropped: true });
}

async function seal({ engine }: Caller, body: Uint8Array): Promise<string> {
  const table = body.byteLength === 0 ? undefined : textField('seal', readFields('seal', body), 'table');
  await engine.seal(table);
  return JSON.stringify({ sealed: true });
}

async function compact({ engine }: Caller, body: Uint8Array): Promise<string> {
  const table = body.byteLength === 0 ? undefined : textField('compact', readFields('compact', body), 'table');
  const { inputCount, outputCount, byteCount } = await engine.compact(table);
  return JSON.stringify({ inputs: inputCount, outputs: outputCount, bytes: byteCount });
}

function queries({ engine }: Caller): string {
  const rows = engine.queries().map(({ id, state, text, elapsedMs, rowCount, error }) => {
    return { id, state, sql: text, elapsed_ms: Math.round(elapsedMs), rows: rowCount, error: error ?? null };
  });
  return JSON.stringify(rows);
}

function cancelQuery({ engine }: Caller, body: Uint8Array): string {
  const { id } = readFields('cancel-query', body);
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) {
    const message = `"id" in the body of the action cancel-query is ${JSON.stringify(id) ?? 'missing'}`;
    throw new EngineError('request_invalid', `${message}; it must be a statement's number`);
  }
  engine.cancelQuery(id);
  return JSON.stringify({ id, cancelled: true });
}

async function ingestState({ engine }: Caller, body: Uint8Array): Promise<string> {
  const fields = readFields('ingest-state', body);
  const table = textField('ingest-state', fields, 'table');
  const producer = checkName(fields['producer'], '"producer" in the body of the action ingest-state');
  const { epoch, seq, rowCount } = await stateOf(engine, table, producer);
  return JSON.stringify({ producer, epoch, seq, rows: rowCount });
}

/** A client asks before its first put too, which makes the table: then nothing is stored, and that is no error. */
async function stateOf(engine: Engine, table: string, producer: string): ReturnType<Engine['ingestState']> {
  try {
    return await engine.ingestState(table, producer);
  } catch (error) {
    if (error instanceof EngineError && error.code === 'not_found') return { epoch: 0, seq: 0, rowCount: 0 };
    throw error;
  }
}

function readFields(action: string, body: Uint8Array): Readonly<Record<string, unknown>> {
  const text = decodeText(body, `the body of the action ${action}`);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new EngineError('request_invalid', `the body of the action ${action} is not JSON`, {
      cause,
    });
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new EngineError('request_invalid', `the body of the action ${action} must be a JSON object`);
  }
  return content as Readonly<Record<string, unknown>>;
}

function textField(action: string, fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value === 'string') return value;
  const found = value === undefined ? 'is missing' : `is ${JSON.stringify(value).slice(0, 80)}`;
  throw new EngineError(
    'request_invalid',
    `"${name}" in the body of the action ${action} ${found}; it must be a string`,
  );
}

/** Reads an encapsulated schema message: continuation marker, header length, header. */
function readSchema(base64: string): Schema {
  const bytes = Buffer.from(base64, 'base64');
  const marked = bytes.byteLength >= 8 && bytes.readUInt32LE(0) === 0xffff_ffff;
  const length = marked ? bytes.readInt32LE(4) : -1;
  if (length < 0 || 8 + length > bytes.byteLength) {
    throw new EngineError(
      'request_invalid',
      '"schema" in the body of the action create-table must be the base64 of an encapsulated schema message (schema.serialize())',
    );
  }
  return decodeSchema(bytes.subarray(8, 8 + length));
}
