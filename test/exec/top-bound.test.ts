/**
 * What a top-N's bound leaves out where rows come from are rows that it does not want.
 *
 * Method: queries whose first key comes through filters, projections, joins, unions, aggregates, windows and shared
 * rows, interpreted and compiled; the first rows, with and without an offset, must be the beginning of all rows in that
 * order, ties included, since sorts are stable. Batches are of the sizes at which blocks and bitmaps end. A source with
 * zone maps shows that batches are skipped by a bound that is found while the scan runs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import type { ScanRequest } from '../../src/arrow/source.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { CompileMode } from '../../src/exec/compiled-pipeline.ts';
import { analyzePlan, runPlan } from '../../src/exec/exec.ts';
import { inputsOf } from '../../src/plan/physical.ts';
import type { PhysicalPlan } from '../../src/plan/physical.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { Pruner } from '../../src/storage/prune.ts';
import { statisticsOf } from '../../src/storage/statistics.ts';
import { catalogOf, MemorySource, tableOf } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';
import { cellTexts } from '../support/slt.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const DOUBLE: DataType = { id: 'float', bitWidth: 64 };
const MODES: readonly CompileMode[] = ['never', 'always'];

function planOf(sql: string, tables: readonly MemorySource[]): PhysicalPlan {
  const planned = planStatement(sql, catalogOf(tables));
  assert(planned.kind === 'query');
  return planned.plan;
}

async function rowsOf(
  sql: string,
  tables: readonly MemorySource[],
  compile: CompileMode,
): Promise<readonly string[]> {
  const rows: string[] = [];
  for await (const batch of runPlan(planOf(sql, tables), { compile })) {
    const columns = batch.columns.map((column) => cellTexts(column, batch.rowCount));
    for (let i = 0; i < batch.rowCount; i++) rows.push(columns.map((cells) => cells[i]).join(' | '));
  }
  return rows;
}

/** Rows of a key with ties and NULLs, a text, a double, and their number. */
function made(name: string, rows: number, batchRows: number, seed: number): MemorySource {
  const random = makeRandom(seed);
  const values = <T>(make: () => T): (T | null)[] =>
    Array.from({ length: rows }, () => (random() < 0.1 ? null : make()));
  const columns = [
    { name: `${name}k`, type: INT64, values: values(() => BigInt(Math.floor(random() * 90) - 40)) },
    {
      name: `${name}s`,
      type: { id: 'utf8' } as const,
      values: values(() => `x${Math.floor(random() * 30).toString()}`),
    },
    {
      name: `${name}d`,
      type: DOUBLE,
      values: values(() => (random() < 0.05 ? NaN : Math.floor(random() * 60) - 30)),
    },
    { name: `${name}n`, type: INT32, values: Array.from({ length: rows }, (_, i) => i), nullable: false },
  ];
  return tableOf(name, columns, batchRows);
}

const SHAPES: readonly string[] = [
  'SELECT an FROM a ORDER BY ak',
  'SELECT an FROM a ORDER BY ad DESC NULLS FIRST',
  'SELECT * FROM a WHERE an % 3 = 0 ORDER BY ak DESC, an',
  'SELECT an + 1 AS m, 2 * ad AS e FROM (SELECT ad, an, ak FROM a WHERE ak > 5) ORDER BY ad DESC, m',
  'SELECT ak + 1 AS m, an FROM a ORDER BY m, an',
  'SELECT an FROM a ORDER BY an % 7, ak DESC',
  'SELECT ak, ad, an FROM a ORDER BY ak NULLS FIRST, ad DESC, an DESC',
  'SELECT an, bn FROM a JOIN b ON ak = bk ORDER BY ad, an, bn',
  'SELECT an, bn FROM a JOIN b ON ak = bk ORDER BY bd DESC, an, bn',
  'SELECT an, bn FROM a LEFT JOIN b ON an = bn AND bk > 0 ORDER BY ak DESC NULLS FIRST, an',
  'SELECT an, bn FROM a LEFT JOIN b ON an = bn AND bk > 0 ORDER BY bk, an',
  'SELECT an, bn FROM b RIGHT JOIN a ON an = bn AND bk > 0 ORDER BY ak, an',
  'SELECT an, bn FROM a FULL JOIN b ON an = bn AND bk > 0 ORDER BY ak, an, bn',
  'SELECT an FROM a SEMI JOIN b ON ak = bk AND bd > 0 ORDER BY "as", an',
  'SELECT an FROM a ANTI JOIN b ON ak = bk AND bd > 20 ORDER BY "as" DESC, an',
  'SELECT ak AS k, an AS n FROM a UNION ALL SELECT bk, bn FROM b ORDER BY k',
  'SELECT ak AS k, an AS n FROM a UNION ALL SELECT bk, max(bn) FROM b GROUP BY bk ORDER BY k DESC',
  'SELECT ak, count(*), min(an) FROM a GROUP BY ak ORDER BY ak DESC',
  'SELECT DISTINCT "as", ak FROM a ORDER BY "as", ak',
  'SELECT an, row_number() OVER (ORDER BY an) AS r FROM a ORDER BY ak, an',
  'WITH w AS (SELECT ak, an FROM a WHERE an > 9) SELECT x.an FROM w x JOIN w y ON x.an = y.an ORDER BY y.ak, x.an',
  'SELECT * FROM (SELECT ak, an FROM a ORDER BY an DESC LIMIT 900) ORDER BY ak',
  'SELECT * FROM (SELECT ak, an FROM a LIMIT 900) ORDER BY ak DESC',
];

