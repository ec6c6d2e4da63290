/**
 * DELETE and UPDATE over batches: every type, every edge of a selection, and the dictionaries.
 *
 * Method: statements are planned over tables in memory and their editors run over the batches; rows are compared with
 * what plain JavaScript makes of the old ones, and every batch passes the validator that outside bytes pass.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { sliceBatch } from '../../src/arrow/slice.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { typeName } from '../../src/arrow/type.ts';
import type { Value } from '../../src/arrow/value.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import type { EditPlan, RowEditor } from '../../src/exec/edit.ts';
import { makeEdit } from '../../src/exec/edit.ts';
import { castKernel } from '../../src/function/registry.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { readAll, streamBytes } from '../support/ipc.ts';
import type { GivenColumn, MemorySource } from '../support/memory-source.ts';
import { catalogOf, tableOf, tableOfVectors } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';
import { randomVector, SAMPLE_TYPES } from '../support/random-vector.ts';
import { refusal } from '../support/refusal.ts';

const SEED = 20_261_126;
const CANNOT = "cannot cast 'two' from string to int32; TRY_CAST gives NULL for such values";
const BOOL: DataType = { id: 'bool' };
const TEXT: DataType = { id: 'utf8' };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };

function editorOf(sql: string, table: MemorySource): RowEditor {
  const planned = planStatement(sql, catalogOf([table]));
  assert.ok(planned.kind === 'delete' || planned.kind === 'update');
  return makeEdit(planned satisfies EditPlan);
}

function valuesOf(vector: Vector): Value[] {
  return Array.from({ length: vector.length }, (_, row) => makeReader(vector)(row));
}

function rowsOf(batch: RecordBatch): Value[][] {
  const columns = batch.columns.map(valuesOf);
  return Array.from({ length: batch.rowCount }, (_, row) => columns.map((column) => column[row] ?? null));
}

/** Writes the batch as IPC and reads it back under the validator. */
async function checkBatch(batch: RecordBatch): Promise<void> {
  for (const column of batch.columns) assert.equal(column.length, batch.rowCount);
  const { batches } = await readAll(await streamBytes(batch.schema, [batch]));
  assert.deepEqual(batches.flatMap(rowsOf), rowsOf(batch));
}

/** Runs a statement over all batches; unchanged ones stay. */
async function edited(sql: string, table: MemorySource): Promise<{ rows: Value[][]; changed: number }> {
  const edit = editorOf(sql, table);
  const rows: Value[][] = [];
  let changed = 0;
  for (const batch of table.batches) {
    const answer = edit(batch);
    changed += answer?.changedCount ?? 0;
    if (answer !== undefined) await checkBatch(answer.batch);
    rows.push(...rowsOf(answer?.batch ?? batch));
  }
  return { rows, changed };
}

/** Flags, and two columns of one type; the dictionary ids differ, as in every schema. */
function pairTable(type: DataType, rowCount: number, random: () => number): MemorySource {
  const other: DataType = type.id === 'dictionary' ? { ...type, dictionaryId: 1n } : type;
  const schema = makeSchema([makeField('flag', BOOL), makeField('a', type), makeField('b', other)]);
  const columns = [BOOL, type, other].map((column) => randomVector(column, rowCount, random));
  return tableOfVectors('t', schema, columns, rowCount);
}

test(`UPDATE writes another column of any type into rows of a column (seed ${SEED.toString()})`, async () => {
  const random = makeRandom(SEED);
  for (const type of SAMPLE_TYPES) {
    for (const rowCount of [1, 7, 64, 200]) {
      const table = pairTable(type, rowCount, random);
      const old = table.batches.flatMap(rowsOf);
      for (const [condition, chosen] of [
        ['flag', (row: readonly Value[]) => row[0] === true],
        ['flag IS NULL', (row: readonly Value[]) => row[0] === null],
        ['true', () => true],
      ] as const) {
        const { rows, changed } = await edited(`UPDATE t SET a = b WHERE ${condition}`, table);
        const wanted = old.map((row) => (chosen(row) ? [row[0], row[2], row[2]] : row));
        assert.deepEqual(rows, wanted, `${typeName(type)}, ${rowCount.toString()} rows, ${condition}`);
        assert.equal(changed, old.filter(chosen).length);
      }
    }
  }
});

test(`UPDATE writes NULL into rows of a column of any type (seed ${SEED.toString()})`, async () => {
  const random = makeRandom(SEED + 1);
  for (const type of SAMPLE_TYPES) {
    const table = pairTable(type, 100, random);
    const wanted = table.batches.flatMap(rowsOf).map((row) => (row[0] === true ? [row[0], null, row[2]] : row));
    assert.deepEqual((await edited('UPDATE t SET a = NULL WHERE flag', table)).rows, wanted, typeName(type));
  }
});

