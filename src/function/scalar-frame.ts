/**
 * Frames of scalar kernels: reading columns as the functions want them, and making columns row by row.
 *
 * Hides validity, constants, dictionaries and the bounds of results. Invariants: a strict frame calls `row` only for
 * rows whose arguments are all present, so that what lies in a null row's slot cannot fail; a column of text made
 * here holds at most TEXT_RESULT_BYTES_MAX bytes.
 */
import { EngineError } from '../base/errors.ts';
import { ROW_BYTES_MAX, TEXT_RESULT_BYTES_MAX } from '../base/limits.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder, rowText } from './byte-rows.ts';
import { bytesOf, formOf, numbersOf, vectorFromNumbers, vectorOf, wordsOf } from './column.ts';
import { constantRows, isConstant } from './constant.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { decodeVector } from './decode.ts';
import type { FunctionEntry } from './entry.ts';
import {
  castKind,
  DOUBLE,
  familyOf,
  flatType,
  INT64,
  isNumeric,
  isPlainText,
  strictCall,
  UTF8,
} from './signature.ts';
import { bitAt, mergeValidity } from './validity.ts';
import type { Validity } from './validity.ts';

const TWO_32 = 4294967296;

/** The error of a row that has no answer. */
export function rowError(message: string): EngineError {
  return new EngineError('value_error', message);
}

/** Refuses to make one text that is larger than a row may be, before it is made. */
export function checkTextBytes(name: string, byteCount: number): void {
  if (byteCount <= ROW_BYTES_MAX) return;
  const size = `${byteCount.toString()} bytes, more than the ${ROW_BYTES_MAX.toString()} of one row`;
  throw new EngineError('limit_exceeded', `${name} would make a text of ${size}; make it shorter`);
}

/** Calls `row` for every row that is present in all of `args`. */
export function eachRow(args: readonly Vector[], rowCount: number, row: (row: number) => void): Validity {
  const validity = mergeValidity(args, rowCount);
  const { bits } = validity;
  if (bits === undefined) for (let i = 0; i < rowCount; i++) row(i);
  else for (let i = 0; i < rowCount; i++) if (bitAt(bits, i)) row(i);
  return validity;
}

/** Ends a row of text, and refuses a column that grew too large. */
export function endTextRow(builder: ByteRowsBuilder): void {
  builder.endRow();
  if (builder.byteCount <= TEXT_RESULT_BYTES_MAX) return;
  const bound = `${TEXT_RESULT_BYTES_MAX.toString()} bytes of one batch`;
  throw new EngineError('limit_exceeded', `a function makes more text than the ${bound}; make its results shorter`);
}

/** A strict column of text or binary: `write` adds the bytes of one row. */
export function textRows(
  args: readonly Vector[],
  rowCount: number,
  type: DataType,
  write: (row: number, out: ByteRowsBuilder) => void,
): Vector {
  const { bits, nullCount } = mergeValidity(args, rowCount);
  const builder = new ByteRowsBuilder(rowCount);
  for (let i = 0; i < rowCount; i++) {
    if (bits === undefined || bitAt(bits, i)) write(i, builder);
    endTextRow(builder);
  }
  return builder.finish(type, { bits, nullCount });
}

/** A strict boolean column. */
export function boolRows(
  args: readonly Vector[],
  rowCount: number,
  type: DataType,
  test: (row: number) => boolean,
): Vector {
  const out = new Uint8Array((rowCount + 7) >> 3);
  const validity = eachRow(args, rowCount, (i) => {
    if (test(i)) out[i >> 3] = (out[i >> 3] as number) | (1 << (i & 7));
  });
  return vectorOf(type, rowCount, validity, out);
}

/** A strict column of numbers: of form `number`, or int64 and uint64 below 2^53. */
export function numberRows(
  args: readonly Vector[],
  rowCount: number,
  type: DataType,
  compute: (row: number) => number,
): Vector {
  if (formOf(type).kind === 'number') {
    const out = new Float64Array(rowCount);
    const validity = eachRow(args, rowCount, (i) => {
      out[i] = compute(i);
    });
    return vectorFromNumbers(type, out, rowCount, validity);
  }
  const words = new Int32Array(rowCount * 2);
  const validity = eachRow(args, rowCount, (i) => {
    const value = compute(i);
    const high = Math.floor(value / TWO_32);
    words[2 * i] = value - high * TWO_32;
    words[2 * i + 1] = high;
  });
  return vectorOf(type, rowCount, validity, bytesOf(words));
}

/** Reads text as strings; a constant is decoded once. */
export function textsOf(vector: Vector): (row: number) => string {
  const rows = byteRowsOf(vector);
  if (!isConstant(vector)) return (row) => rowText(rows, row);
  const text = rowText(rows, 0);
  return () => text;
}

