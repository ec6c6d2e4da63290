/**
 * The linear memory of one run of a pipeline, and what is put into it.
 *
 * Hides addresses and growth. Layout: the fixed part as the shape has it; then numbers and answers for the values of
 * dictionaries; then, for groups, slots and entries. Invariants: whatever moves has its address in the fixed part, and
 * is moved between two calls of code alone; every byte is charged to the query before it is there; views of the memory
 * are made anew after each growth.
 */
import { giveWorkspace, growMemory, instantiate, moduleOf, takeWorkspace } from '../codegen/compile.ts';
import type { CompiledFunction, LinearMemory, Workspace } from '../codegen/compile.ts';
import { encodeModule } from '../codegen/module.ts';
import type { FunctionCode } from '../codegen/code.ts';
import type { Vector } from '../arrow/vector.ts';
import { typedView } from '../arrow/vector.ts';
import { present } from '../base/assert.ts';
import { CODE_BLOCK_ROWS, CODE_TEXT_BLOCK_BYTES } from '../base/limits.ts';
import { bytesOf } from '../function/column.ts';
import { constantVector } from '../function/constant.ts';
import type { KeySet } from '../function/key-set.ts';
import type { Validity } from '../function/validity.ts';
import { ALL_PRESENT, validityOf } from '../function/validity.ts';
import { aggregateCode } from './compiled-aggregate.ts';
import { WordKeys } from './compiled-key.ts';
import { directCode } from './compiled-direct.ts';
import type { Variant } from './compiled-emit.ts';
import { groupCode } from './compiled-group.ts';
import type { CompiledPipeline } from './compiled-pipeline.ts';
import { DecimalWidths } from './compiled-width.ts';
import { selectCode } from './compiled-select.ts';
import type { KeyTable, Slot } from './compiled-shape.ts';
import { widthOf } from './compiled-value.ts';
import { compileExpr } from './evaluate.ts';
import type { RunContext } from './operator.ts';
import type { Evaluator, Rows } from './rows.ts';

