/**
 * Vectors: one column of one record batch, as views on Arrow buffers.
 *
 * Hides nothing: layouts are Arrow's own (TYPE_TABLE names the buffers of each type in order). Invariants: a vector
 * that came through `readBatch` or a Sheaf writer is valid, and nobody checks it again; buffers are never written
 * once shared; a vector begins at row 0 of its buffers (there is no offset: slicing happens when messages are
 * written, see ipc-write).
 */
import type { DataType } from './type.ts';

/**
 * One column. Buffers may be longer than needed (padding), and start at any byte: use the readers below or copy
 * first.
 */
export interface Vector {
  readonly type: DataType;
  /** Rows. */
  readonly length: number;
  /** Rows that are null; for union, null and run_end types as the Arrow format counts them (0, length, 0). */
  readonly nullCount: number;
  /** As TYPE_TABLE[type.id].buffers orders them, then the variadic buffers. An empty validity buffer = no nulls. */
  readonly buffers: readonly Uint8Array[];
  /** As `childFields(type)` orders them. */
  readonly children: readonly Vector[];
  /** Values of a dictionary type; undefined for all others. */
  readonly dictionary: Vector | undefined;
}

const EMPTY = new Uint8Array(0);

/** Makes a vector of a flat type from its buffers; an undefined validity means no nulls. */
export function makeVector(
  type: DataType,
  length: number,
  validity: Uint8Array | undefined,
  nullCount: number,
  rest: readonly Uint8Array[],
): Vector {
  return { type, length, nullCount, buffers: [validity ?? EMPTY, ...rest], children: [], dictionary: undefined };
}

/** True when row `index` of `vector` is present, by the vector's own bitmap (struct parents are not looked at). */
export function isPresent(vector: Vector, index: number): boolean {
  if (vector.type.id === 'null') return false;
  if (vector.nullCount === 0) return true;
  const validity = vector.buffers[0];
  if (validity === undefined || validity.byteLength === 0) return true;
  return (((validity[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}

/** Bytes of a vector's buffers and children, each at its own length; dictionaries are shared and left out. */
export function vectorBytes(vector: Vector): number {
  let bytes = 0;
  for (const buffer of vector.buffers) bytes += buffer.byteLength;
  for (const child of vector.children) bytes += vectorBytes(child);
  return bytes;
}

interface TypedArrayConstructor<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/**
 * The first `count` elements of `bytes` as a typed array: a view where the memory is aligned, otherwise a copy.
 * `bytes` must hold at least `count` elements.
 */
export function typedView<T>(constructor: TypedArrayConstructor<T>, bytes: Uint8Array, count: number): T {
  const width = constructor.BYTES_PER_ELEMENT;
  if (bytes.byteOffset % width === 0) return new constructor(bytes.buffer, bytes.byteOffset, count);
  // Not bytes.slice(): on a Node Buffer that is a view.
  const copy = new Uint8Array(bytes.subarray(0, count * width));
  return new constructor(copy.buffer, copy.byteOffset, count);
}
