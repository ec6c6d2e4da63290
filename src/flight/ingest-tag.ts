/**
 * How a put says that it wants to be stored exactly once, and how it is answered.
 *
 *     whole stream   call headers x-ingest-producer, x-ingest-seq, x-ingest-epoch (0 unless said)
 *     each batch     app_metadata {"producer":"p","epoch":0,"seq":17}; other keys are the client's own affair
 *     answer         PutResult's app_metadata {"producer":"p","seq":17,"commit":93,"rows":65536,"durable":true}
 *
 * Hides parsing. Invariants: what names a producer is either understood whole or refused, never passed over; metadata
 * that names none is nothing to us; an answer leaves out what is not known. Source: docs/ingest.md.
 */
import { asBuffer } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { PRODUCER_METADATA_BYTES_MAX, PRODUCER_NAME_BYTES_MAX } from '../base/limits.ts';
import type { PutTag, PutAnswer } from '../engine/contract.ts';

const PRODUCER_HEADER = 'x-ingest-producer';
const EPOCH_HEADER = 'x-ingest-epoch';
const SEQ_HEADER = 'x-ingest-seq';
const BRACE = 0x7b;

/** All values of one call header. */
export type HeaderValues = (name: string) => readonly string[];

/** The tag that a call's headers give to its whole stream; undefined without any. @throws `request_invalid` */
export function headerTag(headers: HeaderValues): PutTag | undefined {
  const name = oneHeader(headers, PRODUCER_HEADER);
  const epoch = oneHeader(headers, EPOCH_HEADER);
  const seq = oneHeader(headers, SEQ_HEADER);
  if (name === undefined) {
    const other = seq !== undefined ? SEQ_HEADER : epoch !== undefined ? EPOCH_HEADER : undefined;
    if (other === undefined) return undefined;
    throw new EngineError('request_invalid', `the header ${other} needs ${PRODUCER_HEADER} beside it`);
  }
  return {
    kind: 'producer',
    name: checkName(name, `the header ${PRODUCER_HEADER}`),
    epoch: checkNumber(epoch === undefined ? 0 : numberOf(epoch), 0, `the header ${EPOCH_HEADER}`),
    seq: checkNumber(seq === undefined ? undefined : numberOf(seq), 1, `the header ${SEQ_HEADER}`),
  };
}

function oneHeader(headers: HeaderValues, name: string): string | undefined {
  const values = headers(name);
  if (values.length > 1) throw new EngineError('request_invalid', `the header ${name} is given twice`);
  return values[0];
}

/** Digits as a number; other text as it is, for the message. */
function numberOf(text: string): unknown {
  return /^\d{1,16}$/.test(text) ? Number(text) : text;
}

/** True when a message's app_metadata may name a producer, rightly or not: its sender may wait for an answer. */
export function mayNameProducer(bytes: Uint8Array): boolean {
  return bytes[0] === BRACE && asBuffer(bytes).includes('"producer"');
}

/** The tag that a message's app_metadata gives to its batch; undefined when it names no producer. */
export function metadataTag(bytes: Uint8Array): PutTag | undefined {
  if (bytes[0] !== BRACE) return undefined;
  if (bytes.byteLength > PRODUCER_METADATA_BYTES_MAX) {
    if (!mayNameProducer(bytes)) return undefined;
    const sizes = `${bytes.byteLength.toString()} bytes, at most ${PRODUCER_METADATA_BYTES_MAX.toString()} are allowed`;
    throw new EngineError('limit_exceeded', `the app_metadata of a batch names a producer and has ${sizes}`);
  }
  const content = parse(asBuffer(bytes).toString());
  if (content === undefined || !('producer' in content)) return undefined;
  return {
    kind: 'producer',
    name: checkName(content['producer'], '"producer" in app_metadata'),
    epoch: checkNumber(content['epoch'] ?? 0, 0, '"epoch" in app_metadata'),
    seq: checkNumber(content['seq'], 1, '"seq" in app_metadata'),
  };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    // A text that begins with a brace is an object, or no JSON, and then it cannot name a producer.
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

/** Checks a producer's name; `where` begins the message. @throws `request_invalid` */
export function checkName(value: unknown, where: string): string {
  const bytes = typeof value === 'string' ? Buffer.byteLength(value) : 0;
  const isText = typeof value === 'string' && bytes > 0 && bytes <= PRODUCER_NAME_BYTES_MAX;
  if (isText && !/[\u0000-\u001f\u007f]/.test(value)) return value;
  const most = PRODUCER_NAME_BYTES_MAX.toString();
  const wanted = `it must be a text of 1 to ${most} bytes without control characters`;
  throw new EngineError('request_invalid', `${where} ${shown(value)}; ${wanted}`);
}

function checkNumber(value: unknown, least: number, where: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
  const wanted = `it must be an integer from ${least.toString()} to 2^53 - 1`;
  throw new EngineError('request_invalid', `${where} ${shown(value)}; ${wanted}`);
}

function shown(value: unknown): string {
  if (value === undefined) return 'is missing';
  const text = JSON.stringify(value);
  return `is ${text.length > 80 ? `${text.slice(0, 80)}…` : text}`;
}

/** PutResult's app_metadata for what was stored under `tag`. */
export function encodeAnswer(tag: PutTag, { commit, rowCount, duplicate }: PutAnswer): Buffer {
  const fields = {
    producer: tag.name,
    seq: tag.seq,
    ...(commit < 0 ? {} : { commit }),
    ...(rowCount < 0 ? {} : { rows: rowCount }),
    durable: true,
    ...(duplicate ? { duplicate } : {}),
  };
  return Buffer.from(JSON.stringify(fields));
}
