/**
 * SQL's names of types, both ways.
 *
 * Hides DuckDB's many spellings. Invariants: every name that binding accepts maps to exactly one Arrow type; every
 * Arrow type has a name to show, in SQL's words where SQL has them.
 */
import { typeName } from '../arrow/type.ts';
import type { DataType, TimeUnit } from '../arrow/type.ts';
import type { TypeName } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { ARRAY_SIZE_MAX } from '../base/limits.ts';
import { foldName, nearestName } from '../base/names.ts';
import { arrayOf, isTuple, listOf, mapOf, structOf, tupleOf } from '../function/nested-type.ts';
import { printName } from '../sql/print.ts';

const DECIMAL_DIGITS = 38;

function int(bitWidth: 8 | 16 | 32 | 64, signed = true): DataType {
  return { id: 'int', bitWidth, signed };
}

function timestamp(unit: TimeUnit, timezone?: string): DataType {
  return { id: 'timestamp', unit, timezone };
}

const BOOL: DataType = { id: 'bool' };
const TEXT: DataType = { id: 'utf8' };
const BYTES: DataType = { id: 'binary' };
const FLOAT: DataType = { id: 'float', bitWidth: 32 };
const DOUBLE: DataType = { id: 'float', bitWidth: 64 };
const ZONED = timestamp('microsecond', 'UTC');

const NAMED: ReadonlyMap<string, DataType> = new Map<string, DataType>([
  ...['tinyint', 'int1'].map((name) => [name, int(8)] as const),
  ...['smallint', 'int2', 'int16', 'short'].map((name) => [name, int(16)] as const),
  ...['integer', 'int', 'int4', 'int32', 'signed'].map((name) => [name, int(32)] as const),
  ...['bigint', 'int8', 'int64', 'long', 'oid'].map((name) => [name, int(64)] as const),
  ...['utinyint', 'uint8'].map((name) => [name, int(8, false)] as const),
  ...['usmallint', 'uint16'].map((name) => [name, int(16, false)] as const),
  ...['uinteger', 'uint32'].map((name) => [name, int(32, false)] as const),
  ...['ubigint', 'uint64'].map((name) => [name, int(64, false)] as const),
  ...['float', 'float4', 'real'].map((name) => [name, FLOAT] as const),
  ...['double', 'float8', 'double precision'].map((name) => [name, DOUBLE] as const),
  ...['boolean', 'bool', 'logical'].map((name) => [name, BOOL] as const),
  ...[
    'varchar',
    'char',
    'bpchar',
    'text',
    'string',
    'nvarchar',
    'character',
    'character varying',
    'char varying',
  ].map((name) => [name, TEXT] as const),
  ...['blob', 'bytea', 'binary', 'varbinary'].map((name) => [name, BYTES] as const),
  ['date', { id: 'date', unit: 'day' }],
  ...['time', 'time without time zone'].map(
    (name) => [name, { id: 'time', unit: 'microsecond', bitWidth: 64 }] as const,
  ),
  ...['timestamp', 'datetime', 'timestamp_us', 'timestamp without time zone'].map(
    (name) => [name, timestamp('microsecond')] as const,
  ),
  ['timestamp_s', timestamp('second')],
  ['timestamp_ms', timestamp('millisecond')],
  ['timestamp_ns', timestamp('nanosecond')],
  ...['timestamptz', 'timestamp with time zone'].map((name) => [name, ZONED] as const),
  ['timestamptz_ns', timestamp('nanosecond', 'UTC')],
  ['time_ns', { id: 'time', unit: 'nanosecond', bitWidth: 64 }],
  ['interval', { id: 'interval', unit: 'month_day_nano' }],
]);

const LACKING = new Set([
  'hugeint',
  'int128',
  'uhugeint',
  'uint128',
  'bignum',
  'uuid',
  'guid',
  'json',
  'bit',
  'bitstring',
]);
const DECIMALS = new Set(['decimal', 'dec', 'numeric']);
/** Types after which a size in parentheses is allowed and, as in DuckDB, has no meaning. */
const SIZED = new Set([
  'varchar',
  'char',
  'bpchar',
  'text',
  'string',
  'nvarchar',
  'character',
  'character varying',
  'char varying',
]);

/**
 * The Arrow type that a type's name stands for. @throws `sql_bind` for unknown names, `sql_unsupported` for those
 * we lack.
 */
export function arrowTypeOf(sql: string, type: TypeName): DataType {
  const inner = type.members.length > 0 ? nestedTypeOf(sql, type) : plainTypeOf(sql, type);
  return type.lists.reduce((element: DataType, size) => {
    if (size === undefined) return listOf(element);
    if (size > 0 && size <= ARRAY_SIZE_MAX) return arrayOf(element, size);
    const rule = `an array has 1 to ${ARRAY_SIZE_MAX.toString()} values`;
    throw sqlError('sql_bind', sql, type.span, `an array of ${size.toString()} values is not possible`, rule);
  }, inner);
}

/** STRUCT, TUPLE or MAP of other types. */
function nestedTypeOf(sql: string, type: TypeName): DataType {
  const types = type.members.map((member) => arrowTypeOf(sql, member.type));
  if (type.name === 'tuple') return tupleOf(types);
  if (type.name === 'map') {
    const [key, value, ...more] = types;
    if (key !== undefined && value !== undefined && more.length === 0) return mapOf(key, value);
    throw sqlError('sql_bind', sql, type.span, 'MAP takes the types of its keys and of its values');
  }
  const names = type.members.map(({ name }) => name?.name ?? '');
  const twice = names.findIndex((name, i) => names.slice(0, i).some((other) => foldName(other) === foldName(name)));
  if (twice < 0) return structOf(names.map((name, i) => [name, types[i] as DataType]));
  const span = type.members[twice]?.span ?? type.span;
  throw sqlError('sql_bind', sql, span, `the struct has two fields called ${names[twice] ?? ''}`);
}

