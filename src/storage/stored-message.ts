/**
 * Messages as they are stored: prefix, padded header, body, and what the catalog keeps about them.
 *
 *     offset ─▶ ┌────────────┬──────────────────────┬─────────┬──────────────┐
 *               │ prefix (8) │ flatbuffer           │ zeros   │ body         │
 *               └────────────┴──────────────────────┴─────────┴──────────────┘
 *               ◀──────── headerLength, a multiple of 64 ────▶ ◀ bodyLength ─▶
 *
 * Hides the padding and the checksum. Invariants: messages begin at multiples of 64 bytes when bodies are multiples
 * of 64, so that bodies do too; the checksum is CRC-32 over all bytes of the message. Source: Arrow columnar
 * format, "Encapsulated message format" (metadata_size includes padding).
 */
import { crc32 } from 'node:zlib';
import { messagePrefix } from '../arrow/ipc-schema.ts';
import type { Message } from '../arrow/batch.ts';
import { alignUp } from '../base/bytes.ts';

const ALIGNMENT = 64;
const PREFIX_BYTES = 8;
const NO_STATISTICS = new Uint8Array(0);

/** A message ready to be written anywhere in a segment. */
export interface StoredMessage {
  readonly kind: 'batch' | 'dictionary';
  /** Prefix and header, then the body. */
  readonly parts: readonly Uint8Array[];
  readonly headerLength: number;
  readonly bodyLength: number;
  readonly rowCount: number;
  readonly crc32: number;
  /** Packed statistics; empty for dictionaries. */
  readonly statistics: Uint8Array;
}

/** Bytes that a message takes in a file. */
export function storedBytes(message: StoredMessage): number {
  return message.headerLength + message.bodyLength;
}

/** Bytes of header and body, as a scan sends them: without the prefix. */
export function wireBytes(message: StoredMessage): number {
  return storedBytes(message) - PREFIX_BYTES;
}

/**
 * Prefix and header of `message`, with zeros after the header so that prefix + header, begun at `offset`, end
 * aligned.
 */
export function storedHead(message: Message, offset: number): Uint8Array {
  const length = alignUp(offset + PREFIX_BYTES + message.header.byteLength, ALIGNMENT) - offset;
  const header = new Uint8Array(length - PREFIX_BYTES);
  header.set(message.header);
  const head = new Uint8Array(length);
  head.set(messagePrefix({ ...message, header }));
  head.set(header, PREFIX_BYTES);
  return head;
}

/**
 * A record batch message to store. With `copy`, its bytes are in memory of its own; otherwise body parts stay
 * views.
 */
export function storeBatch(message: Message, rowCount: number, statistics: Uint8Array, copy: boolean): StoredMessage {
  return store('batch', message, rowCount, statistics, copy);
}

/** A dictionary batch message to store, in memory of its own. */
export function storeDictionary(message: Message): StoredMessage {
  return store('dictionary', message, 0, NO_STATISTICS, true);
}

function store(
  kind: StoredMessage['kind'],
  message: Message,
  rowCount: number,
  statistics: Uint8Array,
  copy: boolean,
): StoredMessage {
  const head = storedHead(message, 0);
  const parts = copy ? [joined(head, message)] : [head, ...message.body];
  let sum = 0;
  for (const part of parts) if (part.byteLength > 0) sum = crc32(part, sum);
  return {
    kind,
    parts,
    headerLength: head.byteLength,
    bodyLength: message.bodyBytes,
    rowCount,
    crc32: sum,
    statistics,
  };
}

function joined(head: Uint8Array, message: Message): Uint8Array {
  const bytes = Buffer.allocUnsafe(head.byteLength + message.bodyBytes);
  bytes.set(head);
  let at = head.byteLength;
  for (const part of message.body) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
