/**
 * How long does a query take that wants few rows: planning it, LIMIT 10, one row by its number?
 *
 * Method: a table of 1 M rows (int64, int64, int32, float64) in one segment and in a thousand, and one of 1,000 rows;
 * segments are not merged meanwhile. Each query runs in this process until its last row is decoded, many times; text is
 * sent as the same text, which is planned once, and as one that never came before. Rows of every answer are counted.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordBatch } from '../src/arrow/batch.ts';
import { makeField, makeSchema } from '../src/arrow/schema.ts';
import type { DataType } from '../src/arrow/type.ts';
import { makeVector } from '../src/arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../src/base/limits.ts';
import type { Engine, QueryResult } from '../src/engine/contract.ts';
import { open } from '../src/engine/engine.ts';
import { figure, quantile } from './bench.ts';
import type { Bench, Figure } from './bench.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const DOUBLE: DataType = { id: 'float', bitWidth: 64 };
const SCHEMA = makeSchema([
  makeField('id', INT64, false),
  makeField('a', INT64, false),
  makeField('b', INT32, false),
  makeField('v', DOUBLE, false),
]);

function rows(start: number, count: number): RecordBatch {
  const at = (i: number): number => start + i;
  const columns = [
    BigInt64Array.from({ length: count }, (_, i) => BigInt(at(i))),
    BigInt64Array.from({ length: count }, (_, i) => BigInt((at(i) * 7_919) % 1_000_003)),
    Int32Array.from({ length: count }, (_, i) => at(i) % 10),
    Float64Array.from({ length: count }, (_, i) => at(i) / 3),
  ];
  const vectors = columns.map((column, i) => {
    const { type } = SCHEMA.fields[i] ?? { type: INT64 };
    return makeVector(type, count, undefined, 0, [new Uint8Array(column.buffer)]);
  });
  return { schema: SCHEMA, rowCount: count, columns: vectors };
}

/** Fills a table with `rowCount` rows in `segmentCount` sealed segments. */
async function fill(engine: Engine, table: string, rowCount: number, segmentCount: number): Promise<void> {
  const each = rowCount / segmentCount;
  for (let segment = 0; segment < segmentCount; segment++) {
    const put = await engine.beginPut(table, SCHEMA);
    for (let start = segment * each; start < (segment + 1) * each; start += BATCH_ROWS_MAX) {
      await put.write(rows(start, Math.min(BATCH_ROWS_MAX, (segment + 1) * each - start)));
    }
    await put.commit();
    await engine.seal(table);
  }
}

async function rowsOf(result: QueryResult): Promise<number> {
  let count = 0;
  for await (const batch of result.batches()) count += batch.batch().rowCount;
  return count;
}

/** Runs `query` again and again after as many runs that are not counted; each must give `wanted` rows. */
async function time(
  name: string,
  wanted: number,
  runs: number,
  query: (run: number) => Promise<QueryResult>,
): Promise<Figure[]> {
  const milliseconds: number[] = [];
  for (let run = 0; run < 2 * runs; run++) {
    const started = performance.now();
    const count = await rowsOf(await query(run));
    if (run >= runs) milliseconds.push(performance.now() - started);
    if (count !== wanted) throw new Error(`${name}: ${count.toString()} rows, not ${wanted.toString()}`);
  }
  return [figure(name, 'ms', milliseconds), figure(`${name}: p99`, 'ms', [quantile(milliseconds, 0.99)])];
}

async function queriesOf(engine: Engine, table: string, rowCount: number, runs: number): Promise<Figure[]> {
  const idOf = (run: number): number => (run * 7_919) % rowCount;
  const point = await engine.prepare(`SELECT * FROM ${table} WHERE id = ?`);
  const where = `SELECT * FROM ${table} WHERE b = 1`;
  const figures = [
    await time(`${table}: LIMIT 10`, 10, runs, () => engine.query(`SELECT * FROM ${table} LIMIT 10`)),
    await time(`${table}: LIMIT 10, a new text each time`, 10, runs, (run) =>
      engine.query(`SELECT * FROM ${table} LIMIT 10 -- ${run.toString()}`),
    ),
    await time(`${table}: WHERE b = 1 LIMIT 10`, 10, runs, () => engine.query(`${where} LIMIT 10`)),
    await time(`${table}: WHERE id = ?, prepared`, 1, runs, (run) => point.run([idOf(run)])),
    await time(`${table}: WHERE id = …, a new text each time`, 1, runs, (run) =>
      engine.query(`SELECT * FROM ${table} WHERE id = ${idOf(run).toString()} -- ${run.toString()}`),
    ),
  ];
  if (rowCount <= 1_000) {
    const text = `${where} ORDER BY a LIMIT 10`;
    figures.push(await time(`${table}: WHERE b = 1 ORDER BY a LIMIT 10`, 10, runs, () => engine.query(text)));
  }
  return figures.flat();
}

export const small: Bench = {
  name: 'small',
  question: 'how long does a query take that wants few rows?',
  async run({ small: isSmall }) {
    const directory = mkdtempSync(join(tmpdir(), 'sheaf-bench-'));
    const engine = await open(directory, { scrubBytesPerSecond: 0, compactSegmentsMin: 0 });
    try {
      const [rowCount, segmentCount, runs] = isSmall ? [20_000, 20, 5] : [1_000_000, 1_000, 2_000];
      await fill(engine, 'few', 1_000, 1);
      await fill(engine, 'one_segment', rowCount, 1);
      await fill(engine, 'many_segments', rowCount, segmentCount);
      return [
        ...(await queriesOf(engine, 'few', 1_000, runs)),
        ...(await queriesOf(engine, 'one_segment', rowCount, runs)),
        ...(await queriesOf(engine, 'many_segments', rowCount, runs)),
      ];
    } finally {
      await engine.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
