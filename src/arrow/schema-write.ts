/**
 * Schema to Schema flatbuffers.
 *
 * Hides the type tags of Schema.fbs on the way out (schema-read has the way in) and the order in which the builder
 * wants things: children first. Invariants: every type of type.ts is written; metadata keeps its order. Source:
 * Schema.fbs.
 */
import type { Builder } from 'flatbuffers';
import type { Field, Metadata, Schema } from './schema.ts';
import type { DataType, IntType, TimeUnit } from './type.ts';
import { childFields } from './type.ts';

const TIME_UNIT: Readonly<Record<TimeUnit, number>> = { second: 0, millisecond: 1, microsecond: 2, nanosecond: 3 };
const INTERVAL_UNIT = { year_month: 0, day_time: 1, month_day_nano: 2 } as const;
const FLOAT_PRECISION = { 16: 0, 32: 1, 64: 2 } as const;

/** A written type: its tag in the Type union and the offset of its table. */
interface WrittenType {
  readonly tag: number;
  readonly table: number;
}

/** Writes a Schema table. Returns its offset in the builder. */
export function writeSchema(builder: Builder, schema: Schema): number {
  const fields = offsetVector(
    builder,
    schema.fields.map((field) => writeField(builder, field)),
  );
  const metadata = writeMetadata(builder, schema.metadata);
  builder.startObject(4);
  builder.addFieldInt16(0, 0, 0);
  builder.addFieldOffset(1, fields, 0);
  builder.addFieldOffset(2, metadata, 0);
  return builder.endObject();
}

/** Writes key-value pairs; 0 (absent) when there are none. */
export function writeMetadata(builder: Builder, metadata: Metadata): number {
  if (metadata.length === 0) return 0;
  const pairs = metadata.map(([key, value]) => {
    const keyText = builder.createString(key);
    const valueText = builder.createString(value);
    builder.startObject(2);
    builder.addFieldOffset(0, keyText, 0);
    builder.addFieldOffset(1, valueText, 0);
    return builder.endObject();
  });
  return offsetVector(builder, pairs);
}

function offsetVector(builder: Builder, offsets: readonly number[]): number {
  builder.startVector(4, offsets.length, 4);
  for (const offset of offsets.toReversed()) builder.addOffset(offset);
  return builder.endVector();
}

function writeField(builder: Builder, field: Field): number {
  const stored = field.type.id === 'dictionary' ? field.type.value : field.type;
  const children = offsetVector(
    builder,
    childFields(stored).map((child) => writeField(builder, child)),
  );
  const type = writeType(builder, stored);
  const dictionary = writeDictionary(builder, field.type);
  const metadata = writeMetadata(builder, field.metadata);
  const name = builder.createString(field.name);
  builder.startObject(7);
  builder.addFieldOffset(0, name, 0);
  builder.addFieldInt8(1, field.nullable ? 1 : 0, 0);
  builder.addFieldInt8(2, type.tag, 0);
  builder.addFieldOffset(3, type.table, 0);
  builder.addFieldOffset(4, dictionary, 0);
  builder.addFieldOffset(5, children, 0);
  builder.addFieldOffset(6, metadata, 0);
  return builder.endObject();
}

function writeDictionary(builder: Builder, type: DataType): number {
  if (type.id !== 'dictionary') return 0;
  const index = intTable(builder, type.index);
  builder.startObject(4);
  builder.addFieldInt64(0, type.dictionaryId, 0n);
  builder.addFieldOffset(1, index, 0);
  builder.addFieldInt8(2, type.ordered ? 1 : 0, 0);
  return builder.endObject();
}

function intTable(builder: Builder, type: IntType): number {
  builder.startObject(2);
  builder.addFieldInt32(0, type.bitWidth, 0);
  builder.addFieldInt8(1, type.signed ? 1 : 0, 0);
  return builder.endObject();
}

/** Writes a table of `slots` fields by `fill`. */
function tableOf(builder: Builder, tag: number, slots = 0, fill: () => void = () => undefined): WrittenType {
  builder.startObject(slots);
  fill();
  return { tag, table: builder.endObject() };
}

