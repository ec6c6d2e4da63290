/**
 * Search within text in generated code: all rows of a block at once.
 *
 * Hides vectors of bytes. Rows lie side by side, so that the first middle part is looked for in the text of the whole
 * block, sixteen places at a time, by its first and its last byte; the row of a place that holds it is told by the
 * offsets, and the other parts are looked for behind it, in that row alone. Invariants: what is found across the ends
 * of rows does not count; of each row the leftmost place is taken, which leaves most room for what follows; a row that
 * was decided is passed over; null rows get any answer.
 * Source: W. Mula, "SIMD-friendly algorithms for substring searching" (generic SIMD).
 */
import { get, i32Const, load } from '../codegen/code.ts';
import type { Code, FunctionBuilder, Label, Local } from '../codegen/code.ts';
import { emitSame, middleOf } from './compiled-text.ts';
import type { ReadText, TextConstant } from './compiled-text.ts';
import { offsetWidth } from './compiled-value.ts';
import type { SlotPlace } from './compiled-value.ts';
import { i32, i8x16 } from './compiled-vocabulary.ts';

/** Places that a vector looks at. */
const LANES = 16;

/** Bytes that a part has to leave: of the first before it, of the last behind it. */
interface Margins {
  readonly before: number;
  readonly behind: number;
}

function increase(fn: FunctionBuilder, local: Local<'i32'>, by: number): void {
  fn.set(local, i32.add(get(local), i32Const(by)));
}

/** Moves `at` to the next place that holds `part`, from itself on; leaves to `done` when there is none below `stop`. */
function emitFind(
  fn: FunctionBuilder,
  base: Code<'i32'>,
  part: TextConstant,
  at: Local<'i32'>,
  stop: Code<'i32'>,
  ends: readonly [Code<'v128'>, Code<'v128'>],
  done: Label,
): void {
  fn.loop('find', (again) => {
    fn.branch(done, i32.ge_u(get(at), stop));
    const place = fn.bind(i32.add(base, get(at)), 'place');
    const [first, last] = [load('v128', 'v128.load', place, 0), load('v128', 'v128.load', place, part.length - 1)];
    const lanes = i8x16.and(i8x16.eq(first, ends[0]), i8x16.eq(last, ends[1]));
    const mask = fn.bind(i8x16.bitmask(lanes), 'mask');
    fn.when(i32.eqz(mask), () => {
      increase(fn, at, LANES);
      fn.branch(again);
    });
    fn.set(at, i32.add(get(at), i32.ctz(mask)));
    fn.branch(done, i32.ge_u(get(at), stop));
    if (part.length <= 2) return;
    fn.when(i32.not(emitSame(fn.bind(i32.add(base, get(at)), 'found'), part)), () => {
      increase(fn, at, 1);
      fn.branch(again);
    });
  });
}

/** Moves `from` behind the next place of `part` that leaves `behind` bytes before `end`; else leaves to `missed`. */
function emitNext(
  fn: FunctionBuilder,
  base: Code<'i32'>,
  part: TextConstant,
  from: Local<'i32'>,
  end: Code<'i32'>,
  behind: number,
  missed: Label,
): void {
  fn.loop('next', (again) => {
    fn.branch(missed, i32.gt_u(i32.add(get(from), i32Const(part.length + behind)), end));
    fn.when(i32.not(emitSame(fn.bind(i32.add(base, get(from)), 'found'), part)), () => {
      increase(fn, from, 1);
      fn.branch(again);
    });
  });
  increase(fn, from, part.length);
}

/** Decides the row of the place in `at`, and moves `at` on. */
function emitDecide(
  fn: FunctionBuilder,
  { base, hits }: ReadText,
  [part, ...others]: readonly TextConstant[],
  at: Local<'i32'>,
  row: Local<'i32'>,
  offset: (row: Code<'i32'>, next: 0 | 1) => Code<'i32'>,
  { before, behind }: Margins,
): void {
  fn.loop('row', (again) => {
    fn.when(i32.le_u(offset(get(row), 1), get(at)), () => {
      increase(fn, row, 1);
      fn.branch(again);
    });
  });
  const end = fn.bind(offset(get(row), 1), 'end');
  fn.block('decided', (missed) => {
    if (before > 0) {
      fn.when(i32.lt_u(get(at), i32.add(offset(get(row), 0), i32Const(before))), () => {
        increase(fn, at, 1);
        fn.branch(missed);
      });
    }
    const from = fn.local('i32', 'from');
    fn.set(from, i32.add(get(at), i32Const(part?.length ?? 0)));
    // Whatever comes of it, this is the row's only chance.
    fn.set(at, end);
    fn.branch(missed, i32.gt_u(i32.add(get(from), i32Const(behind)), end));
    for (const other of others) emitNext(fn, base, other, from, end, behind, missed);
    fn.store('i32.store8', get(row), hits ?? 0, i32Const(1));
  });
}

/** Notes for the `rows` rows of a block whether their text holds the middle parts of a test, if it has any. */
export function emitSearch(fn: FunctionBuilder, text: ReadText, slot: SlotPlace, rows: Code<'i32'>): void {
  const { constants, hits, base } = text;
  const middle = middleOf(text.kind, constants);
  const [part] = middle;
  if (part === undefined || hits === undefined) return;
  const width = offsetWidth(slot.type);
  const offset = (row: Code<'i32'>, next: 0 | 1): Code<'i32'> => {
    return load('i32', 'i32.load', i32.shl(row, i32Const(Math.log2(width))), slot.data + next * width);
  };
  const margins: Margins = { before: constants[0]?.length ?? 0, behind: constants.at(-1)?.length ?? 0 };
  fn.comment('rows that hold what is looked for: in the text of all of them');
  fn.fill(i32Const(hits), i32Const(0), rows);
  const ends = [0, part.length - 1].map((k) => {
    return fn.bind(i8x16.splat(load('i32', 'i32.load8_u', i32Const(0), part.place + k)), 'byte');
  }) as [Code<'v128'>, Code<'v128'>];
  const at = fn.local('i32', 'at');
  const row = fn.local('i32', 'owner');
  fn.set(at, offset(i32Const(0), 0));
  fn.set(row, i32Const(0));
  const stop = fn.bind(offset(rows, 0), 'stop');
  fn.block('searched', (done) => {
    fn.loop('search', (again) => {
      emitFind(fn, base, part, at, stop, ends, done);
      emitDecide(fn, text, middle, at, row, offset, margins);
      fn.branch(again);
    });
  });
}
