/**
 * Values of parameters: from what a caller gives to literals, and from those to the types that their places ask for.
 *
 * Hides the ways to give values: by place or by name, as values of JavaScript, as text with a type, as a row of an
 * Arrow batch. Invariants: a value becomes one of its place's type only where it stays the same value, or is text that
 * reads as one; otherwise it stays as it is, and binding decides as it does for a literal. Errors name the parameter.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { sliceVector } from '../arrow/slice.ts';
import type { DataType } from '../arrow/type.ts';
import { typeName } from '../arrow/type.ts';
import { EngineError } from '../base/errors.ts';
import { foldName, nearestName } from '../base/names.ts';
import { constantText } from '../function/constant.ts';
import { castKind } from '../function/registry.ts';
import { sqlError } from '../sql/frame.ts';
import { parseType } from '../sql/parse.ts';
import { printText } from '../sql/print.ts';
import { adaptLiteral } from './adapt.ts';
import { BOOL, castLiteral, DOUBLE, literalOfRow, makeLiteral, numberLiteral, tryCastLiteral } from './constant.ts';
import type { Literal } from './constant.ts';
import type { ParameterSet, ParameterSlot } from './parameter.ts';
import { arrowTypeOf, sqlTypeName } from './sql-type.ts';

/** A value with its type: `{ type: 'DECIMAL(10, 2)', value: '1.50' }`. The type is SQL's name for it. */
export interface TypedValue {
  readonly type: string;
  readonly value: string | number | bigint | boolean | null;
}

/**
 * One value. A number that is whole is an integer, every other one a DOUBLE; a bigint an integer of any size; a Date a
 * TIMESTAMPTZ; text takes its place's type.
 */
export type ParameterValue = null | boolean | number | bigint | string | Uint8Array | Date | TypedValue;

/** Values by place, or by name; numbers are names too. */
export type ParameterValues = readonly ParameterValue[] | Readonly<Record<string, ParameterValue>>;

/** Values, one for each parameter of a statement in order. */
export type GivenValues = readonly Literal[];

const NO_SPAN = { start: 0, end: 0 };
const WIDE_DECIMAL: DataType = { id: 'decimal', bitWidth: 128, precision: 38, scale: 0 };
const INSTANT: DataType = { id: 'timestamp', unit: 'millisecond', timezone: 'UTC' };

/**
 * The values that were given as literals, one for each parameter in order. @throws `request_invalid` for a missing or
 * surplus one, or one that cannot be read
 */
export function literalsOf(parameters: ParameterSet, values: ParameterValues | undefined): GivenValues {
  const given: Readonly<Record<string, ParameterValue>> = Array.isArray(values)
    ? Object.fromEntries(values.map((value, i) => [(i + 1).toString(), value as ParameterValue]))
    : ((values ?? {}) as Readonly<Record<string, ParameterValue>>);
  const byName = new Map(Object.entries(given).map(([name, value]) => [foldName(name.replace(/^\$/u, '')), value]));
  const { slots } = parameters;
  checkNames(
    parameters,
    Object.keys(given).map((name) => name.replace(/^\$/u, '')),
  );
  return slots.map(({ name }) => literalOf(name, byName.get(foldName(name)) as ParameterValue));
}

/** The row of a batch as literals, whose columns are the parameters in order. @throws `request_invalid` */
export function literalsOfRow(parameters: ParameterSet, batch: RecordBatch, row: number): GivenValues {
  checkColumns(parameters, batch);
  return parameters.slots.map(({ name }, i) => {
    const column = batch.columns[i] as RecordBatch['columns'][number];
    const literal = literalOfRow(sliceVector(column, row, row + 1), NO_SPAN);
    if (literal !== undefined) return literal;
    const message = `parameter $${name}: a value of type ${typeName(column.type)} cannot be given`;
    throw new EngineError('request_invalid', message);
  });
}

/** @throws `request_invalid` unless there is a column for each parameter */
export function checkColumns(parameters: ParameterSet, batch: RecordBatch): void {
  const { slots } = parameters;
  checkNames(
    parameters,
    // By place where columns are not named after parameters.
    batch.columns.map((_, i) => slots[i]?.name ?? (i + 1).toString()),
  );
}

/**
 * @throws unless `given` are the names of the parameters: `sql_bind` at one that is missing, `request_invalid` for one
 * too many
 */
