/**
 * Input as one window of bytes that slides: readers take whole records from its front, the rest waits for more.
 *
 * Hides pieces and their borders. Invariants: `bytes[start, end)` is what has come and was not taken; a byte is
 * copied once, and once more for each time it had to wait; memory is bounded by what `fill` was asked for and one
 * piece.
 */
import { EngineError } from '../base/errors.ts';
import { ROW_BYTES_MAX, TEXT_PIECE_BYTES } from '../base/limits.ts';

/** The sliding window. `start` is the reader's to move forward. */
export class ByteFeed {
  bytes = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** True when nothing more will come. */
  done = false;
  readonly #source: AsyncIterator<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Waits until at least `wanted` bytes stand in the window, or the input has ended. */
  async fill(wanted: number): Promise<void> {
    while (!this.done && this.end - this.start < wanted) {
      const next = await this.#source.next();
      if (next.done === true) this.done = true;
      else this.#append(next.value);
    }
  }

  /**
   * Waits for more after the window's rest held no whole record. @throws `limit_exceeded` for a record that is too
   * long
   */
  async more(recordName: string): Promise<void> {
    const waiting = this.end - this.start;
    if (waiting > ROW_BYTES_MAX) {
      const most = `more than ${ROW_BYTES_MAX.toString()} bytes`;
      throw new EngineError('limit_exceeded', `${recordName} has ${most}; is a quote or a line's end missing?`);
    }
    await this.fill(Math.max(waiting * 2, TEXT_PIECE_BYTES));
  }

  /** Tells the source that no more is wanted. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  #append(piece: Uint8Array): void {
    const held = this.end - this.start;
    if (this.end + piece.byteLength > this.bytes.byteLength) {
      const needed = held + piece.byteLength;
      if (needed > this.bytes.byteLength) {
        const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.byteLength * 2, TEXT_PIECE_BYTES * 2));
        grown.set(this.bytes.subarray(this.start, this.end));
        this.bytes = grown;
      } else this.bytes.copyWithin(0, this.start, this.end);
      this.start = 0;
      this.end = held;
    }
    this.bytes.set(piece, this.end);
    this.end += piece.byteLength;
  }
}

/** Steps over a UTF-8 byte order mark. @throws `request_invalid` for UTF-16, whatever names it `formatName` */
export function skipByteOrderMark(feed: ByteFeed, formatName: string): void {
  const [first, second, third] = feed.bytes.subarray(feed.start, Math.min(feed.end, feed.start + 3));
  if (first === 0xef && second === 0xbb && third === 0xbf) feed.start += 3;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new EngineError('request_invalid', `the ${formatName} input is UTF-16; convert it to UTF-8`);
  }
}
