/**
 * Flatbuffer tables read from untrusted bytes.
 *
 * The flatbuffers runtime reads wherever an offset points; this reader checks every offset, vtable and length against
 * the bytes first, and spends a budget, because offsets may share their targets and a few bytes could otherwise
 * unfold into endless tables. Invariants: nothing outside `bytes` is ever read; every fault is an EngineError that
 * names the message. Source: FlatBuffers internals, "Tables", "Vectors", "Strings"; layout, little-endian:
 *
 *   root: u32 offset to table     table: i32 distance back to vtable, then fields
 *   vtable: u16 own size, u16 table size, u16 field offset per slot (0 = absent)
 *   vector, string: u32 count, then elements
 */
import { EngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { MESSAGE_HEADER_BYTES_MAX } from '../base/limits.ts';

/** The bytes of one flatbuffer and what is left of its budget, shared by all of its tables. */
class FlatSource {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly what: string;
  readonly code: ErrorCode;
  private budget: number;

  constructor(bytes: Uint8Array, what: string, code: ErrorCode) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.what = what;
    this.code = code;
    this.budget = MESSAGE_HEADER_BYTES_MAX;
  }

  fail(detail: string): never {
    throw new EngineError(this.code, `${this.what} is damaged: ${detail}`);
  }

  /** Spends `count` bytes of the budget: every table, vector and string that is visited costs at least its size. */
  spend(count: number): void {
    this.budget -= count;
    if (this.budget < 0) {
      const most = MESSAGE_HEADER_BYTES_MAX.toString();
      throw new EngineError('limit_exceeded', `${this.what} unfolds to more than ${most} bytes of tables`);
    }
  }

  /** Fails unless [position, position + length) lies within the bytes. */
  check(position: number, length: number, kind: string): void {
    if (position < 0 || length < 0 || position + length > this.bytes.byteLength) {
      const end = (position + length).toString();
      this.fail(`a ${kind} at byte ${position.toString()} ends at ${end} of ${this.bytes.byteLength.toString()}`);
    }
  }
}

/** A vector of fixed-size structs: element `i` begins at byte `position + i * width` of `view`. */
export interface StructVector {
  readonly view: DataView;
  readonly position: number;
  readonly count: number;
}

const NO_STRUCTS: StructVector = { view: new DataView(new ArrayBuffer(0)), position: 0, count: 0 };
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A signed 64-bit integer as a number: exact up to 2^53, and beyond that still on the right side of every bound. */
export function readInt64(view: DataView, position: number): number {
  return view.getInt32(position + 4, true) * 4_294_967_296 + view.getUint32(position, true);
}

/** One table. Slots count from 0 in the order of the schema file; absent fields give their default. */
export class FlatTable {
  private readonly source: FlatSource;
  private readonly position: number;
  private readonly vtable: number;
  private readonly vtableBytes: number;
  private readonly tableBytes: number;

  constructor(source: FlatSource, position: number) {
    source.check(position, 4, 'table');
    const vtable = position - source.view.getInt32(position, true);
    source.check(vtable, 4, 'vtable');
    const vtableBytes = source.view.getUint16(vtable, true);
    const tableBytes = source.view.getUint16(vtable + 2, true);
    source.check(vtable, vtableBytes, 'vtable');
    source.check(position, tableBytes, 'table');
    if (vtableBytes < 4 || tableBytes < 4) source.fail(`a vtable of ${vtableBytes.toString()} bytes`);
    source.spend(tableBytes);
    this.source = source;
    this.position = position;
    this.vtable = vtable;
    this.vtableBytes = vtableBytes;
    this.tableBytes = tableBytes;
  }

  /** Fails with the message's name and `detail`. */
  fail(detail: string): never {
    return this.source.fail(detail);
  }

