/**
 * Texts for the parsers: statements of the tests with a token too few, too many or elsewhere, and every keyword at
 * every place where a name may stand.
 *
 * Hides nothing. Invariant: a changed statement has no token that the statement has not.
 */
import { below } from '../fuzz/rounds.ts';
import type { Random } from '../support/random.ts';
import { goldenInputs, piecesOf, sltInputs } from '../support/sql-texts.ts';

/** Every statement of the golden files and of test/slt, once. */
export function statements(): string[] {
  const golden = ['plans.txt', 'sql-parse.txt', 'sql-errors.txt'].flatMap(goldenInputs);
  return [...new Set([...golden, ...sltInputs()])];
}

/** The statement with one of its tokens deleted, doubled, or swapped with another. */
export function changed(sql: string, random: Random): string {
  const pieces = piecesOf(sql);
  const at = below(random, pieces.length);
  const piece = pieces[at] ?? '';
  const way = below(random, 3);
  if (way === 0) pieces.splice(at, 1);
  else if (way === 1) pieces.splice(at, 0, piece);
  else {
    const other = below(random, pieces.length);
    pieces[at] = pieces[other] ?? '';
    pieces[other] = piece;
  }
  return pieces.join(' ');
}

/** Places for a word, each where other words are allowed. */
const PLACES = [
  'SELECT 1 _',
  'SELECT a _ FROM t',
  'SELECT 1 AS _',
  'SELECT _',
  'SELECT _.a',
  'SELECT a._',
  'SELECT _: 1',
  'SELECT _(1, 2)',
  "SELECT _ 'x'",
  'SELECT 1::_',
  'SELECT 1::STRUCT(_ INT)',
  'SELECT {_: 1}',
  'SELECT f(_ := 1)',
  'SELECT f(lambda _: 1)',
  'SELECT * EXCLUDE (_)',
  'SELECT * REPLACE (1 AS _)',
  'SELECT * RENAME (a AS _)',
  'SELECT sum(a) OVER _ FROM t WINDOW _ AS ()',
  'SELECT 1 FROM t _',
  'SELECT 1 FROM t AS _',
  'SELECT 1 FROM t AS a(_)',
  'SELECT 1 FROM (SELECT 1) _',
  'SELECT 1 FROM _',
  'SELECT 1 FROM a._',
  'SELECT 1 FROM _(1)',
  'SELECT 1 FROM a JOIN b USING (_)',
  'WITH _ AS (SELECT 1) SELECT 1',
  'CREATE TABLE t (_ INT)',
  'UPDATE t SET _ = 1',
  'UPDATE t _ SET a = 1',
  'DELETE FROM t _',
  'INSERT INTO t (_) VALUES (1)',
  'INSERT INTO t VALUES (1) RETURNING a _',
  'PREPARE _ AS SELECT 1',
  'SET _ = 1',
  'SET a = _',
  'RESET _',
  'SHOW _',
  'DESCRIBE _',
  "COPY t TO 'x' (_ 1)",
];

/** The word at each place for one. */
export function placed(word: string): string[] {
  return PLACES.map((place) => place.replaceAll('_', word));
}
