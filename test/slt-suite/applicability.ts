/**
 * Which records of somebody else's files do not apply to Sheaf, and why.
 *
 * Hides how a statement is recognised: by its first words. Invariants: only what belongs to another product, or what
 * no answer shows, is listed; SQL of the dialect that Sheaf lacks is not, and fails. A statement that would have
 * changed rows, and is left out, takes what follows it in the file along.
 */
import type { Dialect, Mark } from './script.ts';
import type { Variables } from './expand.ts';

/** A statement that is not run. */
interface Exception {
  readonly pattern: RegExp;
  readonly reason: string;
  readonly dialects: readonly Dialect[];
  /** Later answers depend on it. */
  readonly changesRows: boolean;
}

const ALL: readonly Dialect[] = ['sqlite', 'duckdb', 'datafusion'];
const SQLITE: readonly Dialect[] = ['sqlite'];

const EXCEPTIONS: readonly Exception[] = [
  except(/^(?:create\s+(?:unique\s+)?index|drop\s+index)\b/iu, 'an index statement', ALL),
  except(/^reindex\b/iu, 'REINDEX of SQLite', SQLITE),
  except(/^(?:create\s+(?:temp\w*\s+)?trigger|drop\s+trigger)\b/iu, 'a trigger of SQLite', SQLITE, true),
  except(/^(?:replace|insert\s+or\s+\w+|update\s+or\s+\w+)\b/iu, 'REPLACE and OR … of SQLite', SQLITE, true),
  except(/^pragma\b/iu, 'PRAGMA', ALL),
  except(/^(?:vacuum|analyze|checkpoint|force\s+checkpoint)\b/iu, 'care of another storage', ALL),
];

function except(pattern: RegExp, reason: string, dialects: readonly Dialect[], changesRows = false): Exception {
  return { pattern, reason, dialects, changesRows };
}

/** Why a statement is not run; undefined when it is. */
export function exceptionOf(sql: string, dialect: Dialect): Exception | undefined {
  const text = sql.replace(/^(?:\s+|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)+/u, '');
  return EXCEPTIONS.find(({ pattern, dialects }) => dialects.includes(dialect) && pattern.test(text));
}

/** The name that skipif and onlyif know the engine by that Sheaf stands for. */
const ENGINE_NAMES: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: ['postgresql'],
  duckdb: ['duckdb'],
  datafusion: ['datafusion'],
};

/** The mark that leaves a record out; undefined when it is run. */
export function markAgainst(marks: readonly Mark[], dialect: Dialect, variables: Variables): string | undefined {
  for (const { only, name } of marks) {
    if (holds(name, dialect, variables) !== only) return `marked ${only ? 'onlyif' : 'skipif'} ${name}`;
  }
  return undefined;
}

function holds(name: string, dialect: Dialect, variables: Variables): boolean {
  const comparison = /^(\w+)(=|!=|<=|>=|<|>)(.*)$/u.exec(name);
  if (comparison === null) return ENGINE_NAMES[dialect].includes(name.toLowerCase());
  const [, variable = '', operator = '', value = ''] = comparison;
  const given = variables.get(variable) ?? '';
  const order = given === value ? 0 : Number(given) < Number(value) ? -1 : 1;
  const answers = { '=': order === 0, '!=': order !== 0, '<': order < 0, '<=': order <= 0, '>': order > 0 };
  return answers[operator as keyof typeof answers] ?? order >= 0;
}

/** What `require` may ask for and Sheaf has, or needs nothing for. */
const REQUIREMENTS_MET = new Set([
  'core_functions',
  'icu',
  'noforcestorage',
  'no_alternative_verify',
  'no_vector_verification',
  'no_latest_storage',
  'no_extension_autoloading',
  'notwindows',
  'notmingw',
  'notmusl',
  '64bit',
  'longdouble',
  'skip_reload',
  'vector_size',
  'exact_vector_size',
  'block_size',
  'no_block_verification',
  'strinline',
]);

/** Why the rest of a file does not apply after `require name`; undefined when it does. */
export function requirementLacking(name: string): string | undefined {
  return REQUIREMENTS_MET.has(name) ? undefined : `requires ${name}`;
}
