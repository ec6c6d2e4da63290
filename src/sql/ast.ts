/**
 * The syntax tree: what was written, nothing of what it means.
 *
 * Hides nothing. Invariants: nodes are immutable plain objects; every node's span covers all of its text. @see walk.ts
 * for the fields that hold nodes.
 */
import type { Span } from '../base/errors.ts';
import type { Alteration } from './ast-alter.ts';
import type { CommandStatement, Parameter } from './ast-command.ts';
import type { ShownRows, ShowStatement, ViewStatement } from './ast-view.ts';
import type { NamedWindow, WindowSpec } from './ast-window.ts';
import type { BinaryOperator, DefaultValue, EmptyGroup, Identifier } from './ast-word.ts';
import type { IntervalUnit, TypeName } from './ast-word.ts';

export type { ShownRows } from './ast-view.ts';
export type { DefaultValue, EmptyGroup, Identifier, TimeLength, TypeName } from './ast-word.ts';

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
  /** Columns that are left out. */
  readonly exclude: readonly ColumnName[];
  /** `REPLACE (expr AS column, …)`: the alias names the column. */
  readonly replace: readonly SelectItem[];
  /** `RENAME (column AS name, …)`: the item is the column. */
  readonly rename: readonly SelectItem[];
  /** `* LIKE 'a%'`: columns whose names fit; its operand is a bare star. */
  readonly filter: LikeNode | undefined;
  readonly span: Span;
}

/** `COLUMNS(* …)`, `COLUMNS('pattern')`, `COLUMNS(lambda x: …)` and `COLUMNS([…])`: an expression for each column. */
export interface ColumnsNode {
  readonly kind: 'columns';
  readonly star: Star;
  /** Names that it is found in; undefined for all of the star. */
  readonly pattern: string | undefined;
  /** A lambda that is true for their names, or a list of these, in which a star is the list of all. */
  readonly choice?: ExprNode | undefined;
  readonly span: Span;
}

export interface LikeNode {
  readonly kind: 'like';
  readonly operator: 'like' | 'ilike' | 'similar' | 'glob';
  readonly operand: ExprNode;
  readonly pattern: ExprNode;
  /** Of LIKE and ILIKE. */
  readonly escape: ExprNode | undefined;
  readonly negated: boolean;
  readonly span: Span;
}

