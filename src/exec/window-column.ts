/**
 * The expressions of calls over windows, evaluated over the whole input.
 *
 * Hides that an expression which several calls have is evaluated once, and that constants are not held. Invariant: a
 * column has a value for each row of the input, in the input's order.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Vector } from '../arrow/vector.ts';
import { constantVector } from '../function/constant.ts';
import type { Expr, WindowCall } from '../plan/expr.ts';
import { exprKey, exprsOfWindow } from '../plan/expr-walk.ts';
import { compileExpr } from './evaluate.ts';
import { joinParts } from './join.ts';
import { columnsBytes } from './memory.ts';
import type { Evaluator } from './rows.ts';
import { rowsOf } from './rows.ts';

/** Evaluates expressions batch by batch, then gives them whole. */
export class WindowColumns {
  readonly #places = new Map<string, number>();
  readonly #evaluators: Evaluator[] = [];
  readonly #parts: Vector[][] = [];
  readonly #joined = new Map<number, Vector>();
  #rowCount = 0;

  constructor(calls: readonly WindowCall[]) {
    for (const expr of calls.flatMap(exprsOfWindow)) {
      const key = exprKey(expr);
      if (expr.kind === 'literal' || this.#places.has(key)) continue;
      this.#places.set(key, this.#evaluators.push(compileExpr(expr)) - 1);
      this.#parts.push([]);
    }
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Takes a batch; answers the bytes that it makes be held, joining the parts included. */
  add(batch: RecordBatch): number {
    const rows = rowsOf(batch);
    const vectors = this.#evaluators.map((evaluate) => evaluate(rows));
    vectors.forEach((vector, i) => (this.#parts[i] as Vector[]).push(vector));
    this.#rowCount += batch.rowCount;
    return 2 * columnsBytes(vectors);
  }

  /** All rows of an expression; there must be one. */
  column(expr: Expr): Vector {
    if (expr.kind === 'literal') return constantVector(expr.type, expr.value, this.#rowCount);
    const place = this.#places.get(exprKey(expr));
    if (place === undefined) throw new TypeError('WindowColumns: an expression of no call');
    let vector = this.#joined.get(place);
    if (vector === undefined) {
      vector = joinParts(this.#parts[place] as Vector[]);
      this.#joined.set(place, vector);
      this.#parts[place] = [];
    }
    return vector;
  }
}
