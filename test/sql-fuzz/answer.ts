/**
 * What a query answered, and whether two answers are the same.
 *
 * Hides values and tolerances. Invariants: types are compared as SQL sees them (encodings of text and bytes are one);
 * decimals, integers, text and times exactly; floats within 1e-9 relative, with NaN equal to itself and 0 to -0;
 * rows by number where a list of ordered columns says nothing else.
 */
import type { RecordBatch } from '../../src/arrow/batch.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';

/** Rows by column, or why there are none. */
export type Answer =
  | { readonly kind: 'error'; readonly text: string }
  | {
      readonly kind: 'rows';
      readonly types: readonly string[];
      readonly rowCount: number;
      readonly columns: readonly (readonly Value[])[];
    };

export type Rows = Extract<Answer, { kind: 'rows' }>;

const FLOAT_TOLERANCE = 1e-9;
const UNIT = { second: 's', millisecond: 'ms', microsecond: 'us', nanosecond: 'ns' } as const;

/** A type as SQL sees it. */
function typeText(type: DataType): string {
  switch (type.id) {
    case 'int':
      return `${type.signed ? '' : 'u'}int${type.bitWidth.toString()}`;
    case 'float':
      return `float${type.bitWidth.toString()}`;
    case 'decimal':
      return `decimal(${type.precision.toString()},${type.scale.toString()})`;
    case 'utf8':
    case 'large_utf8':
    case 'utf8_view':
      return 'text';
    case 'binary':
    case 'large_binary':
    case 'binary_view':
    case 'fixed_binary':
      return 'blob';
    case 'timestamp':
      return `timestamp[${UNIT[type.unit]}]${type.timezone === undefined ? '' : ' zoned'}`;
    case 'time':
      return `time[${UNIT[type.unit]}]`;
    case 'dictionary':
      return typeText(type.value);
    case 'run_end':
      return typeText(type.values.type);
    case 'list':
    case 'large_list':
    case 'list_view':
    case 'large_list_view':
      return `${typeText(type.child.type)}[]`;
    case 'struct':
      return `struct(${type.children.map((child) => `${child.name} ${typeText(child.type)}`).join()})`;
    case 'map':
      return `map ${typeText(type.child.type)}`;
    default:
      return type.id;
  }
}

/** The whole answer of one side. */
export function answerOf(schema: Schema, batches: readonly RecordBatch[]): Rows {
  const columns = schema.fields.map((_, c): Value[] => {
    const values: Value[] = [];
    for (const batch of batches) {
      const vector = batch.columns[c];
      if (vector === undefined) continue;
      const read = makeReader(vector);
      for (let row = 0; row < batch.rowCount; row++) values.push(read(row));
    }
    return values;
  });
  const types = schema.fields.map((field) => typeText(field.type));
  return { kind: 'rows', types, rowCount: batches.reduce((sum, batch) => sum + batch.rowCount, 0), columns };
}

/** A value as text that sorts floats apart from their last digits. */
function sortText(value: Value): string {
  if (typeof value === 'number') return value === 0 ? '0' : value.toPrecision(7);
  return showValue(value);
}

