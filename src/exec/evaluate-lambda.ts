/**
 * list_transform, list_filter and list_reduce: a lambda over the values of lists; TRY and `let`: one over the rows
 * themselves.
 *
 * Hides that a body is run once over the values of all lists. Invariants: what it reads of a row is repeated for
 * each of its values; values that no row shows are not looked at; list_reduce takes as many steps as the longest
 * list has values, each over the rows that have one more.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { EngineError } from '../base/errors.ts';
import { LIST_REDUCE_STEPS_MAX } from '../base/limits.ts';
import { bytesOf, vectorOf } from '../function/column.ts';
import { selectedRows, trueRows } from '../function/compare-kernel.ts';
import { gather, gatherOrNull, NO_ROW } from '../function/gather.ts';
import { compactRows, listRowsOf, makeList, ownersOf } from '../function/list-rows.ts';
import type { ListRows } from '../function/list-rows.ts';
import { ALL_PRESENT, bitAt } from '../function/validity.ts';
import type { Expr, Lambda } from '../plan/expr.ts';
import { joinParts } from './join.ts';
import { lazyRows, someRows } from './rows.ts';
import type { Evaluator, Rows } from './rows.ts';

type Call = Extract<Expr, { kind: 'call' }>;

const INT64 = { id: 'int', bitWidth: 64, signed: true } as const;

/** Integers as a vector. */
function placesVector(places: Uint32Array): Vector {
  const words = new Int32Array(places.length * 2);
  for (let i = 0; i < places.length; i++) words[2 * i] = places[i] as number;
  return vectorOf(INT64, places.length, ALL_PRESENT, bytesOf(words));
}

/**
 * TRY: rows that fail are found by halves, so that each costs the logarithm of the rows, and are NULL. What the body
 * reads comes from the rows around it.
 */
function tryEvaluator(type: DataType, args: readonly Evaluator[], body: Evaluator): Evaluator {
  const within = (rows: Rows): Vector => {
    try {
      return body(rows);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'value_error') throw error;
      if (rows.rowCount <= 1) return nullVector(type, rows.rowCount);
      const half = rows.rowCount >> 1;
      const all = Uint32Array.from({ length: rows.rowCount }, (_, i) => i);
      return joinParts([all.subarray(0, half), all.subarray(half)].map((part) => within(someRows(rows, part))));
    }
  };
  return (rows) => within(readsOf(rows, args));
}

/** What a body without parameters reads, each computed once. */
function readsOf(rows: Rows, args: readonly Evaluator[]): Rows {
  return lazyRows(rows.rowCount, (index) => (args[index] as Evaluator)(rows));
}

/** The evaluator of a call with a lambda. */
export function lambdaEvaluator(expr: Call, lambda: Lambda, compile: (expr: Expr) => Evaluator): Evaluator {
  const args = expr.args.map(compile);
  const body = compile(lambda.body);
  if (expr.name === 'try') return tryEvaluator(expr.type, args, body);
  if (expr.name === 'let') return (rows) => body(readsOf(rows, args));
  return (rows) => {
    const vectors = args.map((arg) => arg(rows));
    const list = compactRows(listRowsOf(vectors[0] as Vector));
    const reads = vectors.slice(lambda.leading);
    if (expr.name === 'list_reduce') return reduce(list, vectors[lambda.leading - 1], reads, lambda, body);
    const owners = ownersOf(list);
    const made = body(
      lazyRows(owners.length, (index) => {
        if (index >= lambda.parameters) return gather(reads[index - lambda.parameters] as Vector, owners);
        return index === 0 ? list.values : placesVector(owners.map((row, k) => k - (list.starts[row] as number) + 1));
      }),
    );
    return expr.name === 'list_filter'
      ? keep(expr, list, made)
      : makeList(expr.type, offsetsOf(list), made, list.validity);
  };
}

function offsetsOf({ starts, ends }: ListRows): Uint32Array {
  const offsets = new Uint32Array(starts.length + 1);
  for (let i = 0; i < starts.length; i++) {
    offsets[i + 1] = (offsets[i] as number) + (ends[i] as number) - (starts[i] as number);
  }
  return offsets;
}

/** The values for which the body is true. */
function keep(expr: Call, list: ListRows, made: Vector): Vector {
  const { bits, count } = trueRows(made);
  const offsets = new Uint32Array(list.starts.length + 1);
  let kept = 0;
  for (let i = 0; i < list.starts.length; i++) {
    for (let k = list.starts[i] as number; k < (list.ends[i] as number); k++) kept += bitAt(bits, k) ? 1 : 0;
    offsets[i + 1] = kept;
  }
  return makeList(expr.type, offsets, gather(list.values, selectedRows(bits, made.length, count)), list.validity);
}

/** One value for each list: the first value, or `initial`'s, and the body over it and each further one. */
function reduce(
  list: ListRows,
  last: Vector | undefined,
  reads: readonly Vector[],
  lambda: Lambda,
  body: Evaluator,
): Vector {
  const { starts, ends, values } = list;
  const { bits } = list.validity;
  const initial = lambda.leading > 1 ? last : undefined;
  const rowCount = starts.length;
  // The place that the body is told counts from 1 with a first value of its own, and from 2 of the list's without.
  const firstPlace = 1;
  const isNull = (row: number): boolean => bits !== undefined && !bitAt(bits, row);
  let open: Uint32Array = Uint32Array.from({ length: rowCount }, (_, i) => i).filter((row) => !isNull(row));
  if (initial === undefined && open.some((row) => starts[row] === ends[row])) {
    throw new EngineError('value_error', 'list_reduce of an empty list needs a first value as its third argument');
  }
  const parts: Vector[] = [nullVector((initial ?? values).type, 0)];
  // Where each row's value stands in the parts one after another, once it is there.
  const places = new Uint32Array(rowCount).fill(NO_ROW);
  let total = 0;
  let gathered = gather(initial ?? values, initial === undefined ? open.map((row) => starts[row] as number) : open);
  for (let step = initial === undefined ? 1 : 0; open.length > 0; step++) {
    if (step > LIST_REDUCE_STEPS_MAX) throw tooLong();
    const going: number[] = [];
    const ended: number[] = [];
    open.forEach((row, k) => ((starts[row] as number) + step < (ends[row] as number) ? going : ended).push(k));
    if (ended.length > 0) {
      parts.push(gather(gathered, Uint32Array.from(ended)));
      for (const k of ended) places[open[k] as number] = total++;
    }
    const rows = Uint32Array.from(going, (k) => open[k] as number);
    const before = gather(gathered, Uint32Array.from(going));
    open = rows;
    if (rows.length === 0) break;
    gathered = body(
      lazyRows(rows.length, (index) => {
        if (index >= lambda.parameters) return gather(reads[index - lambda.parameters] as Vector, rows);
        if (index === 0) return before;
        const at = (row: number): number => (starts[row] as number) + step;
        return index === 1 ? gather(values, rows.map(at)) : placesVector(rows.map(() => step + firstPlace));
      }),
    );
  }
  return gatherOrNull(joinParts(parts), places);
}

function tooLong(): EngineError {
  const bound = LIST_REDUCE_STEPS_MAX.toString();
  return new EngineError('limit_exceeded', `list_reduce takes lists of at most ${bound} values; use an aggregate`);
}
