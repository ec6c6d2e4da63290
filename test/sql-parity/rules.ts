/**
 * Where our parser and DuckDB's differ on purpose, as rules that know it.
 *
 * Hides nothing. Invariants: a rule looks at the text and both answers, and is as narrow as it can be; it knows each of
 * its examples (test/sql/parity.test.ts); a difference that none of them knows is a fault of our parser. That we name
 * what we lack (`sql_unsupported`) needs no rule.
 */
import type { Verdict } from './judges.ts';

export interface Rule {
  readonly name: string;
  readonly reason: string;
  readonly knows: (verdict: Verdict) => boolean;
  readonly examples: readonly string[];
}

/** Texts that we take and DuckDB refuses with such words. */
function theyRefuse(text: RegExp): Rule['knows'] {
  return ({ ours, duckdb, duckdbText }) => ours === 'taken' && !duckdb && text.test(duckdbText);
}

/** Texts that DuckDB takes and we refuse with such words. */
function weRefuse(text: RegExp): Rule['knows'] {
  return ({ ours, duckdb, ourText }) => ours === 'refused' && duckdb && text.test(ourText);
}

/** Where an operator of two operands has one, or has two and has none. */
const LONE_OPERATOR = /^sql_syntax: expected .*(?:an expression, found "[-+*/%^|&<>=@!~]+"|, found "(?:@|&&&|!)") /u;

/** Where something follows a star. */
const STAR_PART = /^sql_syntax: expected .*, found "(?:\.|[-+*/%^|&<>=@!~]+|exclude|replace|rename|except)" /iu;

/** What DuckDB checks while it parses. Each is refused when a statement is planned (its examples are, in the test). */
const CHECKS = new RegExp(
  '^Parser Error: (VALUES lists must all be the same length|window ".*" (does not exist|is already defined)' +
    '|Cannot override ORDER BY clause of window|cannot copy window ".*" because it has a frame clause' +
    '|window functions are not allowed in window definitions|Wrong number of arguments (provided to|to|for)' +
    '|Duplicate CTE name|Cannot use multiple ORDER BY clauses with WITHIN GROUP|Unknown ordered aggregate' +
    '|Unexpected duplicate option|Unsupported parameter type for FORMAT|Cannot ORDER BY ALL in a window expression)' +
    '|^Binder Error: Subquery returns 2 columns|^Catalog Error: Column with name ".*" already exists',
  'u',
);

/** Limits of DuckDB's that its meaning does not ask for. */
const LIMITS = new RegExp(
  '^Parser Error: (Duplicate entry ".*" in (EXCLUDE|REPLACE|RENAME) list|Column ".*" cannot occur in both' +
    '|Did not expect more than one column in front of a star|(ORDER BY|LIMIT or OFFSET) in a recursive query)' +
    '|^Not implemented Error: Adding a NOT NULL column with IF NOT EXISTS',
  'u',
);

/** The rule whose examples our planner refuses. */
export const PLANNED = 'said when planning';

