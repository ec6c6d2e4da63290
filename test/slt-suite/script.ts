/**
 * Files of sqllogictest, in SQLite's form and in DuckDB's and DataFusion's dialects of it, as records.
 *
 * Hides blank lines, comments and the nesting of loops. Invariants: nothing of what a record means is decided here; a
 * record keeps the line that it begins on; text is as it stands in the file, variables not yet replaced. Source:
 * sqlite.org/sqllogictest, DuckDB's and DataFusion's descriptions of their own files.
 */

/** Whose form a file has; each also names the engine whose marks (skipif, onlyif) hold in it. */
export type Dialect = 'sqlite' | 'duckdb' | 'datafusion';

/** `skipif name` or `onlyif name` before a record; `name` may be `variable=value`. */
export interface Mark {
  readonly only: boolean;
  readonly name: string;
}

/** A statement or a query. */
export interface SqlRecord {
  readonly kind: 'sql';
  /** Words of its first line: `query`, `II`, `rowsort`, … */
  readonly words: readonly string[];
  readonly marks: readonly Mark[];
  readonly sql: string;
  /** Lines below `----`; undefined without that line. */
  readonly wanted: readonly string[] | undefined;
  /** Number of its first line, from 1. */
  readonly line: number;
}

/** Anything else: a line by itself, such as `halt` or `require icu`. */
export interface Control {
  readonly kind: 'control';
  readonly words: readonly string[];
  readonly marks: readonly Mark[];
  readonly line: number;
}

/** loop, foreach and their concurrent forms, with what stands up to endloop. */
export interface Loop {
  readonly kind: 'loop';
  readonly words: readonly string[];
  readonly marks: readonly Mark[];
  readonly body: readonly Item[];
  readonly line: number;
}

export type Item = SqlRecord | Control | Loop;

const LOOP_WORDS = new Set(['loop', 'foreach', 'concurrentloop', 'concurrentforeach']);
const SEPARATOR = '----';

/** The dialect that a file is most likely in, by its name and its first lines. */
export function dialectOf(path: string, text: string): Dialect {
  if (path.endsWith('.slt')) return 'datafusion';
  const isDuckdb = /\.test_(?:slow|coverage)$/u.test(path) || /^# (?:name|group|description):/mu.test(text);
  return isDuckdb ? 'duckdb' : 'sqlite';
}

/** Parses a file. @throws Error naming the line when loops do not close */
export function parseScript(text: string, dialect: Dialect): readonly Item[] {
  return new ScriptReader(text, dialect).read();
}

class ScriptReader {
  readonly #lines: readonly string[];
  readonly #dialect: Dialect;
  #at = 0;
  #marks: Mark[] = [];

  constructor(text: string, dialect: Dialect) {
    this.#lines = text.split(/\r?\n/u);
    this.#dialect = dialect;
  }

  read(): Item[] {
    const items = this.#items();
    if (this.#at < this.#lines.length) throw new Error(`line ${(this.#at + 1).toString()}: endloop without a loop`);
    return items;
  }

  /** Items up to the end of the text, or to an endloop, which is left standing. */
  #items(): Item[] {
    const items: Item[] = [];
    for (; this.#at < this.#lines.length;) {
      const line = (this.#lines[this.#at] ?? '').trim();
      if (line === 'endloop') return items;
      if (line === '' || line.startsWith('#')) this.#at++;
      else items.push(...this.#item(line));
    }
    return items;
  }

  #item(text: string): Item[] {
    const words = wordsOf(text);
    const [word = ''] = words;
    const line = ++this.#at;
    if (word === 'skipif' || word === 'onlyif') {
      this.#marks.push({ only: word === 'onlyif', name: words[1] ?? '' });
      return [];
    }
    const marks = this.#marks;
    this.#marks = [];
    if (word === 'statement' || word === 'query') return [{ kind: 'sql', words, marks, line, ...this.#sql() }];
    if (!LOOP_WORDS.has(word)) return [{ kind: 'control', words, marks, line }];
    const body = this.#items();
    if (this.#at++ >= this.#lines.length) throw new Error(`line ${line.toString()}: ${word} without endloop`);
    return [{ kind: 'loop', words, marks, body, line }];
  }

  #sql(): { readonly sql: string; readonly wanted: readonly string[] | undefined } {
    const sql = this.#linesUntil((line) => line === '' || line === SEPARATOR);
    if (this.#lines[this.#at]?.trim() !== SEPARATOR) return { sql: sql.join('\n'), wanted: undefined };
    this.#at++;
    return { sql: sql.join('\n'), wanted: this.#linesUntil((line) => line === '') };
  }

  #linesUntil(isEnd: (line: string) => boolean): string[] {
    const lines: string[] = [];
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at] ?? '';
      // Rows of DuckDB's files may be nothing but tabs.
      if (isEnd(this.#dialect === 'duckdb' ? line.replace(/[ \r]+$/u, '') : line.trim())) break;
      lines.push(line);
    }
    return lines;
  }
}

/** Words of a line, a comment at its end left out. */
function wordsOf(line: string): string[] {
  const words = line.split(/\s+/u);
  const comment = words.findIndex((word) => word.startsWith('#'));
  return comment === -1 ? words : words.slice(0, comment);
}
