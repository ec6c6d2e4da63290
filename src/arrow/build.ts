/**
 * Vectors from JavaScript values, one at a time, for the flat types: imports, VALUES, listings.
 *
 * Hides growing buffers and bitmaps. Invariants: a value that the type cannot hold is a `value_error`, never rounded;
 * what `finish` returns is valid and shares nothing with later values. Values are those that value.ts gives; in
 * addition 64-bit integers may come as safe integers, timestamps too, and decimals as bigint (unscaled) or text.
 */
import { EngineError } from '../base/errors.ts';
import { bitmapBytes, fillOnes } from './bits.ts';
import type { DataType } from './type.ts';
import { TYPE_TABLE, typeName } from './type.ts';
import type { Value } from './value.ts';
import type { Vector } from './vector.ts';
import { makeVector } from './vector.ts';

/** Collects the values of one column. */
export interface VectorBuilder {
  readonly type: DataType;
  /** Rows so far. */
  readonly length: number;
  /** Bytes of the values so far, bitmaps left out. */
  readonly byteCount: number;
  /** Adds a row; null makes a null. @throws `value_error` */
  append(value: Value): void;
  appendNull(): void;
  /** The vector of everything added since the last `finish`, and begins anew. */
  finish(): Vector;
}

/** Makes a builder. @throws `unimplemented` for types other than the flat ones */
export function makeBuilder(type: DataType): VectorBuilder {
  switch (type.id) {
    case 'bool':
      return new BoolBuilder(type);
    case 'utf8':
    case 'binary':
      return new BytesBuilder(type);
    default: {
      const put = fixedWriter(type);
      if (put === undefined)
        throw new EngineError('unimplemented', `values of type ${typeName(type)} cannot be built`);
      return new FixedBuilder(type, put);
    }
  }
}

/** Makes a vector of `values` at once. @throws `value_error`, `unimplemented` */
export function buildVector(type: DataType, values: readonly Value[]): Vector {
  const builder = makeBuilder(type);
  for (const value of values) builder.append(value);
  return builder.finish();
}

const START_BYTES = 1_024;

/** Bytes that grow by doubling; new ones are zero. */
class Growing {
  bytes = new Uint8Array(START_BYTES);
  view = new DataView(this.bytes.buffer);

  reserve(length: number): void {
    if (length <= this.bytes.byteLength) return;
    const grown = new Uint8Array(Math.max(length, this.bytes.byteLength * 2));
    grown.set(this.bytes);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  /** The first `length` bytes in memory of their own, and begins anew. */
  take(length: number): Uint8Array {
    const taken = this.bytes.slice(0, length);
    this.bytes = new Uint8Array(START_BYTES);
    this.view = new DataView(this.bytes.buffer);
    return taken;
  }
}

/** Rows, nulls and the validity bitmap; what the values are is the subclass's. */
abstract class BuilderBase implements VectorBuilder {
  readonly type: DataType;
  length = 0;
  private nullCount = 0;
  /** Empty until the first null. */
  private readonly validity = new Growing();

  constructor(type: DataType) {
    this.type = type;
  }

  abstract get byteCount(): number;
  protected abstract put(value: Exclude<Value, null>): void;
  protected abstract putNull(): void;
  protected abstract takeBuffers(length: number): Uint8Array[];

  append(value: Value): void {
    if (value === null) {
      this.appendNull();
      return;
    }
    this.put(value);
    if (this.nullCount > 0) this.mark();
    this.length++;
  }

  appendNull(): void {
    if (this.nullCount === 0) {
      this.validity.reserve(bitmapBytes(this.length + 1));
      fillOnes(this.validity.bytes, 0, this.length);
    }
    this.validity.reserve(bitmapBytes(this.length + 1));
    this.putNull();
    this.nullCount++;
    this.length++;
  }

  finish(): Vector {
    const { length, nullCount } = this;
    const validity = nullCount === 0 ? undefined : this.validity.take(bitmapBytes(length));
    this.length = 0;
    this.nullCount = 0;
    return makeVector(this.type, length, validity, nullCount, this.takeBuffers(length));
  }

  private mark(): void {
    const at = this.length >>> 3;
    this.validity.reserve(at + 1);
    this.validity.bytes[at] = (this.validity.bytes[at] ?? 0) | (1 << (this.length & 7));
  }
}

function refuse(type: DataType, value: Value): never {
  const text =
    typeof value === 'object' && value !== null ? `a value of kind ${value.constructor.name}` : String(value);
  throw new EngineError('value_error', `${text.slice(0, 100)} is not a value of type ${typeName(type)}`);
}

class BoolBuilder extends BuilderBase {
  private readonly bits = new Growing();

  get byteCount(): number {
    return bitmapBytes(this.length);
  }

  protected put(value: Exclude<Value, null>): void {
    if (typeof value !== 'boolean') refuse(this.type, value);
    this.putNull();
    const at = this.length >>> 3;
    if (value) this.bits.bytes[at] = (this.bits.bytes[at] ?? 0) | (1 << (this.length & 7));
  }

  protected putNull(): void {
    this.bits.reserve((this.length >>> 3) + 1);
  }

  protected takeBuffers(length: number): Uint8Array[] {
    return [this.bits.take(bitmapBytes(length))];
  }
}

/** utf8 and binary: offsets and bytes. */
class BytesBuilder extends BuilderBase {
  private readonly offsets = new Growing();
  private readonly content = new Growing();
  private end = 0;

  get byteCount(): number {
    return this.end + 4 * (this.length + 1);
  }

  protected put(value: Exclude<Value, null>): void {
    if (typeof value === 'string' && this.type.id === 'utf8') this.putText(value);
    else if (value instanceof Uint8Array && this.type.id === 'binary') this.putBytes(value);
    else refuse(this.type, value);
    this.putNull();
  }

