/**
 * Plans as text: EXPLAIN's answer, and what the plan tests compare.
 *
 * Hides layout. Invariant: the text says everything that running depends on; one line an operator, inputs indented
 * below.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Field } from '../arrow/schema.ts';
import type { Bound, BoundValue, ScanRequest, Source } from '../arrow/source.ts';
import type { DataType } from '../arrow/type.ts';
import { decimalText } from '../arrow/value.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowText } from '../function/byte-rows.ts';
import { isNestedValue } from '../function/constant.ts';
import { intervalOfBits } from '../function/interval.ts';
import { castKernel } from '../function/registry.ts';
import { printName, printText } from '../sql/print.ts';
import { figuresText, totalText } from './explain-figures.ts';
import type { PlanFigures, RunFigures } from './explain-figures.ts';
import type { AggregateCall, Expr, FrameBound, LiteralValue, SortKey, WindowCall } from './expr.ts';
import { scanAll } from './logical.ts';
import { inputsOf } from './physical.ts';
import type { PhysicalPlan } from './physical.ts';
import { sqlTypeName } from './sql-type.ts';
import { utf8Column } from './values.ts';

const UTF8 = { id: 'utf8' } as const;
const DOUBLE = { id: 'float', bitWidth: 64 } as const;

/** How EXPLAIN ANALYZE runs its plan, and how long it took to make. */
export interface Analysis {
  readonly run: (plan: PhysicalPlan) => Promise<RunFigures>;
  readonly planningMs: number;
}

/**
 * The plan that yields `plan` as text, in DuckDB's columns. A scan of one row that is made when it is asked for,
 * because zone maps are read without blocking, and so that `analysis` runs the plan as late as any. @see explainPlan
 */
export function explainedPlan(
  plan: PhysicalPlan,
  compiled: ReadonlySet<PhysicalPlan>,
  analysis?: Analysis,
): PhysicalPlan {
  const schema = makeSchema([makeField('explain_key', UTF8, false), makeField('explain_value', UTF8, false)]);
  const key = analysis === undefined ? 'physical_plan' : 'analyzed_plan';
  async function* scan(request: ScanRequest): AsyncGenerator<RecordBatch> {
    const figures = await analysis?.run(plan);
    const lines = [await explainPlan(plan, compiled, figures?.operators)];
    if (analysis !== undefined && figures !== undefined) lines.push(totalText(figures, analysis.planningMs));
    const columns = [utf8Column([key]), utf8Column([lines.join('\n')])];
    const fields = request.columns.map((column) => schema.fields[column] as Field);
    yield {
      schema: makeSchema(fields),
      rowCount: 1,
      columns: request.columns.map((column) => columns[column] as Vector),
    };
  }
  const source: Source = { schema, rowCount: 1, scan, countBatches: () => Promise.resolve({ pruned: 0, total: 1 }) };
  return scanAll('explain', source);
}

/**
 * The plan as an indented tree, without a newline at its end. Operators that are `compiled` bear the mark `[wasm]`:
 * whoever runs plans knows which. With `figures`, lines end in what the operator did.
 */
export async function explainPlan(
  plan: PhysicalPlan,
  compiled: ReadonlySet<PhysicalPlan> = new Set(),
  figures?: PlanFigures,
): Promise<string> {
  const lines: string[] = [];
  const shown = new Set<number>();
  const show = async (operator: PhysicalPlan, depth: number): Promise<void> => {
    const words = [operator.kind === 'scan' ? await scanText(operator) : operatorText(operator)];
    if (compiled.has(operator)) words.push('[wasm]');
    // Operators below the topmost of a pipeline are none by themselves.
    const own = figures?.get(operator);
    if (figures !== undefined && (own !== undefined || !compiled.has(operator))) {
      words.push(await figuresText(operator, own));
    }
    lines.push(`${'  '.repeat(depth)}${words.join(' ')}`);
    for (const input of inputsOf(operator)) await show(input, depth + 1);
    if (operator.kind !== 'shared' || shown.has(operator.rows.id)) return;
    shown.add(operator.rows.id);
    await show(operator.rows.plan, depth + 1);
  };
  await show(plan, 0);
  return lines.join('\n');
}

