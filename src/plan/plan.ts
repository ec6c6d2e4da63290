/**
 * SQL text to a plan: the way in.
 *
 * Hides the stages: parse, bind, passes, lowering. Invariants: planning reads names, types, row counts and zone
 * maps, never rows; the same text on the same catalog gives the same plan.
 */
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Schema } from '../arrow/schema.ts';
import type { Source } from '../arrow/source.ts';
import type { Query, Statement } from '../sql/ast.ts';
import type { ShowStatement } from '../sql/ast-view.ts';
import { sqlError } from '../sql/frame.ts';
import { bindAlter } from './bind-alter.ts';
import type { BindCatalog } from './bind-catalog.ts';
import { bindCatalog } from './bind-catalog.ts';
import { bindCopyFrom, bindCopyTo } from './bind-copy.ts';
import { bindCreateView, bindDropTable, bindDropView } from './bind-create-view.ts';
import { bindCreate } from './bind-create.ts';
import { bindDelete, bindUpdate } from './bind-edit.ts';
import { bindInsert } from './bind-insert.ts';
import { bindQuery, makeBinding } from './bind-query.ts';
import { bindShownRows } from './bind-from.ts';
import { explainedPlan } from './explain.ts';
import type { RunFigures } from './explain-figures.ts';
import { insertOfRows, withRows } from './insert-rows.ts';
import { lowerPlan } from './lower.ts';
import type { Literal } from './constant.ts';
import type { LogicalQuery } from './logical.ts';
import type { ParsedStatement } from './needs.ts';
import { asParsed, withMemory } from './needs.ts';
import type { PassName } from './optimize.ts';
import { optimize } from './optimize.ts';
import type { ParameterValues } from './parameter-value.ts';
import { literalsOf } from './parameter-value.ts';
import type { PhysicalPlan, PlanCatalog, PlannedStatement } from './physical.ts';
import { findTable } from './scope.ts';
import { applySettings } from './setting-apply.ts';
import type { Settings } from './setting.ts';
import { bindSetting, DEFAULT_SETTINGS } from './setting.ts';
import { inlineShared } from './share.ts';

export interface PlanOptions {
  /** Passes to leave out: for tests and for finding a wrong one. */
  readonly disabledPasses?: readonly PassName[];
  /** What now() means, in microseconds since 1970 UTC; without it now() is refused. */
  readonly nowMicros?: bigint;
  /** The session's; the defaults unless given. */
  readonly settings?: Settings;
  /** Operators of a plan that run as generated code, for EXPLAIN; none unless given. */
  readonly compiledOperators?: (plan: PhysicalPlan) => ReadonlySet<PhysicalPlan>;
  /** Runs a plan for EXPLAIN ANALYZE, which is refused without it. */
  readonly analyze?: (plan: PhysicalPlan) => Promise<RunFigures>;
  /** Values of the statement's parameters; a statement that has some cannot be planned without. */
  readonly values?: ParameterValues | undefined;
}

/** What is known of a statement before its parameters have values. */
export interface DescribedStatement {
  /** A field for each parameter, by its number or name; of type null where any type will do. */
  readonly parameters: Schema;
  /** The plan with NULL for each parameter, for its schema; undefined where that depends on the values. */
  readonly planned: PlannedStatement | undefined;
}

/**
 * Plans one statement, given as text or as `readStatement` parsed it. The catalog must have what `readNeeds` says.
 * @throws `sql_syntax`, `sql_bind`, `sql_unsupported` with positions, `limit_exceeded`
 */
export function planStatement(
  text: string | ParsedStatement,
  given: PlanCatalog,
  options: PlanOptions = {},
): PlannedStatement {
  const parsed = asParsed(text, options.nowMicros);
  const isToRun = parsed.statement.kind !== 'prepare';
  return planWith(parsed, given, options, isToRun ? literalsOf(parsed.parameters, options.values) : []);
}

