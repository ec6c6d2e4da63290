/**
 * Runs pipelines of generated code over batches.
 *
 * Hides blocks. Invariants: answers, their order and errors are those of the operators that a pipeline stands for (sums
 * of floats may differ in their last digits); where code finds that a row fails, the batch is given to those operators,
 * which raise the error; the signal is looked at once a batch by the source.
 */
import { emptyVector } from '../arrow/slice.ts';
import type { Vector } from '../arrow/vector.ts';
import { vectorBytes } from '../arrow/vector.ts';
import { AssertionError } from '../base/assert.ts';
import { CODE_BLOCK_ROWS, CODE_SOURCE_ROWS_MIN } from '../base/limits.ts';
import { vectorOf } from '../function/column.ts';
import type { KeySet } from '../function/key-set.ts';
import { ALL_PRESENT, validityFrom } from '../function/validity.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { checkGroupCount, cut } from './aggregate.ts';
import { LookUps } from './compiled-dictionary.ts';
import { finishCall } from './compiled-finish.ts';
import type { CellView } from './compiled-finish.ts';
import { HostedCalls } from './compiled-hosted.ts';
import { IntegerTable } from './compiled-integer-table.ts';
import { PipelineMemory } from './compiled-memory.ts';
import type { LoadedBatch } from './compiled-memory.ts';
import { leavesRowsOut } from './compiled-pipeline.ts';
import type {
  AggregatePipeline,
  CompiledPipeline,
  Output,
  OutputPlace,
  SelectPipeline,
} from './compiled-pipeline.ts';
import { startOf } from './compiled-state.ts';
import { widthOf } from './compiled-value.ts';
import { compileExpr } from './evaluate.ts';
import { joinParts } from './join.ts';
import { step } from './operator.ts';
import type { Batches, RowStream, RunContext } from './operator.ts';
import type { Evaluator, LazyRows, Rows } from './rows.ts';
import { paced } from './work.ts';
import type { Work } from './work.ts';

/** Runs a plan without generated code. */
export type Interpret = (plan: PhysicalPlan) => RowStream;

/** The operators of a pipeline over some rows. */
function interpreted({ operators, source }: CompiledPipeline, rows: LazyRows): PhysicalPlan {
  const { schema } = source;
  const values: PhysicalPlan = { kind: 'values', schema, batches: [rows.batch(schema)] };
  return operators.reduceRight((input, operator) => ({ ...operator, input }) as PhysicalPlan, values);
}

/** Rows [start, start + rows) of `rowCount`, a block at a time. */
function* blocksOf(rowCount: number, { blockRows }: LoadedBatch): Generator<readonly [start: number, rows: number]> {
  for (let start = 0; start < rowCount; start += blockRows) yield [start, Math.min(blockRows, rowCount - start)];
}

