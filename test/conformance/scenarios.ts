/**
 * The integration scenarios of Apache Arrow that are about Flight itself: what their clients ask, and what they want.
 *
 * Method: fixed commands are answered by fixed values. Hides nothing. Source: the scenarios' descriptions in Apache
 * Arrow's documentation, "Integration testing", and what its Go client sends and compares.
 */
import { randomBytes } from 'node:crypto';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { encodeSchema } from '../../src/arrow/ipc-schema.ts';
import { DictionaryWriter, encodeBatch } from '../../src/arrow/ipc-write.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { EngineError } from '../../src/base/errors.ts';
import type { Gate } from '../../src/engine/gate.ts';
import type { CallScope } from '../../src/flight/call.ts';
import type { Outbox } from '../../src/flight/lane.ts';
import type { FlightEndpoint, FlightInfo, Timestamp } from '../../src/flight/message-type.ts';
import type { Exchange } from '../../src/flight/methods.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import {
  decodeAs,
  encodeAs,
  endpoint,
  incoming,
  infoOf,
  script,
  sendBatches,
  textOf,
  unexpected,
} from './scripted.ts';
import type { Script } from './scripted.ts';

const NUMBERS = makeSchema([makeField('number', { id: 'int', bitWidth: 32, signed: true })]);
const COUNTS = makeSchema([makeField('number', { id: 'int', bitWidth: 32, signed: false })]);
const NOTHING = makeSchema([]);
const TYPE_COMMAND = 2;

function numbers(schema: typeof NUMBERS, ...values: readonly number[]): RecordBatch {
  const [field] = schema.fields;
  if (field === undefined) throw new Error('the schema has a field');
  return { schema, rowCount: values.length, columns: [buildVector(field.type, values)] };
}

const USER = 'arrow';
const PASSWORD = 'flight';

/** Lets in one user, whose token is his name. */
export function basicGate(): Gate {
  const engine = new FakeEngine();
  const expect = (shown: string | undefined, wanted: string): void => {
    if (shown !== wanted) throw new EngineError('unauthenticated', 'the scenario lets in one user alone');
  };
  return {
    isGuarded: true,
    open: engine,
    admit: (_door, { authorization }) => {
      expect(authorization, `Bearer ${USER}`);
      return engine;
    },
    logIn: (_door, { authorization }) => {
      expect(authorization, `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`);
      return USER;
    },
  };
}

/** Says who has come through the gate. */
export function basicAuth(): Script {
  return script({ doAction: () => Promise.resolve([Buffer.from(USER)]) });
}

/** Headers of the request come back, on answers and on errors. */
export function middleware(): Script {
  return script({
    getFlightInfo: (scope, descriptor) => {
      for (const value of scope.header('x-middleware')) scope.addHeader('x-middleware', value);
      if (textOf(descriptor.cmd) !== 'success') return Promise.reject(unexpected('another command than success'));
      return Promise.resolve(infoOf(descriptor, NOTHING, [endpoint('foo')]));
    },
  });
}

/** Three endpoints whose order is the rows'. */
export function ordered(): Script {
  return script({
    getFlightInfo: (_scope, descriptor) => {
      const isOrdered = descriptor.type === TYPE_COMMAND && textOf(descriptor.cmd) === 'ordered';
      const endpoints = ['1', '2', '3'].map((ticket) => endpoint(ticket));
      return Promise.resolve(infoOf(descriptor, NUMBERS, endpoints, { ordered: isOrdered }));
    },
    doGet: (_scope, ticket, open) => {
      const scale = 10 ** (Number(textOf(ticket)) - 1);
      return sendBatches(open, NUMBERS, [numbers(NUMBERS, scale, 2 * scale, 3 * scale)]);
    },
  });
}

function timestamp(wallMs: number): Timestamp {
  const seconds = Math.floor(wallMs / 1000);
  return { seconds, nanos: (wallMs - seconds * 1000) * 1e6 };
}

/** What became of an endpoint. */
interface EndpointState {
  expiresMs: number | undefined;
  reads: number;
  cancelled: boolean;
}

const CANCELLED = 1;
const NOT_CANCELLABLE = 3;

/** Endpoints that expire after 5 and 6 s, may be renewed and cancelled; one without expiry may be read once. */
export function expirationTime(): Script {
  let states: EndpointState[] = [];
  const find = (ticket: Uint8Array): { readonly index: number; readonly state: EndpointState } => {
    const index = Number(textOf(ticket).split(':')[0]);
    const state = states[index];
    if (state === undefined) throw unexpected(`the ticket ${textOf(ticket)}`);
    return { index, state };
  };
  return script({
    getFlightInfo: (_scope, descriptor) => {
      const nowMs = Date.now();
      states = [undefined, 5_000, 6_000].map((ms) => {
        return { expiresMs: ms === undefined ? undefined : nowMs + ms, reads: 0, cancelled: false };
      });
      const endpoints = states.map(({ expiresMs }, i) =>
        endpoint(`${i.toString()}: endpoint`, {
          expiration_time: expiresMs === undefined ? null : timestamp(expiresMs),
        }),
      );
      return Promise.resolve(infoOf(descriptor, COUNTS, endpoints));
    },
    doGet: async (_scope, ticket, open) => {
      const { index, state } = find(ticket);
      const isOver = state.expiresMs === undefined ? state.reads > 0 : state.expiresMs < Date.now();
      if (state.cancelled || isOver) throw unexpected(`a read of ${textOf(ticket)}, which is over`);
      state.reads++;
      await sendBatches(open, COUNTS, [numbers(COUNTS, index)]);
    },
    listActions: () =>
      ['CancelFlightInfo', 'RenewFlightEndpoint'].map((type) => {
        return { type, description: '' };
      }),
    doAction: async (_scope, type, body) => {
      await Promise.resolve();
      if (type === 'CancelFlightInfo') {
        const { info } = decodeAs<{ readonly info: FlightInfo }>('CancelFlightInfoRequest', body);
        const found = info.endpoint.map(({ ticket }) => find(ticket.ticket).state);
        const status = found.some(({ cancelled }) => cancelled) ? NOT_CANCELLABLE : CANCELLED;
        for (const state of found) state.cancelled = true;
        return [encodeAs('CancelFlightInfoResult', { status })];
      }
      if (type !== 'RenewFlightEndpoint') throw unexpected(`the action ${type}`);
      const { endpoint: old } = decodeAs<{ readonly endpoint: FlightEndpoint }>('RenewFlightEndpointRequest', body);
      const { state } = find(old.ticket.ticket);
      state.expiresMs = Date.now() + 10_000;
      const ticket = `${textOf(old.ticket.ticket)}: renewed`;
      return [encodeAs('FlightEndpoint', endpoint(ticket, { expiration_time: timestamp(state.expiresMs) }))];
    },
  });
}

