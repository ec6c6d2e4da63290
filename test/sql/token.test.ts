/**
 * The lexer: kinds, values and exact positions of tokens.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokenize } from '../../src/sql/token.ts';

function texts(sql: string): string[] {
  return tokenize(sql).map((token) => `${token.kind}:${token.text}`);
}

test('words keep their case and are known in lower case', () => {
  const [first, second] = tokenize('SeLeCt Preis€');
  assert.equal(first?.text, 'SeLeCt');
  assert.equal(first?.word, 'select');
  assert.equal(second?.text, 'Preis€');
});

test('strings lose their quotes and resolve their escapes', () => {
  assert.deepEqual(texts(`'a''b' E'\\n\\t\\\\\\'\\x41\\101\\u00e9\\U0001F600' $$a'b$$ $t$x$$y$t$ "a""b"`), [
    "string:a'b",
    "string:\n\t\\'AAé😀",
    "string:a'b",
    'string:x$$y',
    'quoted:a"b',
    'end:',
  ]);
});

test('strings join over a line break and only there', () => {
  assert.deepEqual(texts("'a'\n'b'"), ['string:ab', 'end:']);
  assert.deepEqual(texts("'a' -- c\n 'b'"), ['string:ab', 'end:']);
  assert.deepEqual(texts("'a' 'b'"), ['string:a', 'string:b', 'end:']);
});

test('numbers are kept as digits', () => {
  assert.deepEqual(texts('1 1.5 .5 1. 1e5 1E+5 1.5e-3 1_000 123456789012345678901234567890 1..2'), [
    'number:1',
    'number:1.5',
    'number:.5',
    'number:1.',
    'number:1e5',
    'number:1E+5',
    'number:1.5e-3',
    'number:1000',
    'number:123456789012345678901234567890',
    'number:1.',
    'number:.2',
    'end:',
  ]);
});

test('symbols are the longest that fit', () => {
  assert.deepEqual(texts('a<=b<>c!=d::e||f//g->>h**i==j'), [
    'word:a',
    'symbol:<=',
    'word:b',
    'symbol:<>',
    'word:c',
    'symbol:!=',
    'word:d',
    'symbol:::',
    'word:e',
    'symbol:||',
    'word:f',
    'symbol://',
    'word:g',
    'symbol:->>',
    'word:h',
    'symbol:**',
    'word:i',
    'symbol:==',
    'word:j',
    'end:',
  ]);
});

test('comments and white space of every kind lie between tokens', () => {
  assert.deepEqual(texts('a--x\nb/* /* nested */ */c\u00a0d\u3000e\ufefff'), [
    'word:a',
    'word:b',
    'word:c',
    'word:d',
    'word:e',
    'word:f',
    'end:',
  ]);
});

test('parameters are recognised', () => {
  assert.deepEqual(texts('? ?1 $2 $name'), ['parameter:', 'parameter:1', 'parameter:2', 'parameter:name', 'end:']);
});

test('every token covers exactly its text', () => {
  const sql = "SELECT a.b, 'x''y' FROM \"t\" -- end";
  const pieces = tokenize(sql).map((token) => sql.slice(token.start, token.end));
  assert.deepEqual(pieces, ['SELECT', 'a', '.', 'b', ',', "'x''y'", 'FROM', '"t"', '']);
});
