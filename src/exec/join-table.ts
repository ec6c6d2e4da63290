/**
 * The held side of a join: its rows, and which of them have the same keys.
 *
 * Hides hashing. Invariants: rows with a NULL in a key that NULL does not equal are never found; rows of one key keep
 * their order; row `rowCount` of the columns is all NULL, for left rows that join none.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { emptyVector } from '../arrow/slice.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { RowKeys } from '../function/key-table.ts';
import { MISSING, RangeKeys } from '../function/range-keys.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import type { JoinKey } from '../plan/expr.ts';
import { compileExpr } from './evaluate.ts';
import { joinParts } from './join.ts';
import { columnsBytes } from './memory.ts';
import type { RunContext } from './operator.ts';
import { step } from './operator.ts';
import type { Batches } from './operator.ts';
import { rowsOf } from './rows.ts';
import type { Evaluator, Rows } from './rows.ts';

/** Rows that have the same keys as some row: `rows[start]` to `rows[end - 1]`. */
export interface KeyRows {
  /** By number of a key. */
  readonly starts: Uint32Array;
  readonly rows: Uint32Array;
}

/** NULL in every row, of whatever type. */
export function nullColumn(type: DataType, rowCount: number): Vector {
  const vector = nullVector(type, rowCount);
  return type.id === 'dictionary' ? { ...vector, dictionary: emptyVector(type.value) } : vector;
}

/** Gives rows the numbers of their keys. */
export class KeyNumbers {
  /** Of the held rows. */
  readonly held: Uint32Array;
  readonly #keys: RowKeys | undefined;
  readonly #nullsEqual: readonly boolean[];

  /** The keys of all held rows. */
  constructor(keys: readonly JoinKey[], held: readonly Rows[]) {
    const evaluators = keys.map((key) => compileExpr(key.right));
    const parts = held.map((rows) => evaluators.map((evaluate) => evaluate(rows)));
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

/** The held side. */
export class JoinTable {
  readonly columns: readonly Vector[];
  readonly rowCount: number;
  readonly numbers: KeyNumbers;
  readonly keyRows: KeyRows;
  /** Bytes that it holds. */
  readonly byteCount: number;

  private constructor(columns: readonly Vector[], numbers: KeyNumbers) {
    this.columns = columns;
    this.rowCount = numbers.held.length;
    this.numbers = numbers;
    this.keyRows = groupRows(numbers.held, numbers.count);
    this.byteCount = columnsBytes(columns) + numbers.byteCount + 8 * this.rowCount + 4 * numbers.count;
  }

  /**
   * Reads `input` to its end. `types` are those of its columns; `observe` is shown all rows. @throws `limit_exceeded`
   */
  static async read(
    input: Batches,
    types: readonly DataType[],
    keys: readonly JoinKey[],
    context: RunContext,
    observe: (held: readonly Rows[]) => void = () => undefined,
  ): Promise<JoinTable> {
    const batches: RecordBatch[] = [];
    let held = 0;
    for await (const batch of input) {
      await step(context);
      batches.push(batch);
      // Joining the batches needs them a second time.
      held = context.memory.change('JOIN', held, held + 2 * columnsBytes(batch.columns) + 16 * batch.rowCount);
    }
    const rows = batches.map(rowsOf);
    observe(rows);
    const numbers = new KeyNumbers(keys, rows);
    await step(context);
    const columns = types.map((type, c) => {
      const parts = batches.map((batch) => batch.columns[c] as Vector);
      const none = nullColumn(type, 1);
      const dictionary = parts[0]?.dictionary;
      return joinParts([...parts, dictionary === undefined ? none : { ...none, dictionary }]);
    });
    const table = new JoinTable(columns, numbers);
    context.memory.change('JOIN', held, table.byteCount);
    return table;
  }
}

/** Rows by the number of their key. */
function groupRows(ids: Uint32Array, count: number): KeyRows {
  const starts = new Uint32Array(count + 1);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    if (id !== MISSING) starts[id + 1] = (starts[id + 1] as number) + 1;
  }
  for (let id = 0; id < count; id++) starts[id + 1] = (starts[id + 1] as number) + (starts[id] as number);
  const next = starts.slice(0, count);
  const rows = new Uint32Array(starts[count] as number);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    if (id === MISSING) continue;
    const at = next[id] as number;
    rows[at] = i;
    next[id] = at + 1;
  }
  return { starts, rows };
}
