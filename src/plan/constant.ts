/**
 * Constants: number literals, and expressions of constants computed at once.
 *
 * Hides one-row vectors: kernels are the only place that knows what an operation means, so folding runs them over
 * one row. Invariant: a literal's value is in the physical form that expr.ts gives for its type.
 */
import { TYPE_TABLE } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { sliceVector } from '../arrow/slice.ts';
import { isPresent, makeVector } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import type { Span } from '../base/errors.ts';
import { isNestedValue } from '../function/constant.ts';
import { castKernel, castKind, isVolatile, kernelOf } from '../function/registry.ts';
import type { Expr, LiteralValue } from './expr.ts';

export type Literal = Extract<Expr, { kind: 'literal' }>;

export const BOOL: DataType = { id: 'bool' };
export const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
export const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
/** A moment: microseconds since 1970, UTC. */
export const MOMENT: DataType = { id: 'timestamp', unit: 'microsecond', timezone: 'UTC' };
export const DOUBLE: DataType = { id: 'float', bitWidth: 64 };
const DECIMAL_DIGITS = 38;

export function makeLiteral(value: LiteralValue, type: DataType, span: Span): Literal {
  return { kind: 'literal', value, type, nullable: value === null, span };
}

/** Notes that what is planned depends on the value of `expr`, if that is a parameter's. */
export function fixValue(expr: Expr): void {
  if (expr.kind === 'literal' && expr.place !== undefined) expr.place.isFixed = true;
}

/**
 * A number as written, typed as DuckDB does: the smaller of int32 and int64 that holds it, decimal for wider
 * integers and for digits with a point, double for exponents and for what no decimal holds.
 */
export function numberLiteral(text: string, span: Span): Literal {
  if (/^-?\d+$/u.test(text)) {
    const small = Number(text);
    if (small >= -0x80000000 && small <= 0x7fffffff) return makeLiteral(small === 0 ? 0 : small, INT32, span);
    const value = BigInt(text);
    if (value === BigInt.asIntN(64, value)) return makeLiteral(value, INT64, span);
    if (text.replace('-', '').length <= DECIMAL_DIGITS) {
      return makeLiteral(value, { id: 'decimal', bitWidth: 128, precision: DECIMAL_DIGITS, scale: 0 }, span);
    }
    return makeLiteral(small, DOUBLE, span);
  }
  const point = /^(-?)(\d*)\.(\d*)$/u.exec(text);
  const digits = `${point?.[2] ?? ''}${point?.[3] ?? ''}`;
  if (point === null || digits.length > DECIMAL_DIGITS) return makeLiteral(Number(text), DOUBLE, span);
  const scale = (point[3] ?? '').length;
  const type: DataType = { id: 'decimal', bitWidth: 128, precision: Math.max(1, digits.length), scale };
  return makeLiteral(BigInt(`${point[1] ?? ''}${digits}`), type, span);
}

/** A whole number as one of a type that holds all of its own type: most casts of constants, and no kernel is needed. */
function widened({ value, type: from, span }: Literal, to: DataType): Literal | undefined {
  if (from.id !== 'int' || typeof value !== 'number') return undefined;
  if (to.id === 'float' && to.bitWidth === 64) return makeLiteral(value, to, span);
  if (to.id !== 'int' || !from.signed || !to.signed || to.bitWidth < from.bitWidth) return undefined;
  return makeLiteral(to.bitWidth === 64 ? BigInt(value) : value, to, span);
}

/** The type converted by its cast kernel; undefined for types that constants cannot have. @throws `value_error` */
export function castLiteral(literal: Literal, type: DataType, attempt = false): Literal | undefined {
  if (literal.value === null) return canHold(type) ? makeLiteral(null, type, literal.span) : undefined;
  fixValue(literal);
  const whole = widened(literal, type);
  if (whole !== undefined) return whole;
  const vector = vectorOf(literal.value, literal.type);
  if (vector === undefined || !canHold(type)) return undefined;
  const value = valueOf(castKernel(literal.type, type, attempt)([vector], 1, type));
  return value === undefined ? undefined : makeLiteral(value, type, literal.span);
}

/**
 * As `castLiteral`, but undefined also where the value does not convert: then running must say so, or never get
 * there.
 */
export function tryCastLiteral(literal: Literal, type: DataType, attempt: boolean): Literal | undefined {
  return unlessEngineError(() => castLiteral(literal, type, attempt));
}

/**
 * The value of a call whose arguments are all literals; undefined where it has none now: the error, if any, is for
 * running to meet.
 */
export function evaluateCall(call: Extract<Expr, { kind: 'call' }>, alsoVolatile = false): Literal | undefined {
  if (!alsoVolatile && isVolatile(call.name)) return undefined;
  if (call.lambda !== undefined) return undefined;
  const vectors: Vector[] = [];
  const types: DataType[] = [];
  for (const arg of call.args) {
    fixValue(arg);
    const vector = arg.kind === 'literal' ? vectorOf(arg.value, arg.type) : undefined;
    if (vector === undefined) return undefined;
    vectors.push(vector);
    types.push(arg.type);
  }
  if (!canHold(call.type)) return undefined;
  return unlessEngineError(() => {
    const value = valueOf(kernelOf(call.name, types)(vectors, 1, call.type));
    return value === undefined ? undefined : makeLiteral(value, call.type, call.span);
  });
}

