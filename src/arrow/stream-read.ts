/**
 * Messages out of a byte sequence: an IPC stream, or the stream inside of a file.
 *
 * Hides framing: prefix, continuation marker, the older prefix without one, `ARROW1`, end-of-stream. Invariants:
 * lengths are bounded before memory is taken; one message is held at a time. Source: Arrow format, "Encapsulated
 * message format", "IPC file format".
 *
 *   message: 0xFFFFFFFF | i32 header length | header | body      (before 0.15: without the marker)
 *   end:     0xFFFFFFFF | 0, or the end of the bytes
 *   file:    "ARROW1" 0 0 | messages | end | footer | i32 footer length | "ARROW1"
 */
import { EngineError } from '../base/errors.ts';
import { MESSAGE_HEADER_BYTES_MAX, RECEIVE_MESSAGE_BYTES_MAX } from '../base/limits.ts';
import { ByteFeed } from './byte-feed.ts';
import { readMessageHead } from './ipc-header.ts';
import type { MessageHead } from './ipc-header.ts';

/** A framed message as it came. */
export interface FramedMessage {
  readonly head: MessageHead;
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

const MAGIC_TEXT = 'ARROW1';

/** Reads messages one after another. */
export class MessageFeed {
  private readonly feed: ByteFeed;
  private isFile = false;
  private legacy = false;
  private messageCount = 0;
  private pending: Uint8Array | undefined;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.feed = new ByteFeed(chunks);
  }

  /** Looks at the first bytes: skips a file's magic. @throws `request_invalid` when there are none */
  async begin(): Promise<void> {
    const first = await this.feed.take(8);
    if (first.byteLength === 0)
      throw new EngineError('request_invalid', 'the input is empty; an Arrow IPC stream or file is expected');
    if (first.byteLength >= 6 && Buffer.from(first.subarray(0, 6)).toString('latin1') === MAGIC_TEXT) {
      this.isFile = true;
      return;
    }
    this.pending = first;
  }

  /** The next message, or undefined at the end. @throws `request_invalid`, `limit_exceeded` */
  async next(): Promise<FramedMessage | undefined> {
    const headerBytes = await this.prefix();
    if (headerBytes === 0) {
      await this.feed.drain();
      return undefined;
    }
    if (headerBytes < 0)
      this.refuse(`the header's length is ${headerBytes.toString()}; is this an Arrow IPC stream?`);
    if (headerBytes > MESSAGE_HEADER_BYTES_MAX) {
      const most = `at most ${MESSAGE_HEADER_BYTES_MAX.toString()}; is this an Arrow IPC stream?`;
      throw new EngineError('limit_exceeded', `${this.name()}: a header of ${headerBytes.toString()} bytes, ${most}`);
    }
    const header = await this.exactly(headerBytes, 'header');
    const head = readMessageHead(header);
    if (head.bodyBytes > RECEIVE_MESSAGE_BYTES_MAX) {
      const most = RECEIVE_MESSAGE_BYTES_MAX.toString();
      throw new EngineError(
        'limit_exceeded',
        `${this.name()}: a body of ${head.bodyBytes.toString()} bytes, at most ${most}`,
      );
    }
    const body = await this.exactly(head.bodyBytes, 'body');
    this.messageCount++;
    return { head, header, body };
  }

  /** Tells the source that no more is wanted. */
  async close(): Promise<void> {
    await this.feed.close();
  }

  /** Length of the next header; 0 at the end. */
  private async prefix(): Promise<number> {
    const first = this.pending ?? (await this.feed.take(this.legacy ? 4 : 8));
    this.pending = undefined;
    if (first.byteLength === 0) return 0;
    const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
    if (this.legacy && first.byteLength === 4) return view.getInt32(0, true);
    if (first.byteLength < 4) this.refuse('the input ends in the middle of a length');
    const marker = view.getUint32(0, true);
    if (marker === 0xffff_ffff) {
      if (first.byteLength < 8) this.refuse('the input ends in the middle of a length');
      return view.getInt32(4, true);
    }
    if (this.messageCount > 0) {
      // A file without an end marker goes on with its footer.
      if (this.isFile || marker === 0) return 0;
      this.refuse(`expected a continuation marker, got 0x${marker.toString(16).padStart(8, '0')}`);
    }
    if (marker === 0) return 0;
    this.legacy = true;
    this.unread = first.subarray(4);
    return view.getInt32(0, true);
  }

  /** Bytes that were taken with an old 4-byte prefix but belong to its header. */
  private unread: Uint8Array = new Uint8Array(0);

  private async exactly(length: number, what: string): Promise<Uint8Array> {
    const before = this.unread.subarray(0, length);
    this.unread = this.unread.subarray(before.byteLength);
    const rest = await this.feed.take(length - before.byteLength);
    const got = before.byteLength + rest.byteLength;
    if (got < length) {
      this.refuse(
        `the input ends in the middle of the ${what}: ${got.toString()} of ${length.toString()} bytes came`,
      );
    }
    if (before.byteLength === 0) return rest;
    const joined = new Uint8Array(length);
    joined.set(before);
    joined.set(rest, before.byteLength);
    return joined;
  }

  private name(): string {
    return `message ${this.messageCount.toString()}`;
  }

  private refuse(detail: string): never {
    throw new EngineError('request_invalid', `${this.name()}: ${detail}`);
  }
}
