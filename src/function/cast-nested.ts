/**
 * Casts among nested types, and between them and text.
 *
 * Hides that parts are cast as whole columns. Invariants: only parts that a row shows are cast, so that nothing else
 * can fail; with `attempt` a part that does not convert becomes null, and so does a list whose length does not fit;
 * fields of structs go by name, those of tuples by place, and fields that are not there are null.
 */
import { EngineError } from '../base/errors.ts';
import { joinVectors } from '../arrow/concat.ts';
import { nullVector } from '../arrow/null-vector.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder, rowText } from './byte-rows.ts';
import { castRows } from './cast-row.ts';
import type { CastTask } from './cast-row.ts';
import type { Kernel } from './contract.ts';
import { gather } from './gather.ts';
import { compactRows, listRowsOf, makeList, makeStruct } from './list-rows.ts';
import type { ListRows } from './list-rows.ts';
import { ColumnKeys } from './key-table.ts';
import { elementOf, fieldIndex, fieldPlaces, isTuple } from './nested-type.ts';
import type { StructType } from './nested-type.ts';
import { quoted, quotePart, readListText, readMapText, readStructText } from './nested-text.ts';
import type { Part } from './nested-text.ts';
import { familyOf, flatType, UTF8 } from './signature.ts';
import { shownField } from './struct-field.ts';
import { bitAt, validityFrom, validityOf, withoutRows } from './validity.ts';
import type { Validity } from './validity.ts';

/** The kernel of any cast, for the parts. */
export type MakeCast = (from: DataType, to: DataType, attempt: boolean) => Kernel;

/** The kernel of a cast that has a nested type on one side; text on the other, or a nested one too. */
export function nestedCast(task: CastTask, make: MakeCast): Kernel {
  if (familyOf(task.to) === 'text') return ([vector], _rowCount, type) => printVector(vector as Vector, type, make);
  if (familyOf(task.from) === 'text') return textToNested(task, make);
  if (task.from.id === 'struct' && task.to.id === 'struct') return structCast(task.from, task.to, task.attempt, make);
  if (task.from.id === 'struct' && task.to.id === 'map') return structToMap(task.from, task, make);
  return listCast(task, make);
}

/** The type of what a list or map holds in a row. */
function valuesType(type: DataType): DataType {
  return type.id === 'map' ? type.child.type : (elementOf(type) ?? { id: 'null' });
}

function listCast(task: CastTask, make: MakeCast): Kernel {
  const target = valuesType(task.to);
  const cast = make(valuesType(task.from), target, task.attempt);
  return ([vector], rowCount, type) => {
    const rows = compactRows(listRowsOf(vector as Vector));
    const values = cast([rows.values], rows.values.length, target);
    if (type.id === 'fixed_list') return makeArray(task, vector as Vector, { ...rows, values }, type);
    const offsets = new Uint32Array(rowCount + 1);
    for (let i = 0; i < rowCount; i++) offsets[i + 1] = rows.ends[i] as number;
    return makeList(type, offsets, values, keysChecked(task, vector as Vector, offsets, values, rows.validity));
  };
}

/** Whether a map has each key once and none that is NULL, in which casts of keys may end. */
function keysChecked(
  task: CastTask,
  source: Vector,
  offsets: Uint32Array,
  entries: Vector,
  given: Validity,
): Validity {
  const [keys] = entries.children;
  if (task.to.id !== 'map' || keys === undefined) return given;
  const numbers = new ColumnKeys(keys.type).number(keys, keys.length);
  const { bits } = validityOf(keys);
  const isSound = (row: number): boolean => {
    const seen = new Set<number>();
    for (let k = offsets[row] as number; k < (offsets[row + 1] as number); k++) {
      if (bits !== undefined && !bitAt(bits, k)) return false;
      seen.add(numbers[k] as number);
    }
    return seen.size === (offsets[row + 1] as number) - (offsets[row] as number);
  };
  if (!task.attempt) {
    for (let i = 0; i < source.length; i++) {
      if (!isSound(i))
        throw new EngineError('value_error', 'the keys of a map must differ; TRY_CAST gives NULL then');
    }
    return given;
  }
  return withoutRows(given, source.length, (row) => !isSound(row));
}

