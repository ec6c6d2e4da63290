/**
 * ALTER TABLE: what was written becomes a change of the table's definition.
 *
 * Hides how names are matched. Invariants: a change names columns exactly as the table has them; what rows that are
 * there read as is one row of the field's type, computed here and never again; when the table is missing and that is
 * allowed, names are passed on as written.
 */
import type { Field } from '../arrow/schema.ts';
import type { Vector } from '../arrow/vector.ts';
import { COLUMNS_MAX } from '../base/limits.ts';
import { foldName } from '../base/names.ts';
import type { Alteration } from '../sql/ast-alter.ts';
import type { Identifier, Statement } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import type { BindCatalog } from './bind-catalog.ts';
import { bindDefault } from './bind-default.ts';
import { checkNewName } from './new-name.ts';
import type { PlannedStatement, TableChange } from './physical.ts';
import { timeLengthMs } from './retention.ts';
import type { CatalogTable, ScopeColumn } from './scope.ts';
import { findTable, lookUpTable, Scope, tableNameOf } from './scope.ts';
import { arrowTypeOf, sqlTypeName } from './sql-type.ts';

type AlterTable = Extract<Statement, { kind: 'alter_table' }>;
type Change<Kind extends Alteration['kind']> = Extract<Alteration, { kind: Kind }>;

/** Binds ALTER TABLE. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function bindAlter(sql: string, statement: AlterTable, catalog: BindCatalog): PlannedStatement {
  const { ifExists } = statement;
  const table = ifExists ? lookUpTable(sql, catalog, statement.table) : findTable(sql, catalog, statement.table);
  const name = table?.name ?? tableNameOf(sql, statement.table);
  return { kind: 'alter_table', name, ifExists, change: bindChange(sql, statement.change, table) };
}

function bindChange(sql: string, change: Alteration, table: CatalogTable | undefined): TableChange {
  switch (change.kind) {
    case 'add_column':
      return bindAdd(sql, change, table);
    case 'drop_column':
      return bindDrop(sql, change, table);
    case 'rename_column':
      return bindRename(sql, change, table);
    case 'set_default':
      return bindNewDefault(sql, change, table);
    case 'set_nullable': {
      const column = table === undefined ? change.column.name : present(sql, table, change.column).field.name;
      return { kind: 'set_nullable', column, nullable: change.nullable };
    }
    case 'set_ttl':
      return bindTtl(sql, change, table);
    case 'drop_ttl':
      return { kind: 'set_ttl', ttl: undefined };
  }
}

function bindAdd(sql: string, change: Change<'add_column'>, table: CatalogTable | undefined): TableChange {
  const { column, ifNotExists } = change;
  const { name } = column.name;
  checkNewName(sql, column.name);
  const type = arrowTypeOf(sql, column.type);
  const field: Field = { name, type, nullable: column.nullable, metadata: [] };
  const { value, text } = bindFirst(sql, change, field);
  const taken = table?.schema.fields.find((candidate) => foldName(candidate.name) === foldName(name));
  // The column's own definition: there is nothing to add.
  if (taken !== undefined && ifNotExists) {
    return { kind: 'add_column', field: taken, default: undefined, sql: undefined, ifNotExists };
  }
  if (taken !== undefined) throw takenError(sql, column.name, taken, table);
  if ((table?.schema.fields.length ?? 0) >= COLUMNS_MAX) {
    const message = `table ${table?.name ?? ''} has ${COLUMNS_MAX.toString()} columns, and no more are allowed`;
    throw sqlError('limit_exceeded', sql, column.name.span, message);
  }
  return { kind: 'add_column', field, default: value, sql: text, ifNotExists };
}

/** What the rows that are there read as, undefined for NULL, and the text for those to come. */
function bindFirst(
  sql: string,
  { column }: Change<'add_column'>,
  field: Field,
): { readonly value: Vector | undefined; readonly text: string | undefined } {
  const given = column.default === undefined ? undefined : bindDefault(sql, column.default, field);
  if (given !== undefined && given.value.nullCount === 0) return given;
  if (field.nullable) return { value: undefined, text: given?.text };
  const message = `column ${quoteText(field.name)} is NOT NULL, and the rows that there are need a value for it`;
  throw sqlError('sql_bind', sql, column.span, message, 'add a DEFAULT that is not NULL');
}

function takenError(sql: string, written: Identifier, taken: Field, table: CatalogTable | undefined): Error {
  const message = `table ${table?.name ?? ''} has a column ${quoteText(taken.name)} already`;
  return sqlError('sql_bind', sql, written.span, message);
}

function find(sql: string, table: CatalogTable, column: Identifier): ScopeColumn | undefined {
  return Scope.of(sql, table).find({ kind: 'column_name', path: [column], span: column.span });
}

/** The column that `column` names. @throws `sql_bind` with the nearest name. */
function present(sql: string, table: CatalogTable, column: Identifier): ScopeColumn {
  const found = find(sql, table, column);
  if (found !== undefined) return found;
  throw Scope.of(sql, table).missing({ kind: 'column_name', path: [column], span: column.span }, []);
}

function bindDrop(sql: string, change: Change<'drop_column'>, table: CatalogTable | undefined): TableChange {
  const { column, ifExists } = change;
  if (table === undefined) return { kind: 'drop_column', column: column.name, ifExists };
  const found = ifExists ? find(sql, table, column) : present(sql, table, column);
  if (found !== undefined && table.schema.fields.length === 1) {
    const message = `column ${quoteText(found.field.name)} is the only one of table ${table.name}`;
    throw sqlError('sql_bind', sql, column.span, message, 'drop the table by DROP TABLE');
  }
  return { kind: 'drop_column', column: found?.field.name ?? column.name, ifExists };
}

function bindRename(sql: string, change: Change<'rename_column'>, table: CatalogTable | undefined): TableChange {
  const { column, to } = change;
  checkNewName(sql, to);
  if (table === undefined) return { kind: 'rename_column', column: column.name, to: to.name };
  const { field, index } = present(sql, table, column);
  // The column itself may keep its name in another case.
  const taken = table.schema.fields.find((other, i) => i !== index && foldName(other.name) === foldName(to.name));
  if (taken !== undefined) throw takenError(sql, to, taken, table);
  return { kind: 'rename_column', column: field.name, to: to.name };
}

function bindNewDefault(
  sql: string,
  { column, value }: Change<'set_default'>,
  table: CatalogTable | undefined,
): TableChange {
  if (table === undefined) return { kind: 'set_default', column: column.name, sql: undefined };
  const { field } = present(sql, table, column);
  const text = value === undefined ? undefined : bindDefault(sql, value, field).text;
  return { kind: 'set_default', column: field.name, sql: text };
}

function bindTtl(sql: string, change: Change<'set_ttl'>, table: CatalogTable | undefined): TableChange {
  const ms = timeLengthMs(sql, change.length);
  if (table === undefined) return { kind: 'set_ttl', ttl: { column: change.column.name, ms } };
  const { field } = present(sql, table, change.column);
  const { type } = field;
  if (type.id !== 'timestamp' && type.id !== 'date') {
    const message = `column ${quoteText(field.name)} is ${sqlTypeName(type)}, and a time to live goes by a TIMESTAMP or DATE`;
    throw sqlError('sql_bind', sql, change.column.span, message);
  }
  return { kind: 'set_ttl', ttl: { column: field.name, ms } };
}