function writeType(builder: Builder, type: DataType): WrittenType {
  switch (type.id) {
    case 'null':
      return tableOf(builder, 1);
    case 'int':
      return { tag: 2, table: intTable(builder, type) };
    case 'float':
      return tableOf(builder, 3, 1, () => builder.addFieldInt16(0, FLOAT_PRECISION[type.bitWidth], 0));
    case 'binary':
      return tableOf(builder, 4);
    case 'utf8':
      return tableOf(builder, 5);
    case 'bool':
      return tableOf(builder, 6);
    case 'decimal':
      return tableOf(builder, 7, 3, () => {
        builder.addFieldInt32(0, type.precision, 0);
        builder.addFieldInt32(1, type.scale, 0);
        builder.addFieldInt32(2, type.bitWidth, 128);
      });
    case 'date':
      return tableOf(builder, 8, 1, () => builder.addFieldInt16(0, type.unit === 'day' ? 0 : 1, 1));
    case 'time':
      return tableOf(builder, 9, 2, () => {
        builder.addFieldInt16(0, TIME_UNIT[type.unit], 1);
        builder.addFieldInt32(1, type.bitWidth, 32);
      });
    case 'timestamp':
      return writeTimestamp(builder, TIME_UNIT[type.unit], type.timezone);
    case 'interval':
      return tableOf(builder, 11, 1, () => builder.addFieldInt16(0, INTERVAL_UNIT[type.unit], 0));
    case 'fixed_binary':
      return tableOf(builder, 15, 1, () => builder.addFieldInt32(0, type.byteWidth, 0));
    case 'duration':
      return tableOf(builder, 18, 1, () => builder.addFieldInt16(0, TIME_UNIT[type.unit], 1));
    case 'large_binary':
      return tableOf(builder, 19);
    case 'large_utf8':
      return tableOf(builder, 20);
    case 'binary_view':
      return tableOf(builder, 23);
    case 'utf8_view':
      return tableOf(builder, 24);
    default:
      return writeNestedType(builder, type);
  }
}

type NestedType = Extract<
  DataType,
  {
    id:
      | 'list'
      | 'large_list'
      | 'list_view'
      | 'large_list_view'
      | 'fixed_list'
      | 'struct'
      | 'map'
      | 'union'
      | 'dictionary'
      | 'run_end';
  }
>;

function writeNestedType(builder: Builder, type: NestedType): WrittenType {
  switch (type.id) {
    case 'list':
      return tableOf(builder, 12);
    case 'struct':
      return tableOf(builder, 13);
    case 'union':
      return writeUnion(builder, type.mode === 'sparse' ? 0 : 1, type.typeIds);
    case 'fixed_list':
      return tableOf(builder, 16, 1, () => builder.addFieldInt32(0, type.listSize, 0));
    case 'map':
      return tableOf(builder, 17, 1, () => builder.addFieldInt8(0, type.keysSorted ? 1 : 0, 0));
    case 'large_list':
      return tableOf(builder, 21);
    case 'run_end':
      return tableOf(builder, 22);
    case 'list_view':
      return tableOf(builder, 25);
    case 'large_list_view':
      return tableOf(builder, 26);
    case 'dictionary':
      return writeType(builder, type.value);
  }
}

function writeTimestamp(builder: Builder, unit: number, timezone: string | undefined): WrittenType {
  const zone = timezone === undefined ? 0 : builder.createString(timezone);
  return tableOf(builder, 10, 2, () => {
    builder.addFieldInt16(0, unit, 0);
    builder.addFieldOffset(1, zone, 0);
  });
}

function writeUnion(builder: Builder, mode: number, typeIds: readonly number[]): WrittenType {
  builder.startVector(4, typeIds.length, 4);
  for (const id of typeIds.toReversed()) builder.addInt32(id);
  const ids = builder.endVector();
  return tableOf(builder, 14, 2, () => {
    builder.addFieldInt16(0, mode, 0);
    builder.addFieldOffset(1, ids, 0);
  });
}
