/**
 * Frames of functions over nested values: the types of lists and of values beside them, and rows taken or left out.
 *
 * Hides encodings. Invariants: a list keeps its own layout where its values need no cast; a literal beside a list takes
 * the type of its values where that keeps its value, as in DuckDB; results are plain lists.
 */
import type { DataType } from '../arrow/type.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import type { FunctionEntry, KnownArgument } from './entry.ts';
import { elementOf, listOf } from './nested-type.ts';
import { castKind, commonType, familyOf, flatType, INT64, UTF8, valueType } from './signature.ts';

const NULL: DataType = { id: 'null' };
/** The type of a list argument's values; of NULL the null type; undefined for what is no list. */
export function elementType(type: DataType | undefined): DataType | undefined {
  if (type === undefined) return undefined;
  return type.id === 'null' ? NULL : elementOf(flatType(type));
}

function holds(type: DataType & { readonly id: 'int' }, value: number | bigint): boolean {
  const bits = BigInt(type.bitWidth);
  const exact = BigInt(value);
  return type.signed ? exact >= -(1n << (bits - 1n)) && exact < 1n << (bits - 1n) : exact >= 0n && exact < 1n << bits;
}

/** The type in which values of `type` meet one beside them; undefined when there is none. */
export function meetValue(type: DataType, other: DataType, known?: KnownArgument): DataType | undefined {
  const own = valueType(type);
  const beside = valueType(other);
  const value = known?.value;
  if (typeof value === 'string' && own.id !== 'null' && familyOf(own) !== 'text') {
    return castKind(UTF8, own) === 'none' ? undefined : own;
  }
  const isWhole = own.id === 'int' && beside.id === 'int';
  if (isWhole && (typeof value === 'number' || typeof value === 'bigint') && holds(own, value)) return own;
  return commonType(own, beside);
}

/** The type that a list argument is cast to so that its values are of `element`: its own where they are. */
export function listParameter(type: DataType, element: DataType): DataType {
  const flat = flatType(type);
  const own = elementOf(flat);
  return own !== undefined && castKind(own, element) === 'same' ? flat : listOf(element);
}

/** An integer argument, or text that is a literal; undefined for others. */
export function indexParameter(type: DataType | undefined, known?: KnownArgument): DataType | undefined {
  if (type === undefined) return undefined;
  const flat = valueType(type);
  const fits = flat.id === 'int' || flat.id === 'null' || typeof known?.value === 'string';
  return fits ? INT64 : undefined;
}

/** A function whose signature is more than kinds of parameters. */
export interface NestedFunction extends Omit<FunctionEntry, 'resolve' | 'kernel'> {
  /** Undefined where the arguments do not fit. */
  readonly resolve: (args: readonly DataType[], known: readonly KnownArgument[]) => Shape | undefined;
  readonly kernel: Kernel | ((parameters: readonly DataType[]) => Kernel);
  /** True when `kernel` makes one for the parameters. */
  readonly makes?: boolean;
}

/** What arguments are cast to, and what comes out. */
export interface Shape {
  readonly parameters: readonly DataType[];
  readonly type: DataType;
  /** As ResolvedCall has it; strict and able to make null unless said. */
  readonly nulls?: ResolvedCall['nulls'];
  readonly canMakeNull?: boolean;
}

/** The entry of such a function. */
export function nestedEntry({ resolve, kernel, makes, ...rest }: NestedFunction): FunctionEntry {
  return {
    ...rest,
    resolve: (args, known) => {
      const shape = resolve(args, known);
      if (shape === undefined) return undefined;
      const { parameters, type, nulls = 'strict', canMakeNull = true } = shape;
      return { name: rest.name, parameters, type, canMakeNull, nulls };
    },
    kernel: (parameters) =>
      makes === true ? (kernel as (types: readonly DataType[]) => Kernel)(parameters) : (kernel as Kernel),
  };
}

/** A function that has overloads of its own for nested values: `nested` is asked where the other does not fit. */
export function overloaded(entry: FunctionEntry, nested: FunctionEntry): FunctionEntry {
  const isNested = (types: readonly DataType[]): boolean => types.some((type) => familyOf(type) === 'nested');
  return {
    ...entry,
    expects: `${entry.expects} or ${nested.expects}`,
    resolve: (args, known) => {
      const call = (isNested(args) ? nested : entry).resolve(args, known);
      return call === undefined ? undefined : { ...call, name: entry.name };
    },
    kernel: (parameters) => (isNested(parameters) ? nested : entry).kernel(parameters),
  };
}
