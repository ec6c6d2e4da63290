/**
 * Expressions over batches: Expr to Vector.
 *
 * Hides kernels, casts and constants. Invariants: an expression is compiled once for an operator and run for each
 * batch; a bare column is the batch's own vector; constants are made once for each row count; CASE, COALESCE, AND and
 * OR evaluate an argument only for the rows that reach it when it could fail.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Vector } from '../arrow/vector.ts';
import { constantVector } from '../function/constant.ts';
import { castKernel, kernelOf } from '../function/registry.ts';
import type { Expr } from '../plan/expr.ts';
import { lazyEvaluator } from './evaluate-lazy.ts';
import { gather } from './gather.ts';

/** The rows that an expression is evaluated over. */
export interface Rows {
  readonly rowCount: number;
  column(index: number): Vector;
}

/** A compiled expression. */
export type Evaluator = (rows: Rows) => Vector;

/** All rows of a batch. */
export function rowsOf(batch: RecordBatch): Rows {
  return { rowCount: batch.rowCount, column: (index) => batch.columns[index] as Vector };
}

/** Some rows of `rows`; columns are gathered when they are first asked for. */
export function someRows(rows: Rows, selected: Uint32Array): Rows {
  const gathered = new Map<number, Vector>();
  return {
    rowCount: selected.length,
    column: (index) => {
      let vector = gathered.get(index);
      if (vector === undefined) {
        vector = gather(rows.column(index), selected);
        gathered.set(index, vector);
      }
      return vector;
    },
  };
}

function literalEvaluator(expr: Extract<Expr, { kind: 'literal' }>): Evaluator {
  let last: Vector | undefined;
  return ({ rowCount }) => {
    if (last?.length !== rowCount) last = constantVector(expr.type, expr.value, rowCount);
    return last;
  };
}

/** Compiles an expression. */
export function compileExpr(expr: Expr): Evaluator {
  switch (expr.kind) {
    case 'column':
      return (rows) => rows.column(expr.index);
    case 'literal':
      return literalEvaluator(expr);
    case 'cast': {
      const operand = compileExpr(expr.operand);
      const kernel = castKernel(expr.operand.type, expr.type, expr.attempt);
      return (rows) => kernel([operand(rows)], rows.rowCount, expr.type);
    }
    case 'call': {
      const lazy = lazyEvaluator(expr, compileExpr);
      if (lazy !== undefined) return lazy;
      const args = expr.args.map(compileExpr);
      const kernel = kernelOf(
        expr.name,
        expr.args.map((arg) => arg.type),
      );
      return (rows) => {
        const vectors = args.map((arg) => arg(rows));
        return kernel(vectors, rows.rowCount, expr.type);
      };
    }
  }
}
