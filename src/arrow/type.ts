/**
 * The Arrow types: one plain object per type, and one row per type id in TYPE_TABLE.
 *
 * Hides flatbuffer type tags (ipc-schema maps them). Invariants: types are immutable and compared by `sameType`; a
 * switch on types elsewhere is a look-up here or an exhaustive switch on `id`. Source: Arrow columnar format, "Data
 * Types", "Physical memory layout", "Buffer listing for each layout".
 */
import type { Field } from './schema.ts';

export type TimeUnit = 'second' | 'millisecond' | 'microsecond' | 'nanosecond';
export type IntervalUnit = 'year_month' | 'day_time' | 'month_day_nano';

export interface IntType {
  readonly id: 'int';
  readonly bitWidth: 8 | 16 | 32 | 64;
  readonly signed: boolean;
}

/** An Arrow logical type. Children of nested types are fields. */
export type DataType =
  | { readonly id: 'null' }
  | { readonly id: 'bool' }
  | IntType
  | { readonly id: 'float'; readonly bitWidth: 16 | 32 | 64 }
  | {
      readonly id: 'decimal';
      readonly bitWidth: 32 | 64 | 128 | 256;
      readonly precision: number;
      readonly scale: number;
    }
  | { readonly id: 'utf8' }
  | { readonly id: 'large_utf8' }
  | { readonly id: 'utf8_view' }
  | { readonly id: 'binary' }
  | { readonly id: 'large_binary' }
  | { readonly id: 'binary_view' }
  | { readonly id: 'fixed_binary'; readonly byteWidth: number }
  /** day: int32 days; millisecond: int64 milliseconds. */
  | { readonly id: 'date'; readonly unit: 'day' | 'millisecond' }
  /** second and millisecond: int32; microsecond and nanosecond: int64. */
  | { readonly id: 'time'; readonly unit: TimeUnit; readonly bitWidth: 32 | 64 }
  /** int64 since 1970; `timezone` undefined = naive local time. */
  | { readonly id: 'timestamp'; readonly unit: TimeUnit; readonly timezone: string | undefined }
  | { readonly id: 'duration'; readonly unit: TimeUnit }
  | { readonly id: 'interval'; readonly unit: IntervalUnit }
  | { readonly id: 'list'; readonly child: Field }
  | { readonly id: 'large_list'; readonly child: Field }
  | { readonly id: 'list_view'; readonly child: Field }
  | { readonly id: 'large_list_view'; readonly child: Field }
  | { readonly id: 'fixed_list'; readonly child: Field; readonly listSize: number }
  | { readonly id: 'struct'; readonly children: readonly Field[] }
  /** `child` is the entries struct of two fields, key and value. */
  | { readonly id: 'map'; readonly child: Field; readonly keysSorted: boolean }
  | {
      readonly id: 'union';
      readonly mode: 'sparse' | 'dense';
      readonly typeIds: readonly number[];
      readonly children: readonly Field[];
    }
  /** `dictionaryId` is unique per encoded field within a schema; the vector's `dictionary` holds the values. */
  | {
      readonly id: 'dictionary';
      readonly index: IntType;
      readonly value: DataType;
      readonly ordered: boolean;
      readonly dictionaryId: bigint;
    }
  | { readonly id: 'run_end'; readonly runEnds: Field; readonly values: Field };

export type TypeId = DataType['id'];

/**
 * What one buffer of a vector holds. `validity`: bitmap, 1 = present, LSB first; `bits`: boolean values likewise;
 * `data`: fixed-width values; `offsets32`/`offsets64`: rows + 1 offsets; `views`: 16-byte view structs;
 * `sizes32`/`sizes64` and `starts32`/`starts64`: list-view sizes and offsets, one per row; `bytes`: variable-length
 * bytes; `typeIds`: int8 per row.
 */
export type BufferKind =
  | 'validity'
  | 'bits'
  | 'data'
  | 'offsets32'
  | 'offsets64'
  | 'views'
  | 'starts32'
  | 'starts64'
  | 'sizes32'
  | 'sizes64'
  | 'bytes'
  | 'typeIds';

