/**
 * Damaged SQL: tokens deleted, repeated, swapped and mixed, characters of all of Unicode, nesting and lengths up to
 * the limits and beyond.
 *
 * Invariant: whatever the text, planning gives a plan or an EngineError whose position lies in the text, at once, and
 * in time that is linear in its length. Statements come from the golden files, the SQL tests and the list below,
 * which has statements of every kind, also of those that are refused today.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import { SQL_LENGTH_MAX } from '../../src/base/limits.ts';
import { isReadOnly, planStatement } from '../../src/plan/plan.ts';
import { parseStatement } from '../../src/sql/parse.ts';
import { printStatement } from '../support/print-statement.ts';
import { goldenInputs, piecesOf, sltInputs } from '../support/sql-texts.ts';
import { fakeCatalog } from '../plan/fake-catalog.ts';
import type { Random } from '../support/random.ts';
import { below, fuzz, pick, roundsOf } from './rounds.ts';

const OTHERS = [
  'DELETE FROM trades WHERE symbol = 1 AND price > 2.5',
  "UPDATE trades SET price = price * 2, note = 'x' WHERE side IN ('a', 'b')",
  'ALTER TABLE trades ADD COLUMN extra BIGINT DEFAULT 7',
  'ALTER TABLE trades DROP COLUMN IF EXISTS note',
  'ALTER TABLE trades RENAME COLUMN note TO remark',
  "ALTER TABLE trades SET TTL '30 days' ON at_ns",
  'TRUNCATE TABLE trades',
  'SELECT * FROM trades AT (VERSION => 3)',
  'SELECT * FROM trades AS OF 17',
  "SELECT * FROM trades AT (TIMESTAMP => TIMESTAMP '2026-01-01 00:00:00') t WHERE t.symbol = 1",
  'SHOW SNAPSHOTS',
  'INSERT INTO trades (symbol, price) VALUES (1, 2.5), (3, NULL)',
  'CREATE TABLE IF NOT EXISTS n (a BIGINT NOT NULL, b DECIMAL(10, 2), c TIMESTAMP WITH TIME ZONE)',
  'DROP TABLE IF EXISTS n',
  'EXPLAIN SELECT side, count(*) FROM trades GROUP BY ALL HAVING count(*) > 1 ORDER BY 2 DESC NULLS LAST LIMIT 3',
  "SELECT CASE WHEN price > 1 THEN 'a' WHEN flag THEN note ELSE NULL END, CAST(fee AS DOUBLE), day::TEXT FROM trades",
  'WITH q AS (SELECT 1) SELECT * FROM q JOIN trades USING (symbol) UNION ALL SELECT 2',
  'SELECT sum(price) OVER (PARTITION BY side ORDER BY day ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM trades',
  "COPY trades TO '/etc/passwd'; DROP TABLE trades",
  "SELECT $$a$$, E'\\x41\\u00e9', X'00ff', 1e308, .5, 123456789012345678901234567890, 'it''s', $1, ?2 -- end",
];

/** Those over the tables of the catalog here, of which most can be planned. */
const planned = [...OTHERS, ...goldenInputs('plans.txt')];
const statements = [...planned, ...['sql-parse.txt', 'sql-errors.txt'].flatMap(goldenInputs), ...sltInputs()];

const pool = statements.flatMap(piecesOf);

/** Plans, and holds a refusal's position against the text. */
function tryPlan(sql: string): 'planned' | 'refused' {
  try {
    planStatement(sql, fakeCatalog);
    return 'planned';
  } catch (error) {
    if (!(error instanceof EngineError)) throw new Error(`not an EngineError for: ${sql}`, { cause: error });
    assert.notEqual(error.code, 'internal');
    const { position } = error;
    if (position === undefined) {
      assert.ok(sql.length > SQL_LENGTH_MAX, `no position for: ${sql}`);
      return 'refused';
    }
    assert.ok(position.start >= 0 && position.start <= position.end, `a wild position for: ${sql}`);
    assert.ok(position.end <= sql.length + 1, `a position beyond the end for: ${sql}`);
    return 'refused';
  }
}

/** What parses is printed as text that parses to the same text. */
function tryPrint(sql: string): void {
  let printed: string;
  try {
    isReadOnly(sql);
    printed = printStatement(parseStatement(sql));
  } catch (error) {
    if (error instanceof EngineError) return;
    throw error;
  }
  assert.equal(printStatement(parseStatement(printed)), printed, `printed from: ${sql}`);
}

