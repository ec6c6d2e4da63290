/**
 * The queries of sql.bench.ts, over the made table `t` and over the real table `flights`.
 *
 * Hides nothing. Invariants: every query has one right answer, so that an ORDER BY leaves rows that are told apart in
 * one order only; every name is told once over both lists. What the columns of `t` hold stands in sql-data.ts.
 */

/** A query by its name among the figures. */
export type NamedQuery = readonly [name: string, sql: string];

/** Over `t`, in the order of the figures. */
export const MADE_QUERIES: readonly NamedQuery[] = [
  ['sum of doubles', 'SELECT sum(v) AS a FROM t'],
  ['sum of int64', 'SELECT sum(k) AS a FROM t'],
  ['filter, sum, count', 'SELECT sum(v) AS a, count(*) AS b FROM t WHERE p > 50'],
  ['filter, sum, count with nulls', 'SELECT sum(n) AS a, count(n) AS b FROM t WHERE p > 50'],
  ['min, max, avg', 'SELECT min(v) AS a, max(i) AS b, avg(k) AS c FROM t'],
  ['count where, two conditions', "SELECT count(*) AS a FROM t WHERE i < 500000 AND s = 'symbol7'"],
  ['count where between', 'SELECT count(*) AS a FROM t WHERE p BETWEEN 20 AND 30'],
  ['group by int64, 100 groups', 'SELECT k, sum(v) AS a, count(*) AS b FROM t GROUP BY k'],
  ['group by int64, 1 M groups', 'SELECT m, sum(v) AS a, count(*) AS b FROM t GROUP BY m'],
  ['group by dictionary text', 'SELECT s, sum(v) AS a, count(*) AS b FROM t GROUP BY s'],
  ['arithmetic projection', 'SELECT v * p + 1 AS a, i + k AS b FROM t'],
  ['filter, projection', 'SELECT v * p AS a FROM t WHERE i < 100000'],
  ['filter, group by', 'SELECT k, sum(v) AS a, count(*) AS b FROM t WHERE p > 50 AND i < 500000 GROUP BY k'],
  ['top 10 by doubles', 'SELECT v, i FROM t ORDER BY v DESC, i LIMIT 10'],
  ['top 10 by text', 'SELECT w, i, v FROM t ORDER BY w, i, v LIMIT 10'],
  ['sort of a tenth of the rows', 'SELECT v, i FROM t WHERE i < 100000 ORDER BY v, i'],
  ['text equality', "SELECT count(*) AS a, sum(v) AS b FROM t WHERE w = 'crimson otter 471'"],
  ["text LIKE '%x%'", "SELECT count(*) AS a, sum(v) AS b FROM t WHERE w LIKE '%otter%'"],
  ['text prefix', "SELECT count(*) AS a, sum(v) AS b FROM t WHERE w LIKE 'crimson%'"],
  ['count(DISTINCT int64), 100 values', 'SELECT count(DISTINCT k) AS a FROM t'],
  ['count(DISTINCT int64), 1 M values', 'SELECT count(DISTINCT m) AS a FROM t'],
  ['count(DISTINCT text), 100,000 values', 'SELECT count(DISTINCT w) AS a FROM t'],
  [
    'date bucket, date_trunc by hour',
    "SELECT date_trunc('hour', ts) AS h, count(*) AS a, sum(v) AS b FROM t GROUP BY date_trunc('hour', ts)",
  ],
  [
    'date bucket, time_bucket of 15 minutes',
    "SELECT time_bucket(INTERVAL '15 minutes', ts) AS h, count(*) AS a, sum(v) AS b FROM t " +
      "GROUP BY time_bucket(INTERVAL '15 minutes', ts)",
  ],
];

/** Over `flights`, in the order of the figures. */
export const FLIGHT_QUERIES: readonly NamedQuery[] = [
  ['flights: group by origin', 'SELECT origin, count(*) AS a, sum(distance) AS b FROM flights GROUP BY origin'],
  [
    'flights: average delay by destination',
    'SELECT destination, avg(delay) AS a, max(delay) AS b FROM flights GROUP BY destination',
  ],
  [
    'flights: filter by distance',
    'SELECT count(*) AS a, sum(delay) AS b, avg(distance) AS c FROM flights WHERE distance BETWEEN 1000 AND 2000',
  ],
  [
    'flights: filter by text, group by',
    "SELECT destination, count(*) AS a, sum(delay) AS b FROM flights WHERE origin = 'ORD' GROUP BY destination",
  ],
  [
    'flights: top 10 delays',
    'SELECT delay, date, origin, destination FROM flights ORDER BY delay DESC, date, origin, destination LIMIT 10',
  ],
  ['flights: distinct origins', 'SELECT count(DISTINCT origin) AS a FROM flights'],
  [
    'flights: date bucket by day',
    "SELECT date_trunc('day', date) AS d, count(*) AS a, avg(delay) AS b FROM flights GROUP BY date_trunc('day', date)",
  ],
  [
    'flights: two keys, late ones, top 10',
    'SELECT origin, destination, count(*) AS n FROM flights WHERE delay > 60 GROUP BY origin, destination ' +
      'ORDER BY n DESC, origin, destination LIMIT 10',
  ],
];
