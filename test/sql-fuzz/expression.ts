/**
 * Expressions of a wanted kind over the columns of a scope.
 *
 * Hides what may stand where. Invariants: text that parses; arithmetic mostly over tame columns, so that most queries
 * answer rather than overflow; what may differ in its last digit stands only at the top of an expression.
 */
import type { Random } from '../support/random.ts';
import { below, pick } from '../fuzz/rounds.ts';
import { callText, constantsFor } from './call.ts';
import type { Calls } from './call.ts';
import type { Kind } from './world.ts';
import { KINDS } from './world.ts';

/** A column that an expression may read. */
export interface ScopeColumn {
  /** As it is written. */
  readonly ref: string;
  readonly kind: Kind;
  readonly isTame: boolean;
}

/** What an expression may read; `outer` are the columns of queries around. */
export interface Scope {
  readonly columns: readonly ScopeColumn[];
  readonly outer: readonly ScopeColumn[];
  /** Gives a query of one column of a kind, at most one row, that may read `columns`; undefined where none may stand. */
  readonly subquery: ((kind: Kind, form: 'one' | 'many') => string) | undefined;
}

const LITERALS: Readonly<Record<Kind, readonly string[]>> = {
  int: ['0', '1', '2', '-3', '7', '100', '(-1)::BIGINT', '3::TINYINT', '2147483647'],
  float: ['1e0', '0.5::DOUBLE', "'nan'::DOUBLE", "'-inf'::DOUBLE", '-2.25::FLOAT', '0::DOUBLE', "'-0.0'::DOUBLE"],
  decimal: ['2.5', '0.01', '-1.10', '100.000', '3::DECIMAL(18, 4)', '0.0'],
  text: ["''", "'a'", "'ÄB'", "'ab'", "'7'", "'zebra'", "'🙂'", "'%a%'"],
  bool: ['TRUE', 'FALSE'],
  date: ["DATE '2024-02-29'", "DATE '1970-01-01'", "DATE '1969-12-31'", "DATE '0001-01-01'"],
  timestamp: ["TIMESTAMP '2024-02-29 12:34:56.789'", "TIMESTAMP '1970-01-01 00:00:00'", "TIMESTAMP_S '2024-01-01'"],
  zoned: ["TIMESTAMPTZ '2024-02-29 12:34:56.789+02'", "TIMESTAMPTZ '1970-01-01 00:00:00+00'"],
  time: ["TIME '12:34:56'", "TIME '00:00:00'", "TIME '23:59:59.999999'"],
  interval: [
    "INTERVAL '1 month'",
    "INTERVAL '30 days'",
    "INTERVAL '-1' DAY",
    "INTERVAL '2 hours'",
    'INTERVAL (3) DAY',
  ],
  blob: ["'a'::BLOB", "''::BLOB", "'\\xFF'::BLOB"],
};

const TYPE_NAMES: Readonly<Record<Kind, readonly string[]>> = {
  int: ['INTEGER', 'BIGINT', 'TINYINT', 'SMALLINT', 'UBIGINT', 'UTINYINT', 'UINTEGER'],
  float: ['DOUBLE', 'FLOAT'],
  decimal: ['DECIMAL(18, 2)', 'DECIMAL(9, 1)', 'DECIMAL(38, 10)', 'DECIMAL(4, 4)'],
  text: ['VARCHAR'],
  bool: ['BOOLEAN'],
  date: ['DATE'],
  timestamp: ['TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP_NS'],
  zoned: ['TIMESTAMPTZ'],
  time: ['TIME'],
  interval: ['INTERVAL'],
  blob: ['BLOB'],
};

