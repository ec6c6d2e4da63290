/**
 * Runs the records of one file, in order, and says of each whether it passed, failed or does not apply.
 *
 * Hides control lines and loops. Invariants: every record of a file is counted once a run of its loop, also those that
 * are left out; a failure names its line and both sides; nothing that a record does stops the others, but for halt and
 * what the file itself makes depend on it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../src/base/errors.ts';
import {
  afterChanged,
  changedBy,
  changedWithin,
  exceptionOf,
  markAgainst,
  meaningOf,
  outsideReason,
  readsAny,
  requirementLacking,
  TRANSACTIONS,
} from './applicability.ts';
import { answerHash, faultOf, patternOf, sameAnswers } from './compare.ts';
import type { Answer, SortMode, Wanted } from './compare.ts';
import type { Variables } from './expand.ts';
import { loopRuns, substitute } from './expand.ts';
import type { SuiteHost } from './host.ts';
import type { Oracle, Verdict } from './oracle.ts';
import { parseScript } from './script.ts';
import type { Control, Dialect, Item, Mark, SqlRecord } from './script.ts';
import { OpenTransactions } from './transactions.ts';
import { settingOfPragma, splitStatements, withoutKeys } from './statement.ts';

const READS_LOST = 'reads what a statement that was left out makes';

export interface Failure {
  readonly line: number;
  readonly sql: string;
  /** What is wrong, on one or more lines; the first groups failures. */
  readonly message: string;
}

export interface Outcome {
  readonly passed: number;
  readonly failures: readonly Failure[];
  /** Records left out, by reason. */
  readonly notApplicable: ReadonlyMap<string, number>;
}

export interface RunnerOptions {
  readonly dialect: Dialect;
  /** Milliseconds that one record may take. */
  readonly recordMsMax: number;
  /** Compare the texts of errors too, which are those of the engine that the file was written for. */
  readonly errorText?: boolean;
  /** DuckDB, which says of a failure whether it fails so too. */
  readonly oracle?: Oracle;
}

/** Runs a file's text. @throws Error when the text is not in the form of such files */
export async function runScript(text: string, host: SuiteHost, options: RunnerOptions): Promise<Outcome> {
  const runner = new Runner(host, options);
  await runner.runItems(parseScript(text, options.dialect), new Map([['TEST_DIR', host.directory]]));
  return { passed: runner.passed, failures: runner.failures, notApplicable: runner.notApplicable };
}

/** Control lines that no answer depends on. */
const IGNORED = new Set('hash-threshold set reset mode tags test-env control subtest template continue'.split(' '));

class Runner {
  passed = 0;
  readonly failures: Failure[] = [];
  readonly notApplicable = new Map<string, number>();
  readonly #host: SuiteHost;
  readonly #options: RunnerOptions;
  readonly #labels = new Map<string, string>();
  /** Why the rest of the file does not apply. */
  #ended: string | undefined;
  /** Within `mode skip`. */
  #isSkipping = false;
  /** Tables and other things that statements which were left out would have made or changed. */
  readonly #lost = new Set<string>();
  readonly #transactions = new OpenTransactions();
  /** Settings that Sheaf lacks and that change what the statements after them mean. */
  readonly #meanings = new Set<string>();

  constructor(host: SuiteHost, options: RunnerOptions) {
    this.#host = host;
    this.#options = options;
  }

  async runItems(items: readonly Item[], variables: Variables): Promise<void> {
    for (const item of items) {
      const against = this.#reasonAgainst(item.marks, variables);
      if (item.kind === 'control') {
        // The line that ends what is skipped stands within it.
        if (against === undefined || item.words[0] === 'mode') await this.#control(item, variables);
      } else if (against !== undefined) {
        for (let left = recordCount(item); left > 0; left--) this.#leaveOut(against);
      } else if (item.kind === 'sql') {
        await this.#record(item, variables);
      } else if (item.words[0]?.startsWith('concurrent') === true) {
        for (let left = recordCount(item); left > 0; left--) this.#leaveOut('a concurrent loop');
      } else {
        for (const inner of loopRuns(item, variables)) await this.runItems(item.body, inner);
      }
    }
  }