test(`DELETE keeps the other rows of every type, in order (seed ${SEED.toString()})`, async () => {
  const random = makeRandom(SEED + 2);
  for (const type of SAMPLE_TYPES) {
    const table = pairTable(type, 150, random);
    const old = table.batches.flatMap(rowsOf);
    const { rows, changed } = await edited('DELETE FROM t WHERE flag', table);
    assert.deepEqual(
      rows,
      old.filter((row) => row[0] !== true),
      typeName(type),
    );
    assert.equal(changed, old.filter((row) => row[0] === true).length);
    assert.deepEqual((await edited('DELETE FROM t', table)).rows, []);
  }
});

const NUMBERS: readonly GivenColumn[] = [
  { name: 'id', type: INT32, values: [1, 2, 3, 4, 5, 6], nullable: false },
  { name: 'x', type: INT32, values: [10, null, 30, null, 50, 0] },
  { name: 's', type: TEXT, values: ['1', 'two', null, '', '5', '6'] },
];

test('only rows whose condition is true change; null is not true', async () => {
  const table = tableOf('t', NUMBERS, 4);
  const ids = async (sql: string): Promise<unknown[]> => (await edited(sql, table)).rows.map((row) => row[0]);
  assert.deepEqual(await ids('DELETE FROM t WHERE x > 20'), [1, 2, 4, 6]);
  assert.deepEqual(await ids('DELETE FROM t WHERE NOT (x > 20)'), [2, 3, 4, 5]);
  assert.deepEqual(await ids('DELETE FROM t WHERE x IS NULL OR x > 20'), [1, 6]);
  assert.deepEqual(await ids('DELETE FROM t WHERE x = NULL'), [1, 2, 3, 4, 5, 6]);
});

test('a batch without a row that changes gives undefined', () => {
  const table = tableOf('t', NUMBERS, 3);
  const edit = editorOf('DELETE FROM t WHERE id > 3', table);
  assert.deepEqual(
    table.batches.map((batch) => edit(batch)?.changedCount),
    [undefined, 3],
  );
  for (const sql of ['DELETE FROM t WHERE false', 'UPDATE t SET x = 1 WHERE NULL', 'DELETE FROM t WHERE 1 > 2']) {
    assert.deepEqual(table.batches.map(editorOf(sql, table)), [undefined, undefined], sql);
  }
  const none = sliceBatch(table.batches[0] as RecordBatch, 0, 0);
  assert.equal(editorOf('DELETE FROM t', table)(none), undefined);
});

test('an expression is evaluated only for the rows that change', async () => {
  const table = tableOf('t', NUMBERS);
  const { rows } = await edited("UPDATE t SET x = CAST(s AS INT) WHERE s IN ('1', '5', '6')", table);
  assert.deepEqual(
    rows.map((row) => row[1]),
    [1, null, 30, null, 5, 6],
  );
  const all = editorOf('UPDATE t SET x = s', table);
  assert.throws(() => all(table.batches[0] as RecordBatch), refusal('value_error', CANNOT));
  const overflow = 'UPDATE t SET x = id * 1000000000 WHERE id < 3';
  assert.deepEqual((await edited(overflow, table)).rows[1]?.[1], 2_000_000_000);
});

test('all expressions see the old values, and columns that are not set are passed on', () => {
  const table = tableOf('t', NUMBERS);
  const [batch] = table.batches as readonly [RecordBatch];
  const answer = editorOf('UPDATE t SET x = id, id = coalesce(x, 0) WHERE id <> 3', table)(batch);
  assert.deepEqual(
    rowsOf(answer?.batch ?? batch).map(([id, x]) => [id, x]),
    [
      [10, 1],
      [0, 2],
      [3, 30],
      [0, 4],
      [50, 5],
      [0, 6],
    ],
  );
  assert.equal(answer?.batch.columns[2], batch.columns[2]);
  assert.equal(answer?.batch.schema, batch.schema);
});

test('a NULL for a NOT NULL column is refused by name', () => {
  const table = tableOf('t', NUMBERS);
  const [batch] = table.batches as readonly [RecordBatch];
  const message =
    'column "id" of table t is NOT NULL, and the UPDATE makes it NULL in 2 rows of one batch; ' +
    'leave these rows out with WHERE, or give them a value with COALESCE';
  const edit = editorOf('UPDATE t SET id = x', table);
  assert.throws(() => edit(batch), refusal('value_error', message));
  assert.equal(editorOf('UPDATE t SET id = x WHERE x IS NOT NULL', table)(batch)?.changedCount, 4);
});

