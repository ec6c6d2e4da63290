/**
 * Type rules of calls: families, the lattice of common types, casts, and the overload helpers of the entries.
 *
 * Hides how an overload is chosen. Invariants: all text types (dictionaries of text included) behave alike and are
 * never cast into one another for a call that reads them; other dictionary and run-end types stand for their values;
 * the null type fits everything. Meaning is DuckDB's; where Arrow has no such type as HUGEINT, decimal128(38, 0)
 * takes its place.
 * Source: DuckDB, "Typecasting" (combination casting) and "Numeric operators".
 */
import { sameType } from '../arrow/type.ts';
import type { DataType, TimeUnit } from '../arrow/type.ts';
import type { ResolvedCall } from './contract.ts';
import { castsNested, commonNested, isPlainList, partsOf } from './nested-type.ts';

/** What SQL knows of a type: `nested` are lists, structs, maps, and unions, which only pass through. */
export type Family =
  | 'null'
  | 'bool'
  | 'int'
  | 'float'
  | 'decimal'
  | 'text'
  | 'binary'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'duration'
  | 'interval'
  | 'nested';

export type CastKind = 'same' | 'implicit' | 'explicit' | 'none';

export const BOOL: DataType = { id: 'bool' };
export const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
export const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
export const UINT32: DataType = { id: 'int', bitWidth: 32, signed: false };
export const UINT64: DataType = { id: 'int', bitWidth: 64, signed: false };
export const FLOAT: DataType = { id: 'float', bitWidth: 32 };
export const DOUBLE: DataType = { id: 'float', bitWidth: 64 };
export const UTF8: DataType = { id: 'utf8' };
/** Integers of up to 128 bits, as DuckDB's HUGEINT leaves it over Arrow. */
export const HUGE: DataType = { id: 'decimal', bitWidth: 128, precision: 38, scale: 0 };

const FAMILY: Readonly<Record<DataType['id'], Family>> = {
  null: 'null',
  bool: 'bool',
  int: 'int',
  float: 'float',
  decimal: 'decimal',
  utf8: 'text',
  large_utf8: 'text',
  utf8_view: 'text',
  binary: 'binary',
  large_binary: 'binary',
  binary_view: 'binary',
  fixed_binary: 'binary',
  date: 'date',
  time: 'time',
  timestamp: 'timestamp',
  duration: 'duration',
  interval: 'interval',
  list: 'nested',
  large_list: 'nested',
  list_view: 'nested',
  large_list_view: 'nested',
  fixed_list: 'nested',
  struct: 'nested',
  map: 'nested',
  union: 'nested',
  dictionary: 'nested',
  run_end: 'nested',
};

/** The type of the values that a dictionary or run-end encoded type stands for; any other type itself. */
export function valueType(type: DataType): DataType {
  if (type.id === 'dictionary') return valueType(type.value);
  if (type.id === 'run_end') return valueType(type.values.type);
  return type;
}

/** The family of a type, encodings looked through. */
export function familyOf(type: DataType): Family {
  return FAMILY[valueType(type).id];
}

/** True for types whose kernels read text in place: text itself and dictionaries of it. */
export function isPlainText(type: DataType): boolean {
  return FAMILY[type.id] === 'text' || (type.id === 'dictionary' && FAMILY[type.value.id] === 'text');
}

export function isNumeric(type: DataType): boolean {
  const family = familyOf(type);
  return family === 'int' || family === 'float' || family === 'decimal';
}

/** The type as a kernel takes it: text as it stands, run-end text as text, other encodings as their values. */
export function flatType(type: DataType): DataType {
  return isPlainText(type) ? type : valueType(type);
}

const UNIT_RANK: Readonly<Record<TimeUnit, number>> = { second: 0, millisecond: 1, microsecond: 2, nanosecond: 3 };

/** The finer of two units. */
function finerUnit(a: TimeUnit, b: TimeUnit): TimeUnit {
  return UNIT_RANK[a] >= UNIT_RANK[b] ? a : b;
}

/** A decimal type of at least `precision` digits, 128 bits wide unless it needs or is given 256. */
export function decimalType(precision: number, scale: number, bitWidth: 128 | 256 = 128): DataType {
  if (bitWidth === 128 && precision <= 38) return { id: 'decimal', bitWidth: 128, precision, scale };
  const digits = bitWidth === 256 ? 76 : 38;
  return { id: 'decimal', bitWidth, precision: Math.min(precision, digits), scale };
}

const INT_DIGITS: Readonly<Record<number, number>> = { 8: 3, 16: 5, 32: 10, 64: 19 };

