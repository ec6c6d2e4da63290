/**
 * The dialect as drivers ask for it: its words, functions, casts, names of types, and the names of system tables.
 *
 * Hides where the facts stand. Invariant: nothing here is a list of its own; each fact is read from what parses, binds
 * and runs.
 */
import type { DataType } from '../arrow/type.ts';
import { foldName } from '../base/names.ts';
import { likeTest } from '../function/pattern-like.ts';
import { StepBudget } from '../function/pattern-match.ts';
import { castKind, FUNCTION_FAMILIES } from '../function/registry.ts';
import { INFORMATION_TABLES } from '../plan/information-schema.ts';
import { ENGINE_TABLES, INFORMATION_SCHEMA, SCHEMA_NAME } from '../plan/system-name.ts';
import { keywords } from '../sql/keyword.ts';

export { CATALOG_NAME, INFORMATION_SCHEMA, SCHEMA_NAME } from '../plan/system-name.ts';
export { sqlTypeName } from '../plan/sql-type.ts';

/** A family of functions. */
export type FunctionFamily = keyof typeof FUNCTION_FAMILIES;

/** Words with a meaning of their own, in upper case. */
export function dialectKeywords(): readonly string[] {
  return keywords().map((word) => word.toUpperCase());
}

/** Names and aliases of a family's functions, operators left out, sorted. */
export function dialectFunctions(family: FunctionFamily): readonly string[] {
  const names = FUNCTION_FAMILIES[family].flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  return names.filter((name) => /^[a-z_]/u.test(name)).sort();
}

/** True when values of `from` can be cast to `to`. */
export function hasCast(from: DataType, to: DataType): boolean {
  return castKind(from, to) !== 'none';
}

/** A table that nobody makes. */
export interface SystemTable {
  readonly schema: string;
  readonly name: string;
  /** The statement that reads it whole. */
  readonly query: string;
}

/** All of them, by schema and name. */
export const SYSTEM_TABLES: readonly SystemTable[] = [
  ...[...INFORMATION_TABLES.keys()].sort().map((name) => systemTable(INFORMATION_SCHEMA, name)),
  ...[...ENGINE_TABLES].sort().map((name) => systemTable(SCHEMA_NAME, name)),
];

function systemTable(schema: string, name: string): SystemTable {
  return { schema, name, query: `FROM ${schema}.${name}` };
}

const ESCAPE = '\\';

/**
 * A test of names against a pattern: `%` is any text, `_` one character, `\` takes their meaning from them. Names are
 * alike without regard to case, as in statements. A pattern that is undefined lets every name pass; one that ends in a
 * lone `\` means it.
 */
export function namePattern(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined) return () => true;
  const [tail = ''] = /\\*$/u.exec(pattern) ?? [];
  const whole = tail.length % 2 === 0 ? pattern : `${pattern}${ESCAPE}`;
  const test = likeTest(Buffer.from(foldName(whole)), ESCAPE.charCodeAt(0), new StepBudget());
  return (name) => test(Buffer.from(foldName(name)));
}
