/**
 * A session's settings: their names, which values they take, and how current_setting shows them.
 *
 * Hides what people may write for a value. Invariants: settings are immutable, a change makes new ones; names and
 * values are DuckDB's; a value that Sheaf would not keep to is refused, never recorded and ignored.
 */
import { QUERY_MEMORY_BYTES_MAX } from '../base/limits.ts';
import { foldName, nearestName } from '../base/names.ts';
import type { Span } from '../base/errors.ts';
import type { ExprNode, Identifier } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { bindConstant, storeLiteral } from './bind-constant.ts';
import type { Literal } from './constant.ts';
import { BOOL, INT64 } from './constant.ts';
import { foldExpr } from './pass-fold.ts';

/** Where NULLs stand in ORDER BY when the statement does not say. */
export type NullOrder =
  'NULLS_LAST' | 'NULLS_FIRST' | 'NULLS_FIRST_ON_ASC_LAST_ON_DESC' | 'NULLS_LAST_ON_ASC_FIRST_ON_DESC';

/** What a session has set, and the defaults of what it has not. */
export interface Settings {
  readonly default_null_order: NullOrder;
  readonly default_order: 'ASC' | 'DESC';
  /** `/` means `//`. */
  readonly integer_division: boolean;
  /** Bytes that the operators of one statement may hold. */
  readonly memory_limit: number;
  /** The most threads that one statement may use. */
  readonly threads: number;
  /** What SHOW name looks for: a table and then a setting, or one of them alone. */
  readonly show_behavior: 'auto' | 'table' | 'setting';
  readonly TimeZone: 'UTC';
}

export type SettingName = keyof Settings;
type SettingValue = Settings[SettingName];

export const DEFAULT_SETTINGS: Settings = {
  default_null_order: 'NULLS_LAST',
  default_order: 'ASC',
  integer_division: false,
  memory_limit: QUERY_MEMORY_BYTES_MAX,
  threads: 1,
  show_behavior: 'auto',
  TimeZone: 'UTC',
};

const NAMES = Object.keys(DEFAULT_SETTINGS) as SettingName[];

/** Other names that DuckDB has for the same settings. */
const ALIASES: Readonly<Record<string, SettingName>> = {
  null_order: 'default_null_order',
  max_memory: 'memory_limit',
  worker_threads: 'threads',
};

const ORDERS: Readonly<Record<string, Settings['default_order']>> = {
  asc: 'ASC',
  ascending: 'ASC',
  desc: 'DESC',
  descending: 'DESC',
};

const NULL_ORDERS: Readonly<Record<string, NullOrder>> = {
  nulls_last: 'NULLS_LAST',
  'nulls last': 'NULLS_LAST',
  last: 'NULLS_LAST',
  nulls_first: 'NULLS_FIRST',
  'nulls first': 'NULLS_FIRST',
  first: 'NULLS_FIRST',
  nulls_first_on_asc_last_on_desc: 'NULLS_FIRST_ON_ASC_LAST_ON_DESC',
  sqlite: 'NULLS_FIRST_ON_ASC_LAST_ON_DESC',
  mysql: 'NULLS_FIRST_ON_ASC_LAST_ON_DESC',
  nulls_last_on_asc_first_on_desc: 'NULLS_LAST_ON_ASC_FIRST_ON_DESC',
  postgres: 'NULLS_LAST_ON_ASC_FIRST_ON_DESC',
};

/** The setting of a name, whatever its case; undefined where there is none. */
export function knownSetting(name: string): SettingName | undefined {
  const folded = foldName(name);
  return NAMES.find((known) => foldName(known) === folded) ?? ALIASES[folded];
}

/** The setting of a name, whatever its case. @throws `sql_bind` with the nearest name */
export function settingNamed(sql: string, name: string, span: Span): SettingName {
  const found = knownSetting(name);
  if (found !== undefined) return found;
  const near = nearestName(name, [...NAMES, ...Object.keys(ALIASES)]);
  const remedy = near === undefined ? `there are ${NAMES.join(', ')}` : `did you mean "${near}"?`;
  throw sqlError('sql_bind', sql, span, `there is no setting ${quoteText(name)}`, remedy);
}

/**
 * What `SET name = node` means; the default without a node.
 * @throws `sql_bind` for a name that there is not and a value that the setting does not take, `sql_unsupported`
 */
export function bindSetting(
  sql: string,
  name: Identifier,
  node: ExprNode | undefined,
): { readonly setting: SettingName; readonly value: SettingValue } {
  const setting = settingNamed(sql, name.name, name.span);
  return { setting, value: node === undefined ? DEFAULT_SETTINGS[setting] : bindValue(sql, setting, node) };
}

/**
 * What setting it to a plain value means, as SET with that literal does. @throws `sql_bind`, `sql_unsupported` for a
 * value that the setting does not take
 */
export function settingOf(setting: SettingName, value: string | number | boolean): SettingValue {
  const text = value.toString();
  const span = { start: 0, end: text.length };
  if (typeof value === 'string') return bindValue(text, setting, { kind: 'string', value, span });
  if (typeof value === 'boolean') return bindValue(text, setting, { kind: 'boolean', value, span });
  return bindValue(text, setting, { kind: 'number', text, span });
}

