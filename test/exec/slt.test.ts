/**
 * The SQL text tests of test/slt, run through planner and execution over tables in memory.
 *
 * Method: every file as planned and with every pass of the optimiser left out, each interpreted and with generated code
 * wherever there can be some; and each query by the plan that is kept of it: the answers must not change.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CompileMode } from '../../src/exec/compiled-pipeline.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { PASS_NAMES } from '../../src/plan/optimize.ts';
import type { PassName } from '../../src/plan/optimize.ts';
import { readStatement, withMemory } from '../../src/plan/needs.ts';
import type { PlannedStatement } from '../../src/plan/physical.ts';
import { planStatement, planWith, recallPlan } from '../../src/plan/plan.ts';
import { DEFAULT_SETTINGS } from '../../src/plan/setting.ts';
import { catalogOf } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { cellTexts, runSltFile } from '../support/slt.ts';
import type { SltHost } from '../support/slt.ts';

const FOLDER = fileURLToPath(new URL('../slt/', import.meta.url));
/** What now() means in these files: 2024-02-29 12:34:56.789012 UTC. */
const NOW_MICROS = 1_709_210_096_789_012n;
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.slt'));

/** Plans a query, and takes the plan that was kept in place of it. */
function planKept(sql: string, tables: readonly MemorySource[]): PlannedStatement {
  const parsed = withMemory(readStatement(sql, NOW_MICROS));
  const planned = planWith(parsed, catalogOf(tables), {}, []);
  return recallPlan(parsed, catalogOf(tables), DEFAULT_SETTINGS, []) ?? planned;
}

function planAnew(
  disabledPasses: readonly PassName[],
): (sql: string, tables: readonly MemorySource[]) => PlannedStatement {
  return (sql, tables) => planStatement(sql, catalogOf(tables), { disabledPasses, nowMicros: NOW_MICROS });
}

function memoryHost(plan: ReturnType<typeof planAnew>, compile: CompileMode): SltHost {
  const tables: MemorySource[] = [];
  return {
    load: (table) => void tables.push(table),
    execute: async (sql) => {
      const planned = plan(sql, tables);
      assert(planned.kind === 'query', 'these files only query');
      const rows: string[][] = [];
      for await (const batch of runPlan(planned.plan, { compile })) {
        const columns = batch.columns.map((column) => cellTexts(column, batch.rowCount));
        for (let i = 0; i < batch.rowCount; i++) rows.push(columns.map((cells) => cells[i] ?? ''));
      }
      return rows;
    },
  };
}

assert(FILES.length > 0, 'there are SQL text tests');
for (const file of FILES) {
  for (const [compile, words] of [
    ['never', 'interpreted'],
    ['always', 'compiled'],
  ] as const) {
    test(`test/slt/${file} holds through planner and execution, ${words}`, async () => {
      const count = await runSltFile(`${FOLDER}${file}`, memoryHost(planAnew([]), compile));
      assert(count > 0);
    });

    test(`test/slt/${file} holds with every pass of the optimiser left out, ${words}`, async () => {
      await runSltFile(`${FOLDER}${file}`, memoryHost(planAnew(PASS_NAMES), compile));
    });
  }
  test(`test/slt/${file} holds by the plans that are kept`, async () => {
    await runSltFile(`${FOLDER}${file}`, memoryHost(planKept, 'never'));
  });
}
