/**
 * Accumulators of every aggregate: what a method needs beyond its own state is kept here.
 *
 * Hides the four methods. Invariants: what is held is in `byteCount`; one value a group, all values, or all distinct
 * values are copied out of the batches or kept with them. With `keys` rows are held and taken in their order at the
 * end, the keys being further arguments behind those of the aggregate.
 */
import { nullVector } from '../arrow/null-vector.ts';
import { emptyVector } from '../arrow/slice.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { vectorBytes } from '../arrow/vector.ts';
import type { ConstantValue } from '../function/constant.ts';
import type { Accumulator, AggregateMethod, Chooser } from '../function/contract.ts';
import { ColumnKeys, PairTable } from '../function/key-table.ts';
import { aggregateMethod } from '../function/registry.ts';
import { validityOf } from '../function/validity.ts';
import { selectedRows } from '../function/compare-kernel.ts';
import { gather } from '../function/gather.ts';
import { GroupedRows } from './grouped-rows.ts';
import { joinParts } from './join.ts';
import type { KeyOrder } from './sort-key.ts';

const ASCENDING: KeyOrder = { descending: false, nullsFirst: false };
/** Chosen values that no longer count are dropped when they are this many and more than those that do. */
const STALE_ROWS_MIN = 65_536;

/** Rows of `vectors` and `groups` where the first vector is not null. */
function presentRows(
  vectors: readonly Vector[],
  groups: Uint32Array,
  rowCount: number,
): { readonly vectors: readonly Vector[]; readonly groups: Uint32Array; readonly rowCount: number } {
  const { bits, nullCount } = validityOf(vectors[0] as Vector);
  if (bits === undefined) return { vectors, groups, rowCount };
  const rows = selectedRows(bits, rowCount, rowCount - nullCount);
  return {
    vectors: vectors.map((vector) => gather(vector, rows)),
    groups: pick(groups, rows),
    rowCount: rows.length,
  };
}

/** The elements of `groups` at `rows`. */
export function pick(groups: Uint32Array, rows: Uint32Array): Uint32Array {
  const picked = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) picked[i] = groups[rows[i] as number] as number;
  return picked;
}

/** The numbers from `start` on, below `end`. */
export function countFrom(start: number, end: number): Uint32Array {
  const numbers = new Uint32Array(end - start);
  for (let i = 0; i < numbers.length; i++) numbers[i] = start + i;
  return numbers;
}

/** One value a group. */
class ChosenAccumulator implements Accumulator {
  readonly #chooser: Chooser;
  readonly #type: DataType;
  #parts: Vector[] = [];
  #bytes = 0;
  #rowCount = 0;
  /** The place of each group's value among all rows of the parts, plus one. */
  #places = new Uint32Array(1);

  constructor(chooser: Chooser, type: DataType) {
    this.#chooser = chooser;
    this.#type = type;
  }

