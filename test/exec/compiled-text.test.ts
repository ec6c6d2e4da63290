/**
 * Text in generated code against the interpreter: comparisons, LIKE and its kin, and groups of text.
 *
 * Method: the same rows in every layout that code reads, at the sizes where blocks and batches end, with nulls and
 * without; patterns that overlap, lie across the ends of rows, and are longer than the text.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { castKernel } from '../../src/function/registry.ts';
import { runPlan } from '../../src/exec/exec.ts';
import type { RunOptions } from '../../src/exec/exec.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf, tableOfVectors } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';

const UTF8: DataType = { id: 'utf8' };
const LAYOUTS: readonly DataType[] = [UTF8, { id: 'large_utf8' }];
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };

/** Values of this file: text, numbers, null. */
function cellText(value: Value): string {
  return typeof value === 'string' ? JSON.stringify(value) : `${value as number | bigint | null}`;
}

async function rowsOf(sql: string, table: MemorySource, compile: 'always' | 'never'): Promise<string[]> {
  const planned = planStatement(sql, catalogOf([table]));
  assert.equal(planned.kind, 'query');
  const options: RunOptions = { compile };
  const rows: string[] = [];
  for await (const batch of runPlan(planned.plan, options)) {
    const readers = batch.columns.map(makeReader);
    for (let i = 0; i < batch.rowCount; i++) rows.push(readers.map((read) => cellText(read(i))).join());
  }
  return rows;
}

async function both(sql: string, table: MemorySource): Promise<string[]> {
  const wanted = await rowsOf(sql, table, 'never');
  assert.deepEqual(await rowsOf(sql, table, 'always'), wanted, sql);
  return wanted;
}

function vectorOf(type: DataType, texts: readonly (string | null)[]): Vector {
  const vector = buildVector(UTF8, texts);
  return type.id === 'utf8' ? vector : castKernel(UTF8, type, false)([vector], texts.length, type);
}

function table(type: DataType, x: readonly (string | null)[], y = x, batchRows = x.length): MemorySource {
  const names = ['x', 'y'].map((name) => makeField(name, type, true));
  const schema = makeSchema([...names, makeField('n', INT32, false)]);
  const numbers = buildVector(
    INT32,
    x.map((_, i) => i % 1000),
  );
  const columns = [vectorOf(type, x), vectorOf(type, y), numbers];
  return tableOfVectors('t', schema, columns, x.length, Math.max(batchRows, 1));
}

/** Texts over few letters, so that patterns are met often, some of them beyond ASCII. */
function drawn(count: number, seed: number, longest: number, nulls: number): (string | null)[] {
  const random = makeRandom(seed);
  const letters = ['a', 'b', 'c', 'é', '%', '_', '\\', '語'];
  return Array.from({ length: count }, () => {
    if (random() < nulls) return null;
    const length = Math.floor(random() * random() * longest);
    return Array.from({ length }, () => letters[Math.floor(random() ** 2 * letters.length)] as string).join('');
  });
}

const PATTERNS = (
  '% a a% %a %a% ab% %ab %ab% %abab% %a%b% a%b a%a ab%ab %aa%aa% %% %%a%%b a%b%c%a %é% é%語 %a_ _% %aabbaabb% %cc%aa ' +
  'aabbaabbaabbaabba% aab%bba %aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa% %aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa% %a%b%a%b%a%b% ' +
  '%a%b%a%b%a%b%a%b%a% a%a%a ab%b%ab ab%ba%ab %a%aa %ab%b ab%b%b%ab aa%a%'
)
  .split(' ')
  .concat('');

test('LIKE without _ finds what the interpreter finds', async () => {
  for (const type of LAYOUTS) {
    for (const nulls of [0, 0.2]) {
      const t = table(type, drawn(5000, 3, 40, nulls));
      for (const pattern of PATTERNS) {
        await both(`SELECT count(*), sum(n) FROM t WHERE x LIKE '${pattern}'`, t);
        await both(`SELECT x FROM t WHERE n > 100 AND x NOT LIKE '${pattern}'`, t);
        await both(`SELECT n, count(*) FROM t WHERE x LIKE '${pattern}' OR n = 7 GROUP BY n`, t);
      }
    }
  }
});

