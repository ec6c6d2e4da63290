/**
 * The code of filters and projections.
 *
 * Hides loops. `run(rows, first, at)` takes the block's rows, the number of the block's first row in the batch, and how
 * many rows of the batch were selected before; it lists the selected rows, computes the columns for them from place
 * `at` on, and answers how many it selected.
 */
import { FunctionBuilder, get, i32Const, load } from '../codegen/code.ts';
import type { Code, FunctionCode } from '../codegen/code.ts';
import { Frame } from './compiled-emit.ts';
import type { Variant } from './compiled-emit.ts';
import { leavesRowsOut } from './compiled-pipeline.ts';
import type { Output, OutputPlace, SelectPipeline } from './compiled-pipeline.ts';
import { allWords, boolOf, floatOf, intOf, widthOf } from './compiled-value.ts';
import type { Value } from './compiled-value.ts';
import { f64, i32 } from './compiled-vocabulary.ts';

const INT_STORES = { 1: 'i64.store8', 2: 'i64.store16', 4: 'i64.store32', 8: 'i64.store' } as const;

/** Sets bit `place` of a bitmap that was all zero to `bit`. */
function storeBit(fn: FunctionBuilder, base: number, place: Code<'i32'>, bit: Code<'i32'>): void {
  const byte = fn.bind(i32.shr_u(place, i32Const(3)), 'byte');
  const moved = i32.shl(bit, i32.and(place, i32Const(7)));
  fn.store('i32.store8', byte, base, i32.or(load('i32', 'i32.load8_u', byte, base), moved));
}

function storeValue(
  fn: FunctionBuilder,
  { expr, data, validity }: OutputPlace,
  value: Value,
  place: Code<'i32'>,
): void {
  if (expr.nullable) storeBit(fn, validity, place, value.present ?? i32Const(1));
  if (value.form === 'bool') {
    storeBit(fn, data, place, boolOf(value));
    return;
  }
  const width = widthOf(expr.type);
  const at = i32.shl(place, i32Const(Math.log2(width)));
  if (value.form === 'int') {
    fn.store(INT_STORES[width as 8], at, data, intOf(value));
  } else if (value.form === 'float') {
    if (width === 8) fn.store('f64.store', at, data, floatOf(value));
    else fn.store('f32.store', at, data, f64.demote(floatOf(value)));
  } else {
    allWords(value).forEach((word, i) => fn.store('i64.store', at, data + 8 * i, word));
  }
}

function computed(output: Output): readonly OutputPlace[] {
  return output.kind === 'code' ? [output.place] : [];
}

/** The functions of a pipeline that selects and computes. */
export function selectCode(pipeline: SelectPipeline, variant: Variant): readonly FunctionCode[] {
  const fn = new FunctionBuilder('run');
  const rows = get(fn.param('i32', 'rows'));
  const first = get(fn.param('i32', 'first'));
  const at = get(fn.param('i32', 'at'));
  const frame = new Frame(fn, pipeline, variant);
  frame.searchTexts(rows);
  const places = pipeline.outputs.flatMap(computed);
  const hasCondition = leavesRowsOut(pipeline);
  const count = hasCondition ? fn.bind(frame.selectRows(rows, at, first), 'count') : rows;
  if (places.length > 0) {
    fn.comment('columns of the selected rows');
    const k = fn.local('i32', 'k');
    fn.count('selected', k, count, 1, () => {
      const place = fn.bind(i32.add(at, get(k)), 'place');
      const number = load('i32', 'i32.load', i32.shl(place, i32Const(2)), pipeline.selection);
      const row = hasCondition ? fn.bind(i32.sub(number, first), 'row') : get(k);
      const emitter = frame.emitter(row);
      for (const output of places) storeValue(fn, output, emitter.value(output.expr, undefined), place);
    });
  }
  frame.finishFailed();
  return [fn.finish(count)];
}