  #reasonAgainst(marks: readonly Mark[], variables: Variables): string | undefined {
    return (
      markAgainst(marks, this.#options.dialect, variables) ??
      this.#ended ??
      (this.#isSkipping ? 'in mode skip' : undefined)
    );
  }

  #leaveOut(reason: string): void {
    this.notApplicable.set(reason, (this.notApplicable.get(reason) ?? 0) + 1);
  }

  async #control({ words }: Control, variables: Variables): Promise<void> {
    const [word = '', ...args] = words.map((text) => substitute(text, variables));
    switch (word) {
      case 'halt':
        this.#ended = 'after halt';
        return;
      case 'require':
        this.#ended = requirementLacking(args[0] ?? '');
        return;
      case 'require-env':
        if (process.env[args[0] ?? ''] === undefined) this.#ended = `requires the variable ${args[0] ?? ''}`;
        return;
      case 'load':
        await this.#host.reopen(args[0] ?? 'unnamed');
        await this.#options.oracle?.reset();
        return;
      case 'restart':
        await this.#host.reopen(undefined);
        return;
      case 'reconnect':
        await this.#host.reconnect();
        return;
      case 'sleep':
        await sleep(
          Math.min(1_000, Number.parseFloat(args[0] ?? '0') * (args[1]?.startsWith('s') === true ? 1_000 : 1)),
        );
        return;
      case 'mode':
        if (args[0] === 'skip' || args[0] === 'unskip') this.#isSkipping = args[0] === 'skip';
        return;
      default:
        if (!IGNORED.has(word)) this.#ended = `after ${word}, which is not known here`;
    }
  }

  async #record(record: SqlRecord, variables: Variables): Promise<void> {
    const { dialect } = this.#options;
    const put = (text: string): string =>
      substitute(text, variables).replaceAll('__TEST_DIR__', this.#host.directory);
    const words = record.words.map(put);
    const wanted = record.wanted?.map(put);
    const written = dialect === 'duckdb' ? settingOfPragma(put(record.sql)) : put(record.sql);
    const sql = dialect === 'datafusion' ? written : withoutKeys(written);
    const connection = this.#connectionOf(words);
    const changed = changedBy(sql);
    const exception = exceptionOf(written, dialect);
    const before = exception?.reason ?? this.#reasonBefore(sql, wanted, connection);
    // DuckDB's tables are made and changed also by what Sheaf is not asked.
    const verdict = await this.#ask(sql, connection);
    if (before !== undefined) {
      this.#leaveOut(before);
      for (const name of changedWithin(sql)) this.#lost.add(name);
      if (exception?.changesRows === true) this.#ended = `after ${exception.reason}`;
      return;
    }
    const result = await this.#run(sql, connection);
    const fault = this.#faultOf(words, result, wanted);
    // What a transaction took back is still there.
    const isMoot = isDropping(sql) || result.code === 'already_exists';
    const isLost = result.error !== undefined && isMoot && this.#lost.has(changed ?? '');
    const reason =
      fault === undefined ? undefined : isLost ? READS_LOST : this.#reasonAfter(words, result, verdict, wanted);
    if (reason !== undefined) {
      const meaning = meaningOf(sql);
      if (meaning?.isSet === true) this.#meanings.add(meaning.name);
      else if (meaning !== undefined) this.#meanings.delete(meaning.name);
      this.#leaveOut(reason);
      const others = reason === TRANSACTIONS ? this.#transactions.note(sql, connection) : changedWithin(sql);
      for (const name of others) this.#lost.add(name);
      return;
    }
    if (changed !== undefined && isMaking(sql)) this.#lost.delete(changed);
    this.#transactions.change(changedWithin(sql), connection);
    if (fault !== undefined) this.failures.push({ line: record.line, sql, message: fault });
    else if (sql !== written) this.#leaveOut('CREATE TABLE, made without its PRIMARY KEY and UNIQUE');
    else this.passed++;
  }

  /** Why a statement is not run: its answer is elsewhere, or it reads what was left out. */
  #reasonBefore(sql: string, wanted: readonly string[] | undefined, connection: string): string | undefined {
    if (wanted?.[0]?.startsWith('<FILE>:') === true) return 'an answer in another file';
    const isDrop = /^\s*drop\b/iu.test(sql);
    const text = isMaking(sql) && !isDrop ? afterChanged(sql) : sql;
    if (readsAny(text, this.#lost)) return READS_LOST;
    return readsAny(text, this.#transactions.unlike(connection)) ? TRANSACTIONS : undefined;
  }

  /** Why a record that failed does not apply; undefined when it does. */
  #reasonAfter(
    words: readonly string[],
    result: Result,
    verdict: Verdict | undefined,
    wanted: readonly string[] | undefined,
  ): string | undefined {
    const [meaning] = this.#meanings;
    const outside =
      (result.error === undefined ? undefined : (outsideReason(result.error) ?? this.#lackingReason(result.error))) ??
      (meaning === undefined ? undefined : `fails under ${meaning}, which Sheaf has not`);
    if (outside !== undefined || verdict === undefined) return outside;
    if ('error' in verdict) {
      if (result.error === undefined) return undefined;
      const isWanted = words[1] === 'error';
      return isWanted ? 'refused as lacking, where DuckDB refuses too' : 'DuckDB of today fails too';
    }
    if (result.error !== undefined) return undefined;
    const theirs = this.#faultOf(words, { answer: verdict.answer, error: undefined, code: undefined }, wanted, false);
    const sort = words.find(isSortMode) ?? 'nosort';
    const isSame = theirs !== undefined && sameAnswers(result.answer, verdict.answer, sort);
    return isSame ? 'DuckDB of today answers as Sheaf does' : undefined;
  }

  /** Why an error about a type or a function is none of Sheaf's: the statement that makes it was left out. */
  #lackingReason(error: string): string | undefined {
    const name = /there is no (?:type|function) "?(\w+)/u.exec(error)?.[1]?.toLowerCase();
    return name !== undefined && this.#lost.has(name) ? 'reads what a statement that was left out makes' : undefined;
  }

  #connectionOf(words: readonly string[]): string {
    if (this.#options.dialect !== 'duckdb') return '';
    const word = words[2];
    return word === undefined || (words[0] === 'query' && isSortMode(word)) ? '' : word;
  }

  /** What is wrong with how a record went; `labels` compares with those before it. */
  #faultOf(
    words: readonly string[],
    result: Result,
    wanted: readonly string[] | undefined,
    labels = true,
  ): string | undefined {
    const [kind, expect = '', ...rest] = words;
    if (kind === 'query' && expect !== 'error') return this.#answerFault(words, result, wanted, labels);
    switch (expect) {
      case 'ok':
      case 'count':
        return result.error;
      case 'maybe':
        return undefined;
      case 'error':
        return errorFault(result, this.#errorText(rest, wanted));
      default:
        return `there is no "statement ${expect}"`;
    }
  }

  /** What is wrong with the answer of a query record. */
  #answerFault(
    [, types = '', ...rest]: readonly string[],
    result: Result,
    lines: readonly string[] | undefined,
    labels: boolean,
  ): string | undefined {
    const { dialect } = this.#options;
    const sort = rest.find(isSortMode) ?? 'nosort';
    const others = rest.filter((word) => !isSortMode(word));
    const isConnection = dialect === 'duckdb' && rest[0] !== undefined && !isSortMode(rest[0]);
    if (result.error !== undefined) return result.error;
    const wanted: Wanted = { dialect, types, sort, lines: lines ?? [] };
    // In DuckDB's files an answer that is compared by its label alone has no lines.
    const isLabelAlone =
      others.length > 0 && wanted.lines.length === 0 && (dialect === 'duckdb' || lines === undefined);
    const fault = isLabelAlone ? undefined : faultOf(result.answer, wanted);
    const label = labels ? (isConnection ? others[1] : others[0]) : undefined;
    return fault ?? (label === undefined ? undefined : this.#labelFault(label, answerHash(result.answer, wanted)));
  }

  /** What DuckDB says to a record's SQL; undefined without it. */
  async #ask(sql: string, connection: string): Promise<Verdict | undefined> {
    const { oracle, recordMsMax, dialect } = this.#options;
    if (oracle === undefined) return undefined;
    const statements = dialect === 'duckdb' ? splitStatements(sql) : [sql.trim()];
    let verdict: Verdict | undefined;
    for (const statement of statements) {
      verdict = await oracle.run(statement, connection, recordMsMax);
      if ('error' in verdict) return verdict;
    }
    return verdict;
  }

  /** What an error must say; nothing unless texts are compared. DataFusion writes a pattern on the first line. */
  #errorText(rest: readonly string[], lines: readonly string[] | undefined): string {
    const { errorText, dialect } = this.#options;
    if (errorText !== true) return '';
    if (lines !== undefined) return lines.join('\n').trim();
    return dialect === 'datafusion' && rest.length > 0 ? `<REGEX>:.*${rest.join(' ')}.*` : '';
  }

  /** Queries of one label have one answer. */
  #labelFault(label: string, hash: string): string | undefined {
    const known = this.#labels.get(label);
    this.#labels.set(label, known ?? hash);
    return known === undefined || known === hash
      ? undefined
      : `another answer than the first query labelled ${label}`;
  }

  async #run(sql: string, connection: string): Promise<Result> {
    const { dialect, recordMsMax } = this.#options;
    const statements = dialect === 'duckdb' ? splitStatements(sql) : [sql.trim()];
    let answer: Answer = { columns: [], rows: [] };
    try {
      const signal = AbortSignal.timeout(recordMsMax);
      for (const statement of statements) answer = await this.#host.run(statement, connection, signal);
      return { answer, error: undefined, code: undefined };
    } catch (error) {
      if (!(error instanceof EngineError)) return { answer, error: `internal: ${String(error)}`, code: 'internal' };
      const isLate = error.code === 'cancelled';
      const text = isLate ? `took longer than ${recordMsMax.toString()} ms` : `${error.code}: ${error.message}`;
      return { answer, error: text, code: error.code };
    }
  }
}

