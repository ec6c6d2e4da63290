/**
 * What names mean: the table in FROM, its columns, and the aliases of the SELECT list.
 *
 * Hides case-insensitive look-up. Invariants: a name written exactly as the column's wins over one that differs in
 * case; a name that fits several columns and none exactly is ambiguous, never a guess.
 */
import type { Field, Schema } from '../arrow/schema.ts';
import type { ColumnName, Identifier, TableName } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { foldName, nearestName } from '../base/names.ts';
import type { PlanCatalog } from './physical.ts';

/** The catalog and schema that every table lives in. */
const CATALOG_NAME = 'sheaf';
const SCHEMA_NAME = 'main';

export type CatalogTable = NonNullable<ReturnType<PlanCatalog['table']>>;

/** What stands in FROM: a table, or a query under the name that it is given. */
export type ScopeTable = Pick<CatalogTable, 'name' | 'schema'>;

/** A column found: its index in the scope's schema, and its field. */
export interface ScopeColumn {
  readonly index: number;
  readonly field: Field;
}

/** Column indexes by lower-case name; made once a schema. */
const indexes = new WeakMap<Schema, ReadonlyMap<string, readonly number[]>>();

function indexOf(schema: Schema): ReadonlyMap<string, readonly number[]> {
  const known = indexes.get(schema);
  if (known !== undefined) return known;
  const made = new Map<string, number[]>();
  schema.fields.forEach((field, i) => {
    const name = foldName(field.name);
    const same = made.get(name);
    if (same === undefined) made.set(name, [i]);
    else same.push(i);
  });
  indexes.set(schema, made);
  return made;
}

function sameName(a: string, b: string): boolean {
  return a === b || foldName(a) === foldName(b);
}

/** The names in reach of a query. */
export class Scope {
  readonly #sql: string;
  readonly #table: ScopeTable | undefined;
  readonly #label: string | undefined;
  readonly schema: Schema;

  constructor(sql: string, table: ScopeTable | undefined, alias: Identifier | undefined) {
    this.#sql = sql;
    this.#table = table;
    this.#label = alias?.name ?? table?.name;
    this.schema = table?.schema ?? { fields: [], metadata: [] };
  }

  /**
   * The column that `node` names, or undefined for a name without a qualifier that no column has. @throws
   * `sql_bind`
   */
  find(node: ColumnName): ScopeColumn | undefined {
    const column = node.path.at(-1) as Identifier;
    const qualifier = node.path.slice(0, -1);
    if (qualifier.length > 0) this.#checkQualifier(qualifier);
    const index = this.#indexOfName(column);
    if (index === undefined) {
      if (qualifier.length > 0) throw this.missing(node, []);
      return undefined;
    }
    return { index, field: this.schema.fields[index] as Field };
  }

