/**
 * Schema flatbuffers to Schema.
 *
 * Hides the type tags of Schema.fbs. Invariants: what comes out is a valid Schema within COLUMNS_MAX and
 * TYPE_DEPTH_MAX, or an EngineError names the field. Written by hand because apache-arrow throws on run-end and
 * list-view types. Source: Arrow format, Schema.fbs.
 */
import { EngineError } from '../base/errors.ts';
import { COLUMNS_MAX, DECIMAL_SCALE_MAX, TYPE_DEPTH_MAX } from '../base/limits.ts';
import type { FlatTable } from './flatbuffer-table.ts';
import { fieldPath } from './schema.ts';
import type { Field, Metadata, Schema } from './schema.ts';
import type { DataType, IntType, IntervalUnit, TimeUnit } from './type.ts';

const TIME_UNITS: readonly TimeUnit[] = ['second', 'millisecond', 'microsecond', 'nanosecond'];
const INTERVAL_UNITS: readonly IntervalUnit[] = ['year_month', 'day_time', 'month_day_nano'];
const DECIMAL_DIGITS: Readonly<Record<number, number>> = { 32: 9, 64: 18, 128: 38, 256: 76 };

/** How many fields were read, shared by one schema's fields. */
interface Progress {
  fieldCount: number;
}

/** Reads the Schema table of a Schema message or of a footer. @throws `request_invalid`, `limit_exceeded` */
export function readSchema(table: FlatTable): Schema {
  if (table.int16(0, 0) !== 0) {
    throw new EngineError('request_invalid', 'the schema says big-endian; send little-endian buffers');
  }
  const progress: Progress = { fieldCount: 0 };
  const fields = fieldTables(table, 1).map((field, i) => readField(field, i, '', 1, progress));
  return { fields, metadata: readMetadata(table, 2) };
}

/** Reads a vector of KeyValue tables: order and repetitions are kept. */
export function readMetadata(table: FlatTable, slot: number): Metadata {
  return table.tables(slot).map((pair) => [pair.text(0) ?? '', pair.text(1) ?? ''] as const);
}

/** A field's or schema's vector of fields, not unfolded when it is too long anyway. */
function fieldTables(table: FlatTable, slot: number): FlatTable[] {
  if (table.structs(slot, 4).count > COLUMNS_MAX) refuseCount();
  return table.tables(slot);
}

function refuseCount(): never {
  throw new EngineError(
    'limit_exceeded',
    `the schema has more than ${COLUMNS_MAX.toString()} fields, children counted`,
  );
}

function readField(table: FlatTable, index: number, parent: string, depth: number, progress: Progress): Field {
  const name = table.text(0) ?? '';
  const path = fieldPath(parent, name, index);
  progress.fieldCount++;
  if (progress.fieldCount > COLUMNS_MAX) refuseCount();
  if (depth > TYPE_DEPTH_MAX) {
    throw new EngineError(
      'limit_exceeded',
      `field "${path}" is nested deeper than ${TYPE_DEPTH_MAX.toString()} levels`,
    );
  }
  const children = fieldTables(table, 5).map((child, i) => readField(child, i, `${path}.`, depth + 1, progress));
  const value = readType(table, children, path);
  const encoding = table.table(4);
  const type = encoding === undefined ? value : readDictionary(encoding, value, path);
  return { name, type, nullable: table.bool(1), metadata: readMetadata(table, 6) };
}

function readDictionary(encoding: FlatTable, value: DataType, path: string): DataType {
  const indexTable = encoding.table(1);
  const index: IntType =
    indexTable === undefined ? { id: 'int', bitWidth: 32, signed: true } : readInt(indexTable, path);
  if (encoding.int16(3, 0) !== 0) refuse(path, `dictionary kind ${encoding.int16(3, 0).toString()} is unknown`);
  return { id: 'dictionary', index, value, ordered: encoding.bool(2), dictionaryId: encoding.bigint64(0, 0n) };
}

function refuse(path: string, detail: string): never {
  throw new EngineError('request_invalid', `field "${path}": ${detail}`);
}

function readInt(table: FlatTable, path: string): IntType {
  const bitWidth = table.int32(0, 0);
  if (bitWidth !== 8 && bitWidth !== 16 && bitWidth !== 32 && bitWidth !== 64) {
    refuse(path, `an integer of ${bitWidth.toString()} bits is unknown; 8, 16, 32 and 64 are known`);
  }
  return { id: 'int', bitWidth, signed: table.bool(1) };
}

/** The type by its tag; `children` are those of the field. */
function readType(field: FlatTable, children: readonly Field[], path: string): DataType {
  const tag = field.uint8(2, 0);
  const table = field.table(3);
  if (table === undefined) refuse(path, tag === 0 ? 'has no type' : `type ${tag.toString()} has no table`);
  const nested = readNestedType(tag, table, children, path);
  if (nested !== undefined) return nested;
  if (children.length > 0)
    refuse(path, `type ${tag.toString()} takes no children, ${children.length.toString()} are there`);
  return readFlatType(tag, table, path);
}

