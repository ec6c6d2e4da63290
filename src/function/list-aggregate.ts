/**
 * Aggregates over the values of each list: list_sum, list_avg, … and list_aggregate by name.
 *
 * Hides how each method of aggregation is run over groups that are there already. Invariants: every list is a group; a
 * null list is null; the name and further arguments of an aggregate are constants.
 */
import { joinVectors } from '../arrow/concat.ts';
import { nullVector } from '../arrow/null-vector.ts';
import type { DataType } from '../arrow/type.ts';
import { makeReader } from '../arrow/value.ts';
import type { Vector } from '../arrow/vector.ts';
import { AGGREGATES } from './aggregate.ts';
import { withValidity } from './column.ts';
import { constantText } from './constant.ts';
import type { ConstantValue } from './constant.ts';
import type { Accumulator, AggregateMethod, GroupedValues } from './contract.ts';
import type { AggregateEntry, FunctionEntry, KnownArgument } from './entry.ts';
import { gather, gatherOrNull, NO_ROW } from './gather.ts';
import { ColumnKeys } from './key-table.ts';
import { elementType, listParameter, nestedEntry } from './list-frame.ts';
import type { Shape } from './list-frame.ts';
import { compactRows, listRowsOf, ownersOf } from './list-rows.ts';
import type { ListRows } from './list-rows.ts';
import { sortedPlaces } from './list-order.ts';
import { rowError } from './scalar-frame.ts';
import { familyOf, UTF8 } from './signature.ts';
import { bitAt, mergeValidity, validityOf } from './validity.ts';

const ENTRIES: ReadonlyMap<string, AggregateEntry> = new Map(
  AGGREGATES.flatMap((entry) => [entry.name, ...(entry.aliases ?? [])].map((name) => [name, entry] as const)),
);

/** The same rows without the values that are null, or in another order. */
function pickValues(rows: ListRows, places: Uint32Array, isKept: (place: number) => boolean): ListRows {
  const kept: number[] = [];
  const [starts, ends] = [new Uint32Array(rows.starts.length), new Uint32Array(rows.starts.length)];
  for (let i = 0; i < rows.starts.length; i++) {
    starts[i] = kept.length;
    for (let k = rows.starts[i] as number; k < (rows.ends[i] as number); k++) {
      if (isKept(places[k] as number)) kept.push(places[k] as number);
    }
    ends[i] = kept.length;
  }
  return { ...rows, starts, ends, values: gather(rows.values, Uint32Array.from(kept)) };
}

function presentValues(rows: ListRows, isSorted: boolean): ListRows {
  const { bits } = validityOf(rows.values);
  const places = isSorted
    ? sortedPlaces(rows, { descending: false, nullsFirst: false })
    : Uint32Array.from({ length: rows.values.length }, (_, k) => k);
  if (bits === undefined && !isSorted) return rows;
  return pickValues(rows, places, (place) => bits === undefined || bitAt(bits, place));
}

function groupsOf({ starts, ends, values }: ListRows): GroupedValues {
  const bounds = new Uint32Array(starts.length + 1);
  for (let i = 0; i < starts.length; i++) {
    bounds[i + 1] = (bounds[i] as number) + (ends[i] as number) - (starts[i] as number);
  }
  return { values, starts: bounds, groupCount: starts.length };
}

/** The distinct values of each list, in their order, and how often each occurs. */
function tally(rows: ListRows): { readonly rows: ListRows; readonly counts: Float64Array } {
  const keys = new ColumnKeys(rows.values.type);
  const numbers = keys.number(rows.values, rows.values.length);
  const places = new Int32Array(keys.count).fill(-1);
  const counts: number[] = [];
  const firsts: number[] = [];
  const [starts, ends] = [new Uint32Array(rows.starts.length), new Uint32Array(rows.starts.length)];
  for (let i = 0; i < rows.starts.length; i++) {
    const begin = firsts.length;
    starts[i] = begin;
    for (let k = rows.starts[i] as number; k < (rows.ends[i] as number); k++) {
      const number = numbers[k] as number;
      if ((places[number] as number) < begin) {
        places[number] = firsts.length;
        firsts.push(k);
        counts.push(0);
      }
      const place = places[number] as number;
      counts[place] = (counts[place] as number) + 1;
    }
    ends[i] = firsts.length;
  }
  const values = gather(rows.values, Uint32Array.from(firsts));
  return { rows: { ...rows, starts, ends, values }, counts: Float64Array.from(counts) };
}

/** Answers for each list; `none` is the answer of no values, of which an accumulator has no group. */
function runningOver(accumulator: Accumulator, none: Accumulator, rows: ListRows): Vector {
  const owners = ownersOf(rows);
  const places = new Uint32Array(rows.starts.length);
  let count = 0;
  for (let i = 0; i < places.length; i++) places[i] = rows.starts[i] === rows.ends[i] ? NO_ROW : count++;
  const groups = owners.map((row) => places[row] as number);
  if (count > 0) accumulator.update([rows.values], groups, groups.length, count);
  const answers = count > 0 ? [accumulator.finish(count), none.finish(1)] : [none.finish(1)];
  return gather(
    joinVectors(answers),
    places.map((place) => (place === NO_ROW ? count : place)),
  );
}

