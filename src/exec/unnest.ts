/**
 * Unnest: each row as often as its lists have values.
 *
 * Hides how long lists are cut into batches. Invariants: rows keep their order, and so do the values of a row; several
 * lists go side by side, shorter ones ending in NULLs; nothing is held across batches but the batch in hand.
 */
import { nullVector } from '../arrow/null-vector.ts';
import type { RecordBatch } from '../arrow/batch.ts';
import type { Vector } from '../arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import { bytesOf, vectorOf } from '../function/column.ts';
import { gather, gatherOrNull, NO_ROW } from '../function/gather.ts';
import { listRowsOf } from '../function/list-rows.ts';
import type { ListRows } from '../function/list-rows.ts';
import { validityFrom } from '../function/validity.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { compileExpr } from './evaluate.ts';
import { step } from './operator.ts';
import type { Batches, RunContext } from './operator.ts';
import { rowsOf } from './rows.ts';

type UnnestPlan = Extract<PhysicalPlan, { kind: 'unnest' }>;

const INT64 = { id: 'int', bitWidth: 64, signed: true } as const;

/** Which row of the input, and which of its values, each row of the result is. */
interface Piece {
  readonly rows: Uint32Array;
  /** From 0; NO_ROW for the row of one without values. */
  readonly values: Uint32Array;
}

/** Ranges of lists; a list that is NULL whatever the row has none. */
function rangesOf(vector: Vector): ListRows {
  if (vector.type.id !== 'null') return listRowsOf(vector);
  const blank = new Uint32Array(vector.length);
  return { starts: blank, ends: blank, values: vector, validity: { bits: undefined, nullCount: 0 } };
}

/** Cuts what the rows yield into pieces of at most BATCH_ROWS_MAX rows. */
function* piecesOf(lists: readonly ListRows[], rowCount: number, keepsEmpty: boolean): Generator<Piece> {
  let rows = new Uint32Array(BATCH_ROWS_MAX);
  let values = new Uint32Array(BATCH_ROWS_MAX);
  let at = 0;
  for (let row = 0; row < rowCount; row++) {
    let length = 0;
    for (const { starts, ends } of lists) length = Math.max(length, (ends[row] as number) - (starts[row] as number));
    const count = length === 0 && keepsEmpty ? 1 : length;
    for (let k = 0; k < count; k++) {
      if (at === BATCH_ROWS_MAX) {
        yield { rows, values };
        rows = new Uint32Array(BATCH_ROWS_MAX);
        values = new Uint32Array(BATCH_ROWS_MAX);
        at = 0;
      }
      rows[at] = row;
      values[at++] = length === 0 ? NO_ROW : k;
    }
  }
  if (at > 0) yield { rows: rows.subarray(0, at), values: values.subarray(0, at) };
}

/** The values of one list for a piece. */
function valuesOf({ starts, ends, values }: ListRows, piece: Piece): Vector {
  const places = new Uint32Array(piece.rows.length);
  for (let i = 0; i < places.length; i++) {
    const row = piece.rows[i] as number;
    const value = piece.values[i] as number;
    const at = (starts[row] as number) + value;
    places[i] = value !== NO_ROW && at < (ends[row] as number) ? at : NO_ROW;
  }
  return values.type.id === 'null' ? nullVector(values.type, places.length) : gatherOrNull(values, places);
}

/** The numbers of the values, from 1. */
function ordinalsOf({ values }: Piece): Vector {
  const words = new Int32Array(values.length * 2);
  const bits = new Uint8Array((values.length + 7) >> 3);
  for (let i = 0; i < values.length; i++) {
    if (values[i] === NO_ROW) continue;
    words[2 * i] = (values[i] as number) + 1;
    bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
  return vectorOf(INT64, values.length, validityFrom(bits, values.length), bytesOf(words));
}

/** Unnests the lists of each row of the input. */
export async function* runUnnest(plan: UnnestPlan, input: Batches, context: RunContext): Batches {
  const evaluators = plan.lists.map(compileExpr);
  for await (const batch of input) {
    const rows = rowsOf(batch);
    const lists = evaluators.map((evaluate) => rangesOf(evaluate(rows)));
    for (const piece of piecesOf(lists, batch.rowCount, plan.keepsEmpty)) {
      await step(context);
      yield batchOf(plan, batch, lists, piece);
    }
  }
}

function batchOf(plan: UnnestPlan, batch: RecordBatch, lists: readonly ListRows[], piece: Piece): RecordBatch {
  const columns = [
    ...plan.columns.map((column) => gather(batch.columns[column] as Vector, piece.rows)),
    ...lists.map((list) => valuesOf(list, piece)),
    ...(plan.ordinality ? [ordinalsOf(piece)] : []),
  ];
  return { schema: plan.schema, rowCount: piece.rows.length, columns };
}
