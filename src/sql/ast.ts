/**
 * The syntax tree: what was written, nothing of what it means.
 *
 * Hides nothing. Invariants: nodes are immutable plain objects; every node's span covers all of its text;
 * CHILD_FIELDS names, for each kind, every field that holds nodes, and is the only table that walking needs.
 */
import type { Span } from '../base/errors.ts';

/**
 * A name as written, without its quotes; unquoted names compare without regard to ASCII case, and so do quoted
 * ones.
 */
export interface Identifier {
  readonly kind: 'identifier';
  readonly name: string;
  readonly quoted: boolean;
  readonly span: Span;
}

/** A type's name, lower-case, words joined by one space; `sizes` are the numbers in parentheses. */
export interface TypeName {
  readonly kind: 'type_name';
  readonly name: string;
  readonly sizes: readonly number[];
  readonly span: Span;
}

export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '//'
  | '%'
  | '^'
  | '**'
  | '||'
  | '&'
  | '|'
  | '<<'
  | '>>'
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '~'
  | '!~'
  | '~*'
  | '!~*'
  | '~~'
  | '!~~'
  | '~~*'
  | '!~~*'
  | '~~~'
  | '^@';

export interface ColumnName {
  readonly kind: 'column_name';
  /** Column; table and column; schema, table and column; catalog, schema, table and column. */
  readonly path: readonly Identifier[];
  readonly span: Span;
}

export interface Star {
  readonly kind: 'star';
  /** Empty for a bare `*`. */
  readonly table: readonly Identifier[];
  readonly span: Span;
}

export interface FunctionCall {
  readonly kind: 'function_call';
  readonly name: Identifier;
  readonly args: readonly ExprNode[];
  /** `f(*)`. */
  readonly star: boolean;
  readonly distinct: boolean;
  readonly span: Span;
}

export interface When {
  readonly kind: 'when';
  readonly condition: ExprNode;
  readonly result: ExprNode;
  readonly span: Span;
}

export type ExprNode =
  | ColumnName
  | Star
  | FunctionCall
  /** Digits as written, with a leading `-` when the minus stood directly before them. */
  | { readonly kind: 'number'; readonly text: string; readonly span: Span }
  | { readonly kind: 'string'; readonly value: string; readonly span: Span }
  /** `digits` are pairs of hexadecimal digits. */
  | { readonly kind: 'bytes'; readonly digits: string; readonly span: Span }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly span: Span }
  | { readonly kind: 'null'; readonly span: Span }
  | { readonly kind: 'parameter'; readonly name: string; readonly span: Span }
  | {
      readonly kind: 'unary';
      readonly operator: '-' | '+' | '~' | '@' | 'not';
      readonly operand: ExprNode;
      readonly span: Span;
    }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: ExprNode;
      readonly right: ExprNode;
      readonly span: Span;
    }
  /** Two or more operands, so that long chains stay flat. */
  | {
      readonly kind: 'logical';
      readonly operator: 'and' | 'or';
      readonly operands: readonly ExprNode[];
      readonly span: Span;
    }
  | {
      readonly kind: 'is';
      readonly operand: ExprNode;
      readonly test: 'null' | 'true' | 'false';
      readonly negated: boolean;
      readonly span: Span;
    }
  | {
      readonly kind: 'distinct_from';
      readonly left: ExprNode;
      readonly right: ExprNode;
      readonly negated: boolean;
      readonly span: Span;
    }
  | {
      readonly kind: 'between';
      readonly operand: ExprNode;
      readonly low: ExprNode;
      readonly high: ExprNode;
      readonly negated: boolean;
      readonly span: Span;
    }
  | {
      readonly kind: 'in';
      readonly operand: ExprNode;
      readonly items: readonly ExprNode[];
      readonly negated: boolean;
      readonly span: Span;
    }
  | {
      readonly kind: 'like';
      readonly operator: 'like' | 'ilike' | 'similar' | 'glob';
      readonly operand: ExprNode;
      readonly pattern: ExprNode;
      /** Of LIKE and ILIKE. */
      readonly escape: ExprNode | undefined;
      readonly negated: boolean;
      readonly span: Span;
    }
  | {
      readonly kind: 'case';
      /** `CASE operand WHEN value …`; undefined for `CASE WHEN condition …`. */
      readonly operand: ExprNode | undefined;
      readonly branches: readonly When[];
      readonly otherwise: ExprNode | undefined;
      readonly span: Span;
    }
  /** `written`: as `CAST(…)`, as `::`, or as a typed literal such as `DATE '2020-01-01'`. */
  | {
      readonly kind: 'cast';
      readonly operand: ExprNode;
      readonly type: TypeName;
      readonly attempt: boolean;
      readonly written: 'call' | 'colons' | 'literal';
      readonly span: Span;
    };

