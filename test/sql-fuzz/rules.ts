/**
 * The differences from DuckDB that docs/sql.md documents, as rules that know them.
 *
 * Hides nothing. Invariant: a rule looks at both answers and is as narrow as it can be; what none of them knows is
 * wrong.
 */
import type { Answer } from './answer.ts';

/** What a rule may look at. */
export interface Difference {
  readonly sql: string;
  readonly ours: Answer;
  readonly theirs: Answer;
}

export interface Rule {
  readonly name: string;
  readonly reason: string;
  readonly knows: (difference: Difference) => boolean;
}

function oursFails(code: RegExp): (difference: Difference) => boolean {
  return ({ ours }) => ours.kind === 'error' && code.test(ours.text);
}

function theirsFails(text: RegExp): (difference: Difference) => boolean {
  return ({ theirs }) => theirs.kind === 'error' && text.test(theirs.text);
}

/** True where DuckDB never looks at a query of WITH, since nothing reads it. */
function hasUnread(sql: string): boolean {
  const names = [...sql.matchAll(/\b(r\d+) AS \(SELECT|\b(r\d+) AS \(\(/gu)].map(
    (match) => match[1] ?? match[2] ?? '',
  );
  return names.some((name) => !new RegExp(`(FROM|JOIN) \\(?${name}\\b`, 'u').test(sql));
}

/** What DuckDB says about types that do not fit. */
const TOO_STRICT = new RegExp(
  '^BinderException: .*(No function matches|does not support the supplied|Cannot (combine|mix|compare|cast)' +
    '|Could not choose|has no effect|must not be NULL|"constant_or_null" must be a constant)',
  'u',
);

export const RULES: readonly Rule[] = [
  {
    name: 'lacking',
    reason: 'Sheaf says that it has not got this',
    knows: oursFails(/^sql_unsupported: /u),
  },
  {
    name: 'sum overflow',
    reason: 'SUM of integers is int64 and fails on overflow; DuckDB answers 128 bits',
    knows: oursFails(/^value_error: .*overflow in sum/u),
  },
  {
    name: 'more is taken',
    reason:
      'functions, UNION, CASE and ORDER BY take types that DuckDB wants to be cast, or values that it wants constant',
    knows: theirsFails(TOO_STRICT),
  },
  {
    name: 'DuckDB lacks it',
    reason: 'DuckDB says that it has not got this',
    knows: theirsFails(/^NotImplementedException: /u),
  },
  {
    name: 'intervals are shorter',
    reason: 'the time of an INTERVAL is at most 292 years',
    knows: oursFails(/^value_error: the interval is outside the range/u),
  },
  {
    name: 'an interval by zero',
    reason: 'is an error, as in DuckDB by default; its other divisions by zero are told to be NULL, as ours are',
    knows: oursFails(/^value_error: an interval cannot be divided by zero/u),
  },
  {
    name: 'no 128-bit integers',
    reason: 'functions of integers take no DECIMAL(38, 0), which stands for HUGEINT',
    knows: oursFails(/^sql_bind: (.*, not \(.*DECIMAL\(38,0\)|(operator [&|]|function xor) expects .*UBIGINT)/u),
  },
  {
    name: 'a NULL constant decides',
    reason: 'DuckDB makes a call of a constant that is NULL into NULL before it looks at the others',
    knows: (difference) => {
      return /\bNULL\b/u.test(difference.sql) && oursFails(/^(value_error|sql_bind: .* expects)/u)(difference);
    },
  },
  {
    name: 'FILTER first',
    reason: 'arguments of an aggregate are evaluated only for rows that its FILTER lets through',
    knows: (difference) => {
      const fails = theirsFails(/^(InvalidInput|Conversion|OutOfRange)Exception/u);
      return difference.sql.includes('FILTER') && fails(difference);
    },
  },
  {
    name: 'nothing reads it',
    reason: 'DuckDB does not look at a query of WITH that nothing reads',
    knows: (difference) => oursFails(/^sql_bind: /u)(difference) && hasUnread(difference.sql),
  },
  {
    name: 'nanoseconds are kept',
    reason: 'a TIMESTAMP_NS makes nanoseconds of what it meets, and those end in 2262',
    knows: oursFails(
      /^value_error: (cannot cast .* to timestamp\[ns[\],]|the result is outside the range of timestamps)/u,
    ),
  },
  {
    name: 'nanoseconds of DuckDB',
    reason: 'DuckDB goes over nanoseconds, which end in 2262',
    knows: theirsFails(/^ConversionException: .*(to higher precision|can't be cast to the destination type INT64)/u),
  },
  {
    name: 'slow',
    reason: 'one side was given up after 20 seconds',
    knows: ({ ours, theirs }) => {
      return [ours, theirs].some(
        (a) => a.kind === 'error' && /^cancelled|^deadline|^InterruptException/u.test(a.text),
      );
    },
  },
];

/** True where the types, ours and DuckDB's, are the same by a rule. */
interface TypeRule {
  readonly name: string;
  readonly knows: (ours: string, theirs: string, sql: string) => boolean;
}

const DECIMAL = /^decimal\((\d+),(\d+)\)$/u;

export const TYPE_RULES: readonly TypeRule[] = [
  {
    name: 'a cast of a constant is a constant',
    knows: (ours, theirs, sql) => /^u?int\d/u.test(ours) && /^u?int\d/u.test(theirs) && /CAST|::/u.test(sql),
  },
  {
    name: 'SUM and COUNT_IF stay int64',
    knows: (ours, theirs) => {
      const [mine, other] = [DECIMAL.exec(ours), DECIMAL.exec(theirs)];
      return other?.[1] === '38' && Number(mine?.[1]) < 38;
    },
  },
  {
    name: '128-bit integers are DECIMAL(38, 0)',
    knows: (ours, theirs, sql) => {
      if (theirs === 'float64')
        return DECIMAL.test(ours) && /%|\b(factorial|binom|quantile_cont|median)\(/u.test(sql);
      return ours.startsWith('decimal(38,') && /^(decimal\(38,|uint64)/u.test(theirs);
    },
  },
  {
    name: 'SUM and COUNT_IF stay int64',
    knows: (ours, theirs) => /^u?int64$/u.test(ours) && theirs === 'decimal(38,0)',
  },
  { name: 'a bare NULL has no type', knows: (ours, theirs) => ours === 'null' || theirs === 'null' },
  {
    name: 'nanoseconds are kept',
    knows: (ours, theirs) => ours.startsWith('timestamp[ns]') && theirs === ours.replace('ns', 'us'),
  },
  {
    name: 'nanoseconds of DuckDB',
    knows: (ours, theirs) => ours.startsWith('timestamp[us]') && theirs === ours.replace('us', 'ns'),
  },
  {
    name: 'products of decimals keep up to 38 digits',
    knows: (ours, theirs) => {
      const [mine, other] = [DECIMAL.exec(ours), DECIMAL.exec(theirs)];
      return mine !== null && mine[2] === other?.[2] && Number(mine[1]) > Number(other?.[1]);
    },
  },
];
