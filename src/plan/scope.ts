/**
 * What names mean: the tables in FROM and their columns.
 *
 * Hides case-insensitive look-up. Invariants: a name written exactly as the column's wins over one that differs in
 * case; a name that fits several columns and none exactly is ambiguous, never a guess; the columns that USING names are
 * seen once.
 */
import type { Field, Schema } from '../arrow/schema.ts';
import type { Span } from '../base/errors.ts';
import type { ColumnName, Identifier, TableName } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { foldName, nearestName } from '../base/names.ts';
import type { PlanCatalog, PlanTable } from './physical.ts';
import { CATALOG_NAME, ENGINE_TABLES, SCHEMA_NAME, schemaOf, systemNameOf } from './system-name.ts';

export type CatalogTable = PlanTable;

/** What a scope is made over: a table, or a query under a name. */
type NamedRows = Pick<CatalogTable, 'name' | 'schema'> & { readonly schemaName?: string };

/** A table, or a query under a name: columns that follow one another in the scope's schema. */
export interface Relation {
  /** The name that it goes by: its alias, or its own. */
  readonly label: string;
  /** The name that messages give it. */
  readonly name: string;
  /** The schema that a table is in, in lower case. */
  readonly schemaName: string;
  readonly schema: Schema;
  /** Where its first column stands. */
  readonly start: number;
}

/** A column found: its index in the scope's schema, and its field. */
export interface ScopeColumn {
  readonly index: number;
  readonly field: Field;
  /** The name of its table; undefined where it has none. */
  readonly label?: string;
}

/** A column that `*` shows and that is found without a qualifier. */
interface Visible {
  readonly name: string;
  readonly index: number;
  readonly relation: Relation;
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

function groupByName(columns: readonly Visible[]): ReadonlyMap<string, readonly Visible[]> {
  const groups = new Map<string, Visible[]>();
  for (const column of columns) {
    const name = foldName(column.name);
    const same = groups.get(name);
    if (same === undefined) groups.set(name, [column]);
    else same.push(column);
  }
  return groups;
}

/** The names in reach of a query's FROM. */
export class Scope {
  readonly #sql: string;
  readonly relations: readonly Relation[];
  readonly #visible: readonly Visible[];
  /** The visible columns by folded name; made when one is first asked for. */
  #byName: ReadonlyMap<string, readonly Visible[]> | undefined;
  /** The columns of all relations, and what joins have added behind them. */
  readonly schema: Schema;

  /** `visible` are all columns of the relations unless said. */
  constructor(sql: string, schema: Schema, relations: readonly Relation[], visible?: readonly Visible[]) {
    this.#sql = sql;
    this.schema = schema;
    this.relations = relations;
    this.#visible =
      visible ??
      relations.flatMap((relation) => {
        return relation.schema.fields.map(({ name }, i) => ({ name, index: relation.start + i, relation }));
      });
  }

  /** A scope of one table or query under its name or alias, or of none. */
  static of(sql: string, table: NamedRows | undefined, alias?: Identifier): Scope {
    if (table === undefined) return new Scope(sql, { fields: [], metadata: [] }, []);
    const { name, schema, schemaName = SCHEMA_NAME } = table;
    return new Scope(sql, schema, [{ label: alias?.name ?? name, name, schemaName, schema, start: 0 }]);
  }

  /**
   * This scope's columns and then `right`'s, under `schema`. Of the columns `merged`, which both have, the one at
   * `place` is seen in place of the two.
   */
  join(right: Scope, schema: Schema, merged: ReadonlyMap<string, number> = new Map()): Scope {
    const shift = this.schema.fields.length;
    const moved = new Map(
      right.relations.map((relation) => [relation, { ...relation, start: relation.start + shift }]),
    );
    const relations = [...this.relations, ...moved.values()];
    const left = this.#visible.map((column) => {
      const place = merged.get(foldName(column.name));
      return place === undefined ? column : { ...column, index: place };
    });
    const others = right.#visible
      .filter(({ name }) => !merged.has(foldName(name)))
      .map((column) => {
        const relation = moved.get(column.relation) ?? column.relation;
        return { ...column, index: column.index + shift, relation };
      });
    return new Scope(this.#sql, schema, relations, [...left, ...others]);
  }