export interface SelectItem {
  readonly kind: 'select_item';
  readonly expr: ExprNode;
  readonly alias: Identifier | undefined;
  readonly span: Span;
}

/** `AT (VERSION => n)` or `AT (TIMESTAMP => t)`. */
export interface TimeTravel {
  readonly kind: 'time_travel';
  readonly unit: 'version' | 'timestamp';
  readonly value: ExprNode;
  readonly span: Span;
}

export interface TableName {
  readonly kind: 'table_name';
  /** Table; schema and table; catalog, schema and table. */
  readonly path: readonly Identifier[];
  readonly at: TimeTravel | undefined;
  readonly alias: Identifier | undefined;
  readonly span: Span;
}

/** `(SELECT …) [AS] alias` in FROM. */
export interface Subquery {
  readonly kind: 'subquery';
  readonly query: Select;
  readonly alias: Identifier | undefined;
  readonly span: Span;
}

/** `name AS (SELECT …)` of WITH. */
export interface CommonTable {
  readonly kind: 'common_table';
  readonly name: Identifier;
  readonly query: Select;
  readonly span: Span;
}

export interface OrderItem {
  readonly kind: 'order_item';
  readonly expr: ExprNode;
  readonly descending: boolean;
  /** Undefined when not written: last, for either direction. */
  readonly nullsFirst: boolean | undefined;
  readonly span: Span;
}

export interface Select {
  readonly kind: 'select';
  /** Of WITH, in order; a later one may read those before it. */
  readonly common: readonly CommonTable[];
  readonly distinct: boolean;
  readonly items: readonly SelectItem[];
  readonly from: TableName | Subquery | undefined;
  readonly where: ExprNode | undefined;
  /** `GROUP BY ALL`: by every item without an aggregate. */
  readonly groupAll: boolean;
  readonly groups: readonly ExprNode[];
  readonly having: ExprNode | undefined;
  /** `ORDER BY ALL`: by every column, with the direction given here. */
  readonly orderAll: OrderItem | undefined;
  readonly orders: readonly OrderItem[];
  /** Undefined also for `LIMIT ALL`. */
  readonly limit: ExprNode | undefined;
  readonly offset: ExprNode | undefined;
  readonly span: Span;
}

export interface ColumnDefinition {
  readonly kind: 'column_definition';
  readonly name: Identifier;
  readonly type: TypeName;
  readonly nullable: boolean;
  /** Only ALTER TABLE … ADD has one. */
  readonly default: ExprNode | undefined;
  readonly span: Span;
}

/** `column = value` of UPDATE. */
export interface Assignment {
  readonly kind: 'assignment';
  readonly column: Identifier;
  readonly value: ExprNode;
  readonly span: Span;
}

/** The word DEFAULT in place of a value. */
export interface DefaultValue {
  readonly kind: 'default_value';
  readonly span: Span;
}

/** One row of VALUES. */
export interface ValueRow {
  readonly kind: 'value_row';
  readonly values: readonly (ExprNode | DefaultValue)[];
  readonly span: Span;
}

/** `VALUES (…), …`, or DEFAULT VALUES: one row that names no column. */
export interface ValueRows {
  readonly kind: 'value_rows';
  readonly rows: readonly ValueRow[];
  readonly isDefault: boolean;
  readonly span: Span;
}

/** A length of time as written, without INTERVAL and quotes: `30 days`. */
export interface TimeLength {
  readonly kind: 'time_length';
  readonly text: string;
  readonly span: Span;
}

/** What ALTER TABLE does. */
export type Alteration =
  | {
      readonly kind: 'add_column';
      readonly column: ColumnDefinition;
      readonly ifNotExists: boolean;
      readonly span: Span;
    }
  | {
      readonly kind: 'drop_column';
      readonly column: Identifier;
      readonly ifExists: boolean;
      readonly span: Span;
    }
  | { readonly kind: 'rename_column'; readonly column: Identifier; readonly to: Identifier; readonly span: Span }
  | { readonly kind: 'set_ttl'; readonly length: TimeLength; readonly column: Identifier; readonly span: Span }
  | { readonly kind: 'drop_ttl'; readonly span: Span };

