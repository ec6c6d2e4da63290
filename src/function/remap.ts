/**
 * remap_struct: a nested value as one of another type, field by field as a description says.
 *
 * Hides how the description is read: a struct that has, by the names of the target, the name of a field or such a name
 * beside the description of what is within it; of a list the only part is called `list`, of a map they are `key` and
 * `value`. Invariants: every field of the target comes from the value or from the defaults, never from both; a value
 * that is NULL stays NULL.
 * Source: DuckDB's remap_struct.
 */
import { nullVector } from '../arrow/null-vector.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import { byteRowsOf, rowText } from './byte-rows.ts';
import { makeCastKernel } from './cast.ts';
import { isNestedValue } from './constant.ts';
import type { ConstantValue } from './constant.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry, KnownArgument } from './entry.ts';
import { gather } from './gather.ts';
import { nestedEntry } from './list-frame.ts';
import type { Shape } from './list-frame.ts';
import { compactRows, listRowsOf, makeList, makeStruct } from './list-rows.ts';
import { elementOf, fieldIndex, isTuple, mapTypes, structOf } from './nested-type.ts';
import type { StructType } from './nested-type.ts';
import { castKind, flatType, isPlainText } from './signature.ts';
import { shownField } from './struct-field.ts';
import { validityOf } from './validity.ts';

/** Makes the values from those that they come from; from nothing where all of them are defaults. */
type Remap = (source: Vector | undefined, rowCount: number) => Vector;

function refuse(message: string): EngineError {
  return new EngineError('sql_bind', message);
}

/** The type as a struct of its parts; undefined for what has none. */
function partsAsStruct(type: DataType): StructType | undefined {
  if (type.id === 'struct') return type;
  const map = mapTypes(type);
  if (map !== undefined) return mapParts(map.key, map.value);
  const element = elementOf(type);
  return element === undefined || type.id === 'fixed_list' ? undefined : structOf([['list', element]]);
}

function mapParts(key: DataType, value: DataType): StructType {
  return structOf([
    ['key', key],
    ['value', value],
  ]);
}

/** The part of that name in a description of one row; undefined when there is none. */
function partOf(description: Vector | undefined, name: string): Vector | undefined {
  if (description?.type.id !== 'struct') return undefined;
  const place = fieldIndex(description.type, name);
  return place < 0 ? undefined : shownField(description, place);
}

/** Refuses names that the target does not have. */
function checkNames(target: StructType, description: Vector | undefined, what: string): void {
  if (description?.type.id !== 'struct') return;
  const unknown = description.type.children.find(({ name }) => fieldIndex(target, name) < 0);
  if (unknown !== undefined)
    throw refuse(`remap_struct: the ${what} names ${unknown.name}, which is not in the target`);
}

/** The name that a part comes from, and the description of what is within it. */
function readSource(part: Vector, name: string): { readonly from: string; readonly inner: Vector | undefined } {
  if (isPlainText(part.type)) return { from: rowText(byteRowsOf(part), 0), inner: undefined };
  const [from, inner] = part.type.id === 'struct' ? part.children : [];
  if (from === undefined || inner?.type.id !== 'struct' || !isPlainText(from.type)) {
    throw refuse(`remap_struct: what ${name} comes from is a name, or (name, {…})`);
  }
  return { from: rowText(byteRowsOf(from), 0), inner };
}

/** A part of the target that comes from one of the value. */
function remapField(
  source: StructType,
  { name, type }: { readonly name: string; readonly type: DataType },
  part: Vector,
  defaults: Vector | undefined,
  isList: boolean,
): Remap {
  const { from, inner } = readSource(part, name);
  // A list has one part only, whatever others call it.
  const place = isList ? 0 : fieldIndex(source, from);
  const field = source.children[place];
  if (field === undefined) throw refuse(`remap_struct: the value has no ${from}, which ${name} is to come from`);
  if (inner === undefined && defaults !== undefined) throw refuse(`remap_struct: ${name} has a source and a default`);
  const own = flatType(field.type);
  if (inner !== undefined) {
    const remap = remapParts(own, type, inner, defaults);
    return (struct, rowCount) => remap(shownField(struct as Vector, place), rowCount);
  }
  if (castKind(field.type, type) === 'none')
    throw refuse(`remap_struct: ${from} does not convert to what ${name} is`);
  const cast = makeCastKernel(field.type, type, false);
  return (struct, rowCount) => cast([shownField(struct as Vector, place)], rowCount, type);
}

