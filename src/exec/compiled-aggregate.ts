/**
 * The code of aggregates without groups: one loop, its cells in locals.
 *
 * Hides loops, and whether they take two rows at a time. `run(rows)` adds a block to the cells in memory. Invariants:
 * sums of floats are kept in several parts, by row number, and added up when the block ends, so that they may differ
 * from a sum in row order in their last digits; all else is exact.
 */
import { FunctionBuilder, get, i32Const, load } from '../codegen/code.ts';
import type { Code, FunctionCode, Local } from '../codegen/code.ts';
import type { Cell } from './compiled-cells.ts';
import { Frame, UNROLL } from './compiled-emit.ts';
import type { RowBody, Variant } from './compiled-emit.ts';
import { advanceInLanes, hasLanes } from './compiled-lanes.ts';
import type { AggregatePipeline } from './compiled-pipeline.ts';
import { advance, startOf } from './compiled-state.ts';
import { f64 } from './compiled-vocabulary.ts';

/** The type of a cell's words. */
function wordType(cell: Cell): 'i64' | 'f64' {
  return cell.form === 'float' ? 'f64' : 'i64';
}

function isFloatSum(cell: Cell): boolean {
  return cell.kind === 'sum' && cell.form === 'float';
}

/** Locals of one cell: for each part its words. */
function localsOf(fn: FunctionBuilder, cell: Cell, base: number): readonly (readonly Local[])[] {
  const type = wordType(cell);
  const first = startOf(cell).map((_, i) => {
    const local = fn.local(type, cell.kind);
    fn.set(local, load(type, `${type}.load`, i32Const(0), base + cell.offset + 8 * i));
    return local;
  });
  if (!isFloatSum(cell)) return [first];
  return [first, ...Array.from({ length: UNROLL - 1 }, () => [fn.local(type, cell.kind)])];
}

/** `body` for each row, those of whole turns in lanes where there are no nulls and all has lanes. */
function eachRow(
  frame: Frame,
  pipeline: AggregatePipeline,
  locals: readonly (readonly (readonly Local[])[])[],
  rows: Code<'i32'>,
  nullable: boolean,
  body: RowBody,
): void {
  const { fn } = frame;
  if (nullable || !hasLanes(pipeline)) {
    frame.eachRow(rows, body);
    return;
  }
  const words = locals.map((parts) => parts[0] as readonly Local[]);
  const whole = advanceInLanes(frame, pipeline, words, rows);
  const row = fn.local('i32', 'row');
  fn.set(row, whole);
  frame.eachRest(row, rows, body);
}

/** The functions of an aggregate without groups. */
export function aggregateCode(pipeline: AggregatePipeline, variant: Variant): readonly FunctionCode[] {
  const fn = new FunctionBuilder('run');
  const rows = get(fn.param('i32', 'rows'));
  const frame = new Frame(fn, pipeline, variant, rows);
  const locals = pipeline.cells.map((cell) => localsOf(fn, cell, pipeline.cellBase));
  const body: RowBody = (emitter, _row, step) => {
    const condition = frame.condition(emitter);
    const active = condition === undefined ? undefined : fn.bind(condition, 'passes');
    pipeline.cells.forEach((cell, c) => {
      const parts = locals[c] as readonly (readonly Local[])[];
      const words = parts[step % parts.length] as readonly Local[];
      const next = advance(cell, emitter, words.map(get), active).map((code) => fn.bind(code, 'next'));
      words.forEach((word, i) => fn.set(word, next[i] as Code));
    });
  };
  eachRow(frame, pipeline, locals, rows, variant.nullable, body);
  pipeline.cells.forEach((cell, c) => {
    const [first, ...more] = locals[c] as readonly [readonly Local[], ...(readonly Local[])[]];
    first.forEach((word, i) => {
      const parts = more.map((part) => get(part[i] as Local<'f64'>));
      const sum = parts.reduce((total: Code, part) => f64.add(total as Code<'f64'>, part), get(word));
      fn.store(`${wordType(cell)}.store`, i32Const(0), pipeline.cellBase + cell.offset + 8 * i, sum);
    });
  });
  frame.finishFailed();
  return [fn.finish(undefined)];
}
