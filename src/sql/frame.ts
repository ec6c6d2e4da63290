/**
 * Errors about SQL text: the message, where it stands, and the offending line with a caret under it.
 *
 * Hides how a long line is cut for showing. Entry file: binding uses it too. Invariant: the first line of a message
 * is whole by itself and ends with "(line L, column C)" and the remedy; the two lines after it are the frame.
 */
import { EngineError, positionOf } from '../base/errors.ts';
import type { ErrorCode, Span } from '../base/errors.ts';
import { SQL_FRAME_CHARS_MAX } from '../base/limits.ts';

/** Makes the error; `remedy` is a clause such as `did you mean "price"?`. */
export function sqlError(code: ErrorCode, sql: string, span: Span, message: string, remedy?: string): EngineError {
  const position = positionOf(sql, span);
  const place = `(line ${position.line.toString()}, column ${position.column.toString()})`;
  const first = `${message} ${place}${remedy === undefined ? '' : `; ${remedy}`}`;
  return new EngineError(code, `${first}\n${caretFrame(sql, span)}`, { position });
}

/** The line that `span` starts on, control characters as spaces, and carets below the span's part of it. */
function caretFrame(sql: string, span: Span): string {
  const lineStart = sql.lastIndexOf('\n', span.start - 1) + 1;
  const newline = sql.indexOf('\n', span.start);
  const lineEnd = newline === -1 ? sql.length : newline;
  // A window of bounded width around the span, so that a one-line megabyte of SQL gives a readable message.
  const room = Math.floor(SQL_FRAME_CHARS_MAX / 2);
  const from = span.start - lineStart > room ? span.start - room : lineStart;
  const to = Math.min(lineEnd, from + SQL_FRAME_CHARS_MAX);
  const lead = from > lineStart ? '…' : '';
  const tail = to < lineEnd ? '…' : '';
  const shown = sql
    .slice(from, to)
    .replace(/\p{Cc}/gu, ' ')
    .trimEnd();
  const width = Math.max(1, Math.min(span.end, to) - span.start);
  return `${lead}${shown}${tail}\n${' '.repeat(lead.length + span.start - from)}${'^'.repeat(width)}`;
}

/** Shows a piece of user text inside a message: in double quotes, cut when long. */
export function quoteText(text: string): string {
  const room = Math.floor(SQL_FRAME_CHARS_MAX / 2);
  const oneLine = text.replace(/\p{Cc}/gu, ' ');
  return `"${oneLine.length > room ? `${oneLine.slice(0, room)}…` : oneLine}"`;
}
