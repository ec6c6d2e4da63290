/**
 * The rows that expressions are evaluated over: a batch, some rows of one, or of several beside one another.
 *
 * Hides gathering. Invariants: all columns have `rowCount` rows; a column of some rows is gathered when it is first
 * asked for, and once; rows that are taken of taken rows are gathered from where these came from.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import type { Vector } from '../arrow/vector.ts';
import { gather } from '../function/gather.ts';

/** The rows that an expression is evaluated over. */
export interface Rows {
  readonly rowCount: number;
  column(index: number): Vector;
}

/** A compiled expression. */
export type Evaluator = (rows: Rows) => Vector;

/** All rows of a batch. */
export function rowsOf(batch: RecordBatch): Rows {
  return { rowCount: batch.rowCount, column: (index) => batch.columns[index] as Vector };
}

/** Rows whose columns are made when they are first asked for. */
export function lazyRows(rowCount: number, make: (index: number) => Vector): Rows {
  const made = new Map<number, Vector>();
  return {
    rowCount,
    column: (index) => {
      let vector = made.get(index);
      if (vector === undefined) {
        vector = make(index);
        made.set(index, vector);
      }
      return vector;
    },
  };
}

/** Some rows of `rows`; columns are gathered when they are first asked for. */
export function someRows(rows: Rows, selected: Uint32Array): Rows {
  return lazyRows(selected.length, (index) => gather(rows.column(index), selected));
}

/** The rows whose entry is `value`. */
export function rowsWhere(entries: Uint8Array | Uint32Array, value: number): Uint32Array {
  let count = 0;
  for (let i = 0; i < entries.length; i++) if (entries[i] === value) count++;
  const rows = new Uint32Array(count);
  let at = 0;
  for (let i = 0; i < entries.length; i++) if (entries[i] === value) rows[at++] = i;
  return rows;
}

/** Some vectors of as many rows, of which some are taken. */
class Part {
  readonly #column: (index: number) => Vector;
  /** The rows that are taken, all unless given; made when they are first asked for. */
  #taken: Uint32Array | (() => Uint32Array) | undefined;
  readonly #made: (Vector | undefined)[] = [];

  constructor(column: (index: number) => Vector, taken?: Uint32Array | (() => Uint32Array)) {
    this.#column = column;
    this.#taken = taken;
  }

  #rows(taken: Uint32Array | (() => Uint32Array)): Uint32Array {
    if (typeof taken === 'function') this.#taken = taken = taken();
    return taken;
  }

  column(index: number): Vector {
    if (this.#taken === undefined) return this.#column(index);
    return (this.#made[index] ??= gather(this.#column(index), this.#rows(this.#taken)));
  }

  pick(rows: Uint32Array): Part {
    const taken = this.#taken;
    if (taken === undefined) return new Part(this.#column, rows);
    return new Part(this.#column, () => {
      const own = this.#rows(taken);
      const picked = new Uint32Array(rows.length);
      for (let i = 0; i < picked.length; i++) picked[i] = own[rows[i] as number] as number;
      return picked;
    });
  }
}

/** Where a column stands: of which part, and which of its vectors. */
interface Place {
  readonly part: number;
  readonly column: number;
}

/**
 * Rows on their way through filters, projections and joins: what these take and put beside one another is noted, and a
 * column is gathered once, when somebody asks for it.
 */
export class LazyRows implements Rows {
  readonly rowCount: number;
  readonly #parts: readonly Part[];
  readonly #places: readonly Place[];

  private constructor(rowCount: number, parts: readonly Part[], places: readonly Place[]) {
    this.rowCount = rowCount;
    this.#parts = parts;
    this.#places = places;
  }

  /** Whole vectors of `rowCount` rows. */
  static of({ rowCount, columns }: { readonly rowCount: number; readonly columns: readonly Vector[] }): LazyRows {
    const part = new Part((index) => columns[index] as Vector);
    const places = columns.map((_, column) => ({ part: 0, column }));
    return new LazyRows(rowCount, [part], places);
  }

  /** Rows `taken` of `width` vectors, each of which `column` gives when it is asked for. */
  static taken(column: (index: number) => Vector, width: number, taken: Uint32Array): LazyRows {
    const places = Array.from({ length: width }, (_, index) => ({ part: 0, column: index }));
    return new LazyRows(taken.length, [new Part(column, taken)], places);
  }

  column(index: number): Vector {
    const { part, column } = this.#places[index] as Place;
    return (this.#parts[part] as Part).column(column);
  }

  /** The rows at `rows`, in that order. */
  pick(rows: Uint32Array): LazyRows {
    return new LazyRows(
      rows.length,
      this.#parts.map((part) => part.pick(rows)),
      this.#places,
    );
  }

  /** These columns, and behind them those of as many other rows. */
  beside(other: LazyRows): LazyRows {
    const parts = [...this.#parts, ...other.#parts];
    const first = this.#parts.length;
    const moved = other.#places.map(({ part, column }) => ({ part: part + first, column }));
    return new LazyRows(this.rowCount, parts, [...this.#places, ...moved]);
  }

  /** For each entry one of these columns, by its number, or another vector of as many rows. */
  arrange(columns: readonly (number | Vector)[]): LazyRows {
    const computed: Vector[] = [];
    const own = this.#parts.length;
    const places = columns.map((column) => {
      if (typeof column === 'number') return this.#places[column] as Place;
      return { part: own, column: computed.push(column) - 1 };
    });
    const parts =
      computed.length === 0 ? this.#parts : [...this.#parts, new Part((index) => computed[index] as Vector)];
    return new LazyRows(this.rowCount, parts, places);
  }

  /** All columns gathered. */
  batch(schema: Schema): RecordBatch {
    return { schema, rowCount: this.rowCount, columns: this.#places.map((_, index) => this.column(index)) };
  }
}
