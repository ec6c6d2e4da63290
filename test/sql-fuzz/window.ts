/**
 * Window functions that give a wanted kind.
 *
 * Hides frames. Invariant: one answer is right: where ties would matter, frames end with them or values are ordered
 * by themselves.
 */
import type { Random } from '../support/random.ts';
import { pick } from '../fuzz/rounds.ts';
import type { Expressions, Scope } from './expression.ts';
import type { Kind } from './world.ts';

/** A call over a window. */
export function window(random: Random, expressions: Expressions, kind: Kind, scope: Scope): string {
  const chance = (share: number): boolean => random() < share;
  const plain: Scope = { ...scope, subquery: undefined };
  const key = (): string => expressions.expr(expressions.kind(), chance(0.7) ? 0 : 1, plain);
  const value = (of: Kind): string => expressions.expr(of, chance(0.7) ? 0 : 1, plain);
  const partition = chance(0.6) ? `PARTITION BY ${key()}` : '';
  const order = `ORDER BY ${key()}${pick(random, ['', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST'])}`;
  const peers = pick(random, [
    '',
    'RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW',
    'RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING',
    'GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING',
    'GROUPS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING',
    'RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING EXCLUDE TIES',
  ]);
  const over = (frame: string): string =>
    `OVER (${[partition, order, frame].filter((part) => part !== '').join(' ')})`;
  const whole = `OVER (${partition})`;
  const v = value(kind);
  // Rows that tie have the same value, so that their order does not show.
  const own = `OVER (${[partition, `ORDER BY ${v}`].filter((part) => part !== '').join(' ')})`;
  const choices: (() => string)[] = [
    () => `${pick(random, ['min', 'max'])}(${v}) ${chance(0.3) ? whole : over(peers)}`,
    () => `${pick(random, ['first_value', 'last_value'])}(${v}) ${own}`,
    () => `nth_value(${v}, ${pick(random, ['1', '2', '3'])}) ${own}`,
  ];
  // Of rows that tie any may be the first, so that these need an order of all rows.
  const aliases = new Set(plain.columns.map(({ ref }) => ref.split('.')[0]));
  const id = plain.columns.find(({ ref }) => ref.endsWith('.id'))?.ref;
  if (aliases.size === 1 && id !== undefined) {
    const all = `OVER (${[partition, `${order}, ${id}`].filter((part) => part !== '').join(' ')})`;
    choices.push(() => `${pick(random, ['lag', 'lead'])}(${v}${pick(random, ['', ', 1', ', 2', ', -1'])}) ${all}`);
    if (kind === 'int') choices.push(() => `${pick(random, ['row_number()', 'ntile(3)'])} ${all}`);
  }
  if (kind === 'int') {
    choices.push(
      () => `${pick(random, ['rank()', 'dense_rank()'])} ${over('')}`,
      () => `count(${pick(random, ['*', v])}) ${over(peers)}`,
      () => `sum(${expressions.tame('int', plain)}) ${over(peers)}`,
    );
  }
  if (kind === 'float') {
    choices.push(
      () => `${pick(random, ['percent_rank()', 'cume_dist()'])} ${over('')}`,
      () => `${pick(random, ['sum', 'avg'])}(${expressions.tame('float', plain)}) ${over(peers)}`,
    );
  }
  return pick(random, choices)();
}
