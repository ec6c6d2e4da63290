/**
 * What makes a call one over a window: IGNORE NULLS, OVER, its frame, and the windows that WINDOW names.
 *
 * Hides the short forms of a frame, which come out written in full. Invariants: nothing is read when the word is not
 * there; a frame that can never hold a row by its words alone is refused here, as in DuckDB.
 */
import type { ExprNode, FunctionCall, OrderItem } from './ast.ts';
import type { FrameBound, NamedWindow, WindowFrame, WindowSpec } from './ast-window.ts';
import type { FrameEnd, FrameExclusion, FrameUnit } from './ast-word.ts';
import type { Cursor } from './cursor.ts';
import { sqlError } from './frame.ts';
import { canBeName } from './keyword.ts';
import { parseCallOrder } from './parse-aggregate.ts';

type ReadExpression = (cursor: Cursor) => ExprNode;

const UNITS: readonly FrameUnit[] = ['rows', 'range', 'groups'];
const ENDS: readonly FrameEnd[] = [
  'unbounded_preceding',
  'preceding',
  'current_row',
  'following',
  'unbounded_following',
];

/** `[IGNORE NULLS | RESPECT NULLS]` before the parenthesis of a call is closed. */
export function parseNullTreatment(cursor: Cursor): FunctionCall['nulls'] {
  const { word } = cursor.token;
  if ((word !== 'ignore' && word !== 'respect') || cursor.peek(1).word !== 'nulls') return undefined;
  cursor.advance();
  cursor.advance();
  return word;
}

/** `[OVER name | OVER (…)]`. @throws `sql_syntax` */
export function parseOver(cursor: Cursor, read: ReadExpression): FunctionCall['over'] {
  if (!cursor.takeWord('over')) return undefined;
  return cursor.isSymbol('(') ? parseSpec(cursor, read) : cursor.expectName('the name of a window');
}

/** `[WINDOW name AS (…), …]`. @throws `sql_syntax` */
export function parseWindows(cursor: Cursor, read: ReadExpression): readonly NamedWindow[] {
  const windows: NamedWindow[] = [];
  if (!cursor.takeWord('window')) return windows;
  do {
    const start = cursor.token.start;
    const name = cursor.expectName('the name of a window');
    cursor.expectWord('as');
    const spec = parseSpec(cursor, read);
    windows.push({ kind: 'named_window', name, spec, span: cursor.spanFrom(start) });
  } while (cursor.takeComma());
  return windows;
}

/** Words that follow the name of the window which a specification adds to, or stand in its place. */
const CLAUSES = new Set(['partition', 'order', 'rows', 'range', 'groups']);

function parseSpec(cursor: Cursor, read: ReadExpression): WindowSpec {
  const start = cursor.token.start;
  cursor.expectSymbol('(');
  const { kind, word } = cursor.token;
  const isClosed = cursor.peek(1).text === ')';
  const isName = kind === 'quoted' || (kind === 'word' && canBeName(word) && (!CLAUSES.has(word) || isClosed));
  const base = isName ? cursor.expectName('the name of a window') : undefined;
  const partitions: ExprNode[] = [];
  if (cursor.takeWord('partition')) {
    cursor.expectWord('by');
    do partitions.push(read(cursor));
    while (cursor.takeComma());
  }
  const orders: readonly OrderItem[] = parseCallOrder(cursor, read);
  const frame = parseFrame(cursor, read);
  cursor.expectSymbol(')');
  return { kind: 'window_spec', base, partitions, orders, frame, span: cursor.spanFrom(start) };
}

function parseFrame(cursor: Cursor, read: ReadExpression): WindowFrame | undefined {
  const begin = cursor.token.start;
  const unit = UNITS.find((word) => cursor.takeWord(word));
  if (unit === undefined) return undefined;
  const between = cursor.takeWord('between');
  const start = parseBound(cursor, read);
  if (between) cursor.expectWord('and');
  const end: FrameBound = between
    ? parseBound(cursor, read)
    : { kind: 'frame_bound', bound: 'current_row', value: undefined, span: start.span };
  const exclude = parseExclusion(cursor);
  const frame: WindowFrame = { kind: 'window_frame', unit, start, end, exclude, span: cursor.spanFrom(begin) };
  checkFrame(cursor, frame);
  return frame;
}

function parseBound(cursor: Cursor, read: ReadExpression): FrameBound {
  const start = cursor.token.start;
  const make = (bound: FrameEnd, value: ExprNode | undefined): FrameBound => {
    return { kind: 'frame_bound', bound, value, span: cursor.spanFrom(start) };
  };
  const next = cursor.peek(1).word;
  if (cursor.isWord('unbounded') && (next === 'preceding' || next === 'following')) {
    cursor.advance();
    cursor.advance();
    return make(`unbounded_${next}`, undefined);
  }
  if (cursor.isWord('current') && next === 'row') {
    cursor.advance();
    cursor.advance();
    return make('current_row', undefined);
  }
  const value = read(cursor);
  if (cursor.takeWord('preceding')) return make('preceding', value);
  cursor.expectWord('following');
  return make('following', value);
}

/** `[EXCLUDE CURRENT ROW | GROUP | TIES | NO OTHERS]`. */
function parseExclusion(cursor: Cursor): FrameExclusion | undefined {
  if (!cursor.takeWord('exclude')) return undefined;
  if (cursor.takeWord('group')) return 'group';
  if (cursor.takeWord('ties')) return 'ties';
  if (cursor.takeWord('current')) {
    cursor.expectWord('row');
    return 'current row';
  }
  cursor.expectWord('no');
  cursor.expectWord('others');
  return undefined;
}

function checkFrame(cursor: Cursor, { start, end, span }: WindowFrame): void {
  const words = (bound: FrameBound): string => bound.bound.replace('_', ' ').toUpperCase();
  const fail = (message: string, remedy: string): Error => {
    return sqlError('sql_syntax', cursor.sql, span, message, remedy);
  };
  if (start.bound === 'unbounded_following') {
    throw fail('a frame cannot begin at UNBOUNDED FOLLOWING', 'that is where it may end');
  }
  if (end.bound === 'unbounded_preceding') {
    throw fail('a frame cannot end at UNBOUNDED PRECEDING', 'that is where it may begin');
  }
  if (ENDS.indexOf(end.bound) >= ENDS.indexOf(start.bound)) return;
  const what = `a frame that begins at ${words(start)} cannot end at ${words(end)}`;
  throw fail(what, 'write the earlier end first');
}
