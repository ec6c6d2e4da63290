/**
 * Window functions: those that ask where a row stands among the others, and those that take another row's value.
 *
 * Hides nothing. Invariants: an aggregate may stand over a window as well, and is not here; `first` and `last` over a
 * window are `first_value` and `last_value`, as in DuckDB. Exec knows how each is computed.
 */
import type { DataType } from '../arrow/type.ts';
import type { ResolvedCall } from './contract.ts';
import { DOUBLE, familyOf, INT64, valueType } from './signature.ts';

/** A function that needs OVER. */
export interface WindowEntry {
  readonly name: WindowName;
  readonly aliases?: readonly string[];
  readonly expects: string;
  readonly doc: string;
  /** A call over the rows of x in their order, and its answers: `rank() over 1, 1, 2 → 1, 1, 3`. */
  readonly example: string;
  /** True when IGNORE NULLS means something. */
  readonly skipsNulls?: boolean;
  resolve(args: readonly DataType[]): ResolvedCall | undefined;
}

type WindowName =
  | 'row_number'
  | 'rank'
  | 'dense_rank'
  | 'percent_rank'
  | 'cume_dist'
  | 'ntile'
  | 'lag'
  | 'lead'
  | 'first_value'
  | 'last_value'
  | 'nth_value'
  | 'fill';

function place(
  name: WindowName,
  type: DataType,
  doc: string,
  example: string,
  aliases: readonly string[] = [],
): WindowEntry {
  return {
    name,
    aliases,
    expects: 'no arguments',
    doc,
    example,
    resolve: (args) => {
      return args.length > 0 ? undefined : { name, parameters: [], type, canMakeNull: false, nulls: 'never' };
    },
  };
}

function isCount(type: DataType): boolean {
  const family = familyOf(type);
  return family === 'int' || family === 'null';
}

function valueCall(name: WindowName, value: DataType, more: readonly DataType[]): ResolvedCall {
  const type = valueType(value);
  return { name, parameters: [type, ...more], type, canMakeNull: true, nulls: 'custom' };
}

function shifted(name: 'lag' | 'lead', doc: string, example: string): WindowEntry {
  return {
    name,
    expects: '(any), (any, integer) or (any, integer, any)',
    doc,
    example,
    skipsNulls: true,
    resolve: ([value, offset, otherwise, ...more]) => {
      if (value === undefined || more.length > 0) return undefined;
      if (offset === undefined) return valueCall(name, value, []);
      if (!isCount(offset)) return undefined;
      return valueCall(name, value, otherwise === undefined ? [INT64] : [INT64, valueType(value)]);
    },
  };
}

function framed(
  name: 'first_value' | 'last_value',
  doc: string,
  example: string,
  aliases: readonly string[],
): WindowEntry {
  return {
    name,
    aliases,
    expects: '(any)',
    doc,
    example,
    skipsNulls: true,
    resolve: ([value, ...more]) => (value === undefined || more.length > 0 ? undefined : valueCall(name, value, [])),
  };
}

/** The functions, in the order of the reference. */
export const WINDOW_FUNCTIONS: readonly WindowEntry[] = [
  place('row_number', INT64, 'The number of the row, from 1.', 'row_number() over 5, 5, 7 → 1, 2, 3'),
  place('rank', INT64, 'One more than the rows before the peers.', 'rank() over 5, 5, 7 → 1, 1, 3'),
  place('dense_rank', INT64, 'The number of the peers, from 1.', 'dense_rank() over 5, 5, 7 → 1, 1, 2', [
    'rank_dense',
  ]),
  place(
    'percent_rank',
    DOUBLE,
    'The rank less one, by the rows less one; 0 for one row.',
    'percent_rank() over 5, 5, 7 → 0, 0, 1',
  ),
  place(
    'cume_dist',
    DOUBLE,
    'The rows up to the last peer, by all rows.',
    'cume_dist() over 5, 5, 7, 8 → 0.5, 0.5, 0.75, 1',
  ),
  {
    name: 'ntile',
    expects: '(integer)',
    doc: 'Which of so many buckets, as equal as can be, the row falls in; the first ones are the larger.',
    example: 'ntile(2) over 5, 5, 7 → 1, 1, 2',
    resolve: ([count, ...more]) => {
      if (count === undefined || more.length > 0 || !isCount(count)) return undefined;
      return { name: 'ntile', parameters: [INT64], type: INT64, canMakeNull: true, nulls: 'strict' };
    },
  },
  shifted(
    'lag',
    'The value so many rows before, 1 unless given; the third argument, or null, where there is none.',
    'lag(x) over 5, 6, 7 → NULL, 5, 6',
  ),
  shifted('lead', 'The value so many rows after, as lag.', 'lead(x, 1, 0) over 5, 6, 7 → 6, 7, 0'),
  framed('first_value', 'The value at the first row of the frame.', 'first_value(x) over 5, 6, 7 → 5, 5, 5', [
    'first',
  ]),
  framed('last_value', 'The value at the last row of the frame.', 'last_value(x) over 5, 6, 7 → 5, 6, 7', ['last']),
  {
    name: 'nth_value',
    expects: '(any, integer)',
    doc: 'The value at the row of that number in the frame; null where it has fewer.',
    example: 'nth_value(x, 2) over 5, 6, 7 → NULL, 6, 6',
    skipsNulls: true,
    resolve: ([value, count, ...more]) => {
      if (value === undefined || count === undefined || more.length > 0 || !isCount(count)) return undefined;
      return valueCall('nth_value', value, [INT64]);
    },
  },
  {
    name: 'fill',
    expects: '(number, date or timestamp)',
    doc: 'The value, or where it is null the one on the line through its neighbours, by the key that orders them.',
    example: 'fill(x) over 5, 7, NULL → 5, 7, NULL',
    resolve: ([value, ...more]) => {
      if (value === undefined || more.length > 0) return undefined;
      const type = valueType(value);
      const isFilled = ['int', 'float', 'decimal', 'date', 'timestamp'].includes(type.id);
      return isFilled ? valueCall('fill', value, []) : undefined;
    },
  },
];
