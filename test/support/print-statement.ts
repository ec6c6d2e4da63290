/**
 * Statements as SQL text, for tests of the parser.
 *
 * Hides nothing. Invariant: the printed text means the same and prints as itself again. @see src/sql/print.ts
 */
import { unreachable } from '../../src/base/assert.ts';
import type { Alteration, ColumnDefinition, ExprNode, Query, Statement, ValueRows } from '../../src/sql/ast.ts';
import type { CopyOption } from '../../src/sql/ast-command.ts';
import {
  printExpression,
  printIdentifier,
  printNames,
  printQuery,
  printRow,
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
      const guard = statement.ifNotExists ? 'IF NOT EXISTS ' : '';
      const { query } = statement;
      if (query !== undefined) return `CREATE TABLE ${guard}${printTable(statement.table)} AS ${printQuery(query)}`;
      const columns = statement.columns.map(printColumnDefinition).join(', ');
      return `CREATE TABLE ${guard}${printTable(statement.table)} (${columns})`;
    }
    case 'drop_table':
      return `DROP TABLE ${statement.ifExists ? 'IF EXISTS ' : ''}${printTable(statement.table)}`;
    case 'alter_table':
      return `ALTER TABLE ${statement.ifExists ? 'IF EXISTS ' : ''}${printTable(statement.table)} ${printAlteration(statement.change)}`;
    case 'truncate':
      return `TRUNCATE TABLE ${printTable(statement.table)}`;
    case 'insert': {
      const columns = statement.columns?.map(printIdentifier).join(', ');
      const names = columns === undefined ? '' : ` (${columns})`;
      const matching = statement.byName ? ' BY NAME' : '';
      return `INSERT INTO ${printTable(statement.table)}${matching}${names} ${printSource(statement.source)}`;
    }
    case 'delete':
      return `DELETE FROM ${printTable(statement.table)}${printWhere(statement.where)}`;
    case 'update': {
      const assignments = statement.assignments.map(
        ({ column, value }) => `${printIdentifier(column)} = ${printExpression(value)}`,
      );
      return `UPDATE ${printTable(statement.table)} SET ${assignments.join(', ')}${printWhere(statement.where)}`;
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
      return 'SHOW TABLES';
    case 'show_snapshots':
      return 'SHOW SNAPSHOTS';
    case 'describe': {
      const target = statement.target;
      return `DESCRIBE ${target.kind === 'table_name' ? printTable(target) : printQuery(target)}`;
    }
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

function printWhere(where: ExprNode | undefined): string {
  return where === undefined ? '' : ` WHERE ${printExpression(where)}`;
}

function printAlteration(change: Alteration): string {
  switch (change.kind) {
    case 'add_column':
      return `ADD COLUMN ${change.ifNotExists ? 'IF NOT EXISTS ' : ''}${printColumnDefinition(change.column)}`;
    case 'drop_column':
      return `DROP COLUMN ${change.ifExists ? 'IF EXISTS ' : ''}${printIdentifier(change.column)}`;
    case 'rename_column':
      return `RENAME COLUMN ${printIdentifier(change.column)} TO ${printIdentifier(change.to)}`;
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
