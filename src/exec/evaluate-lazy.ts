/**
 * CASE, COALESCE, AND and OR: arguments evaluated only for the rows that still need them.
 *
 * Hides the splitting and joining of rows. Invariants: an argument that cannot fail may be evaluated for all rows of
 * AND and OR, for speed; branches of CASE and later arguments of COALESCE never see a row that does not reach them.
 */
import type { Vector } from '../arrow/vector.ts';
import { selectedRows, trueRows } from '../function/compare-kernel.ts';
import { canFailForRow, castKind, kernelOf } from '../function/registry.ts';
import { validityOf } from '../function/validity.ts';
import type { Expr } from '../plan/expr.ts';
import { gather } from '../function/gather.ts';
import { joinParts } from './join.ts';
import { someRows } from './rows.ts';
import type { Evaluator, Rows } from './rows.ts';

type Call = Extract<Expr, { kind: 'call' }>;
type Compile = (expr: Expr) => Evaluator;

const CHECKED = new Set(['+', '-', '*', '//', '%', 'abs']);

/** True when evaluating `expr` could raise an error for some row. */
export function canFail(expr: Expr): boolean {
  switch (expr.kind) {
    case 'column':
    case 'literal':
    case 'outer':
    case 'pending':
      return false;
    case 'cast':
      return canFail(expr.operand) || (!expr.attempt && castKind(expr.operand.type, expr.type) !== 'same');
    case 'call':
      if (CHECKED.has(expr.name) && expr.type.id !== 'float') return true;
      if (expr.lambda !== undefined && (expr.name === 'list_reduce' || canFail(expr.lambda.body))) return true;
      return canFailForRow(expr.name) || expr.args.some(canFail);
  }
}

/** Results for parts of the rows, on their way to one vector. */
class Assembly {
  readonly #rowCount: number;
  readonly #parts: Vector[] = [];
  readonly #rows: Uint32Array[] = [];

  constructor(rowCount: number) {
    this.#rowCount = rowCount;
  }

  /** Notes that `rows` take their values from `vector`, in order. */
  add(rows: Uint32Array, vector: Vector): void {
    if (rows.length === 0 && this.#rowCount > 0) return;
    this.#parts.push(vector);
    this.#rows.push(rows);
  }

  finish(): Vector {
    const [only] = this.#parts;
    if (this.#parts.length === 1 && only !== undefined) return only;
    const positions = new Uint32Array(this.#rowCount);
    let at = 0;
    for (const rows of this.#rows) for (let i = 0; i < rows.length; i++) positions[rows[i] as number] = at++;
    return gather(joinParts(this.#parts), positions);
  }
}

function allRows(rowCount: number): Uint32Array {
  const rows = new Uint32Array(rowCount);
  for (let i = 0; i < rowCount; i++) rows[i] = i;
  return rows;
}

/** Splits the row numbers in `open` by a bitmap over them. */
function split(
  open: Uint32Array,
  bits: Uint8Array,
  count: number,
): { readonly taken: Uint32Array; readonly left: Uint32Array } {
  const taken = new Uint32Array(count);
  const left = new Uint32Array(open.length - count);
  let t = 0;
  let l = 0;
  for (let i = 0; i < open.length; i++) {
    if ((((bits[i >> 3] as number) >> (i & 7)) & 1) === 1) taken[t++] = open[i] as number;
    else left[l++] = open[i] as number;
  }
  return { taken, left };
}

function subset(rows: Rows, open: Uint32Array): Rows {
  return open.length === rows.rowCount ? rows : someRows(rows, open);
}

function caseEvaluator(expr: Call, compile: Compile): Evaluator {
  const args = expr.args.map(compile);
  const pairs = Math.floor(args.length / 2);
  const otherwise =
    args.length % 2 === 1
      ? (args.at(-1) as Evaluator)
      : compile({ kind: 'literal', value: null, type: expr.type, nullable: true, span: expr.span });
  return (rows) => {
    const assembly = new Assembly(rows.rowCount);
    let open = allRows(rows.rowCount);
    for (let pair = 0; pair < pairs && open.length > 0; pair++) {
      const { bits, count } = trueRows((args[pair * 2] as Evaluator)(subset(rows, open)));
      if (count === 0) continue;
      const { taken, left } = split(open, bits, count);
      assembly.add(taken, (args[pair * 2 + 1] as Evaluator)(subset(rows, taken)));
      open = left;
    }
    if (open.length > 0 || rows.rowCount === 0) assembly.add(open, otherwise(subset(rows, open)));
    return assembly.finish();
  };
}

function coalesceEvaluator(expr: Call, compile: Compile): Evaluator {
  const args = expr.args.map(compile);
  return (rows) => {
    const assembly = new Assembly(rows.rowCount);
    let open = allRows(rows.rowCount);
    for (let a = 0; a < args.length; a++) {
      const vector = (args[a] as Evaluator)(subset(rows, open));
      const { bits, nullCount } = validityOf(vector);
      if (bits === undefined || a === args.length - 1) {
        assembly.add(open, vector);
        break;
      }
      const count = vector.length - nullCount;
      const { taken, left } = split(open, bits, count);
      assembly.add(taken, gather(vector, selectedRows(bits, vector.length, count)));
      open = left;
    }
    return assembly.finish();
  };
}

/** AND and OR whose later arguments can fail: these see only rows that the earlier ones leave open. */
function logicEvaluator(expr: Call, compile: Compile): Evaluator {
  const args = expr.args.map(compile);
  const kernel = kernelOf(
    expr.name,
    expr.args.map((arg) => arg.type),
  );
  const isAnd = expr.name === 'and';
  const negate = kernelOf('not', [expr.type]);
  return (rows) => {
    const assembly = new Assembly(rows.rowCount);
    let open = allRows(rows.rowCount);
    let known: Vector | undefined;
    for (const arg of args) {
      const value = arg(subset(rows, open));
      known = known === undefined ? value : kernel([known, value], open.length, expr.type);
      const { bits, count } = trueRows(isAnd ? negate([known], open.length, expr.type) : known);
      if (count === 0) continue;
      const { taken, left } = split(open, bits, count);
      assembly.add(taken, gather(known, selectedRows(bits, open.length, count)));
      const rest = bits.map((byte) => ~byte);
      known = gather(known, selectedRows(rest, open.length, open.length - count));
      open = left;
      if (open.length === 0) break;
    }
    if ((open.length > 0 || rows.rowCount === 0) && known !== undefined) assembly.add(open, known);
    return assembly.finish();
  };
}

/** The evaluator of a call that chooses among its arguments; undefined for all other calls. */
export function lazyEvaluator(expr: Call, compile: Compile): Evaluator | undefined {
  switch (expr.name) {
    case 'case':
      return caseEvaluator(expr, compile);
    case 'coalesce':
      return coalesceEvaluator(expr, compile);
    case 'and':
    case 'or':
      return expr.args.slice(1).some(canFail) ? logicEvaluator(expr, compile) : undefined;
    default:
      return undefined;
  }
}