  /** The error for a name that nothing has; `aliases` are offered as well. */
  missing(node: ColumnName, aliases: readonly string[]): Error {
    const column = node.path.at(-1) as Identifier;
    const name = quoteText(column.name);
    if (this.#table === undefined) {
      return sqlError('sql_bind', this.#sql, column.span, `column ${name} cannot be found without FROM`);
    }
    const nearest = nearestName(column.name, [...this.schema.fields.map((field) => field.name), ...aliases]);
    const remedy = nearest === undefined ? undefined : `did you mean ${quoteText(nearest)}?`;
    return sqlError('sql_bind', this.#sql, column.span, `column ${name} is not in table ${this.#table.name}`, remedy);
  }

  /** Every column, for `*` and `t.*`. @throws `sql_bind` for another table's star, or without FROM. */
  star(table: readonly Identifier[], span: { readonly start: number; readonly end: number }): readonly ScopeColumn[] {
    if (this.#table === undefined) throw sqlError('sql_bind', this.#sql, span, '* needs a table', 'add FROM');
    if (table.length > 0) this.#checkQualifier(table);
    return this.schema.fields.map((field, index) => ({ index, field }));
  }

  #indexOfName(column: Identifier): number | undefined {
    const candidates = indexOf(this.schema).get(foldName(column.name));
    if (candidates === undefined) return undefined;
    if (candidates.length === 1) return candidates[0];
    const exact = candidates.filter((i) => this.schema.fields[i]?.name === column.name);
    if (exact.length === 1) return exact[0];
    const names = candidates.map((i) => quoteText(this.schema.fields[i]?.name ?? '')).join(', ');
    const message = `column ${quoteText(column.name)} is ambiguous: table ${this.#table?.name ?? ''} has ${names}`;
    throw sqlError('sql_bind', this.#sql, column.span, message, 'write it exactly as the table has it');
  }

  /** Checks `t`, `main.t` or `sheaf.main.t` before a column. */
  #checkQualifier(path: readonly Identifier[]): void {
    const table = path.at(-1) as Identifier;
    const span = { start: (path[0] as Identifier).span.start, end: table.span.end };
    if (this.#label !== undefined && sameName(table.name, this.#label) && isOurSchema(path.slice(0, -1))) return;
    const first = path[0] as Identifier;
    if (path.length === 1 && indexOf(this.schema).has(foldName(first.name))) {
      const message = `${quoteText(first.name)} is a column, and fields of a column are not supported yet`;
      throw sqlError('sql_unsupported', this.#sql, span, message);
    }
    const remedy = this.#label === undefined ? undefined : `the table in FROM is ${quoteText(this.#label)}`;
    throw sqlError('sql_bind', this.#sql, span, `there is no table ${quoteText(table.name)} in FROM`, remedy);
  }
}

function isOurSchema(path: readonly Identifier[]): boolean {
  const [last, before, ...more] = path.map((identifier) => identifier.name).reverse();
  return (
    more.length === 0 &&
    (last === undefined || sameName(last, SCHEMA_NAME)) &&
    (before === undefined || sameName(before, CATALOG_NAME))
  );
}

/** The bare name of a table to make or find. @throws `sql_bind` for a schema or catalog that does not exist. */
export function tableNameOf(sql: string, table: TableName): string {
  if (!isOurSchema(table.path.slice(0, -1))) {
    const remedy = `tables live in ${CATALOG_NAME}.${SCHEMA_NAME}`;
    const path = table.path.map((identifier) => identifier.name).join('.');
    throw sqlError(
      'sql_bind',
      sql,
      table.path[0]?.span ?? table.span,
      `there is no schema for table ${quoteText(path)}`,
      remedy,
    );
  }
  return (table.path.at(-1) as Identifier).name;
}

/** The table that `table` names, or undefined. @throws `sql_bind` when several differ only in case. */
export function lookUpTable(sql: string, catalog: PlanCatalog, table: TableName): CatalogTable | undefined {
  const name = tableNameOf(sql, table);
  const exact = catalog.table(name);
  if (exact !== undefined) return exact;
  const similar = catalog.tableNames().filter((candidate) => sameName(candidate, name));
  if (similar.length > 1) {
    const names = similar.map(quoteText).join(', ');
    const message = `table ${quoteText(name)} is ambiguous: there are ${names}`;
    throw sqlError('sql_bind', sql, table.span, message, 'write it exactly as one of them');
  }
  return similar[0] === undefined ? undefined : catalog.table(similar[0]);
}

/** The table that `table` names. @throws `sql_bind` with the nearest name. */
export function findTable(sql: string, catalog: PlanCatalog, table: TableName): CatalogTable {
  const found = lookUpTable(sql, catalog, table);
  if (found !== undefined) return found;
  const name = table.path.at(-1) as Identifier;
  const nearest = nearestName(name.name, catalog.tableNames());
  const remedy = nearest === undefined ? undefined : `did you mean ${quoteText(nearest)}?`;
  throw sqlError('sql_bind', sql, name.span, `there is no table ${quoteText(name.name)}`, remedy);
}