/** Words that can stand for one another without ending the grammar. */
const LIKE_WORDS: readonly (readonly string[])[] = [
  'symbol price volume side note day at_ns at_s small big ratio fee flag tags'.split(' '),
  ['0', '1', '-1', '2.5', '1e308', '9223372036854775807', '170141183460469231731687303715884105728', 'NULL', "'a'"],
  ['=', '<>', '<', '>=', '+', '-', '*', '/', '//', '%', '||', 'AND', 'OR', 'IS DISTINCT FROM', 'LIKE'],
  ['count', 'sum', 'min', 'avg', 'abs', 'upper', 'length', 'coalesce', 'round'],
  ['INT', 'BIGINT', 'DOUBLE', 'TEXT', 'DATE', 'TIMESTAMP', 'DECIMAL(5, 2)', 'BOOLEAN', 'UTINYINT'],
  ['trades', 'wide', 'cases', 'twin', '"order"', 'nothing'],
];

/** Puts other words of their kind in place of some. */
function vary(pieces: readonly string[], random: Random): string {
  return pieces
    .map((piece) => {
      const alike =
        LIKE_WORDS.find((words) => words.includes(piece)) ?? (/^\d/.test(piece) ? LIKE_WORDS[1] : undefined);
      return alike === undefined || random() < 0.6 ? piece : pick(random, alike);
    })
    .join(' ');
}

/** Takes away, repeats, swaps, replaces or puts in some tokens. */
function derange(pieces: readonly string[], random: Random): string {
  const list = [...pieces];
  for (let changes = 1 + below(random, 3); changes > 0; changes--) {
    const at = below(random, list.length + 1);
    const stretch = list.slice(at, at + 1 + below(random, 4));
    switch (below(random, 6)) {
      case 0:
        list.splice(at, 1 + below(random, 2));
        break;
      case 1:
        for (let times = 1 + below(random, 3); times > 0; times--) list.splice(at, 0, ...stretch);
        break;
      case 2:
        list.splice(at, stretch.length);
        list.splice(below(random, list.length + 1), 0, ...stretch);
        break;
      case 3:
        list.splice(at, 1, pick(random, pool));
        break;
      case 4:
        list.splice(at, 0, ...piecesOf(pick(random, statements)).slice(0, 1 + below(random, 8)));
        break;
      default:
        list.splice(at, 0, '(', ...stretch, ')');
    }
  }
  return list.join(random() < 0.9 ? ' ' : pick(random, ['', '\n', '/**/', '\u3000']));
}

test('statements whose tokens are mixed up plan or are refused with a place', async (t) => {
  assert.ok(statements.length > 350, statements.length.toString());
  const outcomes = { planned: 0, refused: 0 };
  await fuzz(t, 'sql tokens', 6_000, (random) => {
    const sql = derange(piecesOf(pick(random, random() < 0.6 ? planned : statements)), random);
    outcomes[tryPlan(sql)]++;
    tryPrint(sql);
  });
  t.diagnostic(`planned ${outcomes.planned.toString()}, refused ${outcomes.refused.toString()}`);
});

/** Quotes, controls, separators, look-alikes, halves of pairs, joiners, the last of all characters. */
const ODD = ['\0', "'", '"', '$$', '/*', '*/', '--', '\\', '\u00a0', '\u2028', '\ufeff', '\u202e', '\ud800', '\udfff']
  .concat(['\u0301', '\u200d', '\u{1f600}', '\uff07', '\u0130', '\u212a', '\u{10ffff}', '\r', '\x7f', '$1$', "E'\\"])
  .concat(["X'", '::', '..', '1e', '0x', '1_', '_1', '?', '{', '}', ';', '`', '\u2018', '\u201d']);

test('statements with other columns, values and operators plan or are refused with a place', async (t) => {
  const outcomes = { planned: 0, refused: 0 };
  await fuzz(t, 'sql words', 6_000, (random) => {
    const sql = vary(piecesOf(pick(random, planned)), random);
    outcomes[tryPlan(sql)]++;
    tryPrint(sql);
  });
  t.diagnostic(`planned ${outcomes.planned.toString()}, refused ${outcomes.refused.toString()}`);
});

test('characters of all of Unicode in any place plan or are refused with a place', async (t) => {
  await fuzz(t, 'sql characters', 6_000, (random) => {
    const characters = Array.from(pick(random, statements));
    for (let changes = 1 + below(random, 5); changes > 0; changes--) {
      const odd = random() < 0.6 ? pick(random, ODD) : String.fromCodePoint(below(random, 0x110000));
      characters.splice(below(random, characters.length + 1), below(random, 2), odd);
    }
    tryPlan(characters.join(''));
    tryPrint(characters.join(''));
  });
  await fuzz(t, 'sql noise', 2_000, (random) => {
    tryPlan(Array.from({ length: below(random, 60) }, () => pick(random, ODD)).join(''));
  });
});

