/**
 * SQL text to a plan: the way in.
 *
 * Hides the stages: parse, bind, passes, lowering. Invariants: planning reads names, types, row counts and zone
 * maps, never rows; the same text on the same catalog gives the same plan.
 */
import type { Field } from '../arrow/schema.ts';
import type { Query, Statement } from '../sql/ast.ts';
import { bindAlter } from './bind-alter.ts';
import { bindCreate } from './bind-create.ts';
import { bindDelete, bindUpdate } from './bind-edit.ts';
import { bindInsert } from './bind-insert.ts';
import { bindQuery } from './bind-query.ts';
import { explainedPlan } from './explain.ts';
import { lowerPlan } from './lower.ts';
import type { ParsedStatement } from './needs.ts';
import { asParsed } from './needs.ts';
import type { PassName } from './optimize.ts';
import { optimize } from './optimize.ts';
import type { PhysicalPlan, PlanCatalog, PlannedStatement } from './physical.ts';
import { findTable, lookUpTable, tableNameOf } from './scope.ts';
import { applySettings } from './setting-apply.ts';
import type { Settings } from './setting.ts';
import { bindSetting, DEFAULT_SETTINGS } from './setting.ts';
import { sqlTypeName } from './sql-type.ts';
import { catalogAt } from './time-point.ts';
import { int64Column, momentColumn, utf8Column, valuesPlan } from './values.ts';

export interface PlanOptions {
  /** Passes to leave out: for tests and for finding a wrong one. */
  readonly disabledPasses?: readonly PassName[];
  /** What now() means, in microseconds since 1970 UTC; without it now() is refused. */
  readonly nowMicros?: bigint;
  /** The session's; the defaults unless given. */
  readonly settings?: Settings;
  /** Operators of a plan that run as generated code, for EXPLAIN; none unless given. */
  readonly compiledOperators?: (plan: PhysicalPlan) => ReadonlySet<PhysicalPlan>;
}

/**
 * Plans one statement, given as text or as `readStatement` parsed it. The catalog must have what `readNeeds` says.
 * @throws `sql_syntax`, `sql_bind`, `sql_unsupported` with positions, `limit_exceeded`
 */
export function planStatement(
  text: string | ParsedStatement,
  catalog: PlanCatalog,
  options: PlanOptions = {},
): PlannedStatement {
  const { sql, statement: parsed } = asParsed(text, options.nowMicros);
  const statement = applySettings(sql, parsed, options.settings ?? DEFAULT_SETTINGS);
  switch (statement.kind) {
    case 'select':
    case 'set_operation':
    case 'values_query':
      return query(planQuery(sql, statement, catalog, options));
    case 'show_tables':
      return query(showTables(catalog));
    case 'show_snapshots':
      return query(showSnapshots(catalog));
    case 'describe': {
      const fields = describedFields(sql, statement.target, catalog);
      return query(describeFields(fields));
    }
    case 'explain': {
      const plan = planQuery(sql, statement.query, catalog, options);
      return query(explainedPlan(plan, options.compiledOperators?.(plan) ?? new Set()));
    }
    case 'create_table':
      return bindCreate(sql, statement, catalog, options.disabledPasses ?? []);
    case 'drop_table': {
      const found = statement.ifExists
        ? lookUpTable(sql, catalog, statement.table)
        : findTable(sql, catalog, statement.table);
      const name = found?.name ?? tableNameOf(sql, statement.table);
      return { kind: 'drop_table', name, ifExists: statement.ifExists };
    }
    case 'alter_table':
      return bindAlter(sql, statement, catalog);
    case 'truncate':
      return { kind: 'truncate', name: findTable(sql, catalog, statement.table).name };
    case 'set': {
      const { setting, value } = bindSetting(sql, statement.name, statement.value);
      return { kind: 'set', name: setting, value };
    }
    case 'insert':
      return bindInsert(sql, statement, catalog, options.disabledPasses ?? []);
    case 'delete':
      return bindDelete(sql, statement, catalog);
    case 'update':
      return bindUpdate(sql, statement, catalog);
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
    case 'explain':
      return true;
    case 'create_table':
    case 'drop_table':
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

function planQuery(sql: string, node: Query, catalog: PlanCatalog, options: PlanOptions): PhysicalPlan {
  return lowerPlan(optimize(bindQuery(sql, node, catalog), options.disabledPasses ?? []));
}

/** Names and row counts of all tables, by name. */
function showTables(catalog: PlanCatalog): PhysicalPlan {
  const names = [...catalog.tableNames()].sort();
  const rows = names.map((name) => BigInt(catalog.table(name)?.rowCount ?? 0));
  return valuesPlan([
    { name: 'name', vector: utf8Column(names), nullable: false },
    { name: 'rows', vector: int64Column(rows), nullable: false },
  ]);
}

/** Retained snapshots, oldest first. */
function showSnapshots(catalog: PlanCatalog): PhysicalPlan {
  const rows = catalog.snapshots();
  return valuesPlan([
    { name: 'version', vector: int64Column(rows.map((row) => BigInt(row.version))), nullable: false },
    { name: 'time', vector: momentColumn(rows.map((row) => row.timeMs)), nullable: false },
    { name: 'changes', vector: utf8Column(rows.map((row) => row.what)), nullable: false },
  ]);
}

function describedFields(
  sql: string,
  target: Extract<Statement, { kind: 'describe' }>['target'],
  catalog: PlanCatalog,
): readonly Field[] {
  if (target.kind !== 'table_name') return bindQuery(sql, target, catalog).plan.schema.fields;
  return findTable(sql, catalogAt(sql, catalog, target), target).schema.fields;
}

/** The columns that DuckDB's DESCRIBE has. */
function describeFields(fields: readonly Field[]): PhysicalPlan {
  const none = fields.map(() => null);
  return valuesPlan([
    { name: 'column_name', vector: utf8Column(fields.map((field) => field.name)), nullable: false },
    { name: 'column_type', vector: utf8Column(fields.map((field) => sqlTypeName(field.type))), nullable: false },
    { name: 'null', vector: utf8Column(fields.map((field) => (field.nullable ? 'YES' : 'NO'))), nullable: false },
    { name: 'key', vector: utf8Column(none), nullable: true },
    { name: 'default', vector: utf8Column(none), nullable: true },
    { name: 'extra', vector: utf8Column(none), nullable: true },
  ]);
}
