/**
 * Regular expressions against JavaScript's, on patterns that both read alike, and their bounds.
 *
 * Method: patterns are generated from parts that mean the same in RE2 and in JavaScript's `u` mode, but for classes
 * that differ; texts are short and of few characters, so that patterns match often. Both must agree on whether, where
 * and which groups; a repetition of what can be empty is left out, since there the two differ by their rules.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import { Matcher, StepBudget } from '../../src/function/pattern-match.ts';
import { parsePattern } from '../../src/function/pattern-parse.ts';
import type { PatternFlags } from '../../src/function/pattern-parse.ts';
import { compileProgram } from '../../src/function/pattern-program.ts';
import { makeRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';

const PLAIN: PatternFlags = { ignoreCase: false, dotAll: false, multiLine: false, ungreedy: false };

function matcherOf(pattern: string, flags: PatternFlags = PLAIN): Matcher {
  return new Matcher(compileProgram(parsePattern(pattern, flags)), new StepBudget());
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const ATOMS = ['a', 'b', 'ä', '🙂', '.', '[ab]', '[^a]', '[a-z]', '\\d', '\\w', '^', '$', '\\b', 'ab', '1'];
const REPEATS = ['', '', '', '*', '+', '?', '*?', '+?', '??', '{2}', '{1,2}', '{0,1}?'];
const CHARACTERS = ['a', 'a', 'b', 'c', 'ä', '🙂', '1', ' ', 'A'];

function below(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

function pick(random: Random, from: readonly string[]): string {
  return from[below(random, from.length)] as string;
}

function makeAtom(random: Random, depth: number): string {
  if (depth > 0 && below(random, 3) === 0) {
    const parts = Array.from({ length: 1 + below(random, 2) }, () => makeSequence(random, depth - 1));
    return `(${below(random, 2) === 0 ? '?:' : ''}${parts.join('|')})`;
  }
  return pick(random, ATOMS);
}

function makeSequence(random: Random, depth: number): string {
  const parts = Array.from({ length: 1 + below(random, 3) }, () => {
    const atom = makeAtom(random, depth);
    // JavaScript repeats neither assertions nor, in the same way, what can be empty.
    const isPlain = !/[\^$]|\\b/.test(atom.replaceAll('[^a]', ''));
    const repeats = isPlain && !new RegExp(`^(?:${atom})$`, 'u').test('');
    return `${atom}${repeats ? pick(random, REPEATS) : ''}`;
  });
  return parts.join('');
}

test('generated patterns find what JavaScript finds, at the same place, with the same groups', () => {
  const random = makeRandom(7);
  let matched = 0;
  for (let round = 0; round < 4_000; round++) {
    const pattern = makeSequence(random, 2);
    const text = Array.from({ length: below(random, 9) }, () => pick(random, CHARACTERS)).join('');
    const bytes = encode(text);
    const wanted = new RegExp(pattern, 'u').exec(text);
    const what = `/${pattern}/ on '${text}'`;
    const matcher = matcherOf(pattern);
    const found = matcher.find(bytes, 0);
    assert.equal(matcher.matches(bytes), wanted !== null, what);
    assert.equal(matcher.matchesWhole(bytes), new RegExp(`^(?:${pattern})$`, 'u').test(text), what);
    if (wanted === null) {
      assert.equal(found, undefined, what);
      continue;
    }
    matched++;
    assert(found !== undefined, what);
    assert.equal(decode(bytes.subarray(0, found[0])), text.slice(0, wanted.index), what);
    assert.equal(decode(bytes.subarray(found[0], found[1])), wanted[0], what);
  }
  assert(matched > 1_000, `${matched.toString()} patterns matched`);
});

test('patterns on which backtracking takes for ever take time linear in the text', () => {
  const bytes = encode('a'.repeat(200_000));
  for (const pattern of ['^(a+)+$b', '(a|a)*b', '(a*)*b', '^(a|aa)+$b', '(.*)(.*)(.*)(.*)c']) {
    const started = performance.now();
    assert.equal(matcherOf(pattern).matches(bytes), false, pattern);
    assert.equal(matcherOf(pattern).find(encode('a'.repeat(5_000)), 0), undefined, pattern);
    assert(performance.now() - started < 5_000, pattern);
  }
});

test('the size of a pattern, its depth and its steps are bounded', () => {
  const refused = (code: string) => (error: unknown) => error instanceof EngineError && error.code === code;
  assert.throws(() => matcherOf('(\\pL{500}){2}'), refused('limit_exceeded'));
  assert.throws(() => matcherOf('(a{500}){500}'), refused('value_error'));
  assert.throws(() => matcherOf('('.repeat(400)), refused('value_error'));
  const budget = new StepBudget(1_000_000);
  const greedy = new Matcher(compileProgram(parsePattern('(x*a|x*b|x*c|x)*y', PLAIN)), budget);
  const spend = (): void => {
    for (;;) greedy.find(encode('x'.repeat(100_000)), 0);
  };
  assert.throws(spend, refused('limit_exceeded'));
});

test('matches begin and end between characters', () => {
  const bytes = encode('🙂ä');
  const found = matcherOf('\\B').find(bytes, 0);
  assert(found !== undefined);
  for (const place of found) assert([0, 4, 6].includes(place), `a match at byte ${place.toString()}`);
});

test('case is folded by pairs of characters, in classes too', () => {
  const flags = { ...PLAIN, ignoreCase: true };
  for (const [pattern, text, wanted] of [
    ['straße', 'STRAẞE', true],
    ['[k]', 'K', true],
    ['ſ', 'S', true],
    ['[^a]', 'A', false],
    ['\\W', 'ſ', false],
    ['σ', 'ς', true],
  ] as const) {
    assert.equal(matcherOf(pattern, flags).matches(encode(text)), wanted, `${pattern} on ${text}`);
  }
});
