/**
 * Statements as SQL text, for tests of the parser.
 *
 * Hides nothing. Invariant: the printed text means the same and prints as itself again. @see src/sql/print.ts
 */
import { unreachable } from '../../src/base/assert.ts';
import type {
  ColumnDefinition,
  DefaultValue,
  ExprNode,
  Query,
  SelectItem,
  Statement,
  ValueRows,
} from '../../src/sql/ast.ts';
import type { Alteration } from '../../src/sql/ast-alter.ts';
import type { CopyOption } from '../../src/sql/ast-command.ts';
import type { ViewStatement } from '../../src/sql/ast-view.ts';
import {
  printExpression,
  printFrom,
  printIdentifier,
  printItem,
  printNames,
  printQuery,
  printRow,
  printShown,
  printTable,
  printText,
  typeText,
} from '../../src/sql/print.ts';

/** Prints a whole statement on one line. */
export function printStatement(statement: Statement): string {
  switch (statement.kind) {
    case 'select':
    case 'set_operation':
    case 'values_query':
      return printQuery(statement);
    case 'create_table': {
      const { query } = statement;
      const head = `${printCreate('TABLE', statement)}${printTable(statement.table)}`;
      if (query !== undefined) return `${head} AS ${printQuery(query)}`;
      return `${head} (${statement.columns.map(printColumnDefinition).join(', ')})`;
    }
    case 'drop_table':
      return `DROP TABLE ${statement.ifExists ? 'IF EXISTS ' : ''}${printTable(statement.table)}`;
    case 'create_view':
    case 'drop_view':
      return printView(statement);
    case 'alter_table':
      return `ALTER TABLE ${statement.ifExists ? 'IF EXISTS ' : ''}${printTable(statement.table)} ${printAlteration(statement.change)}`;
    case 'truncate':
      return `TRUNCATE TABLE ${printTable(statement.table)}`;
    case 'insert': {
      const columns = statement.columns?.map(printIdentifier).join(', ');
      const names = columns === undefined ? '' : ` (${columns})`;
      const matching = statement.byName ? ' BY NAME' : '';
      const target = `${printTable(statement.table)}${matching}${names}`;
      return `INSERT INTO ${target} ${printSource(statement.source)}${printReturning(statement.returning)}`;
    }
    case 'delete':
      return `DELETE FROM ${printTable(statement.table)}${printRest('USING', statement)}`;
    case 'update': {
      const assignments = statement.assignments.map(
        ({ column, value }) => `${printIdentifier(column)} = ${printValue(value)}`,
      );
      const rest = printRest('FROM', statement);
      return `UPDATE ${printTable(statement.table)} SET ${assignments.join(', ')}${rest}`;
    }
    case 'copy_from': {
      const { table, columns, path, options } = statement;
      const names = columns === undefined ? '' : ` ${printNames(columns)}`;
      return `COPY ${printTable(table)}${names} FROM ${printExpression(path)}${printOptions(options)}`;
    }
    case 'copy_to':
      return `COPY (${printQuery(statement.query)}) TO ${printExpression(statement.path)}${printOptions(statement.options)}`;
    case 'prepare':
      return `PREPARE ${printIdentifier(statement.name)} AS ${printStatement(statement.statement)}`;
    case 'execute': {
      const args = statement.args.map(({ name, value }) => {
        return `${name === undefined ? '' : `${printIdentifier(name)} := `}${printExpression(value)}`;
      });
      return `EXECUTE ${printIdentifier(statement.name)}${args.length === 0 ? '' : `(${args.join(', ')})`}`;
    }
    case 'deallocate':
      return `DEALLOCATE ${printIdentifier(statement.name)}`;
    case 'set': {
      const { name, value } = statement;
      if (value === undefined) return `RESET ${printIdentifier(name)}`;
      return `SET ${printIdentifier(name)} = ${printExpression(value)}`;
    }
    case 'show_tables':
    case 'show_snapshots':
    case 'describe':
    case 'summarize':
      return printShown(statement);
    case 'explain':
      return `EXPLAIN ${statement.analyze ? 'ANALYZE ' : ''}${printQuery(statement.query)}`;
    default:
      return unreachable(statement);
  }
}

function printSource(source: Query | ValueRows): string {
  if (source.kind !== 'value_rows') return printQuery(source);
  if (source.isDefault) return 'DEFAULT VALUES';
  return `VALUES ${source.rows.map(printRow).join(', ')}`;
}

function printOptions(options: readonly CopyOption[]): string {
  const texts = options.map(({ name, value }) => {
    return `${printIdentifier(name)}${value === undefined ? '' : ` ${printExpression(value)}`}`;
  });
  return texts.length === 0 ? '' : ` (${texts.join(', ')})`;
}

function printView(statement: ViewStatement): string {
  switch (statement.kind) {
    case 'create_view': {
      const head = `${printCreate('VIEW', statement)}${printTable(statement.view)}`;
      return `${head}${printNames(statement.columns)} AS ${printQuery(statement.query)}`;
    }
    case 'drop_view':
      return `DROP VIEW ${statement.ifExists ? 'IF EXISTS ' : ''}${printTable(statement.view)}`;
  }
}

function printValue(value: ExprNode | DefaultValue): string {
  return value.kind === 'default_value' ? 'DEFAULT' : printExpression(value);
}

function printCreate(what: string, { orReplace, ifNotExists }: { orReplace: boolean; ifNotExists: boolean }): string {
  return `CREATE ${orReplace ? 'OR REPLACE ' : ''}${what} ${ifNotExists ? 'IF NOT EXISTS ' : ''}`;
}

/** What follows the target of DELETE and the assignments of UPDATE. */
function printRest(word: string, edit: Extract<Statement, { kind: 'delete' | 'update' }>): string {
  const from = edit.from === undefined ? '' : ` ${word} ${printFrom(edit.from)}`;
  const where = edit.where === undefined ? '' : ` WHERE ${printExpression(edit.where)}`;
  return `${from}${where}${printReturning(edit.returning)}`;
}

function printReturning(items: readonly SelectItem[]): string {
  return items.length === 0 ? '' : ` RETURNING ${items.map(printItem).join(', ')}`;
}

function printAlteration(change: Alteration): string {
  switch (change.kind) {
    case 'add_column':
      return `ADD COLUMN ${change.ifNotExists ? 'IF NOT EXISTS ' : ''}${printColumnDefinition(change.column)}`;
    case 'drop_column':
      return `DROP COLUMN ${change.ifExists ? 'IF EXISTS ' : ''}${printIdentifier(change.column)}`;
    case 'rename_column':
      return `RENAME COLUMN ${printIdentifier(change.column)} TO ${printIdentifier(change.to)}`;
    case 'set_default': {
      const column = `ALTER COLUMN ${printIdentifier(change.column)}`;
      if (change.value === undefined) return `${column} DROP DEFAULT`;
      return `${column} SET DEFAULT ${printExpression(change.value)}`;
    }
    case 'set_nullable':
      return `ALTER COLUMN ${printIdentifier(change.column)} ${change.nullable ? 'DROP' : 'SET'} NOT NULL`;
    case 'set_ttl':
      return `SET TTL ${printText(change.length.text)} ON ${printIdentifier(change.column)}`;
    case 'drop_ttl':
      return 'DROP TTL';
  }
}

function printColumnDefinition(column: ColumnDefinition): string {
  const value = column.default === undefined ? '' : ` DEFAULT ${printExpression(column.default)}`;
  return `${printIdentifier(column.name)} ${typeText(column.type)}${value}${column.nullable ? '' : ' NOT NULL'}`;
}
