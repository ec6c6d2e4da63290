/**
 * View vectors from outside: every view struct points into its buffers and agrees with them.
 *
 * Hides nothing. Invariants as vector-check. Source: Arrow columnar format, "Variable-size Binary View Layout".
 *
 *   short (length ≤ 12): i32 length | bytes, then zeros
 *   long:                i32 length | 4 first bytes | i32 buffer | i32 offset
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { EngineError } from '../base/errors.ts';
import { RECEIVE_MESSAGE_BYTES_MAX } from '../base/limits.ts';
import { refuseField } from './vector-read.ts';
import type { Vector } from './vector.ts';
import { isPresent, typedView } from './vector.ts';

/** Bytes up to which a view holds its value itself. */
export const VIEW_INLINE_BYTES = 12;

/**
 * A data buffer, and how its text is to be checked: views may overlap at will, so whole buffers are looked at first.
 */
interface ViewBuffer {
  readonly bytes: Uint8Array;
  /** `none`: nothing can be wrong. `ends`: the whole is UTF-8, only the ends of a view can be. `rows`: each view. */
  readonly check: 'none' | 'ends' | 'rows';
}

/** Checks the views of present rows; with `text` they must be UTF-8. @throws `request_invalid`, `limit_exceeded` */
export function checkView(vector: Vector, path: string, text: boolean): void {
  const views = vector.buffers[1] ?? new Uint8Array(0);
  const words = typedView(Int32Array, views, vector.length * 4);
  const buffers = vector.buffers.slice(2).map((bytes): ViewBuffer => {
    return { bytes, check: !text || isAscii(bytes) ? 'none' : isUtf8(bytes) ? 'ends' : 'rows' };
  });
  const noNulls = vector.nullCount === 0;
  let checkedBytes = 0;
  for (let i = 0; i < vector.length; i++) {
    if (!noNulls && !isPresent(vector, i)) continue;
    const length = words[4 * i] ?? 0;
    if (length < 0) refuseField(path, `row ${i.toString()} has a view of ${length.toString()} bytes`);
    if (length <= VIEW_INLINE_BYTES) {
      checkShort(views, words, i, length, path, text);
      continue;
    }
    const buffer = checkLong(buffers, words, i, path);
    if (buffer.check === 'none') continue;
    if (buffer.check === 'rows') checkedBytes += length;
    if (checkedBytes > RECEIVE_MESSAGE_BYTES_MAX) {
      throw new EngineError('limit_exceeded', `column "${path}": its views overlap too much to be checked for UTF-8`);
    }
    if (!isText(buffer, words[4 * i + 3] ?? 0, length)) refuseField(path, `row ${i.toString()} is not UTF-8`);
  }
}

function isText(buffer: ViewBuffer, offset: number, length: number): boolean {
  const { bytes, check } = buffer;
  if (check === 'rows') return isUtf8(bytes.subarray(offset, offset + length));
  const end = offset + length;
  return ((bytes[offset] ?? 0) & 0xc0) !== 0x80 && (end === bytes.byteLength || ((bytes[end] ?? 0) & 0xc0) !== 0x80);
}

function checkShort(
  views: Uint8Array,
  words: Int32Array,
  row: number,
  length: number,
  path: string,
  text: boolean,
): void {
  const start = 16 * row + 4;
  for (let at = start + length; at < 16 * row + 16; at++) {
    if (views[at] !== 0) {
      refuseField(path, `row ${row.toString()} has a view of ${length.toString()} bytes with more behind them`);
    }
  }
  if (!text) return;
  const high = ((words[4 * row + 1] ?? 0) | (words[4 * row + 2] ?? 0) | (words[4 * row + 3] ?? 0)) & 0x8080_8080;
  if (high !== 0 && !isUtf8(views.subarray(start, start + length))) {
    refuseField(path, `row ${row.toString()} is not UTF-8`);
  }
}

/** Checks where a long view points and its prefix. Returns the buffer. */
function checkLong(buffers: readonly ViewBuffer[], words: Int32Array, row: number, path: string): ViewBuffer {
  const length = words[4 * row] ?? 0;
  const which = words[4 * row + 2] ?? 0;
  const offset = words[4 * row + 3] ?? 0;
  const buffer = buffers[which];
  if (buffer === undefined) {
    const count = buffers.length.toString();
    refuseField(path, `row ${row.toString()} has a view into buffer ${which.toString()}, there are ${count}`);
  }
  const { bytes } = buffer;
  if (offset < 0 || offset + length > bytes.byteLength) {
    const range = `${offset.toString()} to ${(offset + length).toString()}`;
    const size = bytes.byteLength.toString();
    refuseField(path, `row ${row.toString()} has a view at bytes ${range} of a buffer of ${size} bytes`);
  }
  const prefix =
    (bytes[offset] ?? 0) |
    ((bytes[offset + 1] ?? 0) << 8) |
    ((bytes[offset + 2] ?? 0) << 16) |
    ((bytes[offset + 3] ?? 0) << 24);
  if (prefix !== words[4 * row + 1]) {
    refuseField(path, `row ${row.toString()} has a view whose first 4 bytes are not those of its value`);
  }
  return buffer;
}