interface TypeRow {
  /**
   * Buffers in IPC order; view types have any number of `bytes` buffers after these (variadic). Dictionary: of its
   * indices.
   */
  readonly buffers: (type: DataType) => readonly BufferKind[];
  /** Bytes per row of the `data` buffer; 0 where there is none. */
  readonly byteWidth: (type: DataType) => number;
  readonly variadic: boolean;
}

const fixed: readonly BufferKind[] = ['validity', 'data'];
const none: readonly BufferKind[] = [];
const zero = (): number => 0;

function row(buffers: readonly BufferKind[], byteWidth: number, variadic = false): TypeRow {
  return { buffers: () => buffers, byteWidth: () => byteWidth, variadic };
}

/** Layout of every type, by id. */
export const TYPE_TABLE: Readonly<Record<TypeId, TypeRow>> = {
  null: row(none, 0),
  bool: row(['validity', 'bits'], 0),
  int: { buffers: () => fixed, byteWidth: bitWidthBytes, variadic: false },
  float: { buffers: () => fixed, byteWidth: bitWidthBytes, variadic: false },
  decimal: { buffers: () => fixed, byteWidth: bitWidthBytes, variadic: false },
  utf8: row(['validity', 'offsets32', 'bytes'], 0),
  large_utf8: row(['validity', 'offsets64', 'bytes'], 0),
  utf8_view: row(['validity', 'views'], 0, true),
  binary: row(['validity', 'offsets32', 'bytes'], 0),
  large_binary: row(['validity', 'offsets64', 'bytes'], 0),
  binary_view: row(['validity', 'views'], 0, true),
  fixed_binary: {
    buffers: () => fixed,
    byteWidth: (t) => (t.id === 'fixed_binary' ? t.byteWidth : 0),
    variadic: false,
  },
  date: { buffers: () => fixed, byteWidth: (t) => (t.id === 'date' && t.unit === 'day' ? 4 : 8), variadic: false },
  time: { buffers: () => fixed, byteWidth: bitWidthBytes, variadic: false },
  timestamp: row(fixed, 8),
  duration: row(fixed, 8),
  interval: { buffers: () => fixed, byteWidth: intervalBytes, variadic: false },
  list: row(['validity', 'offsets32'], 0),
  large_list: row(['validity', 'offsets64'], 0),
  list_view: row(['validity', 'starts32', 'sizes32'], 0),
  large_list_view: row(['validity', 'starts64', 'sizes64'], 0),
  fixed_list: row(['validity'], 0),
  struct: row(['validity'], 0),
  map: row(['validity', 'offsets32'], 0),
  union: {
    buffers: (t) => (t.id === 'union' && t.mode === 'dense' ? ['typeIds', 'starts32'] : ['typeIds']),
    byteWidth: zero,
    variadic: false,
  },
  dictionary: {
    buffers: () => fixed,
    byteWidth: (t) => (t.id === 'dictionary' ? t.index.bitWidth / 8 : 0),
    variadic: false,
  },
  run_end: row(none, 0),
};

function bitWidthBytes(type: DataType): number {
  return 'bitWidth' in type ? type.bitWidth / 8 : 0;
}

function intervalBytes(type: DataType): number {
  if (type.id !== 'interval') return 0;
  return type.unit === 'year_month' ? 4 : type.unit === 'day_time' ? 8 : 16;
}

/**
 * Child fields of a nested type in IPC order; none for flat types and for dictionary types (their values travel
 * apart).
 */
export function childFields(type: DataType): readonly Field[] {
  switch (type.id) {
    case 'list':
    case 'large_list':
    case 'list_view':
    case 'large_list_view':
    case 'fixed_list':
    case 'map':
      return [type.child];
    case 'struct':
    case 'union':
      return type.children;
    case 'run_end':
      return [type.runEnds, type.values];
    default:
      return [];
  }
}

const UNIT_SUFFIX: Readonly<Record<TimeUnit, string>> = {
  second: 's',
  millisecond: 'ms',
  microsecond: 'us',
  nanosecond: 'ns',
};

