/**
 * Running plans: order, early closing, cancellation, memory, batch sizes, schemas. Plans are built by hand.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import { EngineError } from '../../src/base/errors.ts';
import { BATCH_ROWS_MAX } from '../../src/base/limits.ts';
import { runPlan } from '../../src/exec/exec.ts';
import type { RunOptions } from '../../src/exec/exec.ts';
import type { AggregateCall, Expr, LiteralValue } from '../../src/plan/expr.ts';
import type { PhysicalPlan } from '../../src/plan/physical.ts';
import { tableOf } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';
import { refusal } from '../support/refusal.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const DOUBLE: DataType = { id: 'float', bitWidth: 64 };
const UTF8: DataType = { id: 'utf8' };
const BOOL: DataType = { id: 'bool' };
const SPAN = { start: 0, end: 0 };

function column(index: number, type: DataType): Expr {
  return { kind: 'column', index, name: `c${index.toString()}`, type, nullable: true, span: SPAN };
}

function literal(value: LiteralValue, type: DataType): Expr {
  return { kind: 'literal', value, type, nullable: value === null, span: SPAN };
}

function call(name: string, args: readonly Expr[], type: DataType): Expr {
  return { kind: 'call', name, args, type, nullable: true, span: SPAN };
}

function scan(table: MemorySource): PhysicalPlan {
  const columns = table.schema.fields.map((_, i) => i);
  return {
    kind: 'scan',
    schema: table.schema,
    tableName: table.name,
    source: table,
    columns,
    bounds: [],
    limit: undefined,
  };
}

function numbers(count: number, batchRows: number): MemorySource {
  return tableOf('n', [{ name: 'n', type: INT32, values: Array.from({ length: count }, (_, i) => i) }], batchRows);
}

function aggregate(name: string, args: readonly Expr[], type: DataType): AggregateCall {
  return {
    name,
    args,
    constants: [],
    distinct: false,
    filter: undefined,
    order: [],
    type,
    nullable: true,
    span: SPAN,
  };
}

function schemaOf(...types: readonly DataType[]): Schema {
  return makeSchema(types.map((type, i) => makeField(`x${i.toString()}`, type)));
}

async function batchesOf(plan: PhysicalPlan, options: RunOptions = {}): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = [];
  for await (const batch of runPlan(plan, options)) batches.push(batch);
  return batches;
}

async function rowsOf(plan: PhysicalPlan, options: RunOptions = {}): Promise<Value[][]> {
  return (await batchesOf(plan, options)).flatMap((batch) => {
    const readers = batch.columns.map(makeReader);
    return Array.from({ length: batch.rowCount }, (_, i) => readers.map((read) => read(i)));
  });
}

test('a batch that is wholly true passes through a filter untouched', async () => {
  const table = numbers(6, 3);
  const condition = call('>=', [column(0, INT32), literal(3, INT32)], BOOL);
  const batches = await batchesOf({ kind: 'filter', schema: table.schema, input: scan(table), condition });
  assert.equal(batches.length, 1);
  assert.equal(batches[0]?.columns[0], table.batches[1]?.columns[0]);
});

test('bare columns pass through a projection without a copy', async () => {
  const table = numbers(3, 3);
  const exprs = [column(0, INT32), call('+', [column(0, INT32), column(0, INT32)], INT32)];
  const [batch] = await batchesOf({ kind: 'project', schema: schemaOf(INT32, INT32), input: scan(table), exprs });
  assert.equal(batch?.columns[0], table.batches[0]?.columns[0]);
  assert.deepEqual([0, 1, 2].map(makeReader(batch?.columns[1] as never)), [0, 2, 4]);
});

test('a limit stops pulling as soon as it is full, and closes the scan', async () => {
  const table = numbers(100, 10);
  const rows = await rowsOf({ kind: 'limit', schema: table.schema, input: scan(table), limit: 15, offset: 3 });
  assert.deepEqual(
    rows.map(([n]) => n),
    Array.from({ length: 15 }, (_, i) => i + 3),
  );
  assert.equal(table.batchesRead, 2);
  assert.equal(table.openScans, 0);
});

test('a limit of nothing reads nothing', async () => {
  const table = numbers(100, 10);
  assert.deepEqual(
    await rowsOf({ kind: 'limit', schema: table.schema, input: scan(table), limit: 0, offset: 0 }),
    [],
  );
  assert.equal(table.batchesRead, 0);
});

test('leaving the iteration early closes the scan', async () => {
  const table = numbers(100, 10);
  const condition = call('>', [column(0, INT32), literal(-1, INT32)], BOOL);
  for await (const batch of runPlan({ kind: 'filter', schema: table.schema, input: scan(table), condition })) {
    assert.equal(batch.rowCount, 10);
    break;
  }
  assert.equal(table.openScans, 0);
  assert.equal(table.batchesRead, 1);
});

test('a signal that fires ends the run with `cancelled` at the next batch', async () => {
  const table = numbers(100, 10);
  const controller = new AbortController();
  let seen = 0;
  await assert.rejects(
    async () => {
      for await (const batch of runPlan(scan(table), { signal: controller.signal })) {
        seen += batch.rowCount;
        if (seen === 20) controller.abort();
      }
    },
    refusal('cancelled', 'the query was cancelled'),
  );
  assert.equal(seen, 20);
  assert.equal(table.openScans, 0);
});

test('a signal stops an aggregate between input batches', async () => {
  const table = numbers(100, 10);
  const plan: PhysicalPlan = {
    kind: 'aggregate',
    schema: schemaOf(INT64),
    input: scan(table),
    groups: [],
    aggregates: [aggregate('count', [], INT64)],
  };
  const controller = new AbortController();
  controller.abort();
  await assert.rejects(
    batchesOf(plan, { signal: controller.signal }),
    refusal('cancelled', 'the query was cancelled'),
  );
  assert.equal(table.batchesRead, 0);
});

test('sort and aggregate refuse to hold more than the query may', async () => {
  const table = numbers(40_000, 10_000);
  const keys = [{ expr: column(0, INT32), descending: true, nullsFirst: false }];
  const sort: PhysicalPlan = { kind: 'sort', schema: table.schema, input: scan(table), keys, limit: undefined };
  await assert.rejects(
    batchesOf(sort, { memoryBytesMax: 65_536 }),
    refusal(
      'limit_exceeded',
      'ORDER BY needs more than the 64.0 KiB that one query may hold; filter rows, select fewer columns or add a LIMIT',
    ),
  );
  const grouped: PhysicalPlan = {
    kind: 'aggregate',
    schema: schemaOf(INT32, INT64),
    input: scan(table),
    groups: [column(0, INT32)],
    aggregates: [aggregate('count', [], INT64)],
  };
  await assert.rejects(
    batchesOf(grouped, { memoryBytesMax: 65_536 }),
    refusal(
      'limit_exceeded',
      'GROUP BY needs more than the 64.0 KiB that one query may hold; filter rows, select fewer columns or add a LIMIT',
    ),
  );
  // The same sort fits when only the first rows are wanted.
  const rows = await rowsOf({ ...sort, limit: 3 }, { memoryBytesMax: 65_536 });
  assert.deepEqual(rows, [[39_999], [39_998], [39_997]]);
});

test('groups come out in order of first appearance, null where it first appears', async () => {
  const values = ['b', null, 'a', 'b', 'c', null, 'a'];
  const table = tableOf('t', [{ name: 's', type: UTF8, values }], 3);
  const plan: PhysicalPlan = {
    kind: 'aggregate',
    schema: schemaOf(UTF8, INT64),
    input: scan(table),
    groups: [column(0, UTF8)],
    aggregates: [aggregate('count', [], INT64)],
  };
  assert.deepEqual(await rowsOf(plan), [
    ['b', 2n],
    [null, 2n],
    ['a', 2n],
    ['c', 1n],
  ]);
});

test('more groups than a batch holds come out in several batches of the plan’s schema', async () => {
  const count = BATCH_ROWS_MAX + 10;
  const table = numbers(count, 50_000);
  const schema = schemaOf(INT32, INT64);
  const plan: PhysicalPlan = {
    kind: 'aggregate',
    schema,
    input: scan(table),
    groups: [column(0, INT32)],
    aggregates: [aggregate('sum', [column(0, INT32)], INT64)],
  };
  const batches = await batchesOf(plan);
  assert.deepEqual(
    batches.map((batch) => batch.rowCount),
    [BATCH_ROWS_MAX, 10],
  );
  for (const batch of batches) assert.equal(batch.schema, schema);
  const last = batches[1]?.columns.map((vector) => makeReader(vector)(9));
  assert.deepEqual(last, [count - 1, BigInt(count - 1)]);
});

test('a source’s batches above the limit are cut', async () => {
  const table = numbers(BATCH_ROWS_MAX * 2 + 1, BATCH_ROWS_MAX * 2 + 1);
  const batches = await batchesOf(scan(table));
  assert.deepEqual(
    batches.map((batch) => batch.rowCount),
    [BATCH_ROWS_MAX, BATCH_ROWS_MAX, 1],
  );
});

test('sorting is stable, and top-N gives the same first rows as the whole sort', async () => {
  const random = makeRandom(42);
  const count = 20_000;
  const keys = Array.from({ length: count }, () => {
    const roll = random();
    return roll < 0.1 ? null : roll < 0.15 ? NaN : Math.floor(random() * 500) / 4 - 60;
  });
  const table = tableOf(
    't',
    [
      { name: 'k', type: DOUBLE, values: keys },
      { name: 'n', type: INT32, values: keys.map((_, i) => i) },
    ],
    1_000,
  );
  const rank = (key: number | null, descending: boolean, nullsFirst: boolean): number => {
    if (key === null) return nullsFirst ? -Infinity : Infinity;
    const place = Number.isNaN(key) ? 1e9 : key;
    return descending ? -place : place;
  };
  for (const descending of [false, true]) {
    for (const nullsFirst of [false, true]) {
      const wanted = keys
        .map((key, n) => ({ n, rank: rank(key, descending, nullsFirst) }))
        .sort((a, b) => (a.rank === b.rank ? a.n - b.n : a.rank < b.rank ? -1 : 1))
        .map(({ n }) => n);
      for (const limit of [undefined, 1, 10, 5_000, 30_000]) {
        const order = [{ expr: column(0, DOUBLE), descending, nullsFirst }];
        const rows = await rowsOf({ kind: 'sort', schema: table.schema, input: scan(table), keys: order, limit });
        assert.deepEqual(
          rows.map(([, n]) => n),
          wanted.slice(0, limit),
        );
      }
    }
  }
});

test('a branch that no row reaches is not evaluated', async () => {
  const table = numbers(10, 5);
  const small: DataType = { id: 'int', bitWidth: 8, signed: true };
  const big = literal(1_000, INT32);
  const fails: Expr = { kind: 'cast', operand: big, type: small, nullable: false, attempt: false, span: SPAN };
  const guarded = call(
    'case',
    [call('>', [column(0, INT32), literal(99, INT32)], BOOL), fails, literal(1, small)],
    small,
  );
  const rows = await rowsOf({ kind: 'project', schema: schemaOf(small), input: scan(table), exprs: [guarded] });
  assert.deepEqual(
    rows,
    Array.from({ length: 10 }, () => [1]),
  );
  const reached = call(
    'case',
    [call('>', [column(0, INT32), literal(8, INT32)], BOOL), fails, literal(1, small)],
    small,
  );
  await assert.rejects(
    rowsOf({ kind: 'project', schema: schemaOf(small), input: scan(table), exprs: [reached] }),
    (error) => error instanceof EngineError && error.code === 'value_error',
  );
});

test('unions cannot be grouped, and the message says which type', async () => {
  const children = [makeField('a', INT32)];
  const union: DataType = { id: 'union', mode: 'sparse', typeIds: [0], children };
  const table = numbers(1, 1);
  const plan: PhysicalPlan = {
    kind: 'aggregate',
    schema: schemaOf(union),
    input: scan(table),
    groups: [column(0, union)],
    aggregates: [],
  };
  const message = 'values of type sparse_union<a: int32=0> cannot be grouped or made distinct';
  await assert.rejects(batchesOf(plan), refusal('sql_unsupported', message));
});
