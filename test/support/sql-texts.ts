/**
 * The SQL that the tests hold, as texts: what the golden files ask, and what test/slt runs.
 *
 * Hides where it lies and how it is written down. Invariant: texts come in the order of the files.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { EngineError } from '../../src/base/errors.ts';
import { tokenize } from '../../src/sql/token.ts';

/** The first lines of the inputs of test/golden/`name`. */
export function goldenInputs(name: string): string[] {
  const text = readFileSync(new URL(`../golden/${name}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^> (.*)$/gmu)].map((match) => match[1] ?? '');
}

/** The statements of all files of test/slt, those that are to fail among them. */
export function sltInputs(): string[] {
  const folder = new URL('../slt/', import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.slt'));
  return files.sort().flatMap((name) => statementsOf(readFileSync(new URL(name, folder), 'utf8')));
}

/** The statements of a file in the manner of sqllogictest. */
export function statementsOf(text: string): string[] {
  const found = text.matchAll(/^(?:statement|query)[^\n]*\n((?:(?!----)[^\n]+\n)+)/gmu);
  return [...found].map((match) => (match[1] ?? '').trim());
}

/** A text's tokens as they are written; its characters where it has none. */
export function piecesOf(sql: string): string[] {
  try {
    const tokens = tokenize(sql).slice(0, -1);
    return tokens.map((token) => sql.slice(token.start, token.end));
  } catch (error) {
    if (error instanceof EngineError) return Array.from(sql);
    throw error;
  }
}