function operatorText(plan: Exclude<PhysicalPlan, { kind: 'scan' }>): string {
  switch (plan.kind) {
    case 'values': {
      const rows = plan.batches.reduce((sum, batch) => sum + batch.rowCount, 0);
      const names = plan.schema.fields.map((field) => printName(field.name));
      return `Values rows=${rows.toString()} columns=[${names.join(', ')}]`;
    }
    case 'filter':
      return `Filter ${exprText(plan.condition)}`;
    case 'project': {
      const items = plan.exprs.map((expr, i) => {
        const text = exprText(expr);
        const name = printName(plan.schema.fields[i]?.name ?? '');
        return text === name ? text : `${text} AS ${name}`;
      });
      return `Project [${items.join(', ')}]`;
    }
    case 'aggregate': {
      const groups = plan.groups.map(exprText).join(', ');
      if (plan.aggregates.length === 0) return `Distinct [${groups}]`;
      const aggregates = plan.aggregates.map((call) => aggregateText(call)).join(', ');
      return `Aggregate ${groups === '' ? '' : `groups=[${groups}] `}aggregates=[${aggregates}]`;
    }
    case 'window':
      return `Window [${plan.calls.map(windowText).join(', ')}]`;
    case 'sort': {
      const keys = `keys=[${plan.keys.map(keyText).join(', ')}]`;
      return plan.limit === undefined ? `Sort ${keys}` : `TopN rows=${plan.limit.toString()} ${keys}`;
    }
    case 'limit': {
      const words = ['Limit'];
      if (plan.limit !== undefined) words.push(`rows=${plan.limit.toString()}`);
      if (plan.percent !== undefined) words.push(`percent=${plan.percent.toString()}`);
      if (plan.offset > 0) words.push(`offset=${plan.offset.toString()}`);
      if (plan.counts !== undefined) words.push('by the row of a query');
      return words.join(' ');
    }
    case 'unnest': {
      const words = [`Unnest [${plan.lists.map(exprText).join(', ')}]`];
      if (plan.columns.length > 0) {
        const names = plan.columns.map((column) => printName(plan.input.schema.fields[column]?.name ?? ''));
        words.push(`columns=[${names.join(', ')}]`);
      }
      if (plan.ordinality) words.push('ordinality');
      if (plan.keepsEmpty) words.push('keeps empty');
      return words.join(' ');
    }
    case 'shared':
      return `Shared ${plan.rows.id.toString()}`;
    case 'working':
      return `Working ${plan.id.toString()}`;
    case 'union':
      return 'Union';
    case 'recursive':
      return `Recursive ${plan.id.toString()}${plan.distinct ? ' distinct' : ''}`;
    case 'join':
      return joinText(plan);
  }
}

function joinText(plan: Extract<PhysicalPlan, { kind: 'join' }>): string {
  const words = [`Join ${plan.join}`];
  if (plan.nullAware) words.push('null-aware');
  if (plan.holdsLeft) words.push('holds=left');
  const keys = plan.keys.map(({ left, right, nullsEqual }) => {
    return `${exprText(left)} ${nullsEqual ? 'IS NOT DISTINCT FROM' : '='} ${exprText(right)}`;
  });
  if (keys.length > 0) words.push(`keys=[${keys.join(', ')}]`);
  if (plan.condition !== undefined) words.push(`condition=${exprText(plan.condition)}`);
  return words.join(' ');
}

async function scanText(scan: Extract<PhysicalPlan, { kind: 'scan' }>): Promise<string> {
  const { fields } = scan.source.schema;
  const isWhole = scan.columns.length === fields.length && scan.columns.every((column, i) => column === i);
  const names = scan.columns.map((column) => printName(fields[column]?.name ?? ''));
  const words = ['Scan', printName(scan.tableName), isWhole ? 'columns=all' : `columns=[${names.join(', ')}]`];
  if (scan.bounds.length > 0) {
    const bounds = scan.bounds.map((bound) => boundText(bound, printName(fields[bound.column]?.name ?? '')));
    words.push(`bounds=[${bounds.join(', ')}]`);
  }
  if (scan.limit !== undefined) words.push(`limit=${scan.limit.toString()}`);
  const { pruned, total } = await scan.source.countBatches(scan.bounds);
  words.push(`batches=${(total - pruned).toString()} of ${total.toString()}`);
  return words.join(' ');
}

function boundText(bound: Bound, name: string): string {
  if (bound.operator === 'is_null') return `${name} IS NULL`;
  if (bound.operator === 'not_null') return `${name} IS NOT NULL`;
  return `${name} ${bound.operator} ${bound.value === undefined ? '' : valueText(bound.value)}`;
}

