/**
 * The decision which operators run as one pipeline of generated code.
 *
 * Hides how operators are joined: projections below are put into the expressions above them, conditions become one.
 * Invariants: the decision is made from the physical plan alone, so that EXPLAIN shows what runs; a projection that can
 * fail is not put into others, for it could then be evaluated for fewer rows; what is not known is not compiled.
 */
import { CODE_BLOCK_ROWS, CODE_NODES_MAX, CODE_SOURCE_ROWS_MIN, BATCH_ROWS_MAX } from '../base/limits.ts';
import { formOf } from '../function/column.ts';
import type { AggregateCall, Expr } from '../plan/expr.ts';
import { conjunctionOf, conjunctsOf, mapColumns } from '../plan/expr-walk.ts';
import { inputsOf } from '../plan/physical.ts';
import type { PhysicalPlan, SharedRows } from '../plan/physical.ts';
import { addCells } from './compiled-cells.ts';
import type { Cell, CompiledCall } from './compiled-cells.ts';
import { isCompilable, isWorthwhile, Shape } from './compiled-shape.ts';
import { laneForm, widthOf } from './compiled-value.ts';
import { canFail } from './evaluate-lazy.ts';

/** Which pipelines are compiled: those over large sources, all that can be, or none. */
export type CompileMode = 'large' | 'always' | 'never';

/** What every pipeline has. */
interface Pipeline {
  /** Gives the batches that are read. */
  readonly source: PhysicalPlan;
  /** The operators that are one, topmost first. */
  readonly operators: readonly PhysicalPlan[];
  /** Over the source's columns, as all expressions are. */
  readonly condition: Expr | undefined;
  readonly shape: Shape;
  /** Equal for pipelines with equal code. */
  readonly key: string;
  /** Where rows that passed the condition are listed, by number; BATCH_ROWS_MAX of them when output goes by them. */
  readonly selection: number;
  /** Where code notes that a row failed. */
  readonly failed: number;
}

/** A column that is computed by code: rows and their presence as bits. */
export interface OutputPlace {
  readonly expr: Expr;
  readonly data: number;
  readonly validity: number;
}

/** A column of a result: one of the source, computed by code, or by the interpreter. */
export type Output =
  | { readonly kind: 'column'; readonly index: number }
  | { readonly kind: 'code'; readonly place: OutputPlace }
  | { readonly kind: 'interpreted'; readonly expr: Expr };

export interface SelectPipeline extends Pipeline {
  readonly kind: 'select';
  readonly plan: Extract<PhysicalPlan, { kind: 'filter' | 'project' }>;
  readonly outputs: readonly Output[];
}

/** A key of groups. `pointer`: where the address of a dictionary's numbers stands. */
export interface GroupKey {
  readonly expr: Expr;
  /** The key as an expression without dictionary; for a dictionary the column. */
  readonly isDictionary: boolean;
  readonly pointer: number;
  readonly words: 1 | 2;
}

export interface AggregatePipeline extends Pipeline {
  readonly kind: 'aggregate';
  readonly plan: Extract<PhysicalPlan, { kind: 'aggregate' }>;
  readonly groups: readonly GroupKey[];
  readonly cells: readonly Cell[];
  readonly calls: readonly CompiledCall[];
  /** Without groups: where the cells stand. With them: bytes of the keys before the cells of an entry. */
  readonly cellBase: number;
  /** Bytes of an entry. */
  readonly stride: number;
  /** Where stand: number of groups, address of entries, address of slots, number of slots - 1; four i32. */
  readonly table: number;
  /** Where the rows that made new groups are listed. */
  readonly fresh: number;
}

export type CompiledPipeline = SelectPipeline | AggregatePipeline;

/** Operators below a pipeline's top, as expressions over the source. */
interface Chain {
  readonly source: PhysicalPlan;
  readonly operators: readonly PhysicalPlan[];
  readonly condition: Expr | undefined;
  /** An expression over the top's input as one over the source. */
  readonly lower: (expr: Expr) => Expr;
}

/** Counts nodes until there are more than may be. */
function isSmall(exprs: readonly Expr[]): boolean {
  let left = CODE_NODES_MAX;
  const visit = (expr: Expr): void => {
    if (--left < 0) return;
    if (expr.kind === 'cast') visit(expr.operand);
    if (expr.kind === 'call') for (const arg of expr.args) visit(arg);
  };
  exprs.forEach(visit);
  return left >= 0;
}

