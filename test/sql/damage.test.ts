/**
 * Damaged SQL: whatever is taken away or mixed up, the answer is a plan or an EngineError with a place in the text, at
 * once.
 *
 * Method: every statement of the golden files loses each token, each pair of neighbours, and each suffix; then random
 * mixtures of all their tokens are tried. The seed is printed, so that a failure can be run again.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import { readNeeds, readStatement } from '../../src/plan/needs.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { tokenize } from '../../src/sql/token.ts';
import { fakeCatalog } from '../plan/fake-catalog.ts';

const SEED = 20_261_124;
const MIXTURES = 5_000;

function inputsOf(name: string): string[] {
  const text = readFileSync(new URL(`../golden/${name}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^> (.*)$/gmu)].map((match) => match[1] ?? '');
}

function tryPlan(sql: string): void {
  try {
    const parsed = readStatement(sql);
    readNeeds(parsed);
    planStatement(parsed, fakeCatalog);
  } catch (error) {
    if (!(error instanceof EngineError)) throw new Error(`not an EngineError for: ${sql}`, { cause: error });
    const { position } = error;
    assert.ok(position !== undefined, `no position for: ${sql}`);
    assert.ok(position.start <= position.end && position.end <= sql.length + 1, `a wild position for: ${sql}`);
  }
}

function piecesOf(sql: string): string[] {
  try {
    return tokenize(sql)
      .slice(0, -1)
      .map((token) => sql.slice(token.start, token.end));
  } catch (error) {
    if (error instanceof EngineError) return [];
    throw error;
  }
}

const statements = [...inputsOf('sql-parse.txt'), ...inputsOf('plans.txt'), ...inputsOf('sql-errors.txt')];

test('statements with tokens taken away plan or are refused', () => {
  let tried = 0;
  for (const sql of statements) {
    const pieces = piecesOf(sql);
    for (let i = 0; i < pieces.length; i++) {
      tryPlan(pieces.filter((_, k) => k !== i).join(' '));
      tryPlan(pieces.filter((_, k) => k !== i && k !== i + 1).join(' '));
      tryPlan(pieces.slice(0, i).join(' '));
      tried += 3;
    }
    for (let end = 0; end < sql.length; end++) tryPlan(sql.slice(0, end));
  }
  assert.ok(tried > 3_000);
});

test(`random mixtures of tokens plan or are refused (seed ${SEED.toString()})`, () => {
  let state = SEED;
  const random = (bound: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  const pool = statements.flatMap(piecesOf);
  for (let i = 0; i < MIXTURES; i++) {
    const base = piecesOf(statements[random(statements.length)] ?? '');
    const changes = 1 + random(3);
    for (let k = 0; k < changes; k++)
      base.splice(random(base.length + 1), random(2), pool[random(pool.length)] ?? '');
    tryPlan(base.join(' '));
  }
});