function valueText(value: BoundValue): string {
  return typeof value === 'string' ? printText(value) : value.toString();
}

function keyText(key: SortKey): string {
  return `${exprText(key.expr)}${key.descending ? ' DESC' : ''}${key.nullsFirst ? ' NULLS FIRST' : ''}`;
}

function windowText(call: WindowCall): string {
  const words: string[] = [];
  if (call.partitions.length > 0) words.push(`PARTITION BY ${call.partitions.map(exprText).join(', ')}`);
  if (call.keys.length > 0) words.push(`ORDER BY ${call.keys.map(keyText).join(', ')}`);
  const { unit, start, end, exclude } = call.frame;
  const isUsual = unit === 'range' && start.kind === 'unbounded' && end.kind === 'current';
  if (!isUsual || exclude !== 'nothing') {
    words.push(`${unit.toUpperCase()} BETWEEN ${boundWords(start, 'PRECEDING')} AND ${boundWords(end, 'FOLLOWING')}`);
  }
  if (exclude !== 'nothing') words.push(`EXCLUDE ${exclude.toUpperCase()}`);
  return `${aggregateText(call, call.isAggregate ? '*' : '', call.ignoresNulls)} OVER (${words.join(' ')})`;
}

function boundWords({ kind, value }: FrameBound, side: 'PRECEDING' | 'FOLLOWING'): string {
  if (kind === 'unbounded') return `UNBOUNDED ${side}`;
  if (kind === 'current') return 'CURRENT ROW';
  return `${value === undefined ? '' : exprText(value)} ${kind.toUpperCase()}`;
}

function aggregateText(call: AggregateCall, nothing = '*', ignoresNulls = false): string {
  const constants = call.constants.map((value) => literalText(value, typeof value === 'number' ? DOUBLE : UTF8));
  const args = call.args.length === 0 ? nothing : [...call.args.map(exprText), ...constants].join(', ');
  const order = call.order.length === 0 ? '' : ` ORDER BY ${call.order.map(keyText).join(', ')}`;
  const filter = call.filter === undefined ? '' : ` FILTER (WHERE ${exprText(call.filter)})`;
  return `${call.name}(${call.distinct ? 'DISTINCT ' : ''}${args}${order}${ignoresNulls ? ' IGNORE NULLS' : ''})${filter}`;
}

/** A bound expression as SQL-like text; nested operations in parentheses. */
function exprText(expr: Expr): string {
  switch (expr.kind) {
    case 'column':
      return expr.name === '' ? `#${expr.index.toString()}` : printName(expr.name);
    case 'literal':
      return literalText(expr.value, expr.type);
    case 'outer':
      return `outer ${printName(expr.name)}`;
    case 'pending':
      return `subquery ${expr.place.toString()}`;
    case 'cast':
      return `${expr.attempt ? 'TRY_CAST' : 'CAST'}(${exprText(expr.operand)} AS ${sqlTypeName(expr.type)})`;
    case 'call': {
      const args = expr.args.map(exprText);
      if (expr.lambda !== undefined) args.splice(1, 0, `lambda: ${exprText(expr.lambda.body)}`);
      if (expr.name === 'and' || expr.name === 'or') return `(${args.join(` ${expr.name.toUpperCase()} `)})`;
      const isOperator = !/^[a-z_]/u.test(expr.name);
      if (isOperator && args.length === 2) return `(${args.join(` ${expr.name} `)})`;
      return `${expr.name}(${args.join(', ')})`;
    }
  }
}

/** A nested value as its cast to text. */
function nestedText(value: Vector): string {
  const text = castKernel(value.type, UTF8, true)([value], 1, UTF8);
  return printText(rowText(byteRowsOf(text), 0));
}

/** A literal in its physical form, with its type where the form does not tell it. */
function literalText(value: LiteralValue, type: DataType): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'string') return printText(value);
  if (value instanceof Uint8Array) return `X'${Buffer.from(value).toString('hex')}'`;
  if (isNestedValue(value)) return `${nestedText(value)}::${sqlTypeName(type)}`;
  if (type.id === 'int' || type.id === 'float') return value.toString();
  if (type.id === 'decimal') return decimalText(BigInt(value), type.scale);
  if (type.id === 'interval') return `INTERVAL ${printText(intervalOfBits(BigInt(value)))}`;
  return `${sqlTypeName(type)}:${value.toString()}`;
}
