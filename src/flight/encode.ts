/**
 * The hot messages of Flight, written and read by hand: FlightData both ways, and Ticket.
 *
 * What one message looks like in a call's byte stream (gRPC frame, then protobuf fields in this order; varints are
 * LEB128):
 *
 *     00 | length u32 BE | 12 varint header… | 1A varint metadata… | C2 3E varint body…
 *     ^    ^               ^                   ^                     ^
 *     |    of all fields   data_header (2)     app_metadata (3)      data_body (1000)
 *     not compressed
 *
 * Hides protobuf. Invariants: writing copies the flatbuffer header and never the body; reading gives views and copies
 * nothing; malformed bytes are `request_invalid`, never an assertion. Source: Protocol Buffers encoding; gRPC over
 * HTTP/2, length-prefixed messages; proto/Flight.proto for the numbers.
 */
import type { Message } from '../arrow/batch.ts';
import { asBuffer } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { decodeText } from './text.ts';

/** Bytes of gRPC's frame prefix: compression flag and length. */
export const FRAME_PREFIX_BYTES = 5;

const FIELD_CANCEL_INFO = 1;
const FIELD_INFO_ENDPOINT = 3;
const FIELD_INFO_METADATA = 7;
const FIELD_ENDPOINT_TICKET = 1;
const FIELD_AUTH_USER = 2;
const FIELD_AUTH_PASSWORD = 3;

const TAG_DESCRIPTOR = 0x0a;
const TAG_HEADER = 0x12;
const TAG_METADATA = 0x1a;
const TAG_BODY_LOW = 0xc2;
const TAG_BODY_HIGH = 0x3e;

const FIELD_DESCRIPTOR = 1;
const FIELD_HEADER = 2;
const FIELD_METADATA = 3;
const FIELD_BODY = 1000;

const EMPTY = new Uint8Array(0);

/** A FlightDescriptor as it came: `type` 1 = path, 2 = command. */
export interface FlightDescriptor {
  readonly type: number;
  readonly cmd: Uint8Array;
  readonly path: readonly string[];
}

/** A received FlightData message; absent fields are empty. Views on the received bytes. */
export interface FlightData {
  readonly descriptor: FlightDescriptor | undefined;
  readonly header: Uint8Array;
  readonly appMetadata: Uint8Array;
  readonly body: Uint8Array;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}

/**
 * Everything of `message` on the wire but its body: frame prefix, header and metadata fields, and tag and length of the
 * body field, which the body's parts must follow at once. With `room`, that many bytes are left free at the end, for a
 * body that is copied in.
 */
export function encodeFrameHead(message: Message, appMetadata: Uint8Array = EMPTY, room = 0): Buffer {
  const { header, bodyBytes } = message;
  const bodyFieldBytes = bodyBytes === 0 ? 0 : 2 + varintBytes(bodyBytes);
  const headBytes = fieldBytes(header) + fieldBytes(appMetadata) + bodyFieldBytes;
  const frame = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + headBytes + room);
  frame[0] = 0;
  frame.writeUInt32BE(headBytes + bodyBytes, 1);
  let at = writeField(frame, FRAME_PREFIX_BYTES, TAG_HEADER, header);
  at = writeField(frame, at, TAG_METADATA, appMetadata);
  if (bodyFieldBytes > 0) {
    frame[at++] = TAG_BODY_LOW;
    frame[at++] = TAG_BODY_HIGH;
    writeVarint(frame, at, bodyBytes);
  }
  return frame;
}

/** Size of a field with a tag of one byte, which is left out when empty. */
function fieldBytes(value: Uint8Array): number {
  return value.byteLength === 0 ? 0 : 1 + varintBytes(value.byteLength) + value.byteLength;
}

function writeField(target: Uint8Array, offset: number, tag: number, value: Uint8Array): number {
  if (value.byteLength === 0) return offset;
  target[offset] = tag;
  const at = writeVarint(target, offset + 1, value.byteLength);
  target.set(value, at);
  return at + value.byteLength;
}