/** A part of the target that comes from the defaults. */
function defaultField({ name, type }: { readonly name: string; readonly type: DataType }, given: Vector): Remap {
  if (castKind(given.type, type) === 'same') {
    return (_source, rowCount) => ({ ...gather(given, new Uint32Array(rowCount)), type });
  }
  if (given.type.id !== 'struct' || type.id !== 'struct') {
    throw refuse(`remap_struct: the default of ${name} has another type; cast it`);
  }
  return remapParts(undefined, type, undefined, given);
}

/** The values of `target` from those of `source`, by the description and the defaults. */
function remapParts(
  source: DataType | undefined,
  target: DataType,
  mapping: Vector | undefined,
  defaults: Vector | undefined,
): Remap {
  const to = partsAsStruct(target);
  const from = source === undefined ? undefined : partsAsStruct(source);
  if (to === undefined || (source !== undefined && from === undefined)) {
    throw refuse('remap_struct changes structs, lists and maps only');
  }
  if (source !== undefined && kindOf(source) !== kindOf(target)) {
    throw refuse('remap_struct makes structs of structs, lists of lists and maps of maps');
  }
  if (isTuple(to) || (from !== undefined && isTuple(from))) throw refuse('remap_struct takes structs with names');
  checkNames(to, mapping, 'description');
  checkNames(to, defaults, 'default');
  const fields = to.children.map((field): Remap => {
    const part = partOf(mapping, field.name);
    const given = partOf(defaults, field.name);
    if (part !== undefined && from !== undefined) {
      return remapField(from, field, part, given, elementOf(target) !== undefined);
    }
    if (given === undefined) throw refuse(`remap_struct: nothing says where ${field.name} comes from`);
    return defaultField(field, given);
  });
  return target.id === 'struct' ? structRemap(target, fields) : listRemap(target, to, fields);
}

function kindOf(type: DataType): string {
  return elementOf(type) === undefined ? type.id : 'list';
}

function structRemap(target: StructType, fields: readonly Remap[]): Remap {
  return (source, rowCount) => {
    const children = fields.map((field) => field(source, rowCount));
    return makeStruct(target, rowCount, children, source === undefined ? undefined : validityOf(source));
  };
}

/** The parts of lists and maps are made for all their values at once. */
function listRemap(target: DataType, parts: StructType, fields: readonly Remap[]): Remap {
  const entries = target.id === 'map' ? target.child.type : parts;
  return (source, rowCount) => {
    const rows = compactRows(listRowsOf(source as Vector));
    const values = target.id === 'map' ? rows.values : makeStruct(parts, rows.values.length, [rows.values]);
    const made = fields.map((field) => field(values, values.length));
    const offsets = new Uint32Array(rowCount + 1);
    for (let i = 0; i < rowCount; i++) offsets[i + 1] = rows.ends[i] as number;
    const shown = target.id === 'map' ? makeStruct(entries, values.length, made) : (made[0] as Vector);
    return makeList(target, offsets, shown, rows.validity);
  };
}

/** A description that is a constant; undefined for NULL. */
function constantOf(known: KnownArgument | undefined): Vector | undefined {
  const value: ConstantValue | undefined = known?.value;
  if (value === null) return undefined;
  if (value !== undefined && isNestedValue(value) && value.type.id === 'struct') return value;
  throw refuse('remap_struct: what comes from where, and the defaults, are constant structs or NULL');
}

function resolveRemap(args: readonly DataType[], known: readonly KnownArgument[]): Shape | undefined {
  const [given, target, mapping, defaults, ...more] = args;
  if (given === undefined || target === undefined || mapping === undefined || defaults === undefined)
    return undefined;
  if (more.length > 0) return undefined;
  const source = flatType(given);
  if (partsAsStruct(source) === undefined || partsAsStruct(target) === undefined) return undefined;
  remapParts(source, target, constantOf(known[2]), constantOf(known[3]));
  return { parameters: [source, target, mapping, defaults], type: target, nulls: 'custom' };
}

const remapKernel: Kernel = ([given, target, mapping, defaults], rowCount, type) => {
  if (rowCount === 0) return nullVector(type, 0);
  const [by, others] = [mapping, defaults].map((part) => (part?.type.id === 'struct' ? part : undefined));
  return remapParts((given as Vector).type, (target as Vector).type, by, others)(given, rowCount);
};

/** The entry of remap_struct. */
export const REMAP: FunctionEntry = nestedEntry({
  name: 'remap_struct',
  expects: '(nested value, NULL of the type that it becomes, what comes from where, defaults)',
  doc: 'The value as one of another type: the third argument has, by the names there, the names here.',
  example: "remap_struct({'i': 1}, NULL::STRUCT(a INTEGER, b INTEGER), {'a': 'i'}, {'b': 2}) → {'a': 1, 'b': 2}",
  fails: true,
  resolve: resolveRemap,
  kernel: remapKernel,
});