function inline(expr: Expr, exprs: readonly Expr[]): Expr {
  return mapColumns(expr, (column) => exprs[column.index] ?? column);
}

function chainOf(input: PhysicalPlan): Chain {
  const operators: PhysicalPlan[] = [];
  let conjuncts: readonly Expr[] = [];
  let exprs: readonly Expr[] | undefined;
  let source = input;
  while (source.kind === 'filter' || source.kind === 'project') {
    if (source.kind === 'filter') {
      conjuncts = [...conjunctsOf(source.condition), ...conjuncts];
    } else {
      const made: readonly Expr[] = source.exprs;
      if (made.some(canFail)) break;
      const lowered = conjuncts.map((conjunct) => inline(conjunct, made));
      const all = exprs?.map((expr) => inline(expr, made)) ?? made;
      if (!isSmall([...all, ...lowered])) break;
      conjuncts = lowered;
      exprs = all;
    }
    operators.push(source);
    source = source.input;
  }
  const lower = exprs;
  return {
    source,
    operators,
    condition: conjunctionOf(conjuncts),
    lower: (expr) => (lower === undefined ? expr : inline(expr, lower)),
  };
}

/** Rows that a plan gives at most, as far as it can be known without running it. */
function rowsAtMost(plan: PhysicalPlan): number {
  switch (plan.kind) {
    case 'scan':
      return Math.min(plan.source.rowCount, plan.limit ?? Infinity);
    case 'values':
      return plan.batches.reduce((sum, batch) => sum + batch.rowCount, 0);
    case 'limit':
      return Math.min(plan.limit ?? Infinity, rowsAtMost(plan.input));
    case 'filter':
    case 'project':
    case 'aggregate':
    case 'window':
    case 'sort':
      return rowsAtMost(plan.input);
    default:
      return Infinity;
  }
}

function conditionText(shape: Shape, condition: Expr | undefined): string | undefined {
  if (condition === undefined) return '';
  return isCompilable(condition, true) ? shape.add(condition, true) : undefined;
}

function addOutput(shape: Shape, expr: Expr, texts: string[]): Output {
  if (expr.kind === 'column') return { kind: 'column', index: expr.index };
  if (expr.kind === 'literal' || !isCompilable(expr, false)) return { kind: 'interpreted', expr };
  texts.push(shape.add(expr, false));
  const width = expr.type.id === 'bool' ? 1 / 8 : widthOf(expr.type);
  const data = shape.take(width * BATCH_ROWS_MAX);
  return { kind: 'code', place: { expr, data, validity: shape.take(BATCH_ROWS_MAX / 8) } };
}

function selectPipeline(plan: SelectPipeline['plan']): SelectPipeline | undefined {
  const chain = chainOf(plan.kind === 'filter' ? plan : plan.input);
  if (plan.kind === 'project') return selectOf(plan, [plan, ...chain.operators], chain, plan.exprs.map(chain.lower));
  if (chain.operators.some(({ kind }) => kind === 'project')) return projectedFilter(plan, chain);
  return selectOf(plan, chain.operators, chain, undefined);
}

/** A filter over projections: its columns are theirs. */
function projectedFilter(plan: SelectPipeline['plan'], chain: Chain): SelectPipeline | undefined {
  const exprs = plan.schema.fields.map(({ name, type, nullable }, index): Expr => {
    return chain.lower({ kind: 'column', index, name, type, nullable, span: { start: 0, end: 0 } });
  });
  return selectOf(plan, chain.operators, chain, exprs);
}

function selectOf(
  plan: SelectPipeline['plan'],
  operators: readonly PhysicalPlan[],
  chain: Chain,
  exprs: readonly Expr[] | undefined,
): SelectPipeline | undefined {
  const shape = new Shape();
  if (!isSmall([...(exprs ?? []), ...(chain.condition === undefined ? [] : [chain.condition])])) return undefined;
  const condition = conditionText(shape, chain.condition);
  if (condition === undefined) return undefined;
  const texts = [condition];
  const outputs = exprs?.map((expr) => addOutput(shape, expr, texts));
  const isUseful =
    (chain.condition !== undefined && isWorthwhile(chain.condition)) ||
    outputs?.some((output) => output.kind === 'code' && isWorthwhile(output.place.expr)) === true;
  if (!isUseful) return undefined;
  return {
    kind: 'select',
    plan,
    source: chain.source,
    operators,
    condition: chain.condition,
    outputs: outputs ?? plan.schema.fields.map((_, index) => ({ kind: 'column', index })),
    shape,
    key: `select ${texts.join(' ; ')}`,
    selection: shape.take(4 * BATCH_ROWS_MAX),
    failed: shape.take(4),
  };
}

