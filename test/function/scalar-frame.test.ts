/**
 * The frames of scalar kernels: dictionaries, constants and bounds change nothing but the cost.
 *
 * Method: functions run over one text column in every layout (plain, large, view, dictionary) and must answer alike,
 * row by row; what a dictionary holds and no row has must not fail.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { EngineError } from '../../src/base/errors.ts';
import { constantVector } from '../../src/function/constant.ts';
import { kernelOf, resolveFunction } from '../../src/function/registry.ts';
import { cellTexts, typeOfName, vectorOfTexts } from '../support/slt.ts';

const TEXTS = ['äpfel', null, 'zebra', '', 'äpfel', '🙂 ok', 'zebra', 'äpfel', null, 'x'];
const LAYOUTS = ['string', 'large_string', 'string_view', 'dictionary'];

/** A call over a text column and constants, as text. */
function answers(name: string, text: Vector, constants: readonly (string | number)[]): readonly string[] {
  const types: DataType[] = constants.map((value) => typeOfName(typeof value === 'string' ? 'string' : 'int32'));
  const call = resolveFunction(name, [text.type, ...types]);
  assert('parameters' in call, name);
  const rest = call.parameters.slice(1).map((type, k) => constantVector(type, constants[k] ?? null, text.length));
  return cellTexts(kernelOf(call.name, call.parameters)([text, ...rest], text.length, call.type), text.length);
}

const CALLS: readonly (readonly [string, readonly (string | number)[]])[] = [
  ['upper', []],
  ['length', []],
  ['reverse', []],
  ['substring', [2, 3]],
  ['lpad', [7, '*']],
  ['trim', ['äx']],
  ['instr', ['e']],
  ['replace', ['e', '--']],
  ['like', ['%e%']],
  ['glob', ['*[a-f]*']],
  ['regexp_matches', ['^\\w+$']],
  ['regexp_extract', ['[a-z]+']],
  ['regexp_replace', ['[aeo]', '<\\0>', 'g']],
  ['levenshtein', ['zebu']],
  ['md5', []],
  ['unicode', []],
  ['hash', []],
];

test('functions of text answer alike for every layout of their text', () => {
  for (const [name, constants] of CALLS) {
    const wanted = answers(name, vectorOfTexts(typeOfName('string'), TEXTS), constants);
    if (name !== 'hash') assert.equal(wanted[1], 'NULL', name);
    for (const layout of LAYOUTS) {
      assert.deepEqual(
        answers(name, vectorOfTexts(typeOfName(layout), TEXTS), constants),
        wanted,
        `${name} ${layout}`,
      );
    }
  }
});

test('a value that a dictionary holds and no row has does not fail', () => {
  const type = typeOfName('dictionary');
  assert(type.id === 'dictionary');
  const indexes = buildVector(type.index, [1, 1, null, 1]);
  const column: Vector = { ...indexes, type, dictionary: buildVector(type.value, ['not hexadecimal', '41']) };
  assert.deepEqual(answers('unhex', column, []), ['A', 'A', 'NULL', 'A']);
  const failing: Vector = {
    ...column,
    ...buildVector(type.index, [1, 0, 1, 1]),
    type,
    dictionary: column.dictionary,
  };
  assert.throws(() => answers('unhex', failing, []), /value_error|hexadecimal digit/);
});

test('texts that would be too large are refused before they are made', () => {
  const refused = (error: unknown): boolean => error instanceof EngineError && error.code === 'limit_exceeded';
  const texts = buildVector(typeOfName('string'), ['x'.repeat(1_000)]);
  assert.throws(() => answers('repeat', texts, [100_000]), refused);
  assert.throws(() => answers('lpad', texts, [100_000_000, '*']), refused);
  assert.throws(() => constantVector({ id: 'utf8' }, 'x'.repeat(10_000), 100_000), refused);
});
