/**
 * Where text forms are written: one growing buffer of bytes.
 *
 * Hides growth. Invariants: bytes below `at` are final; whoever writes through `bytes[at++]` has reserved first; a
 * taken piece is never written again, so it may go to a socket without a copy.
 */
import { TEXT_PIECE_BYTES } from '../base/limits.ts';

/** Writes one present value's text. What it may be asked for, and quoting, are its maker's. */
export type CellWriter = (sink: ByteSink, row: number) => void;

/** Slack beyond a piece, so that rows of ordinary width do not make the buffer grow. */
const SLACK_BYTES = TEXT_PIECE_BYTES / 4;

/** A growing run of bytes. `bytes` and `at` are open to the writers' inner loops. */
export class ByteSink {
  bytes: Buffer;
  at = 0;

  constructor(capacityBytes: number = TEXT_PIECE_BYTES + SLACK_BYTES) {
    this.bytes = Buffer.allocUnsafeSlow(capacityBytes);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.at + count > this.bytes.byteLength) this.#grow(count);
  }

  /** Writes one byte. */
  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.at++] = value;
  }

  /** Writes text of ASCII characters only. */
  ascii(text: string): void {
    const { length } = text;
    this.reserve(length);
    const { bytes } = this;
    let { at } = this;
    for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i);
    this.at = at;
  }

  /** Writes any text as UTF-8. */
  text(text: string): void {
    this.reserve(text.length * 3);
    this.at += this.bytes.write(text, this.at);
  }

  /** Copies source[start, end). */
  copy(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.reserve(count);
    const { bytes } = this;
    if (count > 24) {
      bytes.set(source.subarray(start, end), this.at);
      this.at += count;
      return;
    }
    let { at } = this;
    for (let i = start; i < end; i++) bytes[at++] = source[i] ?? 0;
    this.at = at;
  }

  /** True when enough was written to hand it on. */
  get full(): boolean {
    return this.at >= TEXT_PIECE_BYTES;
  }

  /** What was written since the last call; the sink goes on with new memory. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.at);
    this.bytes = Buffer.allocUnsafeSlow(TEXT_PIECE_BYTES + SLACK_BYTES);
    this.at = 0;
    return taken;
  }

  /** Forgets what was written and reuses the memory; for scratch sinks whose bytes were copied out. */
  reset(): void {
    this.at = 0;
  }

  #grow(count: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.byteLength * 2, this.at + count));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
  }
}
