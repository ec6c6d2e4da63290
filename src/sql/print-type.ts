/**
 * Types, intervals and negations as SQL text.
 *
 * Hides spellings. Invariant: a type prints under one name, whichever of its names was written.
 */
import type { TypeName } from './ast.ts';
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