/** The same with values that are literals already, one for each parameter. @throws as `planStatement` */
export function planWith(
  parsed: ParsedStatement,
  catalog: PlanCatalog,
  options: PlanOptions,
  values: readonly Literal[],
): PlannedStatement {
  const { parameters } = parsed;
  if (parsed.statement.kind === 'prepare') return planPrepare(parsed, parsed.statement, catalog, options);
  if (parameters.slots.length > 0) parameters.learn(catalog, (watched) => planParsed(parsed, watched, options));
  const { memory, statement } = parsed;
  if (memory !== undefined && isQuery(statement)) {
    const settings = options.settings ?? DEFAULT_SETTINGS;
    const plan = (watched: PlanCatalog): LogicalQuery => optimizedQuery(parsed, statement, watched, options);
    return query(lowerPlan(memory.make(parameters, catalog, settings, plan, values)));
  }
  if (parameters.slots.length === 0) return planParsed(parsed, catalog, options);
  return parameters.holding(values, () => planParsed(parsed, catalog, options));
}

/**
 * The plan that was made of the statement before, over the rows of `catalog` and with these values; undefined where
 * there is none that serves. @throws `value_error` for a value that does not fit
 */
export function recallPlan(
  { parameters, memory }: ParsedStatement,
  catalog: PlanCatalog,
  settings: Settings,
  values: readonly Literal[],
): PlannedStatement | undefined {
  const known = memory?.recall(parameters, catalog, settings, values);
  return known === undefined ? undefined : query(lowerPlan(known));
}

/**
 * Plans an INSERT of one row of VALUES for many rows of values at once: as a query over `rows`, whose columns are the
 * parameters in order. Undefined for statements that are no such INSERT. @throws as `planStatement`
 */
export function planInsertOf(
  parsed: ParsedStatement,
  catalog: PlanCatalog,
  options: PlanOptions,
  rows: Source,
): PlannedStatement | undefined {
  const statement = insertOfRows(parsed.statement);
  if (statement === undefined) return undefined;
  const within = withRows(catalog, rows);
  return parsed.parameters.holdingColumns(rows.schema, () => planParsed({ ...parsed, statement }, within, options));
}

/** Infers the types of a statement's parameters, and plans it as far as they let it. @throws as `planStatement` */
export function describeStatement(
  parsed: ParsedStatement,
  catalog: PlanCatalog,
  options: PlanOptions = {},
): DescribedStatement {
  const { parameters } = parsed;
  const planned = parameters.infer(catalog, (recording) => planParsed(parsed, recording, options));
  const fields = parameters.slots.map(({ name, type }) => makeField(name, type ?? { id: 'null' }));
  return { parameters: makeSchema(fields), planned };
}

/** PREPARE: the inner statement must bind, and keeps its own parameters. */
function planPrepare(
  { sql, parameters }: ParsedStatement,
  { name, statement }: Extract<Statement, { kind: 'prepare' }>,
  catalog: PlanCatalog,
  options: PlanOptions,
): PlannedStatement {
  const prepared = withMemory({ sql, statement, parameters, nowMicros: undefined, memory: undefined });
  describeStatement(prepared, catalog, options);
  return { kind: 'prepare', name: name.name, prepared };
}

function planParsed(parsed: ParsedStatement, given: PlanCatalog, options: PlanOptions): PlannedStatement {
  const { sql, nowMicros } = parsed;
  const settings = options.settings ?? DEFAULT_SETTINGS;
  const statement = applySettings(sql, parsed.statement, settings);
  const catalog = bindCatalog(given, { settings, nowMicros });
  const passes = options.disabledPasses ?? [];
  switch (statement.kind) {
    case 'select':
    case 'set_operation':
    case 'values_query':
      return query(planQuery(sql, statement, catalog, options));
    case 'show_tables':
    case 'show_snapshots':
    case 'describe':
    case 'summarize':
      return query(showPlan(sql, statement, catalog, passes));
    case 'explain':
      return query(explain(sql, statement, catalog, options));
    case 'create_table':
      return bindCreate(sql, statement, catalog, passes);
    case 'drop_table':
      return bindDropTable(sql, statement, catalog);
    case 'create_view':
      return bindCreateView(sql, statement, catalog);
    case 'drop_view':
      return bindDropView(sql, statement, catalog);
    case 'alter_table':
      return bindAlter(sql, statement, catalog);
    case 'truncate':
      return { kind: 'truncate', name: findTable(sql, catalog, statement.table).name };
    case 'set': {
      const { setting, value } = bindSetting(sql, statement.name, statement.value);
      return { kind: 'set', name: setting, value };
    }
    case 'copy_from':
      return bindCopyFrom({ ...parsed, statement }, statement, catalog);
    case 'copy_to':
      return bindCopyTo(sql, statement, planQuery(sql, statement.query, catalog, options));
    case 'prepare':
    case 'execute':
    case 'deallocate':
      return bindSessionStatement(sql, statement);
    case 'insert':
      return bindInsert(sql, statement, catalog, passes);
    case 'delete':
      return bindDelete(sql, statement, catalog, passes);
    case 'update':
      return bindUpdate(sql, statement, catalog, passes);
  }
}