/** True when nothing is asked of a call but what is compiled. */
function isPlainCall({ distinct, filter, order, constants }: AggregateCall): boolean {
  return !distinct && filter === undefined && order.length === 0 && constants.length === 0;
}

/** Text and binary behind a dictionary are grouped by numbers of their values. */
function isDictionaryKey(expr: Expr): boolean {
  return expr.kind === 'column' && expr.type.id === 'dictionary' && formOf(expr.type).kind === 'bytes';
}

function addGroup(shape: Shape, expr: Expr, hosted: boolean): { readonly key: GroupKey; readonly text: string } {
  const isDictionary = isDictionaryKey(expr);
  const text = isDictionary ? `key ${shape.addCodes(expr)}` : shape.add(expr, hosted);
  const words = laneForm(expr.type) === 'decimal' ? 2 : 1;
  return { key: { expr, isDictionary, pointer: shape.take(4), words }, text };
}

/** Bytes of the keys of an entry, a word of null bits after them. */
function keyBytes(groups: readonly GroupKey[]): number {
  return groups.reduce((sum, { words }) => sum + words * 8, 8);
}

function aggregatePipeline(plan: AggregatePipeline['plan']): AggregatePipeline | undefined {
  const chain = chainOf(plan.input);
  const groupExprs = plan.groups.map(chain.lower);
  const aggregates = plan.aggregates.map((call) => ({ ...call, args: call.args.map(chain.lower) }));
  const condition = chain.condition;
  const all = [
    ...groupExprs,
    ...aggregates.flatMap(({ args }) => args),
    ...(condition === undefined ? [] : [condition]),
  ];
  if (!aggregates.every(isPlainCall) || !isSmall(all) || groupExprs.length > 32) return undefined;
  const shape = new Shape();
  const text = conditionText(shape, condition);
  // What the interpreter makes for whole batches is not asked of rows that a condition leaves out.
  const hosted = condition === undefined;
  if (text === undefined || !groupExprs.every((expr) => isDictionaryKey(expr) || isCompilable(expr, hosted))) {
    return undefined;
  }
  const groups = groupExprs.map((expr) => addGroup(shape, expr, hosted));
  const cells = addCells(shape, aggregates, groups.length > 0, hosted);
  if (cells === undefined) return undefined;
  const keys = groups.map(({ key }) => key);
  const prefix = keys.length === 0 ? 0 : keyBytes(keys);
  return {
    kind: 'aggregate',
    plan,
    source: chain.source,
    operators: [plan, ...chain.operators],
    condition,
    groups: keys,
    cells: cells.cells,
    calls: cells.calls,
    shape,
    key: `aggregate ${text} by ${groups.map((group) => group.text).join(' ; ')} : ${cells.text}`,
    cellBase: keys.length === 0 ? shape.take(cells.byteCount) : prefix,
    stride: prefix + cells.byteCount,
    table: shape.take(16),
    fresh: shape.take(4 * CODE_BLOCK_ROWS),
    selection: shape.take(4 * CODE_BLOCK_ROWS),
    failed: shape.take(4),
  };
}

/** The pipeline of generated code that `plan` is the top of; undefined when its operator is interpreted. */
export function compilePipeline(plan: PhysicalPlan, mode: CompileMode): CompiledPipeline | undefined {
  if (mode === 'never' || (mode === 'large' && rowsAtMost(plan) < CODE_SOURCE_ROWS_MIN)) return undefined;
  switch (plan.kind) {
    case 'filter':
    case 'project':
      return selectPipeline(plan);
    case 'aggregate':
      return aggregatePipeline(plan);
    default:
      return undefined;
  }
}

/** Every operator of `plan` that runs as generated code. */
export function compiledOperators(plan: PhysicalPlan, mode: CompileMode = 'large'): ReadonlySet<PhysicalPlan> {
  const found = new Set<PhysicalPlan>();
  const shared = new Set<SharedRows>();
  const visit = (operator: PhysicalPlan): void => {
    const pipeline = compilePipeline(operator, mode);
    for (const member of pipeline?.operators ?? []) found.add(member);
    const inputs = pipeline === undefined ? inputsOf(operator) : [pipeline.source];
    inputs.forEach(visit);
    if (operator.kind !== 'shared' || shared.has(operator.rows)) return;
    shared.add(operator.rows);
    visit(operator.rows.plan);
  };
  visit(plan);
  return found;
}
