/**
 * Rows kept in memory with the group of each, to be sorted by group at the end.
 *
 * Hides parts. Invariants: within a group rows keep their order, unless keys say otherwise; vectors that are given
 * are kept as they are, and copied when they are sorted.
 */
import type { Vector } from '../arrow/vector.ts';
import { vectorBytes } from '../arrow/vector.ts';
import { gather } from '../function/gather.ts';
import { joinParts } from './join.ts';
import { sortByWords } from './radix.ts';
import { keyWords } from './sort-key.ts';
import type { KeyOrder } from './sort-key.ts';

/** All rows, one group after another. */
export interface SortedRows {
  readonly columns: readonly Vector[];
  /** The group of each row. */
  readonly groups: Uint32Array;
  /** groups + 1: where each begins. */
  readonly starts: Uint32Array;
  /** The place of each row in the order in which rows came. */
  readonly order: Uint32Array;
}

/** Collects rows of a fixed number of columns. */
export class GroupedRows {
  readonly #parts: Vector[][] = [];
  readonly #groups: Uint32Array[] = [];
  #rowCount = 0;
  #bytes = 0;

  get rowCount(): number {
    return this.#rowCount;
  }

  get byteCount(): number {
    // Joining and sorting hold the rows a second time, and words to sort by.
    return this.#bytes * 2 + this.#rowCount * 16;
  }

  /** Keeps rows; `groups` is copied. */
  add(columns: readonly Vector[], groups: Uint32Array, rowCount: number): void {
    if (rowCount === 0) return;
    columns.forEach((column, c) => {
      (this.#parts[c] ??= []).push(column);
      this.#bytes += vectorBytes(column);
    });
    this.#groups.push(groups.slice(0, rowCount));
    this.#rowCount += rowCount;
  }

  /** The first `width` columns, by group and then by the columns that `keys` names; no columns without rows. */
  sort(width: number, keys: readonly (KeyOrder & { readonly column: number })[], groupCount: number): SortedRows {
    const joined = this.#parts.map(joinParts);
    const groups = new Uint32Array(this.#rowCount);
    let at = 0;
    for (const part of this.#groups) {
      groups.set(part, at);
      at += part.length;
    }
    const words = joined.length === 0 ? [] : keys.flatMap((key) => keyWords(joined[key.column] as Vector, key));
    const order = sortByWords([groups, ...words], this.#rowCount);
    const starts = new Uint32Array(groupCount + 1);
    const sorted = new Uint32Array(this.#rowCount);
    for (let i = 0; i < order.length; i++) {
      const group = groups[order[i] as number] as number;
      sorted[i] = group;
      starts[group + 1] = (starts[group + 1] as number) + 1;
    }
    for (let g = 0; g < groupCount; g++) starts[g + 1] = (starts[g + 1] as number) + (starts[g] as number);
    const columns = joined.slice(0, width).map((column) => gather(column, order));
    return { columns, groups: sorted, starts, order };
  }
}