  /** The same names over another schema that begins with this one's columns. */
  over(schema: Schema): Scope {
    return new Scope(this.#sql, schema, this.relations, this.#visible);
  }

  /** Folded names of the columns that can be seen without a qualifier, in order. */
  visibleNames(): readonly string[] {
    return this.#visible.map(({ name }) => name);
  }

  /** The column that `node` names, or undefined when there is none. @throws `sql_bind` when there are several */
  find(node: ColumnName): ScopeColumn | undefined {
    const column = node.path.at(-1) as Identifier;
    const qualifier = node.path.slice(0, -1);
    const index = qualifier.length > 0 ? this.#indexIn(qualifier, column) : this.#indexOfName(column);
    return index === undefined ? undefined : { index, field: this.schema.fields[index] as Field };
  }

  /** The error for a name that nothing has; `aliases` are offered as well. */
  missing(node: ColumnName, aliases: readonly string[]): Error {
    const column = node.path.at(-1) as Identifier;
    const name = quoteText(column.name);
    const qualifier = node.path.slice(0, -1);
    const relation = qualifier.length === 0 ? undefined : this.#relationOf(qualifier);
    if (qualifier.length > 0 && relation === undefined) return this.#missingTable(qualifier);
    if (this.relations.length === 0) {
      return sqlError('sql_bind', this.#sql, column.span, `column ${name} cannot be found without FROM`);
    }
    const only = relation ?? (this.relations.length === 1 ? this.relations[0] : undefined);
    const names = only === undefined ? this.visibleNames() : only.schema.fields.map((field) => field.name);
    const nearest = nearestName(column.name, [...names, ...(qualifier.length > 0 ? [] : aliases)]);
    const remedy = nearest === undefined ? undefined : `did you mean ${quoteText(nearest)}?`;
    const where = only === undefined ? 'in no table of FROM' : `not in table ${only.name}`;
    return sqlError('sql_bind', this.#sql, column.span, `column ${name} is ${where}`, remedy);
  }

  /** The table that `t`, `main.t` or `sheaf.main.t` names, or undefined. */
  relation(path: readonly Identifier[]): Relation | undefined {
    return this.#relationOf(path);
  }

  /** Every column, for `*` and `t.*`. @throws `sql_bind` for another table's star, or without FROM. */
  star(table: readonly Identifier[], span: Span): readonly ScopeColumn[] {
    if (this.relations.length === 0) throw sqlError('sql_bind', this.#sql, span, '* needs a table', 'add FROM');
    if (table.length === 0) {
      return this.#visible.map(({ index, relation }) => ({
        index,
        field: this.#field(index),
        label: relation.label,
      }));
    }
    const relation = this.#relationOf(table);
    if (relation === undefined) throw this.#missingTable(table);
    return relation.schema.fields.map((_, i) => {
      return { index: relation.start + i, field: this.#field(relation.start + i), label: relation.label };
    });
  }

  /** The column at a place among all of the relations, from 0; `all`: also among those that joins add. */
  at(place: number, all: boolean, span: Span): ScopeColumn {
    const count = this.relations.reduce((sum, { schema }) => sum + schema.fields.length, 0);
    if (all || place < count) return { index: place, field: this.#field(place) };
    const message = `#${(place + 1).toString()} is beyond the ${count.toString()} columns of FROM`;
    throw sqlError('sql_bind', this.#sql, span, message);
  }

  #field(index: number): Field {
    return this.schema.fields[index] as Field;
  }

  #indexIn(qualifier: readonly Identifier[], column: Identifier): number | undefined {
    const relation = this.#relationOf(qualifier);
    if (relation === undefined) return undefined;
    const candidates = indexOf(relation.schema).get(foldName(column.name)) ?? [];
    const place = this.#choose(
      candidates.map((index) => ({ name: relation.schema.fields[index]?.name ?? '', index, relation })),
      column,
    );
    return place === undefined ? undefined : relation.start + place;
  }

  #indexOfName(column: Identifier): number | undefined {
    this.#byName ??= groupByName(this.#visible);
    return this.#choose(this.#byName.get(foldName(column.name)) ?? [], column);
  }