/** Kinds that convert to each by a cast. */
const CAST_FROM: Readonly<Record<Kind, readonly Kind[]>> = {
  int: ['int', 'float', 'decimal', 'text', 'bool'],
  float: ['int', 'float', 'decimal', 'text', 'bool'],
  // Not of booleans: DuckDB makes the last digit of true a 1, whatever the scale.
  decimal: ['int', 'float', 'decimal', 'text'],
  text: ['int', 'float', 'decimal', 'text', 'bool', 'date', 'timestamp', 'zoned', 'time', 'interval', 'blob'],
  bool: ['int', 'float', 'decimal', 'text', 'bool'],
  date: ['text', 'timestamp', 'zoned', 'date'],
  timestamp: ['text', 'date', 'zoned', 'timestamp'],
  zoned: ['text', 'date', 'timestamp', 'zoned'],
  time: ['text', 'timestamp', 'time'],
  interval: ['text', 'interval'],
  blob: ['text', 'blob'],
};
const COMPARISONS = ['=', '<>', '<', '<=', '>', '>=', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM'];

/** Makes expressions of one query, by its random numbers. */
export class Expressions {
  readonly #random: Random;

  readonly #calls: Calls;

  constructor(random: Random, calls: Calls) {
    this.#random = random;
    this.#calls = calls;
  }

  kind(): Kind {
    return pick(this.#random, this.#random() < 0.5 ? (['int', 'text', 'float', 'decimal', 'bool'] as const) : KINDS);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #one(...makers: readonly (() => string)[]): string {
    return pick(this.#random, makers)();
  }

  literal(kind: Kind): string {
    if (this.#chance(0.08))
      return this.#chance(0.05) ? 'NULL' : `CAST(NULL AS ${pick(this.#random, TYPE_NAMES[kind])})`;
    return pick(this.#random, LITERALS[kind]);
  }

  /** A column of the kind, a literal where there is none. */
  leaf(kind: Kind, scope: Scope): string {
    const from = scope.outer.length > 0 && this.#chance(0.3) ? scope.outer : scope.columns;
    const fitting = from.filter((column) => column.kind === kind);
    const tame = fitting.filter((column) => column.isTame);
    if (fitting.length === 0 || this.#chance(0.15)) return this.literal(kind);
    return pick(this.#random, tame.length > 0 && this.#chance(0.6) ? tame : fitting).ref;
  }

  /** A small number whose sums are exact. */
  tame(kind: 'int' | 'float' | 'decimal', scope: Scope): string {
    const fitting = scope.columns.filter((column) => column.isTame && column.kind === kind);
    const a = fitting.length === 0 ? pick(this.#random, ['1', '2']) : pick(this.#random, fitting).ref;
    if (fitting.length === 0 || this.#chance(0.6)) return a;
    return `(${a} ${pick(this.#random, ['+', '-', '*'])} ${pick(this.#random, fitting).ref})`;
  }

  expr(kind: Kind, depth: number, scope: Scope): string {
    if (depth <= 0 || this.#chance(0.2)) return this.leaf(kind, scope);
    if (this.#chance(0.35)) return this.#general(kind, depth, scope);
    switch (kind) {
      case 'bool':
        return this.condition(depth, scope);
      case 'int':
      case 'float':
      case 'decimal':
        return this.#chance(0.5) ? this.#arithmetic(kind, depth, scope) : this.call(kind, depth, scope);
      default:
        return this.call(kind, depth, scope);
    }
  }

  /** A call of a function of the registry; `isTop` where nothing is computed from it. */
  call(kind: Kind, depth: number, scope: Scope, isTop = false): string {
    const functions = this.#calls.get(kind) ?? [];
    for (let tries = 0; tries < 8 && functions.length > 0; tries++) {
      const shape = pick(this.#random, pick(this.#random, functions));
      if (shape.isInexact && !isTop) continue;
      const args = shape.args.map((argument, i) => {
        const constants = constantsFor(shape, i);
        return constants === undefined ? this.expr(argument, depth - 1, scope) : pick(this.#random, constants);
      });
      return callText(shape.name, args);
    }
    return this.leaf(kind, scope);
  }

  #arithmetic(kind: Kind, depth: number, scope: Scope): string {
    const a = (): string => this.expr(kind, depth - 1, scope);
    const small = (): string =>
      kind === 'int' || kind === 'float' || kind === 'decimal' ? this.tame(kind, scope) : a();
    if (kind === 'float') {
      return this.#one(
        () => `(${a()} ${pick(this.#random, ['+', '-', '*', '/', '//', '%'])} ${a()})`,
        () => `(${this.expr('int', depth - 1, scope)} / ${this.expr('int', depth - 1, scope)})`,
        () => `(- ${a()})`,
      );
    }
    return this.#one(
      () => `(${small()} ${pick(this.#random, ['+', '-', '*'])} ${small()})`,
      () => `(${this.#chance(0.2) ? a() : small()} ${pick(this.#random, ['+', '-', '*', '//', '%'])} ${small()})`,
      () => `(- ${small()})`,
    );
  }

  /** What there is for every kind. */
  #general(kind: Kind, depth: number, scope: Scope): string {
    const a = (): string => this.expr(kind, depth - 1, scope);
    const { subquery } = scope;
    return this.#one(
      () => `CASE WHEN ${this.condition(depth - 1, scope)} THEN ${a()} ELSE ${a()} END`,
      () => `CASE WHEN ${this.condition(depth - 1, scope)} THEN ${a()} END`,
      () => {
        const of = this.kind();
        const value = (): string => this.expr(of, depth - 1, scope);
        return `CASE ${value()} WHEN ${value()} THEN ${a()} WHEN ${value()} THEN ${a()} ELSE ${a()} END`;
      },
      () => `coalesce(${a()}, ${a()})`,
      () => `nullif(${a()}, ${a()})`,
      () => `${pick(this.#random, ['greatest', 'least'])}(${a()}, ${a()})`,
      () => {
        const from = this.expr(pick(this.#random, CAST_FROM[kind]), depth - 1, scope);
        return `${this.#chance(0.95) ? 'TRY_CAST' : 'CAST'}(${from} AS ${pick(this.#random, TYPE_NAMES[kind])})`;
      },
      () => (subquery === undefined || this.#chance(0.5) ? a() : `(${subquery(kind, 'one')})`),
    );
  }

  condition(depth: number, scope: Scope): string {
    const of = this.kind();
    const a = (): string => this.expr(of, depth - 1, scope);
    const c = (): string => this.condition(depth - 1, scope);
    if (depth <= 0) return `(${this.leaf(of, scope)} ${pick(this.#random, COMPARISONS)} ${this.leaf(of, scope)})`;
    const not = this.#chance(0.3) ? 'NOT ' : '';
    return this.#one(
      () => `(${a()} ${pick(this.#random, COMPARISONS)} ${a()})`,
      () => `(${a()} ${pick(this.#random, COMPARISONS)} ${this.literal(of)})`,
      () => `(${c()} AND ${c()})`,
      () => `(${c()} OR ${c()})`,
      () => `(NOT ${c()})`,
      () => `(${a()} IS ${not}NULL)`,
      () => `(${c()} IS ${not}${pick(this.#random, ['TRUE', 'FALSE'])})`,
      () => `(${a()} ${not}BETWEEN ${a()} AND ${a()})`,
      () => `(${a()} ${not}IN (${Array.from({ length: 1 + below(this.#random, 4) }, a).join(', ')}))`,
      () => this.call('bool', depth, scope),
      () => this.#subqueryCondition(of, depth, scope),
    );
  }

  #subqueryCondition(kind: Kind, depth: number, scope: Scope): string {
    const { subquery } = scope;
    if (subquery === undefined) return this.condition(depth - 1, scope);
    const value = this.expr(kind, depth - 1, scope);
    const not = this.#chance(0.4) ? 'NOT ' : '';
    return this.#one(
      () => `(${not}EXISTS (${subquery(kind, 'many')}))`,
      () => `(${value} ${not}IN (${subquery(kind, 'many')}))`,
      () => {
        const operator = pick(this.#random, COMPARISONS.slice(0, 6));
        return `(${value} ${operator} ${pick(this.#random, ['ANY', 'ALL'])} (${subquery(kind, 'many')}))`;
      },
      () => `(${value} ${pick(this.#random, COMPARISONS)} (${subquery(kind, 'one')}))`,
    );
  }
}
