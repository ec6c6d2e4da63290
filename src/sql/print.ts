/**
 * Syntax tree to SQL text, and the names of result columns.
 *
 * Hides quoting and parentheses. Entry file: binding names columns by it. Invariants: the printed text
 * means the same and prints as itself again; every operation is in parentheses, so precedence needs no thought.
 * Column names follow DuckDB's.
 */
import { unreachable } from '../base/assert.ts';
import type {
  Alteration,
  ColumnDefinition,
  ExprNode,
  Identifier,
  OrderItem,
  CommonTable,
  Select,
  SelectItem,
  Statement,
  Subquery,
  TableName,
  TypeName,
  ValueRows,
} from './ast.ts';
import { canBeName } from './keyword.ts';

/** How count(*) is written: as SQL, or as the column name that DuckDB gives it. */
type Style = 'sql' | 'name';

/** Prints a whole statement on one line. */
export function printStatement(statement: Statement): string {
  switch (statement.kind) {
    case 'select':
      return printSelect(statement);
    case 'create_table': {
      const guard = statement.ifNotExists ? 'IF NOT EXISTS ' : '';
      const { query } = statement;
      if (query !== undefined) return `CREATE TABLE ${guard}${printTable(statement.table)} AS ${printSelect(query)}`;
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
    case 'show_tables':
      return 'SHOW TABLES';
    case 'show_snapshots':
      return 'SHOW SNAPSHOTS';
    case 'describe': {
      const target = statement.target;
      return `DESCRIBE ${target.kind === 'select' ? printSelect(target) : printTable(target)}`;
    }
    case 'explain':
      return `EXPLAIN ${printSelect(statement.query)}`;
    default:
      return unreachable(statement);
  }
}

function printSource(source: Select | ValueRows): string {
  if (source.kind === 'select') return printSelect(source);
  if (source.isDefault) return 'DEFAULT VALUES';
  const rows = source.rows.map(({ values }) => {
    const texts = values.map((value) => (value.kind === 'default_value' ? 'DEFAULT' : printExpression(value)));
    return `(${texts.join(', ')})`;
  });
  return `VALUES ${rows.join(', ')}`;
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

/** Prints one expression. */
function printExpression(node: ExprNode): string {
  return expression(node, 'sql');
}

/** The name that an item without an alias gives its result column: a column's own name, else the expression as text. */
export function columnLabel(node: ExprNode): string {
  if (node.kind === 'column_name') return node.path.at(-1)?.name ?? '';
  return expression(node, 'name');
}

/** A name, in double quotes where it would not be read back as itself. */
export function printName(name: string): string {
  if (/^[a-z_][a-z0-9_$]*$/iu.test(name) && canBeName(name.toLowerCase())) return name;
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string literal. */
export function printText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function printSelect(select: Select): string {
  const words = select.common.length === 0 ? ['SELECT'] : [printCommon(select.common), 'SELECT'];
  if (select.distinct) words.push('DISTINCT');
  words.push(select.items.map(printItem).join(', '));
  if (select.from !== undefined) words.push('FROM', printFrom(select.from));
  if (select.where !== undefined) words.push('WHERE', printExpression(select.where));
  if (select.groupAll) words.push('GROUP BY ALL');
  if (select.groups.length > 0) words.push('GROUP BY', list(select.groups, 'sql'));
  if (select.having !== undefined) words.push('HAVING', printExpression(select.having));
  if (select.orderAll !== undefined) words.push('ORDER BY', printOrder(select.orderAll));
  if (select.orders.length > 0) words.push('ORDER BY', select.orders.map(printOrder).join(', '));
  if (select.limit !== undefined) words.push('LIMIT', printExpression(select.limit));
  if (select.offset !== undefined) words.push('OFFSET', printExpression(select.offset));
  return words.join(' ');
}

function printCommon(tables: readonly CommonTable[]): string {
  const texts = tables.map(({ name, query }) => `${printIdentifier(name)} AS (${printSelect(query)})`);
  return `WITH ${texts.join(', ')}`;
}

function printFrom(from: TableName | Subquery): string {
  if (from.kind === 'table_name') return printTable(from);
  const alias = from.alias === undefined ? '' : ` AS ${printIdentifier(from.alias)}`;
  return `(${printSelect(from.query)})${alias}`;
}

function printItem(item: SelectItem): string {
  const text = printExpression(item.expr);
  return item.alias === undefined ? text : `${text} AS ${printIdentifier(item.alias)}`;
}

function printOrder(item: OrderItem): string {
  const nulls = item.nullsFirst === undefined ? '' : item.nullsFirst ? ' NULLS FIRST' : ' NULLS LAST';
  const expr = item.expr.kind === 'star' ? 'ALL' : printExpression(item.expr);
  return `${expr}${item.descending ? ' DESC' : ''}${nulls}`;
}

function printTable(table: TableName): string {
  const words = [printPath(table.path)];
  if (table.alias !== undefined) words.push('AS', printIdentifier(table.alias));
  if (table.at !== undefined) words.push(`AT (${table.at.unit.toUpperCase()} => ${printExpression(table.at.value)})`);
  return words.join(' ');
}

function printColumnDefinition(column: ColumnDefinition): string {
  const value = column.default === undefined ? '' : ` DEFAULT ${printExpression(column.default)}`;
  return `${printIdentifier(column.name)} ${typeText(column.type)}${value}${column.nullable ? '' : ' NOT NULL'}`;
}

function printIdentifier(identifier: Identifier): string {
  return identifier.quoted && identifier.name === '' ? '""' : printName(identifier.name);
}

function printPath(path: readonly Identifier[]): string {
  return path.map(printIdentifier).join('.');
}

const TYPE_ALIASES: Readonly<Record<string, string>> = {
  int: 'INTEGER',
  text: 'VARCHAR',
  string: 'VARCHAR',
  bool: 'BOOLEAN',
};

function typeText(type: TypeName): string {
  const name = TYPE_ALIASES[type.name] ?? type.name.toUpperCase();
  if (type.sizes.length === 0) return name;
  const sizes = `(${type.sizes.map(String).join(', ')})`;
  // TIMESTAMP(3) WITH TIME ZONE: the size belongs to the first word.
  const zone = name.indexOf(' WITH');
  return zone === -1 ? `${name}${sizes}` : `${name.slice(0, zone)}${sizes}${name.slice(zone)}`;
}

function list(nodes: readonly ExprNode[], style: Style): string {
  return nodes.map((node) => expression(node, style)).join(', ');
}

/** `text`, denied when `negated`. */
function maybeNot(negated: boolean, text: string): string {
  return negated ? `(NOT ${text})` : text;
}

function expression(node: ExprNode, style: Style): string {
  switch (node.kind) {
    case 'column_name':
      return printPath(node.path);
    case 'star':
      return node.table.length === 0 ? '*' : `${printPath(node.table)}.*`;
    case 'number':
      return node.text;
    case 'string':
      return printText(node.value);
    case 'bytes':
      return `X'${node.digits}'`;
    case 'boolean':
      return node.value ? 'true' : 'false';
    case 'null':
      return 'NULL';
    case 'parameter':
      return /^\d*$/u.test(node.name) ? `?${node.name}` : `$${node.name}`;
    case 'function_call':
      return callText(node, style);
    case 'case':
      return caseText(node, style);
    case 'cast': {
      const operand = expression(node.operand, style);
      return `${node.attempt ? 'TRY_CAST' : 'CAST'}(${operand} AS ${typeText(node.type)})`;
    }
    default:
      return operation(node, style);
  }
}

type Operation = Extract<
  ExprNode,
  { kind: 'unary' | 'binary' | 'logical' | 'is' | 'distinct_from' | 'between' | 'in' | 'like' }
>;

function operation(node: Operation, style: Style): string {
  switch (node.kind) {
    case 'unary': {
      const operand = expression(node.operand, style);
      return node.operator === 'not' ? `(NOT ${operand})` : `(${node.operator}(${operand}))`;
    }
    case 'binary':
      return `(${expression(node.left, style)} ${node.operator} ${expression(node.right, style)})`;
    case 'logical':
      return `(${node.operands.map((operand) => expression(operand, style)).join(` ${node.operator.toUpperCase()} `)})`;
    case 'is':
      return `(${expression(node.operand, style)} IS ${node.negated ? 'NOT ' : ''}${node.test.toUpperCase()})`;
    case 'distinct_from': {
      const words = `IS ${node.negated ? 'NOT ' : ''}DISTINCT FROM`;
      return `(${expression(node.left, style)} ${words} ${expression(node.right, style)})`;
    }
    case 'between': {
      const operand = expression(node.operand, style);
      const range = `${expression(node.low, style)} AND ${expression(node.high, style)}`;
      return maybeNot(node.negated, `(${operand} BETWEEN ${range})`);
    }
    case 'in':
      return maybeNot(node.negated, `(${expression(node.operand, style)} IN (${list(node.items, style)}))`);
    case 'like': {
      const operator = node.operator === 'similar' ? 'SIMILAR TO' : node.operator.toUpperCase();
      const escape = node.escape === undefined ? '' : ` ESCAPE ${expression(node.escape, style)}`;
      const operands = `${expression(node.operand, style)} ${operator} ${expression(node.pattern, style)}`;
      return maybeNot(node.negated, `(${operands}${escape})`);
    }
    default:
      return unreachable(node);
  }
}

function callText(node: Extract<ExprNode, { kind: 'function_call' }>, style: Style): string {
  const name = node.name.name.toLowerCase();
  const isCountStar = name === 'count' && !node.distinct && (node.star || node.args.length === 0);
  if (style === 'name' && isCountStar) return 'count_star()';
  const written = style === 'name' ? name : node.name.quoted ? printName(node.name.name) : name;
  return `${written}(${node.star ? '*' : `${node.distinct ? 'DISTINCT ' : ''}${list(node.args, style)}`})`;
}

/**
 * The spaces are DuckDB's: the text is a column's name. `CASE x WHEN y` prints as `CASE WHEN x = y` there, and here
 * in names.
 */
function caseText(node: Extract<ExprNode, { kind: 'case' }>, style: Style): string {
  const operand = node.operand === undefined ? undefined : expression(node.operand, style);
  const branches = node.branches.map((branch) => {
    const condition = expression(branch.condition, style);
    const tested = operand === undefined || style === 'sql' ? condition : `(${operand} = ${condition})`;
    return ` WHEN (${tested}) THEN (${expression(branch.result, style)})`;
  });
  const otherwise =
    node.otherwise === undefined
      ? style === 'sql'
        ? ''
        : ' ELSE NULL'
      : ` ELSE ${expression(node.otherwise, style)}`;
  const head = operand === undefined || style === 'name' ? 'CASE ' : `CASE ${operand}`;
  return `${head}${branches.join('')}${otherwise} END`;
}
