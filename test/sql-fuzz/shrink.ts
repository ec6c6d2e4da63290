/**
 * Makes a failing case small: takes clauses, expressions and rows away as long as it still fails in the same way.
 *
 * Hides the syntax tree: a query is parsed, changed and printed by our own parser. Invariants: the case that is given
 * back fails; at most TRIES candidates are tried; what is left out of a query with LIMIT leaves it one right answer.
 */
import type { Query, Statement } from '../../src/sql/ast.ts';
import { parseStatement } from '../../src/sql/parse.ts';
import { printStatement } from '../support/print-statement.ts';
import { keepRows } from './world.ts';
import type { WorldTable } from './world.ts';

/** A query and the tables that it is asked of. */
export interface Case {
  readonly sql: string;
  readonly tables: readonly WorldTable[];
}

const TRIES = 600;

type Json =
  null | boolean | number | string | undefined | bigint | readonly Json[] | { readonly [field: string]: Json };
type Path = readonly (string | number)[];

function isNode(value: Json): value is { readonly [field: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fieldsOf(value: Json): readonly (readonly [string | number, Json])[] {
  if (Array.isArray(value)) return (value as readonly Json[]).map((item, i) => [i, item] as const);
  return isNode(value) ? Object.entries(value).filter(([name]) => name !== 'span') : [];
}

/** The tree with `value` in the place of what is at `path`; an item of a list goes where `value` is undefined. */
function replaced(tree: Json, path: Path, value: Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(tree)) {
    const list = [...(tree as readonly Json[])];
    if (rest.length === 0 && value === undefined) list.splice(step as number, 1);
    else list[step as number] = replaced(list[step as number], rest, value);
    return list;
  }
  return { ...(tree as { readonly [field: string]: Json }), [step]: replaced((tree as never)[step], rest, value) };
}

const EXPRESSIONS = new Set(
  'function_call unary binary logical is distinct_from between in scalar_query exists'.split(' '),
)
  .add('in_query')
  .add('quantified')
  .add('like')
  .add('case')
  .add('cast')
  .add('interval')
  .add('column_name');
const LEAVES = new Set(['column_name', 'number', 'string', 'null', 'boolean']);
const LITERALS: readonly Json[] = [
  { kind: 'null', span: { start: 0, end: 0 } },
  { kind: 'number', text: '1', span: { start: 0, end: 0 } },
  { kind: 'boolean', value: true, span: { start: 0, end: 0 } },
];

/** What may stand for a node: the expressions, queries or sources inside of it, outermost first. */
function insides(node: Json): Json[] {
  const found: Json[] = [];
  const queue: Json[] = fieldsOf(node).map(([, value]) => value);
  while (queue.length > 0) {
    const value = queue.shift();
    if (isNode(value) && typeof value['kind'] === 'string') {
      if (EXPRESSIONS.has(value['kind']) || LEAVES.has(value['kind'])) {
        found.push(value);
        continue;
      }
    }
    queue.push(...fieldsOf(value).map(([, inner]) => inner));
  }
  return found;
}

function* candidates(tree: Json, path: Path, node: Json): Generator<Json> {
  if (isNode(node)) {
    const { kind } = node;
    if (kind === 'set_operation') for (const side of ['left', 'right']) yield replaced(tree, path, node[side]);
    if (kind === 'join') for (const side of ['left', 'right']) yield replaced(tree, path, node[side]);
    for (const [name, value] of fieldsOf(node)) {
      const isDropped = ['where', 'having', 'limit', 'offset', 'filter', 'otherwise', 'distinct'].includes(
        String(name),
      );
      if (isDropped && value !== undefined && value !== false) {
        yield replaced(tree, [...path, name], name === 'distinct' ? false : undefined);
      }
      if (['orders', 'groups', 'common'].includes(String(name)) && Array.isArray(value) && value.length > 0) {
        yield replaced(tree, [...path, name], []);
      }
    }
    if (typeof kind === 'string' && EXPRESSIONS.has(kind)) {
      if (kind !== 'column_name') for (const inside of insides(node)) yield replaced(tree, path, inside);
      for (const literal of LITERALS) yield replaced(tree, path, literal);
    }
  }
  for (const [step, value] of fieldsOf(node)) {
    if (Array.isArray(node) && node.length > 1 && path.at(-1) !== 'path')
      yield replaced(tree, [...path, step], undefined);
    yield* candidates(tree, [...path, step], value);
  }
}

/** True where every LIMIT stands behind an ORDER BY of all columns, so that one answer is right. */
function isDetermined(node: Json): boolean {
  if (isNode(node) && (node['limit'] !== undefined || node['offset'] !== undefined) && 'orders' in node) {
    let query = node as unknown as Query;
    const orders = new Set(query.orders.map(({ expr }) => (expr.kind === 'number' ? expr.text : '')));
    while (query.kind === 'set_operation') query = query.left;
    if (query.kind !== 'select' || orders.has('') || orders.size < query.items.length) return false;
  }
  return fieldsOf(node).every(([, value]) => isDetermined(value));
}

/** Shorter texts of a query, the boldest first. */
function* shorter(sql: string): Generator<string> {
  const tree = parseStatement(sql) as unknown as Json;
  const printed = printStatement(tree as unknown as Statement);
  if (printed.length < sql.length) yield printed;
  for (const candidate of candidates(tree, [], tree)) {
    if (!isDetermined(candidate)) continue;
    let text: string;
    try {
      text = printStatement(candidate as unknown as Statement);
      parseStatement(text);
    } catch {
      continue;
    }
    if (text.length < printed.length) yield text;
  }
}

function* fewerRows(tables: readonly WorldTable[], sql: string): Generator<readonly WorldTable[]> {
  for (const [t, table] of tables.entries()) {
    const put = (smaller: WorldTable): readonly WorldTable[] => tables.with(t, smaller);
    if (!new RegExp(`\\b${table.name}\\b`, 'u').test(sql)) {
      if (table.rowCount > 0) yield put(keepRows(table, () => false));
      continue;
    }
    for (let size = Math.ceil(table.rowCount / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      if (table.rowCount / size > 64) break;
      for (let start = 0; start < table.rowCount; start += size) {
        yield put(keepRows(table, (row) => row < start || row >= start + size));
      }
    }
    if (table.batchRows < table.rowCount) yield put({ ...table, batchRows: table.rowCount });
  }
}

/** The smallest case found. `fails` is asked of each candidate. */
export async function shrink(given: Case, fails: (candidate: Case) => Promise<boolean>): Promise<Case> {
  let best = given;
  let tries = 0;
  for (let found = true; found && tries < TRIES;) {
    found = false;
    for (const sql of shorter(best.sql)) {
      if (tries++ >= TRIES) break;
      if (!(await fails({ ...best, sql }))) continue;
      best = { ...best, sql };
      found = true;
      break;
    }
  }
  for (let found = true; found && tries < 2 * TRIES;) {
    found = false;
    for (const tables of fewerRows(best.tables, best.sql)) {
      if (tries++ >= 2 * TRIES) break;
      if (!(await fails({ ...best, tables }))) continue;
      best = { ...best, tables };
      found = true;
      break;
    }
  }
  return best;
}