export interface FunctionCall {
  readonly kind: 'function_call';
  readonly name: Identifier;
  readonly args: readonly ExprNode[];
  /** `f(*)`. */
  readonly star: boolean;
  readonly distinct: boolean;
  /** ORDER BY inside the parentheses, or of WITHIN GROUP. */
  readonly orders: readonly OrderItem[];
  readonly withinGroup: boolean;
  /** `IGNORE NULLS` or `RESPECT NULLS`. */
  readonly nulls: 'ignore' | 'respect' | undefined;
  /** `FILTER (WHERE …)`. */
  readonly filter: ExprNode | undefined;
  /** `OVER (…)`, or `OVER` and the name of a window. */
  readonly over: WindowSpec | Identifier | undefined;
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
  | ColumnsNode
  | LikeNode
  | FunctionCall
  /** `#2`: the column at a place among all of FROM, from 0; `all`: also among those that joins add. */
  | { readonly kind: 'position'; readonly place: number; readonly all: boolean; readonly span: Span }
  /** Digits as written, with a leading `-` when the minus stood directly before them. */
  | { readonly kind: 'number'; readonly text: string; readonly span: Span }
  | { readonly kind: 'string'; readonly value: string; readonly span: Span }
  /** `digits` are pairs of hexadecimal digits. */
  | { readonly kind: 'bytes'; readonly digits: string; readonly span: Span }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly span: Span }
  | { readonly kind: 'null'; readonly span: Span }
  | Parameter
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
  /** `(a, b)`: two or more values side by side. */
  | { readonly kind: 'row'; readonly items: readonly ExprNode[]; readonly span: Span }
  /** `(SELECT …)` as one value. */
  | { readonly kind: 'scalar_query'; readonly query: Query; readonly span: Span }
  | { readonly kind: 'exists'; readonly query: Query; readonly span: Span }
  /** `ARRAY(SELECT …)`: the values of its column, in its order. */
  | { readonly kind: 'array_query'; readonly query: Query; readonly span: Span }
  /** `x IN (SELECT …)`. */
  | {
      readonly kind: 'in_query';
      readonly operand: ExprNode;
      readonly query: Query;
      readonly negated: boolean;
      readonly span: Span;
    }
  /** `x < ANY (SELECT …)`, `x < ALL (SELECT …)`. */
  | {
      readonly kind: 'quantified';
      readonly operator: BinaryOperator;
      readonly quantifier: 'any' | 'all';
      readonly operand: ExprNode;
      readonly query: Query;
      readonly span: Span;
    }
  /** `ARRAY[a, b]`; `[a, b]` is a call of list_value. */
  | { readonly kind: 'array'; readonly items: readonly ExprNode[]; readonly span: Span }
  /** `x[i]`. */
  | { readonly kind: 'subscript'; readonly operand: ExprNode; readonly index: ExprNode; readonly span: Span }
  /** `x[from:to:step]`, each of which may be left out. */
  | {
      readonly kind: 'slice';
      readonly operand: ExprNode;
      readonly from: ExprNode | undefined;
      readonly to: ExprNode | undefined;
      readonly step: ExprNode | undefined;
      readonly span: Span;
    }
  /** `(x).name`. */
  | { readonly kind: 'field'; readonly operand: ExprNode; readonly name: Identifier; readonly span: Span }
  /** `name := x` in a call. */
  | { readonly kind: 'named_argument'; readonly name: Identifier; readonly value: ExprNode; readonly span: Span }
  /** `lambda x, y: body` in a call. */
  | {
      readonly kind: 'lambda';
      readonly parameters: readonly Identifier[];
      readonly body: ExprNode;
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
  /** `INTERVAL value unit`: so many of the unit. */
  | {
      readonly kind: 'interval';
      readonly value: ExprNode;
      readonly unit: IntervalUnit;
      readonly span: Span;
    }
  /** `now()` and its kin, or `age(x)`, in a statement whose moment is known; never parsed. */
  | {
      readonly kind: 'moment';
      readonly written: FunctionCall | ColumnName;
      /** Microseconds since 1970 UTC. */
      readonly micros: bigint;
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
  /** New names for the first columns: `t(a, b)`. */
  readonly columns: readonly Identifier[];
  readonly span: Span;
}

/** `[LATERAL] (SELECT …) [AS] alias[(column, …)]` in FROM. */
export interface Subquery {
  readonly kind: 'subquery';
  readonly query: Query;
  readonly lateral: boolean;
  readonly alias: Identifier | undefined;
  readonly columns: readonly Identifier[];
  readonly span: Span;
}

/** `f(value, …) [AS] alias[(column, …)]` in FROM. */
export interface TableFunction {
  readonly kind: 'table_function';
  readonly name: Identifier;
  readonly args: readonly ExprNode[];
  /** WITH ORDINALITY: one more column numbers the rows. */
  readonly ordinality: boolean;
  readonly alias: Identifier | undefined;
  readonly columns: readonly Identifier[];
  readonly span: Span;
}

export type JoinKind = 'inner' | 'left' | 'right' | 'full' | 'cross' | 'semi' | 'anti' | 'positional';

/** Two items of FROM side by side; a comma is a cross join. */
export interface Join {
  readonly kind: 'join';
  readonly join: JoinKind;
  readonly left: FromItem;
  readonly right: FromItem;
  readonly on: ExprNode | undefined;
  /** Columns that both sides have; empty without USING. */
  readonly using: readonly Identifier[];
  /** USING all names that both sides have. */
  readonly natural: boolean;
  /** Of the right rows that join a left one, the nearest only. */
  readonly asof: boolean;
  readonly span: Span;
}

export type FromItem = TableName | Subquery | TableFunction | ShownRows | Join;

/** `name[(column, …)] AS (SELECT …)` of WITH. */
export interface CommonTable {
  readonly kind: 'common_table';
  readonly name: Identifier;
  readonly columns: readonly Identifier[];
  /** May read itself: WITH RECURSIVE. */
  readonly recursive: boolean;
  readonly query: Query;
  readonly span: Span;
}

export interface OrderItem {
  readonly kind: 'order_item';
  readonly expr: ExprNode;
  readonly descending: boolean;
  /** ASC or DESC is written; without, the session's default holds. */
  readonly directed: boolean;
  /** Undefined when not written: the session's default holds. */
  readonly nullsFirst: boolean | undefined;
  readonly span: Span;
}

/** What stands around the body of a query. */
interface QueryFrame {
  /** Of WITH, in order; a later one may read those before it. */
  readonly common: readonly CommonTable[];
  /** `ORDER BY ALL`: by every column, with the direction given here. */
  readonly orderAll: OrderItem | undefined;
  readonly orders: readonly OrderItem[];
  /** Undefined also for `LIMIT ALL`. */
  readonly limit: ExprNode | undefined;
  /** The limit is that part of all rows, of 100. */
  readonly limitPercent: boolean;
  readonly offset: ExprNode | undefined;
  readonly span: Span;
}

/** GROUPING SETS, ROLLUP or CUBE; a `row` among the items is one set or one step of several columns. */
export interface GroupingSets {
  readonly kind: 'grouping_sets';
  readonly form: 'sets' | 'rollup' | 'cube';
  readonly items: readonly GroupItem[];
  readonly span: Span;
}

export type GroupItem = ExprNode | GroupingSets | EmptyGroup;

export interface Select extends QueryFrame {
  readonly kind: 'select';
  readonly distinct: boolean;
  /** `DISTINCT ON (…)`: one row for each value of these. */
  readonly distinctOn: readonly ExprNode[];
  readonly items: readonly SelectItem[];
  readonly from: FromItem | undefined;
  readonly where: ExprNode | undefined;
  /** `GROUP BY ALL`: by every item without an aggregate. */
  readonly groupAll: boolean;
  readonly groups: readonly GroupItem[];
  readonly having: ExprNode | undefined;
  /** Of WINDOW; calls may name them. */
  readonly windows: readonly NamedWindow[];
  readonly qualify: ExprNode | undefined;
}

/** UNION, INTERSECT or EXCEPT. */
export interface SetOperation extends QueryFrame {
  readonly kind: 'set_operation';
  readonly operator: 'union' | 'intersect' | 'except';
  /** Rows keep their number; without it the result is distinct. */
  readonly all: boolean;
  /** Columns are matched by their names. */
  readonly byName: boolean;
  readonly left: Query;
  readonly right: Query;
}

/** VALUES as a query. */
export interface ValuesQuery extends QueryFrame {
  readonly kind: 'values_query';
  readonly rows: readonly ValueRow[];
}

export type Query = Select | SetOperation | ValuesQuery;

export interface ColumnDefinition {
  readonly kind: 'column_definition';
  readonly name: Identifier;
  readonly type: TypeName;
  readonly nullable: boolean;
  readonly default: ExprNode | undefined;
  readonly span: Span;
}

/** `column = value` of UPDATE. */
export interface Assignment {
  readonly kind: 'assignment';
  readonly column: Identifier;
  readonly value: ExprNode | DefaultValue;
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

export type Statement =
  | Query
  | ViewStatement
  | {
      readonly kind: 'create_table';
      readonly table: TableName;
      readonly orReplace: boolean;
      readonly ifNotExists: boolean;
      /** Empty with a query. */
      readonly columns: readonly ColumnDefinition[];
      /** `AS SELECT …`: columns and rows are its. */
      readonly query: Query | undefined;
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
      /** Of WITH; empty without. */
      readonly common: readonly CommonTable[];
      readonly table: TableName;
      /** Undefined: all of the table's, in its order. */
      readonly columns: readonly Identifier[] | undefined;
      /** The query's columns go to those of the same names. */
      readonly byName: boolean;
      readonly source: Query | ValueRows;
      /** Empty without RETURNING. */
      readonly returning: readonly SelectItem[];
      readonly span: Span;
    }
  | {
      readonly kind: 'delete';
      /** Of WITH; empty without. */
      readonly common: readonly CommonTable[];
      readonly table: TableName;
      /** USING. */
      readonly from: FromItem | undefined;
      readonly where: ExprNode | undefined;
      readonly returning: readonly SelectItem[];
      readonly span: Span;
    }
  | {
      readonly kind: 'update';
      /** Of WITH; empty without. */
      readonly common: readonly CommonTable[];
      readonly table: TableName;
      readonly assignments: readonly Assignment[];
      readonly from: FromItem | undefined;
      readonly where: ExprNode | undefined;
      readonly returning: readonly SelectItem[];
      readonly span: Span;
    }
  | CommandStatement
  /** `value` is undefined for RESET and for DEFAULT. */
  | { readonly kind: 'set'; readonly name: Identifier; readonly value: ExprNode | undefined; readonly span: Span }
  | ShowStatement
  /** `analyze`: the query is run. */
  | { readonly kind: 'explain'; readonly query: Query; readonly analyze: boolean; readonly span: Span };

/** The smallest span that covers both. */
export function coverSpans(first: Span, last: Span): Span {
  return { start: Math.min(first.start, last.start), end: Math.max(first.end, last.end) };
}