/** An integer or decimal type as a decimal one; undefined for all others. */
export function asDecimal(type: DataType): (DataType & { readonly id: 'decimal' }) | undefined {
  if (type.id === 'decimal') return type;
  if (type.id !== 'int') return undefined;
  const digits = type.bitWidth === 64 && !type.signed ? 20 : (INT_DIGITS[type.bitWidth] ?? 19);
  return { id: 'decimal', bitWidth: 128, precision: digits, scale: 0 };
}

function commonInt(a: DataType & { id: 'int' }, b: DataType & { id: 'int' }): DataType {
  if (a.signed === b.signed) return a.bitWidth >= b.bitWidth ? a : b;
  const unsigned = a.signed ? b : a;
  const signed = a.signed ? a : b;
  if (signed.bitWidth > unsigned.bitWidth) return signed;
  switch (unsigned.bitWidth) {
    case 8:
      return { id: 'int', bitWidth: 16, signed: true };
    case 16:
      return INT32;
    case 32:
      return INT64;
    case 64:
      return HUGE;
  }
}

function commonDecimal(a: DataType, b: DataType): DataType | undefined {
  const left = asDecimal(a);
  const right = asDecimal(b);
  if (left === undefined || right === undefined) return undefined;
  const scale = Math.max(left.scale, right.scale);
  const whole = Math.max(left.precision - left.scale, right.precision - right.scale);
  return decimalType(whole + scale, scale, left.bitWidth === 256 || right.bitWidth === 256 ? 256 : 128);
}

/**
 * The type in which two numeric types meet: integers widen, float wins over integers and decimals, double over float.
 */
function commonNumeric(a: DataType, b: DataType): DataType | undefined {
  if (a.id === 'float' || b.id === 'float') {
    const double = (a.id === 'float' && a.bitWidth === 64) || (b.id === 'float' && b.bitWidth === 64);
    return double ? DOUBLE : FLOAT;
  }
  if (a.id === 'int' && b.id === 'int') return commonInt(a, b);
  return commonDecimal(a, b);
}

function commonTemporal(a: DataType, b: DataType): DataType | undefined {
  if (a.id === 'timestamp' && b.id === 'timestamp') {
    return { id: 'timestamp', unit: finerUnit(a.unit, b.unit), timezone: a.timezone ?? b.timezone };
  }
  if (a.id === 'date' && b.id === 'timestamp') return commonTemporal(b, a);
  if (a.id === 'timestamp' && b.id === 'date') {
    return b.unit === 'day' ? a : { ...a, unit: finerUnit(a.unit, 'millisecond') };
  }
  if (a.id === 'date' && b.id === 'date') return a.unit === 'millisecond' ? a : b;
  if (a.id === 'time' && b.id === 'time') {
    const unit = finerUnit(a.unit, b.unit);
    return { id: 'time', unit, bitWidth: UNIT_RANK[unit] >= 2 ? 64 : 32 };
  }
  if (a.id === 'duration' && b.id === 'duration') return { id: 'duration', unit: finerUnit(a.unit, b.unit) };
  const isSpan = (type: DataType): boolean => type.id === 'duration' || type.id === 'interval';
  if (isSpan(a) && isSpan(b)) return { id: 'interval', unit: 'month_day_nano' };
  return undefined;
}

function commonBytes(
  a: DataType,
  b: DataType,
  large: 'large_utf8' | 'large_binary',
  small: 'utf8' | 'binary',
): DataType {
  return { id: a.id === large || b.id === large ? large : small };
}

/** The type to which values of both types convert without an explicit cast; undefined when there is none. */
export function commonType(a: DataType, b: DataType): DataType | undefined {
  if (sameType(a, b)) return a;
  if (a.id === 'null') return b;
  if (b.id === 'null') return a;
  const left = valueType(a);
  const right = valueType(b);
  if (left !== a || right !== b) return commonType(left, right);
  const leftFamily = FAMILY[a.id];
  const rightFamily = FAMILY[b.id];
  if (leftFamily === 'text' && rightFamily === 'text') return commonBytes(a, b, 'large_utf8', 'utf8');
  if (leftFamily === 'binary' && rightFamily === 'binary') return commonBytes(a, b, 'large_binary', 'binary');
  if (leftFamily === 'bool' && isNumeric(b)) return b;
  if (rightFamily === 'bool' && isNumeric(a)) return a;
  if (isNumeric(a) && isNumeric(b)) return commonNumeric(a, b);
  return commonTemporal(a, b) ?? commonNested(a, b, commonType);
}

/** Families to which each family converts by CAST, itself apart. Every pair has a kernel in cast*.ts. */
const EXPLICIT: Readonly<Record<Family, readonly Family[]>> = {
  null: [],
  bool: ['int', 'float', 'decimal', 'text'],
  int: ['bool', 'int', 'float', 'decimal', 'text'],
  float: ['bool', 'int', 'float', 'decimal', 'text'],
  decimal: ['bool', 'int', 'float', 'decimal', 'text'],
  text: ['bool', 'int', 'float', 'decimal', 'text', 'binary', 'date', 'time', 'timestamp', 'interval'],
  binary: ['binary', 'text'],
  date: ['date', 'timestamp', 'text'],
  time: ['time', 'text'],
  timestamp: ['timestamp', 'date', 'time', 'text'],
  duration: ['duration', 'interval', 'text'],
  interval: ['interval', 'text'],
  nested: [],
};

