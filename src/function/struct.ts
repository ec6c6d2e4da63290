/**
 * Structs and tuples: made, taken apart, and changed.
 *
 * Hides nothing. Invariants: names of fields are known when a call is resolved, and different in any case; a struct
 * that is made is never null.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { foldName } from '../base/names.ts';
import { ByteRowsBuilder } from './byte-rows.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry, KnownArgument } from './entry.ts';
import { nestedEntry } from './list-frame.ts';
import type { Shape } from './list-frame.ts';
import { makeList, makeStruct } from './list-rows.ts';
import { fieldIndex, isTuple, listOf, structOf, tupleOf } from './nested-type.ts';
import type { StructType } from './nested-type.ts';
import { flatType, UTF8, valueType } from './signature.ts';
import { fieldKernel, resolveField, shownField } from './struct-field.ts';
import { ALL_PRESENT, validityOf } from './validity.ts';

const makeKernel: Kernel = (args, rowCount, type) => makeStruct(type, rowCount, args);

function structType(type: DataType | undefined): StructType | undefined {
  const flat = type === undefined ? undefined : flatType(type);
  return flat?.id === 'struct' ? flat : undefined;
}

/** Fields from arguments with names; undefined when one has none, or two have the same. */
function namedFields(
  args: readonly DataType[],
  known: readonly KnownArgument[],
): (readonly [name: string, type: DataType])[] | undefined {
  const names = known.map(({ name }) => name);
  if (names.length < args.length || !names.every((name) => name !== undefined)) return undefined;
  if (new Set(names.map(foldName)).size < names.length) return undefined;
  return names.map((name, i) => [name, valueType(args[i] as DataType)]);
}

function resolvePack(args: readonly DataType[], known: readonly KnownArgument[]): Shape | undefined {
  const fields = namedFields(args, known);
  if (fields === undefined) return undefined;
  const parameters = fields.map(([, type]) => type);
  return { parameters, type: structOf(fields), nulls: 'never', canMakeNull: false };
}

/** The struct, then named fields that it does not have. */
function resolveInsert([given, ...values]: readonly DataType[], known: readonly KnownArgument[]): Shape | undefined {
  const struct = structType(given);
  const fields = namedFields(values, known.slice(1));
  const isWritten = known.slice(1).every(({ isNamed }) => isNamed === true);
  if (struct === undefined || fields === undefined || fields.length === 0 || !isWritten) return undefined;
  if (fields.some(([name]) => fieldIndex(struct, name) >= 0)) return undefined;
  const own = struct.children.map(({ name, type }): readonly [string, DataType] => [name, type]);
  const parameters = [struct, ...fields.map(([, type]) => type)];
  return { parameters, type: structOf([...own, ...fields]), nulls: 'never', canMakeNull: false };
}

function resolveConcat(args: readonly DataType[]): Shape | undefined {
  const structs = args.map(structType);
  if (args.length === 0 || !structs.every((struct) => struct !== undefined)) return undefined;
  const fields = structs.flatMap(({ children }) => children.map(({ name, type }) => [name, type] as const));
  const full = structs.filter(({ children }) => children.length > 0);
  const areTuples = full.length > 0 && full.every(isTuple);
  if (!areTuples && full.some(isTuple)) return undefined;
  if (!areTuples && new Set(fields.map(([name]) => foldName(name))).size < fields.length) return undefined;
  const type = areTuples ? tupleOf(fields.map(([, field]) => field)) : structOf(fields);
  return { parameters: structs, type, nulls: 'never', canMakeNull: false };
}

const joinKernel: Kernel = (args, rowCount, type) => {
  const children = args.flatMap((struct) => struct.children.map((_, place) => shownField(struct, place)));
  return makeStruct(type, rowCount, children);
};

/** A struct before values, whose own structs are values. */
const insertKernel: Kernel = ([struct, ...values], rowCount, type) => {
  const given = struct as Vector;
  return makeStruct(type, rowCount, [...given.children.map((_, place) => shownField(given, place)), ...values]);
};

const keysKernel: Kernel = ([struct], rowCount, type) => {
  const given = struct as Vector;
  const names = given.type.id === 'struct' ? given.type.children.map(({ name }) => name) : [];
  const builder = new ByteRowsBuilder(rowCount * names.length);
  const offsets = new Uint32Array(rowCount + 1);
  const validity = validityOf(given);
  for (let i = 0; i < rowCount; i++) {
    for (const name of names) builder.addText(name);
    offsets[i + 1] = (i + 1) * names.length;
  }
  return makeList(type, offsets, builder.finish(UTF8, ALL_PRESENT), validity);
};

/** The entries of this family. */
export const STRUCT: readonly FunctionEntry[] = [
  nestedEntry({
    name: 'struct_pack',
    expects: 'values with different names, as in (a := 1), or none',
    doc: "A struct of the named values; also as `{'a': 1}`.",
    example: "struct_pack(a := 1, b := 'x') → {'a': 1, 'b': x}",
    resolve: resolvePack,
    kernel: makeKernel,
  }),
  nestedEntry({
    name: 'row',
    expects: 'values',
    doc: 'A tuple of the values, a struct whose fields have no names; also as `(a, b)`.',
    example: "row(1, 'x') → (1, x)",
    resolve: (args) => {
      const parameters = args.map(valueType);
      return { parameters, type: tupleOf(parameters), nulls: 'never', canMakeNull: false };
    },
    kernel: makeKernel,
  }),
  nestedEntry({
    name: 'struct_extract',
    expects: '(struct, its name for a field) or (tuple, a place)',
    doc: "A field of the struct; also as `s.name` and `s['name']`.",
    example: "struct_extract({'a': 1}, 'a') → 1",
    resolve: ([given, key, ...more], known) => {
      const struct = structType(given);
      if (struct === undefined || key === undefined || more.length > 0) return undefined;
      return resolveField(struct, key, known[1]);
    },
    kernel: fieldKernel,
  }),
  nestedEntry({
    name: 'struct_insert',
    expects: '(struct, name := value, …), the names being new',
    doc: 'The struct with more fields.',
    example: "struct_insert({'a': 1}, b := 2) → {'a': 1, 'b': 2}",
    resolve: resolveInsert,
    kernel: insertKernel,
  }),
  nestedEntry({
    name: 'struct_concat',
    expects: '(struct, …) whose fields have different names, or (tuple, …)',
    doc: 'The fields of all structs in one.',
    example: "struct_concat({'a': 1}, {'b': 2}) → {'a': 1, 'b': 2}",
    resolve: resolveConcat,
    kernel: joinKernel,
  }),
  nestedEntry({
    name: 'struct_keys',
    expects: '(struct)',
    doc: 'The names of the fields.',
    example: "struct_keys({'a': 1, 'b': 2}) → [a, b]",
    resolve: (args) => {
      const struct = args.length === 1 ? structType(args[0]) : undefined;
      if (struct === undefined || isTuple(struct)) return undefined;
      return { parameters: [struct], type: listOf(UTF8), canMakeNull: false };
    },
    kernel: keysKernel,
  }),
  nestedEntry({
    name: 'struct_values',
    expects: '(struct)',
    doc: 'The values of the fields as a tuple.',
    example: "struct_values({'a': 1, 'b': 'x'}) → (1, x)",
    resolve: (args) => {
      const struct = args.length === 1 ? structType(args[0]) : undefined;
      if (struct === undefined) return undefined;
      const type = tupleOf(struct.children.map((field) => field.type));
      return { parameters: [struct], type, canMakeNull: false };
    },
    kernel: ([struct], _rowCount, type) => ({ ...(struct as Vector), type }),
  }),
];
