/**
 * SHOW and DESCRIBE: small tables about what there is.
 *
 * Hides nothing. Invariants: names come in order; a view that cannot be read (any more) is listed without its columns.
 */
import { buildVector } from '../arrow/build.ts';
import type { Field } from '../arrow/schema.ts';
import type { ColumnDefault } from '../arrow/source.ts';
import { present } from '../base/assert.ts';
import type { Span } from '../base/errors.ts';
import type { ShowStatement } from '../sql/ast-view.ts';
import { printText } from '../sql/print.ts';
import { bindView, findView, viewFields } from './bind-view.ts';
import type { Binding, CommonTables } from './binding.ts';
import { commonNamed } from './binding.ts';
import { BOOL, castLiteral, literalOfRow } from './constant.ts';
import type { LogicalPlan } from './logical.ts';
import { scanAll } from './logical.ts';
import type { PlanCatalog } from './physical.ts';
import { lookUpTable } from './scope.ts';
import { sqlTypeName } from './sql-type.ts';
import { CATALOG_NAME, SCHEMA_NAME } from './system-name.ts';
import { findSource } from './system-table.ts';
import { nullableInt64Column, textListColumn, utf8Column, valuesPlan } from './values.ts';

/** The rows that SHOW or DESCRIBE answers with. `common`: queries of WITH that may be described. @throws `sql_bind` … */
export function bindShown(
  binding: Binding,
  statement: Exclude<ShowStatement, { kind: 'summarize' }>,
  common: CommonTables,
): LogicalPlan {
  switch (statement.kind) {
    case 'show_tables':
      return statement.all ? showAllTables(binding, statement.span) : showTables(binding.catalog);
    case 'show_snapshots':
      return showSnapshots(binding.catalog);
    case 'describe':
      return describe(binding, statement, common);
  }
}

/** Names of all tables and views, and row counts of tables, by name. */
function showTables(catalog: PlanCatalog): LogicalPlan {
  const names = namesOf(catalog);
  const rows = names.map((name) => {
    const table = catalog.table(name);
    return table === undefined ? null : BigInt(table.rowCount);
  });
  return valuesPlan([
    { name: 'name', vector: utf8Column(names), nullable: false },
    { name: 'rows', vector: nullableInt64Column(rows), nullable: true },
  ]);
}

function namesOf(catalog: PlanCatalog): string[] {
  return [...catalog.tableNames(), ...catalog.viewNames()].sort();
}

/** Tables and views with their columns, as DuckDB lists them. */
function showAllTables(binding: Binding, span: Span): LogicalPlan {
  const { catalog } = binding;
  const names = namesOf(catalog);
  const fields = names.map((name) => catalog.table(name)?.schema.fields ?? viewFields(binding, name, span));
  const lists = (text: (field: Field) => string): (string[] | null)[] => {
    return fields.map((list) => (list === undefined ? null : list.map(text)));
  };
  const same = (text: string): string[] => names.map(() => text);
  return valuesPlan([
    { name: 'database', vector: utf8Column(same(CATALOG_NAME)), nullable: false },
    { name: 'schema', vector: utf8Column(same(SCHEMA_NAME)), nullable: false },
    { name: 'name', vector: utf8Column(names), nullable: false },
    {
      name: 'column_names',
      vector: textListColumn(lists(({ name }) => name)),
      nullable: true,
    },
    {
      name: 'column_types',
      vector: textListColumn(lists(({ type }) => sqlTypeName(type))),
      nullable: true,
    },
    {
      name: 'temporary',
      vector: buildVector(
        BOOL,
        names.map(() => false),
      ),
      nullable: false,
    },
  ]);
}

/** Retained snapshots, oldest first: a system table, whole. */
function showSnapshots(catalog: PlanCatalog): LogicalPlan {
  const source = present(catalog.system('sheaf_snapshots'), 'the list of snapshots');
  return scanAll(source.name, source);
}

type DescribeStatement = Extract<ShowStatement, { kind: 'describe' }>;

/** The columns that DuckDB's DESCRIBE has; of SHOW the value of a setting where there is no such table. */
function describe(binding: Binding, { target, setting }: DescribeStatement, common: CommonTables): LogicalPlan {
  if (setting?.always === true) return binding.bind(setting.query, common, undefined).plan;
  if (target.kind !== 'table_name') return describeRows(binding.bind(target, common, undefined).plan.schema.fields);
  const { sql, catalog } = binding;
  const named = commonNamed(common, target);
  if (named !== undefined) return describeRows(named.read().schema.fields);
  const view = findView(sql, catalog, target);
  if (view !== undefined) return describeRows(bindView(binding, view, target.span).plan.schema.fields);
  if (setting !== undefined && lookUpTable(sql, catalog, target) === undefined) {
    return binding.bind(setting.query, common, undefined).plan;
  }
  const { source } = findSource(binding, target);
  return describeFields(source.schema.fields, source.defaults ?? []);
}

/** Of rows that are no table's DuckDB does not say which columns are never NULL. */
function describeRows(fields: readonly Field[]): LogicalPlan {
  return describeFields(
    fields.map((field) => ({ ...field, nullable: true })),
    [],
  );
}

function describeFields(fields: readonly Field[], defaults: readonly (ColumnDefault | undefined)[]): LogicalPlan {
  const none = fields.map(() => null);
  const texts = fields.map((_, i) => defaultText(defaults[i]));
  return valuesPlan([
    { name: 'column_name', vector: utf8Column(fields.map((field) => field.name)), nullable: false },
    { name: 'column_type', vector: utf8Column(fields.map((field) => sqlTypeName(field.type))), nullable: false },
    { name: 'null', vector: utf8Column(fields.map((field) => (field.nullable ? 'YES' : 'NO'))), nullable: false },
    { name: 'key', vector: utf8Column(none), nullable: true },
    { name: 'default', vector: utf8Column(texts), nullable: true },
    { name: 'extra', vector: utf8Column(none), nullable: true },
  ]);
}

/** A default as SQL; one that an older release kept as a value is shown as a constant. */
function defaultText(given: ColumnDefault | undefined): string | null {
  if (given === undefined) return null;
  if ('sql' in given) return given.sql;
  const literal = literalOfRow(given.value, { start: 0, end: 0 });
  const text = literal === undefined ? undefined : castLiteral(literal, { id: 'utf8' })?.value;
  if (typeof text !== 'string') return '…';
  const { id } = given.value.type;
  return id === 'int' || id === 'float' || id === 'decimal' || id === 'bool' ? text : printText(text);
}