test('values become the type of their column, whatever it is', async () => {
  const cases: readonly (readonly [type: DataType, sql: string, wanted: Value])[] = [
    [{ id: 'large_utf8' }, "'abc'", 'abc'],
    [{ id: 'utf8_view' }, "'a text of more than twelve bytes'", 'a text of more than twelve bytes'],
    [{ id: 'utf8_view' }, 'id', '1'],
    [{ id: 'binary_view' }, "'ab'::blob", Uint8Array.of(97, 98)],
    [{ id: 'fixed_binary', byteWidth: 2 }, "'ab'::blob", Uint8Array.of(97, 98)],
    [{ id: 'float', bitWidth: 16 }, 'id + 0.5', 1.5],
    [{ id: 'float', bitWidth: 16 }, '2.5', 2.5],
    [{ id: 'decimal', bitWidth: 256, precision: 50, scale: 2 }, 'id', '1.00'],
    [{ id: 'decimal', bitWidth: 32, precision: 5, scale: 1 }, '1.25', '1.3'],
    [{ id: 'timestamp', unit: 'nanosecond', timezone: 'UTC' }, "'1970-01-01 00:00:01'", 1_000_000_000n],
    [{ id: 'date', unit: 'millisecond' }, "'1970-01-02'", 86_400_000n],
    [{ id: 'time', unit: 'second', bitWidth: 32 }, "'00:00:07'", 7],
    [{ id: 'int', bitWidth: 64, signed: false }, 'id', 1n],
    [BOOL, 'id', true],
  ];
  for (const [type, sql, wanted] of cases) {
    const schema = makeSchema([makeField('id', INT32), makeField('c', type)]);
    const vectors = [buildVector(INT32, [1, 2]), randomVector(type, 2, makeRandom(SEED), false)];
    const table = tableOfVectors('t', schema, vectors, 2);
    const kept = table.batches.flatMap(rowsOf)[1]?.[1];
    const { rows } = await edited(`UPDATE t SET c = ${sql} WHERE id = 1`, table);
    assert.deepEqual([rows[0]?.[1], rows[1]?.[1]], [wanted, kept], `${typeName(type)} = ${sql}`);
  }
});

function dictionaryOf(value: DataType, bitWidth: 8 | 16 | 32 | 64 = 8): Extract<DataType, { id: 'dictionary' }> {
  return { id: 'dictionary', index: { id: 'int', bitWidth, signed: true }, value, ordered: false, dictionaryId: 0n };
}

/** Batches over one dictionary, as a segment has them. */
function codesTable(
  type: Extract<DataType, { id: 'dictionary' }>,
  words: readonly Value[],
  codes: readonly number[],
  batchRows: number,
): MemorySource {
  const dictionary = buildVector(type.value, words);
  const width = type.index.bitWidth / 8;
  const bytes = new Uint8Array(codes.length * width);
  codes.forEach((code, i) => (bytes[i * width] = code));
  const base = { type, length: codes.length, nullCount: 0, children: [] };
  const column: Vector = { ...base, buffers: [new Uint8Array(0), bytes], dictionary };
  const ids = buildVector(
    INT32,
    codes.map((_, i) => i),
  );
  const schema = makeSchema([makeField('id', INT32), makeField('c', type)]);
  return tableOfVectors('t', schema, [ids, column], codes.length, batchRows);
}

test('a dictionary grows at its end, across batches, and untouched batches still fit it', async () => {
  for (const width of [8, 16, 32, 64] as const) {
    const table = codesTable(dictionaryOf(TEXT, width), ['a', 'b'], [0, 1, 1, 0, 0, 1, 1, 0], 2);
    const edit = editorOf(
      "UPDATE t SET c = CASE id WHEN 0 THEN 'z' WHEN 4 THEN 'y' WHEN 5 THEN 'a' END " + 'WHERE id IN (0, 1, 4, 5)',
      table,
    );
    const answers = table.batches.map((batch) => edit(batch));
    const columns = answers.map((answer) => answer?.batch.columns[1]);
    assert.deepEqual(
      columns.map((column) => column?.dictionary && valuesOf(column.dictionary)),
      [['a', 'b', 'z'], undefined, ['a', 'b', 'z', 'y'], undefined],
    );
    assert.deepEqual(
      columns.map((column) => column && valuesOf(column)),
      [['z', null], undefined, ['y', 'a'], undefined],
    );
    for (const answer of answers) if (answer !== undefined) await checkBatch(answer.batch);
    // As one stream, edited and untouched batches read back the same.
    const stream = answers.map((answer, i) => answer?.batch ?? (table.batches[i] as RecordBatch));
    const { batches } = await readAll(await streamBytes(table.schema, stream));
    assert.deepEqual(batches.flatMap(rowsOf), stream.flatMap(rowsOf));
  }
});

