/**
 * Statements of other people's files as Sheaf is given them: one at a time, and without keys.
 *
 * Hides quoting. Invariant: text that cannot be cut safely is left as it is.
 */
import { DEFAULT_SETTINGS } from '../../src/plan/setting.ts';
import { tokenize } from '../../src/sql/token.ts';

/** The statements of a text, between semicolons. */
export function splitStatements(sql: string): string[] {
  let tokens;
  try {
    tokens = tokenize(sql);
  } catch {
    return [sql.trim()];
  }
  const parts: string[] = [];
  let start = 0;
  for (const token of tokens) {
    if (token.kind !== 'symbol' || token.text !== ';') continue;
    parts.push(sql.slice(start, token.start));
    start = token.end;
  }
  parts.push(sql.slice(start));
  const isComment = (part: string): boolean => part.replaceAll(/--[^\n]*|\/\*[^]*?\*\//gu, '').trim() === '';
  const statements = parts.map((part) => part.trim()).filter((part) => !isComment(part));
  return statements.length === 0 ? [sql.trim()] : statements;
}

/** `PRAGMA name = value`, which is how DuckDB's older files write SET, as SET where Sheaf has that setting. */
export function settingOfPragma(sql: string): string {
  const name = /^\s*pragma\s+(\w+)\s*=/iu.exec(sql)?.[1]?.toLowerCase();
  const isSetting = Object.keys(DEFAULT_SETTINGS).some((known) => known.toLowerCase() === name);
  return isSetting ? sql.replace(/pragma/iu, 'SET') : sql;
}

/** CREATE TABLE without PRIMARY KEY and UNIQUE, which Sheaf lacks: the tables of SQLite's files need no check of them. */
export function withoutKeys(sql: string): string {
  if (!/^\s*create\s+(?:or\s+replace\s+)?(?:temp\w*\s+)?table\b/iu.test(sql) || sql.includes("'")) return sql;
  return sql
    .replace(/,\s*(?:primary\s+key|unique)\s*\([^()]*\)/giu, '')
    .replace(/\s+(?:primary\s+key|unique)\b/giu, '');
}