/** Shapes that grow with `n`. */
/** Each query of WITH reads the one before. */
function chainOfQueries(n: number): string {
  const clauses = 'WHERE x > 0 GROUP BY x HAVING x > 0 ORDER BY x LIMIT 9';
  const queries = Array.from({ length: n }, (_, i) => {
    return `, a${(i + 1).toString()} AS (SELECT x + 1 AS x FROM a${i.toString()} ${clauses})`;
  });
  return `WITH a0 AS (SELECT 1 AS x)${queries.join('')} SELECT * FROM a${n.toString()}`;
}

const GROWING: readonly (readonly [string, (n: number) => string])[] = [
  ['parentheses', (n) => `SELECT ${'('.repeat(n)}1${')'.repeat(n)}`],
  ['open parentheses', (n) => `SELECT ${'('.repeat(n)}`],
  ['brackets', (n) => `SELECT ${'['.repeat(n)}1${']'.repeat(n)}`],
  ['braces', (n) => `SELECT ${"{'a': ".repeat(n)}1${'}'.repeat(n)}`],
  ['NOT', (n) => `SELECT ${'NOT '.repeat(n)}TRUE`],
  ['minus', (n) => `SELECT ${'- '.repeat(n)}1`],
  ['tilde', (n) => `SELECT ${'~'.repeat(n)}1`],
  ['sums', (n) => `SELECT 1${' + 1'.repeat(n)}`],
  ['ORs', (n) => `SELECT * FROM trades WHERE symbol = 1${' OR symbol = 2'.repeat(n)}`],
  ['casts', (n) => `SELECT 1${'::INT'.repeat(n)}`],
  ['CAST', (n) => `SELECT ${'CAST('.repeat(n)}1${' AS INT)'.repeat(n)}`],
  ['CASE', (n) => `SELECT ${'CASE WHEN TRUE THEN '.repeat(n)}1${' END'.repeat(n)}`],
  ['calls', (n) => `SELECT ${'abs('.repeat(n)}1${')'.repeat(n)}`],
  ['IN lists', (n) => `SELECT * FROM trades WHERE symbol IN (1${', 1'.repeat(n)})`],
  ['select lists', (n) => `SELECT 1${', 1'.repeat(n)}`],
  ['columns', (n) => `SELECT symbol${', price'.repeat(n)} FROM trades`],
  ['stars', (n) => `SELECT *${', *'.repeat(n)} FROM trades`],
  ['ORDER BY', (n) => `SELECT * FROM trades ORDER BY symbol${', price'.repeat(n)}`],
  ['GROUP BY', (n) => `SELECT count(*) FROM trades GROUP BY symbol${', price'.repeat(n)}`],
  ['BETWEEN', (n) => `SELECT 1 ${'BETWEEN 1 AND 2 AND 1 '.repeat(n)}BETWEEN 1 AND 2`],
  ['LIKE', (n) => `SELECT * FROM trades WHERE note LIKE '${'%a'.repeat(n)}'`],
  ['subqueries', (n) => `SELECT * FROM ${'(SELECT * FROM '.repeat(n)}trades${')'.repeat(n)}`],
  ['queries of WITH', chainOfQueries],
  ['scalar subqueries', (n) => `SELECT ${'(SELECT '.repeat(n)}1${')'.repeat(n)}`],
  ['types', (n) => `SELECT 1::INT${'[]'.repeat(n)}`],
  ['struct types', (n) => `CREATE TABLE n (a ${'STRUCT(a '.repeat(n)}INT${')'.repeat(n)})`],
  [
    'new columns',
    (n) => `CREATE TABLE n (${Array.from({ length: n + 1 }, (_, i) => `c${i.toString()} INT`).join()})`,
  ],
  ['dots', (n) => `SELECT a${'.a'.repeat(n)} FROM trades`],
  ['comments', (n) => `SELECT ${'/*'.repeat(n)}${'*/'.repeat(n)}1`],
  ['open comments', (n) => `SELECT ${'/*'.repeat(n)}`],
  ['lines', (n) => `SELECT${'\n'.repeat(n)}x y z`],
  ['strings', (n) => `SELECT 'a${"''".repeat(n)}'`],
  ['joined strings', (n) => `SELECT 'a'${"\n'a'".repeat(n)}`],
  ['near-joined strings', (n) => `SELECT ${"'a' ".repeat(n)}`],
  ['dollar tags', (n) => `SELECT $a$${'$b'.repeat(n)}`],
  ['escapes', (n) => `SELECT E'${'\\u0041'.repeat(n)}'`],
  ['digits', (n) => `SELECT ${'9'.repeat(n + 1)}`],
  ['fractions', (n) => `SELECT 0.${'9'.repeat(n + 1)}::DECIMAL(38, 10), 1e${'9'.repeat(n + 1)}`],
  ['underscores', (n) => `SELECT 1${'_1'.repeat(n)}`],
  ['bytes', (n) => `SELECT X'${'00'.repeat(n)}'`],
  ['names', (n) => `SELECT ${'a'.repeat(n + 1)} FROM trades`],
  ['quotes in names', (n) => `SELECT "a${'""'.repeat(n)}" FROM trades`],
  ['parameters', (n) => `SELECT ?${', ?'.repeat(n)}`],
  ['semicolons', (n) => `SELECT 1${';'.repeat(n)}`],
  ['statements', (n) => `SELECT 1${';SELECT 1'.repeat(n)}`],
  ['SET items', (n) => `UPDATE trades SET price = 1${', price = 1'.repeat(n)}`],
  ['VALUES', (n) => `INSERT INTO trades VALUES (1)${', (1)'.repeat(n)}`],
  ['unions', (n) => `SELECT 1${' UNION SELECT 1'.repeat(n)}`],
  ['combining marks', (n) => `SELECT a${'\u0301'.repeat(n)} FROM trades`],
  [
    'aliases of aliases',
    (n) =>
      `SELECT 1 AS a0${Array.from({ length: n }, (_, i) => `, a${i.toString()}+a${i.toString()} AS a${(i + 1).toString()}`).join('')}`,
  ],
];