function aggregate(make: () => AggregateMethod, rows: ListRows): Vector {
  const count = rows.starts.length;
  const method = make();
  switch (method.kind) {
    case 'running': {
      const none = make();
      if (none.kind !== 'running') throw new TypeError('an aggregate is computed in two ways');
      return runningOver(method.accumulator, none.accumulator, rows);
    }
    case 'chosen': {
      const owners = ownersOf(rows);
      const chosen = method.chooser.choose([rows.values], owners, rows.values.length, count);
      const places = new Uint32Array(count).fill(NO_ROW);
      for (const place of chosen) places[owners[place] as number] = place;
      return gatherOrNull(rows.values, places);
    }
    case 'collected': {
      const picked = method.order === 'given' ? rows : presentValues(rows, method.order === 'ascending');
      return method.finish(groupsOf(picked));
    }
    case 'tallied': {
      const tallied = tally(presentValues(rows, method.order === 'ascending'));
      return method.finish(groupsOf(tallied.rows), tallied.counts);
    }
  }
}

/** The value of a constant argument: text, a number, a truth value or a list. */
function constantOf(vector: Vector): ConstantValue {
  const value = makeReader(vector)(0);
  if (Array.isArray(value)) return gather(vector, Uint32Array.of(0));
  return typeof value === 'object' ? null : value;
}

function overList(entry: AggregateEntry, args: readonly Vector[], type: DataType): Vector {
  const [list, ...others] = args as [Vector, ...Vector[]];
  if (list.length === 0) return nullVector(type, 0);
  const constants = others.map(constantOf);
  const fault = entry.refuse?.(constants);
  if (fault !== undefined) throw rowError(`${entry.name} ${fault}`);
  const rows = compactRows(listRowsOf(list));
  const made = aggregate(() => entry.method([rows.values.type], constants), rows);
  if (rows.validity.bits === undefined || made.type.id === 'null') return made;
  return withValidity(made, mergeValidity([list, made], list.length));
}

/** `list` and the constants that the aggregate takes beside its values. */
function resolveWith(
  entry: AggregateEntry,
  list: DataType | undefined,
  others: readonly DataType[],
  known: readonly KnownArgument[],
): Shape | undefined {
  const element = elementType(list);
  if (element === undefined || list === undefined) return undefined;
  if (others.length > 0 && (entry.constantsFrom !== 1 || !known.every(({ value }) => value !== undefined))) {
    return undefined;
  }
  const call = entry.resolve([element, ...others]);
  const [value, ...more] = call?.parameters ?? [];
  if (call === undefined || value === undefined || more.length !== others.length) return undefined;
  return { parameters: [listParameter(list, value), ...more], type: call.type };
}

/** What the example of an aggregate says of a list. */
function exampleOf({ name, example }: AggregateEntry): string {
  const [, rest = '', values = '', answer = ''] = /^\w+\(x(.*)\) over (.*) → (.*)$/u.exec(example) ?? [];
  return `list_${name}([${values}]${rest}) → ${answer}`;
}

function named(entry: AggregateEntry): FunctionEntry {
  return nestedEntry({
    name: `list_${entry.name}`,
    aliases: (entry.aliases ?? []).filter((alias) => alias !== 'array_agg').map((alias) => `list_${alias}`),
    expects: '(list) of values that the aggregate takes',
    doc: `The aggregate ${entry.name} over the values of the list.`,
    example: exampleOf(entry),
    fails: true,
    resolve: ([list, ...others], known) => resolveWith(entry, list, others, known.slice(1)),
    kernel: (args, _rowCount, type) => overList(entry, args, type),
  });
}

/** Aggregates that have a function of lists named after them. */
const NAMED =
  'count sum avg min max first last any_value product median mode mad histogram string_agg entropy ' +
  'stddev_pop stddev_samp var_pop var_samp sem skewness kurtosis kurtosis_pop ' +
  'bit_and bit_or bit_xor bool_and bool_or approx_count_distinct';

/** The aggregate that a constant argument names. */
function entryOf(known: KnownArgument | undefined): AggregateEntry | undefined {
  return typeof known?.value === 'string' ? ENTRIES.get(known.value.toLowerCase()) : undefined;
}

/** The entries of this family. */
export const LIST_AGGREGATE: readonly FunctionEntry[] = [
  ...NAMED.split(' ').flatMap((name) => {
    const entry = ENTRIES.get(name);
    return entry === undefined ? [] : [named(entry)];
  }),
  nestedEntry({
    name: 'list_aggregate',
    aliases: ['list_aggr', 'aggregate', 'array_aggregate', 'array_aggr'],
    expects: "(list, 'aggregate', further constants)",
    doc: 'The aggregate of that name over the values of the list.',
    example: "list_aggregate([1, 2, 4], 'sum') → 7",
    fails: true,
    resolve: ([list, name, ...others], known) => {
      const entry = entryOf(known[1]);
      if (entry === undefined || name === undefined || familyOf(name) !== 'text') return undefined;
      const shape = resolveWith(entry, list, others, known.slice(2));
      if (shape === undefined) return undefined;
      const [parameter, ...more] = shape.parameters;
      return { ...shape, parameters: [parameter as DataType, UTF8, ...more] };
    },
    kernel: (args, rowCount, type) => {
      const [list, name, ...others] = args as [Vector, Vector, ...Vector[]];
      const entry = rowCount === 0 ? undefined : ENTRIES.get(constantText(constantOf(name)).toLowerCase());
      return entry === undefined ? nullVector(type, rowCount) : overList(entry, [list, ...others], type);
    },
  }),
];