export type Statement =
  | Select
  | {
      readonly kind: 'create_table';
      readonly table: TableName;
      readonly ifNotExists: boolean;
      /** Empty with a query. */
      readonly columns: readonly ColumnDefinition[];
      /** `AS SELECT …`: columns and rows are its. */
      readonly query: Select | undefined;
      readonly span: Span;
    }
  | { readonly kind: 'drop_table'; readonly table: TableName; readonly ifExists: boolean; readonly span: Span }
  | {
      readonly kind: 'alter_table';
      readonly table: TableName;
      readonly ifExists: boolean;
      readonly change: Alteration;
      readonly span: Span;
    }
  | { readonly kind: 'truncate'; readonly table: TableName; readonly span: Span }
  | {
      readonly kind: 'insert';
      readonly table: TableName;
      /** Undefined: all of the table's, in its order. */
      readonly columns: readonly Identifier[] | undefined;
      /** The query's columns go to those of the same names. */
      readonly byName: boolean;
      readonly source: Select | ValueRows;
      readonly span: Span;
    }
  | {
      readonly kind: 'delete';
      readonly table: TableName;
      readonly where: ExprNode | undefined;
      readonly span: Span;
    }
  | {
      readonly kind: 'update';
      readonly table: TableName;
      readonly assignments: readonly Assignment[];
      readonly where: ExprNode | undefined;
      readonly span: Span;
    }
  | { readonly kind: 'show_tables'; readonly span: Span }
  | { readonly kind: 'show_snapshots'; readonly span: Span }
  | { readonly kind: 'describe'; readonly target: TableName | Select; readonly span: Span }
  | { readonly kind: 'explain'; readonly query: Select; readonly span: Span };

export type Node =
  | ExprNode
  | Statement
  | Alteration
  | Identifier
  | TypeName
  | When
  | SelectItem
  | TimeTravel
  | TableName
  | Subquery
  | CommonTable
  | OrderItem
  | ColumnDefinition
  | Assignment
  | DefaultValue
  | ValueRow
  | ValueRows
  | TimeLength;
export type NodeKind = Node['kind'];

/** Fields of each kind that hold a node, nodes, or nothing. */
const CHILD_FIELDS: {
  readonly [K in NodeKind]: readonly Exclude<keyof Extract<Node, { kind: K }>, 'kind' | 'span'>[];
} = {
  identifier: [],
  type_name: [],
  column_name: ['path'],
  star: ['table'],
  function_call: ['name', 'args'],
  when: ['condition', 'result'],
  number: [],
  string: [],
  bytes: [],
  boolean: [],
  null: [],
  parameter: [],
  unary: ['operand'],
  binary: ['left', 'right'],
  logical: ['operands'],
  is: ['operand'],
  distinct_from: ['left', 'right'],
  between: ['operand', 'low', 'high'],
  in: ['operand', 'items'],
  like: ['operand', 'pattern', 'escape'],
  case: ['operand', 'branches', 'otherwise'],
  cast: ['operand', 'type'],
  select_item: ['expr', 'alias'],
  time_travel: ['value'],
  subquery: ['query', 'alias'],
  common_table: ['name', 'query'],
  table_name: ['path', 'at', 'alias'],
  order_item: ['expr'],
  select: ['common', 'items', 'from', 'where', 'groups', 'having', 'orders', 'orderAll', 'limit', 'offset'],
  column_definition: ['name', 'type', 'default'],
  assignment: ['column', 'value'],
  time_length: [],
  add_column: ['column'],
  drop_column: ['column'],
  rename_column: ['column', 'to'],
  set_ttl: ['length', 'column'],
  drop_ttl: [],
  create_table: ['table', 'columns', 'query'],
  drop_table: ['table'],
  alter_table: ['table', 'change'],
  truncate: ['table'],
  insert: ['table', 'columns', 'source'],
  value_rows: ['rows'],
  value_row: ['values'],
  default_value: [],
  delete: ['table', 'where'],
  update: ['table', 'assignments', 'where'],
  show_tables: [],
  show_snapshots: [],
  describe: ['target'],
  explain: ['query'],
};

/** Calls `visit` with each child of `node`, in CHILD_FIELDS' order. */
export function forEachChild(node: Node, visit: (child: Node) => void): void {
  const fields: readonly string[] = CHILD_FIELDS[node.kind];
  for (const field of fields) {
    const value = (node as unknown as Readonly<Record<string, Node | readonly Node[] | undefined>>)[field];
    if (value === undefined) continue;
    if (Array.isArray(value)) {
      for (const child of value as readonly Node[]) visit(child);
    } else {
      visit(value as Node);
    }
  }
}

/** The smallest span that covers both. */
export function coverSpans(first: Span, last: Span): Span {
  return { start: Math.min(first.start, last.start), end: Math.max(first.end, last.end) };
}