function readFlatType(tag: number, table: FlatTable, path: string): DataType {
  switch (tag) {
    case 1:
      return { id: 'null' };
    case 2:
      return readInt(table, path);
    case 3:
      return { id: 'float', bitWidth: choose([16, 32, 64] as const, table.int16(0, 0), path, 'float precision') };
    case 4:
      return { id: 'binary' };
    case 5:
      return { id: 'utf8' };
    case 6:
      return { id: 'bool' };
    case 7:
      return readDecimal(table, path);
    case 8:
      return { id: 'date', unit: choose(['day', 'millisecond'] as const, table.int16(0, 1), path, 'date unit') };
    case 9:
      return readTime(table, path);
    case 10:
      return {
        id: 'timestamp',
        unit: choose(TIME_UNITS, table.int16(0, 0), path, 'time unit'),
        timezone: table.text(1),
      };
    case 11:
      return { id: 'interval', unit: choose(INTERVAL_UNITS, table.int16(0, 0), path, 'interval unit') };
    case 15:
      return { id: 'fixed_binary', byteWidth: notNegative(table.int32(0, 0), path, 'byte width') };
    case 18:
      return { id: 'duration', unit: choose(TIME_UNITS, table.int16(0, 1), path, 'time unit') };
    case 19:
      return { id: 'large_binary' };
    case 20:
      return { id: 'large_utf8' };
    case 23:
      return { id: 'binary_view' };
    case 24:
      return { id: 'utf8_view' };
    default:
      return refuse(path, `type ${tag.toString()} is unknown`);
  }
}

/** The nested types; undefined for any other tag. */
function readNestedType(
  tag: number,
  table: FlatTable,
  children: readonly Field[],
  path: string,
): DataType | undefined {
  switch (tag) {
    case 12:
      return { id: 'list', child: onlyChild(children, path) };
    case 13:
      return { id: 'struct', children };
    case 14:
      return readUnion(table, children, path);
    case 16: {
      const listSize = notNegative(table.int32(0, 0), path, 'list size');
      return { id: 'fixed_list', child: onlyChild(children, path), listSize };
    }
    case 17:
      return readMap(table, children, path);
    case 21:
      return { id: 'large_list', child: onlyChild(children, path) };
    case 22:
      return readRunEnd(children, path);
    case 25:
      return { id: 'list_view', child: onlyChild(children, path) };
    case 26:
      return { id: 'large_list_view', child: onlyChild(children, path) };
    default:
      return undefined;
  }
}

function choose<T>(values: readonly T[], index: number, path: string, kind: string): T {
  const value = values[index];
  return value === undefined ? refuse(path, `${kind} ${index.toString()} is unknown`) : value;
}

function notNegative(value: number, path: string, kind: string): number {
  return value < 0 ? refuse(path, `${kind} ${value.toString()} is negative`) : value;
}

function onlyChild(children: readonly Field[], path: string): Field {
  const child = children[0];
  if (child === undefined || children.length > 1) {
    refuse(path, `a list takes one child, ${children.length.toString()} are there`);
  }
  return child;
}

function readDecimal(table: FlatTable, path: string): DataType {
  const precision = table.int32(0, 0);
  const scale = table.int32(1, 0);
  const bitWidth = table.int32(2, 128);
  if (bitWidth !== 32 && bitWidth !== 64 && bitWidth !== 128 && bitWidth !== 256) {
    refuse(path, `a decimal of ${bitWidth.toString()} bits is unknown; 32, 64, 128 and 256 are known`);
  }
  const most = DECIMAL_DIGITS[bitWidth] ?? 0;
  if (precision < 1 || precision > most) {
    refuse(path, `decimal precision ${precision.toString()} is outside 1 to ${most.toString()}`);
  }
  if (Math.abs(scale) > DECIMAL_SCALE_MAX) {
    refuse(path, `decimal scale ${scale.toString()} is outside ±${DECIMAL_SCALE_MAX.toString()}`);
  }
  return { id: 'decimal', bitWidth, precision, scale };
}

function readTime(table: FlatTable, path: string): DataType {
  const unit = choose(TIME_UNITS, table.int16(0, 1), path, 'time unit');
  const bitWidth = table.int32(1, 32);
  const wanted = unit === 'second' || unit === 'millisecond' ? 32 : 64;
  if (bitWidth !== wanted)
    refuse(path, `time in ${unit}s takes ${wanted.toString()} bits, not ${bitWidth.toString()}`);
  return { id: 'time', unit, bitWidth: wanted };
}

function readUnion(table: FlatTable, children: readonly Field[], path: string): DataType {
  const mode = choose(['sparse', 'dense'] as const, table.int16(0, 0), path, 'union mode');
  const typeIds = table.int32s(1) ?? children.map((_, i) => i);
  if (typeIds.length !== children.length) {
    refuse(path, `a union of ${children.length.toString()} children has ${typeIds.length.toString()} type ids`);
  }
  const seen = new Set<number>();
  for (const id of typeIds) {
    if (id < 0 || id > 127) refuse(path, `union type id ${id.toString()} is outside 0 to 127`);
    if (seen.has(id)) refuse(path, `union type id ${id.toString()} is there twice`);
    seen.add(id);
  }
  return { id: 'union', mode, typeIds, children };
}

function readMap(table: FlatTable, children: readonly Field[], path: string): DataType {
  const child = onlyChild(children, path);
  if (child.type.id !== 'struct' || child.type.children.length !== 2) {
    refuse(path, 'a map takes one struct of two fields, key and value');
  }
  return { id: 'map', child, keysSorted: table.bool(0) };
}

function readRunEnd(children: readonly Field[], path: string): DataType {
  const [runEnds, values] = children;
  if (runEnds === undefined || values === undefined || children.length > 2) {
    refuse(path, `a run-end encoded type takes two children, ${children.length.toString()} are there`);
  }
  const type = runEnds.type;
  if (type.id !== 'int' || !type.signed || type.bitWidth === 8)
    refuse(path, 'run ends must be int16, int32 or int64');
  return { id: 'run_end', runEnds, values };
}
