/**
 * The catalog as one statement sees it: views are parsed, and mean what the statement's session and moment say.
 *
 * Hides parsing. Invariants: a view is parsed once for a statement, so that it is the same object wherever it is read;
 * the tables that a view reads are those of the moment that it is read at.
 */
import type { Identifier, Query } from '../sql/ast.ts';
import { parseStatement } from '../sql/parse.ts';
import { freezeMoment } from './moment.ts';
import type { PlanCatalog, PlanView, TimePoint } from './physical.ts';
import { applySettings } from './setting-apply.ts';
import type { Settings } from './setting.ts';

/** A view, parsed. */
export interface ReadView {
  readonly name: string;
  readonly sql: string;
  readonly columns: readonly Identifier[];
  readonly query: Query;
  /** What it reads. */
  readonly catalog: BindCatalog;
}

export interface BindCatalog extends PlanCatalog {
  /** What now() means, microseconds since 1970 UTC. */
  readonly nowMicros: bigint | undefined;
  /** The view of that very name. @throws as `parseStatement` when its text cannot be parsed (any more) */
  readView(name: string): ReadView | undefined;
  at(point: TimePoint): BindCatalog;
}

/** What views mean beside their text. */
interface Meaning {
  readonly settings: Settings;
  readonly nowMicros: bigint | undefined;
}

/** The catalog for one statement. */
export function bindCatalog(catalog: PlanCatalog, meaning: Meaning): BindCatalog {
  const views = new Map<string, ReadView>();
  const moments = new Map<string, BindCatalog>();
  const bound: BindCatalog = {
    table: (name) => catalog.table(name),
    tableNames: () => catalog.tableNames(),
    view: (name) => catalog.view(name),
    viewNames: () => catalog.viewNames(),
    system: (name) => catalog.system(name),
    nowMicros: meaning.nowMicros,
    at: (point) => {
      const key = point.kind === 'version' ? `v${point.version.toString()}` : `t${point.micros.toString()}`;
      const known = moments.get(key) ?? bindCatalog(catalog.at(point), meaning);
      moments.set(key, known);
      return known;
    },
    readView: (name) => {
      const known = views.get(name);
      if (known !== undefined) return known;
      const view = catalog.view(name);
      if (view === undefined) return undefined;
      const read = readView(view, bound, meaning);
      views.set(name, read);
      return read;
    },
  };
  return bound;
}

/** The catalog in which `view` stands as well, in place of one of its name. */
export function withView(catalog: BindCatalog, view: PlanView, query: Query): BindCatalog {
  const others = new Map<string, ReadView | undefined>();
  const known: BindCatalog = {
    ...catalog,
    readView: (name) => {
      if (name === view.name) return read;
      const other = others.get(name) ?? catalog.readView(name);
      // Views that read the one in question are to find it.
      const again = other === undefined || others.has(name) ? other : { ...other, catalog: known };
      others.set(name, again);
      return again;
    },
    view: (name) => (name === view.name ? view : catalog.view(name)),
  };
  const read: ReadView = { name: view.name, sql: view.sql, columns: [], query, catalog: known };
  return known;
}

function readView({ name, columns, sql }: PlanView, catalog: BindCatalog, meaning: Meaning): ReadView {
  const parsed = parseStatement(sql);
  const { nowMicros, settings } = meaning;
  const frozen = nowMicros === undefined ? parsed : freezeMoment(sql, parsed, nowMicros);
  const query = applySettings(sql, frozen, settings) as Query;
  const span = { start: 0, end: 0 };
  const names = columns.map((column): Identifier => ({ kind: 'identifier', name: column, quoted: true, span }));
  return { name, sql, columns: names, query, catalog };
}
