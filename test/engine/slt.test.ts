/**
 * The SQL text tests of test/slt/change, which create and change tables and views, run through the engine.
 *
 * Method: each file in a database of its own, which is closed and opened again half-way by the line `restart` of a
 * statement: what was there before has to be there after.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { open } from '../../src/engine/engine.ts';
import { cellTexts, runSltFile } from '../support/slt.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FOLDER = fileURLToPath(new URL('../slt/change/', import.meta.url));
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.slt'));

assert(FILES.length > 0, 'there are SQL text tests');
for (const file of FILES) {
  test(`test/slt/change/${file} holds through the engine`, async (t) => {
    const directory = temporaryDirectory(t);
    let engine = await open(directory);
    t.after(() => engine.close());
    const count = await runSltFile(`${FOLDER}${file}`, {
      load: () => assert.fail('these files make their tables by SQL'),
      execute: async (sql) => {
        if (sql.trim() === 'restart') {
          await engine.close();
          engine = await open(directory);
          return [];
        }
        const rows: string[][] = [];
        for await (const result of (await engine.query(sql)).batches()) {
          const batch = result.batch();
          const columns = batch.columns.map((column) => cellTexts(column, batch.rowCount));
          for (let i = 0; i < batch.rowCount; i++) rows.push(columns.map((cells) => cells[i] ?? ''));
        }
        return rows;
      },
    });
    assert(count > 0);
  });
}
