/**
 * What code looks up for the values of a dictionary: answers of conditions, numbers of keys.
 *
 * Hides that each is computed once a dictionary, by the interpreter. Invariants: what stands first is for null; equal
 * values have equal numbers across dictionaries.
 */
import { TYPE_TABLE } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { bitsOf, bytesOf } from '../function/column.ts';
import { ColumnKeys } from '../function/key-table.ts';
import { bitAt, fullBits, validityOf } from '../function/validity.ts';
import type { AggregatePipeline, CompiledPipeline } from './compiled-pipeline.ts';
import type { LoadedBatch, PipelineMemory } from './compiled-memory.ts';
import { compileExpr } from './evaluate.ts';
import type { Evaluator } from './rows.ts';

/** A column that holds each value of `column`'s dictionary once, then a null. */
function eachValue(column: Vector): Vector {
  const count = column.dictionary?.length ?? 0;
  const width = TYPE_TABLE[column.type.id].byteWidth(column.type);
  const indexes = new Uint8Array((count + 1) * width);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < Math.min(width, 4); k++) indexes[i * width + k] = (i >> (8 * k)) & 255;
  }
  const bits = fullBits(count + 1);
  bits[count >> 3] = (bits[count >> 3] as number) & ~(1 << (count & 7));
  return { ...column, length: count + 1, nullCount: 1, buffers: [bits, indexes] };
}

/** 0 false, 1 true, 2 null, for null and for each value. */
function answers(evaluate: Evaluator, values: Vector): Uint8Array {
  const made = evaluate({ rowCount: values.length, column: () => values });
  const bits = bitsOf(made);
  const presence = validityOf(made).bits;
  const out = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const place = (i + 1) % values.length;
    if (presence !== undefined && !bitAt(presence, i)) out[place] = 2;
    else out[place] = bitAt(bits, i) ? 1 : 0;
  }
  return out;
}

function numbers(keys: ColumnKeys, values: Vector): Uint8Array {
  const ids = keys.number(values, values.length);
  const out = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) out[(i + 1) % values.length] = ids[i] as number;
  return bytesOf(out);
}

/** One thing that is looked up. */
interface LookUp {
  readonly slot: number;
  readonly pointer: number;
  readonly make: (values: Vector) => Uint8Array;
  readonly keys: ColumnKeys | undefined;
  dictionary: Vector | undefined;
  isMade: boolean;
}

function keyLookUps(pipeline: AggregatePipeline): LookUp[] {
  return pipeline.groups.flatMap(({ expr, kind, pointer }) => {
    const place = pipeline.shape.place(expr);
    if (kind !== 'dictionary' || place === undefined) return [];
    const keys = new ColumnKeys(expr.type);
    const make = (values: Vector): Uint8Array => numbers(keys, values);
    return [{ slot: place.index, pointer, make, keys, dictionary: undefined, isMade: false }];
  });
}

/** All that a pipeline looks up. */
export class LookUps {
  readonly #lookUps: readonly LookUp[];

  constructor(pipeline: CompiledPipeline) {
    const tables = pipeline.shape.tables.map(({ expr, slot, pointer }): LookUp => {
      const evaluate = compileExpr(expr);
      const make = (values: Vector): Uint8Array => answers(evaluate, values);
      return { slot, pointer, make, keys: undefined, dictionary: undefined, isMade: false };
    });
    this.#lookUps = pipeline.kind === 'aggregate' ? [...tables, ...keyLookUps(pipeline)] : tables;
  }

  /** Bytes held outside of the memory. */
  get byteCount(): number {
    return this.#lookUps.reduce((sum, { keys }) => sum + (keys?.byteCount ?? 0), 0);
  }

  /**
   * Brings `memory` to the dictionaries of a batch, and makes room for its text. `layOut` is called before anything is
   * written when what lies behind has to move.
   */
  prepare(memory: PipelineMemory, batch: LoadedBatch, layOut: () => void): void {
    let moves = memory.keepTexts(batch);
    let isNew = moves;
    for (const lookUp of this.#lookUps) {
      const column = batch.vectors[lookUp.slot] as Vector;
      if (lookUp.isMade && lookUp.dictionary === column.dictionary) continue;
      moves = memory.keep(lookUp.pointer, lookUp.make(eachValue(column))) || moves;
      isNew = true;
      lookUp.dictionary = column.dictionary;
      lookUp.isMade = true;
    }
    if (moves) layOut();
    if (isNew) memory.writeKept();
  }
}
