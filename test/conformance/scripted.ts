/**
 * What scripted methods of the Flight service share: refusals, FlightInfo, streams of batches in and out.
 *
 * Hides framing, which is the product's own (src/flight, src/arrow). Invariant: all bytes go through the product's
 * codecs; nothing here writes protobuf or Arrow by itself.
 */
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { prepareCodecs } from '../../src/arrow/compression.ts';
import { BatchReader } from '../../src/arrow/ipc-read.ts';
import { decodeSchema, encodeSchema, numberDictionaries } from '../../src/arrow/ipc-schema.ts';
import { encodeResults } from '../../src/arrow/ipc-stream.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { EngineError } from '../../src/base/errors.ts';
import type { CallScope } from '../../src/flight/call.ts';
import { decodeFlightData } from '../../src/flight/encode.ts';
import type { FlightDescriptor } from '../../src/flight/encode.ts';
import { schemaBytes } from '../../src/flight/flight-info.ts';
import type { Inbox } from '../../src/flight/inbox.ts';
import type { Outbox } from '../../src/flight/lane.ts';
import { decodeMessage, encodeMessage, packMessage } from '../../src/flight/message.ts';
import type { MessageName } from '../../src/flight/message.ts';
import type { FlightEndpoint, FlightInfo } from '../../src/flight/message-type.ts';
import type { FlightMethods } from '../../src/flight/methods.ts';

/** Methods that see the call itself. */
export type Script = FlightMethods<CallScope>;

function refusal(rpc: string): EngineError {
  return new EngineError('unimplemented', `the scenario does not have ${rpc}`);
}

/** Those of a scenario; what it does not name is refused. */
export function script(methods: Partial<Script>): Script {
  const refuse = (rpc: string) => (): Promise<never> => Promise.reject(refusal(rpc));
  return {
    listFlights: () => [],
    listActions: () => [],
    getFlightInfo: refuse('GetFlightInfo'),
    pollFlightInfo: refuse('PollFlightInfo'),
    getSchema: refuse('GetSchema'),
    doGet: refuse('DoGet'),
    doPut: refuse('DoPut'),
    doExchange: refuse('DoExchange'),
    doAction: refuse('DoAction'),
    ...methods,
  };
}

/** The error for what a scenario's client must not send. */
export function unexpected(what: string): EngineError {
  return new EngineError('request_invalid', `the scenario does not expect ${what}`);
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

/** An endpoint of a ticket without location or expiry, unless `more` says so. */
export function endpoint(ticket: string | Uint8Array, more: Partial<FlightEndpoint> = {}): FlightEndpoint {
  const bytes = typeof ticket === 'string' ? Buffer.from(ticket) : ticket;
  return { ticket: { ticket: bytes }, location: [], expiration_time: null, ...more };
}

/** A FlightInfo without counts. */
export function infoOf(
  descriptor: FlightDescriptor,
  schema: Schema,
  endpoints: readonly FlightEndpoint[],
  more: Partial<FlightInfo> = {},
): FlightInfo {
  return {
    schema: schemaBytes(schema),
    flight_descriptor: descriptor,
    endpoint: endpoints,
    total_records: -1,
    total_bytes: -1,
    ordered: false,
    ...more,
  };
}

/** Answers with a schema and batches; `metadataOf` gives each its app_metadata. */
export async function sendBatches(
  open: () => Outbox,
  schema: Schema,
  batches: readonly RecordBatch[],
  metadataOf: (index: number) => Uint8Array | undefined = () => undefined,
): Promise<void> {
  const outbox = open();
  try {
    await outbox.send(encodeSchema(schema));
    let index = 0;
    for await (const batch of encodeResults(schema, yielding(batches))) {
      for (const dictionary of batch.dictionaries()) await outbox.send(dictionary);
      await outbox.send(batch.message(), metadataOf(index++));
    }
  } finally {
    outbox.close();
  }
}

async function* yielding<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const value of values) yield await Promise.resolve(value);
}

/** A message of a stream that comes in; a dictionary is none, but part of the batches after it. */
export interface Incoming {
  /** Of the first message. */
  readonly descriptor: FlightDescriptor | undefined;
  /** Undefined before it came. */
  readonly schema: Schema | undefined;
  /** Undefined for the schema and for metadata alone. */
  readonly batch: RecordBatch | undefined;
  readonly appMetadata: Uint8Array;
}

/** The messages of `inbox`, which is closed at the end; batches are copies, ids of dictionaries in the schema unique. */
export async function* incoming(inbox: Inbox): AsyncGenerator<Incoming> {
  await prepareCodecs();
  let descriptor: FlightDescriptor | undefined;
  let reader: BatchReader | undefined;
  let schema: Schema | undefined;
  try {
    for (let received = await inbox.next(); received !== undefined; received = await inbox.next()) {
      const message = decodeFlightData(received.bytes);
      const header = message.header.slice();
      const body = message.body.slice();
      const appMetadata = message.appMetadata.slice();
      descriptor ??= structuredClone(message.descriptor);
      received.release();
      let batch: RecordBatch | undefined;
      if (header.byteLength > 0) {
        if (reader === undefined) {
          reader = new BatchReader(decodeSchema(header), { trusted: false });
          // Fields may share one, which our writer does not do.
          schema = numberDictionaries(reader.schema);
        } else {
          batch = reader.read(header, body);
          if (batch === undefined) continue;
        }
      }
      yield { descriptor, schema, batch, appMetadata };
    }
  } finally {
    inbox.close();
  }
}

/** Reads a message of the proto files for which the product has no type. */
export function decodeAs<T>(name: string, bytes: Uint8Array): T {
  return decodeMessage(name as MessageName, bytes) as unknown as T;
}

/** Writes one. */
export function encodeAs(name: string, value: object): Buffer {
  return encodeMessage(name as MessageName, value as never);
}

/** Packs one. */
export function packAs(name: string, value: object): Buffer {
  return packMessage(name as MessageName, value as never);
}
