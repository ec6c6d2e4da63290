/**
 * Views: texts of queries under names, by the versions at which they hold.
 *
 * Hides the history of each name. Invariants: storage does not know what the text means; tables and views have no name
 * in common at any version; a view that was dropped stays known as long as a snapshot that can be read may have it.
 */
import { foldName } from '../base/names.ts';
import type { ViewRow } from '../catalog/rows.ts';
import type { StoredView } from './contract.ts';

/** The views of a database that a snapshot may have. */
export class Views {
  /** By folded name, in the order of their commits. */
  readonly #byName = new Map<string, ViewRow[]>();

  add(view: ViewRow): void {
    const folded = foldName(view.name);
    this.#byName.set(folded, [...(this.#byName.get(folded) ?? []), view]);
  }

  /** The view that bears `name` at `version`. */
  at(name: string, version: number): StoredView | undefined {
    return this.#byName.get(foldName(name))?.find((view) => existsAt(view, version));
  }

  /** Names of the views at `version`, in no order. */
  namesAt(version: number): string[] {
    return [...this.#byName.values()].flatMap((same) => {
      const view = same.find((one) => existsAt(one, version));
      return view === undefined ? [] : [view.name];
    });
  }

  /** Ends the view of that name at `version`. */
  end(name: string, version: number): void {
    const folded = foldName(name);
    const same = this.#byName.get(folded) ?? [];
    this.#byName.set(
      folded,
      same.map((view) => (view.droppedCommit === undefined ? { ...view, droppedCommit: version } : view)),
    );
  }

  /** Forgets those that no snapshot from `version` on has; answers whether there were any. */
  forget(version: number): boolean {
    let found = false;
    for (const [folded, same] of this.#byName) {
      const kept = same.filter((view) => view.droppedCommit === undefined || view.droppedCommit > version);
      found ||= kept.length < same.length;
      if (kept.length === 0) this.#byName.delete(folded);
      else this.#byName.set(folded, kept);
    }
    return found;
  }
}

function existsAt({ createdCommit, droppedCommit }: ViewRow, version: number): boolean {
  return createdCommit <= version && (droppedCommit === undefined || version < droppedCommit);
}
