/**
 * Queries and expressions as SQL text, and the names of result columns. Statements are printed by tests alone.
 *
 * Hides quoting and parentheses. Entry file: binding names columns by it. Invariants: the printed text
 * means the same and prints as itself again; every operation is in parentheses, so precedence needs no thought.
 * Column names follow DuckDB's.
 */
import type {
  CommonTable,
  ExprNode,
  FromItem,
  FunctionCall,
  GroupItem,
  Identifier,
  LikeNode,
  Join,
  OrderItem,
  Query,
  Select,
  SelectItem,
  Star,
  TableName,
  TypeName,
  ValueRow,
} from './ast.ts';
import type { ShowStatement } from './ast-view.ts';
import type { WindowFrame, WindowSpec } from './ast-window.ts';
import type { IntervalUnit } from './ast-word.ts';
import { canBeFunction, isPlainName } from './keyword.ts';

/** How count(*) is written: as SQL, or as the column name that DuckDB gives it. */
type Style = 'sql' | 'name';

/** Prints one expression. */
export function printExpression(node: ExprNode): string {
  return expression(node, 'sql');
}

/** The name that an item without an alias gives its result column: a column's own name, else the expression as text. */
export function columnLabel(node: ExprNode): string {
  if (node.kind === 'moment') return columnLabel(node.written);
  if (node.kind === 'column_name') return node.path.at(-1)?.name ?? '';
  return expression(node, 'name');
}

