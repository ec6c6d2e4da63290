/**
 * docs/functions.md is made from the entries of the registry; UPDATE_GOLDEN=1 writes it.
 *
 * That the examples hold is tested by test/function/registry.test.ts and aggregate-example.test.ts, and beside DuckDB
 * by test/clients/function-example.test.ts.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { ARITHMETIC } from '../../src/function/arithmetic.ts';
import { DATE_ADD } from '../../src/function/arithmetic-date.ts';
import { BIT } from '../../src/function/bit.ts';
import { BOOLEAN } from '../../src/function/boolean.ts';
import { COMPARE } from '../../src/function/compare.ts';
import { CONDITIONAL } from '../../src/function/conditional.ts';
import { DATE_DIFF } from '../../src/function/date-diff.ts';
import { DATE_PARTS } from '../../src/function/date-function.ts';
import { DATE_MAKERS } from '../../src/function/date-make.ts';
import { DATE_TRUNC } from '../../src/function/date-trunc.ts';
import type { AggregateEntry, FunctionEntry } from '../../src/function/entry.ts';
import { HASH } from '../../src/function/hash.ts';
import { INTERVAL_MAKERS } from '../../src/function/interval-make.ts';
import { MATH } from '../../src/function/math.ts';
import { WHOLE_NUMBERS } from '../../src/function/math-integer.ts';
import { ROUNDING } from '../../src/function/math-round.ts';
import { PATTERN } from '../../src/function/pattern.ts';
import { AGGREGATES, FUNCTIONS } from '../../src/function/registry.ts';
import { STRFTIME } from '../../src/function/strftime.ts';
import { STRPTIME } from '../../src/function/strftime-parse.ts';
import { STRING } from '../../src/function/string.ts';
import { TEXT_CODE } from '../../src/function/text-code.ts';
import { TEXT_DISTANCE } from '../../src/function/text-distance.ts';
import { TEXT_FORMAT } from '../../src/function/text-format.ts';
import { TEXT_PATH } from '../../src/function/text-path.ts';
import { TEXT_SEARCH } from '../../src/function/text-search.ts';
import { TEXT_SHOW } from '../../src/function/text-show.ts';
import { TEXT_SLICE } from '../../src/function/text-slice.ts';
import { TIME_BUCKET } from '../../src/function/time-bucket.ts';
import { NOW } from '../../src/function/time-now.ts';
import { ZONES } from '../../src/function/zone-function.ts';

const DOC = new URL('../../docs/functions.md', import.meta.url);

type Entry = FunctionEntry | AggregateEntry;

/** Families under a heading; what is in none of them comes last. */
const SECTIONS: readonly (readonly [title: string, entries: readonly Entry[]])[] = [
  ['Numbers', [...ARITHMETIC, ...MATH, ...ROUNDING, ...WHOLE_NUMBERS, ...BIT]],
  ['Comparison, truth and choice', [...COMPARE, ...BOOLEAN, ...CONDITIONAL]],
  ['Text', [...STRING, ...TEXT_SLICE, ...TEXT_SEARCH, ...TEXT_FORMAT, ...TEXT_SHOW, ...TEXT_PATH]],
  ['Patterns', PATTERN],
  ['Codes, digests and likeness of text', [...TEXT_CODE, ...TEXT_DISTANCE, ...HASH]],
  ['The moment, dates and times', [...NOW, ...DATE_PARTS, ...DATE_TRUNC, ...DATE_ADD, ...DATE_DIFF, ...TIME_BUCKET]],
  ['Making dates, times and intervals', [...DATE_MAKERS, ...INTERVAL_MAKERS, ...STRFTIME, ...STRPTIME, ...ZONES]],
];

const HEAD = `# Functions

Every function, operator and aggregate of Sheaf's SQL, with its other names. This page is made from the entries of
src/function (\`UPDATE_GOLDEN=1 npm run test:suite -- docs\` writes it); the same is in the table \`sheaf_functions\`.
Each example is a test. Names and meaning are DuckDB 2.0's; what differs is told in
[sql.md](sql.md#where-sheaf-differs-from-duckdb).

`;

const AGGREGATES_HEAD = `## Aggregates

Examples are over the rows of x, or of x and y.

`;

const TABLE_HEAD = `| Name | Takes | What it gives | Example |
|---|---|---|---|
`;

/** Text within a cell of a table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

function row({ name, aliases = [], expects, doc, example }: Entry): string {
  const names = [name, ...aliases.filter((alias) => !alias.includes('__'))].map(code).join(', ');
  return `| ${names} | ${cell(expects)} | ${cell(doc)} | ${code(example)} |\n`;
}

function table(entries: readonly Entry[]): string {
  return `${TABLE_HEAD}${entries.map(row).join('')}`;
}

test('docs/functions.md has every entry of the registry', () => {
  const placed = new Set<Entry>(SECTIONS.flatMap(([, entries]) => entries));
  const others = FUNCTIONS.filter((entry) => !placed.has(entry));
  const sections = others.length === 0 ? SECTIONS : [...SECTIONS, ['Other functions', others] as const];
  const shown = sections.map(([title, entries]) => `## ${title}\n\n${table(entries)}`);
  const wanted = `${HEAD}${shown.join('\n')}\n${AGGREGATES_HEAD}${table(AGGREGATES)}`;
  assert.equal(sections.flatMap(([, entries]) => entries).length, FUNCTIONS.length, 'each entry once');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(DOC, wanted);
  assert.equal(readFileSync(DOC, 'utf8'), wanted);
});

test('every entry says in one sentence what it gives, and has an example with its answer', () => {
  for (const { name, doc, example, expects } of FUNCTIONS) {
    assert.match(doc, /^\S.*\.$/u, name);
    assert.match(example, /^\S.* → \S/u, name);
    assert.notEqual(expects, '', name);
  }
  for (const { name, doc, example, expects } of AGGREGATES) {
    assert.match(doc, /^\S.*\.$/u, name);
    assert.match(example, /^\S.* over \S.* → \S/u, name);
    assert.notEqual(expects, '', name);
  }
});