/** A struct as the map of its fields' names to their values. */
function structToMap(from: StructType, task: CastTask, make: MakeCast): Kernel {
  const entry = valuesType(task.to);
  const [keyType, valueType] = entry.id === 'struct' ? entry.children.map((field) => field.type) : [];
  const [key, value] = [keyType ?? UTF8, valueType ?? UTF8];
  const casts = from.children.map(({ type }) => make(type, value, task.attempt));
  return ([vector], rowCount, type) => {
    const source = vector as Vector;
    const width = from.children.length;
    const column = new PartColumn();
    for (const { name } of from.children) column.add(name);
    const names = column.cast(key, task.attempt, make);
    const fields = casts.map((cast, k) => cast([shownField(source, k)], rowCount, value));
    const validity = validityOf(source);
    const offsets = new Uint32Array(rowCount + 1);
    const [keyRows, valueRows]: [number[], number[]] = [[], []];
    for (let i = 0; i < rowCount; i++) {
      const isNull = validity.bits !== undefined && !bitAt(validity.bits, i);
      for (let k = 0; k < width && !isNull; k++) {
        keyRows.push(k);
        valueRows.push(k * rowCount + i);
      }
      offsets[i + 1] = keyRows.length;
    }
    const values = gather(joinVectors(fields), Uint32Array.from(valueRows));
    const entries = makeStruct(entry, keyRows.length, [gather(names, Uint32Array.from(keyRows)), values]);
    return makeList(type, offsets, entries, keysChecked(task, source, offsets, entries, validity));
  };
}

/** Lists of one length; null rows get null values. */
function makeArray(
  task: CastTask,
  source: Vector,
  rows: ListRows,
  type: DataType & { readonly id: 'fixed_list' },
): Vector {
  const size = type.listSize;
  const lengthAt = (row: number): number => (rows.ends[row] as number) - (rows.starts[row] as number);
  if (!task.attempt) {
    for (let i = 0; i < source.length; i++) {
      if (lengthAt(i) === size || (rows.validity.bits !== undefined && !bitAt(rows.validity.bits, i))) continue;
      const lengths = `a list of length ${lengthAt(i).toString()} to an array of length ${size.toString()}`;
      throw new EngineError('value_error', `cannot cast ${lengths}; TRY_CAST gives NULL for such values`);
    }
  }
  const validity = castRows(
    task,
    source,
    source.length,
    (row) => lengthAt(row) === size,
    () => '',
  );
  const blank = nullVector(rows.values.type, 1);
  const places = new Uint32Array(source.length * size).fill(rows.values.length);
  for (let i = 0; i < source.length; i++) {
    if (lengthAt(i) !== size) continue;
    for (let k = 0; k < size; k++) places[i * size + k] = (rows.starts[i] as number) + k;
  }
  const values = gather(joinVectors([rows.values, blank]), places);
  return makeList(type, new Uint32Array(source.length + 1), values, validity);
}

function structCast(from: StructType, to: StructType, attempt: boolean, make: MakeCast): Kernel {
  const places = fieldPlaces(from, to);
  const casts = places.map((place, i) => {
    const [source, target] = [from.children[place]?.type, to.children[i]?.type as DataType];
    return source === undefined ? undefined : make(source, target, attempt);
  });
  return ([vector], rowCount, type) => {
    const source = vector as Vector;
    const children = to.children.map(({ type: target }, i) => {
      const cast = casts[i];
      if (cast === undefined) return nullVector(target, rowCount);
      return cast([shownField(source, places[i] as number)], rowCount, target);
    });
    return makeStruct(type, rowCount, children, validityOf(source));
  };
}

/** How each row of a vector prints within another, a null row not being asked for. */
type Print = (row: number) => string;

function printVector(vector: Vector, type: DataType, make: MakeCast): Vector {
  const print = printerOf(vector, make);
  const validity = validityOf(vector);
  const builder = new ByteRowsBuilder(vector.length);
  for (let i = 0; i < vector.length; i++) {
    if (validity.bits === undefined || bitAt(validity.bits, i)) builder.appendText(print(i));
    builder.endRow();
  }
  return builder.finish(type, validity);
}

/** NULL, or the row's text as a part of another. */
function partPrinter(vector: Vector, make: MakeCast): Print {
  const { bits } = validityOf(vector);
  const print = printerOf(vector, make);
  const isNested = familyOf(vector.type) === 'nested';
  return (row) => {
    if (bits !== undefined && !bitAt(bits, row)) return 'NULL';
    return isNested ? print(row) : quotePart(print(row));
  };
}

function printerOf(vector: Vector, make: MakeCast): Print {
  const flat = flatType(vector.type);
  if (familyOf(flat) !== 'nested') {
    const texts = familyOf(flat) === 'text' && flat === vector.type ? vector : castToText(vector, make);
    const rows = byteRowsOf(texts);
    return (row) => rowText(rows, row);
  }
  if (flat !== vector.type) {
    const texts = byteRowsOf(castToText(vector, make));
    return (row) => rowText(texts, row);
  }
  if (flat.id === 'struct') return structPrinter(vector, flat, make);
  const rows = listRowsOf(vector);
  if (flat.id === 'map') return mapPrinter(rows, make);
  const print = partPrinter(rows.values, make);
  return (row) => `[${printRange(rows, row, print)}]`;
}

function castToText(vector: Vector, make: MakeCast): Vector {
  return make(vector.type, UTF8, false)([vector], vector.length, UTF8);
}

