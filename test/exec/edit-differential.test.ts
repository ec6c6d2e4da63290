/**
 * Our DELETE and UPDATE against SQLite's: random rows with nulls, random statements one after another, the whole table
 * compared after each.
 *
 * Method: conditions and values are generated from what both dialects mean the same (integers without overflow, text by
 * bytes, three-valued logic). Tables are cut into batches of random sizes, and batches that the bounds exclude are
 * skipped by their smallest and greatest value, as storage does. The seed is fixed in the suite; SEED=n takes another,
 * ROUNDS=n runs longer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Bound, BoundValue } from '../../src/arrow/source.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { Value } from '../../src/arrow/value.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { makeEdit } from '../../src/exec/edit.ts';
import { castKernel } from '../../src/function/registry.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf, MemorySource, tableOfVectors } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';

const SEED = Number(process.env['SEED'] ?? 20_261_126);
const ROUNDS = Number(process.env['ROUNDS'] ?? 25);
const STATEMENTS = 20;

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const TEXT: DataType = { id: 'utf8' };
const VIEW: DataType = { id: 'utf8_view' };
const SCHEMA = makeSchema([
  makeField('id', INT64, false),
  makeField('a', INT64),
  makeField('b', INT64),
  makeField('s', TEXT),
  makeField('v', VIEW),
]);
const NUMBERS = ['a', 'b'];
const TEXTS = ['s', 'v'];
const WORDS = ['', 'a', 'ab', 'B', 'é', 'a text of more than twelve bytes'];

function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T;
}

function makeTable(random: Random): MemorySource {
  const rowCount = Math.floor(random() * 120);
  const column = (make: () => Value): Value[] => {
    return Array.from({ length: rowCount }, () => (random() < 0.2 ? null : make()));
  };
  // Values that grow from batch to batch, so that bounds have something to exclude.
  let base = 0n;
  const words = (): Vector =>
    buildVector(
      TEXT,
      column(() => pick(random, WORDS)),
    );
  const vectors = [
    buildVector(
      INT64,
      Array.from({ length: rowCount }, (_, i) => BigInt(i)),
    ),
    buildVector(
      INT64,
      column(() => (base += BigInt(Math.floor(random() * 3)))),
    ),
    buildVector(
      INT64,
      column(() => BigInt(Math.floor(random() * 20) - 10)),
    ),
    words(),
    castKernel(TEXT, VIEW, false)([words()], rowCount, VIEW),
  ];
  return tableOfVectors('t', SCHEMA, vectors, rowCount, 1 + Math.floor(random() * 40));
}

function number(random: Random, depth: number): string {
  if (depth === 0 || random() < 0.4) return pick(random, [...NUMBERS, 'id', '0', '3', '-2', '17', 'NULL']);
  const a = (): string => number(random, depth - 1);
  return pick(random, [
    () => `(${a()} ${pick(random, ['+', '-'])} ${a()})`,
    () => `coalesce(${a()}, ${a()}, 1)`,
    () => `CASE WHEN ${condition(random, depth - 1)} THEN ${a()} ELSE ${a()} END`,
    () => `nullif(${a()}, 3)`,
  ])();
}

function text(random: Random, depth: number): string {
  if (depth === 0 || random() < 0.5) {
    return random() < 0.6 ? pick(random, TEXTS) : random() < 0.2 ? 'NULL' : `'${pick(random, WORDS)}'`;
  }
  const a = (): string => text(random, depth - 1);
  return pick(random, [
    () => `coalesce(${a()}, ${a()}, 'none')`,
    () => `CASE WHEN ${condition(random, 0)} THEN ${a()} END`,
  ])();
}

function condition(random: Random, depth: number): string {
  const compare = pick(random, ['=', '<>', '<', '<=', '>', '>=']);
  if (depth === 0 || random() < 0.4) {
    return pick(random, [
      () => `(${pick(random, ['a', 'b', 'id'])} ${compare} ${Math.floor(random() * 60).toString()})`,
      () => `(${number(random, 1)} ${compare} ${number(random, 1)})`,
      () => `(${text(random, 0)} ${compare} '${pick(random, WORDS)}')`,
      () => `(${pick(random, [...NUMBERS, ...TEXTS])} IS ${pick(random, ['', 'NOT '])}NULL)`,
      () => `(${pick(random, NUMBERS)} ${pick(random, ['', 'NOT '])}IN (1, 5, ${pick(random, ['9', 'NULL', 'b'])}))`,
      () => `(a BETWEEN ${number(random, 0)} AND ${number(random, 0)})`,
    ])();
  }
  const a = (): string => condition(random, depth - 1);
  return pick(random, [() => `(${a()} AND ${a()})`, () => `(${a()} OR ${a()})`, () => `(NOT ${a()})`])();
}

function statement(random: Random): string {
  const where = random() < 0.9 ? ` WHERE ${condition(random, 2)}` : '';
  // A DELETE without a condition would end a round.
  if (random() < 0.3) return `DELETE FROM t WHERE ${condition(random, 2)} AND ${condition(random, 1)}`;
  const sets = [...NUMBERS, ...TEXTS].filter(() => random() < 0.4);
  const columns = sets.length === 0 ? ['b'] : sets;
  const assignments = columns.map((name) => `${name} = ${(TEXTS.includes(name) ? text : number)(random, 2)}`);
  return `UPDATE t SET ${assignments.join(', ')}${where}`;
}

/** False when the bound excludes every row of the batch, as a zone map tells. */
function mayHold(batch: RecordBatch, bound: Bound): boolean {
  const read = makeReader(batch.columns[bound.column] as RecordBatch['columns'][number]);
  const all = Array.from({ length: batch.rowCount }, (_, row) => read(row));
  const values = all.filter((value) => value !== null) as BoundValue[];
  if (bound.operator === 'is_null') return values.length < all.length;
  if (bound.operator === 'not_null') return values.length > 0;
  const { value } = bound;
  if (value === undefined || values.length === 0) return values.length > 0;
  const order = (a: BoundValue, b: BoundValue): number => {
    if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string));
    return a < b ? -1 : a > b ? 1 : 0;
  };
  const sorted = values.sort(order);
  const [least, greatest] = [order(sorted[0] as BoundValue, value), order(sorted.at(-1) as BoundValue, value)];
  const holds = {
    '<': least < 0,
    '<=': least <= 0,
    '>': greatest > 0,
    '>=': greatest >= 0,
    '=': least <= 0 && greatest >= 0,
  };
  return holds[bound.operator];
}

