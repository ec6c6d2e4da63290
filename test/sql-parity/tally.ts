/**
 * What the verdicts come to: counts, the rules that were used, and what none of them knows.
 *
 * Hides how PostgreSQL's verdict is weighed. Our dialect is DuckDB's, so that DuckDB is right where it and libpg-query
 * differ; where both say otherwise than we do, the fault is ours unless a rule knows the text. Invariant: a difference
 * from DuckDB is lacking, known by one rule, or unexplained.
 */
import type { Verdict } from './judges.ts';
import { RULES } from './rules.ts';

/** How a text is told that no rule knows. */
function told({ sql, ours, ourText, duckdbText, postgres }: Verdict): string {
  const theirs = duckdbText === '' ? 'DuckDB takes it' : `DuckDB: ${duckdbText}`;
  const libpg = postgres ? 'libpg-query takes it' : 'libpg-query refuses it';
  return `${sql}\n  we ${ours === 'taken' ? 'take it' : `refuse it: ${ourText}`}; ${theirs}; ${libpg}`;
}

export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #rules = new Map<string, number>();
  readonly #lacking = new Map<string, number>();
  readonly unexplained: string[] = [];

  /** Weighs a text; `shared` when its tokens and forms are of the subset that is PostgreSQL's as well. */
  add(verdict: Verdict, shared: boolean): void {
    this.#count('statements');
    const taken = verdict.ours === 'taken';
    const outcome = this.#weigh(verdict, taken);
    this.#count(outcome);
    if (!shared) return;
    this.#count('shared: statements');
    if (verdict.postgres === taken) this.#count(taken ? 'shared: taken by both' : 'shared: refused by both');
    else if (verdict.duckdb === taken) this.#count('shared: DuckDB says what we say');
    else this.#count(`shared: DuckDB says what libpg-query says, ${outcome}`);
  }

  /** Lines for a test's report, of DuckDB, of libpg-query, and of rules. */
  lines(): string[] {
    const listed = (map: ReadonlyMap<string, number>): string =>
      [...map]
        .toSorted((a, b) => b[1] - a[1])
        .map(([name, count]) => `${name} ${count.toString()}`)
        .join(', ');
    const of = (shared: boolean): Map<string, number> =>
      new Map(
        [...this.#counts]
          .filter(([name]) => name.startsWith('shared: ') === shared)
          .map(([name, count]) => [name.replace('shared: ', ''), count]),
      );
    return [
      `with DuckDB: ${listed(of(false))}`,
      `with libpg-query, on the shared subset: ${listed(of(true))}`,
      `rules: ${listed(this.#rules)}`,
      `lacking: ${listed(new Map([...this.#lacking].toSorted((a, b) => b[1] - a[1]).slice(0, 20)))}`,
      `unexplained: ${this.unexplained.length.toString()}`,
    ];
  }

  #weigh(verdict: Verdict, taken: boolean): string {
    if (verdict.duckdb === taken) return taken ? 'taken by both' : 'refused by both';
    if (verdict.ours === 'lacking') {
      const feature = /^sql_unsupported: (.*?)(?: is not supported yet)? \(line/u.exec(verdict.ourText)?.[1] ?? '';
      this.#lacking.set(feature, (this.#lacking.get(feature) ?? 0) + 1);
      return 'lacking';
    }
    const rule = RULES.find((each) => each.knows(verdict));
    if (rule === undefined) {
      this.unexplained.push(told(verdict));
      return 'unexplained';
    }
    this.#rules.set(rule.name, (this.#rules.get(rule.name) ?? 0) + 1);
    return 'known by a rule';
  }

  #count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}

/** True for a statement that all three take: it, and what has only its tokens, is of the shared subset. */
export function isShared({ ours, duckdb, postgres }: Verdict): boolean {
  return ours === 'taken' && duckdb && postgres;
}
