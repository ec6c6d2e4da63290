/**
 * The parser's place in the token list, and its memory of what would have fitted there.
 *
 * Hides error wording. Invariants: the place only moves forward; each question asked of the current token is
 * remembered until the place moves, so that a syntax error can say what was expected without any rule having to
 * list it. Expressions and FROM hold queries, which hold them: that one way back through the grammar is a function
 * given here.
 */
import type { EngineError, Span } from '../base/errors.ts';
import { PARAMETERS_MAX, SQL_DEPTH_MAX } from '../base/limits.ts';
import type { Identifier, Query } from './ast.ts';
import { quoteText, sqlError } from './frame.ts';
import { canBeBareLabel, canBeName, CLAUSES_LACKING } from './keyword.ts';
import { nearestName } from '../base/names.ts';
import type { Token } from './token.ts';
import { tokenize } from './token.ts';

/** Expected things that a message lists before it says "or something else". */
const EXPECTED_SHOWN = 12;

/** Words that a query begins with. */
const QUERY_WORDS = new Set(['select', 'from', 'with', 'values', 'table']);
/** First words of statements that answer with rows about what there is. */
export const SHOW_WORDS = new Set(['show', 'describe', 'desc', 'summarize']);
/** Words that follow a query in parentheses which is part of a larger one. */
const QUERY_SUFFIXES = new Set(['union', 'intersect', 'except', 'order', 'limit', 'offset', 'returning']);
/** Words that no item of a list begins with, and that follow lists. */
const AFTER_LIST = new Set(
  'from where group having qualify window order limit offset union intersect except select returning on'.split(' '),
);

export class Cursor {
  readonly sql: string;
  readonly #readQuery: (cursor: Cursor) => Query;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  #expected: string[] = [];
  /** The greatest number of a parameter so far, which `?` goes on from. */
  #parameters = 0;
  #named: Token | undefined;
  #numbered: Token | undefined;
  /** The last name taken as an alias without AS: often a misspelt keyword. */
  #looseAlias: Token | undefined;

  /** `readQuery` reads the query that begins at a cursor's place. */
  constructor(sql: string, readQuery: (cursor: Cursor) => Query) {
    this.sql = sql;
    this.#readQuery = readQuery;
    this.#tokens = tokenize(sql);
  }

  /** The current token. */
  get token(): Token {
    return this.peek(0);
  }

  /** The token `ahead` places on; `end` beyond the end. */
  peek(ahead: number): Token {
    const last = this.#tokens.length - 1;
    return this.#tokens[Math.min(this.#at + ahead, last)] as Token;
  }

  /** End of the token before the current one, where a node that was just read ends. */
  get lastEnd(): number {
    return this.#at === 0 ? 0 : (this.#tokens[this.#at - 1] as Token).end;
  }

  /** Span from `start` to the end of what was read. */
  spanFrom(start: number): Span {
    return { start, end: Math.max(start, this.lastEnd) };
  }

  advance(): Token {
    const token = this.token;
    this.#at++;
    this.#expected = [];
    return token;
  }

  isWord(word: string): boolean {
    return this.token.word === word;
  }

  isSymbol(symbol: string): boolean {
    const token = this.token;
    return token.kind === 'symbol' && token.text === symbol;
  }

  /** Remembers that `what` would have fitted here. */
  note(what: string): void {
    this.#expected.push(what);
  }

  takeWord(word: string): boolean {
    if (this.isWord(word)) {
      this.advance();
      return true;
    }
    this.note(word.toUpperCase());
    return false;
  }

  takeSymbol(symbol: string): boolean {
    if (this.isSymbol(symbol)) {
      this.advance();
      return true;
    }
    this.note(`"${symbol}"`);
    return false;
  }

  /** Takes the comma before the next item of a list; as in DuckDB another one may stand behind the last item. */
  takeComma(): boolean {
    if (!this.takeSymbol(',')) return false;
    const { kind, text, word } = this.token;
    if (kind === 'symbol') return !(text === ')' || text === ']' || text === '}' || text === ';');
    return kind !== 'end' && !AFTER_LIST.has(word);
  }

