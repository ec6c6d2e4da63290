/**
 * Pass `scan_bounds`: what a filter right above a scan says of single columns is given to the scan, for zone maps.
 *
 * Hides which comparisons a zone map understands. Invariants: the filter stays, for a source only skips; a bound is
 * on an uncast column and in the column's own physical form; each bound is implied by the filter's condition being
 * true.
 */
import type { Bound, BoundValue } from '../arrow/source.ts';
import { sameType } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Expr } from './expr.ts';
import { conjunctsOf } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { mapPlan } from './logical.ts';

type Column = Extract<Expr, { kind: 'column' }>;
type Call = Extract<Expr, { kind: 'call' }>;

/** The whole plan, its scans bounded. */
export function boundScans(plan: LogicalPlan): LogicalPlan {
  return mapPlan(plan, (operator) => {
    if (operator.kind !== 'filter' || operator.input.kind !== 'scan') return operator;
    const scan = operator.input;
    const bounds = conjunctsOf(operator.condition).flatMap((conjunct) => boundsOf(conjunct, scan.columns));
    return bounds.length === 0 ? operator : { ...operator, input: { ...scan, bounds } };
  });
}

/** Bounds that hold for every row of a table of `columnCount` columns for which `condition` is true. */
export function conditionBounds(condition: Expr, columnCount: number): readonly Bound[] {
  const columns = Array.from({ length: columnCount }, (_, i) => i);
  return conjunctsOf(condition).flatMap((conjunct) => boundsOf(conjunct, columns));
}

const MIRRORED: Readonly<Record<string, Bound['operator']>> = {
  '=': '=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/** Bounds that hold wherever `conjunct` is true. `columns` are the scan's, as indexes into its source. */
function boundsOf(conjunct: Expr, columns: readonly number[]): readonly Bound[] {
  if (conjunct.kind === 'column') return makeBound(conjunct, '=', { kind: 'true' }, columns);
  if (conjunct.kind !== 'call') return [];
  const [left, right] = conjunct.args;
  switch (conjunct.name) {
    case 'is_null':
    case 'is_not_null': {
      const column = left?.kind === 'column' ? columns[left.index] : undefined;
      return column === undefined ? [] : [{ column, operator: conjunct.name === 'is_null' ? 'is_null' : 'not_null' }];
    }
    case 'is_true':
      return left?.kind === 'column' ? makeBound(left, '=', { kind: 'true' }, columns) : [];
    case 'not':
    case 'is_false':
      return left?.kind === 'column' ? makeBound(left, '=', { kind: 'false' }, columns) : [];
    case 'in':
      return rangeOf(conjunct, columns);
    default:
      break;
  }
  const mirrored = MIRRORED[conjunct.name];
  if (mirrored === undefined) return [];
  if (left?.kind === 'column' && right?.kind === 'literal') {
    return makeBound(left, MIRRORED[mirrored] ?? mirrored, right, columns);
  }
  if (left?.kind === 'literal' && right?.kind === 'column') return makeBound(right, mirrored, left, columns);
  return [];
}

type BoundOperand = Extract<Expr, { kind: 'literal' }> | { readonly kind: 'true' | 'false' };

function makeBound(
  column: Column,
  operator: Bound['operator'],
  operand: BoundOperand,
  columns: readonly number[],
): Bound[] {
  const index = columns[column.index];
  if (index === undefined) return [];
  if (operand.kind !== 'literal') {
    return column.type.id === 'bool' ? [{ column: index, operator, value: operand.kind === 'true' }] : [];
  }
  const value = boundValue(operand, column.type);
  return value === undefined ? [] : [{ column: index, operator, value }];
}

/** The range of an IN list of literals. */
function rangeOf(call: Call, columns: readonly number[]): readonly Bound[] {
  const [operand, ...items] = call.args;
  if (operand?.kind !== 'column') return [];
  let least: BoundValue | undefined;
  let greatest: BoundValue | undefined;
  for (const item of items) {
    if (item.kind !== 'literal') return [];
    // A null in the list makes nothing true.
    if (item.value === null) continue;
    const value = boundValue(item, operand.type);
    if (value === undefined || typeof value === 'string') return [];
    if (least === undefined || value < least) least = value;
    if (greatest === undefined || value > greatest) greatest = value;
  }
  const column = columns[operand.index];
  if (column === undefined || least === undefined || greatest === undefined) return [];
  return [
    { column, operator: '>=', value: least },
    { column, operator: '<=', value: greatest },
  ];
}

/** A literal as the zone maps of a column of `type` hold values; undefined where they could not be compared. */
function boundValue(literal: Extract<Expr, { kind: 'literal' }>, type: DataType): BoundValue | undefined {
  const { value } = literal;
  if (value === null || typeof value === 'object') return undefined;
  if (isText(type)) return typeof value === 'string' ? value : undefined;
  if (!sameType(literal.type, type)) return undefined;
  switch (type.id) {
    case 'float':
      // NaN is above every number in SQL and beside them in JavaScript; half floats are stored as bits.
      return type.bitWidth === 16 || Number.isNaN(value) ? undefined : value;
    case 'date':
      return type.unit === 'millisecond' ? BigInt(value) : value;
    case 'bool':
    case 'int':
    case 'decimal':
    case 'time':
    case 'timestamp':
    case 'duration':
      return value;
    default:
      return undefined;
  }
}

function isText(type: DataType): boolean {
  return type.id === 'utf8' || type.id === 'large_utf8' || type.id === 'utf8_view';
}
