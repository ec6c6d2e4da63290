/**
 * The rows of a window in its order: where each stands, and where partitions and groups of peers begin and end.
 *
 * Hides sorting, which is done once for all windows of one partitioning whose keys are a beginning of others'.
 * Invariants: a place is a number from 0 in the sorted order; ranges are half-open; rows that are equal by all keys
 * keep the input's order.
 */
import { sliceVector } from '../arrow/slice.ts';
import type { Vector } from '../arrow/vector.ts';
import { present } from '../base/assert.ts';
import { RowKeys } from '../function/key-table.ts';
import type { Expr, SortKey, WindowCall } from '../plan/expr.ts';
import { exprKey } from '../plan/expr-walk.ts';
import { gather } from '../function/gather.ts';
import { joinParts } from './join.ts';
import { sortWork } from './radix.ts';
import { keyWordsWork } from './sort-key.ts';
import type { WindowColumns } from './window-column.ts';
import { inPieces } from './work.ts';
import type { Work } from './work.ts';

/** Which partition each row of the input belongs to. */
export interface Partitions {
  /** Undefined when there is one partition of all rows. */
  readonly ids: Uint32Array | undefined;
  readonly count: number;
}

/** Where the range that a place is in begins and ends, for each place. */
export interface Ranges {
  readonly begins: Uint32Array;
  readonly ends: Uint32Array;
}

/** A key of the order, as text that is equal for equal keys. */
function keyName({ expr, descending, nullsFirst }: SortKey): string {
  return `${exprKey(expr)}${descending ? ' d' : ''}${nullsFirst ? ' f' : ''}`;
}

/** One sorted order, and what windows ask about it. */
export class WindowOrder {
  readonly rowCount: number;
  readonly partitions: Partitions;
  readonly #columns: WindowColumns;
  readonly #keys: readonly SortKey[];
  #words: (readonly Uint32Array[])[] | undefined;
  #order: Uint32Array | undefined;
  readonly #peers = new Map<number, Ranges>();
  readonly #sorted = new Map<string, Vector>();

  constructor(columns: WindowColumns, partitions: Partitions, keys: readonly SortKey[]) {
    this.#columns = columns;
    this.rowCount = columns.rowCount;
    this.partitions = partitions;
    this.#keys = keys;
  }

