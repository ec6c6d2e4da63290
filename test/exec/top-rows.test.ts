/**
 * The first rows by some keys are the beginning of all rows in that order.
 *
 * Method: keys of each form that top-N leaves rows out by (text with shared prefixes and many equal values, decimals of
 * 128 bits, integers of any width, doubles with NaN, dictionaries), with NULLs first and last, up and down, a second
 * key that settles ties; rows come in many batches, so that the worst row kept is held against later ones.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeVector } from '../../src/arrow/vector.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { ByteRowsBuilder } from '../../src/function/byte-rows.ts';
import { validityFrom } from '../../src/function/validity.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf, tableOfVectors } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';
import { cellTexts } from '../support/slt.ts';

const ROWS = 4_000;
const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const WIDE: DataType = { id: 'decimal', bitWidth: 128, precision: 38, scale: 2 };

const SYMBOLS: DataType = {
  id: 'dictionary',
  index: { id: 'int', bitWidth: 16, signed: true },
  value: { id: 'utf8' },
  ordered: false,
  dictionaryId: 0n,
};

/** Types of keys, and the value for a number from 0 to 1. */
const KEYS: readonly (readonly [DataType, (at: number) => unknown])[] = [
  [{ id: 'utf8' }, (at) => `a prefix that is shared ${Math.floor(at * 12).toString()}`],
  [{ id: 'utf8' }, (at) => 'ä'.repeat(Math.floor(at * 5))],
  [{ id: 'utf8' }, (at) => Math.floor(at * 1e9).toString()],
  [WIDE, (at) => BigInt(Math.floor((at - 0.5) * 40)) * (1n << 70n) + BigInt(Math.floor(at * 3))],
  [WIDE, (at) => BigInt(Math.floor((at - 0.5) * 1e6))],
  [INT64, (at) => BigInt(Math.floor((at - 0.5) * 30)) * 4_294_967_296n],
  [{ id: 'float', bitWidth: 64 }, (at) => (at > 0.99 ? NaN : Math.floor(at * 50) - 25)],
  [{ id: 'float', bitWidth: 64 }, (at) => [-0, 0, Infinity, -Infinity, NaN, at][Math.floor(at * 6)]],
  [{ id: 'float', bitWidth: 32 }, (at) => Math.floor(at * 1e6) / 8 - 9_000],
  [{ id: 'int', bitWidth: 64, signed: false }, (at) => BigInt(Math.floor(at * 1e6)) * 18_000_000_000_000n],
  [{ id: 'int', bitWidth: 32, signed: false }, (at) => Math.floor(at * 4_294_967_295)],
  [{ id: 'int', bitWidth: 32, signed: true }, (at) => Math.floor((at - 0.5) * 4_294_967_295)],
  [{ id: 'int', bitWidth: 8, signed: true }, (at) => Math.floor((at - 0.5) * 255)],
  [{ id: 'bool' }, (at) => at > 0.5],
  [{ id: 'date', unit: 'day' }, (at) => Math.floor((at - 0.5) * 1e5)],
  [{ id: 'timestamp', unit: 'microsecond', timezone: undefined }, (at) => BigInt(Math.floor((at - 0.5) * 1e15))],
  [{ id: 'decimal', bitWidth: 64, precision: 18, scale: 3 }, (at) => BigInt(Math.floor((at - 0.5) * 1e15))],
  [{ id: 'large_utf8' }, (at) => 'ABC\0D'.slice(0, Math.floor(at * 6)) + Math.floor(at * 37).toString(36)],
  [{ id: 'utf8_view' }, (at) => `${'long '.repeat(Math.floor(at * 5))}${Math.floor(at * 300).toString()}`],
  [{ id: 'binary' }, (at) => ['', '\0', 'a', 'a\0', 'ä', 'abcdefgh', 'abcdefgh\0'][Math.floor(at * 7)]],
  [SYMBOLS, (at) => `symbol ${Math.floor(at * 25).toString()}`],
];

/** Numbers of values in a dictionary that has each twice, one that nobody uses, and a NULL beside absent rows. */
function numbered(values: readonly unknown[]): Vector {
  const distinct = [...new Set(values.filter((value) => value !== null))];
  const dictionary = buildVector({ id: 'utf8' }, ['not used', ...distinct, ...distinct, null] as never);
  const bits = new Uint8Array((values.length + 7) >> 3);
  const indexes = Int16Array.from(values, (value, i) => {
    if (value !== null || i % 2 === 0) bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
    if (value === null) return i % 2 === 0 ? dictionary.length - 1 : 0;
    return 1 + distinct.indexOf(value) + (i % 2) * distinct.length;
  });
  const { bits: validity, nullCount } = validityFrom(bits, values.length);
  const vector = makeVector(SYMBOLS, values.length, validity, nullCount, [new Uint8Array(indexes.buffer)]);
  return { ...vector, dictionary };
}

/** A column of values; text of layouts that are not built elsewhere too. */
function columnOf(type: DataType, values: readonly unknown[]): Vector {
  if (type.id === 'dictionary') return numbered(values);
  if (!['large_utf8', 'utf8_view', 'binary'].includes(type.id)) return buildVector(type, values as never);
  const builder = new ByteRowsBuilder(values.length);
  const bits = new Uint8Array((values.length + 7) >> 3);
  values.forEach((value, i) => {
    builder.addText(typeof value === 'string' ? value : '');
    if (value !== null) bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
  });
  return builder.finish(type, validityFrom(bits, values.length));
}

async function rowsOf(sql: string, table: MemorySource): Promise<readonly string[]> {
  const planned = planStatement(sql, catalogOf([table]));
  assert(planned.kind === 'query');
  const rows: string[] = [];
  for await (const batch of runPlan(planned.plan)) {
    const columns = batch.columns.map((column) => cellTexts(column, batch.rowCount));
    for (let i = 0; i < batch.rowCount; i++) rows.push(columns.map((cells) => cells[i]).join(' | '));
  }
  return rows;
}

KEYS.forEach(([type, value], index) => {
  test(`the first rows by ${type.id}, key ${index.toString()}`, async () => {
    const random = makeRandom(index + 1);
    for (const nullShare of [0, 0.001, 0.5]) {
      const keys = Array.from({ length: ROWS }, () => (random() < nullShare ? null : value(random())));
      const ties = Array.from({ length: ROWS }, () => BigInt(Math.floor(random() * 1e6)));
      const schema = makeSchema([makeField('k', type), makeField('v', INT64, false)]);
      const table = tableOfVectors('t', schema, [columnOf(type, keys), columnOf(INT64, ties)], ROWS, 500);
      for (const order of ['k ASC NULLS LAST', 'k DESC NULLS LAST', 'k ASC NULLS FIRST', 'k DESC NULLS FIRST']) {
        const all = await rowsOf(`SELECT k, v FROM t ORDER BY ${order}, v`, table);
        assert.equal(all.length, ROWS);
        for (const limit of [1, 10, 700]) {
          const first = await rowsOf(`SELECT k, v FROM t ORDER BY ${order}, v LIMIT ${limit.toString()}`, table);
          assert.deepEqual(first, all.slice(0, limit), `${order} LIMIT ${limit.toString()}`);
        }
      }
    }
  });
});