/** A position in protobuf bytes. */
class Cursor {
  readonly bytes: Uint8Array;
  at = 0;
  readonly #what: string;

  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes;
    this.#what = what;
  }

  get more(): boolean {
    return this.at < this.bytes.byteLength;
  }

  /**
   * A varint below 2^53; longer ones, which only unknown fields may hold, are read to their end and given as
   * Infinity.
   */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.bytes[this.at];
      if (byte === undefined) throw this.fault('ends within a number');
      this.at++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : Infinity;
      scale *= 0x80;
    }
    throw this.fault('holds a number of more than 10 bytes');
  }

  /** The bytes of a length-delimited field, as a view. */
  field(): Uint8Array {
    const length = this.varint();
    const start = this.at;
    const rest = this.bytes.byteLength - start;
    if (length > rest) throw this.fault(`has a field of ${String(length)} bytes with ${rest.toString()} left`);
    this.at = start + length;
    return this.bytes.subarray(start, this.at);
  }

  /** Steps over a field of a kind that we do not know. */
  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.at += 8;
    else if (wireType === 2) this.field();
    else if (wireType === 5) this.at += 4;
    else throw this.fault(`has a field of the unknown wire type ${wireType.toString()}`);
    if (this.at > this.bytes.byteLength) throw this.fault('ends within a field');
  }

  fault(why: string): EngineError {
    return new EngineError(
      'request_invalid',
      `the ${this.#what} message ${why}; send it as the Flight protocol says`,
    );
  }
}

/** Reads a FlightData message. @throws `request_invalid` */
export function decodeFlightData(bytes: Uint8Array): FlightData {
  const cursor = new Cursor(bytes, 'FlightData');
  let descriptor: FlightDescriptor | undefined;
  let header: Uint8Array = EMPTY;
  let appMetadata: Uint8Array = EMPTY;
  let body: Uint8Array = EMPTY;
  while (cursor.more) {
    const tag = cursor.varint();
    const wireType = tag % 8;
    const field = Math.floor(tag / 8);
    if (wireType !== 2) cursor.skip(wireType);
    else if (field === FIELD_BODY) body = cursor.field();
    else if (field === FIELD_HEADER) header = cursor.field();
    else if (field === FIELD_DESCRIPTOR) descriptor = decodeDescriptor(cursor.field());
    else if (field === FIELD_METADATA) appMetadata = cursor.field();
    else cursor.skip(wireType);
  }
  return { descriptor, header, appMetadata, body };
}

function decodeDescriptor(bytes: Uint8Array): FlightDescriptor {
  const cursor = new Cursor(bytes, 'FlightDescriptor');
  let type = 0;
  let cmd: Uint8Array = EMPTY;
  const path: string[] = [];
  while (cursor.more) {
    const tag = cursor.varint();
    if (tag === 0x08) type = cursor.varint();
    else if (tag === 0x12) cmd = cursor.field();
    else if (tag === 0x1a) path.push(decodeText(cursor.field(), "the descriptor's path"));
    else cursor.skip(tag % 8);
  }
  return { type, cmd, path };
}

/** Reads a Ticket message: its bytes, as a view. @throws `request_invalid` */
export function decodeTicket(bytes: Uint8Array): Uint8Array {
  const cursor = new Cursor(bytes, 'Ticket');
  let ticket: Uint8Array = EMPTY;
  while (cursor.more) {
    const tag = cursor.varint();
    if (tag === 0x0a) ticket = cursor.field();
    else cursor.skip(tag % 8);
  }
  return ticket;
}

/** What cancelling needs of a FlightInfo; views on its bytes. */
export interface CancelledInfo {
  readonly tickets: readonly Uint8Array[];
  /** Empty when there is none. */
  readonly appMetadata: Uint8Array;
}

/** Reads a CancelFlightInfoRequest. @throws `request_invalid` */
export function decodeCancelRequest(bytes: Uint8Array): CancelledInfo {
  const what = 'CancelFlightInfoRequest';
  const [flightInfo] = fieldsOf(bytes, FIELD_CANCEL_INFO, what);
  if (flightInfo === undefined) throw new Cursor(bytes, what).fault('holds no FlightInfo');
  return decodeCancelledInfo(flightInfo);
}