/**
 * How `from` becomes `to`: without anything, silently, only by CAST, or not at all. Casts never make dictionaries.
 */
export function castKind(from: DataType, to: DataType): CastKind {
  if (sameType(from, to)) return 'same';
  if (from.id === 'null') return 'implicit';
  if (to.id === 'dictionary' || to.id === 'run_end') return 'none';
  if (to.id === 'interval' && to.unit !== 'month_day_nano') return 'none';
  const inner = valueType(from);
  if (inner !== from && sameType(inner, to)) return 'implicit';
  const common = commonType(from, to);
  if (common !== undefined && sameType(common, to)) return 'implicit';
  const source = familyOf(from);
  const target = familyOf(to);
  if (source === 'text' && target === 'text') return 'implicit';
  if (target === 'nested') return castsToNested(inner, to) ? 'explicit' : 'none';
  if (source === 'nested' && target === 'text') return isPrintable(inner) ? 'explicit' : 'none';
  return EXPLICIT[source].includes(target) ? 'explicit' : 'none';
}

/** True when the parts of a nested type can be made, from text or from the parts of another. */
function castsToNested(from: DataType, to: DataType): boolean {
  const parts = partsOf(to);
  if (parts === undefined) return false;
  const casts = (part: DataType, other: DataType): boolean => castKind(part, other) !== 'none';
  if (familyOf(from) !== 'text') return castsNested(from, to, casts);
  return (to.id === 'struct' || to.id === 'map' || isPlainList(to)) && parts.every((part) => casts(UTF8, part));
}

/** True when values of a nested type have a text. */
function isPrintable(type: DataType): boolean {
  return partsOf(type)?.every((part) => castKind(part, UTF8) !== 'none') === true;
}

/**
 * The type of a column whose values have both types: the common one, but that decimals which do not fit lose digits
 * behind the point rather than before it.
 */
export function resultType(a: DataType, b: DataType): DataType | undefined {
  const common = commonType(a, b);
  const [left, right] = [asDecimal(valueType(a)), asDecimal(valueType(b))];
  if (common?.id !== 'decimal' || left === undefined || right === undefined) return common;
  // What stands for 128-bit integers rarely needs all of its digits; DuckDB keeps those behind the point as well.
  if (sameType(left, HUGE) || sameType(right, HUGE)) return common;
  const whole = Math.max(left.precision - left.scale, right.precision - right.scale);
  return { ...common, scale: Math.min(common.scale, common.precision - whole) };
}

function fold(
  types: readonly DataType[],
  meet: (a: DataType, b: DataType) => DataType | undefined,
): DataType | undefined {
  let common: DataType | undefined;
  for (const type of types) {
    common = common === undefined ? type : meet(common, type);
    if (common === undefined) return undefined;
  }
  return common;
}

/** The result type of all of `types`; undefined when there is none, or no types. */
export function resultTypeOf(types: readonly DataType[]): DataType | undefined {
  return fold(types, resultType);
}

/** A strict call: null if any argument is, and only then unless `canMakeNull`. */
export function strictCall(
  name: string,
  parameters: readonly DataType[],
  type: DataType,
  canMakeNull = false,
): ResolvedCall {
  return { name, parameters, type, canMakeNull, nulls: 'strict' };
}

/** Argument types of a comparison: text and binary stay as they are, everything else meets in its common type. */
export function comparisonTypes(args: readonly DataType[]): readonly DataType[] | undefined {
  const families = new Set(args.map(familyOf));
  families.delete('null');
  const [family] = families;
  if (families.size === 0) return args.map(() => INT32);
  if (families.size === 1 && (family === 'text' || family === 'binary')) {
    return args.map((type) => (type.id === 'null' ? (family === 'text' ? UTF8 : { id: 'binary' }) : flatType(type)));
  }
  const common = fold(args.map(flatType), commonType);
  if (common === undefined || !isComparable(common)) return undefined;
  return args.map(() => (common.id === 'float' && common.bitWidth === 16 ? FLOAT : common));
}

/** True for types whose values compare, sort and group: all but unions and what holds them. */
export function isComparable(type: DataType): boolean {
  const value = valueType(type);
  return familyOf(value) !== 'nested' || partsOf(value)?.every(isComparable) === true;
}

/** True for types that compare, and are not nested. */
export function isOrdered(type: DataType): boolean {
  return familyOf(type) !== 'nested';
}