/**
 * True when the statement cannot change anything that is stored; needs no catalog. @throws `sql_syntax`, `sql_unsupported`,
 * `limit_exceeded`
 */
export function isReadOnly(text: string | ParsedStatement): boolean {
  const { statement } = asParsed(text);
  switch (statement.kind) {
    case 'select':
    case 'set_operation':
    case 'values_query':
    case 'set':
    case 'show_tables':
    case 'show_snapshots':
    case 'describe':
    case 'summarize':
    case 'explain':
    case 'prepare':
    case 'deallocate':
      return true;
    case 'execute':
    case 'copy_from':
    case 'copy_to':
    case 'create_table':
    case 'drop_table':
    case 'create_view':
    case 'drop_view':
    case 'alter_table':
    case 'truncate':
    case 'insert':
    case 'delete':
    case 'update':
      return false;
  }
}

/** What needs the session to mean anything: EXECUTE is written out before it is planned. */
function bindSessionStatement(
  sql: string,
  statement: Extract<Statement, { kind: 'prepare' | 'execute' | 'deallocate' }>,
): PlannedStatement {
  if (statement.kind === 'deallocate') return { kind: 'deallocate', name: statement.name.name };
  const message = `${statement.kind.toUpperCase()} cannot stand here`;
  throw sqlError('sql_unsupported', sql, statement.span, message, 'send the statement by itself');
}

/** True for statements that are queries, and nothing around one. */
export function isQuery(statement: Statement): statement is Query {
  return statement.kind === 'select' || statement.kind === 'set_operation' || statement.kind === 'values_query';
}

/** What binding and the passes make of a statement that is a query. */
function optimizedQuery(
  { sql, nowMicros }: ParsedStatement,
  statement: Query,
  given: PlanCatalog,
  options: PlanOptions,
): LogicalQuery {
  const settings = options.settings ?? DEFAULT_SETTINGS;
  const node = applySettings(sql, statement, settings) as Query;
  return optimize(bindQuery(sql, node, bindCatalog(given, { settings, nowMicros })), options.disabledPasses ?? []);
}

function query(plan: PhysicalPlan): PlannedStatement {
  return { kind: 'query', schema: plan.schema, plan };
}

function showPlan(
  sql: string,
  statement: ShowStatement,
  catalog: BindCatalog,
  passes: readonly PassName[],
): PhysicalPlan {
  const binding = makeBinding(sql, catalog);
  const plan = bindShownRows(binding, statement, new Map());
  return lowerPlan(optimize(inlineShared({ plan, shared: binding.shared.plans }), passes));
}

function planQuery(sql: string, node: Query, catalog: BindCatalog, options: PlanOptions): PhysicalPlan {
  return lowerPlan(optimize(bindQuery(sql, node, catalog), options.disabledPasses ?? []));
}

function explain(
  sql: string,
  node: Extract<Statement, { kind: 'explain' }>,
  catalog: BindCatalog,
  options: PlanOptions,
): PhysicalPlan {
  const since = performance.now();
  const plan = planQuery(sql, node.query, catalog, options);
  const compiled = options.compiledOperators?.(plan) ?? new Set<PhysicalPlan>();
  if (!node.analyze) return explainedPlan(plan, compiled);
  const run = options.analyze;
  if (run === undefined) throw sqlError('sql_unsupported', sql, node.span, 'EXPLAIN ANALYZE is not possible here');
  return explainedPlan(plan, compiled, { run, planningMs: performance.now() - since });
}