function plainTypeOf(sql: string, type: TypeName): DataType {
  if (DECIMALS.has(type.name)) return decimalOf(sql, type);
  if (type.name === 'struct' && type.sizes.length === 0) return structOf([]);
  if (LACKING.has(type.name) || type.name === 'time with time zone' || type.name === 'timetz') {
    const message = `the type ${type.name.toUpperCase()} is not supported yet`;
    throw sqlError('sql_unsupported', sql, type.span, message);
  }
  const named = NAMED.get(type.name);
  if (named === undefined) {
    const nearest = nearestName(type.name, [...NAMED.keys(), ...DECIMALS]);
    const remedy = nearest === undefined ? undefined : `did you mean ${nearest.toUpperCase()}?`;
    throw sqlError('sql_bind', sql, type.span, `there is no type ${type.name.toUpperCase()}`, remedy);
  }
  if (type.sizes.length === 0 || (SIZED.has(type.name) && type.sizes.length === 1)) return named;
  if (type.name === 'timestamp' && type.sizes.length === 1) return timestampOf(sql, type);
  throw sqlError('sql_bind', sql, type.span, `the type ${type.name.toUpperCase()} takes no size here`);
}

function decimalOf(sql: string, type: TypeName): DataType {
  const [precision = 18, scale = type.sizes.length === 0 ? 3 : 0, ...more] = type.sizes;
  if (more.length > 0 || precision < 1 || precision > DECIMAL_DIGITS || scale > precision) {
    const rule = `1 to ${DECIMAL_DIGITS.toString()} digits, and no more of them after the point than in all`;
    throw sqlError(
      'sql_bind',
      sql,
      type.span,
      `DECIMAL(${type.sizes.map(String).join(', ')}) is not possible`,
      `it takes ${rule}`,
    );
  }
  return { id: 'decimal', bitWidth: 128, precision, scale };
}

/** TIMESTAMP(n): n digits after the second's point. */
function timestampOf(sql: string, type: TypeName): DataType {
  const [digits = 6] = type.sizes;
  if (digits > 9) {
    throw sqlError('sql_bind', sql, type.span, `TIMESTAMP(${digits.toString()}) is not possible`, 'it takes 0 to 9');
  }
  return timestamp(
    digits === 0 ? 'second' : digits <= 3 ? 'millisecond' : digits <= 6 ? 'microsecond' : 'nanosecond',
  );
}

const INT_NAMES: Readonly<Record<number, string>> = { 8: 'TINYINT', 16: 'SMALLINT', 32: 'INTEGER', 64: 'BIGINT' };
const TIMESTAMP_NAMES: Readonly<Record<TimeUnit, string>> = {
  second: 'TIMESTAMP_S',
  millisecond: 'TIMESTAMP_MS',
  microsecond: 'TIMESTAMP',
  nanosecond: 'TIMESTAMP_NS',
};

/** The name of a type as DESCRIBE and messages show it. Encodings show as the type of their values. */
export function sqlTypeName(type: DataType): string {
  switch (type.id) {
    case 'null':
      return 'NULL';
    case 'bool':
      return 'BOOLEAN';
    case 'int':
      return `${type.signed ? '' : 'U'}${INT_NAMES[type.bitWidth] ?? 'INTEGER'}`;
    case 'float':
      return type.bitWidth === 64 ? 'DOUBLE' : type.bitWidth === 32 ? 'FLOAT' : 'HALFFLOAT';
    case 'decimal':
      return `DECIMAL(${type.precision.toString()},${type.scale.toString()})`;
    case 'utf8':
    case 'large_utf8':
    case 'utf8_view':
      return 'VARCHAR';
    case 'binary':
    case 'large_binary':
    case 'binary_view':
    case 'fixed_binary':
      return 'BLOB';
    case 'date':
      return 'DATE';
    case 'time':
      return type.unit === 'nanosecond' ? 'TIME_NS' : 'TIME';
    case 'timestamp':
      if (type.timezone === undefined) return TIMESTAMP_NAMES[type.unit];
      return type.unit === 'nanosecond' ? 'TIMESTAMPTZ_NS' : 'TIMESTAMP WITH TIME ZONE';
    case 'interval':
      return 'INTERVAL';
    default:
      return nestedName(type);
  }
}

/** A part's type; DuckDB quotes NULL there. */
function partName(type: DataType): string {
  return type.id === 'null' ? '"NULL"' : sqlTypeName(type);
}

function nestedName(type: DataType): string {
  switch (type.id) {
    case 'list':
    case 'large_list':
    case 'list_view':
    case 'large_list_view':
      return `${partName(type.child.type)}[]`;
    case 'fixed_list':
      return `${partName(type.child.type)}[${type.listSize.toString()}]`;
    case 'struct':
    case 'union': {
      if (type.id === 'struct' && isTuple(type)) {
        return `TUPLE(${type.children.map((child) => partName(child.type)).join(', ')})`;
      }
      if (type.id === 'struct' && type.children.length === 0) return 'STRUCT';
      const members = type.children.map((child) => `${printName(child.name)} ${partName(child.type)}`);
      return `${type.id === 'struct' ? 'STRUCT' : 'UNION'}(${members.join(', ')})`;
    }
    case 'map': {
      const entries = type.child.type;
      const types = entries.id === 'struct' ? entries.children.map((child) => partName(child.type)) : [];
      return `MAP(${types.join(', ')})`;
    }
    case 'dictionary':
      return sqlTypeName(type.value);
    case 'run_end':
      return sqlTypeName(type.values.type);
    default:
      return typeName(type).toUpperCase();
  }
}
