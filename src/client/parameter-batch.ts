/**
 * Values of a statement's parameters as the one row of a batch.
 *
 * Hides the ways to give values. Invariant: a value is sent as what it is in JavaScript, and the server makes it one of
 * its place's type, exactly as it does in its own process. Source: docs/client.md.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { buildVector } from '../arrow/build.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Schema } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import type { Value } from '../arrow/value.ts';
import { EngineError } from '../base/errors.ts';
import { foldName, nearestName } from '../base/names.ts';

/** One value. A whole number is an integer, every other one a DOUBLE; text takes its place's type. */
export type ParameterValue = null | boolean | number | bigint | string | Uint8Array | Date;

/** Values by place, or by name; numbers are names too. */
export type ParameterValues = readonly ParameterValue[] | Readonly<Record<string, ParameterValue>>;

const HUGE: DataType = { id: 'decimal', bitWidth: 128, precision: 38, scale: 0 };
const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };

/** The row for the parameters that `schema` names, in its order. @throws `request_invalid`, `value_error` */
export function parameterBatch(schema: Schema, values: ParameterValues): RecordBatch {
  const given = new Map<string, ParameterValue>(
    (Array.isArray(values)
      ? (values as readonly ParameterValue[]).map((value, i) => [(i + 1).toString(), value] as const)
      : Object.entries(values as Readonly<Record<string, ParameterValue>>)
    ).map(([name, value]) => [foldName(name.replace(/^\$/u, '')), value]),
  );
  const names = schema.fields.map(({ name }) => name);
  // By place where it is not by name.
  const keys = names.map((name, i) => (given.has(foldName(name)) ? foldName(name) : (i + 1).toString()));
  const surplus = [...given.keys()].find((name) => !keys.includes(name));
  if (surplus !== undefined) throw surplusError(surplus, names);
  const columns = keys.map((key, i) => {
    const value = given.get(key);
    if (value === undefined) {
      const message = `parameter $${names[i] ?? key} has no value; give one for each parameter`;
      throw new EngineError('request_invalid', message);
    }
    const [type, sent] = typed(value);
    return type.id === 'null' ? nullVector(type, 1) : buildVector(type, [sent]);
  });
  return { schema: makeSchema(columns.map(({ type }, i) => makeField(names[i] ?? '', type))), rowCount: 1, columns };
}

function typed(value: ParameterValue): readonly [DataType, Value] {
  switch (typeof value) {
    case 'boolean':
      return [{ id: 'bool' }, value];
    case 'string':
      return [{ id: 'utf8' }, value];
    case 'bigint':
      return [BigInt.asIntN(64, value) === value ? INT64 : HUGE, value];
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0)
        ? [INT64, value]
        : [{ id: 'float', bitWidth: 64 }, value];
    default:
      if (value === null) return [{ id: 'null' }, null];
      if (value instanceof Uint8Array) return [{ id: 'binary' }, value];
      return [{ id: 'timestamp', unit: 'millisecond', timezone: 'UTC' }, value.getTime()];
  }
}

function surplusError(name: string, names: readonly string[]): EngineError {
  const near = nearestName(name, names);
  const list = names.length === 0 ? 'no parameters' : names.map((each) => `$${each}`).join(', ');
  const remedy = near === undefined ? `it has ${list}` : `did you mean $${near}?`;
  const message = `a value is given for parameter $${name}, which the statement does not have; ${remedy}`;
  return new EngineError('request_invalid', message);
}