/** A bare word is taken as text, as DuckDB does. */
function constantOf(sql: string, setting: SettingName, node: ExprNode): Literal {
  const [word, ...more] = node.kind === 'column_name' ? node.path : [];
  const written: ExprNode =
    word === undefined || more.length > 0 ? node : { kind: 'string', value: word.name, span: node.span };
  return bindConstant(sql, written, `the setting ${setting}`);
}

function bindValue(sql: string, setting: SettingName, node: ExprNode): SettingValue {
  const literal = constantOf(sql, setting, node);
  const refuse = (message: string): Error => sqlError('sql_bind', sql, node.span, `${setting} takes ${message}`);
  const text = typeof literal.value === 'string' ? foldName(literal.value) : '';
  switch (setting) {
    case 'integer_division': {
      const value = stored(sql, literal, setting);
      if (typeof value !== 'boolean') throw refuse('true or false');
      return value;
    }
    case 'default_order': {
      const order = ORDERS[text];
      if (order === undefined) throw refuse("'asc' or 'desc'");
      return order;
    }
    case 'default_null_order': {
      const order = NULL_ORDERS[text];
      if (order === undefined) {
        throw refuse("'nulls_last', 'nulls_first', or the order of 'sqlite', 'mysql' or 'postgres'");
      }
      return order;
    }
    case 'threads': {
      const value = stored(sql, literal, setting);
      if (typeof value !== 'bigint' || value < 1n) throw refuse('a whole number from 1');
      return Number(value);
    }
    case 'show_behavior':
      if (text === 'auto' || text === 'table' || text === 'setting') return text;
      throw refuse("'auto', 'table' or 'setting'");
    case 'memory_limit': {
      const bytes = bytesOf(text);
      if (bytes === undefined) throw refuse("a size with its unit, such as '500MB' or '1 GiB'");
      if (bytes > QUERY_MEMORY_BYTES_MAX) throw refuse(`at most ${sizeText(QUERY_MEMORY_BYTES_MAX)}`);
      return bytes;
    }
    case 'TimeZone': {
      if (text === 'utc' || text === 'etc/utc') return 'UTC';
      throw sqlError('sql_unsupported', sql, node.span, 'a TimeZone other than UTC is not supported yet');
    }
  }
}

function stored(sql: string, literal: Literal, setting: 'integer_division' | 'threads'): unknown {
  const type = setting === 'threads' ? INT64 : BOOL;
  const expr = foldExpr(storeLiteral(sql, literal, type, `the setting ${setting}`));
  return expr.kind === 'literal' ? expr.value : undefined;
}

const UNITS = ['KB', 'MB', 'GB', 'TB'];

/** Bytes of a size such as `1.5gb` (powers of 1000) or `1 gib` (of 1024). */
function bytesOf(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt])(i?)b$/u.exec(text);
  if (match === null) return undefined;
  const [, digits = '', letter = '', binary] = match;
  const power = UNITS.findIndex((unit) => unit.toLowerCase().startsWith(letter)) + 1;
  return Math.floor(Number(digits) * (binary === 'i' ? 1024 : 1000) ** power);
}

/** A size as DuckDB shows it: one digit after the point, cut, not rounded. */
function sizeText(bytes: number): string {
  const power = Math.min(4, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  if (power === 0) return `${bytes.toString()} bytes`;
  const tenths = Math.floor((bytes * 10) / 1024 ** power);
  return `${(tenths / 10).toFixed(1)} ${'KMGT'.charAt(power - 1)}iB`;
}

const DESCRIPTIONS: Readonly<Record<SettingName, string>> = {
  default_null_order: 'Where NULLs stand in ORDER BY when it is not written.',
  default_order: 'The direction of ORDER BY where none is written.',
  integer_division: 'Whether / means //, the division of integers.',
  memory_limit: 'What the operators of one statement may hold.',
  show_behavior: 'Whether SHOW name tells of a table, of a setting, or of whichever there is.',
  threads: 'The most threads for one statement.',
  TimeZone: 'The time zone of the session.',
};

/** A setting as sheaf_settings shows it. */
export interface SettingRow {
  readonly name: SettingName;
  readonly value: string;
  readonly description: string;
  /** Its SQL type. */
  readonly type: string;
  readonly aliases: readonly string[];
}

/** All settings, by name. */
export function settingRows(settings: Settings): readonly SettingRow[] {
  return NAMES.map((name): SettingRow => {
    const { text, type } = settingText(settings, name);
    const aliases = Object.keys(ALIASES).filter((alias) => ALIASES[alias] === name);
    return { name, value: text, description: DESCRIPTIONS[name], type: type.toUpperCase(), aliases };
  });
}

/** What current_setting answers, as text and the SQL type that it is of. */
export function settingText(settings: Settings, setting: SettingName): { text: string; type: string } {
  const value = settings[setting];
  if (setting === 'memory_limit') return { text: sizeText(settings.memory_limit), type: 'varchar' };
  const types = { boolean: 'boolean', number: 'bigint', string: 'varchar' } as const;
  return { text: value.toString(), type: types[typeof value as keyof typeof types] };
}
