/**
 * Chunks of any size, read as runs of exactly so many bytes.
 *
 * Hides where chunks begin and end. Invariants: a run lies in one piece of memory and begins at a multiple of 8 in
 * it; it is a view on a chunk where that is possible, so chunks must not be reused by their maker. Holds one chunk at
 * a time.
 */
import { EngineError } from '../base/errors.ts';

/** A cursor over an asynchronous sequence of chunks. */
export class ByteFeed {
  private readonly source: AsyncIterator<Uint8Array>;
  private chunk: Uint8Array = new Uint8Array(0);
  private at = 0;
  private ended = false;
  /** Bytes taken so far. */
  position = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.source = chunks[Symbol.asyncIterator]();
  }

  /** The next `length` bytes, or fewer when the input ends before. */
  async take(length: number): Promise<Uint8Array> {
    if (this.at === this.chunk.byteLength) await this.next();
    const here = this.chunk.subarray(this.at, this.at + length);
    if (here.byteLength === length || this.ended) {
      this.advance(here.byteLength);
      return here.byteOffset % 8 === 0 ? here : new Uint8Array(here);
    }
    const run = allocate(length);
    let filled = 0;
    while (filled < length) {
      if (this.at === this.chunk.byteLength && !(await this.next())) return run.subarray(0, filled);
      const piece = this.chunk.subarray(this.at, this.at + length - filled);
      run.set(piece, filled);
      filled += piece.byteLength;
      this.advance(piece.byteLength);
    }
    return run;
  }

  /** Reads the rest and forgets it, so that the sender of a request body is not cut off. */
  async drain(): Promise<void> {
    this.at = this.chunk.byteLength;
    while (await this.next()) this.at = this.chunk.byteLength;
  }

  /** Tells the source that no more is wanted. */
  async close(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    await this.source.return?.();
  }

  private advance(count: number): void {
    this.at += count;
    this.position += count;
  }

  /** Moves to the next chunk that is not empty. */
  private async next(): Promise<boolean> {
    while (!this.ended) {
      const result = await this.source.next();
      if (result.done === true) {
        this.ended = true;
        break;
      }
      const { value } = result;
      this.chunk = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      this.at = 0;
      if (this.chunk.byteLength > 0) return true;
    }
    this.chunk = new Uint8Array(0);
    this.at = 0;
    return false;
  }
}

function allocate(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new EngineError('limit_exceeded', `no memory for a message of ${length.toString()} bytes`, { cause });
  }
}
