/**
 * A session: what somebody who sends one statement after another has set by SET, and prepared by PREPARE.
 *
 * Hides how options of a door become settings. Invariants: belongs to one user of an engine and not to the engine, so
 * that no statement's meaning depends on somebody else; a statement sees the settings that were there when it was
 * planned; names of prepared statements are compared without regard to case, and their number and length are bounded.
 */
import { EngineError } from '../base/errors.ts';
import { SESSION_STATEMENTS_MAX, SESSION_TEXT_LENGTH_MAX } from '../base/limits.ts';
import { foldName, nearestName } from '../base/names.ts';
import type { ParsedStatement } from '../plan/needs.ts';
import type { SettingName, Settings } from '../plan/setting.ts';
import { DEFAULT_SETTINGS, knownSetting, settingOf, settingRows } from '../plan/setting.ts';

/** A setting's value as doors have it: settings that are sizes are texts with their unit. */
export type OptionValue = string | number | boolean;

/** What became of an option. */
export type OptionOutcome = 'set' | 'unknown_name' | 'bad_value';

export class Session {
  readonly #keep: () => void;
  #settings: Settings = DEFAULT_SETTINGS;
  readonly #prepared = new Map<string, ParsedStatement>();
  /** Code units of all statements in `#prepared`. */
  #textLength = 0;

  /** `keep` is called before anything is set or prepared; what it throws refuses that. */
  constructor(keep: () => void = () => undefined) {
    this.#keep = keep;
  }

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
    this.#keep();
    this.#settings = { ...this.#settings, [name]: value };
  }

  /** Sets what is called `name`, whatever its case, or gives it its default again without a value. */
  setOption(name: string, value: OptionValue | undefined): OptionOutcome {
    const setting = knownSetting(name);
    if (setting === undefined) return 'unknown_name';
    try {
      this.set(setting, value === undefined ? DEFAULT_SETTINGS[setting] : settingOf(setting, value));
      return 'set';
    } catch (error) {
      if (error instanceof EngineError && error.code.startsWith('sql_')) return 'bad_value';
      throw error;
    }
  }

  /** All settings by their names. */
  options(): ReadonlyMap<string, OptionValue> {
    return new Map(
      settingRows(this.#settings).map(({ name, value }) => {
        const set = this.#settings[name];
        return [name, name === 'memory_limit' ? value : set];
      }),
    );
  }

  /** Keeps a statement under a name, in place of another one of that name. @throws `limit_exceeded` */
  prepare(name: string, statement: ParsedStatement): void {
    this.#keep();
    const key = foldName(name);
    if (!this.#prepared.has(key) && this.#prepared.size >= SESSION_STATEMENTS_MAX) {
      const most = `${SESSION_STATEMENTS_MAX.toString()} prepared statements`;
      throw new EngineError('limit_exceeded', `the session keeps ${most} already; DEALLOCATE some`);
    }
    const length = this.#textLength - (this.#prepared.get(key)?.sql.length ?? 0) + statement.sql.length;
    if (length > SESSION_TEXT_LENGTH_MAX) {
      const lengths = `${length.toString()} characters, at most ${SESSION_TEXT_LENGTH_MAX.toString()} are kept`;
      throw new EngineError('limit_exceeded', `the session's prepared statements have ${lengths}; DEALLOCATE some`);
    }
    this.#textLength = length;
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
    const key = foldName(name);
    this.#textLength -= this.#prepared.get(key)?.sql.length ?? 0;
    this.#prepared.delete(key);
  }
}