function printRange({ starts, ends }: ListRows, row: number, print: Print): string {
  const texts: string[] = [];
  for (let k = starts[row] as number; k < (ends[row] as number); k++) texts.push(print(k));
  return texts.join(', ');
}

function structPrinter(vector: Vector, type: StructType, make: MakeCast): Print {
  const prints = vector.children.map((child) => partPrinter(child, make));
  // One value has a comma behind it, as DuckDB writes it.
  const end = prints.length === 1 ? ',)' : ')';
  if (isTuple(type)) return (row) => `(${prints.map((print) => print(row)).join(', ')}${end}`;
  const names = type.children.map(({ name }) => quoted(name));
  return (row) => `{${prints.map((print, i) => `${names[i] as string}: ${print(row)}`).join(', ')}}`;
}

function mapPrinter(rows: ListRows, make: MakeCast): Print {
  const [key, value] = rows.values.children.map((child) => partPrinter(child, make)) as [Print, Print];
  return (row) => `{${printRange(rows, row, (k) => `${key(k)}=${value(k)}`)}}`;
}

/** Texts of parts, gathered into one column that is cast as a whole. */
class PartColumn {
  readonly #texts: (string | null)[] = [];

  get length(): number {
    return this.#texts.length;
  }

  add(text: string | null): void {
    this.#texts.push(text);
  }

  cast(to: DataType, attempt: boolean, make: MakeCast): Vector {
    const count = this.#texts.length;
    const builder = new ByteRowsBuilder(count);
    const bits = new Uint8Array((count + 7) >> 3);
    this.#texts.forEach((text, i) => {
      if (text !== null) {
        builder.appendText(text);
        bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
      }
      builder.endRow();
    });
    return make(UTF8, to, attempt)([builder.finish(UTF8, validityFrom(bits, count))], count, to);
  }
}

function textToNested(task: CastTask, make: MakeCast): Kernel {
  const { to, attempt } = task;
  return ([vector], rowCount, type) => {
    const source = vector as Vector;
    const texts = byteRowsOf(source);
    const read = to.id === 'struct' ? readStructText : to.id === 'map' ? readMapText : readListText;
    const parts: (readonly Part[])[] = Array.from({ length: rowCount }, () => []);
    const take = (row: number): boolean => {
      const found = read(rowText(texts, row));
      if (found === undefined || !fits(to, found)) return false;
      parts[row] = found;
      return true;
    };
    const validity = castRows(task, source, rowCount, take, (row) => rowText(texts, row));
    if (to.id === 'struct') return structOfParts(to, parts, validity, (column, t) => column.cast(t, attempt, make));
    const values = new PartColumn();
    const keys = new PartColumn();
    const offsets = new Uint32Array(rowCount + 1);
    parts.forEach((row, i) => {
      for (const { key, value } of row) {
        keys.add(key);
        values.add(value);
      }
      offsets[i + 1] = values.length;
    });
    if (to.id !== 'map' || to.child.type.id !== 'struct') {
      const made = values.cast(valuesType(to), attempt, make);
      if (type.id !== 'fixed_list') return makeList(type, offsets, made, validity);
      const rows = { starts: offsets.subarray(0, rowCount), ends: offsets.subarray(1), values: made, validity };
      return makeArray({ ...task, attempt: true }, source, rows, type);
    }
    const [key, value] = to.child.type.children.map((field) => field.type) as [DataType, DataType];
    const parted = [keys.cast(key, attempt, make), values.cast(value, attempt, make)];
    const entries = makeStruct(to.child.type, values.length, parted);
    return makeList(type, offsets, entries, keysChecked(task, source, offsets, entries, validity));
  };
}

/** Whether a value of these parts can be of the type: keys that it knows, and as many as it wants. */
function fits(type: DataType, parts: readonly Part[]): boolean {
  if (type.id === 'fixed_list') return parts.length === type.listSize;
  if (type.id === 'map') return parts.every(({ key }) => key !== null);
  if (type.id !== 'struct') return true;
  if (parts.every(({ key }) => key === null)) return parts.length <= type.children.length;
  return parts.every(({ key }) => key !== null && fieldIndex(type, key) >= 0);
}

function structOfParts(
  type: StructType,
  rows: readonly (readonly Part[])[],
  validity: Validity,
  cast: (column: PartColumn, type: DataType) => Vector,
): Vector {
  const columns = type.children.map(() => new PartColumn());
  for (const parts of rows) {
    const texts = type.children.map((): string | null => null);
    parts.forEach(({ key, value }, i) => {
      texts[key === null ? i : fieldIndex(type, key)] = value;
    });
    columns.forEach((column, i) => column.add(texts[i] ?? null));
  }
  const children = columns.map((column, i) => cast(column, type.children[i]?.type as DataType));
  return makeStruct(type, rows.length, children, validity);
}