/** The type's name as pyarrow prints it, for messages: `int64`, `timestamp[us, tz=UTC]`, `list<item: int32>`. */
export function typeName(type: DataType): string {
  switch (type.id) {
    case 'int':
      return `${type.signed ? '' : 'u'}int${type.bitWidth.toString()}`;
    case 'float':
      return type.bitWidth === 16 ? 'halffloat' : type.bitWidth === 32 ? 'float' : 'double';
    case 'decimal':
      return `decimal${type.bitWidth.toString()}(${type.precision.toString()}, ${type.scale.toString()})`;
    case 'utf8':
      return 'string';
    case 'large_utf8':
      return 'large_string';
    case 'utf8_view':
      return 'string_view';
    case 'fixed_binary':
      return `fixed_size_binary[${type.byteWidth.toString()}]`;
    case 'date':
      return type.unit === 'day' ? 'date32[day]' : 'date64[ms]';
    case 'time':
      return `time${type.bitWidth.toString()}[${UNIT_SUFFIX[type.unit]}]`;
    case 'timestamp':
      return `timestamp[${UNIT_SUFFIX[type.unit]}${type.timezone === undefined ? '' : `, tz=${type.timezone}`}]`;
    case 'duration':
      return `duration[${UNIT_SUFFIX[type.unit]}]`;
    case 'interval':
      return `${type.unit}_interval`;
    case 'fixed_list':
      return `fixed_size_list<${fieldText(type.child)}>[${type.listSize.toString()}]`;
    case 'list':
    case 'large_list':
    case 'list_view':
    case 'large_list_view':
    case 'map':
      return `${type.id}<${fieldText(type.child)}>`;
    case 'struct':
      return `struct<${type.children.map(fieldText).join(', ')}>`;
    case 'union':
      return `${type.mode}_union<${type.children.map((child, i) => memberText(child, type.typeIds[i])).join(', ')}>`;
    case 'dictionary':
      return (
        `dictionary<values=${typeName(type.value)}, indices=${typeName(type.index)}, ` +
        `ordered=${type.ordered ? '1' : '0'}>`
      );
    case 'run_end':
      return `run_end_encoded<run_ends: ${typeName(type.runEnds.type)}, values: ${typeName(type.values.type)}>`;
    default:
      return type.id;
  }
}

function memberText(child: Field, typeId: number | undefined): string {
  return `${fieldText(child)}=${String(typeId)}`;
}

function fieldText(field: Field): string {
  return `${field.name}: ${typeName(field.type)}${field.nullable ? '' : ' not null'}`;
}

/** Nanoseconds in a unit of time: exact, where fractions of a unit would not be. */
export const NANOS_PER_UNIT: Readonly<Record<TimeUnit, bigint>> = {
  second: 1_000_000_000n,
  millisecond: 1_000_000n,
  microsecond: 1_000n,
  nanosecond: 1n,
};

/** The highest index of a dictionary of this type; dictionaries of more than 2^31 values are not made. */
export function dictionaryIndexMax({ index }: Extract<DataType, { id: 'dictionary' }>): number {
  const { bitWidth, signed } = index;
  return bitWidth >= 32 ? 0x7fffffff : 2 ** (bitWidth - (signed ? 1 : 0)) - 1;
}

/**
 * True when both types are the same, children's names and nullability included, metadata and dictionary ids left out.
 */
export function sameType(a: DataType, b: DataType): boolean {
  return a === b || (typeName(a) === typeName(b) && sameDetails(a, b));
}

/** Details that the printed name leaves out. */
function sameDetails(a: DataType, b: DataType): boolean {
  if (a.id === 'map' && b.id === 'map' && a.keysSorted !== b.keysSorted) return false;
  const left = childFields(a);
  const right = childFields(b);
  if (left.length !== right.length) return false;
  if (a.id === 'dictionary' && b.id === 'dictionary') return sameType(a.value, b.value);
  return left.every((field, i) => {
    const other = right[i];
    return (
      other !== undefined &&
      field.name === other.name &&
      field.nullable === other.nullable &&
      sameType(field.type, other.type)
    );
  });
}
