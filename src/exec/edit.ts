/**
 * DELETE and UPDATE over one batch of the table: which rows change, and the batch as it shall be. INSERT over one batch
 * of its source: the columns as the table has them.
 *
 * Hides how new values get into a column (replace, scatter, dictionary-column). Invariants: only rows whose condition
 * is true change, and only they are given to the expressions; all expressions see the old values; rows keep their
 * order; columns that are not set pass through untouched; what is made is canonical, so that no bytes of rows that are
 * gone are written again; batches of one INSERT share the dictionaries that they make.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { nullVector } from '../arrow/null-vector.ts';
import type { Field } from '../arrow/schema.ts';
import { emptyVector, sliceVector } from '../arrow/slice.ts';
import type { Vector } from '../arrow/vector.ts';
import { selectedRows, trueRows } from '../function/compare-kernel.ts';
import type { PlannedStatement } from '../plan/physical.ts';
import { compileExpr } from './evaluate.ts';
import { gather } from '../function/gather.ts';
import { refuseNulls, replacerOf } from './replace.ts';
import type { Evaluator } from './rows.ts';
import { rowsOf, someRows } from './rows.ts';
import type { Replace } from './scatter.ts';

export type EditPlan = Extract<PlannedStatement, { kind: 'delete' | 'update' }>;

/** A batch in which rows change. */
export interface EditedBatch {
  /** The batch as it shall be. */
  readonly batch: RecordBatch;
  readonly changedCount: number;
  /** The rows that change: with their new values, of DELETE with their last. */
  changed(): RecordBatch;
}

/** Undefined when the batch stays as it is. */
export type RowEditor = (batch: RecordBatch) => EditedBatch | undefined;

/** The rows of a batch that change. */
interface Chosen {
  readonly count: number;
  /** 1 = changes; undefined when all rows do. */
  readonly bits: Uint8Array | undefined;
}

/**
 * Makes the editor of a planned DELETE or UPDATE, for the batches of one table in order. It may remember dictionaries
 * from batch to batch, so each run makes its own. @throws `value_error` for a NULL in a NOT NULL column, and what
 * expressions throw
 */
export function makeEdit(planned: EditPlan): RowEditor {
  const { condition } = planned;
  // What is left of a constant condition holds for no row.
  if (condition?.kind === 'literal') return () => undefined;
  const choose = chooser(condition === undefined ? undefined : compileExpr(condition));
  return planned.kind === 'delete' ? deleteEditor(choose) : updateEditor(planned, choose);
}

function chooser(condition: Evaluator | undefined): (batch: RecordBatch) => Chosen {
  return (batch) => {
    const { rowCount } = batch;
    if (condition === undefined || rowCount === 0) return { count: rowCount, bits: undefined };
    const { bits, count } = trueRows(condition(rowsOf(batch)));
    return { count, bits: count === rowCount ? undefined : bits };
  };
}

function deleteEditor(choose: (batch: RecordBatch) => Chosen): RowEditor {
  return (batch) => {
    const { count, bits } = choose(batch);
    return count === 0 ? undefined : withoutRows(batch, count, bits);
  };
}

/** The batch without those of its rows, `count`, whose bits are set; without any when there are no bits. */
export function withoutRows(batch: RecordBatch, count: number, bits: Uint8Array | undefined): EditedBatch {
  const { schema, rowCount } = batch;
  const left = rowCount - count;
  const kept = bits === undefined ? new Uint32Array(0) : otherRows(bits, rowCount, left);
  return {
    batch: rowsAt(batch, kept),
    changedCount: count,
    changed: () => (bits === undefined ? { ...batch, schema } : rowsAt(batch, selectedRows(bits, rowCount, count))),
  };
}

/** The rows `selected` of a batch. */
function rowsAt({ schema, columns }: RecordBatch, selected: Uint32Array): RecordBatch {
  const rowCount = selected.length;
  const gathered = columns.map((column) => sliceVector(gather(column, selected), 0, rowCount));
  return { schema, rowCount, columns: gathered };
}

/** The batch with other columns, and which of its rows that changes: all of them when undefined. */
export function withColumns(
  batch: RecordBatch,
  columns: readonly Vector[],
  selected: Uint32Array | undefined,
): EditedBatch {
  const edited = { schema: batch.schema, rowCount: batch.rowCount, columns };
  return {
    batch: edited,
    changedCount: selected?.length ?? batch.rowCount,
    changed: () => (selected === undefined ? edited : rowsAt(edited, selected)),
  };
}

/** The rows whose bits are not set; there are `count` of them. */
function otherRows(bits: Uint8Array, rowCount: number, count: number): Uint32Array {
  return selectedRows(
    bits.map((byte) => ~byte),
    rowCount,
    count,
  );
}

interface ColumnEdit {
  readonly index: number;
  readonly field: Field;
  readonly evaluate: Evaluator;
  readonly replace: Replace;
}

function updateEditor(
  planned: Extract<EditPlan, { kind: 'update' }>,
  choose: (batch: RecordBatch) => Chosen,
): RowEditor {
  const edits = planned.columns.map((index, i): ColumnEdit => {
    const field = planned.schema.fields[index];
    const expr = planned.exprs[i];
    if (field === undefined || expr === undefined) throw new TypeError('makeEdit: a column that does not exist');
    return { index, field, evaluate: compileExpr(expr), replace: replacerOf(field) };
  });
  return (batch) => {
    const { rowCount } = batch;
    const { count, bits } = choose(batch);
    if (count === 0) return undefined;
    const selected = bits === undefined ? undefined : selectedRows(bits, rowCount, count);
    const rows = selected === undefined ? rowsOf(batch) : someRows(rowsOf(batch), selected);
    const columns = [...batch.columns];
    for (const { index, field, evaluate, replace } of edits) {
      const values = evaluate(rows);
      if (!field.nullable) refuseNulls(values, field, planned.name, 'UPDATE');
      columns[index] = replace(batch.columns[index] as Vector, values, selected);
    }
    return withColumns(batch, columns, selected);
  };
}

type InsertPlan = Extract<PlannedStatement, { kind: 'insert' }>;

/**
 * Makes what turns a batch of the plan into columns of the table, one for each of `planned.columns`. For one run.
 * @throws `value_error` for a NULL in a NOT NULL column, `limit_exceeded` when a dictionary is full
 */
export function makeInsert(planned: InsertPlan): (batch: RecordBatch) => readonly Vector[] {
  const encoders = planned.columns.map((index) => {
    const field = planned.schema.fields[index];
    if (field === undefined) throw new TypeError('makeInsert: a column that does not exist');
    return { field, encode: encoderOf(field) };
  });
  return (batch) =>
    encoders.map(({ field, encode }, i) => {
      const values = batch.columns[i] as Vector;
      if (!field.nullable) refuseNulls(values, field, planned.name, 'INSERT');
      return encode(values);
    });
}

/** Puts values into the form of the column, for rows that are all new: nothing stays but a dictionary that grows. */
export function encoderOf(field: Field): (values: Vector) => Vector {
  const replace = replacerOf(field);
  const { type } = field;
  const dictionary = type.id === 'dictionary' ? emptyVector(type.value) : undefined;
  return (values) => replace({ ...nullVector(type, values.length), dictionary }, values, undefined);
}