/** The functions of a pipeline. */
export function codeOf(pipeline: CompiledPipeline, variant: Variant): readonly FunctionCode[] {
  if (pipeline.kind === 'select') return selectCode(pipeline, variant);
  if (pipeline.groups.length === 0) return aggregateCode(pipeline, variant);
  return [...groupCode(pipeline, variant), ...directCode(pipeline, variant)];
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

/** What code reads of one batch. */
export interface LoadedBatch {
  readonly vectors: readonly Vector[];
  readonly validities: readonly Validity[];
  readonly nullable: boolean;
  /** Rows of a block, a multiple of 8. */
  readonly blockRows: number;
}

/** Bytes that code finds through a pointer, or room for some. */
interface Moving {
  readonly pointer: number;
  bytes: Uint8Array;
  capacity: number;
  address: number;
}

const EMPTY = new Uint8Array(0);

/** The offsets of text, one more than rows. */
function textOffsets({ buffers, length }: Vector): Int32Array {
  const bytes = buffers[1] ?? EMPTY;
  return bytes.byteLength < 4 * (length + 1) ? new Int32Array(length + 1) : typedView(Int32Array, bytes, length + 1);
}

/** Bytes of the most text that `blockRows` rows have, from a multiple of that on. */
function textBytesMax(vector: Vector, blockRows: number): number {
  const offsets = textOffsets(vector);
  let most = 0;
  for (let start = 0; start < vector.length; start += blockRows) {
    const end = Math.min(start + blockRows, vector.length);
    most = Math.max(most, (offsets[end] as number) - (offsets[start] as number));
  }
  return most;
}

export class PipelineMemory {
  readonly pipeline: CompiledPipeline;
  readonly #workspace: Workspace;
  readonly #memory: LinearMemory;
  readonly #context: RunContext;
  readonly #what: string;
  readonly #evaluators: readonly Evaluator[];
  readonly #keys: WordKeys[] = [];
  readonly #moving: Moving[] = [];
  /** What widths of decimals code is made for: the widest found so far. */
  readonly #widths: DecimalWidths;
  /** Slots whose bitmap in memory is all set. */
  readonly #full = new Set<number>();
  #held = 0;
  #bytes: Uint8Array;

  /** `what` names the operator that memory is charged to. @throws `limit_exceeded`, `busy` */
  constructor(pipeline: CompiledPipeline, context: RunContext, what: string) {
    this.pipeline = pipeline;
    this.#context = context;
    this.#what = what;
    const { shape } = pipeline;
    this.#held = context.memory.change(what, 0, shape.byteCount);
    this.#workspace = takeWorkspace(pipeline.key, Math.max(shape.byteCount, 1));
    this.#memory = this.#workspace.memory;
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#evaluators = shape.slots.map((slot) => this.#evaluator(slot));
    this.#widths = new DecimalWidths(pipeline, this.#memory);
    for (const { constants } of shape.texts) for (const { bytes, place } of constants) this.#bytes.set(bytes, place);
    shape.params.forEach((param, i) => {
      const vector = constantVector(param.type, param.value, 1);
      const bytes = vector.buffers[1] as Uint8Array;
      this.#bytes.set(this.#paramBytes(param.type, bytes), shape.paramPlaces[i]);
    });
  }

  /** Evaluates what a slot reads. */
  #evaluator({ expr, mode }: Slot): Evaluator {
    const evaluate = compileExpr(expr);
    if (mode !== 'key') return evaluate;
    const keys = new WordKeys(expr.type);
    this.#keys.push(keys);
    return (rows) => keys.words(evaluate(rows));
  }

  /** Bytes of key tables, which are outside of the memory. */
  get keyBytes(): number {
    return this.#keys.reduce((sum, { byteCount }) => sum + byteCount, 0);
  }

  /** Narrow integers as int64, float32 as double: as locals hold them. */
  #paramBytes(type: Vector['type'], bytes: Uint8Array): Uint8Array {
    if (type.id === 'bool') return Uint8Array.of((bytes[0] as number) & 1, 0, 0, 0);
    const width = widthOf(type);
    if (width >= 8) return bytes.subarray(0, width);
    if (type.id === 'float') {
      return new Uint8Array(Float64Array.from(typedView(Float32Array, bytes, 1)).buffer);
    }
    const isSigned = type.id !== 'int' || type.signed;
    const wide = new Uint8Array(8).fill(isSigned && ((bytes[width - 1] as number) & 0x80) !== 0 ? 255 : 0);
    wide.set(bytes.subarray(0, width));
    return wide;
  }

  /** All of the memory; valid until the next growth. */
  get bytes(): Uint8Array {
    if (this.#bytes.byteLength === 0) this.#bytes = new Uint8Array(this.#memory.buffer);
    return this.#bytes;
  }

  /** The memory as 32-bit words; valid until the next growth. */
  get words(): Int32Array {
    return new Int32Array(this.#memory.buffer);
  }

  /** Words of 64 bits; valid until the next growth. */
  longs(address: number, count: number): BigInt64Array {
    return new BigInt64Array(this.#memory.buffer, address, count);
  }

  word(address: number): number {
    return new DataView(this.#memory.buffer).getInt32(address, true) >>> 0;
  }

  setWord(address: number, value: number): void {
    new DataView(this.#memory.buffer).setInt32(address, value | 0, true);
  }

  /** Makes the memory at least `bytes` long. @throws `limit_exceeded`, `busy` */
  reserve(bytes: number): void {
    if (bytes > this.#held) this.#held = this.#context.memory.change(this.#what, this.#held, bytes);
    growMemory(this.#memory, bytes);
    if (this.#bytes.byteLength === 0) this.#bytes = new Uint8Array(this.#memory.buffer);
  }

  /**
   * Gives the charge back; the memory is not to be used any more. `isRead`: views of the memory may still be read, so
   * that nobody else must write there.
   */
  release(isRead = true): void {
    this.#held = this.#context.memory.change(this.#what, this.#held, 0);
    const { key, shape } = this.pipeline;
    if (!isRead) giveWorkspace(key, Math.max(shape.byteCount, 1), this.#workspace);
  }

  /** The functions for batches with nulls, or without. */
  functions(nullable: boolean): Readonly<Record<string, CompiledFunction>> {
    const { bits } = this.#widths;
    const variant = `${nullable ? 'null' : 'full'} ${bits.join(',')}`;
    const known = this.#workspace.functions;
    let functions = known.get(variant);
    if (functions === undefined) {
      const code = (): Uint8Array => encodeModule(codeOf(this.pipeline, { nullable, bits }));
      functions = instantiate(moduleOf(`${variant} ${this.pipeline.key}`, code), this.#memory);
      known.set(variant, functions);
    }
    return functions;
  }

  /** Calls a function of the code. */
  call(name: string, nullable: boolean, ...args: readonly number[]): number {
    return present(this.functions(nullable)[name], `the function ${name}`)(...args);
  }

  /** Where the part that a pipeline lays out itself may begin. */
  get end(): number {
    const moving = this.#moving.reduce((sum, { capacity }) => sum + capacity, 0);
    return this.pipeline.shape.byteCount + moving;
  }

  /**
   * Keeps `bytes` where `pointer` says; answers true when what lies behind had to make room, and has to be laid out
   * anew from `end` on.
   */
  keep(pointer: number, bytes: Uint8Array): boolean {
    const moves = this.keepRoom(pointer, bytes.length);
    const moving = this.#moving.find((other) => other.pointer === pointer) as Moving;
    moving.bytes = bytes;
    return moves;
  }

  /** As `keep`, of `byteCount` bytes that are written later. */
  keepRoom(pointer: number, byteCount: number): boolean {
    let moving = this.#moving.find((other) => other.pointer === pointer);
    if (moving === undefined) {
      moving = { pointer, bytes: EMPTY, capacity: 0, address: 0 };
      this.#moving.push(moving);
    }
    const moves = byteCount > moving.capacity;
    if (moves) moving.capacity = aligned(Math.max(byteCount, moving.capacity * 2));
    return moves;
  }

  /** Keeps a set of keys where code looks values up. */
  keepKeys({ range, pointer }: KeyTable, keys: KeySet): void {
    const view = new DataView(this.#memory.buffer);
    view.setBigInt64(range, keys.first, true);
    view.setBigInt64(range + 8, BigInt(keys.size), true);
    this.keep(pointer, keys.bits);
    this.writeKept();
  }

  /** Writes what is kept; behind it nothing may lie that is still needed. */
  writeKept(): void {
    this.reserve(this.end);
    let at = this.pipeline.shape.byteCount;
    for (const moving of this.#moving) {
      this.bytes.set(moving.bytes, at);
      this.setWord(moving.pointer, at);
      moving.address = at;
      at += moving.capacity;
    }
  }

  /** The vectors that the slots read of rows. */
  load(rows: Rows): LoadedBatch {
    const vectors = this.#evaluators.map((evaluate) => evaluate(rows));
    const validities = this.pipeline.shape.slots.map((slot, i) => slotValidity(slot, vectors[i] as Vector));
    const nullable = validities.some(({ bits }) => bits !== undefined);
    return { vectors, validities, nullable, blockRows: this.#blockRows(vectors) };
  }

  /** So many rows that their text is not too much at once. */
  #blockRows(vectors: readonly Vector[]): number {
    let rows = CODE_BLOCK_ROWS;
    this.pipeline.shape.slots.forEach(({ mode }, i) => {
      if (mode !== 'text') return;
      const vector = vectors[i] as Vector;
      while (rows > 8 && textBytesMax(vector, rows) > CODE_TEXT_BLOCK_BYTES) rows /= 2;
    });
    return rows;
  }

  /** Makes room for the text of any block; true when what lies behind has to be laid out anew, from `end` on. */
  keepTexts({ vectors, blockRows }: LoadedBatch): boolean {
    let moves = false;
    this.pipeline.shape.slots.forEach(({ pointer }, i) => {
      if (pointer === undefined) return;
      // A word is read beyond the last value.
      moves = this.keepRoom(pointer, textBytesMax(vectors[i] as Vector, blockRows) + 8) || moves;
    });
    return moves;
  }

  #copyText({ data, pointer }: Slot, vector: Vector, start: number, rows: number): void {
    const offsets = textOffsets(vector);
    const [from, to] = [offsets[start] as number, offsets[start + rows] as number];
    const room = this.#moving.find((moving) => moving.pointer === pointer)?.address ?? 0;
    this.bytes.set(bytesOf(offsets.subarray(start, start + rows + 1)), data);
    this.bytes.set((vector.buffers[2] ?? EMPTY).subarray(from, to), room);
    this.setWord(pointer as number, room - from);
  }

  /** Copies rows [start, start + rows) of a batch to where code reads them; `start` is a multiple of 8. */
  copy({ vectors, validities, nullable }: LoadedBatch, start: number, rows: number): void {
    const bytes = this.bytes;
    this.pipeline.shape.slots.forEach((slot, i) => {
      if (slot.mode === 'text') {
        this.#copyText(slot, vectors[i] as Vector, start, rows);
      } else if (slot.mode !== 'validity') {
        const data = (vectors[i] as Vector).buffers[1] as Uint8Array;
        if (slot.type.id === 'bool' && slot.mode === 'value')
          bytes.set(data.subarray(start >> 3, (start + rows + 7) >> 3), slot.data);
        else {
          const width = slot.mode === 'key' ? 8 : widthOf(slot.type);
          bytes.set(data.subarray(start * width, (start + rows) * width), slot.data);
        }
      }
      if (!nullable || slot.validity === undefined) return;
      const bits = (validities[i] as Validity).bits;
      if (bits !== undefined) bytes.set(bits.subarray(start >> 3, (start + rows + 7) >> 3), slot.validity);
      else if (!this.#full.has(i)) bytes.fill(255, slot.validity, slot.validity + CODE_BLOCK_ROWS / 8);
      if (bits === undefined) this.#full.add(i);
      else this.#full.delete(i);
    });
    this.#widths.measure(rows);
  }
}

/** Which rows of a slot are present; of a dictionary column, which have an index. */
function slotValidity(slot: Slot, vector: Vector): Validity {
  if (slot.mode !== 'code') return validityOf(vector);
  const bits = vector.buffers[0];
  if (vector.nullCount === 0 || bits === undefined || bits.byteLength === 0) return ALL_PRESENT;
  return { bits, nullCount: vector.nullCount };
}
