/**
 * Statements that were sent as text not long ago: the same text need not be parsed again, nor planned.
 *
 * Hides which are remembered. Invariants: at most STATEMENTS_CACHED_MAX, none longer than STATEMENT_CACHED_LENGTH_MAX,
 * the one that was asked for longest ago goes first; only queries, since what writes is rarely sent twice; a statement
 * is remembered for the settings that it was read under, from the second time on.
 */
import { STATEMENT_CACHED_LENGTH_MAX, STATEMENTS_CACHED_MAX } from '../base/limits.ts';
import { readStatement, withMemory } from '../plan/needs.ts';
import type { ParsedStatement } from '../plan/needs.ts';
import { isQuery } from '../plan/plan.ts';
import type { Settings } from '../plan/setting.ts';

interface CachedStatement {
  readonly settings: Settings;
  /** Undefined for a text that came once: most never come again, and what lives on costs the collector of garbage. */
  readonly parsed: ParsedStatement | undefined;
}

export class StatementCache {
  /** The one that was asked for longest ago first. */
  readonly #statements = new Map<string, CachedStatement>();

  /** The statement of a text, whose now() has no moment yet. @throws as `readStatement` */
  read(sql: string, settings: Settings): ParsedStatement {
    if (sql.length > STATEMENT_CACHED_LENGTH_MAX) return readStatement(sql);
    const known = this.#statements.get(sql);
    if (known !== undefined) this.#statements.delete(sql);
    if (known?.settings !== settings) {
      const parsed = readStatement(sql);
      if (isQuery(parsed.statement)) this.#remember(sql, { settings, parsed: undefined });
      return parsed;
    }
    const parsed = known.parsed ?? withMemory(readStatement(sql));
    this.#remember(sql, known.parsed === undefined ? { settings, parsed } : known);
    return parsed;
  }

  #remember(sql: string, statement: CachedStatement): void {
    this.#statements.set(sql, statement);
    if (this.#statements.size <= STATEMENTS_CACHED_MAX) return;
    for (const oldest of this.#statements.keys()) {
      this.#statements.delete(oldest);
      return;
    }
  }
}