/** A name, in double quotes where it would not be read back as itself, or is a word of the language. */
export function printName(name: string): string {
  if (/^[a-z_][a-z0-9_$]*$/iu.test(name) && isPlainName(name.toLowerCase())) return name;
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string literal. */
export function printText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A query's text; what stands around its body goes around the whole of it. */
export function printQuery(query: Query): string {
  const words = query.common.length === 0 ? [] : [printCommon(query.common)];
  words.push(printBody(query));
  if (query.orderAll !== undefined) words.push('ORDER BY', printOrder(query.orderAll));
  if (query.orders.length > 0) words.push('ORDER BY', query.orders.map(printOrder).join(', '));
  if (query.limit !== undefined) words.push('LIMIT', printExpression(query.limit));
  if (query.limitPercent) words.push('PERCENT');
  if (query.offset !== undefined) words.push('OFFSET', printExpression(query.offset));
  return words.join(' ');
}

function printBody(query: Query): string {
  switch (query.kind) {
    case 'select':
      return printSelect(query);
    case 'values_query':
      return `VALUES ${query.rows.map(printRow).join(', ')}`;
    case 'set_operation': {
      const words = [query.operator.toUpperCase(), query.all ? ' ALL' : '', query.byName ? ' BY NAME' : ''];
      return `(${printQuery(query.left)}) ${words.join('')} (${printQuery(query.right)})`;
    }
  }
}

function printSelect(select: Select): string {
  const words = ['SELECT'];
  if (select.distinct) words.push('DISTINCT');
  if (select.distinctOn.length > 0) words.push(`ON (${list(select.distinctOn, 'sql')})`);
  words.push(select.items.map(printItem).join(', '));
  if (select.from !== undefined) words.push('FROM', printFrom(select.from));
  if (select.where !== undefined) words.push('WHERE', printExpression(select.where));
  if (select.groupAll) words.push('GROUP BY ALL');
  if (select.groups.length > 0) words.push('GROUP BY', select.groups.map(printGroup).join(', '));
  if (select.having !== undefined) words.push('HAVING', printExpression(select.having));
  if (select.windows.length > 0) {
    const windows = select.windows.map(({ name, spec }) => `${printIdentifier(name)} AS ${specText(spec, 'sql')}`);
    words.push('WINDOW', windows.join(', '));
  }
  if (select.qualify !== undefined) words.push('QUALIFY', printExpression(select.qualify));
  return words.join(' ');
}

export function printRow({ values }: ValueRow): string {
  const texts = values.map((value) => (value.kind === 'default_value' ? 'DEFAULT' : printExpression(value)));
  return `(${texts.join(', ')})`;
}

function printGroup(group: GroupItem): string {
  if (group.kind === 'empty_group') return '()';
  if (group.kind !== 'grouping_sets') return printExpression(group);
  const form = group.form === 'sets' ? 'GROUPING SETS' : group.form.toUpperCase();
  return `${form} (${group.items.map(printGroup).join(', ')})`;
}

function printCommon(tables: readonly CommonTable[]): string {
  const texts = tables.map(({ name, columns, query }) => {
    return `${printIdentifier(name)}${printNames(columns)} AS (${printQuery(query)})`;
  });
  return `WITH ${tables[0]?.recursive === true ? 'RECURSIVE ' : ''}${texts.join(', ')}`;
}

export function printNames(names: readonly Identifier[]): string {
  return names.length === 0 ? '' : `(${names.map(printIdentifier).join(', ')})`;
}

/** An item of FROM. */
export function printFrom(from: FromItem): string {
  switch (from.kind) {
    case 'table_name':
      return printTable(from);
    case 'subquery':
      return `${from.lateral ? 'LATERAL ' : ''}(${printQuery(from.query)})${printAlias(from.alias, from.columns)}`;
    case 'table_function':
      return (
        `${sqlName(from.name)}(${list(from.args, 'sql')})${from.ordinality ? ' WITH ORDINALITY' : ''}` +
        printAlias(from.alias, from.columns)
      );
    case 'shown_rows':
      return `(${printShown(from.statement)})${printAlias(from.alias, from.columns)}`;
    case 'join':
      return printJoin(from);
  }
}

/** SHOW, DESCRIBE or SUMMARIZE. */
export function printShown(statement: ShowStatement): string {
  switch (statement.kind) {
    case 'show_tables':
      return statement.all ? 'SHOW ALL TABLES' : 'SHOW TABLES';
    case 'show_snapshots':
      return 'SHOW SNAPSHOTS';
    case 'describe':
    case 'summarize': {
      const { kind, target } = statement;
      const text = target.kind === 'table_name' ? printTable(target) : printQuery(target);
      return `${kind === 'describe' && statement.shows ? 'SHOW' : kind.toUpperCase()} ${text}`;
    }
  }
}

function printAlias(alias: Identifier | undefined, columns: readonly Identifier[]): string {
  return alias === undefined ? '' : ` AS ${printIdentifier(alias)}${printNames(columns)}`;
}

function printJoin(join: Join): string {
  const right = join.right.kind === 'join' ? `(${printFrom(join.right)})` : printFrom(join.right);
  const before = join.natural ? 'NATURAL' : join.asof ? 'ASOF' : '';
  const words = [printFrom(join.left), before, join.join.toUpperCase(), 'JOIN', right];
  if (join.on !== undefined) words.push('ON', printExpression(join.on));
  if (join.using.length > 0) words.push(`USING ${printNames(join.using)}`);
  return words.filter((word) => word !== '').join(' ');
}

/** An item of a list, with its alias. */
export function printItem(item: SelectItem): string {
  const text = printExpression(item.expr);
  return item.alias === undefined ? text : `${text} AS ${printIdentifier(item.alias)}`;
}

function printOrder(item: OrderItem): string {
  return orderText(item, 'sql');
}

function orderText(item: OrderItem, style: Style): string {
  const nulls = item.nullsFirst === undefined ? '' : item.nullsFirst ? ' NULLS FIRST' : ' NULLS LAST';
  return `${expression(item.expr, style)}${item.descending ? ' DESC' : item.directed ? ' ASC' : ''}${nulls}`;
}

export function printTable(table: TableName): string {
  const words = [printPath(table.path)];
  if (table.alias !== undefined) words.push('AS', `${printIdentifier(table.alias)}${printNames(table.columns)}`);
  if (table.at !== undefined) words.push(`AT (${table.at.unit.toUpperCase()} => ${printExpression(table.at.value)})`);
  return words.join(' ');
}

export function printIdentifier(identifier: Identifier): string {
  // Only an alias written as a string may be empty.
  return identifier.name === '' ? "''" : printName(identifier.name);
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

export function typeText(type: TypeName): string {
  const members = type.members.map(({ name, type: of }) => {
    return `${name === undefined ? '' : `${printIdentifier(name)} `}${typeText(of)}`;
  });
  const inner = members.length === 0 ? '' : `(${members.join(', ')})`;
  return `${plainTypeText(type)}${inner}${type.lists.map((size) => `[${size?.toString() ?? ''}]`).join('')}`;
}

function plainTypeText(type: TypeName): string {
  const name = TYPE_ALIASES[type.name] ?? type.name.toUpperCase();
  if (type.sizes.length === 0) return name;
  const sizes = `(${type.sizes.map(String).join(', ')})`;
  // TIMESTAMP(3) WITH TIME ZONE: the size belongs to the first word.
  const zone = name.indexOf(' WITH');
  return zone === -1 ? `${name}${sizes}` : `${name.slice(0, zone)}${sizes}${name.slice(zone)}`;
}

function printStar(star: Star): string {
  const words = [star.table.length === 0 ? '*' : `${printPath(star.table)}.*`];
  if (star.exclude.length > 0) words.push(`EXCLUDE (${star.exclude.map(({ path }) => printPath(path)).join(', ')})`);
  if (star.replace.length > 0) words.push(`REPLACE (${star.replace.map(printItem).join(', ')})`);
  if (star.rename.length > 0) words.push(`RENAME (${star.rename.map(printItem).join(', ')})`);
  if (star.filter !== undefined) words.push(`${star.filter.negated ? 'NOT ' : ''}${patternText(star.filter, 'sql')}`);
  return words.join(' ');
}

/** LIKE and its kin, without the operand and NOT. */
function patternText({ operator, pattern, escape }: LikeNode, style: Style): string {
  const word = operator === 'similar' ? 'SIMILAR TO' : operator.toUpperCase();
  return `${word} ${expression(pattern, style)}${escape === undefined ? '' : ` ESCAPE ${expression(escape, style)}`}`;
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
      return printStar(node);
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
      return `$${node.name}`;
    case 'function_call':
      return callText(node, style);
    case 'case':
      return caseText(node, style);
    case 'position':
      return `#${(node.place + 1).toString()}`;
    case 'columns':
      if (node.choice !== undefined) return `COLUMNS(${expression(node.choice, style)})`;
      return `COLUMNS(${node.pattern === undefined ? printStar(node.star) : printText(node.pattern)})`;
    case 'interval':
      return intervalText(expression(node.value, style), node.unit, style);
    case 'moment':
      return expression(node.written, style);
    case 'row':
    case 'array':
    case 'subscript':
    case 'slice':
    case 'field':
    case 'named_argument':
    case 'lambda':
      return nestedText(node, style);
    case 'cast': {
      const operand = expression(node.operand, style);
      return `${node.attempt ? 'TRY_CAST' : 'CAST'}(${operand} AS ${typeText(node.type)})`;
    }
    default:
      return operation(node, style);
  }
}

type NestedKind = 'row' | 'array' | 'subscript' | 'slice' | 'field' | 'named_argument' | 'lambda';

/** Nested values and their parts; in names as DuckDB writes them. */
function nestedText(node: Extract<ExprNode, { kind: NestedKind }>, style: Style): string {
  switch (node.kind) {
    case 'row':
      // The comma tells a row of one value from a value in parentheses.
      if (style !== 'name') return `(${list(node.items, style)}${node.items.length === 1 ? ',' : ''})`;
      return `"row"(${list(node.items, style)})`;
    case 'array':
      return style === 'name' ? `(ARRAY[${list(node.items, style)}])` : `ARRAY[${list(node.items, style)}]`;
    case 'subscript':
      return `${expression(node.operand, style)}[${expression(node.index, style)}]`;
    case 'slice': {
      const [from, to, step] = [node.from, node.to, node.step].map((part) => {
        return part === undefined ? '' : expression(part, style);
      }) as [string, string, string];
      const bounds = step === '' ? `${from}:${to}` : `${from}:${to === '' ? '-' : to}:${step}`;
      return `${expression(node.operand, style)}[${bounds}]`;
    }
    case 'field':
      return `(${expression(node.operand, style)}).${printIdentifier(node.name)}`;
    case 'named_argument':
      return `${partName(node.name, style)} := ${expression(node.value, style)}`;
    case 'lambda': {
      // Its body takes all that follows.
      return `(lambda ${node.parameters.map(printIdentifier).join(', ')}: ${expression(node.body, style)})`;
    }
  }
}

/** The name of an argument; DuckDB quotes its keywords in names of columns. */
function partName(name: Identifier, style: Style): string {
  return style === 'name' && PART_KEYWORDS.has(name.name) ? `"${name.name}"` : printIdentifier(name);
}

const PART_KEYWORDS = new Set(['filter', 'key', 'value', 'recursive', 'name', 'type', 'year', 'month', 'day']);

type QueryKind = 'scalar_query' | 'array_query' | 'exists' | 'in_query' | 'quantified';
/** In names as DuckDB writes it out: a call of a conversion. */
function intervalText(value: string, unit: IntervalUnit, style: Style): string {
  if (style === 'sql') return `INTERVAL (${value}) ${unit.toUpperCase()}`;
  const number = `CAST(${value} AS DOUBLE)`;
  if (unit === 'seconds' || unit === 'milliseconds') return `to_${unit}(${number})`;
  const wide = unit === 'hours' || unit === 'minutes' || unit === 'microseconds';
  return `to_${unit}(CAST(trunc(${number}) AS ${wide ? 'BIGINT' : 'INTEGER'}))`;
}

type Operation = Extract<
  ExprNode,
  { kind: 'unary' | 'binary' | 'logical' | 'is' | 'distinct_from' | 'between' | 'in' | 'like' | QueryKind }
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
      return maybeNot(node.negated, `(${expression(node.operand, style)} ${patternText(node, style)})`);
    }
    default:
      return queryOperation(node, style);
  }
}