export function checkNames({ sql, slots }: ParameterSet, given: readonly string[]): void {
  const known = new Set(slots.map(({ name }) => foldName(name)));
  const have = new Set(given.map(foldName));
  const surplus = given.find((name) => !known.has(foldName(name)));
  const missing = slots.find(({ name }) => !have.has(foldName(name)));
  if (surplus !== undefined) {
    const names = slots.map(({ name }) => name);
    const near = missing === undefined ? undefined : nearestName(surplus, names);
    const list = names.length === 0 ? 'no parameters' : names.map((name) => `$${name}`).join(', ');
    const remedy = near === undefined ? `it has ${list}` : `did you mean $${near}?`;
    const message = `a value is given for parameter $${surplus}, which the statement does not have; ${remedy}`;
    throw new EngineError('request_invalid', message);
  }
  const [span] = missing?.spans ?? [];
  if (missing === undefined || span === undefined) return;
  throw sqlError('sql_bind', sql, span, `parameter $${missing.name} has no value`, 'give one for each parameter');
}

function literalOf(name: string, value: ParameterValue): Literal {
  if (value === null) return makeLiteral(null, { id: 'null' }, NO_SPAN);
  switch (typeof value) {
    case 'boolean':
      return makeLiteral(value, BOOL, NO_SPAN);
    case 'string':
      return makeLiteral(value, { id: 'utf8' }, NO_SPAN);
    case 'bigint':
      return integerLiteral(name, value);
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0)
        ? numberLiteral(value.toString(), NO_SPAN)
        : makeLiteral(value, DOUBLE, NO_SPAN);
    default:
      break;
  }
  if (value instanceof Uint8Array) return makeLiteral(value, { id: 'binary' }, NO_SPAN);
  if (value instanceof Date) return makeLiteral(momentOf(name, value), INSTANT, NO_SPAN);
  if (typeof value === 'object' && 'type' in value && 'value' in value) return typedLiteral(name, value);
  const forms = 'a number, text, boolean or null, or { "type": "DECIMAL(10, 2)", "value": "1.50" }';
  throw new EngineError('request_invalid', `parameter $${name}: the value is not ${forms}`);
}

function integerLiteral(name: string, value: bigint): Literal {
  const literal = numberLiteral(value.toString(), NO_SPAN);
  if (literal.type.id !== 'float') return literal;
  const most = sqlTypeName(WIDE_DECIMAL);
  throw new EngineError('request_invalid', `parameter $${name}: ${value.toString()} is beyond ${most}`);
}

function momentOf(name: string, value: Date): bigint {
  const ms = value.getTime();
  if (!Number.isNaN(ms)) return BigInt(ms);
  throw new EngineError('request_invalid', `parameter $${name}: the Date is invalid`);
}

function typedLiteral(name: string, { type: text, value }: TypedValue): Literal {
  const plain = literalOf(name, value);
  try {
    const type = arrowTypeOf(text, parseType(text));
    if (plain.value !== null && castKind(plain.type, type) === 'none') {
      throw new EngineError('request_invalid', `there is no cast from ${sqlTypeName(plain.type)} to ${text}`);
    }
    const literal = castLiteral(plain, type);
    if (literal !== undefined) return literal;
    throw new EngineError('request_invalid', `a value of type ${text} cannot be given`);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError('request_invalid', `parameter $${name}: ${error.message}`, { cause: error });
  }
}

/** A value as its place asks for it. @throws `value_error` where text does not read so, or nothing converts */
export function fitLiteral(literal: Literal, { name, type, firm }: ParameterSlot): Literal {
  if (type === undefined || literal.value === null) return literal;
  const adapted = adaptLiteral(literal, type);
  if (adapted !== undefined) return adapted;
  if (!firm || literal.type.id === type.id) return literal;
  if (castKind(literal.type, type) === 'none') {
    const types = `takes a value of type ${sqlTypeName(type)}, not ${sqlTypeName(literal.type)}`;
    throw new EngineError('value_error', `parameter $${name} ${types}`);
  }
  const isMoment = literal.type.id === 'timestamp' && type.id === 'timestamp';
  if (literal.type.id !== 'utf8' && !isMoment) return literal;
  const read = tryCastLiteral(literal, type, false);
  if (read !== undefined || isMoment || !isFlat(type)) return read ?? literal;
  const shown = printText(constantText(literal.value).slice(0, 60));
  throw new EngineError('value_error', `parameter $${name}: ${shown} cannot be read as ${sqlTypeName(type)}`);
}

/** Types that text can be read as, and a literal can have. */
function isFlat(type: DataType): boolean {
  return tryCastLiteral(makeLiteral(null, { id: 'null' }, NO_SPAN), type, false) !== undefined;
}