/** A location that means the connection that asked. */
export function reuseConnection(): Script {
  return script({
    getFlightInfo: (_scope, descriptor) => {
      const location = [{ uri: 'arrow-flight-reuse-connection://?' }];
      return Promise.resolve(infoOf(descriptor, NOTHING, [endpoint('reuse', { location })]));
    },
  });
}

/** A query that is done when it is asked for again. */
export function pollFlightInfo(): Script {
  return script({
    pollFlightInfo: (_scope, descriptor) => {
      const info = infoOf(descriptor, COUNTS, [endpoint('long-running query')]);
      if (textOf(descriptor.cmd) === 'poll') {
        return Promise.resolve({ info, flight_descriptor: null, progress: 1, expiration_time: null });
      }
      const again = { type: TYPE_COMMAND, cmd: Buffer.from('poll'), path: [] };
      const expires = timestamp(Date.now() + 10_000);
      return Promise.resolve({ info, flight_descriptor: again, progress: 0.1, expiration_time: expires });
    },
  });
}

/** The command comes back as metadata of the info and of its endpoint. */
export function infoMetadata(): Script {
  return script({
    getFlightInfo: (_scope, descriptor) => {
      const metadata = { app_metadata: descriptor.cmd };
      return Promise.resolve(infoOf(descriptor, COUNTS, [endpoint('', metadata)], metadata));
    },
  });
}

type OptionValue = Readonly<Record<string, unknown>>;
interface Options {
  readonly session_options: Readonly<Record<string, OptionValue>>;
}

const SESSION_COOKIE = 'arrow_flight_session_id';
const INVALID_NAME = 1;
const INVALID_VALUE = 2;
const CLOSED = 1;

/** Options that live as long as a cookie's session. */
export function sessionOptions(): Script {
  const sessions = new Map<string, Map<string, OptionValue>>();
  const idOf = (scope: CallScope): string => {
    const cookies = scope.header('cookie').join('; ');
    const known = new RegExp(`\\b${SESSION_COOKIE}=(\\w+)`).exec(cookies)?.[1];
    if (known !== undefined && sessions.has(known)) return known;
    const id = randomBytes(16).toString('hex');
    sessions.set(id, new Map());
    scope.addHeader('set-cookie', `${SESSION_COOKIE}=${id}`);
    return id;
  };
  return script({
    doAction: async (scope, type, body) => {
      await Promise.resolve();
      const id = idOf(scope);
      const options = sessions.get(id) ?? new Map<string, OptionValue>();
      if (type === 'SetSessionOptions') {
        const errors: Record<string, { value: number }> = {};
        const { session_options: wanted } = decodeAs<Options>('SetSessionOptionsRequest', body);
        for (const [name, value] of Object.entries(wanted)) {
          if (name === 'lol_invalid') errors[name] = { value: INVALID_NAME };
          else if (value['string_value'] === 'lol_invalid') errors[name] = { value: INVALID_VALUE };
          else if (Object.keys(value).length === 0) options.delete(name);
          else options.set(name, value);
        }
        return [encodeAs('SetSessionOptionsResult', { errors })];
      }
      if (type === 'GetSessionOptions') {
        return [encodeAs('GetSessionOptionsResult', { session_options: Object.fromEntries(options) })];
      }
      if (type !== 'CloseSession') throw unexpected(`the action ${type}`);
      sessions.delete(id);
      return [encodeAs('CloseSessionResult', { status: CLOSED })];
    },
  });
}

/** Whatever comes, batches or metadata alone, goes back as it came. */
export function exchangeEcho(): Script {
  return script({ doExchange: (_scope, exchange) => echo(exchange) });
}

async function echo({ inbox, open }: Exchange): Promise<void> {
  let outbox: Outbox | undefined;
  let dictionaries: DictionaryWriter | undefined;
  try {
    for await (const { descriptor, schema, batch, appMetadata } of incoming(inbox)) {
      if (textOf(descriptor?.cmd ?? Buffer.of()) !== 'echo') throw unexpected('another command than echo');
      if (batch === undefined) {
        if (appMetadata.byteLength === 0) continue;
        outbox ??= open();
        await outbox.send({ header: Buffer.of(), body: [], bodyBytes: 0 }, appMetadata);
        continue;
      }
      if (schema === undefined) throw new EngineError('internal', 'a batch without a schema');
      outbox ??= open();
      if (dictionaries === undefined) {
        dictionaries = new DictionaryWriter(schema);
        await outbox.send(encodeSchema(schema));
      }
      for (const dictionary of dictionaries.messages(batch)) await outbox.send(dictionary);
      await outbox.send(encodeBatch(batch), appMetadata);
    }
  } finally {
    outbox?.close();
  }
}