  expectWord(word: string): void {
    if (!this.takeWord(word)) throw this.unexpected();
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.unexpected();
  }

  /** A name where one must stand; `what` says of what, for the message. */
  expectName(what: string): Identifier {
    const token = this.token;
    if (token.kind === 'quoted' || (token.kind === 'word' && canBeName(token.word)))
      return toIdentifier(this.advance());
    this.note(what);
    throw this.unexpected();
  }

  /** A name, or a string that is one. */
  expectNameOrText(what: string): Identifier {
    return this.token.kind === 'string' ? toIdentifier(this.advance()) : this.expectName(what);
  }

  /** A name after AS or a dot, where keywords may stand too. */
  expectLabel(what: string): Identifier {
    const token = this.token;
    if (token.kind === 'quoted' || token.kind === 'word') return toIdentifier(this.advance());
    this.note(what);
    throw this.unexpected();
  }

  /** Takes the parameter here and says its number or name. @throws `sql_syntax`, `limit_exceeded`, `sql_unsupported` */
  takeParameter(): string {
    const token = this.advance();
    const number = token.text === '' ? this.#parameters + 1 : Number(token.text);
    if (Number.isNaN(number)) this.#named ??= token;
    else this.#numbered ??= token;
    if (this.#named !== undefined && this.#numbered !== undefined) {
      throw this.unsupported('mixing parameters with a name and with a number; choose one of them', token);
    }
    if (Number.isNaN(number)) return token.text;
    if (number < 1) throw sqlError('sql_syntax', this.sql, token, 'parameters are numbered from 1');
    if (number > PARAMETERS_MAX) {
      const message = `a parameter has a number of at most ${PARAMETERS_MAX.toString()}`;
      throw sqlError('limit_exceeded', this.sql, token, message);
    }
    this.#parameters = Math.max(this.#parameters, number);
    return number.toString();
  }

  /** [AS] alias of an expression: behind AS any word, or text in quotes. */
  takeLabel(): Identifier | undefined {
    if (!this.takeWord('as')) return this.#takeLooseAlias(canBeBareLabel);
    return this.token.kind === 'string' ? toIdentifier(this.advance()) : this.expectLabel('an alias');
  }

  /** [AS] alias of what stands in FROM, or is changed. */
  takeAlias(): Identifier | undefined {
    return this.takeWord('as') ? this.expectNameOrText('an alias') : this.#takeLooseAlias(canBeName);
  }

