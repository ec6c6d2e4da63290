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
import { conjunctionOf, conjunctsOf, exprsOfCall, mapCall, mapColumns } from '../plan/expr-walk.ts';
import { inputsOf } from '../plan/physical.ts';
import type { PhysicalPlan, SharedRows } from '../plan/physical.ts';
import { addCells } from './compiled-cells.ts';
import type { Cell, CompiledCall } from './compiled-cells.ts';
import { hasWords } from './compiled-key.ts';
import { isCompilable, isHarmless, isWorthwhile, Shape } from './compiled-shape.ts';
import { isUnsigned64, laneForm, widthOf } from './compiled-value.ts';
import { canFail } from './evaluate-lazy.ts';

type Column = Extract<Expr, { kind: 'column' }>;

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
  /** Where the widths of decimals are measured to, two words for each slot. */
  readonly measured: number;
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
  readonly plan: PhysicalPlan;
  readonly outputs: readonly Output[];
}

/** A key of groups. `pointer`: where the address of a dictionary's numbers stands. */
export interface GroupKey {
  readonly expr: Expr;
  /**
   * code: an expression in code; dictionary: a column whose values are numbered; words: what the interpreter makes, as
   * words that code compares.
   */
  readonly kind: 'code' | 'dictionary' | 'words';
  readonly pointer: number;
  readonly words: 1 | 2;
}

/** Where lies what is known of the keys of a block's selected rows, if one integer is all of the key. */
export interface DirectPlaces {
  /** Low words, 4 bytes each, and which of them are present, a byte each. */
  readonly keys: number;
  readonly present: number;
  /** Addresses of their entries, 4 bytes each. */
  readonly owners: number;
  /** The least and the greatest key that were found, two i64. */
  readonly found: number;
  /** The key of the second slot, an i64; the first is null's. */
  readonly least: number;
}

export interface AggregatePipeline extends Pipeline {
  readonly kind: 'aggregate';
  readonly plan: Extract<PhysicalPlan, { kind: 'aggregate' }>;
  readonly groups: readonly GroupKey[];
  readonly cells: readonly Cell[];
  /** The aggregates over the source's columns. */
  readonly aggregates: readonly AggregateCall[];
  /** How each is kept in cells; undefined for those that the interpreter accumulates, which need groups. */
  readonly calls: readonly (CompiledCall | undefined)[];
  /** Without groups: where the cells stand. With them: bytes of the keys before the cells of an entry. */
  readonly cellBase: number;
  /** Bytes of an entry. */
  readonly stride: number;
  /** Where stand: number of groups, address of entries, address of slots, number of slots - 1; four i32. */
  readonly table: number;
  /** Where the rows that made new groups are listed. */
  readonly fresh: number;
  /** Where the entries of the selected rows are listed, by address; undefined when nobody asks. */
  readonly owners: number | undefined;
  /** Undefined where the key is not one integer. */
  readonly direct: DirectPlaces | undefined;
}

/** True when a pipeline leaves rows out. */
export function leavesRowsOut({ condition, shape }: CompiledPipeline): boolean {
  return condition !== undefined || shape.keyTables.length > 0;
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
  // Where an output can be null the code writes its bits, even if the value in it never is.
  texts.push(`${shape.add(expr, false)}${expr.nullable ? '?' : ''}`);
  const width = expr.type.id === 'bool' ? 1 / 8 : widthOf(expr.type);
  const data = shape.take(width * BATCH_ROWS_MAX);
  return { kind: 'code', place: { expr, data, validity: shape.take(BATCH_ROWS_MAX / 8) } };
}

type SelectPlan = Extract<PhysicalPlan, { kind: 'filter' | 'project' }>;

function selectPipeline(plan: SelectPlan, keys: readonly Column[]): SelectPipeline | undefined {
  const chain = chainOf(plan.kind === 'filter' ? plan : plan.input);
  if (plan.kind === 'project')
    return selectOf(plan, [plan, ...chain.operators], chain, plan.exprs.map(chain.lower), keys);
  if (chain.operators.some(({ kind }) => kind === 'project')) return projectedFilter(plan, chain, keys);
  return selectOf(plan, chain.operators, chain, undefined, keys);
}

/** A filter over projections: its columns are theirs. */
function projectedFilter(plan: SelectPlan, chain: Chain, keys: readonly Column[]): SelectPipeline | undefined {
  const exprs = plan.schema.fields.map(({ name, type, nullable }, index): Expr => {
    return chain.lower({ kind: 'column', index, name, type, nullable, span: { start: 0, end: 0 } });
  });
  return selectOf(plan, chain.operators, chain, exprs, keys);
}

function selectOf(
  plan: PhysicalPlan,
  operators: readonly PhysicalPlan[],
  chain: Chain,
  exprs: readonly Expr[] | undefined,
  keys: readonly Column[],
): SelectPipeline | undefined {
  const shape = new Shape();
  if (!isSmall([...(exprs ?? []), ...(chain.condition === undefined ? [] : [chain.condition])])) return undefined;
  const condition = conditionText(shape, chain.condition);
  if (condition === undefined) return undefined;
  const texts = [condition, ...keys.map((column) => shape.addKeys(column))];
  const outputs = exprs?.map((expr) => addOutput(shape, expr, texts));
  const isUseful =
    keys.length > 0 ||
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
    measured: shape.take(16 * shape.slots.length),
  };
}

/** Text and binary behind a dictionary are grouped by numbers of their values. */
function isDictionaryKey(expr: Expr): boolean {
  return expr.kind === 'column' && expr.type.id === 'dictionary' && formOf(expr.type).kind === 'bytes';
}

