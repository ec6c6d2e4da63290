/**
 * Generated code against the interpreter where chance rarely looks: ends of ranges, NaN on each side, arguments that
 * fail only for rows that do not reach them.
 *
 * Method: every pair of edges is a table of one row, or of all rows where nothing can fail; both ways must give the
 * same rows or the same error.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { Value } from '../../src/arrow/value.ts';
import { makeVector } from '../../src/arrow/vector.ts';
import { tableOf, tableOfVectors } from '../support/memory-source.ts';
import type { GivenColumn, MemorySource } from '../support/memory-source.ts';
import { outcome } from '../support/outcome.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const UINT64: DataType = { id: 'int', bitWidth: 64, signed: false };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const DOUBLE: DataType = { id: 'float', bitWidth: 64 };
const BOOL: DataType = { id: 'bool' };

/** Holds both ways against one another, and answers what they say. */
async function both(sql: string, table: MemorySource): Promise<string> {
  const wanted = await outcome(sql, table, 'never');
  assert.equal(await outcome(sql, table, 'always'), wanted, sql);
  return wanted;
}

function column(name: string, type: DataType, values: readonly Value[], nullable = false): GivenColumn {
  return { name, type, values, nullable };
}

async function holdPairs(type: DataType, edges: readonly Value[], operators: readonly string[]): Promise<number> {
  let failures = 0;
  for (const a of edges) {
    for (const b of edges) {
      const table = tableOf('t', [column('a', type, [a]), column('b', type, [b])]);
      for (const operator of operators) {
        if ((await both(`SELECT a ${operator} b AS x FROM t`, table)).startsWith('value_error')) failures++;
      }
    }
    const table = tableOf('t', [column('a', type, [a])]);
    await both('SELECT -a AS x, abs(a) AS y FROM t', table);
  }
  return failures;
}

test('int64, uint64 and int32 arithmetic agrees at every pair of edges', async () => {
  const wide = [0n, 1n, -1n, 2n, -3n, 3037000499n, 3037000500n, -3037000500n, 1n << 32n, 1n << 61n, 1n << 62n];
  const ends = [(1n << 62n) + 1n, (1n << 63n) - 1n, -(1n << 63n), -(1n << 62n), 1n - (1n << 63n)];
  assert((await holdPairs(INT64, [...wide, ...ends], ['+', '-', '*', '//', '%'])) > 200);
  const unsigned = [0n, 1n, 2n, 3n, 4294967295n, 4294967296n, 4294967297n, 1n << 62n, 1n << 63n, (1n << 64n) - 1n];
  assert((await holdPairs(UINT64, unsigned, ['+', '-', '*', '//', '%'])) > 50);
  const narrow = [0, 1, -1, 46340, 46341, -46341, 2147483647, -2147483648];
  assert((await holdPairs(INT32, narrow, ['+', '-', '*', '//', '%'])) > 20);
});

