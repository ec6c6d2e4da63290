/**
 * What a query says, in generated code or without it, as one text: its rows, or its error.
 *
 * Hides nothing. Invariants: a query that must be compiled is; -0 is told from 0; only the engine's errors are answers.
 */
import assert from 'node:assert/strict';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import { EngineError } from '../../src/base/errors.ts';
import { compiledOperators } from '../../src/exec/compiled-pipeline.ts';
import type { CompileMode } from '../../src/exec/compiled-pipeline.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf } from './memory-source.ts';
import type { MemorySource } from './memory-source.ts';

/** Numbers, booleans, null. */
function cellText(value: Value): string {
  return Object.is(value, -0) ? '-0' : `${value as number | bigint | boolean | null}`;
}

/** Rows joined by `;` and cells by `,`, or the error's code and message. */
export async function outcome(sql: string, table: MemorySource, compile: CompileMode): Promise<string> {
  const planned = planStatement(sql, catalogOf([table]));
  assert.equal(planned.kind, 'query');
  if (compile === 'always') assert(compiledOperators(planned.plan, compile).size > 0, `${sql} is compiled`);
  try {
    const rows: string[] = [];
    for await (const batch of runPlan(planned.plan, { compile })) {
      const readers = batch.columns.map(makeReader);
      for (let i = 0; i < batch.rowCount; i++) rows.push(readers.map((read) => cellText(read(i))).join());
    }
    return rows.join(';');
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}
