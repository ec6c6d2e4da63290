/**
 * Views, read in FROM.
 *
 * Hides how deep views stand on views. Invariants: a view is bound anew at each statement, and once in it, however many
 * places read it; a view never reads itself; an error within a view names the view, and its place is where the
 * statement reads it.
 */
import type { Field } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import type { Span } from '../base/errors.ts';
import { SQL_DEPTH_MAX, VIEW_DEPTH_MAX } from '../base/limits.ts';
import type { Identifier, TableName } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import type { BindCatalog, ReadView } from './bind-catalog.ts';
import type { Binding, Bound } from './binding.ts';
import { renameColumns } from './rename.ts';
import { lookUpView } from './scope.ts';
import { SCHEMA_NAME, schemaOf } from './system-name.ts';
import { catalogAt } from './time-point.ts';

/** The view that `table` names at the moment that it names, or undefined. @throws `sql_bind` for one whose text cannot be parsed */
export function findView(sql: string, catalog: BindCatalog, table: TableName): ReadView | undefined {
  if (schemaOf(table.path) !== SCHEMA_NAME) return undefined;
  const then = catalogAt(sql, catalog, table);
  // Tables and views have no name in common, and the names of all views need not be looked through for a table's.
  if (then.table((table.path.at(-1) as Identifier).name) !== undefined) return undefined;
  const name = lookUpView(sql, then, table);
  if (name === undefined) return undefined;
  try {
    return then.readView(name);
  } catch (error) {
    throw viewError(sql, name, table.span, error);
  }
}

/** The rows of a view, for one more place that reads them; `span` is that place's. @throws what its query throws */
export function bindView(binding: Binding, view: ReadView, span: Span): Bound {
  const { views, shared } = binding;
  const known = views.bound.get(view);
  if (known !== undefined) return { plan: shared.read(known.id), depth: known.depth };
  if (views.open.includes(view)) {
    const round = [...views.open.slice(views.open.indexOf(view)), view].map(({ name }) => quoteText(name));
    const message = `view ${quoteText(view.name)} reads itself: ${round.join(' reads ')}`;
    throw sqlError('sql_bind', binding.sql, span, message);
  }
  if (views.open.length >= VIEW_DEPTH_MAX) {
    const message = `views stand on one another more than ${VIEW_DEPTH_MAX.toString()} levels deep`;
    throw sqlError('limit_exceeded', binding.sql, span, message, 'join some of them into one');
  }
  views.open.push(view);
  const bound = bindText(binding, view, span);
  views.open.pop();
  const id = shared.add(bound.plan);
  views.bound.set(view, { id, depth: bound.depth });
  return { plan: shared.read(id), depth: bound.depth };
}

/** The columns of a view; undefined where it cannot be read. */
export function viewFields(binding: Binding, name: string, span: Span): readonly Field[] | undefined {
  try {
    const view = binding.catalog.readView(name);
    return view === undefined ? undefined : bindView(binding.apart(), view, span).plan.schema.fields;
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

/** Binds a view's own text. */
function bindText(binding: Binding, view: ReadView, span: Span): Bound {
  const { name, sql, query, columns, catalog } = view;
  let bound: Bound;
  try {
    const { plan, depth } = binding.over(sql, catalog).bind(query, new Map(), undefined);
    bound = { plan: renameColumns(sql, plan, columns, name), depth };
  } catch (error) {
    throw viewError(binding.sql, name, span, error);
  }
  if (bound.depth <= SQL_DEPTH_MAX) return bound;
  const message = `queries stand on one another more than ${SQL_DEPTH_MAX.toString()} levels deep`;
  throw sqlError('limit_exceeded', binding.sql, span, message, 'join some of them into one');
}

/** The error of a view that cannot be read. Places in its text mean nothing to whoever reads the view. */
function viewError(sql: string, name: string, span: Span, error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  const [first = ''] = error.message.split('\n');
  const cause = first.replaceAll(/ \(line \d+, column \d+\)/gu, '');
  return sqlError(error.code, sql, span, `view ${quoteText(name)} cannot be read: ${cause}`);
}