test('doubles compare with NaN, zeros and infinities on each side, with nulls and without', async () => {
  const edges = [NaN, 0, -0, 1, -1, Infinity, -Infinity, 0.5];
  const pairs = edges.flatMap((a) => edges.map((b) => [a, b] as const));
  const a = pairs.map(([left]) => left);
  const b = pairs.map(([, right]) => right);
  const n = pairs.map((_, i) => BigInt(1 << (i % 31)));
  const sides = ['a', 'b', '0.5::DOUBLE', "'nan'::DOUBLE", '0.0::DOUBLE'];
  for (const holes of [false, true]) {
    const table = tableOf('t', [
      column('a', DOUBLE, holes ? a.map((value, i) => (i % 7 === 3 ? null : value)) : a, holes),
      column('b', DOUBLE, b),
      column('n', INT64, n),
    ]);
    for (const left of sides) {
      for (const right of sides) {
        if (!/[ab]$/.test(left) && !/[ab]$/.test(right)) continue;
        for (const operator of ['=', '<>', '<', '<=', '>', '>=', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM']) {
          await both(`SELECT sum(n), count(*) FROM t WHERE ${left} ${operator} ${right}`, table);
          await both(`SELECT n FROM t WHERE NOT (${left} ${operator} ${right})`, table);
        }
      }
    }
  }
});

test('int64 in lanes compares with constants on each side', async () => {
  const values = [0n, 1n, -1n, (1n << 63n) - 1n, -(1n << 63n), 5n, 6n, 7n, 8n];
  const table = tableOf('t', [column('x', INT64, values)]);
  for (const operator of ['=', '<>', '<', '<=', '>', '>=']) {
    await both(`SELECT min(x), max(x), count(*) FROM t WHERE x ${operator} 5`, table);
    await both(`SELECT min(x), max(x), count(*) FROM t WHERE -1 ${operator} x OR x IN (0, 8)`, table);
  }
  assert.match(await both('SELECT sum(x) FROM t WHERE x > 5', table), /^value_error: overflow in sum/);
});

test('what a row does not reach cannot fail it', async () => {
  const most = (1n << 63n) - 1n;
  const table = tableOf('t', [
    column('x', INT64, [most, 1n, most, 2n]),
    column('b', BOOL, [false, true, null, true], true),
    column('z', INT64, [5n, null, 7n, null], true),
  ]);
  const fails = /^value_error/;
  assert.doesNotMatch(await both('SELECT x FROM t WHERE b IS TRUE AND x + 1 > 0', table), fails);
  // An aggregate whose code fails where the interpreter does not is an internal error.
  assert.doesNotMatch(await both('SELECT count(*) FROM t WHERE b IS TRUE AND x + 1 > 0', table), fails);
  assert.doesNotMatch(await both('SELECT count(*) FROM t WHERE b IS NOT TRUE OR x + 1 > 0', table), fails);
  assert.doesNotMatch(await both('SELECT count(coalesce(z, x + 1)) FROM t WHERE b OR z > 0', table), fails);
  assert.match(await both('SELECT x FROM t WHERE b AND x + 1 > 0', table), fails);
  assert.doesNotMatch(await both('SELECT x FROM t WHERE b IS NOT TRUE OR x + 1 > 0', table), fails);
  assert.match(await both('SELECT x FROM t WHERE b OR x + 1 > 0', table), fails);
  assert.doesNotMatch(await both('SELECT sum(CASE WHEN b THEN x + 1 ELSE 0 END) FROM t', table), fails);
  assert.match(await both('SELECT sum(CASE WHEN b THEN 0 ELSE x + 1 END) FROM t', table), fails);
  assert.doesNotMatch(await both('SELECT coalesce(z, x + 1) AS c FROM t', table), fails);
  assert.doesNotMatch(await both('SELECT z, sum(x + 1) FROM t WHERE b GROUP BY z', table), fails);
  assert.doesNotMatch(await both('SELECT x + 1 AS y FROM t WHERE b', table), fails);
});

test('sums that pass int64 on the way are right, those that end outside fail alike', async () => {
  const most = (1n << 63n) - 1n;
  const inside = tableOf('t', [
    column('x', INT64, [most, most, -most, -most, 3n]),
    column('k', INT32, [1, 1, 1, 1, 1]),
  ]);
  const outside = tableOf('t', [column('x', INT64, [most, most, 3n]), column('k', INT32, [1, 1, 2])]);
  for (const sql of ['SELECT sum(x), avg(x) FROM t', 'SELECT k, sum(x), avg(x) FROM t GROUP BY k']) {
    assert.match(await both(sql, inside), /3,0\.6$/);
    assert.match(await both(sql, outside), /^value_error: overflow in sum: 184467440737095516\d+ is outside int64/);
  }
});

function decimal(precision: number, scale: number): DataType {
  return { id: 'decimal', bitWidth: 128, precision, scale };
}

/** A table of decimals by their unscaled values, which nobody holds against the precision: as they may come in. */
function decimalTable(type: DataType, columns: Readonly<Record<string, readonly bigint[]>>): MemorySource {
  const names = Object.keys(columns);
  const vectors = Object.values(columns).map((values) => {
    const words = BigInt64Array.from(values.flatMap((value) => [BigInt.asIntN(64, value), value >> 64n]));
    return makeVector(type, values.length, undefined, 0, [new Uint8Array(words.buffer)]);
  });
  const schema = makeSchema(names.map((name) => makeField(name, type, false)));
  return tableOfVectors('t', schema, vectors, vectors[0]?.length ?? 0);
}

/** Unscaled values around every width that code is made for, and beyond what 38 digits allow. */
const DECIMAL_EDGES: readonly bigint[] = [8n, 31n, 32n, 56n, 62n, 63n, 64n, 96n, 126n]
  .flatMap((bits) => [1n << bits, (1n << bits) - 1n, -(1n << bits)])
  .concat([0n, 1n, -1n, 49n, -50n, 10n ** 38n - 1n, 1n - 10n ** 38n, (1n << 127n) - 1n, -(1n << 127n)]);

test('decimals agree at every pair of edges, stored ones beyond their precision included', async () => {
  let failures = 0;
  const type = decimal(38, 2);
  for (const a of DECIMAL_EDGES) {
    const b = DECIMAL_EDGES.toReversed();
    // One row each, so that a failure hides nothing and widths are those of the pair.
    const table = decimalTable(type, { a: [a] });
    if ((await both('SELECT -a AS x, abs(a) AS y FROM t', table)).startsWith('value_error')) failures++;
    for (const other of b) {
      const pair = decimalTable(type, { a: [a], b: [other] });
      const sql =
        'SELECT a + b AS x FROM t;SELECT a - b AS x FROM t;SELECT a * b AS x FROM t;SELECT a < b AS x, a = b AS y FROM t';
      for (const one of sql.split(';')) if ((await both(one, pair)).startsWith('value_error')) failures++;
    }
  }
  assert(failures > 500, `${failures.toString()} failed on both sides`);
});

test('casts of decimals agree at every edge, between scales of both signs', async () => {
  const targets = ['TINYINT', 'UINTEGER', 'BIGINT', 'UBIGINT', 'DOUBLE', 'FLOAT', 'BOOLEAN', 'DECIMAL(38, 0)'];
  const decimals = ['DECIMAL(38, 30)', 'DECIMAL(18, 6)', 'DECIMAL(9, 1)', 'DECIMAL(38, 20)', 'DECIMAL(5, 0)'];
  for (const type of [decimal(38, 2), decimal(20, 0), decimal(38, 25), decimal(10, -3)]) {
    const table = decimalTable(type, { a: DECIMAL_EDGES });
    for (const target of [...targets, ...decimals]) await both(`SELECT TRY_CAST(a AS ${target}) AS x FROM t`, table);
    for (const value of DECIMAL_EDGES) {
      const one = decimalTable(type, { a: [value] });
      for (const target of ['BIGINT', 'DECIMAL(18, 6)']) await both(`SELECT CAST(a AS ${target}) AS x FROM t`, one);
    }
  }
});

test('sums of decimals are exact while widths grow from block to block, and empty batches change nothing', async () => {
  const values = Array.from({ length: 9_000 }, (_, i) =>
    i < 4_096 ? BigInt(i % 7) - 3n : BigInt(i) << BigInt(i >> 8),
  );
  const keys = values.map((_, i) => ['', 'a', 'seven__', 'eight___', null, 'much longer than a word'][i % 6] ?? null);
  const table = tableOf('t', [column('a', decimal(38, 2), values), column('s', { id: 'utf8' }, keys, true)], 4_500);
  for (const sql of [
    'SELECT sum(a), avg(a), min(a), max(a) FROM t WHERE a <> 0',
    'SELECT s, sum(a), avg(a), count(*) FILTER (WHERE a > 0), count(DISTINCT a % 3), max(s) FROM t GROUP BY s',
    'SELECT s, sum(a) FILTER (WHERE a > 100000) FROM t GROUP BY s',
  ]) {
    assert.doesNotMatch(await both(sql, table), /^value_error/);
    const empty = tableOf('t', [column('a', decimal(38, 2), []), column('s', { id: 'utf8' }, [])]);
    await both(sql, empty);
  }
});

test('parts of dates agree over the whole calendar', async () => {
  const days = [
    -719_528, -719_469, -719_468, -1, 0, 58, 59, 60, 10_957, 11_016, 2_932_896, 2_147_000_000, -2_147_000_000,
  ];
  const table = tableOf('t', [column('d', { id: 'date', unit: 'day' }, days)]);
  const parts = ['year', 'quarter', 'month', 'day', 'dayofweek', 'isodow'].map((part) => `${part}(d) AS ${part}_`);
  assert.match(await both(`SELECT ${parts.join(', ')} FROM t`, table), /1970,1,1,1,4,4/);
});

test('an output that may be null is no output that may not, though its code looks alike', async () => {
  const table = tableOf('t', [column('x', DOUBLE, [1.5, null], true)]);
  // Folded, NULLIF is a constant that is not null, in a column that still may be.
  for (const last of ['3', 'nullif(3, NULL)']) {
    assert.match(await both(`SELECT coalesce(x + 1, ${last}) AS c FROM t`, table), /2\.5.*3/s, last);
  }
});

test('means of moments are moments, compiled or not', async () => {
  const timestamp: DataType = { id: 'timestamp', unit: 'microsecond', timezone: undefined };
  const table = tableOf('t', [column('x', timestamp, [253_402_300_799_999_999n, 253_402_300_799_999_997n])]);
  for (const mode of ['never', 'large'] as const) {
    assert.equal(await outcome('SELECT avg(x) FROM t', table, mode), '253402300799999998');
  }
});

test('moments are cut and taken apart, infinite ones too, also below aggregates', async () => {
  const day = 86_400n;
  const seconds = [0n, -1n, 1n, day, -day, 3n * day, -4n * day, 4n * day, 1_582_934_400n, -62_135_596_800n];
  for (const [unit, perSecond] of [
    // Coarser ones are cast first, which the interpreter does.
    ['microsecond', 1_000_000n],
    ['nanosecond', 1_000_000_000n],
  ] as const) {
    const most = (1n << 63n) - 1n;
    const within = unit === 'nanosecond' ? seconds.slice(0, -1) : seconds;
    const moments = within.flatMap((second) => [-1n, 0n, 1n].map((more) => second * perSecond + more));
    const table = tableOf('t', [
      column('ts', { id: 'timestamp', unit, timezone: undefined }, [...moments, most, -most, null], true),
    ]);
    for (const cut of ['second', 'minute', 'hour', 'day', 'week', 'DAY']) {
      await both(`SELECT date_trunc('${cut}', ts) AS x FROM t WHERE date_trunc('${cut}', ts) <= ts`, table);
      await both(`SELECT date_trunc('${cut}', ts) AS x, count(*) FROM t GROUP BY x`, table);
    }
    for (const part of ['year', 'month', 'day', 'dayofweek']) {
      await both(`SELECT ${part}(ts) AS x, count(*) FROM t GROUP BY x`, table);
      await both(`SELECT sum(${part}(ts)) FROM t`, table);
    }
  }
  const days = [0, -1, 1, 18_321, -719_162, 2_147_483_646, 2_147_483_647, -2_147_483_647, null];
  for (const value of days) {
    const table = tableOf('t', [column('d', { id: 'date', unit: 'day' }, [value], true)]);
    for (const sum of ['d + 1', 'd - 1', '1 + d']) {
      await both(`SELECT max(${sum}) AS x FROM t`, table);
      await both(`SELECT ${sum} AS x, year(d) AS y, count(*) FROM t GROUP BY x, y`, table);
    }
  }
});