export const RULES: readonly Rule[] = [
  {
    name: 'ours alone',
    reason: 'a time to live, and a version that is read at, before the alias and in DESCRIBE (docs/sql.md)',
    knows: (verdict) => {
      const isOurs = /\bset\s+ttl\b|\bdrop\s+ttl\b|\bat\s*\(\s*(?:version|timestamp)\b/iu.test(verdict.sql);
      const theirs = theyRefuse(/syntax error at or near "[a-z]\w*"/iu)(verdict);
      return isOurs && (theirs || weRefuse(/found "(?:cascade|restrict)"/iu)(verdict));
    },
    examples: [
      "ALTER TABLE t SET TTL '30 days' ON day",
      'SELECT * FROM t AT (VERSION => 3) AS q',
      'DESCRIBE t AT (VERSION => 3)',
      'ALTER TABLE t DROP ttl CASCADE',
    ],
  },
  {
    name: PLANNED,
    reason: 'a check of meaning, for which Sheaf has names and types when it plans',
    knows: theyRefuse(CHECKS),
    examples: [
      'VALUES (1, 2), (3)',
      'SELECT sum(1) OVER w',
      'SELECT sum(1) OVER w WINDOW w AS (), w AS ()',
      'SELECT sum(1) OVER (w ORDER BY 1) WINDOW w AS (ORDER BY 2)',
      'SELECT sum(1) OVER (w) WINDOW w AS (ORDER BY 1 ROWS 1 PRECEDING)',
      'SELECT sum(1) OVER (ORDER BY row_number() OVER ())',
      'SELECT sum(1) OVER (ORDER BY *)',
      'SELECT percentile_disc() WITHIN GROUP (ORDER BY 1)',
      'SELECT try(1, 2)',
      'SELECT unpack(1, 2)',
      'SELECT date(1, 2)',
      'WITH x AS (SELECT 1), X AS (SELECT 2) SELECT * FROM x',
      'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY 1, 2)',
      'SELECT sum(1) WITHIN GROUP (ORDER BY 1)',
      "COPY (SELECT 1) TO 'a.csv' (header, header)",
      "COPY (SELECT 1) TO 'a.csv' (format)",
      'SELECT ARRAY(SELECT 1, 2)',
      'CREATE TABLE fresh (a INT, A INT)',
    ],
  },
  {
    name: 'more is taken',
    reason: 'stars that name a column twice, ORDER BY and LIMIT in recursion, NOT NULL beside IF NOT EXISTS',
    knows: theyRefuse(LIMITS),
    examples: [
      'SELECT * EXCLUDE (a, a) FROM t',
      'SELECT * EXCLUDE (a) RENAME (a AS b) FROM t',
      'SELECT main.t.*, 1 FROM t',
      'WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r WHERE x < 3 LIMIT 1) SELECT * FROM r',
      'ALTER TABLE t ADD COLUMN IF NOT EXISTS c INT DEFAULT 1 NOT NULL',
    ],
  },
  {
    name: 'any zone',
    reason: 'SET TIME ZONE takes an expression, as SET does',
    knows: (verdict) => /^\s*set\s+(?:session\s+)?time\s+zone\b/iu.test(verdict.sql) && theyRefuse(/near/u)(verdict),
    examples: ["SET TIME ZONE 'a' || 'b'"],
  },
  {
    name: 'any percentage',
    reason: 'LIMIT takes an expression before PERCENT, as it does without; DuckDB wants a constant or parentheses',
    knows: (verdict) => /\blimit\b/iu.test(verdict.sql) && theyRefuse(/at or near "percent"/iu)(verdict),
    examples: ['SELECT 1 LIMIT a PERCENT'],
  },
  {
    name: 'an operator without its operand',
    reason: 'DuckDB reads a call of a function of that name, and has none when binding; so has @ between operands',
    knows: weRefuse(LONE_OPERATOR),
    examples: ["SELECT || 'x'", 'SELECT 1 + (<< 3)', 'SELECT 1, // 7', 'SELECT 1 @ 2'],
  },
  {
    name: 'a star within an expression',
    reason: 'DuckDB refuses it when binding',
    knows: (verdict) => {
      return /\*/u.test(verdict.sql) && (weRefuse(STAR_PART)(verdict) || /\blimit\s+\*/iu.test(verdict.sql));
    },
    examples: [
      'SELECT a FROM t WHERE * . a',
      'SELECT t.* EXCLUDE id = 1 FROM t',
      'SELECT sum(* EXCLUDE (a)) FROM t',
      'SELECT 1 LIMIT * %',
    ],
  },
  {
    name: 'DEFAULT as a value',
    reason: 'DuckDB refuses it when binding, but where INSERT and UPDATE take it',
    knows: weRefuse(/an expression, found "default"/iu),
    examples: ['SELECT default', 'ALTER TABLE t ADD c INT DEFAULT DEFAULT'],
  },
  {
    name: 'no such call',
    reason: 'the form that the function has is the only one; DuckDB refuses others when binding',
    knows: (verdict) => {
      const isForm = weRefuse(/: expected (?:PLACING|an expression), found "\)"|: expected AS, found "[,)]"/u);
      const columns = /\bcolumns\s*\(/iu.test(verdict.sql) && weRefuse(/: expected "\)", found ","/u)(verdict);
      return columns || isForm(verdict);
    },
    examples: ["SELECT overlay('a')", 'SELECT try_cast(1)', 'SELECT columns() FROM t', 'SELECT columns(1, 2)'],
  },
  {
    name: 'BETWEEN as an alias',
    reason: 'a test without its bounds is a slip; DuckDB reads an alias without AS',
    knows: (verdict) => {
      return /\bbetween\s*(?:$|[,;)]|from\b)/iu.test(verdict.sql) && weRefuse(/an expression, found/u)(verdict);
    },
    examples: ['SELECT 1 between', 'SELECT a between FROM t'],
  },
  {
    name: 'sizes are whole',
    reason: 'a size of a type is a whole number; DuckDB refuses others when binding',
    knows: weRefuse(/a whole number/u),
    examples: ['SELECT 1::DECIMAL(4, 1.5)', "SELECT 1::DECIMAL('a')"],
  },
  {
    name: 'slips',
    reason:
      'a word that touches a number, a quote of typography and an escape of no character are told, not guessed at',
    knows: weRefuse(/is not a number|is a typographic quote|this escape names no character/u),
    examples: ['SELECT 12abc', 'SELECT \u2018a\u2019', "SELECT E'\\U00110000'"],
  },
  {
    name: 'limits',
    reason: 'src/base/limits.ts',
    knows: weRefuse(/^limit_exceeded: /u),
    examples: ['SELECT $70000'],
  },
];