  /** Bytes of what is kept at most: order, ranges, words of keys. */
  get byteCount(): number {
    const words = (this.#words ?? []).reduce((sum, list) => sum + list.length, 0);
    return this.rowCount * 4 * (words + 2 + 2 * this.#peers.size);
  }

  #wordsOf(key: number): readonly Uint32Array[] {
    return this.#words?.[key] ?? [];
  }

  /** True when the sorted order is the input's. */
  get isInputOrder(): boolean {
    return this.partitions.ids === undefined && this.#keys.length === 0;
  }

  /** Sorts, which is to be done before anything else is asked. */
  *prepare(): Work<void> {
    if (this.#order !== undefined) return;
    const words: (readonly Uint32Array[])[] = [];
    for (const key of this.#keys) words.push(yield* keyWordsWork(this.#columns.column(key.expr), key));
    this.#words = words;
    const { ids } = this.partitions;
    const all = words.flat();
    this.#order = yield* sortWork(ids === undefined ? all : [ids, ...all], this.rowCount);
  }

  /** The row of the input at each place. */
  get order(): Uint32Array {
    return present(this.#order, 'the order of a window');
  }

  /** The partition of each place, as a range of places. */
  partitionRanges(): Work<Ranges> {
    return this.peersBy(0);
  }

  /** The peers of each place by the first `keyCount` keys, as a range of places; by no keys they are its partition. */
  *peersBy(keyCount: number): Work<Ranges> {
    let ranges = this.#peers.get(keyCount);
    if (ranges === undefined) {
      const starts = new Uint8Array(this.rowCount);
      const { ids } = this.partitions;
      if (ids !== undefined) yield* markChanges(ids, this.order, starts);
      for (let key = 0; key < keyCount; key++) {
        for (const word of this.#wordsOf(key)) yield* markChanges(word, this.order, starts);
      }
      ranges = yield* rangesOf(starts);
      this.#peers.set(keyCount, ranges);
    }
    return ranges;
  }

  /** An expression's values by place. */
  *sorted(expr: Expr): Work<Vector> {
    const column = this.#columns.column(expr);
    if (this.isInputOrder || expr.kind === 'literal') return column;
    const key = exprKey(expr);
    let vector = this.#sorted.get(key);
    if (vector === undefined) {
      const parts: Vector[] = [];
      yield* inPieces(this.rowCount, (from, to) => parts.push(gather(column, this.order.subarray(from, to))));
      vector = joinParts(parts);
      this.#sorted.set(key, vector);
    }
    return vector;
  }

  /** An expression's values by row of the input. */
  column(expr: Expr): Vector {
    return this.#columns.column(expr);
  }
}

/** Sets a flag at each place whose word differs from that of the place before. */
function markChanges(word: Uint32Array, order: Uint32Array, starts: Uint8Array): Work<void> {
  return inPieces(order.length, (from, to) => {
    let last = word[order[Math.max(from - 1, 0)] as number];
    for (let i = from; i < to; i++) {
      const value = word[order[i] as number];
      if (value === last) continue;
      starts[i] = 1;
      last = value;
    }
  });
}

/** The ranges that begin at 0 and at each flag. */
function* rangesOf(starts: Uint8Array): Work<Ranges> {
  const count = starts.length;
  const begins = new Uint32Array(count);
  const ends = new Uint32Array(count);
  let begin = 0;
  yield* inPieces(count, (from, to) => {
    for (let i = from + 1; i <= to; i++) {
      if (i < count && starts[i] === 0) continue;
      begins.fill(begin, begin, i);
      ends.fill(i, begin, i);
      begin = i;
    }
  });
  return { begins, ends };
}

/** The orders that the calls of one operator need, each sorted once. */
export class WindowOrders {
  readonly #orders = new Map<WindowCall, WindowOrder>();
  readonly #all: WindowOrder[] = [];

  /** The orders of `calls`, not sorted yet. */
  static *of(columns: WindowColumns, calls: readonly WindowCall[]): Work<WindowOrders> {
    const made = new WindowOrders();
    const known = new Map<string, { order: WindowOrder; names: readonly string[] }[]>();
    const longestFirst = [...calls].sort((a, b) => b.keys.length - a.keys.length);
    for (const call of longestFirst) {
      const partitioning = call.partitions.map(exprKey).join();
      const names = call.keys.map(keyName);
      const alike = known.get(partitioning) ?? [];
      known.set(partitioning, alike);
      let found = alike.find((other) => names.every((name, i) => name === other.names[i]));
      if (found === undefined) {
        const partitions = alike[0]?.order.partitions ?? (yield* partitionsOf(columns, call.partitions));
        found = { order: new WindowOrder(columns, partitions, call.keys), names };
        alike.push(found);
        made.#all.push(found.order);
      }
      made.#orders.set(call, found.order);
    }
    return made;
  }

  of(call: WindowCall): WindowOrder {
    return this.#orders.get(call) as WindowOrder;
  }

  get byteCount(): number {
    return this.#all.reduce((sum, order) => sum + order.byteCount, 0);
  }
}

function* partitionsOf(columns: WindowColumns, exprs: readonly Expr[]): Work<Partitions> {
  const keys = exprs.filter((expr) => expr.kind !== 'literal');
  if (keys.length === 0) return { ids: undefined, count: 1 };
  const table = new RowKeys(keys.map((key) => key.type));
  const vectors = keys.map((key) => columns.column(key));
  const ids = new Uint32Array(columns.rowCount);
  yield* inPieces(ids.length, (from, to) => {
    const piece = vectors.map((vector) => sliceVector(vector, from, to));
    ids.set(table.number(piece, to - from), from);
  });
  return { ids, count: table.count };
}
