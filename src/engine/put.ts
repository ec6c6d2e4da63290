/**
 * Puts: a stream of batches under its own schema, fitted to a table's by column name.
 *
 * What is accepted: columns in any order; a missing column that may be null or has a default (it becomes that); the
 * same type; a text or binary type for another of the same family (dictionaries of text too); an integer or float for a
 * wider one of its kind that holds every value; an all-null column for any that may be null. Everything else is
 * `schema_mismatch`, before a row is taken.
 *
 * Hides the casts. Invariant: what reaches storage has exactly the table's schema, and no null stands in a NOT NULL
 * column.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { repeatVector } from '../arrow/concat.ts';
import { nullVector } from '../arrow/null-vector.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import type { ColumnDefault } from '../arrow/source.ts';
import { childFields, sameType, typeName } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { present } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { COLUMNS_MAX, NAME_BYTES_MAX } from '../base/limits.ts';
import { foldName, isReservedName, nearestName } from '../base/names.ts';
import { encoderOf } from '../exec/edit.ts';
import { castKernel } from '../function/registry.ts';
import { defaultVector } from '../plan/bind-default.ts';
import type { Append, AppendResult } from '../storage/contract.ts';
import type { Put } from './contract.ts';

/** Turns one column of an incoming batch into the table's column. */
type Fit = (batch: RecordBatch) => Vector;

const TEXT: ReadonlySet<string> = new Set(['utf8', 'large_utf8', 'utf8_view']);
const BINARY: ReadonlySet<string> = new Set(['binary', 'large_binary', 'binary_view']);

/** @throws `request_invalid` unless `name` can name a table */
export function checkTableName(name: string): void {
  const bytes = Buffer.byteLength(name);
  const shown = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  const refuse = (why: string): never => {
    throw new EngineError('request_invalid', `${shown} cannot name a table: ${why}`);
  };
  if (bytes === 0) refuse('the name is empty');
  if (bytes > NAME_BYTES_MAX)
    refuse(`it has ${bytes.toString()} bytes, at most ${NAME_BYTES_MAX.toString()} are allowed`);
  const bad = /[\u0000-\u001f\u007f/\\]/u.exec(name);
  if (bad !== null)
    refuse(`it holds ${JSON.stringify(bad[0])}; use letters, digits, spaces and punctuation but / and \\`);
  if (name === '.' || name === '..') refuse('it would be read as a directory');
  if (name.trim() !== name) refuse('it begins or ends with white space');
}

/** @throws `request_invalid` unless `name` can name a table that is to be made */
export function checkNewTableName(name: string): void {
  checkTableName(name);
  if (!isReservedName(name)) return;
  const message = `${JSON.stringify(name)} cannot name a table: names that begin with sheaf_ are kept for system tables`;
  throw new EngineError('request_invalid', `${message}; choose another name`);
}

/** @throws `request_invalid` or `limit_exceeded` unless `schema` can be a table's */
export function checkTableSchema(name: string, schema: Schema): void {
  if (schema.fields.length > COLUMNS_MAX) {
    const counts = `${schema.fields.length.toString()} columns, at most ${COLUMNS_MAX.toString()} are allowed`;
    throw new EngineError('limit_exceeded', `table ${name} would have ${counts}`);
  }
  const seen = new Map<string, string>();
  for (const field of schema.fields) {
    const folded = foldName(field.name);
    const earlier = seen.get(folded);
    if (earlier !== undefined) {
      const both =
        earlier === field.name ? `two columns "${field.name}"` : `columns "${earlier}" and "${field.name}"`;
      throw new EngineError(
        'request_invalid',
        `table ${name} would have ${both}; names are compared without regard to case, rename one`,
      );
    }
    if (Buffer.byteLength(field.name) > NAME_BYTES_MAX) {
      throw new EngineError(
        'limit_exceeded',
        `a column of table ${name} has a name above ${NAME_BYTES_MAX.toString()} bytes`,
      );
    }
    seen.set(folded, field.name);
  }
}

/** Plans how `stream` fits `table`, column by column. @throws `schema_mismatch` that names every column at fault */
function planFits(name: string, append: Append, stream: Schema, nowMs: number): readonly Fit[] {
  const table = append.schema;
  const faults: string[] = [];
  const taken = new Set<number>();
  const fits = table.fields.map((field, i) => {
    const index = findField(stream, field.name);
    if (index < 0) {
      const fit = missingColumn(field, append.defaults[i], nowMs);
      if (fit !== undefined) return fit;
      if (!field.nullable) faults.push(`column "${field.name}" is NOT NULL and missing`);
      return (batch: RecordBatch) => nullVector(field.type, batch.rowCount);
    }
    taken.add(index);
    const sent = present(stream.fields[index], 'field');
    const fit = fitColumn(index, sent, field, name);
    if (fit === undefined) {
      faults.push(`column "${field.name}" is ${typeName(field.type)}, the stream sends ${typeName(sent.type)}`);
    }
    return fit ?? ((batch: RecordBatch) => nullVector(field.type, batch.rowCount));
  });
  const names = table.fields.map((field) => field.name);
  stream.fields.forEach((field, i) => {
    if (taken.has(i)) return;
    const twice = stream.fields.some((other, j) => taken.has(j) && foldName(other.name) === foldName(field.name));
    const near = nearestName(field.name, names);
    const hint = near === undefined || twice ? '' : `; did you mean "${near}"?`;
    faults.push(twice ? `column "${field.name}" is sent twice` : `column "${field.name}" is not in the table${hint}`);
  });
  if (faults.length > 0) {
    const shown = faults.slice(0, 10).join('; ');
    const more = faults.length > 10 ? `; and ${(faults.length - 10).toString()} more` : '';
    throw new EngineError('schema_mismatch', `the stream does not fit table ${name}: ${shown}${more}`);
  }
  return fits;
}