for (const [rows, batchRows] of [
  [3_000, 250],
  [2_500, 2_049],
  [40, 1],
] as const) {
  test(`the first rows are the beginning of all, ${batchRows.toString()} rows a batch`, async () => {
    const tables = [made('a', rows, batchRows, 1), made('b', 400, 100, 2)];
    for (const shape of SHAPES) {
      const all = await rowsOf(shape, tables, 'never');
      for (const mode of MODES) {
        assert.deepEqual(await rowsOf(shape, tables, mode), all, `${shape}, ${mode}`);
        for (const [limit, offset] of [
          [0, 0],
          [1, 0],
          [7, 5],
          [300, 0],
          [5_000, 3],
        ] as const) {
          const sql = `${shape} LIMIT ${limit.toString()} OFFSET ${offset.toString()}`;
          assert.deepEqual(await rowsOf(sql, tables, mode), all.slice(offset, offset + limit), `${sql}, ${mode}`);
        }
      }
    }
    for (const { openScans } of tables) assert.equal(openScans, 0);
  });
}

test('blocks and batches may end anywhere', async () => {
  for (const rows of [1, 2_047, 2_048, 2_049, 65_535, 65_536, 65_537]) {
    for (const batchRows of [rows, 4_097]) {
      const values = Array.from({ length: rows }, (_, i) => (i * 7919) % 65_537);
      const columns = [
        { name: 'i', type: INT32, values, nullable: false },
        { name: 'd', type: DOUBLE, values, nullable: false },
      ];
      const t = tableOf('t', columns, batchRows);
      const sorted = [...values].sort((a, b) => b - a).slice(0, 20);
      for (const key of ['i', 'd']) {
        const got = await rowsOf(`SELECT i FROM t ORDER BY ${key} DESC LIMIT 20`, [t], 'always');
        assert.deepEqual(got.map(Number), sorted, `${key} of ${rows.toString()} rows`);
      }
    }
  }
});

test('rows in the opposite order, and rows that are all alike, are kept few at a time', async () => {
  const columns = [
    { name: 'up', type: INT64, values: Array.from({ length: 30_000 }, (_, i) => BigInt(i)) },
    { name: 'same', type: INT64, values: Array.from({ length: 30_000 }, () => 5n) },
  ];
  const t = tableOf('t', columns, 3_000);
  for (const [sql, wanted] of [
    ['SELECT up FROM t ORDER BY up DESC LIMIT 3', ['29999', '29998', '29997']],
    ['SELECT up FROM t ORDER BY same LIMIT 3', ['0', '1', '2']],
    ['SELECT up FROM t ORDER BY same, up DESC LIMIT 3', ['29999', '29998', '29997']],
  ] as const) {
    const usage = { heldBytes: 0, peakBytes: 0 };
    const rows: string[] = [];
    for await (const batch of runPlan(planOf(sql, [t]), { usage })) {
      rows.push(...(batch.columns.map((column) => cellTexts(column, batch.rowCount))[0] ?? []));
    }
    assert.deepEqual(rows, wanted);
    assert(usage.peakBytes < 3_000 * 16, `${sql} held ${usage.peakBytes.toString()} bytes`);
  }
});