/** A value for a person, and exact but for floats. */
function showValue(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`;
  if (Array.isArray(value)) return `[${value.map(showValue).join(', ')}]`;
  if (typeof value === 'object') {
    const parts = Object.entries(value).filter(([, part]) => part !== undefined);
    return parts.map(([name, part]) => `${String(part)} ${name}`).join(' ');
  }
  return Object.is(value, -0) ? '-0' : value.toString();
}

/** A month as 30 days, a day as 24 hours: what intervals are compared by. */
function intervalNanoseconds(value: Value): bigint | undefined {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || Array.isArray(value)) {
    return undefined;
  }
  const {
    months = 0,
    days = 0,
    milliseconds = 0,
    nanoseconds = 0n,
  } = value as {
    readonly [part: string]: never;
  };
  const whole = BigInt(months) * 30n + BigInt(days);
  return whole * 86_400_000_000_000n + BigInt(milliseconds) * 1_000_000n + BigInt(nanoseconds);
}

function isSame(a: Value | undefined, b: Value | undefined, looseIntervals: boolean): boolean {
  if (typeof a === 'number' && typeof b === 'number') {
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
    return Math.abs(a - b) <= FLOAT_TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
  }
  // A decimal of ours where DuckDB went over to doubles.
  if (typeof a === 'string' && typeof b === 'number') return isSame(Number(a), b, looseIntervals);
  if (a === null || b === null || a === undefined || b === undefined) return a === b;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((value, i) => isSame(value as Value, b[i] as Value, looseIntervals));
  }
  if (looseIntervals) {
    const length = intervalNanoseconds(a);
    if (length !== undefined) return length === intervalNanoseconds(b);
  }
  // 128-bit integers come as decimals without digits behind the point.
  return showValue(a).replaceAll('"', '') === showValue(b).replaceAll('"', '');
}

function rowOrder(answer: Rows): number[] {
  // Exact columns first: a float's last digit then moves no row past another.
  const isFloat = (c: number): boolean => answer.types[c]?.startsWith('float') === true;
  const order = answer.columns.map((_, c) => c).toSorted((a, b) => Number(isFloat(a)) - Number(isFloat(b)));
  const keys = Array.from({ length: answer.rowCount }, (_, row) => {
    return order.map((c) => sortText(answer.columns[c]?.[row] ?? null)).join('\u0001');
  });
  const rows = keys.map((_, row) => row);
  return rows.sort((a, b) => ((keys[a] ?? '') < (keys[b] ?? '') ? -1 : 1));
}

function showRow(answer: Rows, row: number): string {
  return `(${answer.columns.map((column) => showValue(column[row] ?? null)).join(', ')})`;
}

/** A few rows for a person. */
export function showAnswer(answer: Answer, order?: readonly number[]): string {
  if (answer.kind === 'error') return answer.text.split('\n')[0] ?? '';
  const rows = Array.from({ length: Math.min(8, answer.rowCount) }, (_, i) => showRow(answer, order?.[i] ?? i));
  const more = answer.rowCount > 8 ? ` … ${answer.rowCount.toString()} rows` : '';
  return `${answer.types.join(', ')}: ${rows.join(' ')}${more}`;
}

/** How answers are compared. */
export interface Comparison {
  /** Columns whose values come in one order: all of the row's order that is known. */
  readonly ordered: readonly number[];
  /** Equal intervals of other parts are the same: grouping and sorting may keep either. */
  readonly looseIntervals: boolean;
}

/**
 * A column brought to where the other side's may stand too: decimals without last zeros, moments in microseconds. With
 * the types that stand for 128-bit integers here digits behind the point are DuckDB's to lose.
 */
function alike(column: readonly Value[], type: string, other: string): readonly Value[] {
  if (type === other) return column;
  if (type.startsWith('timestamp[ns]')) {
    return column.map((value) => (typeof value === 'bigint' ? (value - (value < 0n ? 999n : 0n)) / 1000n : value));
  }
  if (!type.startsWith('decimal')) return column;
  if (other === 'float64') return column.map((value) => (typeof value === 'string' ? Number(value) : value));
  const cuts = other.startsWith('decimal') && (type.endsWith(',0)') || other.endsWith(',0)'));
  return column.map((value) => {
    if (typeof value !== 'string') return value;
    return cuts ? 'a decimal' : value.replace(/\.0*$|(\..*?)0+$/u, '$1');
  });
}

/** Where the rows differ, types apart; undefined when they do not. */
export function rowDifference(mine: Rows, other: Rows, { ordered, looseIntervals }: Comparison): string | undefined {
  if (mine.columns.length !== other.columns.length) return 'another number of columns';
  const fit = (side: Rows, against: Rows): Rows => {
    const columns = side.columns.map((column, c) => alike(column, side.types[c] ?? '', against.types[c] ?? ''));
    const types = side.types.map((type, c) => (against.types[c] === 'float64' ? 'float64' : type));
    return { ...side, types, columns };
  };
  const [ours, theirs] = [fit(mine, other), fit(other, mine)];
  if (ours.rowCount !== theirs.rowCount) {
    return `${ours.rowCount.toString()} rows, DuckDB ${theirs.rowCount.toString()}`;
  }
  for (let row = 0; row < ours.rowCount; row++) {
    for (const c of ordered) {
      if (!isSame(ours.columns[c]?.[row], theirs.columns[c]?.[row], true)) {
        return `row ${row.toString()} in order: ${showRow(ours, row)}, DuckDB ${showRow(theirs, row)}`;
      }
    }
  }
  const [left, right] = [rowOrder(ours), rowOrder(theirs)];
  for (let i = 0; i < ours.rowCount; i++) {
    const [a, b] = [left[i] ?? 0, right[i] ?? 0];
    if (ours.columns.some((column, c) => !isSame(column[a], theirs.columns[c]?.[b], looseIntervals))) {
      return `row ${i.toString()} sorted: ${showRow(ours, a)}, DuckDB ${showRow(theirs, b)}`;
    }
  }
  return undefined;
}
