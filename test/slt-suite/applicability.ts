/**
 * Which records of somebody else's files do not apply to Sheaf, and why.
 *
 * Hides how a statement is recognised: by its first words, or by what Sheaf says that it lacks. Invariants: only what
 * belongs to another product, or to another part than the language of queries, or what no answer shows, is listed;
 * other SQL of the dialect that Sheaf lacks is not, and fails. What reads a table that a statement left out would have
 * made or changed is left out with it.
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
  except(/^explain\b/iu, "EXPLAIN, whose answer is the engine's own", ALL),
  except(/\bexport_state\b/iu, 'exported states of aggregates', ['duckdb'], false),
  except(/^(?:set|reset)\s+(?:(?:session|local|global)\s+)?profiling_/iu, "settings and calls of DuckDB's", ALL),
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

/** The reason of what depends on statements that take effect together, or not at all. */
export const TRANSACTIONS = 'transactions of several statements';

/** What Sheaf says of a statement that asks for more than the language of queries, and what that is. */
const OUTSIDE: readonly (readonly [reason: string, ...messages: RegExp[]])[] = [
  [
    'schemas and other databases',
    /(?:ATTACH|DETACH|USE|CREATE SCHEMA|DROP SCHEMA|SHOW DATABASES) is not supported/u,
    /there is no schema for table/u,
  ],
  [
    'sequences, macros and types',
    /(?:CREATE|DROP) (?:SEQUENCE|MACRO|FUNCTION|TYPE|SECRET) is not supported/u,
    /there is no function "(?:nextval|currval)"/u,
  ],
  ['PREPARE and parameters', /(?:PREPARE|EXECUTE|DEALLOCATE|a parameter) is not supported/u],
  [TRANSACTIONS, /transactions by statement is not supported/u],
  ['files and extensions', /(?:COPY|EXPORT|IMPORT|INSTALL|LOAD|a file in FROM) is not supported/u],
  ["settings and calls of DuckDB's", /there is no setting/u, /(?:CALL|PRAGMA) is not supported/u],
  ["DuckDB's own statistics of columns", /there is no function "stats"/u],
  ["DuckDB's own catalog and files", /function "(?:duckdb_|pragma_|read_|parquet_|test_|sql_)\w*" is not supported/u],
  ['the place of a row in DuckDB (rowid)', /column "rowid" is/u],
  ['windows', /(?:a window function \(OVER\)|QUALIFY|WINDOW) is not supported/u],
  [
    'nested types',
    /(?:a list|a struct|a list type in SQL|a list in COLUMNS|ANY of a list|the operator \[) is not supported/u,
    /there is no function "(?:list_|array_|struct_|map_|union_|enum_|json_)\w*"/u,
    /there is no function "(?:list|row|map|unnest|range|generate_series|equi_width_bins|approx_top_k|lttb)"/u,
    /there is no function "(?:string_split|str_split|regexp_split|regexp_extract_all|parse_path)\w*"/u,
    /belongs to aggregates, and (?:lttb|approx_top_k) is none/u,
    /the type (?:STRUCT|ROW|MAP|UNION|LIST)(?: in SQL)? is not supported/u,
  ],
  [
    'types that Sheaf has not',
    /the type (?:ENUM|BIT|BITSTRING|UUID|TIMETZ|TIME WITH TIME ZONE|HUGEINT|UHUGEINT|BIGNUM|JSON)\b.* is not/u,
    /there is no type (?:VARIANT|GEOMETRY|BIGNUM|INT128|UINT128|VARINT)\b/u,
    /there is no function "bit(?:string|string_agg)"/u,
    /expected a type, found "UNION"/u,
  ],
  ['upserts and RETURNING', /(?:RETURNING|ON CONFLICT|INSERT OR \w+|MERGE|MERGE INTO) is not supported/u],
  ['statements that change rows within WITH', /a statement in WITH that is no query is not supported/u],
  [
    'constraints',
    /the column constraint (?:CHECK|REFERENCES|FOREIGN|GENERATED|CONSTRAINT)\b.* is not supported/u,
    /(?:constraint|ADD) (?:PRIMARY|UNIQUE|CHECK|FOREIGN|CONSTRAINT) is not supported/u,
  ],
  [
    'exported states of aggregates',
    /found "(?:export_state)"/iu,
    /there is no function "(?:finalize|combine\w*|to_aggregate_state)"/u,
  ],
  ['joins of DuckDB alone', /(?:ASOF JOIN|POSITIONAL JOIN) is not supported/u, /found "(?:APPROX|NEAREST|BY)"/u],
  ['tables with keys in recursion', /USING KEY in WITH RECURSIVE is not supported/u],
  [
    'infinite dates and timestamps',
    /'[-+]?inf(?:inity)?' (?:cannot be read as|from string to) (?:DATE|TIME|date|time)/iu,
  ],
  ['samples', /(?:TABLESAMPLE|USING SAMPLE) is not supported/u],
];

/** Why a statement that Sheaf answered with `message` asks for another part; undefined when it does not. */
export function outsideReason(message: string): string | undefined {
  return OUTSIDE.find(([, ...patterns]) => patterns.some((pattern) => pattern.test(message)))?.[0];
}

/** First words of statements that make or change something, up to its name. */
const CHANGES = [
  String.raw`create\s+(?:or\s+replace\s+)?(?:(?:temp|temporary|local|global|persistent|recursive)\s+)*` +
    String.raw`(?:table|view|type|schema|macro|function|sequence)\s+(?:if\s+not\s+exists\s+)?`,
  String.raw`(?:insert(?:\s+or\s+\w+)?|merge)\s+into\s+`,
  String.raw`update\s+|delete\s+from\s+|truncate\s+(?:table\s+)?|copy\s+|prepare\s+|execute\s+|attach\s+`,
  String.raw`(?:alter|drop)\s+\w+\s+(?:if\s+exists\s+)?`,
].join('|');
const CHANGED = new RegExp(String.raw`^\s*(?:${CHANGES})("[^"]+"|[\w.]+)`, 'iu');

/** The table, or other thing, that a statement would have made or changed, in lower case. */
export function changedBy(sql: string): string | undefined {
  return CHANGED.exec(sql)?.[1]?.replaceAll('"', '').toLowerCase();
}

/** The statement behind the name of what it changes. */
export function afterChanged(sql: string): string {
  return sql.slice(CHANGED.exec(sql)?.[0].length ?? 0);
}

/** Every table that a statement left out would have changed, also by queries of WITH. */
export function changedWithin(sql: string): string[] {
  const first = changedBy(sql);
  const within = [...sql.matchAll(/\b(?:insert\s+into|merge\s+into|delete\s+from|update)\s+("[^"]+"|[\w.]+)/giu)];
  const names = within.map((match) => (match[1] ?? '').replaceAll('"', '').toLowerCase());
  return first === undefined ? names : [first, ...names];
}

const WORDS_BEFORE = 'from|join|into|update|table|view|describe|summarize|exists|execute|using';
const BEFORE_A_THING = String.raw`(?:\b(?:${WORDS_BEFORE})\s+|[,(.]\s*)`;

/** True when a statement names one of `things` where a table or function stands. */
export function readsAny(sql: string, things: ReadonlySet<string>): boolean {
  if (things.size === 0) return false;
  const names = [...things].map((name) => name.replaceAll(/[^\w]/gu, String.raw`\$&`)).join('|');
  return new RegExp(String.raw`${BEFORE_A_THING}(?:"(?:${names})"|(?:${names})(?!\w))`, 'iu').test(sql);
}

/** Settings of DuckDB that change what statements mean. */
const MEANINGS = new Set(
  (
    'scalar_subquery_error_on_multiple_rows ieee_floating_point_ops order_by_non_integer_literal ' +
    'old_implicit_casting lambda_syntax default_collation timezone calendar disable_timestamptz_casts'
  ).split(' '),
);

/** What a SET or RESET does to such a setting: its name, and whether it is set to something of its own. */
export function meaningOf(sql: string): { readonly name: string; readonly isSet: boolean } | undefined {
  const match = /^\s*(set|reset|pragma)\s+(?:(?:session|global|local)\s+)?(\w+)/iu.exec(sql);
  const name = match?.[2]?.toLowerCase() ?? '';
  return MEANINGS.has(name) ? { name, isSet: match?.[1]?.toLowerCase() !== 'reset' } : undefined;
}
