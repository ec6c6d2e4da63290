/**
 * The held side of a join: its rows, and which of them have the same keys.
 *
 * Hides hashing. Invariants: rows with a NULL in a key that NULL does not equal are never found; rows of one key keep
 * their order; row `rowCount` of the columns is all NULL, for left rows that join none.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { emptyVector } from '../arrow/slice.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import { RowKeys } from '../function/key-table.ts';
import { KeySet } from '../function/key-set.ts';
import { MISSING, RangeKeys } from '../function/range-keys.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import type { JoinKey } from '../plan/expr.ts';
import { compileExpr } from './evaluate.ts';
import { joinParts } from './join.ts';
import type { KeyFilters } from './key-filter.ts';
import { columnsBytes } from './memory.ts';
import type { RowStream, RunContext } from './operator.ts';
import { step } from './operator.ts';
import { LazyRows, rowsOf } from './rows.ts';
import type { Evaluator, Rows } from './rows.ts';

/** Row `left[i]` of a batch beside row `right[i]` of the table. */
export interface Pairs {
  readonly left: Uint32Array;
  readonly right: Uint32Array;
}

/** In place of a held row: there is none. */
export const NO_ROW = 0xffffffff;

/** Held rows by the number of their key: the first of each, and for each row the next one of its key; else NO_ROW. */
export interface KeyRows {
  readonly firsts: Uint32Array;
  /** Undefined where no two rows have one key. */
  readonly nexts: Uint32Array | undefined;
}

/** NULL in every row, of whatever type. */
export function nullColumn(type: DataType, rowCount: number): Vector {
  const vector = nullVector(type, rowCount);
  return type.id === 'dictionary' ? { ...vector, dictionary: emptyVector(type.value) } : vector;
}

/** For each of `held` the values of the keys. */
function keyValues(keys: readonly JoinKey[], held: readonly Rows[]): readonly (readonly Vector[])[] {
  const evaluators = keys.map((key) => compileExpr(key.right));
  return held.map((rows) => evaluators.map((evaluate) => evaluate(rows)));
}

/** Gives rows the numbers of their keys. */
export class KeyNumbers {
  /** Of the held rows. */
  readonly held: Uint32Array;
  readonly #keys: RowKeys | undefined;
  readonly #nullsEqual: readonly boolean[];

