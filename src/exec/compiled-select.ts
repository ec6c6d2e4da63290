/**
 * The code of filters and projections.
 *
 * Hides loops, and which of them take two rows at a time. `run(rows, first, at)` takes the block's rows, the number of
 * the block's first row in the batch, and how many rows of the batch were selected before; it lists the selected rows,
 * computes the columns for them from place `at` on, and answers how many it selected. Without a condition `at` is 0:
 * each block's columns are taken away before the next.
 */
import { FunctionBuilder, get, i32Const, i64Const, lane, load } from '../codegen/code.ts';
import type { Code, FunctionCode } from '../codegen/code.ts';
import { Frame } from './compiled-emit.ts';
import type { Variant } from './compiled-emit.ts';
import { LaneEmitter, LANES, splatParams } from './compiled-lane.ts';
import { leavesRowsOut } from './compiled-pipeline.ts';
import type { Output, OutputPlace, SelectPipeline } from './compiled-pipeline.ts';
import { allWords, boolOf, floatOf, intOf, laneForm, widthOf } from './compiled-value.ts';
import type { Value } from './compiled-value.ts';
import { f64, i32, i64 } from './compiled-vocabulary.ts';

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

/** Rows of one turn of a loop in lanes; bitmaps are written by whole bytes. */
const TURN = 8;

/** True for outputs that can be stored as lanes. */
function isLane({ expr: { type } }: OutputPlace): boolean {
  const form = laneForm(type);
  return (form === 'int' || form === 'float') && widthOf(type) === 8;
}

/** The outputs among `places` that are computed two rows at a time. */
function laneOutputs(pipeline: SelectPipeline, places: readonly OutputPlace[]): readonly OutputPlace[] {
  const fn = new FunctionBuilder('trial');
  const frame = new Frame(fn, pipeline, { nullable: false, bits: [] }, undefined);
  const emitter = new LaneEmitter(frame, splatParams(frame), i32Const(0), 0, fn.local('v128', 'failed'));
  return places.filter((place) => isLane(place) && emitter.value(place.expr) !== undefined);
}

/** Computes `places` for the rows of whole turns, from place 0 on; answers how many those are. */
function storeLanes(frame: Frame, places: readonly OutputPlace[], rows: Code<'i32'>): Code<'i32'> {
  const { fn } = frame;
  const whole = fn.bind(i32.and(rows, i32Const(-TURN)), 'whole');
  const splats = splatParams(frame);
  const failed = fn.local('v128', 'failed');
  const row = fn.local('i32', 'row');
  fn.count('lanes', row, whole, TURN, () => {
    for (let step = 0; step < TURN; step += LANES) {
      const emitter = new LaneEmitter(frame, splats, get(row), step, failed);
      for (const { expr, data } of places) {
        fn.store('v128.store', i32.shl(get(row), i32Const(3)), data + 8 * step, emitter.value(expr) as Code<'v128'>);
      }
    }
  });
  for (const { expr, validity } of places) {
    if (expr.nullable) fn.fill(i32Const(validity), i32Const(255), i32.shr_u(whole, i32Const(3)));
  }
  const signs = [0, 1].map((i) => lane('i64', 'i64x2.extract_lane', get(failed), i as 0 | 1)) as [
    Code<'i64'>,
    Code<'i64'>,
  ];
  fn.set(frame.failed, i32.or(get(frame.failed), i64.lt_s(i64.or(...signs), i64Const(0n))));
  return whole;
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
  const frame = new Frame(fn, pipeline, variant, rows);
  const places = pipeline.outputs.flatMap(computed);
  const hasCondition = leavesRowsOut(pipeline);
  const count = hasCondition ? fn.bind(frame.selectRows(rows, at, first), 'count') : rows;
  const inLanes = hasCondition || variant.nullable ? [] : laneOutputs(pipeline, places);
  const storeRows = (from: Code<'i32'>, places: readonly OutputPlace[]): void => {
    if (places.length === 0) return;
    fn.comment('columns of the selected rows');
    const k = fn.local('i32', 'k');
    fn.set(k, from);
    fn.count('selected', k, count, 1, () => {
      const place = fn.bind(i32.add(at, get(k)), 'place');
      const number = load('i32', 'i32.load', i32.shl(place, i32Const(2)), pipeline.selection);
      const row = hasCondition ? fn.bind(i32.sub(number, first), 'row') : get(k);
      const emitter = frame.emitter(row);
      for (const output of places) storeValue(fn, output, emitter.value(output.expr, undefined), place);
    });
  };
  if (inLanes.length > 0) storeRows(storeLanes(frame, inLanes, rows), inLanes);
  storeRows(
    i32Const(0),
    places.filter((place) => !inLanes.includes(place)),
  );
  frame.finishFailed();
  return [fn.finish(count)];
}
