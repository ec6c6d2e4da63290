/**
 * What planning looked at in a catalog, so that it can be told whether another catalog is the same to it.
 *
 * Hides how a look is noted. Invariants: tables and views are compared by their definitions, never by their rows; no
 * source is held, for sources hold files; a list of names, another moment or a system table makes it unlike any other
 * catalog.
 */
import type { Schema } from '../arrow/schema.ts';
import type { Source } from '../arrow/source.ts';
import type { PlanCatalog, PlanView } from './physical.ts';

/** A table as it was seen. */
interface SeenTable {
  readonly schema: Schema;
  readonly rowCount: number;
}

/** What was seen; undefined stands for what was not there. */
export class SeenCatalog {
  readonly #tables = new Map<string, SeenTable | undefined>();
  readonly #views = new Map<string, PlanView | undefined>();
  #isLimited = true;

  /** `catalog`, and whoever looks into it is watched; `sources` takes the names under which sources were found. */
  watching(catalog: PlanCatalog, sources: Map<Source, string> = new Map()): PlanCatalog {
    const unlimited = <T>(answer: T): T => {
      this.#isLimited = false;
      return answer;
    };
    return {
      table: (name) => {
        const table = catalog.table(name);
        this.#tables.set(name, table === undefined ? undefined : { schema: table.schema, rowCount: table.rowCount });
        if (table !== undefined) sources.set(table, name);
        return table;
      },
      view: (name) => {
        const view = catalog.view(name);
        this.#views.set(name, view);
        return view;
      },
      tableNames: () => unlimited(catalog.tableNames()),
      viewNames: () => unlimited(catalog.viewNames()),
      at: (point) => unlimited(catalog.at(point)),
      system: (name) => unlimited(catalog.system(name)),
    };
  }

  /** True when nothing but tables and views was asked for, each by its name. */
  get isLimited(): boolean {
    return this.#isLimited;
  }

  /** Texts of the views that were read. */
  get viewTexts(): readonly string[] {
    return [...this.#views.values()].flatMap((view) => view?.sql ?? []);
  }

  /** True when `catalog` has the same definitions under the names that were looked for. */
  isSameIn(catalog: PlanCatalog): boolean {
    for (const [name, seen] of this.#tables) if (catalog.table(name)?.schema !== seen?.schema) return false;
    for (const [name, seen] of this.#views) if (!isSameView(catalog.view(name), seen)) return false;
    return true;
  }

  /** True when no table of `catalog` has grown or shrunk so much that another order of joins may be better. */
  isNear(catalog: PlanCatalog): boolean {
    for (const [name, seen] of this.#tables) {
      const [before, now] = [seen?.rowCount ?? 0, catalog.table(name)?.rowCount ?? 0];
      if (Math.max(before, now) > 2 * Math.min(before, now) + FEW_ROWS) return false;
    }
    return true;
  }
}

/** Rows that make no difference to a plan. */
const FEW_ROWS = 1_000;

function isSameView(view: PlanView | undefined, seen: PlanView | undefined): boolean {
  if (view === undefined || seen === undefined) return view === seen;
  return view.sql === seen.sql && view.columns.join('\0') === seen.columns.join('\0');
}