test('escapes, starts_with, suffix, contains and their kin find what the interpreter finds', async () => {
  for (const type of LAYOUTS) {
    const t = table(type, drawn(3000, 5, 12, 0.1));
    for (const pattern of ['%!%%', '!_%', '%!!', 'a!%', '%a!_b%', '%\\%', 'ab%', 'a!ab!%']) {
      await both(`SELECT count(*), sum(n) FROM t WHERE x LIKE '${pattern}' ESCAPE '!'`, t);
      await both(`SELECT count(*), sum(n) FROM t WHERE x NOT LIKE '${pattern}' ESCAPE ''`, t);
    }
    for (const part of ['', 'a', 'ab', 'é', 'abcab', '%', 'aabbaabbaabb']) {
      for (const name of ['starts_with', 'prefix', 'suffix', 'ends_with', 'contains']) {
        await both(`SELECT count(*), sum(n) FROM t WHERE ${name}(x, '${part}')`, t);
      }
      await both(
        `SELECT count(*), sum(n) FROM t WHERE x ^@ '${part}' AND x <> 'a' OR 'ab' = x OR x IN ('b', 'é')`,
        t,
      );
    }
    await assert.rejects(rowsOf("SELECT count(*) FROM t WHERE x LIKE 'a!' ESCAPE '!'", t, 'always'), /escape/);
  }
});

test('what lies across the ends of rows is found in none of them', async () => {
  const texts = ['xab', 'cx', 'abc', 'ab', 'c', '', 'abcabc', 'a', 'bc'];
  for (const type of LAYOUTS) {
    const t = table(
      type,
      Array.from({ length: 9000 }, (_, i) => texts[i % texts.length] as string),
    );
    assert.deepEqual(await both("SELECT count(*) FROM t WHERE x LIKE '%abc%'", t), ['2000']);
    assert.deepEqual(await both("SELECT count(*) FROM t WHERE x LIKE '%abc%bc%'", t), ['1000']);
    assert.deepEqual(await both("SELECT count(*) FROM t WHERE x LIKE 'ab%c'", t), ['2000']);
    assert.deepEqual(await both("SELECT count(*) FROM t WHERE x LIKE 'abc%abc'", t), ['1000']);
    assert.deepEqual(await both("SELECT count(*) FROM t WHERE x LIKE 'a%bc%bc'", t), ['1000']);
  }
});

/** For each length texts that differ from one another in one byte, and the text that is that of all but it. */
function nearTexts(longest: number): string[] {
  const texts = new Set<string>();
  for (let length = 0; length <= longest; length++) {
    const text = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEF'.slice(0, length);
    texts.add(text);
    for (let k = 0; k < length; k++) texts.add(`${text.slice(0, k)}#${text.slice(k + 1)}`);
  }
  return [...texts];
}

test('texts that differ in one byte are groups of their own, short and long, stored and computed', async () => {
  const texts = nearTexts(42);
  const rows = Array.from({ length: 3 * texts.length }, (_, i) => texts[(i * 7) % texts.length] as string);
  const other = rows.map((_, i) => (i % 5 === 0 ? null : (texts[(i * 11) % texts.length] as string)));
  for (const type of LAYOUTS) {
    const t = table(type, rows, other, 500);
    assert.equal((await both('SELECT x, count(*), min(n) FROM t GROUP BY x', t)).length, texts.length);
    await both('SELECT y, count(*), min(n) FROM t GROUP BY y', t);
    await both("SELECT y, x, count(*), max(n), string_agg(n, ',') FROM t WHERE n > 40 GROUP BY y, x", t);
    await both('SELECT upper(y), count(*) FROM t GROUP BY upper(y)', t);
    await both('SELECT count(DISTINCT y) FROM t', t);
    await both('SELECT encode(y) AS e, count(*) FROM t GROUP BY encode(y)', t);
  }
});

test('groups of many long texts keep their rows while their tables grow', async () => {
  const count = 150_000;
  const rows = Array.from({ length: count }, (_, i) => `${'long '.repeat(i % 9)}${((i * 7919) % 60_000).toString()}`);
  const other = rows.map((_, i) => (i % 3 === 0 ? 'a' : `text number ${(i % 20_000).toString()}`));
  const t = table(UTF8, rows, other, 40_000);
  await both('SELECT x, count(*), sum(n) FROM t GROUP BY x', t);
  await both('SELECT x, y, count(*), sum(n) FROM t GROUP BY x, y', t);
  await both("SELECT y, n % 2, count(*) FROM t WHERE x LIKE '%long 1%' GROUP BY y, n % 2", t);
});

test('blocks and batches end where they may', async () => {
  for (const count of [0, 1, 2047, 2048, 2049, 4095, 4096, 4097, 65_535, 65_536, 65_537]) {
    const t = table(LAYOUTS[count % 2] as DataType, drawn(count, count, 20, 0.05), drawn(count, count + 1, 4, 0.1));
    await both("SELECT count(*), sum(n) FROM t WHERE x LIKE '%ab%' OR y LIKE 'a%'", t);
    await both('SELECT x, y, count(*), sum(n) FROM t GROUP BY x, y', t);
    await both("SELECT y, count(*), sum(n) FROM t WHERE x LIKE '%a%' GROUP BY y", t);
    await both('SELECT count(DISTINCT x), count(DISTINCT y) FROM t', t);
  }
});
