/**
 * Walking the syntax tree.
 *
 * Hides nothing. Invariant: CHILD_FIELDS names, for each kind, every field that holds nodes, and is the only table that
 * walking needs.
 */
import type { Alteration } from './ast-alter.ts';
import type { TimeLength } from './ast-word.ts';
import type {
  Assignment,
  ColumnDefinition,
  CommonTable,
  DefaultValue,
  EmptyGroup,
  ExprNode,
  GroupingSets,
  Identifier,
  Join,
  OrderItem,
  SelectItem,
  ShownRows,
  Statement,
  Subquery,
  TableFunction,
  TableName,
  TimeTravel,
  TypeName,
  ValueRow,
  ValueRows,
  When,
} from './ast.ts';
import type { CopyOption, ExecuteArgument } from './ast-command.ts';
import type { FrameBound, NamedWindow, WindowFrame, WindowSpec } from './ast-window.ts';
import type { TypeMember } from './ast-word.ts';

export type Node =
  | ExprNode
  | Statement
  | Alteration
  | Identifier
  | TypeName
  | TypeMember
  | When
  | SelectItem
  | TimeTravel
  | TableName
  | ShownRows
  | Subquery
  | TableFunction
  | Join
  | GroupingSets
  | EmptyGroup
  | CommonTable
  | OrderItem
  | WindowSpec
  | WindowFrame
  | FrameBound
  | NamedWindow
  | ColumnDefinition
  | Assignment
  | CopyOption
  | DefaultValue
  | ExecuteArgument
  | ValueRow
  | ValueRows
  | TimeLength;
type NodeKind = Node['kind'];

/** Fields of each kind that hold a node, nodes, or nothing. */
const CHILD_FIELDS: {
  readonly [K in NodeKind]: readonly Exclude<keyof Extract<Node, { kind: K }>, 'kind' | 'span'>[];
} = {
  identifier: [],
  type_name: ['members'],
  type_member: ['name', 'type'],
  column_name: ['path'],
  star: ['table', 'exclude', 'replace', 'rename', 'filter'],
  columns: ['star', 'choice'],
  position: [],
  function_call: ['name', 'args', 'orders', 'filter', 'over'],
  window_spec: ['base', 'partitions', 'orders', 'frame'],
  window_frame: ['start', 'end'],
  frame_bound: ['value'],
  named_window: ['name', 'spec'],
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
  row: ['items'],
  array: ['items'],
  subscript: ['operand', 'index'],
  slice: ['operand', 'from', 'to', 'step'],
  field: ['operand', 'name'],
  named_argument: ['name', 'value'],
  lambda: ['parameters', 'body'],
  scalar_query: ['query'],
  array_query: ['query'],
  exists: ['query'],
  in_query: ['operand', 'query'],
  quantified: ['operand', 'query'],
  like: ['operand', 'pattern', 'escape'],
  case: ['operand', 'branches', 'otherwise'],
  interval: ['value'],
  moment: ['written'],
  cast: ['operand', 'type'],
  select_item: ['expr', 'alias'],
  time_travel: ['value'],
  subquery: ['query', 'alias', 'columns'],
  table_function: ['name', 'args', 'alias', 'columns'],
  shown_rows: ['statement', 'alias', 'columns'],
  join: ['left', 'right', 'on', 'using'],
  common_table: ['name', 'columns', 'query'],
  table_name: ['path', 'at', 'alias', 'columns'],
  grouping_sets: ['items'],
  empty_group: [],
  order_item: ['expr'],
  select: [
    'common',
    'distinctOn',
    'items',
    'from',
    'where',
    'groups',
    'having',
    'windows',
    'qualify',
    'orders',
    'orderAll',
    'limit',
    'offset',
  ],
  set_operation: ['common', 'left', 'right', 'orders', 'orderAll', 'limit', 'offset'],
  values_query: ['common', 'rows', 'orders', 'orderAll', 'limit', 'offset'],
  column_definition: ['name', 'type', 'default'],
  assignment: ['column', 'value'],
  time_length: [],
  add_column: ['column'],
  drop_column: ['column'],
  rename_column: ['column', 'to'],
  set_default: ['column', 'value'],
  set_nullable: ['column'],
  set_ttl: ['length', 'column'],
  drop_ttl: [],
  create_table: ['table', 'columns', 'query'],
  drop_table: ['table'],
  create_view: ['view', 'columns', 'query'],
  drop_view: ['view'],
  summarize: ['target'],
  alter_table: ['table', 'change'],
  truncate: ['table'],
  insert: ['common', 'table', 'columns', 'source', 'returning'],
  value_rows: ['rows'],
  value_row: ['values'],
  default_value: [],
  delete: ['common', 'table', 'from', 'where', 'returning'],
  update: ['common', 'table', 'assignments', 'from', 'where', 'returning'],
  copy_from: ['table', 'columns', 'path', 'options'],
  copy_to: ['query', 'path', 'options'],
  copy_option: ['name', 'value'],
  prepare: ['name', 'statement'],
  execute: ['name', 'args'],
  execute_argument: ['name', 'value'],
  deallocate: ['name'],
  set: ['name', 'value'],
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

/**
 * The node with each child as `change` has it, which answers with a node that may stand in the same place; the node
 * itself when no child changed.
 */
export function mapChildren<N extends Node>(node: N, change: (child: Node) => Node): N {
  const fields: readonly string[] = CHILD_FIELDS[node.kind];
  const changed: Record<string, Node | readonly Node[]> = {};
  for (const field of fields) {
    const value = (node as unknown as Readonly<Record<string, Node | readonly Node[] | undefined>>)[field];
    if (value === undefined) continue;
    if (Array.isArray(value)) {
      const children = value as readonly Node[];
      const mapped = children.map(change);
      if (mapped.some((child, i) => child !== children[i])) changed[field] = mapped;
    } else {
      const mapped = change(value as Node);
      if (mapped !== value) changed[field] = mapped;
    }
  }
  return Object.keys(changed).length === 0 ? node : { ...node, ...changed };
}

/**
 * A node with its children replaced, outermost first: `map` answers undefined for what stays, and is not asked about
 * what is in a replacement. Shares what did not change.
 */
export function mapNodes<T extends Node>(node: T, map: (node: Node) => Node | undefined): T {
  return mapChildren(node, (child) => map(child) ?? mapNodes(child, map));
}