function run(
  sql: string,
  table: MemorySource,
): { readonly table: MemorySource; readonly changed: number; skipped: number } {
  const planned = planStatement(sql, catalogOf([table]));
  assert.ok(planned.kind === 'delete' || planned.kind === 'update');
  const edit = makeEdit(planned);
  let changed = 0;
  let skipped = 0;
  const batches = table.batches.map((batch) => {
    if (!planned.bounds.every((bound) => mayHold(batch, bound))) {
      skipped++;
      return batch;
    }
    const answer = edit(batch);
    changed += answer?.changedCount ?? 0;
    return answer?.batch ?? batch;
  });
  return { table: new MemorySource('t', table.schema, batches), changed, skipped };
}

function rowsOf(table: MemorySource): Value[][] {
  return table.batches.flatMap((batch) => {
    const readers = batch.columns.map(makeReader);
    return Array.from({ length: batch.rowCount }, (_, row) => readers.map((read) => read(row)));
  });
}

test(`random statements change the rows that SQLite changes (seed ${SEED.toString()})`, () => {
  const random = makeRandom(SEED);
  let changes = 0;
  let skips = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let table = makeTable(random);
    const db = new Database(':memory:');
    db.defaultSafeIntegers();
    db.exec('CREATE TABLE t (id INTEGER, a INTEGER, b INTEGER, s TEXT, v TEXT)');
    const insert = db.prepare('INSERT INTO t VALUES (?, ?, ?, ?, ?)');
    for (const row of rowsOf(table)) insert.run(...row);
    const all = db.prepare('SELECT id, a, b, s, v FROM t ORDER BY id').raw();
    for (let i = 0; i < STATEMENTS; i++) {
      const sql = statement(random);
      const { changes: wanted } = db.prepare(sql).run();
      const answer = run(sql, table);
      table = answer.table;
      assert.equal(answer.changed, wanted, sql);
      assert.deepEqual(rowsOf(table), all.all(), sql);
      changes += answer.changed;
      skips += answer.skipped;
    }
    db.close();
  }
  assert.ok(changes > ROUNDS * 20, `only ${changes.toString()} rows changed`);
  assert.ok(skips > ROUNDS, `only ${skips.toString()} batches were skipped`);
});
