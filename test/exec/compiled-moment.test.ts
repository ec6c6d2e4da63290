/**
 * Dates and timestamps in generated code against the interpreter: cuts, buckets, parts and casts.
 *
 * Method: each moment is a table of one row, so that those which fail can be told from those which do not; the moments
 * are the ends of ranges, infinities, midnights, and the turns of years before and after 1970 and 1.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataType } from '../../src/arrow/type.ts';
import { tableOf } from '../support/memory-source.ts';
import { outcome } from '../support/outcome.ts';

const DATE: DataType = { id: 'date', unit: 'day' };
const PER_SECOND = { second: 1n, millisecond: 1_000n, microsecond: 1_000_000n, nanosecond: 1_000_000_000n };
type Unit = keyof typeof PER_SECOND;
const MOST = (1n << 63n) - 1n;

/** Rows that do not fail, and ends of ranges that may. */
interface Moments {
  readonly plain: readonly (bigint | number | null)[];
  readonly ends: readonly (bigint | number)[];
}

/**
 * Holds both ways against one another, for the ends each by itself, and for the others too where one of them fails;
 * answers how many failed.
 */
async function hold(type: DataType, { plain, ends }: Moments, exprs: readonly string[]): Promise<number> {
  const one = async (expr: string, values: readonly (bigint | number | null)[]): Promise<boolean> => {
    const table = tableOf('t', [{ name: 'x', type, values, nullable: true }]);
    // A projection goes back to the interpreter where a row fails, an aggregate must not; keys of groups are its own.
    const sql =
      values.length === 1 && !/[<>]/.test(expr) ? `SELECT max(${expr}) FROM t` : `SELECT ${expr} AS y FROM t`;
    const wanted = await outcome(sql, table, 'never');
    assert.equal(await outcome(sql, table, 'always'), wanted, `${sql} of ${values.map(String).join()}`);
    return wanted.startsWith('value_error');
  };
  let failures = 0;
  for (const expr of exprs) {
    const single = [...((await one(expr, plain)) ? plain : []), ...ends];
    for (const value of single) failures += (await one(expr, [value])) ? 1 : 0;
  }
  return failures;
}

const DAYS = [
  0, 1, -1, 2, 3, 4, 59, 364, 365, -365, 10_957, 10_958, 10_959, 11_016, 19_782, 19_783, 20_454, 20_455, 20_818,
  -719_528, -719_529, -719_162, -719_163, -722_815, -1_084_784, 2_932_896, -2_500_000,
];
const UNITS = (
  'microsecond millisecond second minute hour day week month quarter year decade century millennium ' +
  'epoch dow isodow doy julian yearweek mins Yr'
).split(' ');
const WIDTHS = (
  '1 microsecond,7 microseconds,15 minutes,5 hours,24 hours,1 day,36 hours,7 days,1 week,10 days 3 hours,' +
  '1 month,5 months,1 year,1000 years,10000 days'
).split(',');
const PARTS = (
  'era millennium century decade year quarter month day dayofweek isodow dayofyear week isoyear hour minute second ' +
  'millisecond microsecond epoch'
).split(' ');
const CUTS = UNITS.map((unit) => `date_trunc('${unit}', x)`);

function timestamps(unit: Unit): Moments {
  const perSecond = PER_SECOND[unit];
  const perDay = 86_400n * perSecond;
  const finest = [0n, 1n, -1n, perSecond / 2n, -perSecond / 2n, 50_399n * perSecond + perSecond / 3n, perDay - 1n];
  // Nanoseconds reach from 1677 to 2262.
  const days = DAYS.filter((day) => unit !== 'nanosecond' || Math.abs(day) < 100_000).map(BigInt);
  const moments = days.flatMap((day, i) => [day * perDay, day * perDay + (finest[i % finest.length] as bigint)]);
  const most = [0n, 1n, 1_000n, 400n * perDay].map((less) => MOST - less);
  const least = unit === 'microsecond' ? -106_751_991n * perDay : 2n - MOST;
  const ends = [...most, -MOST, ...[0n, 1n, 6n * perDay, 400n * perDay].map((more) => least + more)];
  return { plain: [null, ...finest, ...moments], ends };
}