  /** The keys of all held rows, whose values are `parts`. */
  constructor(keys: readonly JoinKey[], held: readonly Rows[], parts = keyValues(keys, held)) {
    this.#nullsEqual = keys.map((key) => key.nullsEqual);
    const types = keys.map((key) => key.right.type);
    const ranges = keys.map((_, k) => RangeKeys.of(parts.map((part) => part[k] as Vector)));
    this.#keys = keys.length === 0 ? undefined : new RowKeys(types, ranges);
    this.held = new Uint32Array(held.reduce((sum, { rowCount }) => sum + rowCount, 0));
    let at = 0;
    held.forEach(({ rowCount }, i) => {
      this.held.set(this.#number(parts[i] as readonly Vector[], rowCount, false), at);
      at += rowCount;
    });
  }

  get count(): number {
    return this.#keys?.count ?? 1;
  }

  get byteCount(): number {
    return this.#keys?.byteCount ?? 0;
  }

  /** Numbers of the other side's rows, MISSING where no held row has the key. */
  find(evaluators: readonly Evaluator[], rows: Rows): Uint32Array {
    const vectors = evaluators.map((evaluate) => evaluate(rows));
    return this.#number(vectors, rows.rowCount, true);
  }

  #number(vectors: readonly Vector[], rowCount: number, isFixed: boolean): Uint32Array {
    if (this.#keys === undefined) return new Uint32Array(rowCount);
    const ids = this.#keys.number(vectors, rowCount, isFixed);
    vectors.forEach((vector, k) => {
      const { bits, nullCount } = validityOf(vector);
      if (nullCount === 0 || bits === undefined || this.#nullsEqual[k] === true) return;
      for (let i = 0; i < rowCount; i++) if (!bitAt(bits, i)) ids[i] = MISSING;
    });
    return ids;
  }
}

/** Columns of batches, each made one when somebody asks for it. */
class HeldColumns {
  readonly #fields: readonly Field[];
  readonly #batches: readonly RecordBatch[];
  readonly #joined: (Vector | undefined)[] = [];

  constructor({ fields }: Schema, batches: readonly RecordBatch[]) {
    this.#fields = fields;
    this.#batches = batches;
  }

  /** The column, and a NULL behind its last row. */
  column(index: number): Vector {
    return (this.#joined[index] ??= this.#join(index));
  }

  #join(index: number): Vector {
    const parts = this.#batches.map((batch) => batch.columns[index] as Vector);
    const none = nullColumn((this.#fields[index] as Field).type, 1);
    const dictionary = parts[0]?.dictionary;
    return joinParts([...parts, dictionary === undefined ? none : { ...none, dictionary }]);
  }
}

/** The held side. */
export class JoinTable {
  readonly rowCount: number;
  readonly numbers: KeyNumbers;
  readonly keyRows: KeyRows;
  /** By key the values that held rows have of it, where they are close integers. */
  readonly keySets: readonly (KeySet | undefined)[];
  /** Bytes that it holds. */
  readonly byteCount: number;
  readonly #columns: HeldColumns;
  readonly #width: number;
  #scratch: Pairs | undefined;

  private constructor(
    schema: Schema,
    batches: readonly RecordBatch[],
    numbers: KeyNumbers,
    keySets: JoinTable['keySets'],
  ) {
    this.#columns = new HeldColumns(schema, batches);
    this.#width = schema.fields.length;
    this.rowCount = numbers.held.length;
    this.numbers = numbers;
    this.keyRows = groupRows(numbers.held, numbers.count);
    this.keySets = keySets;
    const setBytes = keySets.reduce((sum, set) => sum + (set?.byteCount ?? 0), 0);
    // Columns are there a second time once they are asked for.
    const columnBytes = batches.reduce((sum, { columns }) => sum + 2 * columnsBytes(columns), 0);
    this.byteCount = columnBytes + numbers.byteCount + setBytes + 8 * this.rowCount + 4 * numbers.count;
  }

  /** Held rows by number; number `rowCount` is all NULL. */
  rows(taken: Uint32Array): LazyRows {
    return LazyRows.taken((index) => this.#columns.column(index), this.#width, taken);
  }

  /** Where pairs are listed, for one reader at a time. */
  get scratch(): Pairs {
    return (this.#scratch ??= { left: new Uint32Array(BATCH_ROWS_MAX), right: new Uint32Array(BATCH_ROWS_MAX) });
  }

  /** What the other side, with the keys' left expressions, can be asked. */
  filters(keys: readonly JoinKey[]): KeyFilters {
    return keys.flatMap(({ left }, k) => {
      const set = this.keySets[k];
      return set !== undefined && left.kind === 'column' ? [{ column: left.index, keys: set }] : [];
    });
  }

  /**
   * Reads `input` to its end. `schema` is that of its rows; `asked` tells of which keys sets are wanted; `observe` is
   * shown all rows. @throws `limit_exceeded`
   */
  static async read(
    input: RowStream,
    schema: Schema,
    keys: readonly JoinKey[],
    context: RunContext,
    asked: (key: JoinKey) => boolean,
    observe: (held: readonly Rows[]) => void = () => undefined,
  ): Promise<JoinTable> {
    const batches: RecordBatch[] = [];
    let held = 0;
    for await (const lazy of input) {
      await step(context);
      const batch = lazy.batch(schema);
      batches.push(batch);
      held = context.memory.change('JOIN', held, held + 2 * columnsBytes(batch.columns) + 16 * batch.rowCount);
    }
    const rows = batches.map(rowsOf);
    observe(rows);
    const values = keyValues(keys, rows);
    const numbers = new KeyNumbers(keys, rows, values);
    const keySets = keys.map((key, k) =>
      asked(key) ? KeySet.of(values.map((part) => part[k] as Vector)) : undefined,
    );
    await step(context);
    const table = new JoinTable(schema, batches, numbers, keySets);
    context.memory.change('JOIN', held, table.byteCount);
    return table;
  }
}

/** Rows by the number of their key. */
function groupRows(ids: Uint32Array, count: number): KeyRows {
  const firsts = new Uint32Array(count).fill(NO_ROW);
  let isUnique = true;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    if (id === MISSING) continue;
    if (firsts[id] !== NO_ROW) {
      isUnique = false;
      break;
    }
    firsts[id] = i;
  }
  if (isUnique) return { firsts, nexts: undefined };
  firsts.fill(NO_ROW);
  const nexts = new Uint32Array(ids.length);
  // From the last on, so that rows of one key keep their order.
  for (let i = ids.length - 1; i >= 0; i--) {
    const id = ids[i] as number;
    if (id === MISSING) continue;
    nexts[i] = firsts[id] as number;
    firsts[id] = i;
  }
  return { firsts, nexts };
}