  protected putNull(): void {
    this.offsets.reserve(4 * (this.length + 2));
    this.offsets.view.setInt32(4 * (this.length + 1), this.end, true);
  }

  protected takeBuffers(length: number): Uint8Array[] {
    const buffers = [this.offsets.take(4 * (length + 1)), this.content.take(this.end)];
    this.end = 0;
    return buffers;
  }

  private putText(text: string): void {
    // Three bytes per UTF-16 unit are the most that UTF-8 takes.
    this.grow(text.length * 3);
    this.end += encoder.encodeInto(text, this.content.bytes.subarray(this.end)).written;
  }

  private putBytes(bytes: Uint8Array): void {
    this.grow(bytes.byteLength);
    this.content.bytes.set(bytes, this.end);
    this.end += bytes.byteLength;
  }

  private grow(count: number): void {
    if (this.end + count > INT32_MAX) {
      throw new EngineError(
        'limit_exceeded',
        `a column of type ${typeName(this.type)} holds at most ${INT32_MAX.toString()} bytes`,
      );
    }
    this.content.reserve(this.end + count);
  }
}

const encoder = new TextEncoder();
const INT32_MAX = 2_147_483_647;

/** Writes a value at a byte position; false when the type cannot hold it. */
type Put = (view: DataView, at: number, value: Exclude<Value, null>) => boolean;

class FixedBuilder extends BuilderBase {
  private readonly content = new Growing();
  private readonly write: Put;
  private readonly width: number;

  constructor(type: DataType, write: Put) {
    super(type);
    this.write = write;
    this.width = TYPE_TABLE[type.id].byteWidth(type);
  }

  get byteCount(): number {
    return this.length * this.width;
  }

  protected put(value: Exclude<Value, null>): void {
    this.putNull();
    if (!this.write(this.content.view, this.length * this.width, value)) refuse(this.type, value);
  }

  protected putNull(): void {
    this.content.reserve((this.length + 1) * this.width);
  }

  protected takeBuffers(length: number): Uint8Array[] {
    return [this.content.take(length * this.width)];
  }
}

/** How the values of a fixed-width type are written; undefined for types that cannot be built. */
function fixedWriter(type: DataType): Put | undefined {
  switch (type.id) {
    case 'int':
      return type.bitWidth === 64 ? bigWriter(type.signed) : intWriter(type.bitWidth, type.signed);
    case 'float':
      return floatWriter(type.bitWidth);
    case 'date':
      return type.unit === 'day' ? intWriter(32, true) : bigWriter(true);
    case 'time':
      return type.bitWidth === 32 ? intWriter(32, true) : bigWriter(true);
    case 'timestamp':
    case 'duration':
      return bigWriter(true);
    case 'decimal':
      return decimalWriter(type.bitWidth, type.precision, type.scale);
    default:
      return undefined;
  }
}

function intWriter(bitWidth: 8 | 16 | 32, signed: boolean): Put {
  const least = signed ? -(2 ** (bitWidth - 1)) : 0;
  const most = signed ? 2 ** (bitWidth - 1) - 1 : 2 ** bitWidth - 1;
  return (view, at, value) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) return false;
    if (bitWidth === 8) view.setInt8(at, value);
    else if (bitWidth === 16) view.setInt16(at, value, true);
    else view.setInt32(at, value, true);
    return true;
  };
}

function bigWriter(signed: boolean): Put {
  const least = signed ? -(2n ** 63n) : 0n;
  const most = signed ? 2n ** 63n - 1n : 2n ** 64n - 1n;
  return (view, at, value) => {
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value) || (!signed && value < 0)) return false;
      view.setInt32(at, value | 0, true);
      view.setInt32(at + 4, Math.floor(value / 4_294_967_296), true);
      return true;
    }
    if (typeof value !== 'bigint' || value < least || value > most) return false;
    view.setBigInt64(at, BigInt.asIntN(64, value), true);
    return true;
  };
}

function floatWriter(bitWidth: 16 | 32 | 64): Put | undefined {
  if (bitWidth === 16) return undefined;
  return (view, at, value) => {
    if (typeof value !== 'number') return false;
    if (bitWidth === 32) view.setFloat32(at, value, true);
    else view.setFloat64(at, value, true);
    return true;
  };
}

const DECIMAL_TEXT = /^([+-]?)(\d*)(?:\.(\d*))?$/;

/** The unscaled value of decimal text; undefined when it is none or has digits that the scale drops. */
function unscaledOf(text: string, scale: number): bigint | undefined {
  const match = DECIMAL_TEXT.exec(text.trim());
  const [whole, fraction] = [match?.[2] ?? '', match?.[3] ?? ''];
  if (match === null || whole + fraction === '') return undefined;
  const digits = whole + fraction;
  const shift = scale - fraction.length;
  const kept = shift >= 0 ? digits + '0'.repeat(shift) : digits.slice(0, shift);
  if (shift < 0 && /[1-9]/.test(digits.slice(shift))) return undefined;
  const value = BigInt(kept === '' ? '0' : kept);
  return match[1] === '-' ? -value : value;
}

function decimalWriter(bitWidth: number, precision: number, scale: number): Put {
  const most = 10n ** BigInt(precision);
  return (view, at, value) => {
    const unscaled =
      typeof value === 'bigint' ? value : typeof value === 'string' ? unscaledOf(value, scale) : undefined;
    if (unscaled === undefined || unscaled >= most || unscaled <= -most) return false;
    let rest = BigInt.asUintN(bitWidth, unscaled);
    for (let i = 0; i < bitWidth / 8; i += 4) {
      view.setUint32(at + i, Number(rest & 0xffff_ffffn), true);
      rest >>= 32n;
    }
    return true;
  };
}
