/**
 * SQL's words: which may stand as a name, and which names of features we recognise but do not have.
 *
 * Hides the lists. Invariant: all words are lower-case ASCII. Source: the keyword classes that DuckDB 2.0 reports
 * (duckdb_keywords()): "reserved" words, and "type_function" words that are not "column_name" as well, never name a
 * column or table unquoted.
 */
const RESERVED = new Set(
  (
    'all analyse analyze and any array as asc asymmetric both case cast check collate column constraint ' +
    'create default deferrable desc describe distinct do else end except false fetch for foreign from ' +
    'group having in initially intersect into lambda lateral leading limit not null offset on only or ' +
    'order pivot pivot_longer pivot_wider placing primary qualify references returning select show some ' +
    'summarize symmetric table then to trailing true union unique unpivot using variadic when where ' +
    'window with'
  ).split(' '),
);

const TYPE_OR_FUNCTION = new Set(
  (
    'anti asof authorization binary by collation concurrently cross freeze full glob ' +
    'ilike inner is isnull join left like natural notnull outer overlaps positional right semi ' +
    'similar tablesample unpack verbose at'
  ).split(' '),
);

/** May name a column, and is quoted where it does. */
const COLUMN_NAME = new Set(
  (
    'between bigint bit boolean char character coalesce columns dec decimal exists extract float generated grouping ' +
    'grouping_id inout int integer interval map national nchar none nullif numeric out overlay position ' +
    'precision real row setof smallint struct substring time timestamp treat trim try_cast tuple values ' +
    'varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot ' +
    'xmlserialize xmltable'
  ).split(' '),
);

/** All words that have a meaning of their own, sorted. */
export function keywords(): readonly string[] {
  return [...RESERVED, ...TYPE_OR_FUNCTION, ...COLUMN_NAME].sort();
}

/** True when the word as a name is printed without quotes, as DuckDB does. */
export function isPlainName(word: string): boolean {
  return canBeName(word) && !COLUMN_NAME.has(word);
}

/** True when the unquoted word may name a column, a table or an alias without AS. */
export function canBeName(word: string): boolean {
  return !RESERVED.has(word) && !TYPE_OR_FUNCTION.has(word);
}

/** Words of COLUMN_NAME that may be called. */
const CALLED = new Set(
  (
    'coalesce columns generated grouping grouping_id interval map nullif overlay position row ' +
    'struct substring trim try_cast tuple'
  ).split(' '),
);

/** Words of COLUMN_NAME that may be called in FROM. */
const CALLED_IN_FROM = new Set(['columns', 'generated', 'map', 'struct', 'try_cast', 'tuple']);

/** Words of COLUMN_NAME that may name a type. */
const TYPES = new Set(
  (
    'bigint bit boolean char character columns dec decimal float int integer interval map nchar numeric real ' +
    'row smallint struct time timestamp try_cast tuple varchar'
  ).split(' '),
);

/** Words that name a column, and are no alias without AS behind an expression. */
const NEVER_BARE = new Set(
  (
    'century centuries day days decade decades escape exclude export_state filter hour hours ignore microsecond ' +
    'microseconds millennia millennium millisecond milliseconds minute minutes month months over precision quarter ' +
    'quarters rename replace respect second seconds varying week weeks within without year years'
  ).split(' '),
);

/** True when the unquoted word may be an alias without AS behind an expression. */
export function canBeBareLabel(word: string): boolean {
  return canBeName(word) && !NEVER_BARE.has(word);
}

/** True when the unquoted word may be called: `left(…)`, but not `select(…)`. */
export function canBeFunction(word: string): boolean {
  return !RESERVED.has(word) && (!COLUMN_NAME.has(word) || CALLED.has(word));
}

/** True when the unquoted word may be called in FROM. */
export function canBeTableFunction(word: string): boolean {
  return !RESERVED.has(word) && (!COLUMN_NAME.has(word) || CALLED_IN_FROM.has(word));
}

/** True when the unquoted word may name a type. */
export function canBeType(word: string): boolean {
  return !RESERVED.has(word) && (!COLUMN_NAME.has(word) || TYPES.has(word));
}

/** First words of statements that DuckDB knows and we do not (yet), with the feature's name for the message. */
export const STATEMENTS_LACKING: ReadonlyMap<string, string> = new Map([
  ['merge', 'MERGE'],
  ['pragma', 'PRAGMA'],
  ['use', 'USE'],
  ['call', 'CALL'],
  ['begin', 'transactions by statement'],
  ['start', 'transactions by statement'],
  ['commit', 'transactions by statement'],
  ['rollback', 'transactions by statement'],
  ['abort', 'transactions by statement'],
  ['attach', 'ATTACH'],
  ['detach', 'DETACH'],
  ['checkpoint', 'CHECKPOINT'],
  ['vacuum', 'VACUUM'],
  ['analyze', 'ANALYZE'],
  ['export', 'EXPORT'],
  ['import', 'IMPORT'],
  ['install', 'INSTALL'],
  ['load', 'LOAD'],
  ['pivot', 'PIVOT'],
  ['unpivot', 'UNPIVOT'],
  ['comment', 'COMMENT'],
  ['grant', 'GRANT'],
  ['revoke', 'REVOKE'],
]);

/** Words that may follow a finished FROM item or SELECT and begin something we lack. */
export const CLAUSES_LACKING: ReadonlyMap<string, string> = new Map([
  ['tablesample', 'TABLESAMPLE'],
  ['using', 'USING SAMPLE'],
  ['pivot', 'PIVOT'],
  ['unpivot', 'UNPIVOT'],
  ['fetch', 'FETCH FIRST; write LIMIT instead'],
  ['for', 'row locking'],
  ['into', 'SELECT INTO'],
]);