/** A constant that fails must fail only if a row asks for it, so its EngineError means "not folded". */
function unlessEngineError<T>(compute: () => T | undefined): T | undefined {
  try {
    return compute();
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

/** Types whose values a literal can have. */
function canHold(type: DataType): boolean {
  switch (type.id) {
    case 'null':
    case 'bool':
    case 'int':
    case 'decimal':
    case 'utf8':
    case 'large_utf8':
    case 'binary':
    case 'large_binary':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'duration':
      return true;
    case 'float':
      return type.bitWidth !== 16;
    case 'interval':
      return type.unit === 'month_day_nano';
    default:
      return isNested(type);
  }
}

/** Nested types that literals can have. */
function isNested(type: DataType): boolean {
  switch (type.id) {
    case 'list':
    case 'large_list':
    case 'fixed_list':
    case 'struct':
    case 'map':
      return true;
    default:
      return false;
  }
}

/** The value of a vector of one row; undefined for types that literals cannot have. */
export function literalOfRow(vector: Vector, span: Span): Literal | undefined {
  const flat = flattened(vector);
  const value = flat === undefined ? undefined : valueOf(flat);
  return value === undefined || flat === undefined ? undefined : makeLiteral(value, flat.type, span);
}

/** One row as one of a type that literals can have, by a cast where it is encoded or viewed. */
function flattened(vector: Vector): Vector | undefined {
  const { type } = vector;
  if (canHold(type)) return vector;
  if (type.id === 'dictionary' || type.id === 'run_end') {
    const values = type.id === 'dictionary' ? type.value : type.values.type;
    return castKind(type, values) === 'none' ? undefined : castKernel(type, values, false)([vector], 1, values);
  }
  const flat: DataType | undefined =
    type.id === 'utf8_view' ? { id: 'utf8' } : type.id === 'binary_view' ? { id: 'binary' } : undefined;
  if (flat === undefined || castKind(type, flat) === 'none') return undefined;
  return castKernel(type, flat, false)([vector], 1, flat);
}

const PRESENT = undefined;
const ABSENT = new Uint8Array(1);

/** A vector of one row; undefined for types that literals cannot have. */
function vectorOf(value: LiteralValue, type: DataType): Vector | undefined {
  if (!canHold(type)) return undefined;
  if (isNested(type)) return isNestedValue(value) ? { ...value, type } : nullVector(type, 1);
  if (type.id === 'null') return { type, length: 1, nullCount: 1, buffers: [], children: [], dictionary: undefined };
  const validity = value === null ? ABSENT : PRESENT;
  const nulls = value === null ? 1 : 0;
  switch (type.id) {
    case 'bool':
      return makeVector(type, 1, validity, nulls, [new Uint8Array([value === true ? 1 : 0])]);
    case 'utf8':
    case 'large_utf8':
    case 'binary':
    case 'large_binary':
      return makeVector(type, 1, validity, nulls, bytesBuffers(value, type.id.startsWith('large')));
    default:
      return makeVector(type, 1, validity, nulls, [fixedBytes(value, type)]);
  }
}

const encoder = new TextEncoder();

function bytesBuffers(value: LiteralValue, large: boolean): [Uint8Array, Uint8Array] {
  const bytes =
    typeof value === 'string' ? encoder.encode(value) : value instanceof Uint8Array ? value : new Uint8Array(0);
  const offsets = large ? new BigInt64Array([0n, BigInt(bytes.length)]) : new Int32Array([0, bytes.length]);
  return [new Uint8Array(offsets.buffer), bytes];
}

/** The one value of a fixed-width type, little-endian; zero for null. */
function fixedBytes(value: LiteralValue, type: DataType): Uint8Array {
  const width = TYPE_TABLE[type.id].byteWidth(type);
  const bytes = new Uint8Array(width);
  const view = new DataView(bytes.buffer);
  if (value === null) return bytes;
  if (type.id === 'float') {
    if (width === 8) view.setFloat64(0, Number(value), true);
    else view.setFloat32(0, Number(value), true);
    return bytes;
  }
  let rest = BigInt.asUintN(width * 8, BigInt(value as number | bigint));
  for (let i = 0; i < width; i++) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** The value of row 0; undefined for types that literals cannot have. */
function valueOf(vector: Vector): LiteralValue | undefined {
  const type = vector.type;
  if (!canHold(type)) return undefined;
  if (!isPresent(vector, 0)) return null;
  if (isNested(type)) return sliceVector(vector, 0, 1);
  const bytes = vector.buffers[1] as Uint8Array;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type.id) {
    case 'bool':
      return ((bytes[0] ?? 0) & 1) === 1;
    case 'float':
      return type.bitWidth === 64 ? view.getFloat64(0, true) : view.getFloat32(0, true);
    case 'utf8':
    case 'binary':
      return bytesValue(vector, view.getInt32(0, true), view.getInt32(4, true));
    case 'large_utf8':
    case 'large_binary':
      return bytesValue(vector, Number(view.getBigInt64(0, true)), Number(view.getBigInt64(8, true)));
    default:
      return integerValue(type, bytes);
  }
}

function bytesValue(vector: Vector, start: number, end: number): LiteralValue {
  const bytes = (vector.buffers[2] as Uint8Array).slice(start, end);
  return vector.type.id === 'utf8' || vector.type.id === 'large_utf8' ? new TextDecoder().decode(bytes) : bytes;
}

function integerValue(type: DataType, bytes: Uint8Array): LiteralValue {
  const width = TYPE_TABLE[type.id].byteWidth(type);
  let value = 0n;
  for (let i = width - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  const signed = !(type.id === 'int' && !type.signed);
  if (signed) value = BigInt.asIntN(width * 8, value);
  return isWide(type) ? value : Number(value);
}

/** True for types whose literal values are bigint. */
export function isWide(type: DataType): boolean {
  switch (type.id) {
    case 'int':
    case 'time':
      return type.bitWidth === 64;
    case 'decimal':
    case 'timestamp':
    case 'duration':
    case 'interval':
      return true;
    default:
      return false;
  }
}