/** The largest `n` whose text has at most `length` characters. */
function fitted(make: (n: number) => string, length: number): string {
  let n = Math.floor((length / make(64).length) * 64);
  while (n > 1 && make(n).length > length) n = Math.floor((n * length) / make(n).length) - 1;
  return make(Math.max(1, n));
}

/** Milliseconds of processor time of the fastest of some, until one is within `enough`. */
function fastestMs(sql: string, enough: number): number {
  let fastest = Infinity;
  for (let i = 0; i < 4 && fastest > enough; i++) {
    const before = process.cpuUsage();
    tryPlan(sql);
    const { user, system } = process.cpuUsage(before);
    fastest = Math.min(fastest, (user + system) / 1_000);
  }
  return fastest;
}

test('every growing shape plans or is refused at every size, on a bounded stack', () => {
  for (const [name, make] of GROWING) {
    for (const n of [1, 2, 10, 100, 249, 250, 251, 260, 2_000]) {
      try {
        tryPlan(make(n));
        if (n <= 100) tryPrint(make(n));
      } catch (cause) {
        throw new Error(`${name}, ${n.toString()} times`, { cause });
      }
    }
  }
});

/** A text eight times as long may take this many times as long: linear is 8, quadratic 64. */
const RATIO_MAX = 32;
/** Milliseconds below which a ratio says nothing. */
const NOISE_MS = 50;
/** Milliseconds that the longest of all texts may take. */
const LONGEST_MS_MAX = 10_000;

test('time is linear in the length of the text, by name up to the longest', (t) => {
  const length = roundsOf(1) > 1 ? SQL_LENGTH_MAX : SQL_LENGTH_MAX / 16;
  let slowest = ['', 0] as readonly [string, number];
  for (const [name, make] of GROWING) {
    const short = fastestMs(fitted(make, length / 8), NOISE_MS / 8);
    const long = fastestMs(fitted(make, length), Math.max(NOISE_MS, short * 8));
    if (long > slowest[1]) slowest = [name, long];
    const times = `${name}: ${short.toFixed(1)} to ${long.toFixed(1)} ms`;
    assert.ok(long < LONGEST_MS_MAX, times);
    assert.ok(long < NOISE_MS || long < RATIO_MAX * Math.max(short, NOISE_MS / 8), times);
  }
  t.diagnostic(`slowest of ${length.toString()} characters: ${slowest[0]}, ${slowest[1].toFixed(0)} ms`);
});

test('a text beyond the longest is refused at once', () => {
  for (const [name, make] of GROWING) {
    const sql = make(1).padEnd(SQL_LENGTH_MAX + 1);
    assert.throws(() => planStatement(sql, fakeCatalog), { code: 'limit_exceeded' }, name);
  }
});
