/**
 * How many body bytes rows of a vector take in a message, without encoding them.
 *
 * Hides layouts. Invariants: never less than what encodeBatch writes (a validity buffer counts though the range may
 * hold no null), and never falls when the range grows, so that callers may search. Cost: O(1) for fixed-width and
 * offset layouts, linear in the range for views, list views, and dense unions.
 */
import { present } from '../base/assert.ts';
import { alignUp } from '../base/bytes.ts';
import { bitmapBytes } from './bits.ts';
import { offsetAt, runIn } from './offsets.ts';
import { denseWindows, listWindow } from './slice.ts';
import { TYPE_TABLE } from './type.ts';
import type { Vector } from './vector.ts';
import { viewBytes } from './view-slice.ts';

/** Each buffer of a body is padded to a multiple of this. */
export const BUFFER_ALIGNMENT_BYTES = 64;

function padded(count: number): number {
  return alignUp(count, BUFFER_ALIGNMENT_BYTES);
}

/** Body bytes of rows [start, end), padding included, dictionaries left out. */
export function encodedBytes(vector: Vector, start: number, end: number): number {
  const rowCount = end - start;
  const validity = vector.nullCount > 0 ? padded(bitmapBytes(rowCount)) : 0;
  const { type } = vector;
  const child = (index: number): Vector => present(vector.children[index], 'a child vector');
  switch (type.id) {
    case 'null':
      return 0;
    case 'bool':
      return validity + padded(bitmapBytes(rowCount));
    case 'utf8':
    case 'binary':
    case 'large_utf8':
    case 'large_binary': {
      const [first, last] = offsetRange(vector, type.id.startsWith('large'), start, end);
      return validity + padded((rowCount + 1) * (type.id.startsWith('large') ? 8 : 4)) + padded(last - first);
    }
    case 'utf8_view':
    case 'binary_view': {
      const data = viewBytes(vector, start, end);
      return validity + padded(rowCount * 16) + data.bytes + data.count * BUFFER_ALIGNMENT_BYTES;
    }
    case 'list':
    case 'map':
    case 'large_list': {
      const wide = type.id === 'large_list';
      const [first, last] = offsetRange(vector, wide, start, end);
      return validity + padded((rowCount + 1) * (wide ? 8 : 4)) + encodedBytes(child(0), first, last);
    }
    case 'list_view':
    case 'large_list_view': {
      const wide = type.id === 'large_list_view';
      const { first, last } = listWindow(vector, wide, start, end);
      return validity + 2 * padded(rowCount * (wide ? 8 : 4)) + encodedBytes(child(0), first, last);
    }
    case 'fixed_list':
      return validity + encodedBytes(child(0), start * type.listSize, end * type.listSize);
    case 'struct':
      return vector.children.reduce((total, part) => total + encodedBytes(part, start, end), validity);
    case 'union':
      return unionBytes(vector, start, end);
    case 'run_end':
      return runBytes(vector, start, end);
    default:
      return validity + padded(rowCount * TYPE_TABLE[type.id].byteWidth(type));
  }
}

function offsetRange(vector: Vector, wide: boolean, start: number, end: number): readonly [number, number] {
  const offsets = present(vector.buffers[1], 'offsets');
  return [offsetAt(offsets, wide, start), offsetAt(offsets, wide, end)];
}

function unionBytes(vector: Vector, start: number, end: number): number {
  const { type } = vector;
  if (type.id !== 'union') return 0;
  let total = padded(end - start);
  if (type.mode === 'sparse') {
    for (const part of vector.children) total += encodedBytes(part, start, end);
    return total;
  }
  total += padded((end - start) * 4);
  const { first, last } = denseWindows(vector, type, start, end);
  vector.children.forEach((part, i) => (total += encodedBytes(part, first[i] ?? 0, last[i] ?? 0)));
  return total;
}

function runBytes(vector: Vector, start: number, end: number): number {
  if (start === end) return 0;
  const ends = present(vector.children[0], 'run ends');
  const [from, to] = [runIn(ends, start), runIn(ends, end - 1) + 1];
  return encodedBytes(ends, from, to) + encodedBytes(present(vector.children[1], 'run values'), from, to);
}