/** Queries within expressions. */
function queryOperation(node: Extract<ExprNode, { kind: QueryKind }>, style: Style): string {
  switch (node.kind) {
    case 'array_query':
      return `ARRAY(${printQuery(node.query)})`;
    case 'scalar_query':
      return `(${printQuery(node.query)})`;
    case 'exists':
      return `EXISTS(${printQuery(node.query)})`;
    case 'in_query':
      return maybeNot(node.negated, `(${expression(node.operand, style)} IN (${printQuery(node.query)}))`);
    case 'quantified': {
      const words = `${node.operator} ${node.quantifier.toUpperCase()}`;
      return `(${expression(node.operand, style)} ${words} (${printQuery(node.query)}))`;
    }
  }
}

function callText(node: FunctionCall, style: Style): string {
  const name = node.name.name.toLowerCase();
  const isCountStar = name === 'count' && !node.distinct && (node.star || node.args.length === 0);
  const where = node.filter === undefined ? '' : ` FILTER (WHERE ${expression(node.filter, style)})`;
  const filter = `${where}${node.over === undefined ? '' : ` OVER ${overText(node.over, style)}`}`;
  if (style === 'name' && isCountStar) return `${node.over === undefined ? 'count_star' : 'count'}()${filter}`;
  const written = style === 'name' ? callName(node) : sqlName(node.name);
  const args = node.star ? '*' : `${node.distinct ? 'DISTINCT ' : ''}${list(node.args, style)}`;
  const nulls = nullsText(node, style);
  if (node.orders.length === 0) return `${written}(${args}${nulls})${filter}`;
  const orders = `ORDER BY ${node.orders.map((item) => orderText(item, style)).join(', ')}${nulls}`;
  // DuckDB reads percentile_cont(q) WITHIN GROUP (ORDER BY x) as quantile_cont(q ORDER BY x), and mode as it stands.
  const isApart = node.withinGroup && (style === 'sql' || name === 'mode');
  if (isApart) return `${written}(${args}) WITHIN GROUP (${style === 'name' ? ' ' : ''}${orders})${filter}`;
  const gap = args !== '' || style === 'name' ? ' ' : '';
  return `${written}(${args}${gap}${orders})${filter}`;
}