/** Room for `bytes` bytes, all of which are written before they are read. */
function roomOf(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

/** A column of all rows of a batch, which code computes a block at a time. */
class WholeColumn {
  readonly #place: OutputPlace;
  readonly #rowCount: number;
  readonly #data: Uint8Array<ArrayBuffer>;
  readonly #validity: Uint8Array<ArrayBuffer> | undefined;

  constructor(place: OutputPlace, rowCount: number) {
    this.#place = place;
    this.#rowCount = rowCount;
    this.#data = roomOf(this.#length(rowCount));
    this.#validity = place.expr.nullable ? roomOf((rowCount + 7) >> 3) : undefined;
  }

  #length(rows: number): number {
    const { type } = this.#place.expr;
    return type.id === 'bool' ? (rows + 7) >> 3 : rows * widthOf(type);
  }

  /** Takes the rows from `start` on, a multiple of 8, out of memory. */
  take(bytes: Uint8Array, start: number, rows: number): void {
    const { data, validity } = this.#place;
    this.#data.set(bytes.subarray(data, data + this.#length(rows)), this.#length(start));
    this.#validity?.set(bytes.subarray(validity, validity + ((rows + 7) >> 3)), start >> 3);
  }

  finish(): Vector {
    const presence = this.#validity === undefined ? ALL_PRESENT : validityFrom(this.#validity, this.#rowCount);
    return vectorOf(this.#place.expr.type, this.#rowCount, presence, this.#data);
  }
}

/** A pipeline that filters and computes. */
class SelectRun {
  readonly #pipeline: SelectPipeline;
  readonly #memory: PipelineMemory;
  readonly #lookUps: LookUps;
  readonly #evaluators: readonly (Evaluator | undefined)[];

  constructor(pipeline: SelectPipeline, memory: PipelineMemory, sets: readonly KeySet[]) {
    this.#pipeline = pipeline;
    this.#memory = memory;
    pipeline.shape.keyTables.forEach((table, i) => memory.keepKeys(table, sets[i] as KeySet));
    this.#lookUps = new LookUps(pipeline);
    this.#evaluators = pipeline.outputs.map((output) => {
      return output.kind === 'interpreted' ? compileExpr(output.expr) : undefined;
    });
  }

  /** Zeroes the bitmaps that code writes. */
  #clear(rowCount: number): void {
    const bytes = this.#memory.bytes;
    const byteCount = (rowCount + 7) >> 3;
    for (const output of this.#pipeline.outputs) {
      if (output.kind !== 'code') continue;
      const { expr, data, validity } = output.place;
      if (expr.nullable) bytes.fill(0, validity, validity + byteCount);
      if (expr.type.id === 'bool') bytes.fill(0, data, data + byteCount);
    }
  }

  /** What comes of rows; undefined when one failed, or 'none' when none was selected. */
  run(all: LazyRows): LazyRows | 'none' | undefined {
    const memory = this.#memory;
    const { rowCount } = all;
    const loaded = memory.load(all);
    this.#lookUps.prepare(memory, loaded, () => undefined);
    if (!leavesRowsOut(this.#pipeline)) return this.#runWhole(all, loaded);
    this.#clear(rowCount);
    let count = 0;
    for (const [start, rows] of blocksOf(rowCount, loaded)) {
      memory.copy(loaded, start, rows);
      count += memory.call('run', loaded.nullable, rows, start, count);
      if (memory.word(this.#pipeline.failed) !== 0) return undefined;
    }
    if (count === 0) return 'none';
    const { selection, outputs } = this.#pipeline;
    const rows = count === rowCount ? all : all.pick(this.#selected(selection, count));
    return rows.arrange(outputs.map((output, i) => this.#column(output, rows, count, i)));
  }

  /** What comes of all rows: columns are taken out of memory block by block, while they are in the cache. */
  #runWhole(all: LazyRows, loaded: LoadedBatch): LazyRows | undefined {
    const memory = this.#memory;
    const { rowCount } = all;
    const { outputs, failed } = this.#pipeline;
    const columns = outputs.map((output) => {
      return output.kind === 'code' ? new WholeColumn(output.place, rowCount) : undefined;
    });
    for (const [start, rows] of blocksOf(rowCount, loaded)) {
      memory.copy(loaded, start, rows);
      this.#clear(rows);
      memory.call('run', loaded.nullable, rows, start, 0);
      if (memory.word(failed) !== 0) return undefined;
      for (const column of columns) column?.take(memory.bytes, start, rows);
    }
    return all.arrange(outputs.map((output, i) => columns[i]?.finish() ?? this.#column(output, all, rowCount, i)));
  }

  #selected(address: number, count: number): Uint32Array {
    return new Uint32Array(this.#memory.bytes.slice(address, address + 4 * count).buffer);
  }

  #column(output: Output, rows: Rows, count: number, index: number): number | Vector {
    switch (output.kind) {
      case 'column':
        return output.index;
      case 'interpreted':
        return (this.#evaluators[index] as Evaluator)(rows);
      case 'code':
        return this.#computed(output.place, count);
    }
  }

  #computed({ expr, data, validity }: OutputPlace, count: number): Vector {
    const bytes = this.#memory.bytes;
    const bitBytes = (count + 7) >> 3;
    const length = expr.type.id === 'bool' ? bitBytes : count * widthOf(expr.type);
    const presence = expr.nullable ? validityFrom(bytes.slice(validity, validity + bitBytes), count) : ALL_PRESENT;
    return vectorOf(expr.type, count, presence, bytes.slice(data, data + length));
  }
}

/** Filters and computes; `sets` are those that the pipeline looks keys up in. */
export async function* runSelect(
  pipeline: SelectPipeline,
  sets: readonly KeySet[],
  input: RowStream,
  context: RunContext,
  interpret: Interpret,
): RowStream {
  let memory: PipelineMemory | undefined;
  try {
    let run: SelectRun | undefined;
    let rowCount = 0;
    for await (const rows of input) {
      rowCount += rows.rowCount;
      // Of a large table a query may want few rows: code and its memory are for those that want many.
      if (context.compile === 'large' && rowCount < CODE_SOURCE_ROWS_MIN) {
        yield* interpret(interpreted(pipeline, rows));
        continue;
      }
      memory ??= new PipelineMemory(pipeline, context, leavesRowsOut(pipeline) ? 'WHERE' : 'SELECT');
      run ??= new SelectRun(pipeline, memory, sets);
      const made = run.run(rows);
      if (made === 'none') continue;
      if (made === undefined) yield* interpret(interpreted(pipeline, rows));
      else yield made;
    }
  } finally {
    // All that was yielded is copied out of the memory.
    memory?.release(false);
  }
}

/** Raises the error of a batch in which code found one. */
async function raise(pipeline: CompiledPipeline, rows: LazyRows, interpret: Interpret): Promise<never> {
  // oxlint-disable-next-line no-unused-vars -- run for its error
  for await (const _ of interpret(interpreted(pipeline, rows)));
  throw new AssertionError(`generated code fails where operators do not: ${pipeline.key}`);
}

/** The table of groups in memory. */
class GroupTable {
  readonly #memory: PipelineMemory;
  readonly #pipeline: AggregatePipeline;
  #capacity = 0;

  constructor(pipeline: AggregatePipeline, memory: PipelineMemory) {
    this.#pipeline = pipeline;
    this.#memory = memory;
  }

  get count(): number {
    return this.#memory.word(this.#pipeline.table);
  }

  /** Address of the first entry. */
  get entries(): number {
    return this.#memory.word(this.#pipeline.table + 4);
  }

  /** Makes room for a block of new groups. */
  makeRoom(nullable: boolean): void {
    const wanted = this.count + CODE_BLOCK_ROWS;
    if (wanted <= this.#capacity) return;
    this.#capacity = Math.max(wanted, this.#capacity * 2);
    this.layOut(nullable);
  }

  /** Lays slots and entries out behind what the memory keeps, the entries that are there included. */
  layOut(nullable: boolean): void {
    const { table, stride } = this.#pipeline;
    const memory = this.#memory;
    let slotCount = 1;
    while (slotCount < this.#capacity * 2) slotCount *= 2;
    const slots = memory.end;
    const entries = slots + slotCount * 4;
    const old = this.entries;
    memory.reserve(entries + this.#capacity * stride);
    memory.bytes.copyWithin(entries, old, old + this.count * stride);
    memory.bytes.fill(0, slots, entries);
    memory.setWord(table + 4, entries);
    memory.setWord(table + 8, slots);
    memory.setWord(table + 12, slotCount - 1);
    if (this.count > 0) memory.call('rehash', nullable);
  }
}

/** A pipeline that aggregates. */
class AggregateRun {
  readonly #pipeline: AggregatePipeline;
  readonly #memory: PipelineMemory;
  readonly #lookUps: LookUps;
  readonly #table: GroupTable | IntegerTable | undefined;
  readonly #evaluators: readonly Evaluator[];
  /** Aggregates that are not kept in cells. */
  readonly #hosted: HostedCalls;
  /** For each key column its values at new groups, one part for each batch that made some. */
  readonly #parts: Vector[][];
  #partBytes = 0;

  constructor(pipeline: AggregatePipeline, memory: PipelineMemory) {
    this.#pipeline = pipeline;
    this.#memory = memory;
    this.#lookUps = new LookUps(pipeline);
    this.#evaluators = pipeline.groups.map(({ expr }) => compileExpr(expr));
    this.#hosted = new HostedCalls(pipeline);
    this.#parts = pipeline.groups.map(() => []);
    const { direct } = pipeline;
    const table = pipeline.groups.length > 0 ? new GroupTable(pipeline, memory) : undefined;
    this.#table = direct && table ? new IntegerTable(pipeline, direct, memory, table) : table;
    if (table === undefined) this.#start();
  }

  /** Bytes held outside of the memory. */
  get byteCount(): number {
    return this.#partBytes + this.#lookUps.byteCount + this.#hosted.byteCount + this.#memory.keyBytes;
  }

  #start(): void {
    const view = new DataView(this.#memory.bytes.buffer);
    for (const cell of this.#pipeline.cells) {
      startOf(cell).forEach(({ type, immediate }, i) => {
        const at = this.#pipeline.cellBase + cell.offset + 8 * i;
        if (type === 'f64') view.setFloat64(at, Number(immediate), true);
        else view.setBigInt64(at, immediate as bigint, true);
      });
    }
  }

  /** Takes a batch in; false when a row failed. */
  update(all: LazyRows): boolean {
    const memory = this.#memory;
    const loaded = memory.load(all);
    this.#lookUps.prepare(memory, loaded, () => this.#table?.layOut(loaded.nullable));
    const fresh: Uint32Array[] = [];
    for (const [start, rows] of blocksOf(all.rowCount, loaded)) {
      this.#table?.makeRoom(loaded.nullable);
      const before = this.#table?.count ?? 0;
      memory.copy(loaded, start, rows);
      const selected = this.#run(loaded.nullable, rows, start);
      if (memory.word(this.#pipeline.failed) !== 0) return false;
      if (this.#table === undefined) continue;
      fresh.push(this.#freshRows(before));
      this.#hosted.note(memory, this.#table.entries, start, selected);
    }
    this.#keepKeys(all, fresh);
    this.#hosted.update(all, this.#table?.count ?? 1);
    return true;
  }

  #run(nullable: boolean, rows: number, start: number): number {
    if (this.#table instanceof IntegerTable) return this.#table.run(nullable, rows, start);
    return this.#memory.call('run', nullable, rows, start);
  }

  /** Rows of the batch that made the groups from number `before` on. */
  #freshRows(before: number): Uint32Array {
    const count = this.#table?.count ?? 0;
    checkGroupCount(count);
    const address = this.#pipeline.fresh;
    return new Uint32Array(this.#memory.bytes.slice(address, address + 4 * (count - before)).buffer);
  }

  #keepKeys(all: LazyRows, fresh: readonly Uint32Array[]): void {
    const count = fresh.reduce((sum, rows) => sum + rows.length, 0);
    if (count === 0) return;
    const firsts = new Uint32Array(count);
    let at = 0;
    for (const rows of fresh) {
      firsts.set(rows, at);
      at += rows.length;
    }
    const rows = all.pick(firsts);
    this.#evaluators.forEach((evaluate, k) => {
      const part = evaluate(rows);
      this.#partBytes += vectorBytes(part);
      (this.#parts[k] as Vector[]).push(part);
    });
  }

  #view(): CellView {
    const { cellBase, stride } = this.#pipeline;
    const { words } = this.#memory;
    const base = (this.#table?.entries ?? 0) + cellBase;
    return {
      words,
      doubles: new Float64Array(words.buffer),
      groupCount: this.#table?.count ?? 1,
      stride: stride / 4,
      at: ({ offset }) => (base + offset) / 4,
    };
  }

  /** Keys, then aggregates, one row a group, a column at a time. @throws `value_error` */
  *finish(): Work<readonly Vector[]> {
    const { groups, cells, calls } = this.#pipeline;
    const columns: Vector[] = [];
    for (const [k, parts] of this.#parts.entries()) {
      const type = groups[k]?.expr.type ?? { id: 'null' };
      columns.push(parts.length === 0 ? emptyVector(type) : joinParts(parts));
      yield;
    }
    const view = this.#view();
    for (const [i, call] of calls.entries()) {
      columns.push(call === undefined ? this.#hosted.finish(i, view.groupCount) : finishCall(view, cells, call));
      yield;
    }
    return columns;
  }
}

/** Aggregates the whole input, then yields the groups. */
export async function* runAggregation(
  pipeline: AggregatePipeline,
  input: RowStream,
  context: RunContext,
  interpret: Interpret,
): Batches {
  const memory = new PipelineMemory(pipeline, context, 'GROUP BY');
  let held = 0;
  try {
    const run = new AggregateRun(pipeline, memory);
    for await (const rows of input) {
      if (!run.update(rows)) await raise(pipeline, rows, interpret);
      held = context.memory.change('GROUP BY', held, run.byteCount);
    }
    await step(context);
    const columns = await paced(run.finish(), context);
    const rowCount = columns[0]?.length ?? 1;
    yield* cut(columns, rowCount, pipeline.plan);
  } finally {
    memory.release();
    context.memory.change('GROUP BY', held, 0);
  }
}
