/**
 * gRPC frames of a put, cut out of the call's bytes.
 *
 *     flag u8 (1 = compressed) | length u32 BE | message
 *
 * Each message is allocated once, when its length is known, so that a 320 MB batch is copied once and not joined from
 * 20,000 pieces; its start is shifted so that the FlightData body inside is aligned to 64 bytes and typed arrays can
 * look at it.
 *
 * Hides the budget of received bytes. Invariants: a message above the limit, or beyond what the process may hold in
 * all, is refused by its length prefix, before a byte of it is kept; reserved bytes are given back exactly once.
 */
import { EngineError } from '../base/errors.ts';
import { formatBytes } from '../base/bytes.ts';
import { RECEIVE_BUDGET_BYTES_MAX, RECEIVE_MESSAGE_BYTES_MAX, RECEIVE_SPARE_BYTES_MAX } from '../base/limits.ts';
import { makeGauge } from '../base/metrics.ts';
import { FRAME_PREFIX_BYTES, bodyOffset } from './encode.ts';

const BODY_ALIGNMENT = 64;

let reservedBytes = 0;
makeGauge('flight_receive_bytes', 'Bytes of messages being received or waiting to be stored', () => reservedBytes);

/** One message, whole. */
export interface Frame {
  readonly compressed: boolean;
  readonly bytes: Uint8Array;
  /**
   * Gives the bytes back to the budget, once; with `reuse` their memory too, of which no view may be used any more.
   */
  release(reuse?: boolean): void;
}

/** Memory of messages that are used up, for those to come: fresh memory costs page faults and garbage collection. */
const spares: ArrayBuffer[] = [];
let sparesBytes = 0;

function takeMemory(bytes: number): ArrayBuffer {
  // One that is far too large would be missed by a message that needs it.
  const index = spares.findIndex((spare) => spare.byteLength >= bytes && spare.byteLength <= 4 * bytes);
  const [spare] = index < 0 ? [] : spares.splice(index, 1);
  if (spare === undefined) return Buffer.allocUnsafeSlow(bytes).buffer;
  sparesBytes -= spare.byteLength;
  return spare;
}

function giveMemory(memory: ArrayBuffer): void {
  if (sparesBytes + memory.byteLength <= RECEIVE_SPARE_BYTES_MAX) {
    sparesBytes += memory.byteLength;
    spares.push(memory);
  } else if (memory.byteLength > RECEIVE_SPARE_BYTES_MAX) freeMemory(memory);
}

/**
 * Frees `memory` now: left to the garbage collector, hundreds of megabytes may stay for as long as the server is
 * idle. What is transferred to a port that is closed belongs to nobody.
 */
function freeMemory(memory: ArrayBuffer): void {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(undefined, [memory]);
  port1.close();
}

/** Takes `bytes` out of the process's budget; returns what gives them back. @throws `limit_exceeded`, `busy` */
export function reserveBytes(bytes: number): () => void {
  if (bytes > RECEIVE_MESSAGE_BYTES_MAX) {
    const sizes = `${formatBytes(bytes)}; at most ${formatBytes(RECEIVE_MESSAGE_BYTES_MAX)} are allowed`;
    throw new EngineError('limit_exceeded', `a message has ${sizes}: send smaller batches`);
  }
  if (reservedBytes + bytes > RECEIVE_BUDGET_BYTES_MAX) {
    const sizes = `${formatBytes(reservedBytes)} are being received, at most ${formatBytes(RECEIVE_BUDGET_BYTES_MAX)}`;
    throw new EngineError('busy', `a message of ${formatBytes(bytes)} has no room now: ${sizes}; try again later`);
  }
  reservedBytes += bytes;
  let held = true;
  return () => {
    if (held) reservedBytes -= bytes;
    held = false;
  };
}

/** Cuts pieces of any size into frames. */
export class FrameReader {
  readonly #deliver: (frame: Frame) => void;
  readonly #prefix = Buffer.alloc(FRAME_PREFIX_BYTES);
  #prefixFilled = 0;
  #length = 0;
  #filled = 0;
  #message: Buffer<ArrayBuffer> | undefined;
  #release: () => void = () => undefined;

  constructor(deliver: (frame: Frame) => void) {
    this.#deliver = deliver;
  }

  /**
   * Takes the next piece and delivers the frames that it completes. @throws `limit_exceeded`, `busy`; then call
   * `close`
   */
  write(piece: Buffer): void {
    let at = 0;
    while (at < piece.byteLength) {
      if (this.#prefixFilled < FRAME_PREFIX_BYTES) at += this.#takePrefix(piece, at);
      else at += this.#takeMessage(piece, at);
    }
  }

  /** Bytes that the frame under way still lacks; undefined between frames. */
  get missingBytes(): number | undefined {
    if (this.#prefixFilled === 0) return undefined;
    return this.#prefixFilled < FRAME_PREFIX_BYTES
      ? FRAME_PREFIX_BYTES - this.#prefixFilled
      : this.#length - this.#filled;
  }

  /** Drops the frame under way and gives its bytes back. */
  close(): void {
    this.#release();
    this.#message = undefined;
    this.#prefixFilled = 0;
  }

  #takePrefix(piece: Buffer, start: number): number {
    const taken = piece.copy(this.#prefix, this.#prefixFilled, start);
    this.#prefixFilled += taken;
    if (this.#prefixFilled === FRAME_PREFIX_BYTES) {
      this.#length = this.#prefix.readUInt32BE(1);
      this.#filled = 0;
      this.#message = undefined;
      this.#release = reserveBytes(this.#length);
      if (this.#length === 0) this.#finish(Buffer.alloc(0));
    }
    return taken;
  }

  #takeMessage(piece: Buffer, start: number): number {
    const end = Math.min(piece.byteLength, start + this.#length - this.#filled);
    if (this.#message === undefined) {
      const offset = bodyOffset(piece.subarray(start, end)) ?? 0;
      const shift = (BODY_ALIGNMENT - (offset % BODY_ALIGNMENT)) % BODY_ALIGNMENT;
      this.#message = Buffer.from(takeMemory(this.#length + BODY_ALIGNMENT), shift, this.#length);
    }
    piece.copy(this.#message, this.#filled, start, end);
    this.#filled += end - start;
    if (this.#filled === this.#length) this.#finish(this.#message);
    return end - start;
  }

  #finish(bytes: Buffer<ArrayBuffer>): void {
    const giveBack = this.#release;
    this.#release = () => undefined;
    this.#message = undefined;
    this.#prefixFilled = 0;
    let held = true;
    const release = (reuse = false): void => {
      giveBack();
      if (reuse && held && bytes.byteLength > 0) giveMemory(bytes.buffer);
      held = false;
    };
    this.#deliver({ compressed: this.#prefix[0] === 1, bytes, release });
  }
}
