/**
 * Nested values as text, as DuckDB writes them and reads them again.
 *
 * Hides quoting. Invariants: reading takes one level apart and leaves what is within as text; what reads as NULL, is
 * empty, begins or ends with a space or holds a character of the notation is written in quotes; reading what was
 * written gives the value again.
 */

const SPECIAL = /["'(),:=[\]{}\\]/u;

/** A text as it stands within a nested value. */
export function quotePart(text: string): string {
  const plain = text !== '' && !SPECIAL.test(text) && !/^\s|\s$/u.test(text) && text.toLowerCase() !== 'null';
  return plain ? text : quoted(text);
}

/** A text in quotes: the name of a struct's field. */
export function quoted(text: string): string {
  return `'${text.replace(/['\\]/gu, '\\$&')}'`;
}

/** A part of a nested value: texts, or null for NULL; a key stands before `:` or `=`. */
export interface Part {
  readonly key: string | null;
  readonly value: string | null;
}

const CLOSING: Readonly<Record<string, string>> = { '[': ']', '{': '}', '(': ')' };

/** Reads one level of a nested value. */
class PartReader {
  readonly #text: string;
  #at = 0;
  /** Whether what was passed last stood in quotes. */
  #hasQuote = false;

  constructor(text: string) {
    this.#text = text.trim();
  }

  /** The parts between `open` and its end, keys before `between`; undefined when the text is no such value. */
  read(open: string, between: string | undefined): Part[] | undefined {
    const close = CLOSING[open] as string;
    const parts: Part[] = [];
    if (this.#text[this.#at] !== open) return undefined;
    this.#at++;
    this.#skipSpace();
    if (this.#text[this.#at] === close) return this.#at + 1 === this.#text.length ? parts : undefined;
    for (;;) {
      // A tuple of one value has a comma behind it.
      if (open === '(' && parts.length > 0 && this.#text[this.#at] === close) {
        return this.#at + 1 === this.#text.length ? parts : undefined;
      }
      const part = this.#part(between, close);
      if (part === undefined) return undefined;
      parts.push(part);
      const end = this.#text[this.#at++];
      if (end !== ',') return end === close && this.#at === this.#text.length ? parts : undefined;
    }
  }

  #part(between: string | undefined, close: string): Part | undefined {
    if (between === undefined) {
      const value = this.#piece([',', close]);
      return value === undefined ? undefined : { key: null, value: value.text };
    }
    const key = this.#piece([between]);
    if (key === undefined || this.#text[this.#at] !== between) return undefined;
    this.#at++;
    const value = this.#piece([',', close]);
    return value === undefined ? undefined : { key: key.text, value: value.text };
  }

  #skipSpace(): void {
    while (/\s/u.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  /**
   * Text up to one of `ends`. Quotes are taken off wherever they stand, and a backslash before one; nested values are
   * wholes that stay as they are written. Undefined where a quote or a nested value has no end.
   */
  #piece(ends: readonly string[]): { readonly text: string | null } | undefined {
    this.#skipSpace();
    let text = '';
    // What is quoted is no space to be trimmed, and no NULL.
    let kept = 0;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] as string;
      if (ends.includes(char)) {
        const trimmed = text.slice(0, kept) + text.slice(kept).trimEnd();
        return { text: kept === 0 && !this.#hasQuote && trimmed.toLowerCase() === 'null' ? null : trimmed };
      }
      const part = this.#partOf(char);
      if (part === undefined) return undefined;
      text += part;
      if (this.#hasQuote) kept = text.length;
    }
    return undefined;
  }

  /** What stands for the characters from `char` on, which are passed. */
  #partOf(char: string): string | undefined {
    this.#hasQuote = false;
    const start = this.#at;
    if (char === '"' || char === "'") {
      this.#hasQuote = true;
      return this.#quoted(char);
    }
    if (CLOSING[char] !== undefined) return this.#nested() ? this.#text.slice(start, this.#at) : undefined;
    const next = this.#text[this.#at + 1];
    if (char === '\\' && (next === '"' || next === "'")) {
      this.#at += 2;
      return next;
    }
    this.#at++;
    return char;
  }

  /** Passes a nested value; false when it has no end. */
  #nested(): boolean {
    const open: string[] = [];
    do {
      const char = this.#text[this.#at] as string;
      if (char === '"' || char === "'") {
        if (this.#quoted(char) === undefined) return false;
        continue;
      }
      if (char === '\\') this.#at++;
      else if (CLOSING[char] !== undefined) open.push(CLOSING[char]);
      else if (char === open.at(-1)) open.pop();
      this.#at++;
    } while (open.length > 0 && this.#at < this.#text.length);
    return open.length === 0;
  }

  #quoted(quote: string): string | undefined {
    let text = '';
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at] as string;
      if (char === quote) {
        this.#at++;
        return text;
      }
      if (char === '\\' && this.#at + 1 < this.#text.length) text += this.#text[++this.#at] as string;
      else text += char;
    }
    return undefined;
  }
}

/** The parts of a list's text; undefined when it is none. */
export function readListText(text: string): readonly Part[] | undefined {
  return new PartReader(text).read('[', undefined);
}

/** The entries of a map's text. */
export function readMapText(text: string): readonly Part[] | undefined {
  return new PartReader(text).read('{', '=');
}

/** The fields of a struct's text; those of a tuple's have no keys. */
export function readStructText(text: string): readonly Part[] | undefined {
  return new PartReader(text).read('{', ':') ?? new PartReader(text).read('(', undefined);
}
