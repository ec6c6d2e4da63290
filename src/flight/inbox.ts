/**
 * The messages of a put, one at a time, as its handler asks for them.
 *
 * Hides whether they come from the call's HTTP/2 stream or from grpc-js. Invariants: the source is paused while a
 * message waits, so that no more than the message in work, the one behind it and the transport's window are held; a
 * client that is gone is an error and never an end.
 */
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { EngineError } from '../base/errors.ts';
import { PUT_DRAIN_BYTES_MAX, PUT_DRAIN_MS_MAX, RECEIVE_MESSAGE_BYTES_MAX } from '../base/limits.ts';
import { countBytes } from './call.ts';
import { FrameReader, reserveBytes } from './frame.ts';
import type { Frame } from './frame.ts';

const DECOMPRESS = { gzip: promisify(gunzip), deflate: promisify(inflate) };

/** What can be told to wait and to go on. */
export interface Source {
  pause(): unknown;
  resume(): unknown;
}

/** A whole message. Call `release` when its content is used up, with `reuse` when no view on it is left. */
export type Received = Pick<Frame, 'bytes' | 'release'>;

export class Inbox {
  readonly #source: Source;
  readonly #reader = new FrameReader((frame) => {
    this.#deliver(frame);
  });
  readonly #encoding: () => string;
  #queue: Frame[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  #failure: EngineError | undefined;
  #discarding = false;
  #discardedBytes = 0;

  /** `encoding` names the compression of frames that say they are compressed. */
  constructor(source: Source, encoding: () => string = () => 'identity') {
    this.#source = source;
    this.#encoding = encoding;
  }

  /** Takes bytes of the call as they come. Never throws: faults are for the reader. */
  writeBytes(piece: Buffer): void {
    if (this.#discarding || this.#failure !== undefined) {
      this.#discard(piece.byteLength);
      return;
    }
    try {
      this.#reader.write(piece);
    } catch (error) {
      this.fail(error instanceof EngineError ? error : new EngineError('internal', String(error), { cause: error }));
    }
  }

  /** Takes a whole message that grpc-js has cut out. */
  writeMessage(bytes: Uint8Array): void {
    if (this.#discarding || this.#failure !== undefined) {
      this.#discard(bytes.byteLength);
      return;
    }
    try {
      this.#deliver({ compressed: false, bytes, release: reserveBytes(bytes.byteLength) });
    } catch (error) {
      this.fail(error instanceof EngineError ? error : new EngineError('internal', String(error), { cause: error }));
    }
  }

  /** The client has sent all that it wanted to. */
  end(): void {
    const missing = this.#reader.missingBytes;
    this.#ended = true;
    if (missing !== undefined && !this.#discarding) {
      const message = `the stream ended within a message that lacks ${missing.toString()} bytes`;
      this.fail(new EngineError('request_invalid', `${message}; nothing was stored`));
    }
    this.#notify();
  }

  /** Ends the inbox with an error; what waits is dropped. The first error counts. */
  fail(error: EngineError): void {
    this.#failure ??= error;
    this.#drop();
    this.#notify();
  }

  /** The next message, or undefined at the end. @throws the failure, `unimplemented` for an unknown compression */
  async next(): Promise<Received | undefined> {
    for (;;) {
      const frame = this.#queue.shift();
      if (frame !== undefined) return frame.compressed ? this.#decompress(frame) : frame;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      this.#source.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /**
   * Reads on without keeping anything, until the client ends or leaves, or a bound is met: a client that is answered
   * while it still sends may see a broken pipe instead of its status.
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#discarding = true;
    this.#drop();
    if (this.#ended || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PUT_DRAIN_MS_MAX);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
      this.#source.resume();
    });
  }

  /** Frees everything that is held. */
  close(): void {
    this.#discarding = true;
    this.#drop();
  }

  #deliver(frame: Frame): void {
    countBytes('in', frame.bytes.byteLength);
    this.#queue.push(frame);
    this.#source.pause();
    this.#notify();
  }

  #discard(bytes: number): void {
    countBytes('in', bytes);
    this.#discardedBytes += bytes;
    if (this.#discardedBytes > PUT_DRAIN_BYTES_MAX) this.#notify();
  }

  #drop(): void {
    for (const frame of this.#queue) frame.release();
    this.#queue = [];
    this.#reader.close();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  async #decompress(frame: Frame): Promise<Received> {
    const encoding = this.#encoding();
    const decompress = encoding === 'gzip' || encoding === 'deflate' ? DECOMPRESS[encoding] : undefined;
    try {
      if (decompress === undefined) {
        throw new EngineError('unimplemented', `messages compressed by "${encoding}" are not read; use gzip or none`);
      }
      const bytes = await decompress(frame.bytes, { maxOutputLength: RECEIVE_MESSAGE_BYTES_MAX }).catch(
        (cause: unknown) => {
          throw new EngineError('request_invalid', `a message is no valid ${encoding}: ${String(cause)}`, { cause });
        },
      );
      return { bytes, release: reserveBytes(bytes.byteLength) };
    } finally {
      frame.release();
    }
  }
}
