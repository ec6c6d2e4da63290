/**
 * A query put to both sides, and what is to be said about their answers.
 *
 * Hides how a query's own text says which order of rows counts. Invariants: ways of our own must agree with one
 * another; where DuckDB's answer hangs on its optimizer, either of its two answers is right.
 */
import { parseStatement } from '../../src/sql/parse.ts';
import { rowDifference, showAnswer } from './answer.ts';
import type { Answer, Comparison } from './answer.ts';
import type { Oracle } from './oracle.ts';
import { MODES } from './ours.ts';
import type { Ours } from './ours.ts';
import { RULES, TYPE_RULES } from './rules.ts';

/** `outcome` names a rule where it is neither equal, refused nor wrong. */
export interface Verdict {
  readonly outcome: string;
  /** What kind of a difference it is: shrinking keeps to it. */
  readonly kind?: string;
  readonly detail?: string;
}

const EQUAL: Verdict = { outcome: 'equal' };
const OPTIMIZER = 'hangs on DuckDB’s optimizer';
const UNREAD = 'fails in DuckDB where nothing reads the value';
/** True where DuckDB alone fails, and not in planning: without passes we may fail as well. */
function isUnread({ kind }: Verdict): boolean {
  return kind?.startsWith('DuckDB refuses') === true && !/Binder|Catalog|Parser/u.test(kind);
}
/** Where one of several intervals that are equal may be the answer. */
const CHOOSES =
  /GROUP BY|DISTINCT|UNION|INTERSECT|EXCEPT|\b(min|max|first|last|any_value|greatest|least|quantile_disc)\(/iu;

function comparisonOf(sql: string): Comparison {
  const ordered: number[] = [];
  const statement = parseStatement(sql);
  if ('orders' in statement) {
    for (const { expr } of statement.orders) {
      if (expr.kind !== 'number') break;
      ordered.push(Number(expr.text) - 1);
    }
  }
  return { ordered, looseIntervals: CHOOSES.test(sql) };
}

function wrong(kind: string, ours: Answer, theirs: Answer, detail = ''): Verdict {
  const text = `${detail}\n  ours:   ${showAnswer(ours)}\n  DuckDB: ${showAnswer(theirs)}`;
  return { outcome: 'wrong', kind, detail: `${kind} ${text}` };
}

function compare(sql: string, ours: Answer, theirs: Answer): Verdict {
  if (ours.kind === 'error' && ours.text.startsWith('BUG')) return wrong('a bug of ours', ours, theirs, ours.text);
  if (ours.kind === 'error' && theirs.kind === 'error') return { outcome: 'both refused' };
  const rule = RULES.find(({ knows }) => knows({ sql, ours, theirs }));
  if (rule !== undefined) return { outcome: rule.name };
  if (ours.kind === 'error') return wrong(`we refuse (${ours.text.split(':')[0] ?? ''})`, ours, theirs);
  if (theirs.kind === 'error') return wrong(`DuckDB refuses (${theirs.text.split(':')[0] ?? ''})`, ours, theirs);
  let outcome = 'equal';
  for (const [c, type] of ours.types.entries()) {
    const other = theirs.types[c];
    if (type === other) continue;
    const known = TYPE_RULES.find(({ knows }) => knows(type, other ?? '', sql));
    if (known === undefined) return wrong('types', ours, theirs, `column ${c.toString()}`);
    outcome = known.name;
  }
  const difference = rowDifference(ours, theirs, comparisonOf(sql));
  return difference === undefined ? { outcome } : wrong('rows', ours, theirs, difference);
}

/** Puts a query to both sides. */
export async function judge(sql: string, ours: Ours, oracle: Oracle): Promise<Verdict> {
  const answer = await ours.query(sql);
  let verdict = compare(sql, answer, await oracle.query(sql));
  if (verdict.outcome === 'wrong') {
    const second = compare(sql, answer, await oracle.query(sql, false));
    if (second.outcome !== 'wrong') verdict = { outcome: OPTIMIZER };
    else if (isUnread(second) && (await ours.query(sql, 'unoptimized')).kind === 'error')
      verdict = { outcome: UNREAD };
    else return verdict;
  }
  if (answer.kind === 'error') return verdict;
  for (const mode of MODES.slice(1)) {
    const other = await ours.query(sql, mode);
    const own = compare(sql, other, answer);
    // Without passes more is evaluated, which may fail.
    const isEager = other.kind === 'error' && other.text.startsWith('value_error');
    if (own.outcome !== EQUAL.outcome && !isEager) {
      return { outcome: 'wrong', kind: `${mode} ${own.kind ?? ''}`, detail: `${mode} differs: ${own.detail ?? ''}` };
    }
  }
  return verdict;
}