  #takeLooseAlias(allows: (word: string) => boolean): Identifier | undefined {
    const token = this.token;
    if (token.kind !== 'quoted' && (token.kind !== 'word' || !allows(token.word))) return undefined;
    this.#looseAlias = token;
    return toIdentifier(this.advance());
  }

  /** The name of `name: …`, an alias before what it names. */
  takePrefixAlias(): Identifier | undefined {
    const { kind, word } = this.token;
    const next = this.peek(1);
    if (next.kind !== 'symbol' || next.text !== ':') return undefined;
    if (kind !== 'quoted' && (kind !== 'word' || !canBeName(word))) return undefined;
    const name = toIdentifier(this.advance());
    this.advance();
    return name;
  }

  /** Reads the query that begins here, one level deeper. */
  query(): Query {
    return this.nested(() => this.#readQuery(this));
  }

  /**
   * True when a query begins at the token `ahead` places on, parentheses around it or its first part included. Cost:
   * with parentheses, linear in what is within.
   */
  isQuery(ahead = 0): boolean {
    let first = ahead;
    while (this.#isSymbolAt(first, '(')) first++;
    const { word } = this.peek(first);
    // What SHOW and its like answer is a query only in parentheses.
    if (!QUERY_WORDS.has(word) && (first === ahead || !SHOW_WORDS.has(word))) return false;
    // A column may be called values.
    if (word === 'values' && !this.#isSymbolAt(first + 1, '(')) return false;
    if (first === ahead) return true;
    // `((SELECT 1) + 2)` is an expression, and `((SELECT 1) AS a JOIN b)` a join: what follows the parenthesis tells.
    let depth = 0;
    let last = ahead;
    for (; this.peek(last).kind !== 'end'; last++) {
      if (this.#isSymbolAt(last, '(')) depth++;
      else if (this.#isSymbolAt(last, ')') && --depth === 0) break;
    }
    const next = this.peek(last + 1);
    return next.kind === 'end' || next.text === ')' || next.text === ';' || QUERY_SUFFIXES.has(next.word);
  }

  #isSymbolAt(ahead: number, symbol: string): boolean {
    const token = this.peek(ahead);
    return token.kind === 'symbol' && token.text === symbol;
  }

  /** Runs `read` one level deeper. @throws `limit_exceeded` beyond SQL_DEPTH_MAX, long before the stack is full. */
  nested<T>(read: () => T): T {
    this.#depth++;
    if (this.#depth > SQL_DEPTH_MAX) throw depthError(this.sql, this.token);
    const result = read();
    this.#depth--;
    return result;
  }

  /** The error for SQL that we lack; `feature` may end with a remedy after `; `. */
  unsupported(feature: string, span: Span): EngineError {
    const [name = feature, remedy] = feature.split('; ');
    return sqlError('sql_unsupported', this.sql, span, `${name} is not supported yet`, remedy);
  }

  /** Refuses a clause that DuckDB has and we lack, if one begins here. @throws `sql_unsupported` */
  refuseLacking(): void {
    const feature = CLAUSES_LACKING.get(this.token.word);
    if (feature !== undefined) throw this.unsupported(feature, this.token);
  }

  /** The error for the current token: what was found, what was expected, and the keyword that was perhaps meant. */
  unexpected(): EngineError {
    const token = this.token;
    const expected = [...new Set(this.#expected)];
    const found = token.kind === 'end' ? 'the end of the text' : quoteText(this.sql.slice(token.start, token.end));
    const shown = expected.slice(0, EXPECTED_SHOWN);
    const list = shown.length <= 1 ? shown.join('') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1) ?? ''}`;
    const message = list === '' ? `unexpected ${found}` : `expected ${list}, found ${found}`;
    return sqlError('sql_syntax', this.sql, token, message, this.#keywordMeant(expected));
  }

  #keywordMeant(expected: readonly string[]): string | undefined {
    const token = this.token;
    if (token.kind === 'word') {
      const keyword = nearestKeyword(token.word, expected);
      if (keyword !== undefined) return `did you mean ${keyword}?`;
    }
    const alias = this.#looseAlias;
    const standsBefore = alias !== undefined && this.#at > 0 && this.#tokens[this.#at - 1] === alias;
    if (!standsBefore || alias.kind !== 'word') return undefined;
    const keyword = nearestKeyword(alias.word, expected);
    return keyword === undefined ? undefined : `did you mean ${keyword} instead of ${quoteText(alias.text)}?`;
  }
}

/** The error for expressions nested too deep. */
export function depthError(sql: string, span: Span): EngineError {
  const message = `the expression is nested more than ${SQL_DEPTH_MAX.toString()} levels deep`;
  return sqlError('limit_exceeded', sql, span, message, 'write it flatter, for example with IN');
}

function nearestKeyword(word: string, expected: readonly string[]): string | undefined {
  // Short words are near to everything: two letters differ from IS or IN by one slip.
  const keywords = expected.filter((text) => /^[A-Z]{3,}/u.test(text)).map((text) => text.split(' ')[0] ?? text);
  const nearest = nearestName(word, keywords);
  return nearest === undefined || nearest.toLowerCase() === word ? undefined : nearest;
}

function toIdentifier(token: Token): Identifier {
  const span = { start: token.start, end: token.end };
  return { kind: 'identifier', name: token.text, quoted: token.kind !== 'word', span };
}
