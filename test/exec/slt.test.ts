/**
 * The SQL text tests of test/slt, run through planner and execution over tables in memory.
 *
 * Method: every file once as planned, and once with every pass of the optimiser left out: the answers must not
 * change.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runPlan } from '../../src/exec/exec.ts';
import { PASS_NAMES } from '../../src/plan/optimize.ts';
import type { PassName } from '../../src/plan/optimize.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { cellTexts, runSltFile } from '../support/slt.ts';
import type { SltHost } from '../support/slt.ts';

const FOLDER = fileURLToPath(new URL('../slt/', import.meta.url));
/** What now() means in these files: 2024-02-29 12:34:56.789012 UTC. */
const NOW_MICROS = 1_709_210_096_789_012n;
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.slt'));

function memoryHost(disabledPasses: readonly PassName[]): SltHost {
  const tables: MemorySource[] = [];
  return {
    load: (table) => void tables.push(table),
    execute: async (sql) => {
      const planned = planStatement(sql, catalogOf(tables), { disabledPasses, nowMicros: NOW_MICROS });
      assert(planned.kind === 'query', 'these files only query');
      const rows: string[][] = [];
      for await (const batch of runPlan(planned.plan)) {
        const columns = batch.columns.map((column) => cellTexts(column, batch.rowCount));
        for (let i = 0; i < batch.rowCount; i++) rows.push(columns.map((cells) => cells[i] ?? ''));
      }
      return rows;
    },
  };
}

assert(FILES.length > 0, 'there are SQL text tests');
for (const file of FILES) {
  test(`test/slt/${file} holds through planner and execution`, async () => {
    const count = await runSltFile(`${FOLDER}${file}`, memoryHost([]));
    assert(count > 0);
  });

  test(`test/slt/${file} holds with every pass of the optimiser left out`, async () => {
    await runSltFile(`${FOLDER}${file}`, memoryHost(PASS_NAMES));
  });
}
