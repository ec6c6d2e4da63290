/**
 * Finds one CSV record's cells in a window of bytes.
 *
 * Hides quotes and line ends (LF, CRLF, CR). Invariants: a record is found whole or not at all, so its cells are
 * never torn; a quote inside a cell that does not begin with one is an ordinary character, as most writers mean it.
 * Source: RFC 4180.
 */
import { EngineError } from '../base/errors.ts';
import { COLUMNS_MAX } from '../base/limits.ts';

/** Cell kinds: as it stands; quoted; quoted with doubled quotes inside. */
export const BARE = 0;
const QUOTED = 1;
export const ESCAPED = 2;

const QUOTE = 34;
const LF = 10;
const CR = 13;

/**
 * The scanner of one input. After `scan`: cell i is bytes[cells[3i], cells[3i + 1]) without quotes, of kind cells[3i +
 * 2].
 */
export class CsvScanner {
  readonly delimiter: number;
  readonly quote: number;
  /** What makes a quote within a quoted cell an ordinary character: a quote itself, or another character before it. */
  readonly escape: number;
  cells = new Int32Array(3 * 64);
  cellCount = 0;
  /** 1-based line on which the next record begins. */
  line = 1;
  /** 1-based line on which the record last scanned began. */
  recordLine = 1;
  #newlines = 0;

  constructor(delimiter: number, quote = QUOTE, escape = quote) {
    this.delimiter = delimiter;
    this.quote = quote;
    this.escape = escape;
  }

  /**
   * Scans the record at `start`. Returns where the next one begins, or -1 when bytes[start, end) may not hold all of
   * it and more is to come (`final` false). @throws `request_invalid` for a quoted cell that is not closed or is
   * followed by text, `limit_exceeded` for more cells than a table may have columns
   */
  scan(bytes: Uint8Array, start: number, end: number, final: boolean): number {
    this.cellCount = 0;
    this.#newlines = 0;
    let at = start;
    for (;;) {
      at =
        bytes[at] === this.quote && at < end ? this.#quoted(bytes, at + 1, end, final) : this.#bare(bytes, at, end);
      if (at < 0 || (at >= end && !final)) return -1;
      if (at >= end) return this.#ended(end, false);
      const byte = bytes[at];
      if (byte === this.delimiter) {
        at++;
        if (at >= end && !final) return -1;
        continue;
      }
      if (byte === LF) return this.#ended(at + 1, true);
      if (at + 1 >= end && !final) return -1;
      return this.#ended(bytes[at + 1] === LF && at + 1 < end ? at + 2 : at + 1, true);
    }
  }

  #ended(next: number, newline: boolean): number {
    this.recordLine = this.line;
    this.line += this.#newlines + (newline ? 1 : 0);
    return next;
  }

  #bare(bytes: Uint8Array, start: number, end: number): number {
    const { delimiter } = this;
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === delimiter || byte === LF || byte === CR) break;
    }
    this.#push(start, at, BARE);
    return at;
  }

  /** Scans a quoted cell from behind its opening quote; returns where it is left, or -1. */
  #quoted(bytes: Uint8Array, start: number, end: number, final: boolean): number {
    const { quote, escape } = this;
    let kind = QUOTED;
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === LF || (byte === CR && bytes[at + 1] !== LF)) this.#newlines++;
      if (byte !== quote && byte !== escape) continue;
      if (at + 1 >= end && !final) return -1;
      const isEscaped = byte === escape && at + 1 < end && (bytes[at + 1] === quote || bytes[at + 1] === escape);
      if (!isEscaped && byte === quote) break;
      if (!isEscaped) continue;
      kind = ESCAPED;
      at++;
    }
    if (at >= end) {
      if (!final) return -1;
      throw new EngineError('request_invalid', `line ${this.line.toString()}: a quoted cell is never closed`);
    }
    this.#push(start, at, kind);
    const after = bytes[at + 1];
    if (at + 1 < end && after !== this.delimiter && after !== LF && after !== CR) {
      const line = (this.line + this.#newlines).toString();
      const cell = `cell ${this.cellCount.toString()}`;
      throw new EngineError(
        'request_invalid',
        `line ${line}: text follows the closing quote of ${cell}; quotes inside a quoted cell are doubled`,
      );
    }
    return at + 1;
  }

  #push(start: number, end: number, kind: number): void {
    if (this.cellCount >= COLUMNS_MAX) throw this.#tooManyCells();
    const at = this.cellCount * 3;
    if (at + 3 > this.cells.length) {
      const grown = new Int32Array(this.cells.length * 2);
      grown.set(this.cells);
      this.cells = grown;
    }
    this.cells[at] = start;
    this.cells[at + 1] = end;
    this.cells[at + 2] = kind;
    this.cellCount++;
  }

  #tooManyCells(): EngineError {
    const most = `more than ${COLUMNS_MAX.toString()} cells, as many as a table has columns at most`;
    return new EngineError('limit_exceeded', `line ${this.line.toString()} has ${most}; is the delimiter right?`);
  }
}

/**
 * Copies a cell's bytes[start, end) without the escapes before quotes into `out`, which is long enough. Returns the
 * length.
 */
export function unescapeQuotes(
  { quote, escape }: CsvScanner,
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
): number {
  let length = 0;
  for (let i = start; i < end; i++) {
    if (bytes[i] === escape && i + 1 < end && (bytes[i + 1] === quote || bytes[i + 1] === escape)) i++;
    out[length++] = bytes[i] ?? 0;
  }
  return length;
}