const DATES: Moments = {
  plain: [...DAYS, null],
  ends: [2_147_483_647, 2_147_483_646, 106_751_991, 106_751_992].flatMap((day) => [day, -day]),
};

test('date_trunc of dates and timestamps agrees', async () => {
  assert((await hold(DATE, DATES, CUTS)) > 0);
  assert(
    (await hold({ id: 'timestamp', unit: 'microsecond', timezone: undefined }, timestamps('microsecond'), CUTS)) > 0,
  );
  assert(
    (await hold(
      { id: 'timestamp', unit: 'nanosecond', timezone: undefined },
      timestamps('nanosecond'),
      CUTS.slice(0, 14),
    )) > 0,
  );
  await hold({ id: 'timestamp', unit: 'microsecond', timezone: 'UTC' }, timestamps('microsecond'), CUTS.slice(2, 9));
});

test('time_bucket agrees, with origins and without', async () => {
  const plain = WIDTHS.map((width) => `time_bucket(INTERVAL '${width}', x)`);
  const on = (type: string, origin: string): string[] =>
    WIDTHS.map((width) => `time_bucket(INTERVAL '${width}', x, ${type} '${origin}')`);
  assert((await hold(DATE, DATES, [...plain, ...on('DATE', '2024-02-29')])) > 0);
  const exprs = [...plain, ...on('TIMESTAMP', '2024-02-29 13:07:05.5')];
  assert(
    (await hold({ id: 'timestamp', unit: 'microsecond', timezone: undefined }, timestamps('microsecond'), exprs)) > 0,
  );
  assert(
    (await hold({ id: 'timestamp', unit: 'nanosecond', timezone: undefined }, timestamps('nanosecond'), plain)) > 0,
  );
  await hold({ id: 'timestamp', unit: 'microsecond', timezone: 'UTC' }, timestamps('microsecond'), plain.slice(2, 5));
});

test('parts of dates, timestamps and times agree', async () => {
  const exprs = PARTS.map((part) => `extract(${part} FROM x)`);
  await hold(DATE, DATES, exprs);
  for (const unit of ['microsecond', 'nanosecond', 'second'] as const)
    await hold({ id: 'timestamp', unit, timezone: undefined }, timestamps(unit), exprs);
  const times = { plain: [null, 0n, 1n, 999_999n, 45_296_789_012n, 86_399_999_999n], ends: [] };
  const ofTime = 'hour minute second millisecond microsecond epoch'.split(' ').map((part) => `${part}(x)`);
  await hold({ id: 'time', unit: 'microsecond', bitWidth: 64 }, times, ofTime);
});

const TYPES: Readonly<Record<Unit, string>> = {
  second: 'TIMESTAMP_S',
  millisecond: 'TIMESTAMP_MS',
  microsecond: 'TIMESTAMP',
  nanosecond: 'TIMESTAMP_NS',
};

test('casts among dates, timestamps and times agree, also those that fail or are tried', async () => {
  const casts = (own: string | undefined, more: readonly string[]): string[] =>
    [...Object.values(TYPES), ...more]
      .filter((type) => type !== own)
      .flatMap((type) => [`CAST(x AS ${type})`, `TRY_CAST(x AS ${type})`]);
  assert((await hold(DATE, DATES, casts(undefined, ['TIMESTAMPTZ']))) > 0);
  for (const unit of Object.keys(PER_SECOND) as Unit[]) {
    await hold({ id: 'timestamp', unit, timezone: undefined }, timestamps(unit), [
      ...casts(TYPES[unit], ['DATE', 'TIME', 'TIMESTAMPTZ']),
      "x >= DATE '2024-02-29'",
      "x < TIMESTAMP '2024-02-29 00:00:00'",
    ]);
  }
});
