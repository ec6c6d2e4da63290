/**
 * SUMMARIZE: a row of statistics for each column of a table, a view or a query.
 *
 * Hides that it is a query of aggregates for each column, over one reading of what is summarized where that is worth
 * it. Invariants: the columns are DuckDB's; what an aggregate does not know of a type is NULL.
 */
import type { Field } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import { EngineError } from '../base/errors.ts';
import type { Query, Statement } from '../sql/ast.ts';
import { parseStatement } from '../sql/parse.ts';
import { printText } from '../sql/print.ts';
import { bindView, findView } from './bind-view.ts';
import type { Binding, Bound, CommonRows, CommonTables } from './binding.ts';
import { commonNamed } from './binding.ts';
import type { LogicalPlan } from './logical.ts';
import { scanAll } from './logical.ts';
import { sqlTypeName } from './sql-type.ts';
import { findSource } from './system-table.ts';

type Summarize = Extract<Statement, { kind: 'summarize' }>;

const ROWS = 'summarized';
const COLUMN = 'c';

/** What is computed of a column, by the name that the result gives it; each as text. */
const NUMBERS = {
  min: `min(${COLUMN})`,
  max: `max(${COLUMN})`,
  avg: `avg(${COLUMN})`,
  std: `stddev(${COLUMN})`,
  q25: `approx_quantile(${COLUMN}, 0.25)`,
  q50: `approx_quantile(${COLUMN}, 0.5)`,
  q75: `approx_quantile(${COLUMN}, 0.75)`,
} as const;

type Statistic = keyof typeof NUMBERS;

const FIRST: readonly Statistic[] = ['min', 'max'];
const LATER: readonly Statistic[] = ['avg', 'std', 'q25', 'q50', 'q75'];

/** Binds SUMMARIZE; `common`: queries of WITH that it may name. @throws as its query does */
export function bindSummary(binding: Binding, { target }: Summarize, common: CommonTables): LogicalPlan {
  const { plan, depth } = bindTarget(binding, target, common);
  const id = binding.shared.add(plan);
  const inputs = plan.schema.fields.map((field, index) => {
    const column: LogicalPlan = {
      kind: 'shared',
      schema: { fields: [{ ...field, name: COLUMN }], metadata: [] },
      id,
      columns: [index],
    };
    return summaryOf(binding, field, { name: ROWS, depth, read: () => column, outer: undefined });
  });
  const schema = inputs[0]?.schema ?? { fields: [], metadata: [] };
  return { kind: 'union', schema, inputs };
}

function bindTarget(binding: Binding, target: Summarize['target'], common: CommonTables): Bound {
  if (target.kind !== 'table_name') return binding.bind(target, common, undefined);
  const { sql, catalog } = binding;
  const named = commonNamed(common, target);
  if (named !== undefined) return { plan: named.read(), depth: named.depth };
  const view = findView(sql, catalog, target);
  if (view !== undefined) return bindView(binding, view, target.span);
  const { source } = findSource(binding, target);
  return { plan: scanAll(source.name, source), depth: 0 };
}

/** The row of one column. */
function summaryOf(binding: Binding, { name, type }: Field, rows: CommonRows): LogicalPlan {
  const known = statisticsOf(type);
  const text = (statistic: Statistic): string => {
    const item = `CAST(${NUMBERS[statistic]} AS VARCHAR)`;
    return known.has(statistic) && canBind(binding, item, rows) ? item : 'CAST(NULL AS VARCHAR)';
  };
  const distinct = `approx_count_distinct(${COLUMN})`;
  const items = [
    `${printText(name)} AS column_name`,
    `${printText(type.id === 'null' ? '"NULL"' : sqlTypeName(type))} AS column_type`,
    ...FIRST.map((statistic) => `${text(statistic)} AS ${statistic}`),
    `${canBind(binding, distinct, rows) ? distinct : 'CAST(NULL AS BIGINT)'} AS approx_unique`,
    ...LATER.map((statistic) => `${text(statistic)} AS ${statistic}`),
    'count(*) AS count',
    `CAST((count(*) - count(${COLUMN})) * 100 / nullif(count(*), 0) AS DECIMAL(9, 2)) AS null_percentage`,
  ];
  const plan = bindItems(binding, items.join(', '), rows);
  // The rows of a union have one schema: what is NULL for one column is not for another.
  const fields = plan.schema.fields.map((field) => ({ ...field, nullable: true }));
  return { ...plan, schema: { fields, metadata: [] } };
}

function statisticsOf(type: DataType): ReadonlySet<Statistic> {
  switch (type.id) {
    case 'int':
    case 'float':
    case 'decimal':
      return new Set([...FIRST, ...LATER]);
    case 'date':
    case 'time':
    case 'timestamp':
      return new Set([...FIRST, 'avg', 'q25', 'q50', 'q75'] as const);
    default:
      return new Set(FIRST);
  }
}

/** Whether there is such an aggregate of the column's type. */
function canBind(binding: Binding, item: string, rows: CommonRows): boolean {
  try {
    bindItems(binding, item, rows);
    return true;
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
}

function bindItems(binding: Binding, items: string, rows: CommonRows): LogicalPlan {
  const sql = `SELECT ${items} FROM ${ROWS}`;
  const query = parseStatement(sql) as Query;
  return binding.over(sql, binding.catalog).bind(query, new Map([[ROWS, rows]]), undefined).plan;
}