/** How a record's SQL ended. */
type Result =
  | { readonly answer: Answer; readonly error: undefined; readonly code: undefined }
  | { readonly answer: Answer; readonly error: string; readonly code: string };

/** True when a statement makes or removes the thing that it is about, whatever was there. */
function isDropping(sql: string): boolean {
  return /^\s*drop\b/iu.test(sql);
}

function isMaking(sql: string): boolean {
  return /^\s*(?:create|drop)\b/iu.test(sql);
}

function isSortMode(word: string): word is SortMode {
  return word === 'nosort' || word === 'rowsort' || word === 'valuesort';
}

function recordCount(item: Item): number {
  if (item.kind === 'loop') return item.body.reduce((sum, inner) => sum + recordCount(inner), 0);
  return item.kind === 'sql' ? 1 : 0;
}

/** Codes with which Sheaf says that a statement is wrong, and not that it lacks something or broke. */
const MEANT = new Set(
  'sql_syntax sql_bind value_error schema_mismatch not_found already_exists request_invalid limit_exceeded'.split(
    ' ',
  ),
);

/** What is wrong with how a statement failed that has to; `text` is what the error must say, or a pattern. */
function errorFault({ error, code }: Result, text: string): string | undefined {
  if (error === undefined) return 'no error, one is wanted';
  if (!MEANT.has(code)) return `an error is wanted, but not this one: ${error}`;
  const pattern = patternOf(text);
  const isRight = pattern === undefined ? error.includes(text) : pattern.expression.test(error) !== pattern.negated;
  return isRight ? undefined : `an error that says ${JSON.stringify(text)} is wanted: ${error}`;
}