  #makeRoom(groupCount: number): void {
    if (this.#places.length >= groupCount) return;
    const places = new Uint32Array(Math.max(groupCount, this.#places.length * 2));
    places.set(this.#places);
    this.#places = places;
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    this.#makeRoom(groupCount);
    const rows = this.#chooser.choose(args, groups, rowCount, groupCount);
    if (rows.length === 0) return;
    const part = gather(args[0] as Vector, rows);
    this.#parts.push(part);
    this.#bytes += vectorBytes(part);
    for (let i = 0; i < rows.length; i++) {
      this.#places[groups[rows[i] as number] as number] = this.#rowCount + i + 1;
    }
    this.#rowCount += rows.length;
    if (this.#rowCount > 2 * groupCount + STALE_ROWS_MIN) this.#dropStale();
  }

  #dropStale(): void {
    const live = new Uint32Array(this.#rowCount);
    let count = 0;
    for (let g = 0; g < this.#places.length; g++) {
      const place = this.#places[g] as number;
      if (place === 0) continue;
      live[count++] = place - 1;
      this.#places[g] = count;
    }
    const part = gather(joinParts(this.#parts), live.subarray(0, count));
    this.#parts = [part];
    this.#bytes = vectorBytes(part);
    this.#rowCount = count;
  }

  finish(groupCount: number): Vector {
    this.#makeRoom(groupCount);
    const joined = joinParts([...this.#parts, nullVector(this.#type, 1)]);
    const rows = new Uint32Array(groupCount);
    for (let g = 0; g < groupCount; g++) {
      const place = this.#places[g] as number;
      rows[g] = place === 0 ? this.#rowCount : place - 1;
    }
    return gather(joined, rows);
  }

  byteCount(): number {
    return this.#bytes + this.#places.byteLength + this.#chooser.byteCount();
  }
}

/** All values. */
class CollectedAccumulator implements Accumulator {
  readonly #method: Extract<AggregateMethod, { kind: 'collected' }>;
  readonly #type: DataType;
  readonly #rows = new GroupedRows();

  constructor(method: Extract<AggregateMethod, { kind: 'collected' }>, type: DataType) {
    this.#method = method;
    this.#type = type;
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number): void {
    const given = args.slice(0, 1);
    const kept =
      this.#method.order === 'given' ? { vectors: given, groups, rowCount } : presentRows(given, groups, rowCount);
    this.#rows.add(kept.vectors, kept.groups, kept.rowCount);
  }

  finish(groupCount: number): Vector {
    const keys = this.#method.order === 'ascending' ? [{ column: 0, ...ASCENDING }] : [];
    const { columns, starts } = this.#rows.sort(1, keys, groupCount);
    return this.#method.finish({ values: columns[0] ?? emptyVector(this.#type), starts, groupCount });
  }

  byteCount(): number {
    return this.#rows.byteCount;
  }
}

/** Distinct values with their counts. */
class TalliedAccumulator implements Accumulator {
  readonly #method: Extract<AggregateMethod, { kind: 'tallied' }>;
  readonly #type: DataType;
  readonly #keys: ColumnKeys;
  readonly #pairs = new PairTable();
  readonly #rows = new GroupedRows();
  #counts = new Float64Array(64);

  constructor(method: Extract<AggregateMethod, { kind: 'tallied' }>, type: DataType) {
    this.#method = method;
    this.#type = type;
    this.#keys = new ColumnKeys(type);
  }

  update(args: readonly Vector[], allGroups: Uint32Array, allRows: number): void {
    const { vectors, groups, rowCount } = presentRows(args.slice(0, 1), allGroups, allRows);
    const fresh = freshRows(this.#pairs, this.#keys.number(vectors[0] as Vector, rowCount), groups, rowCount);
    if (this.#counts.length < this.#pairs.count) {
      const counts = new Float64Array(Math.max(this.#pairs.count, this.#counts.length * 2));
      counts.set(this.#counts);
      this.#counts = counts;
    }
    for (let i = 0; i < rowCount; i++) {
      const id = fresh.ids[i] as number;
      this.#counts[id] = (this.#counts[id] as number) + 1;
    }
    this.#rows.add(
      vectors.map((vector) => gather(vector, fresh.rows)),
      pick(groups, fresh.rows),
      fresh.rows.length,
    );
  }

  finish(groupCount: number): Vector {
    const keys = this.#method.order === 'ascending' ? [{ column: 0, ...ASCENDING }] : [];
    const { columns, starts, order } = this.#rows.sort(1, keys, groupCount);
    const counts = new Float64Array(order.length);
    for (let i = 0; i < order.length; i++) counts[i] = this.#counts[order[i] as number] as number;
    return this.#method.finish({ values: columns[0] ?? emptyVector(this.#type), starts, groupCount }, counts);
  }

  byteCount(): number {
    return this.#keys.byteCount + this.#pairs.byteCount + this.#rows.byteCount + this.#counts.byteLength;
  }
}

/** Numbers (group, key) pairs, and tells the rows whose pair is new. */
export function freshRows(
  pairs: PairTable,
  keys: Uint32Array,
  groups: Uint32Array,
  rowCount: number,
): { readonly ids: Uint32Array; readonly rows: Uint32Array } {
  const ids = new Uint32Array(rowCount);
  const known = pairs.count;
  const owners = new Int32Array(groups.buffer, groups.byteOffset, rowCount);
  pairs.number(owners, new Int32Array(keys.buffer, keys.byteOffset, rowCount), { stride: 1, offset: 0 }, ids);
  return { ids, rows: newRows(ids, known, pairs.count) };
}

/** The rows that made the numbers from `known` to `count`, which are given in order of first appearance. */
export function newRows(ids: Uint32Array, known: number, count: number): Uint32Array {
  const rows = new Uint32Array(count - known);
  for (let i = 0, at = 0; at < rows.length; i++) if (ids[i] === known + at) rows[at++] = i;
  return rows;
}

/** Holds rows until the end, then gives them in the order of their keys. */
class OrderedAccumulator implements Accumulator {
  readonly #inner: Accumulator;
  readonly #width: number;
  readonly #keys: readonly KeyOrder[];
  readonly #rows = new GroupedRows();

  constructor(inner: Accumulator, width: number, keys: readonly KeyOrder[]) {
    this.#inner = inner;
    this.#width = width;
    this.#keys = keys;
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number): void {
    this.#rows.add(args, groups, rowCount);
  }

  finish(groupCount: number): Vector {
    const width = this.#width;
    const keys = this.#keys.map((key, k) => ({ ...key, column: width + k }));
    const { columns, groups } = this.#rows.sort(width, keys, groupCount);
    if (groups.length > 0) this.#inner.update(columns, groups, groups.length, groupCount);
    return this.#inner.finish(groupCount);
  }

  byteCount(): number {
    return this.#rows.byteCount + this.#inner.byteCount();
  }
}

function unordered(method: AggregateMethod, type: DataType): Accumulator {
  switch (method.kind) {
    case 'running':
      return method.accumulator;
    case 'chosen':
      return new ChosenAccumulator(method.chooser, type);
    case 'collected':
      return new CollectedAccumulator(method, type);
    case 'tallied':
      return new TalliedAccumulator(method, type);
  }
}

/** A fresh accumulator of a resolved aggregate. `keys`: how the arguments behind `parameters` order the rows. */
export function makeAccumulator(
  name: string,
  parameters: readonly DataType[],
  constants: readonly ConstantValue[] = [],
  keys: readonly KeyOrder[] = [],
): Accumulator {
  const inner = unordered(aggregateMethod(name, parameters, constants), parameters[0] ?? { id: 'null' });
  return keys.length === 0 ? inner : new OrderedAccumulator(inner, parameters.length, keys);
}