  private at(slot: number, width: number): number | undefined {
    const entry = 4 + 2 * slot;
    if (entry + 2 > this.vtableBytes) return undefined;
    const offset = this.source.view.getUint16(this.vtable + entry, true);
    if (offset === 0) return undefined;
    if (offset < 4 || offset + width > this.tableBytes) {
      this.source.fail(
        `field ${slot.toString()} at ${offset.toString()} of a table of ${this.tableBytes.toString()} bytes`,
      );
    }
    return this.position + offset;
  }

  bool(slot: number): boolean {
    return this.uint8(slot, 0) !== 0;
  }

  uint8(slot: number, fallback: number): number {
    const at = this.at(slot, 1);
    return at === undefined ? fallback : this.source.view.getUint8(at);
  }

  int16(slot: number, fallback: number): number {
    const at = this.at(slot, 2);
    return at === undefined ? fallback : this.source.view.getInt16(at, true);
  }

  int32(slot: number, fallback: number): number {
    const at = this.at(slot, 4);
    return at === undefined ? fallback : this.source.view.getInt32(at, true);
  }

  /** As `readInt64`. */
  int64(slot: number, fallback: number): number {
    const at = this.at(slot, 8);
    return at === undefined ? fallback : readInt64(this.source.view, at);
  }

  bigint64(slot: number, fallback: bigint): bigint {
    const at = this.at(slot, 8);
    return at === undefined ? fallback : this.source.view.getBigInt64(at, true);
  }

  private target(slot: number): number | undefined {
    const at = this.at(slot, 4);
    return at === undefined ? undefined : at + this.source.view.getUint32(at, true);
  }

  text(slot: number): string | undefined {
    const target = this.target(slot);
    if (target === undefined) return undefined;
    this.source.check(target, 4, 'string');
    const length = this.source.view.getUint32(target, true);
    this.source.check(target + 4, length, 'string');
    this.source.spend(length + 4);
    try {
      return utf8.decode(this.source.bytes.subarray(target + 4, target + 4 + length));
    } catch (cause) {
      throw new EngineError(this.source.code, `${this.source.what} is damaged: a string is not UTF-8`, { cause });
    }
  }

  table(slot: number): FlatTable | undefined {
    const target = this.target(slot);
    return target === undefined ? undefined : new FlatTable(this.source, target);
  }

  /** The vector's first element and its count; elements are `width` bytes. */
  structs(slot: number, width: number): StructVector {
    const target = this.target(slot);
    if (target === undefined) return NO_STRUCTS;
    this.source.check(target, 4, 'vector');
    const count = this.source.view.getUint32(target, true);
    this.source.check(target + 4, count * width, 'vector');
    this.source.spend(count * width + 4);
    return { view: this.source.view, position: target + 4, count };
  }

  /** Elements of a vector of tables. */
  tables(slot: number): FlatTable[] {
    const vector = this.structs(slot, 4);
    const tables: FlatTable[] = [];
    for (let i = 0; i < vector.count; i++) {
      const at = vector.position + 4 * i;
      tables.push(new FlatTable(this.source, at + this.source.view.getUint32(at, true)));
    }
    return tables;
  }

  /** Elements of a vector of int32; undefined when the field is absent. */
  int32s(slot: number): number[] | undefined {
    if (this.target(slot) === undefined) return undefined;
    const vector = this.structs(slot, 4);
    return Array.from({ length: vector.count }, (_, i) => vector.view.getInt32(vector.position + 4 * i, true));
  }

  /** Elements of a vector of int64, as `readInt64`. */
  int64s(slot: number): number[] {
    const vector = this.structs(slot, 8);
    return Array.from({ length: vector.count }, (_, i) => readInt64(vector.view, vector.position + 8 * i));
  }
}

/** The root table of `bytes`; `what` names them in errors, which carry `code`. */
export function rootTable(bytes: Uint8Array, what: string, code: ErrorCode = 'request_invalid'): FlatTable {
  const source = new FlatSource(bytes, what, code);
  source.check(0, 4, 'root offset');
  return new FlatTable(source, source.view.getUint32(0, true));
}
