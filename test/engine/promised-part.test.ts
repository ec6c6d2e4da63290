/**
 * Goal: an answer that is promised in parts is, part after part, the answer that it is as a whole, whatever has
 * happened to the table since.
 *
 * Method: tables of many batches and segments, with dictionaries and with columns of older schemas; each promise is cut
 * into several numbers of parts and held against the whole.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { DataType } from '../../src/arrow/type.ts';
import { open } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { PromisedResult } from '../../src/engine/contract.ts';
import { INT64, UTF8, batchOf, rowsOf, schemaOf } from '../support/sample.ts';
import { vectorOfTexts } from '../support/slt.ts';

/** Segments stay as they are until a test says otherwise. */
const QUIET = { compactSegmentsMin: 0 };
const ROWS = schemaOf({ id: INT64, name: UTF8 });
const CODED: DataType = {
  id: 'dictionary',
  index: { id: 'int', bitWidth: 64, signed: true },
  value: UTF8,
  ordered: false,
  dictionaryId: 0n,
};
const CODES = schemaOf({ id: INT64, code: CODED });

function temporaryPlace(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-part-'));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** Seven segments of some batches each: each put of 100 rows is a batch of its own. Names are long: sorted, they make several batches. */
async function fill(engine: Engine): Promise<void> {
  let id = 0;
  for (let segment = 0; segment < 7; segment++) {
    for (let batch = 0; batch <= segment % 4; batch++) {
      const ids = Array.from({ length: 100 }, () => id++);
      const put = await engine.beginPut('t', ROWS);
      await put.write(batchOf(ROWS, [ids, ids.map((each) => `row ${each.toString()}`.padEnd(5000, '.'))]));
      await put.commit();
      const codes = await engine.beginPut('codes', CODES);
      const texts = ids.map((each) => `code ${(each % (3 + 2 * segment)).toString()}`);
      const rows = batchOf(schemaOf({ id: INT64 }), [ids]);
      await codes.write({
        schema: CODES,
        rowCount: ids.length,
        columns: [...rows.columns, vectorOfTexts(CODED, texts)],
      });
      await codes.commit();
    }
    await engine.seal();
  }
}

async function rowsOfTicket(engine: Engine, ticket: Uint8Array): Promise<unknown[][]> {
  return rowsOf((await engine.redeem(ticket)).batches());
}

/** Reads every part by itself, the last one first. */
async function rowsOfParts(engine: Engine, { partTickets }: PromisedResult): Promise<unknown[][][]> {
  const parts: unknown[][][] = [];
  for (const ticket of partTickets.toReversed()) parts.unshift(await rowsOfTicket(engine, ticket));
  return parts;
}

const BY_TABLE = [
  'SELECT * FROM t',
  'FROM codes',
  'SELECT name, id + 1 FROM t WHERE id % 3 = 0',
  "SELECT id FROM codes WHERE code = 'code 2'",
  'SELECT id FROM t WHERE id >= 400 AND id < 900',
];
const BY_ANSWER = [
  'SELECT * FROM t ORDER BY name',
  'SELECT code, count(*), min(id) FROM codes GROUP BY code',
  'SELECT * FROM t LIMIT 1100 OFFSET 10',
  'SELECT t.id, code FROM t JOIN codes USING (id)',
];

test('parts are the whole in its order: scans by the table, all else by the answer, also made again', async (t) => {
  const directory = temporaryPlace(t);
  const engine = await open(directory, QUIET);
  await fill(engine);
  const promised: { sql: string; wanted: unknown[][]; promise: PromisedResult }[] = [];
  const several = new Map<string, number>();
  for (const sql of [...BY_TABLE, ...BY_ANSWER]) {
    const wanted = await rowsOf((await engine.query(sql)).batches());
    for (const count of [1, 2, 3, 1000]) {
      const counted = await engine.promise(sql, { parts: count });
      const planned = await engine.promiseOnce(sql, { parts: count });
      for (const promise of [counted, planned]) {
        const parts = await rowsOfParts(engine, promise);
        assert.ok(parts.length <= count, sql);
        assert.notEqual(parts.length, 1, `${sql}: one part is the whole`);
        // A small answer that is there, since it was counted, is one batch.
        const isByTable = BY_TABLE.includes(sql) && (promise === planned || !sql.includes('WHERE'));
        if (isByTable && count > 1)
          assert.ok(parts.length >= Math.min(count, 3), `${sql}: ${parts.length.toString()} of ${count.toString()}`);
        if (parts.length > 1) assert.deepEqual(parts.flat(), wanted, `${sql} in ${count.toString()}`);
        if (parts.length > 1) several.set(sql, (several.get(sql) ?? 0) + 1);
        assert.deepEqual(await rowsOfTicket(engine, promise.ticket), wanted, sql);
        promised.push({ sql, wanted, promise });
      }
    }
  }
  const cut = [...several].map(([sql, times]) => `${times.toString()} × ${sql}`);
  assert.deepEqual(cut, [
    '6 × SELECT * FROM t',
    '6 × FROM codes',
    '6 × SELECT name, id + 1 FROM t WHERE id % 3 = 0',
    "6 × SELECT id FROM codes WHERE code = 'code 2'",
    '6 × SELECT id FROM t WHERE id >= 400 AND id < 900',
    '6 × SELECT * FROM t ORDER BY name',
    '6 × SELECT * FROM t LIMIT 1100 OFFSET 10',
    '6 × SELECT t.id, code FROM t JOIN codes USING (id)',
  ]);
  await engine.query('DELETE FROM t WHERE id < 500');
  await engine.query('ALTER TABLE codes ADD COLUMN more BIGINT');
  await engine.compact();
  await engine.close();
  const again = await open(directory, QUIET);
  t.after(() => again.close());
  for (const { sql, wanted, promise } of promised) {
    const parts = await rowsOfParts(again, promise);
    if (parts.length > 1) assert.deepEqual(parts.flat(), wanted, sql);
  }
});

test('a table whose segments have an older schema is cut too', async (t) => {
  const engine = await open(temporaryPlace(t), QUIET);
  t.after(() => engine.close());
  await fill(engine);
  await engine.query('ALTER TABLE codes ADD COLUMN more BIGINT DEFAULT 7');
  await engine.query("INSERT INTO codes VALUES (-1, 'new', 8)");
  for (const promise of [
    await engine.promiseTable('codes', { parts: 5 }),
    await engine.promise('SELECT * FROM codes', { parts: 5 }),
  ]) {
    const parts = await rowsOfParts(engine, promise);
    assert.equal(parts.length, 5);
    assert.deepEqual(parts.flat(), await rowsOf((await engine.query('SELECT * FROM codes')).batches()));
    assert.equal(promise.rowCount, parts.flat().length);
  }
});

test('what is empty, unasked or different each time is promised whole', async (t) => {
  const engine = await open(temporaryPlace(t), QUIET);
  t.after(() => engine.close());
  await fill(engine);
  const none = [
    await engine.promise('SELECT * FROM t'),
    await engine.promiseOnce('SELECT * FROM t'),
    await engine.promiseOnce('SELECT * FROM t ORDER BY id', { parts: 1 }),
    await engine.promise('SELECT id, random() FROM t', { parts: 4 }),
    await engine.promise('SELECT 1', { parts: 4 }),
    await engine.promise('SELECT id FROM t WHERE id < 0', { parts: 4 }),
  ];
  for (const { partTickets } of none) assert.deepEqual(partTickets, []);
});

test('parts of one promise are cancelled together', async (t) => {
  const engine = await open(temporaryPlace(t), QUIET);
  t.after(() => engine.close());
  await fill(engine);
  const [first, second] = (await engine.promise('SELECT * FROM t', { parts: 2 })).partTickets;
  assert.ok(first !== undefined && second !== undefined);
  await engine.cancel(first);
  await assert.rejects(engine.redeem(second), { code: 'cancelled' });
});
