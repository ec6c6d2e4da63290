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
    reason: 'functions, UNION, CASE and ORDER BY take types that DuckDB wants to be cast',
    knows: theirsFails(
      /^BinderException: .*(No function matches|does not support the supplied|Cannot (combine|mix|compare|cast)|Could not choose|has no effect)/u,
    ),
  },
  {
    name: 'DuckDB lacks it',
    reason: 'DuckDB says that it has not got this',
    knows: theirsFails(/^NotImplementedException: /u),
  },
  {
    name: 'nothing reads it',
    reason: 'DuckDB does not look at a query of WITH that nothing reads',
    knows: (difference) => oursFails(/^sql_bind: /u)(difference) && hasUnread(difference.sql),
  },
  {
    name: 'nanoseconds of DuckDB',
    reason: 'DuckDB goes over nanoseconds, which end in 2262',
    knows: theirsFails(/^ConversionException: .*to higher precision/u),
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
  readonly knows: (ours: string, theirs: string) => boolean;
}

const DECIMAL = /^decimal\((\d+),(\d+)\)$/u;

export const TYPE_RULES: readonly TypeRule[] = [
  { name: 'SUM and COUNT_IF stay int64', knows: (ours, theirs) => ours === 'int64' && theirs === 'decimal(38,0)' },
  { name: 'a bare NULL has no type', knows: (ours, theirs) => ours === 'null' || theirs === 'null' },
  {
    name: 'nanoseconds are kept',
    knows: (ours, theirs) => ours === 'timestamp[ns]' && theirs === 'timestamp[us]',
  },
  {
    name: 'products of decimals keep up to 38 digits',
    knows: (ours, theirs) => {
      const [mine, other] = [DECIMAL.exec(ours), DECIMAL.exec(theirs)];
      return mine !== null && other?.[1] === '18' && mine[2] === other[2] && Number(mine[1]) > 18;
    },
  },
];