/** Reads a FlightInfo that is to be cancelled. @throws `request_invalid` */
export function decodeCancelledInfo(flightInfo: Uint8Array): CancelledInfo {
  const tickets = fieldsOf(flightInfo, FIELD_INFO_ENDPOINT, 'FlightInfo').flatMap((endpoint) =>
    fieldsOf(endpoint, FIELD_ENDPOINT_TICKET, 'FlightEndpoint').map(decodeTicket),
  );
  const [appMetadata = EMPTY] = fieldsOf(flightInfo, FIELD_INFO_METADATA, 'FlightInfo');
  return { tickets, appMetadata };
}

/** User and password of a BasicAuth; undefined when `bytes` are something else. */
export function decodeBasicAuth(bytes: Uint8Array): { readonly user: string; readonly password: string } | undefined {
  try {
    const [user] = fieldsOf(bytes, FIELD_AUTH_USER, 'BasicAuth');
    const [password] = fieldsOf(bytes, FIELD_AUTH_PASSWORD, 'BasicAuth');
    if (user === undefined || password === undefined) return undefined;
    return { user: Buffer.from(user).toString(), password: Buffer.from(password).toString() };
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

/** Every value of one length-delimited field. */
function fieldsOf(bytes: Uint8Array, field: number, what: string): Uint8Array[] {
  const cursor = new Cursor(bytes, what);
  const found: Uint8Array[] = [];
  while (cursor.more) {
    const tag = cursor.varint();
    if (tag === field * 8 + 2) found.push(cursor.field());
    else cursor.skip(tag % 8);
  }
  return found;
}

/**
 * Where the body begins in a FlightData message of which `start` are the first bytes; undefined when that is not
 * known from them. Never throws: what is malformed is found when the whole message is read.
 */
export function bodyOffset(start: Uint8Array): number | undefined {
  let at = 0;
  while (at + 2 < start.byteLength) {
    const isBody = start[at] === TAG_BODY_LOW && start[at + 1] === TAG_BODY_HIGH;
    at += isBody ? 2 : 1;
    let length = 0;
    let scale = 1;
    let byte = 0x80;
    while (byte >= 0x80 && at < start.byteLength) {
      byte = start[at++] ?? 0;
      length += (byte & 0x7f) * scale;
      scale *= 0x80;
    }
    if (isBody) return byte < 0x80 ? at : undefined;
    at += length;
  }
  return undefined;
}

/** Fields of a FlightData message beside those of its Arrow message. */
interface MessageFields {
  /** A FlightDescriptor, encoded. */
  readonly descriptor?: Uint8Array;
  readonly appMetadata?: Uint8Array;
}

/**
 * A message whose bytes are copied once, straight into gRPC's own frame. grpc-js asks for no more than these members:
 * a server of `byteLength`, a client of `length`.
 */
export class CopiedMessage {
  readonly byteLength: number;
  readonly #leading: Buffer;
  readonly #head: Buffer;
  readonly #body: readonly Uint8Array[];

  constructor(message: Message, { descriptor = EMPTY, appMetadata = EMPTY }: MessageFields = {}) {
    this.#leading = Buffer.alloc(fieldBytes(descriptor));
    writeField(this.#leading, 0, TAG_DESCRIPTOR, descriptor);
    this.#head = encodeFrameHead(message, appMetadata).subarray(FRAME_PREFIX_BYTES);
    this.#body = message.body;
    this.byteLength = this.#leading.byteLength + this.#head.byteLength + message.bodyBytes;
  }

  /** `byteLength` by its other name. */
  get length(): number {
    return this.byteLength;
  }

  /** Writes all bytes to `target` from `start` on; returns their count. */
  copy(target: Uint8Array, start: number): number {
    target.set(this.#leading, start);
    target.set(this.#head, start + this.#leading.byteLength);
    let at = start + this.#leading.byteLength + this.#head.byteLength;
    for (const part of this.#body) {
      target.set(part, at);
      at += part.byteLength;
    }
    return this.byteLength;
  }
}

/** Joins a small message into one buffer, frame prefix included. */
export function encodeFrame(message: Message, appMetadata: Uint8Array = EMPTY): Buffer {
  const frame = encodeFrameHead(message, appMetadata, message.bodyBytes);
  let at = frame.byteLength - message.bodyBytes;
  for (const part of message.body) {
    frame.set(part, at);
    at += part.byteLength;
  }
  return asBuffer(frame);
}
