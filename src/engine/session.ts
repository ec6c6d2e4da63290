/**
 * A session: what somebody who sends one statement after another has set by SET.
 *
 * Hides nothing. Invariants: belongs to one user of an engine and not to the engine, so that no statement's meaning
 * depends on somebody else; a statement sees the settings that were there when it was planned.
 */
import type { SettingName, Settings } from '../plan/setting.ts';
import { DEFAULT_SETTINGS } from '../plan/setting.ts';

export class Session {
  #settings: Settings = DEFAULT_SETTINGS;

  get settings(): Settings {
    return this.#settings;
  }

  /** Holds for statements that are sent from now on. */
  set<Name extends SettingName>(name: Name, value: Settings[Name]): void {
    this.#settings = { ...this.#settings, [name]: value };
  }
}