/** Takes a key in; undefined when it has to be asked of the rows alone that a condition selects. */
function addGroup(
  shape: Shape,
  given: Expr,
  hasCondition: boolean,
): { readonly key: GroupKey; readonly text: string } | undefined {
  // Arguments may be the same object, and are found elsewhere.
  const expr = { ...given };
  if (isDictionaryKey(expr)) {
    const text = `key ${shape.addCodes(expr)}`;
    return { key: { expr, kind: 'dictionary', pointer: shape.take(4), words: 1 }, text };
  }
  if (isCompilable(expr, false)) {
    const words = laneForm(expr.type) === 'decimal' ? 2 : 1;
    return { key: { expr, kind: 'code', pointer: 0, words }, text: shape.add(expr, false) };
  }
  if (!hasWords(expr.type) || (hasCondition && !isHarmless(expr))) return undefined;
  return { key: { expr, kind: 'words', pointer: 0, words: 1 }, text: `words ${shape.addKey(expr)}` };
}

/** Bytes of the keys of an entry, a word of null bits after them. */
function keyBytes(groups: readonly GroupKey[]): number {
  return groups.reduce((sum, { words }) => sum + words * 8, 8);
}

/** True for one integer, date or time, of which groups may be found by its distance from the least. */
function isDirect([key, ...others]: readonly GroupKey[]): boolean {
  return (
    key?.kind === 'code' && others.length === 0 && laneForm(key.expr.type) === 'int' && !isUnsigned64(key.expr.type)
  );
}

function directPlaces(shape: Shape, owners: number | undefined): DirectPlaces {
  return {
    keys: shape.take(4 * CODE_BLOCK_ROWS),
    present: shape.take(CODE_BLOCK_ROWS),
    owners: owners ?? shape.take(4 * CODE_BLOCK_ROWS),
    found: shape.take(16),
    least: shape.take(8),
  };
}

const NULL_BITS = 64;

function aggregatePipeline(plan: AggregatePipeline['plan']): AggregatePipeline | undefined {
  const chain = chainOf(plan.input);
  const whole = aggregateOf(plan, chain);
  if (whole !== undefined || plan.groups.length === 0 || chain.operators.length === 0) return whole;
  return aggregateOf(plan, { source: plan.input, operators: [], condition: undefined, lower: (expr) => expr });
}

function aggregateOf(plan: AggregatePipeline['plan'], chain: Chain): AggregatePipeline | undefined {
  const groupExprs = plan.groups.map(chain.lower);
  const aggregates = plan.aggregates.map((call) => mapCall(call, chain.lower));
  const { condition } = chain;
  const all = [...groupExprs, ...aggregates.flatMap(exprsOfCall), ...(condition === undefined ? [] : [condition])];
  if (!isSmall(all) || groupExprs.length > NULL_BITS) return undefined;
  const shape = new Shape();
  const text = conditionText(shape, condition);
  if (text === undefined) return undefined;
  const groups: { readonly key: GroupKey; readonly text: string }[] = [];
  for (const expr of groupExprs) {
    const group = addGroup(shape, expr, condition !== undefined);
    if (group === undefined) return undefined;
    groups.push(group);
  }
  const keys = groups.map(({ key }) => key);
  const cells = addCells(shape, aggregates, keys.length > 0);
  const isWhole = cells.calls.every((call) => call !== undefined);
  if (!isWhole && keys.length === 0) return undefined;
  const prefix = keys.length === 0 ? 0 : keyBytes(keys);
  const keyText = groups.map((group) => group.text).join(' ; ');
  const owners = isWhole ? undefined : shape.take(4 * CODE_BLOCK_ROWS);
  return {
    kind: 'aggregate',
    plan,
    source: chain.source,
    operators: [plan, ...chain.operators],
    condition,
    groups: keys,
    cells: cells.cells,
    aggregates,
    calls: cells.calls,
    shape,
    key: `aggregate ${text} by ${keyText} : ${cells.text}${isWhole ? '' : ' and others'}`,
    cellBase: keys.length === 0 ? shape.take(cells.byteCount) : prefix,
    stride: prefix + cells.byteCount,
    table: shape.take(16),
    fresh: shape.take(4 * CODE_BLOCK_ROWS),
    owners,
    direct: isDirect(keys) ? directPlaces(shape, owners) : undefined,
    selection: shape.take(4 * CODE_BLOCK_ROWS),
    failed: shape.take(4),
    measured: shape.take(16 * shape.slots.length),
  };
}

/**
 * The code that leaves the rows of a scan out whose values of `keys`, integers, are not in sets of keys; undefined
 * where the interpreter does.
 */
export function compileSieve(
  scan: Extract<PhysicalPlan, { kind: 'scan' }>,
  mode: CompileMode,
  keys: readonly Column[],
): SelectPipeline | undefined {
  if (mode === 'never' || (mode === 'large' && rowsAtMost(scan) < CODE_SOURCE_ROWS_MIN)) return undefined;
  const chain: Chain = { source: scan, operators: [], condition: undefined, lower: (expr) => expr };
  return selectOf(scan, [], chain, undefined, keys);
}

/**
 * The pipeline of generated code that `plan` is the top of; undefined when its operator is interpreted. Of a pipeline
 * that selects, `keys` are columns of its source that are looked up in sets of keys as well.
 */
export function compilePipeline(
  plan: PhysicalPlan,
  mode: CompileMode,
  keys: readonly Column[] = [],
): CompiledPipeline | undefined {
  if (mode === 'never' || (mode === 'large' && rowsAtMost(plan) < CODE_SOURCE_ROWS_MIN)) return undefined;
  switch (plan.kind) {
    case 'filter':
    case 'project':
      return selectPipeline(plan, keys);
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
