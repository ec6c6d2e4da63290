/**
 * Queries by planner and execution, without an engine: rows as the texts of the SQL text tests.
 */
import assert from 'node:assert/strict';
import { runPlan } from '../../src/exec/exec.ts';
import type { PlanCatalog } from '../../src/plan/physical.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { cellTexts } from './slt.ts';

/** Runs one query. @throws EngineError */
export async function runTexts(sql: string, catalog: PlanCatalog): Promise<string[][]> {
  const planned = planStatement(sql, catalog);
  assert(planned.kind === 'query', 'only queries are run here');
  const rows: string[][] = [];
  for await (const batch of runPlan(planned.plan)) {
    const columns = batch.columns.map((column) => cellTexts(column, batch.rowCount));
    for (let i = 0; i < batch.rowCount; i++) rows.push(columns.map((cells) => cells[i] ?? ''));
  }
  return rows;
}
