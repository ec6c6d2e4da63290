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
import { MISSING, RowKeys } from '../function/key-table.ts';
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
  readonly #keys: RowKeys | undefined;
  readonly #evaluators: readonly Evaluator[];
  readonly #nullsEqual: readonly boolean[];

  /** The keys of the held side. */
  constructor(keys: readonly JoinKey[]) {
    this.#keys = keys.length === 0 ? undefined : new RowKeys(keys.map((key) => key.right.type));
    this.#evaluators = keys.map((key) => compileExpr(key.right));
    this.#nullsEqual = keys.map((key) => key.nullsEqual);
  }

  get count(): number {
    return this.#keys?.count ?? 1;
  }

  get byteCount(): number {
    return this.#keys?.byteCount ?? 0;
  }

  /** Numbers of the held side's rows. */
  number(rows: Rows): Uint32Array {
    return this.#number(this.#evaluators, rows, false);
  }

  /** Numbers of the other side's rows, MISSING where no held row has the key. */
  find(evaluators: readonly Evaluator[], rows: Rows): Uint32Array {
    return this.#number(evaluators, rows, true);
  }

  #number(evaluators: readonly Evaluator[], rows: Rows, isFixed: boolean): Uint32Array {
    const { rowCount } = rows;
    if (this.#keys === undefined) return new Uint32Array(rowCount);
    const vectors = evaluators.map((evaluate) => evaluate(rows));
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

  private constructor(columns: readonly Vector[], rowCount: number, numbers: KeyNumbers, ids: Uint32Array) {
    this.columns = columns;
    this.rowCount = rowCount;
    this.numbers = numbers;
    this.keyRows = groupRows(ids, numbers.count);
    this.byteCount = columnsBytes(columns) + numbers.byteCount + 8 * rowCount;
  }

  /** Reads `input` to its end. `types` are those of its columns. @throws `limit_exceeded` */
  static async read(
    input: Batches,
    types: readonly DataType[],
    keys: readonly JoinKey[],
    context: RunContext,
    observe: (rows: Rows) => void = () => undefined,
  ): Promise<JoinTable> {
    const numbers = new KeyNumbers(keys);
    const batches: RecordBatch[] = [];
    const ids: Uint32Array[] = [];
    let [rowCount, held] = [0, 0];
    for await (const batch of input) {
      await step(context);
      const rows = rowsOf(batch);
      ids.push(numbers.number(rows));
      observe(rows);
      batches.push(batch);
      rowCount += batch.rowCount;
      // Joining the batches needs them a second time.
      held = context.memory.change('JOIN', held, held + 2 * columnsBytes(batch.columns) + 8 * batch.rowCount);
    }
    const all = new Uint32Array(rowCount);
    let at = 0;
    for (const part of ids) {
      all.set(part, at);
      at += part.length;
    }
    const columns = types.map((type, c) => {
      const parts = batches.map((batch) => batch.columns[c] as Vector);
      const none = nullColumn(type, 1);
      const dictionary = parts[0]?.dictionary;
      return joinParts([...parts, dictionary === undefined ? none : { ...none, dictionary }]);
    });
    const table = new JoinTable(columns, rowCount, numbers, all);
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
