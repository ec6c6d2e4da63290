/**
 * DELETE and UPDATE over one batch: which rows change, and the batch as it shall be.
 *
 * Hides how new values get into a column (scatter, dictionary-column). Invariants: only rows whose condition is true
 * change, and only they are given to the expressions; all expressions see the old values; rows keep their order;
 * columns that are not set pass through untouched; what is made is canonical, so that no bytes of rows that are gone
 * are written again.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Field } from '../arrow/schema.ts';
import { sliceVector } from '../arrow/slice.ts';
import type { Vector } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import { selectedRows, trueRows } from '../function/compare-kernel.ts';
import { validityOf } from '../function/validity.ts';
import type { PlannedStatement } from '../plan/physical.ts';
import { DictionaryColumn } from './dictionary-column.ts';
import { compileExpr } from './evaluate.ts';
import { gather } from './gather.ts';
import type { Evaluator } from './rows.ts';
import { rowsOf, someRows } from './rows.ts';
import type { Replace } from './scatter.ts';
import { encodeRuns, scatter } from './scatter.ts';

export type EditPlan = Extract<PlannedStatement, { kind: 'delete' | 'update' }>;

/** The batch as it shall be, and how many rows changed; undefined when it stays as it is. */
export type RowEditor = (
  batch: RecordBatch,
) => { readonly batch: RecordBatch; readonly changedCount: number } | undefined;

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
    if (count === 0) return undefined;
    const left = batch.rowCount - count;
    const kept = bits === undefined ? new Uint32Array(0) : otherRows(bits, batch.rowCount, left);
    const columns = batch.columns.map((column) => sliceVector(gather(column, kept), 0, left));
    return { batch: { schema: batch.schema, rowCount: left, columns }, changedCount: count };
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
      if (!field.nullable) refuseNulls(values, field, planned.name);
      columns[index] = replace(batch.columns[index] as Vector, values, selected);
    }
    return { batch: { schema: batch.schema, rowCount, columns }, changedCount: count };
  };
}

function replacerOf(field: Field): Replace {
  const { type } = field;
  if (type.id === 'dictionary') {
    const column = new DictionaryColumn(field.name, type);
    return (old, values, selected) => column.replace(old, values, selected);
  }
  if (type.id === 'run_end') {
    return (old, values, selected) => {
      return scatter(old, values.type.id === 'run_end' ? values : encodeRuns(type, values), selected);
    };
  }
  return scatter;
}

function refuseNulls(values: Vector, field: Field, table: string): void {
  const { nullCount } = validityOf(values);
  if (nullCount === 0) return;
  const rows = `${nullCount.toString()} row${nullCount === 1 ? '' : 's'} of one batch`;
  throw new EngineError(
    'value_error',
    `column "${field.name}" of table ${table} is NOT NULL, and the UPDATE makes it NULL in ${rows}; ` +
      'leave these rows out with WHERE, or give them a value with COALESCE',
  );
}
