/**
 * A session: what somebody who sends one statement after another has set by SET, and prepared by PREPARE.
 *
 * Hides nothing. Invariants: belongs to one user of an engine and not to the engine, so that no statement's meaning
 * depends on somebody else; a statement sees the settings that were there when it was planned; names of prepared
 * statements are compared without regard to case, and their number is bounded.
 */
import { EngineError } from '../base/errors.ts';
import { SESSION_STATEMENTS_MAX } from '../base/limits.ts';
import { foldName, nearestName } from '../base/names.ts';
import type { ParsedStatement } from '../plan/needs.ts';
import type { SettingName, Settings } from '../plan/setting.ts';
import { DEFAULT_SETTINGS } from '../plan/setting.ts';

export class Session {
  #settings: Settings = DEFAULT_SETTINGS;
  readonly #prepared = new Map<string, ParsedStatement>();

  /** A session in which `settings` hold from the start. */
  static with(settings: Settings): Session {
    const session = new Session();
    session.#settings = settings;
    return session;
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** Holds for statements that are sent from now on. */
  set<Name extends SettingName>(name: Name, value: Settings[Name]): void {
    this.#settings = { ...this.#settings, [name]: value };
  }

  /** Keeps a statement under a name, in place of another one of that name. @throws `limit_exceeded` */
  prepare(name: string, statement: ParsedStatement): void {
    const key = foldName(name);
    if (!this.#prepared.has(key) && this.#prepared.size >= SESSION_STATEMENTS_MAX) {
      const most = `${SESSION_STATEMENTS_MAX.toString()} prepared statements`;
      throw new EngineError('limit_exceeded', `the session keeps ${most} already; DEALLOCATE some`);
    }
    this.#prepared.set(key, statement);
  }

  /** @throws `not_found` with the nearest name */
  prepared(name: string): ParsedStatement {
    const found = this.#prepared.get(foldName(name));
    if (found !== undefined) return found;
    const near = nearestName(name, this.#prepared.keys());
    const hint = near === undefined ? `PREPARE ${name} AS … makes one` : `did you mean "${near}"?`;
    throw new EngineError('not_found', `there is no prepared statement ${JSON.stringify(name)}; ${hint}`);
  }

  /** Forgets a statement; does nothing where there is none, as in DuckDB. */
  deallocate(name: string): void {
    this.#prepared.delete(foldName(name));
  }
}
