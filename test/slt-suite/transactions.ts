/**
 * Transactions of several statements, which Sheaf lacks: what records cannot be compared because of them.
 *
 * Hides who would see what. Method: while a connection's transaction is open, what it changes is not there for the
 * others, and what they change is not there for it; what it takes back stays changed in Sheaf, which takes nothing
 * back. Invariant: things are in lower case, as changedBy names them.
 */

interface Open {
  /** What its statements have changed. */
  readonly changed: Set<string>;
  /** What other connections have changed since it began. */
  readonly hidden: Set<string>;
}

/** The transactions of a file that are open. */
export class OpenTransactions {
  readonly #open = new Map<string, Open>();

  /**
   * Takes note of a statement that begins or ends a transaction; answers the things that are others from now on than
   * the file means.
   */
  note(sql: string, connection: string): readonly string[] {
    const word = /^\s*(\w+)/u.exec(sql)?.[1]?.toLowerCase() ?? '';
    if (word === 'begin' || word === 'start') {
      this.#open.set(connection, { changed: new Set(), hidden: new Set() });
      return [];
    }
    const ended = this.#open.get(connection);
    this.#open.delete(connection);
    return word === 'commit' || word === 'end' ? [] : [...(ended?.changed ?? [])];
  }

  /** Takes note of what a statement changed. */
  change(things: readonly string[], connection: string): void {
    for (const [name, { changed, hidden }] of this.#open) {
      for (const thing of things) (name === connection ? changed : hidden).add(thing);
    }
  }

  /** The things that a connection would see otherwise, were there transactions. */
  unlike(connection: string): ReadonlySet<string> {
    const things = new Set(this.#open.get(connection)?.hidden);
    for (const [name, { changed }] of this.#open) {
      if (name !== connection) for (const thing of changed) things.add(thing);
    }
    return things;
  }
}