/** Reads integers as numbers: int64 beyond 2^53 lose their last digits, which no count or place can notice. */
export function integersOf(vector: Vector): Float64Array {
  if (formOf(vector.type).kind === 'number') return numbersOf(vector);
  const words = wordsOf(vector);
  const out = new Float64Array(vector.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = (words[2 * i + 1] as number) * TWO_32 + ((words[2 * i] as number) >>> 0);
  }
  return out;
}

/** What a value is made from: rows that share one, as with a constant, make it once. */
export function madeFor<T>(vectors: readonly Vector[], make: (row: number) => T): (row: number) => T {
  if (!vectors.every(isConstant)) return make;
  let made: { readonly value: T } | undefined;
  return (row) => (made ??= { value: make(row) }).value;
}

/**
 * The kernel, run over a dictionary's values instead of the rows where the first argument is one and the others are
 * constant. A value that fails may be one that no row has, and then the rows decide.
 */
export function onceForEachValue(kernel: Kernel): Kernel {
  return (args, rowCount, type) => {
    const [coded, ...others] = args as [Vector, ...Vector[]];
    const values = coded.dictionary;
    const fits = values !== undefined && values.length > 0 && values.length < rowCount && others.every(isConstant);
    if (!fits || coded.type.id !== 'dictionary') return kernel(args, rowCount, type);
    const count = values.length;
    try {
      const made = kernel([values, ...others.map((other) => constantRows(other, count))], count, type);
      return decodeVector({ ...coded, type: { ...coded.type, value: type }, dictionary: made });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return kernel(args, rowCount, type);
    }
  };
}

/** Kinds of parameters: as the message for a misfit names them. */
export type Kind = 'text' | 'binary' | 'int64' | 'int32' | 'double' | 'bool' | 'any';

const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };

/** The type that an argument is cast to for a parameter; undefined when it does not fit. */
function parameterOf(kind: Kind, argument: DataType): DataType | undefined {
  const type = flatType(argument);
  const isNull = type.id === 'null';
  switch (kind) {
    case 'text':
      return isNull ? UTF8 : familyOf(type) === 'text' ? type : undefined;
    case 'binary':
      return isNull ? { id: 'binary' } : familyOf(type) === 'binary' ? type : undefined;
    case 'int64':
      return isNull || type.id === 'int' ? INT64 : undefined;
    case 'int32':
      return isNull || (type.id === 'int' && (type.bitWidth < 32 || (type.bitWidth === 32 && type.signed)))
        ? INT32
        : undefined;
    case 'double':
      return isNull || isNumeric(type) ? DOUBLE : undefined;
    case 'bool':
      return isNull || type.id === 'bool' ? { id: 'bool' } : undefined;
    case 'any':
      return printableType(type);
  }
}

/** Text as it stands, all other flat types as text. */
function printableType(type: DataType): DataType | undefined {
  const family = familyOf(type);
  if (isPlainText(type)) return type;
  return family === 'interval' || family === 'duration' || castKind(type, UTF8) === 'none' ? undefined : UTF8;
}

/** The types to which `args` are cast for parameters of these kinds. */
export function fitKinds(args: readonly DataType[], kinds: readonly Kind[]): readonly DataType[] | undefined {
  if (args.length !== kinds.length) return undefined;
  const parameters: DataType[] = [];
  for (let i = 0; i < args.length; i++) {
    const parameter = parameterOf(kinds[i] as Kind, args[i] as DataType);
    if (parameter === undefined) return undefined;
    parameters.push(parameter);
  }
  return parameters;
}

/** A resolution by overloads of kinds that all answer with `type`. */
export function strictKinds(
  name: string,
  overloads: readonly (readonly Kind[])[],
  type: DataType,
): (args: readonly DataType[]) => ResolvedCall | undefined {
  return (args) => {
    for (const kinds of overloads) {
      const parameters = fitKinds(args, kinds);
      if (parameters !== undefined) return strictCall(name, parameters, type);
    }
    return undefined;
  };
}

const KIND_NAMES: Readonly<Record<Kind, string>> = {
  text: 'text',
  binary: 'binary',
  int64: 'integer',
  int32: 'integer',
  double: 'number',
  bool: 'boolean',
  any: 'any',
};

/** '(text, integer) or (text)'. */
export function expectsText(overloads: readonly (readonly Kind[])[]): string {
  return overloads.map((kinds) => `(${kinds.map((kind) => KIND_NAMES[kind]).join(', ')})`).join(' or ');
}

/** What sets one strict function apart. */
export interface StrictFunction {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly overloads: readonly (readonly Kind[])[];
  readonly type: DataType;
  readonly doc: string;
  readonly example: string;
  /** True when a row may be an error; then AND and OR evaluate it only for rows that need it. */
  readonly fails?: boolean;
  readonly kernel: Kernel;
}

/** The entry of a strict function; over dictionaries it runs once for each value. */
export function strictEntry({ overloads, type, kernel, ...rest }: StrictFunction): FunctionEntry {
  const shared = onceForEachValue(kernel);
  return {
    ...rest,
    expects: expectsText(overloads),
    resolve: strictKinds(rest.name, overloads, type),
    kernel: () => shared,
  };
}
