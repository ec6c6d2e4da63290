/**
 * What a run of many files is told as: a line a file, reasons, failures by message, totals.
 *
 * Hides how messages are brought together. Invariant: failures of one group differ in numbers, quoted text and place
 * only.
 */
import type { Failure, Outcome } from './runner.ts';

export interface FileOutcome extends Outcome {
  readonly path: string;
  readonly milliseconds: number;
}

const GROUPS_SHOWN = 30;
const EXAMPLE_CHARS_MAX = 100;

/** One line on a file. */
export function fileLine({ path, passed, failures, notApplicable, milliseconds }: FileOutcome): string {
  const left = sum(notApplicable.values());
  const counts = `${passed.toString()} passed, ${failures.length.toString()} failed, ${left.toString()} not applicable`;
  return `${path}: ${counts}, ${(milliseconds / 1000).toFixed(1)} s`;
}

/** Reasons, groups of failures and totals over all files. */
export function summaryLines(outcomes: readonly FileOutcome[]): string[] {
  const failures = outcomes.flatMap(({ path, failures: some }) => some.map((failure) => ({ path, failure })));
  const reasons = new Map<string, number>();
  for (const { notApplicable } of outcomes) {
    for (const [reason, count] of notApplicable) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  }
  const lines: string[] = [];
  if (reasons.size > 0) lines.push('', 'not applicable:', ...[...reasons].toSorted(byCount).map(countLine));
  if (failures.length > 0) lines.push('', 'failed:', ...groupLines(failures));
  const passed = sum(outcomes.map((outcome) => outcome.passed));
  const left = sum(reasons.values());
  const ran = passed + failures.length;
  const share =
    ran === 0 ? '' : ` (${((Math.floor((passed / ran) * 1e4) / 1e4) * 100).toFixed(2)} % of those that apply)`;
  const seconds = sum(outcomes.map((outcome) => outcome.milliseconds)) / 1000;
  lines.push(
    '',
    `${outcomes.length.toString()} files, records: ${passed.toString()} passed${share}, ` +
      `${failures.length.toString()} failed, ${left.toString()} not applicable, ${seconds.toFixed(1)} s`,
  );
  return lines;
}

/** Every failure in full. */
export function failureText(outcomes: readonly FileOutcome[]): string {
  return outcomes
    .flatMap(({ path, failures }) =>
      failures.map(({ line, sql, message }) => `${path}:${line.toString()}\n${sql}\n---- ${message}\n`),
    )
    .join('\n');
}

interface Placed {
  readonly path: string;
  readonly failure: Failure;
}

function groupLines(failures: readonly Placed[]): string[] {
  const groups = new Map<string, Placed[]>();
  for (const placed of failures) {
    const key = groupOf(placed.failure.message);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [placed]);
    else group.push(placed);
  }
  const sorted = [...groups].toSorted((a, b) => b[1].length - a[1].length);
  const lines = sorted.slice(0, GROUPS_SHOWN).flatMap(([key, group]) => {
    const [first] = group;
    if (first === undefined) return [];
    const sql = first.failure.sql.replaceAll(/\s+/gu, ' ').slice(0, EXAMPLE_CHARS_MAX);
    return [countLine([key, group.length]), `            ${first.path}:${first.failure.line.toString()}: ${sql}`];
  });
  const rest = sorted.slice(GROUPS_SHOWN);
  const count = sum(rest.map(([, group]) => group.length));
  if (count > 0) lines.push(countLine([`others, of ${rest.length.toString()} kinds`, count]));
  return lines;
}

/** A failure's message without what differs from one record to the next. */
export function groupOf(message: string): string {
  const [first = ''] = message.split('\n');
  return first
    .replace(/ \(line \d+, column \d+\)/u, '')
    .replaceAll(/[0-9a-f]{32}/gu, 'HASH')
    .replaceAll(/"(?:[^"\\]|\\.)*"/gu, '"…"')
    .replaceAll(/\b\d[\d.]*/gu, 'N');
}

function countLine([text, count]: readonly [string, number]): string {
  return `${count.toString().padStart(8)}  ${text}`;
}

function byCount(a: readonly [string, number], b: readonly [string, number]): number {
  return b[1] - a[1];
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
