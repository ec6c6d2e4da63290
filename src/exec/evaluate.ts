/**
 * Expressions over batches: Expr to Vector.
 *
 * Hides kernels, casts and constants. Invariants: an expression is compiled once for an operator and run for each
 * batch; a bare column is the batch's own vector; constants are made once, for as many rows as were ever asked for;
 * CASE, COALESCE, AND and OR evaluate an argument only for the rows that reach it when it could fail.
 */
import type { Vector } from '../arrow/vector.ts';
import { constantRows, constantVector } from '../function/constant.ts';
import { castKernel, kernelOf } from '../function/registry.ts';
import type { Expr } from '../plan/expr.ts';
import { lambdaEvaluator } from './evaluate-lambda.ts';
import { lazyEvaluator } from './evaluate-lazy.ts';
import type { Evaluator } from './rows.ts';

function literalEvaluator(expr: Extract<Expr, { kind: 'literal' }>): Evaluator {
  let longest: Vector | undefined;
  let last: Vector | undefined;
  return ({ rowCount }) => {
    if (last?.length === rowCount) return last;
    if (longest === undefined || longest.length < rowCount) {
      longest = constantVector(expr.type, expr.value, rowCount);
      last = longest;
    } else last = constantRows(longest, rowCount);
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
    case 'outer':
    case 'pending':
      throw new TypeError(`compileExpr: ${expr.kind} is left of binding`);
    case 'cast': {
      const operand = compileExpr(expr.operand);
      const kernel = castKernel(expr.operand.type, expr.type, expr.attempt);
      return (rows) => kernel([operand(rows)], rows.rowCount, expr.type);
    }
    case 'call': {
      if (expr.lambda !== undefined) return lambdaEvaluator(expr, expr.lambda, compileExpr);
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