/** As DuckDB, which leaves RESPECT NULLS out of names. */
function nullsText({ nulls }: FunctionCall, style: Style): string {
  if (nulls === undefined || (nulls === 'respect' && style === 'name')) return '';
  return ` ${nulls.toUpperCase()} NULLS`;
}

function overText(over: WindowSpec | Identifier, style: Style): string {
  return over.kind === 'identifier' ? printIdentifier(over) : specText(over, style);
}

function specText({ base, partitions, orders, frame }: WindowSpec, style: Style): string {
  const words = base === undefined ? [] : [printIdentifier(base)];
  if (partitions.length > 0) words.push('PARTITION BY', list(partitions, style));
  if (orders.length > 0) words.push('ORDER BY', orders.map((item) => orderText(item, style)).join(', '));
  if (frame !== undefined && (style === 'sql' || !isUsualFrame(frame))) words.push(frameText(frame, style));
  return `(${words.join(' ')})`;
}

/** The frame of a window that says none, which DuckDB leaves out of names. */
function isUsualFrame({ unit, start, end, exclude }: WindowFrame): boolean {
  const isDefault = unit === 'range' && start.bound === 'unbounded_preceding' && end.bound === 'current_row';
  return isDefault && exclude === undefined;
}

function frameText({ unit, start, end, exclude }: WindowFrame, style: Style): string {
  const [from, to] = [start, end].map(({ bound, value }) => {
    const distance = value === undefined ? '' : `${expression(value, style)} `;
    return `${distance}${bound.replace('_', ' ').toUpperCase()}`;
  });
  const left = exclude === undefined ? '' : ` EXCLUDE ${exclude.toUpperCase()}`;
  return `${unit.toUpperCase()} BETWEEN ${from ?? ''} AND ${to ?? ''}${left}`;
}

/** Names of functions that are keywords of DuckDB, which it quotes in the names of columns. */
const QUOTED_NAMES = new Set('filter first last left map mode nullif range replace right row'.split(' '));

/** Without quotes `position(` would want IN between its arguments, and `values(` would begin a query. */
const UNCALLED = new Set(['position', 'values']);

/** A function's name where a call begins. */
function sqlName({ name, quoted }: Identifier): string {
  if (UNCALLED.has(name.toLowerCase())) return `"${name.toLowerCase()}"`;
  return quoted || !canBeFunction(name.toLowerCase()) ? printName(name) : name.toLowerCase();
}

function callName(node: FunctionCall): string {
  const name = node.name.name.toLowerCase();
  if (node.over !== undefined && !node.withinGroup)
    return name === 'first' || name === 'last' ? `${name}_value` : name;
  if (name === 'grouping' || name === 'grouping_id') return 'GROUPING';
  if (name === 'try') return 'TRY';
  if (QUOTED_NAMES.has(name)) return `"${name}"`;
  return node.withinGroup ? name.replace(/^percentile_/u, 'quantile_') : name;
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
