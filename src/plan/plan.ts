/**
 * SQL text to a plan: the way in.
 *
 * Hides the stages: parse, bind, passes, lowering. Invariants: planning reads names, types, row counts and zone
 * maps, never rows; the same text on the same catalog gives the same plan.
 */
import type { Query, Statement } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { bindAlter } from './bind-alter.ts';
import type { BindCatalog } from './bind-catalog.ts';
import { bindCatalog } from './bind-catalog.ts';
import { bindCreateView, bindDropTable, bindDropView } from './bind-create-view.ts';
import { bindCreate } from './bind-create.ts';
import { bindDelete, bindUpdate } from './bind-edit.ts';
import { bindInsert } from './bind-insert.ts';
import { bindQuery } from './bind-query.ts';
import { explainedPlan } from './explain.ts';
import type { RunFigures } from './explain-figures.ts';
import { lowerPlan } from './lower.ts';
import type { ParsedStatement } from './needs.ts';
import { asParsed } from './needs.ts';
import type { PassName } from './optimize.ts';
import { optimize } from './optimize.ts';
import type { PhysicalPlan, PlanCatalog, PlannedStatement } from './physical.ts';
import { findTable } from './scope.ts';
import { applySettings } from './setting-apply.ts';
import type { Settings } from './setting.ts';
import { bindSetting, DEFAULT_SETTINGS } from './setting.ts';
import { describe, showAllTables, showSnapshots, showTables } from './show.ts';
import { bindSummary } from './summarize.ts';

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
  const { sql, statement: parsed, nowMicros } = asParsed(text, options.nowMicros);
  const settings = options.settings ?? DEFAULT_SETTINGS;
  const statement = applySettings(sql, parsed, settings);
  const catalog = bindCatalog(given, { settings, nowMicros });
  const passes = options.disabledPasses ?? [];
  switch (statement.kind) {
    case 'select':
    case 'set_operation':
    case 'values_query':
      return query(planQuery(sql, statement, catalog, options));
    case 'show_tables':
      return query(statement.all ? showAllTables(sql, statement.span, catalog) : showTables(catalog));
    case 'show_snapshots':
      return query(showSnapshots(catalog));
    case 'describe':
      return query(describe(sql, statement.target, catalog));
    case 'summarize':
      return query(lowerPlan(optimize(bindSummary(sql, statement, catalog), passes)));
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
      return true;
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

function query(plan: PhysicalPlan): PlannedStatement {
  return { kind: 'query', schema: plan.schema, plan };
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