/** What a column that the stream lacks gets, its default as it is when the put begins; undefined without one. */
function missingColumn(field: Field, given: ColumnDefault | undefined, nowMs: number): Fit | undefined {
  if (given === undefined) return undefined;
  if ('value' in given) return (batch) => repeatVector(given.value, batch.rowCount);
  const value = defaultVector(given.sql, field, BigInt(nowMs) * 1_000n);
  if (value === undefined) return undefined;
  const encode = encoderOf(field);
  return (batch) => encode(repeatVector(value, batch.rowCount));
}

/** The field of that very name, else the one that differs in case only. */
function findField(schema: Schema, name: string): number {
  const exact = schema.fields.findIndex((field) => field.name === name);
  if (exact >= 0) return exact;
  const folded = foldName(name);
  return schema.fields.findIndex((field) => foldName(field.name) === folded);
}

function fitColumn(index: number, sent: Field, wanted: Field, table: string): Fit | undefined {
  const column = (batch: RecordBatch): Vector => present(batch.columns[index], 'column');
  const checked = (fit: Fit): Fit => (wanted.nullable ? fit : refuseNulls(fit, wanted.name, table));
  if (sameType(sent.type, wanted.type)) return checked(column);
  if (sameShape(sent.type, wanted.type)) return checked((batch) => relabel(column(batch), wanted.type));
  if (sent.type.id === 'null') {
    return wanted.nullable ? (batch) => nullVector(wanted.type, batch.rowCount) : undefined;
  }
  if (!widens(sent.type, wanted.type)) return undefined;
  const cast = castKernel(sent.type, wanted.type, false);
  return checked((batch) => cast([column(batch)], batch.rowCount, wanted.type));
}

function refuseNulls(fit: Fit, name: string, table: string): Fit {
  return (batch) => {
    const vector = fit(batch);
    if (vector.nullCount > 0) {
      const count = `${vector.nullCount.toString()} null${vector.nullCount === 1 ? '' : 's'}`;
      throw new EngineError(
        'schema_mismatch',
        `column "${name}" of table ${table} is NOT NULL, and a batch brings ${count}`,
      );
    }
    return vector;
  };
}

/** True when every value of `from` is exactly a value of `to`, and a cheap cast says which. */
function widens(from: DataType, to: DataType): boolean {
  if (TEXT.has(to.id)) return TEXT.has(from.id) || (from.id === 'dictionary' && TEXT.has(from.value.id));
  if (BINARY.has(to.id)) return BINARY.has(from.id);
  if (from.id === 'int' && to.id === 'int') {
    return from.signed === to.signed ? from.bitWidth <= to.bitWidth : to.signed && from.bitWidth < to.bitWidth;
  }
  return from.id === 'float' && to.id === 'float' && from.bitWidth <= to.bitWidth;
}

/**
 * Same layout, differing only in the names of list items (pyarrow says "item", Parquet "element") that SQL never sees.
 */
function sameShape(a: DataType, b: DataType): boolean {
  if (a.id !== b.id) return false;
  const left = childFields(a);
  const right = childFields(b);
  if (left.length === 0) return sameType(a, b);
  if (a.id === 'struct' || a.id === 'union' || a.id === 'run_end' || left.length !== right.length) return false;
  if (a.id === 'fixed_list' && b.id === 'fixed_list' && a.listSize !== b.listSize) return false;
  const [from] = left;
  const [to] = right;
  if (from === undefined || to === undefined || (from.nullable && !to.nullable)) return false;
  return sameType(from.type, to.type) || sameShape(from.type, to.type);
}

/** The same buffers under `type`, which has the same layout. */
function relabel(vector: Vector, type: DataType): Vector {
  const fields = childFields(type);
  return {
    ...vector,
    type,
    children: vector.children.map((child, i) => relabel(child, fields[i]?.type ?? child.type)),
  };
}

/**
 * Makes the put that fits batches of `stream` into `append`; `nowMs`: what now() means in defaults; `onEnd` runs once,
 * after commit or abort.
 */
export function makePut(name: string, stream: Schema, append: Append, nowMs: number, onEnd: () => void): Put {
  const fits = planFits(name, append, stream, nowMs);
  const identical = fits.length === stream.fields.length && sameColumns(append.schema, stream);
  let ended = false;
  const end = (): void => {
    if (!ended) onEnd();
    ended = true;
  };
  return {
    async write(batch: RecordBatch): Promise<void> {
      const columns = identical ? batch.columns : fits.map((fit) => fit(batch));
      await append.write({ schema: append.schema, rowCount: batch.rowCount, columns });
    },
    async commit(): Promise<AppendResult> {
      try {
        return await append.commit();
      } finally {
        end();
      }
    },
    async abort(): Promise<void> {
      try {
        await append.abort();
      } finally {
        end();
      }
    },
  };
}

/** True when batches of `stream` can go on as they are: same order, names, types, and no NOT NULL to guard. */
function sameColumns(table: Schema, stream: Schema): boolean {
  return table.fields.every((field, i) => {
    const sent = stream.fields[i];
    return (
      sent !== undefined &&
      sent.name === field.name &&
      (field.nullable || !sent.nullable) &&
      sameType(sent.type, field.type)
    );
  });
}
