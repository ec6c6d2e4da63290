/**
 * Parts of SQL text that hold no expressions of their own: types, intervals, negations, names of calls.
 *
 * Hides spellings. Invariant: a type prints under one name, whichever of its names was written.
 */
import type { FunctionCall, TypeName } from './ast.ts';
import type { WindowFrame } from './ast-window.ts';
import type { IntervalUnit } from './ast-word.ts';

/** How something is written: as SQL, or as in the column names that DuckDB gives. */
export type Style = 'sql' | 'name';

const TYPE_ALIASES: Readonly<Record<string, string>> = {
  int: 'INTEGER',
  text: 'VARCHAR',
  string: 'VARCHAR',
  bool: 'BOOLEAN',
};

/** A type's name and sizes. */
export function typeText(type: TypeName): string {
  const name = TYPE_ALIASES[type.name] ?? type.name.toUpperCase();
  if (type.sizes.length === 0) return name;
  const sizes = `(${type.sizes.map(String).join(', ')})`;
  // TIMESTAMP(3) WITH TIME ZONE: the size belongs to the first word.
  const zone = name.indexOf(' WITH');
  return zone === -1 ? `${name}${sizes}` : `${name.slice(0, zone)}${sizes}${name.slice(zone)}`;
}

/** INTERVAL; in names as DuckDB writes it out: a call of a conversion. */
export function intervalText(value: string, unit: IntervalUnit, style: Style): string {
  if (style === 'sql') return `INTERVAL (${value}) ${unit.toUpperCase()}`;
  const number = `CAST(${value} AS DOUBLE)`;
  if (unit === 'seconds' || unit === 'milliseconds') return `to_${unit}(${number})`;
  const wide = unit === 'hours' || unit === 'minutes' || unit === 'microseconds';
  return `to_${unit}(CAST(trunc(${number}) AS ${wide ? 'BIGINT' : 'INTEGER'}))`;
}

/** `text`, denied when `negated`. */
export function maybeNot(negated: boolean, text: string): string {
  return negated ? `(NOT ${text})` : text;
}

/** As DuckDB, which leaves RESPECT NULLS out of names. */
export function nullsText({ nulls }: FunctionCall, style: Style): string {
  if (nulls === undefined || (nulls === 'respect' && style === 'name')) return '';
  return ` ${nulls.toUpperCase()} NULLS`;
}

/** The frame of a window that says none, which DuckDB leaves out of names. */
export function isUsualFrame({ unit, start, end, exclude }: WindowFrame): boolean {
  const isDefault = unit === 'range' && start.bound === 'unbounded_preceding' && end.bound === 'current_row';
  return isDefault && exclude === undefined;
}

/** Names of functions that are keywords of DuckDB, which it quotes in the names of columns. */
const QUOTED_NAMES = new Set(['first', 'last', 'left', 'mode', 'replace', 'right']);

/** The name of a call in a column's name. */
export function callName(node: FunctionCall): string {
  const name = node.name.name.toLowerCase();
  if (node.over !== undefined && !node.withinGroup)
    return name === 'first' || name === 'last' ? `${name}_value` : name;
  if (name === 'grouping' || name === 'grouping_id') return 'GROUPING';
  if (QUOTED_NAMES.has(name)) return `"${name}"`;
  return node.withinGroup ? name.replace(/^percentile_/u, 'quantile_') : name;
}
