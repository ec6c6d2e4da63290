/**
 * Aggregates that give a wanted kind.
 *
 * Hides which there are. Invariants: one answer is right: sums are over tame columns, what depends on the order of rows
 * is told one by the values themselves.
 */
import type { Random } from '../support/random.ts';
import { pick } from '../fuzz/rounds.ts';
import type { Expressions, Scope } from './expression.ts';
import type { Kind } from './world.ts';

/** An aggregate call over `scope`, with DISTINCT and FILTER at times. */
export function aggregate(random: Random, expressions: Expressions, kind: Kind, scope: Scope): string {
  const chance = (share: number): boolean => random() < share;
  const plain: Scope = { ...scope, subquery: undefined };
  const value = (of: Kind): string => expressions.expr(of, chance(0.6) ? 0 : 2, plain);
  const tame = (of: 'int' | 'float' | 'decimal'): string => expressions.tame(of, plain);
  const distinct = chance(0.2) ? 'DISTINCT ' : '';
  const filter = chance(0.2) ? ` FILTER (WHERE ${expressions.condition(1, plain)})` : '';
  /** A column of a kind, to order by; constants give no order. */
  const ordered = (of: Kind): string | undefined => {
    const fitting = plain.columns.filter((column) => column.kind === of);
    return fitting.length === 0 ? undefined : pick(random, fitting).ref;
  };
  const any = (): Kind => expressions.kind();
  const own = [
    () => `${pick(random, ['min', 'max'])}(${distinct}${value(kind)})`,
    () => {
      const v = ordered(kind);
      if (v === undefined) return `max(${value(kind)})`;
      return `${pick(random, ['first', 'last', 'any_value'])}(${v} ORDER BY ${v}${pick(random, ['', ' DESC'])})`;
    },
    () => `quantile_disc(${value(kind)}, ${pick(random, ['0', '0.25', '0.5', '1'])})`,
  ];
  const byKind: { readonly [K in Kind]?: readonly (() => string)[] } = {
    int: [
      () => 'count(*)',
      () => `count(${distinct}${value(any())})`,
      () => `sum(${distinct}${tame('int')})`,
      () => `count_if(${value('bool')})`,
      () => `${pick(random, ['bit_and', 'bit_or', 'bit_xor'])}(${value('int')})`,
      () => `regr_count(${value('float')}, ${value('float')})`,
    ],
    float: [
      () => `${pick(random, ['sum', 'avg', 'fsum', 'favg'])}(${distinct}${tame('float')})`,
      () => `avg(${distinct}${tame(pick(random, ['int', 'decimal'] as const))})`,
      () => `${pick(random, ['median', 'mad'])}(${tame('float')})`,
      () => `quantile_cont(${tame('float')}, ${pick(random, ['0', '0.25', '0.5', '0.9'])})`,
    ],
    decimal: [() => `sum(${distinct}${tame('decimal')})`, () => `quantile_cont(${value('decimal')}, 0.5)`],
    bool: [() => `${pick(random, ['bool_and', 'bool_or'])}(${value('bool')})`],
    text: [
      () => {
        const v = ordered('text');
        if (v === undefined) return `min(${value('text')})`;
        return `string_agg(${v}, '-' ORDER BY ${v})`;
      },
    ],
    date: [],
    timestamp: [() => `avg(${value('timestamp')})`],
  };
  const choices = byKind[kind] ?? [];
  const text = pick(random, choices.length > 0 && chance(0.7) ? choices : own)();
  return `${text}${filter}`;
}