/** A table whose batches have zone maps. */
class PrunedSource extends MemorySource {
  // oxlint-disable-next-line typescript/require-await -- sources are asynchronous
  override async *scan(request: ScanRequest): AsyncGenerator<RecordBatch> {
    const pruner = new Pruner(this.schema, request.bounds, request.moving);
    for (const batch of this.batches) {
      const statistics = statisticsOf(batch);
      const view = new DataView(statistics.buffer, statistics.byteOffset, statistics.byteLength);
      if (pruner.canSkip(view, 0, view.byteLength, batch.rowCount)) continue;
      yield* new MemorySource('', this.schema, [batch]).scan(request);
      this.batchesRead++;
    }
  }
}

const ZONED: readonly (readonly [DataType, (i: number) => unknown])[] = [
  [INT64, (i) => BigInt(i) - 900n],
  [INT32, (i) => i - 900],
  [{ id: 'int', bitWidth: 64, signed: false }, (i) => BigInt(i) * 9_000_000_000_000_000n],
  [DOUBLE, (i) => i / 8 - 90],
  [{ id: 'utf8' }, (i) => `day ${i.toString().padStart(5, '0')}`],
  [{ id: 'decimal', bitWidth: 128, precision: 38, scale: 2 }, (i) => BigInt(i - 900) * (1n << 66n)],
  [{ id: 'timestamp', unit: 'microsecond', timezone: undefined }, (i) => BigInt(i) * 1_000_000n],
  [{ id: 'date', unit: 'day' }, (i) => i - 900],
];

test('batches that cannot hold a row before the bound are not read', async () => {
  for (const [type, value] of ZONED) {
    const rows = Array.from({ length: 2_000 }, (_, i) => value(i));
    const { schema, batches } = tableOf('t', [{ name: 'k', type, values: rows as never }], 100);
    for (const [order, expected] of [
      ['k', 1],
      ['k NULLS FIRST', 20],
      ['k DESC', 20],
    ] as const) {
      const t = new PrunedSource('t', schema, batches);
      const all = await rowsOf(`SELECT k FROM t ORDER BY ${order}`, [t], 'never');
      t.batchesRead = 0;
      const first = await rowsOf(`SELECT k FROM t ORDER BY ${order} LIMIT 10 OFFSET 2`, [t], 'always');
      assert.deepEqual(first, all.slice(2, 12), `${type.id} ${order}`);
      assert.equal(t.batchesRead, expected, `${type.id} ${order}`);
    }
    const reversed = new PrunedSource('t', schema, [...batches].reverse());
    await rowsOf('SELECT k FROM t WHERE k IS NOT NULL ORDER BY k DESC NULLS FIRST LIMIT 10', [reversed], 'always');
    assert.equal(reversed.batchesRead, 20, type.id);
    reversed.batchesRead = 0;
    await rowsOf('SELECT k FROM t ORDER BY k DESC LIMIT 10', [reversed], 'always');
    assert.equal(reversed.batchesRead, 1, type.id);
  }
});

test('EXPLAIN ANALYZE tells how many rows the bound has left out', async () => {
  const values = Array.from({ length: 5_000 }, (_, i) => BigInt((i * 7919) % 5_000));
  const t = tableOf('t', [{ name: 'k', type: INT64, values }], 500);
  const plan = planOf('SELECT k FROM t WHERE k >= 0 ORDER BY k LIMIT 5', [t]);
  const figures = await analyzePlan(plan);
  const leftOut: number[] = [];
  const visit = (operator: PhysicalPlan): void => {
    const count = figures.operators.get(operator)?.leftOutCount;
    if (count !== undefined) leftOut.push(count);
    inputsOf(operator).forEach(visit);
  };
  visit(plan);
  assert.equal(leftOut.length, 1);
  assert((leftOut[0] ?? 0) > 4_800 && (leftOut[0] ?? 0) <= 4_995, String(leftOut));
});