test('a dictionary of numbers takes numbers', async () => {
  const table = codesTable(dictionaryOf(INT64), [5n, null, 7n], [0, 1, 2, 0], 4);
  const { rows } = await edited('UPDATE t SET c = c + 2 WHERE id < 3', table);
  assert.deepEqual(
    rows.map((row) => row[1]),
    [7n, null, 9n, 5n],
  );
});

test('a dictionary whose indexes run out is made anew from the values in use', async () => {
  const words = Array.from({ length: 128 }, (_, i) => `old ${i.toString()}`);
  const table = codesTable(dictionaryOf(TEXT), words, [3, 4, 5, 6], 4);
  const edit = editorOf("UPDATE t SET c = 'new' WHERE id = 1", table);
  const answer = edit(table.batches[0] as RecordBatch);
  const column = answer?.batch.columns[1] as Vector;
  assert.deepEqual(valuesOf(column), ['old 3', 'new', 'old 5', 'old 6']);
  assert.equal(column.dictionary?.length, 4);
  await checkBatch(answer?.batch as RecordBatch);
});

test('more distinct values than a dictionary can number are refused by name', () => {
  const table = codesTable(
    dictionaryOf(TEXT),
    ['a'],
    Array.from({ length: 200 }, () => 0),
    200,
  );
  const message =
    'column "c" is dictionary<values=string, indices=int8, ordered=0>, and one batch can hold at most 128 distinct ' +
    'values; the UPDATE makes more';
  const edit = editorOf('UPDATE t SET c = id', table);
  assert.throws(() => edit(table.batches[0] as RecordBatch), refusal('limit_exceeded', message));
});

test('runs are made of plain values', async () => {
  const random = makeRandom(SEED);
  for (const type of SAMPLE_TYPES.filter((sample) => sample.id === 'run_end')) {
    const schema = makeSchema([makeField('id', INT32), makeField('c', type)]);
    const ids = buildVector(
      INT32,
      Array.from({ length: 50 }, (_, i) => i),
    );
    const table = tableOfVectors('t', schema, [ids, randomVector(type, 50, random)], 50);
    const old = table.batches.flatMap(rowsOf);
    const value = type.id === 'run_end' && type.values.type.id === 'int' ? 'id // 20' : "'x' || (id // 20)::text";
    const wantedOf = (id: number): Value =>
      value.startsWith("'") ? `x${Math.trunc(id / 20).toString()}` : Math.trunc(id / 20);
    for (const [condition, holds] of [
      ['id % 3 = 0', (id: number) => id % 3 === 0],
      ['true', () => true],
    ] as const) {
      const { rows } = await edited(`UPDATE t SET c = ${value} WHERE ${condition}`, table);
      assert.deepEqual(
        rows,
        old.map((row, id) => (holds(id) ? [id, wantedOf(id)] : row)),
      );
    }
    const whole = editorOf(`UPDATE t SET c = ${value}`, table)(table.batches[0] as RecordBatch);
    assert.equal(whole?.batch.columns[1]?.children[0]?.length, 3);
  }
});

test('bytes of rows that are gone are not kept', () => {
  const long = 'a text of more than twelve bytes ';
  const texts = Array.from({ length: 100 }, (_, i) => long.repeat(10) + i.toString());
  const ids = buildVector(
    INT32,
    texts.map((_, i) => i),
  );
  const view: DataType = { id: 'utf8_view' };
  const views = castKernel(TEXT, view, false)([buildVector(TEXT, texts)], texts.length, view);
  const schema = makeSchema([makeField('id', INT32), makeField('s', view)]);
  const table = tableOfVectors('t', schema, [ids, views], texts.length);
  const bytes = (batch: RecordBatch | undefined): number =>
    (batch?.columns[1]?.buffers.slice(2) ?? []).reduce((sum, buffer) => sum + buffer.byteLength, 0);
  const [batch] = table.batches as readonly [RecordBatch];
  assert.ok(bytes(editorOf('DELETE FROM t WHERE id > 0', table)(batch)?.batch) < 400);
  assert.equal(bytes(editorOf("UPDATE t SET s = 'short'", table)(batch)?.batch), 0);
});
