/**
 * The held side of a join: its rows, and which of them have the same keys.
 *
 * Hides hashing. Invariants: rows with a NULL in a key that NULL does not equal are never found; rows of one key keep
 * their order; for rows of the other side that join none there is a row of NULLs behind the others, where it is wanted.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { emptyVector } from '../arrow/slice.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import { RowKeys } from '../function/key-table.ts';
import { NO_ROW } from '../function/gather.ts';
import { KeySet } from '../function/key-set.ts';
import { MISSING } from '../function/integers.ts';
import { rangeKeysOf } from '../function/range-keys.ts';
import type { RangeKeys } from '../function/range-keys.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import type { JoinKey } from '../plan/expr.ts';
import { compileExpr } from './evaluate.ts';
import { joinParts } from './join.ts';
import type { RowFilters } from './key-filter.ts';
import { columnsBytes } from './memory.ts';
import type { RowStream, RunContext } from './operator.ts';
import { step } from './operator.ts';
import { LazyRows, rowsOf } from './rows.ts';
import type { Evaluator, Rows } from './rows.ts';
import { inPieces, paced } from './work.ts';
import type { Work } from './work.ts';

/** Row `left[i]` of a batch beside row `right[i]` of the table. */
export interface Pairs {
  readonly left: Uint32Array;
  readonly right: Uint32Array;
}

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
  /** By key its numbers, where it is integers that lie close together. */
  readonly ranges: readonly (RangeKeys | undefined)[];
  readonly #keys: RowKeys | undefined;
  readonly #nullsEqual: readonly boolean[];

  private constructor(keys: readonly JoinKey[], ranges: KeyNumbers['ranges'], rowCount: number) {
    this.#nullsEqual = keys.map((key) => key.nullsEqual);
    this.ranges = ranges;
    const types = keys.map((key) => key.right.type);
    this.#keys = keys.length === 0 ? undefined : new RowKeys(types, ranges);
    this.held = new Uint32Array(rowCount);
  }

  /** The keys of all held rows, whose values are `parts`. */
  static *of(
    keys: readonly JoinKey[],
    held: readonly Rows[],
    parts: ReturnType<typeof keyValues> = keyValues(keys, held),
  ): Work<KeyNumbers> {
    const ranges: (RangeKeys | undefined)[] = [];
    for (let k = 0; k < keys.length; k++) {
      ranges.push(rangeKeysOf(parts.map((part) => part[k] as Vector)));
      yield;
    }
    const rowCount = held.reduce((sum, rows) => sum + rows.rowCount, 0);
    const numbers = new KeyNumbers(keys, ranges, rowCount);
    let at = 0;
    for (const [i, rows] of held.entries()) {
      numbers.held.set(numbers.#number(parts[i] as readonly Vector[], rows.rowCount, false), at);
      at += rows.rowCount;
      yield;
    }
    return numbers;
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

/** Columns of batches, each made one when somebody asks for it; its parts are let go of then. */
class HeldColumns {
  readonly #fields: readonly Field[];
  readonly #fills: boolean;
  readonly #parts: (readonly Vector[])[];
  readonly #joined: (Vector | undefined)[] = [];

  /** With `fills` columns have a NULL behind their last row. */
  constructor({ fields }: Schema, batches: readonly RecordBatch[], fills: boolean) {
    this.#fields = fields;
    this.#fills = fills;
    this.#parts = fields.map((_, c) => batches.map((batch) => batch.columns[c] as Vector));
  }

  column(index: number): Vector {
    return (this.#joined[index] ??= this.#join(index));
  }

  #join(index: number): Vector {
    const parts = this.#parts[index] as readonly Vector[];
    this.#parts[index] = [];
    const { type } = this.#fields[index] as Field;
    if (!this.#fills) return parts.length === 0 ? emptyVector(type) : joinParts(parts);
    const none = nullColumn(type, 1);
    const dictionary = parts[0]?.dictionary;
    return joinParts([...parts, dictionary === undefined ? none : { ...none, dictionary }]);
  }
}

/** What is wanted of a held side. */
export interface TableWishes {
  /** Whether the other side can be told the values of a key. */
  readonly asksFor: (key: JoinKey) => boolean;
  /** Whether rows of the other side that join none are put beside NULLs. */
  readonly fills: boolean;
  /** Is shown all rows. */
  readonly observe?: (held: readonly Rows[]) => void;
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
    keyRows: KeyRows,
    keySets: JoinTable['keySets'],
    fills: boolean,
  ) {
    this.#columns = new HeldColumns(schema, batches, fills);
    this.#width = schema.fields.length;
    this.rowCount = numbers.held.length;
    this.numbers = numbers;
    this.keyRows = keyRows;
    this.keySets = keySets;
    const setBytes = keySets.reduce((sum, set) => sum + (set?.byteCount ?? 0), 0);
    const columnBytes = batches.reduce((sum, { columns }) => sum + columnsBytes(columns), 0);
    this.byteCount = columnBytes + numbers.byteCount + setBytes + 8 * this.rowCount + 4 * numbers.count;
  }

  /** Held rows by number; where the table fills, number `rowCount` is all NULL. */
  rows(taken: Uint32Array): LazyRows {
    return LazyRows.taken((index) => this.#columns.column(index), this.#width, taken);
  }

  /** Where pairs are listed, for one reader at a time. */
  get scratch(): Pairs {
    return (this.#scratch ??= { left: new Uint32Array(BATCH_ROWS_MAX), right: new Uint32Array(BATCH_ROWS_MAX) });
  }

  /** What the other side, with the keys' left expressions, can be asked. */
  filters(keys: readonly JoinKey[]): RowFilters {
    return keys.flatMap(({ left }, k) => {
      const set = this.keySets[k];
      return set !== undefined && left.kind === 'column' ? [{ column: left.index, keys: set }] : [];
    });
  }

  /**
   * Reads `input` to its end. `schema` is that of its rows. @throws `limit_exceeded`
   */
  static async read(
    input: RowStream,
    schema: Schema,
    keys: readonly JoinKey[],
    context: RunContext,
    { asksFor, fills, observe }: TableWishes,
  ): Promise<JoinTable> {
    const batches: RecordBatch[] = [];
    let held = 0;
    for await (const lazy of input) {
      await step(context);
      const batch = lazy.batch(schema);
      batches.push(batch);
      // Making a column one needs its rows a second time.
      held = context.memory.change('JOIN', held, held + 2 * columnsBytes(batch.columns) + 16 * batch.rowCount);
    }
    const rows = batches.map(rowsOf);
    observe?.(rows);
    const values = keyValues(keys, rows);
    const numbers = await paced(KeyNumbers.of(keys, rows, values), context);
    const keySets = keys.map((key, k) =>
      asksFor(key) ? (numbers.ranges[k]?.set ?? KeySet.of(values.map((part) => part[k] as Vector))) : undefined,
    );
    await step(context);
    const keyRows = await paced(groupRows(numbers.held, numbers.count), context);
    const table = new JoinTable(schema, batches, numbers, keyRows, keySets, fills);
    context.memory.change('JOIN', held, table.byteCount);
    return table;
  }
}

/** Rows by the number of their key. */
function* groupRows(ids: Uint32Array, count: number): Work<KeyRows> {
  const firsts = new Uint32Array(count).fill(NO_ROW);
  let isUnique = true;
  yield* inPieces(ids.length, (from, to) => {
    isUnique &&= noteFirsts(ids, firsts, from, to);
  });
  if (isUnique) return { firsts, nexts: undefined };
  firsts.fill(NO_ROW);
  const nexts = new Uint32Array(ids.length);
  // From the last on, so that rows of one key keep their order.
  yield* inPieces(ids.length, (from, to) => chainRows(ids, firsts, nexts, ids.length - to, ids.length - from));
  return { firsts, nexts };
}

/** False when a key is there already. */
function noteFirsts(ids: Uint32Array, firsts: Uint32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const id = ids[i] as number;
    if (id === MISSING) continue;
    if (firsts[id] !== NO_ROW) return false;
    firsts[id] = i;
  }
  return true;
}

function chainRows(ids: Uint32Array, firsts: Uint32Array, nexts: Uint32Array, from: number, to: number): void {
  for (let i = to - 1; i >= from; i--) {
    const id = ids[i] as number;
    if (id === MISSING) continue;
    nexts[i] = firsts[id] as number;
    firsts[id] = i;
  }
}