  #choose(candidates: readonly Visible[], column: Identifier): number | undefined {
    if (candidates.length <= 1) return candidates[0]?.index;
    const exact = candidates.filter(({ name }) => name === column.name);
    if (exact.length === 1) return exact[0]?.index;
    const owners = [...new Set(candidates.map(({ relation }) => relation))];
    const [owner] = owners;
    const name = quoteText(column.name);
    if (owners.length === 1 && owner !== undefined) {
      const names = candidates.map((candidate) => quoteText(candidate.name)).join(', ');
      const message = `column ${name} is ambiguous: table ${owner.name} has ${names}`;
      throw sqlError('sql_bind', this.#sql, column.span, message, 'write it exactly as the table has it');
    }
    const labels = owners.map(({ label }) => quoteText(label));
    const message = `column ${name} is ambiguous: it is in ${labels.join(' and in ')}`;
    const remedy = `write ${owner?.label ?? ''}.${column.name}`;
    throw sqlError('sql_bind', this.#sql, column.span, message, remedy);
  }

  /** The relation that `t`, `main.t` or `sheaf.main.t` names before a column. */
  #relationOf(path: readonly Identifier[]): Relation | undefined {
    const table = path.at(-1) as Identifier;
    const schema = schemaOf(path);
    const relations = path.length === 1 ? this.relations : this.relations.filter((one) => one.schemaName === schema);
    return (
      relations.find(({ label }) => label === table.name) ??
      relations.find(({ label }) => sameName(label, table.name))
    );
  }

  #missingTable(path: readonly Identifier[]): Error {
    const table = path.at(-1) as Identifier;
    const first = path[0] as Identifier;
    const span = { start: first.span.start, end: table.span.end };
    const labels = this.relations.map(({ label }) => quoteText(label));
    const what = labels.length === 1 ? 'the table in FROM is' : 'the tables in FROM are';
    const remedy = labels.length === 0 ? undefined : `${what} ${labels.join(', ')}`;
    return sqlError('sql_bind', this.#sql, span, `there is no table ${quoteText(table.name)} in FROM`, remedy);
  }
}

/** The bare name of a table to make or find. @throws `sql_bind` for a schema or catalog that does not exist. */
export function tableNameOf(sql: string, table: TableName): string {
  if (schemaOf(table.path) !== SCHEMA_NAME) {
    const path = table.path.map((identifier) => identifier.name).join('.');
    if (systemNameOf(table) !== undefined) {
      const message = `${quoteText(path)} belongs to a schema of system tables, which can only be read`;
      throw sqlError('sql_bind', sql, table.span, message);
    }
    const remedy = `tables live in ${CATALOG_NAME}.${SCHEMA_NAME}`;
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
  const similar = similarName(sql, name, catalog.tableNames(), table.span);
  return similar === undefined ? undefined : catalog.table(similar);
}

/** The name of the view that `table` names, or undefined. @throws `sql_bind` when several differ only in case. */
export function lookUpView(sql: string, catalog: PlanCatalog, table: TableName): string | undefined {
  const name = tableNameOf(sql, table);
  return catalog.view(name)?.name ?? similarName(sql, name, catalog.viewNames(), table.span);
}

function similarName(sql: string, name: string, names: readonly string[], span: Span): string | undefined {
  const similar = names.filter((candidate) => sameName(candidate, name));
  if (similar.length <= 1) return similar[0];
  const message = `table ${quoteText(name)} is ambiguous: there are ${similar.map(quoteText).join(', ')}`;
  throw sqlError('sql_bind', sql, span, message, 'write it exactly as one of them');
}

/** The table that `table` names. @throws `sql_bind` with the nearest name, and for a view. */
export function findTable(sql: string, catalog: PlanCatalog, table: TableName): CatalogTable {
  const found = lookUpTable(sql, catalog, table);
  if (found !== undefined) return found;
  const name = table.path.at(-1) as Identifier;
  const view = lookUpView(sql, catalog, table);
  if (view !== undefined) {
    const message = `${quoteText(view)} is a view, which has no rows of its own`;
    throw sqlError('sql_bind', sql, name.span, message, 'use the tables that it reads');
  }
  if (systemNameOf(table) !== undefined) {
    const message = `${quoteText(name.name)} is a system table, and can only be read`;
    throw sqlError('sql_bind', sql, name.span, message);
  }
  const nearest = nearestName(name.name, [...catalog.tableNames(), ...catalog.viewNames(), ...ENGINE_TABLES]);
  const remedy = nearest === undefined ? undefined : `did you mean ${quoteText(nearest)}?`;
  throw sqlError('sql_bind', sql, name.span, `there is no table ${quoteText(name.name)}`, remedy);
}
