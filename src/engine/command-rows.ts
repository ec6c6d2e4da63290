/**
 * Statements that change rows, run: INSERT, CREATE TABLE AS, DELETE and UPDATE.
 *
 * Hides how a plan's rows become a table's. Invariants: each is one commit, or nothing; rows for RETURNING are those
 * that were really changed; a statement that finds rows by a query is planned anew on the very rows that it changes.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { repeatVector } from '../arrow/concat.ts';
import type { Schema } from '../arrow/schema.ts';
import { sameType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { present } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { findRows } from '../exec/edit-rows.ts';
import { makeEdit, makeInsert } from '../exec/edit.ts';
import type { EditedBatch, EditPlan } from '../exec/edit.ts';
import { runPlan } from '../exec/exec.ts';
import type { RunOptions } from '../exec/exec.ts';
import type { PhysicalPlan, PlannedStatement, Returning } from '../plan/physical.ts';
import type { Append, RowEdit, Storage } from '../storage/contract.ts';
import type { CommandTarget } from './command.ts';

type Insert = Extract<PlannedStatement, { kind: 'insert' }>;

/** Appends the rows of the command's plan in one commit; answers how many. */
export async function insertRows(storage: Storage, command: Insert, run: RunOptions): Promise<number> {
  const append = await storage.beginAppend(command.name, command.schema, { create: false });
  return appendAll(append, command.plan, run, () => {
    checkTarget(command, append);
    const encode = makeInsert(command);
    const { fields } = append.schema;
    return (batch) => {
      const given = encode(batch);
      const columns = fields.map((field, index) => {
        return given[command.columns.indexOf(index)] ?? missingColumn(append, index, field.type, batch.rowCount);
      });
      const { rowCount } = batch;
      command.returning?.rows.add({ schema: append.schema, rowCount, columns });
      return columns;
    };
  });
}

/** A column that the plan does not have: the value of its default, or nulls. */
function missingColumn(append: Append, index: number, type: Vector['type'], rowCount: number): Vector {
  const given = append.defaults[index];
  return given !== undefined && 'value' in given ? repeatVector(given.value, rowCount) : nullVector(type, rowCount);
}

/** Commits a table that `append` creates with the plan's rows; answers how many. */
export async function appendNew(append: Append, plan: PhysicalPlan, run: RunOptions): Promise<number> {
  return appendAll(append, plan, run, () => (batch) => batch.columns);
}

/** Appends the plan's rows, as `begin` tells to make columns of the table of them; all of it in one commit, or nothing. */
async function appendAll(
  append: Append,
  plan: PhysicalPlan,
  run: RunOptions,
  begin: () => (batch: RecordBatch) => readonly Vector[],
): Promise<number> {
  try {
    const fit = begin();
    const { schema } = append;
    for await (const batch of runPlan(plan, run)) {
      await append.write({ schema, rowCount: batch.rowCount, columns: fit(batch) });
    }
    return (await append.commit()).rowCount;
  } catch (error) {
    await append.abort();
    throw error;
  }
}

/** @throws `busy` when the table was altered since the statement was planned, `schema_mismatch` for a missing value */
function checkTarget({ name, schema, columns }: Insert, append: Append): void {
  const { fields } = append.schema;
  if (!isSame(schema, append.schema)) {
    throw new EngineError('busy', `table ${name} was altered meanwhile; send the INSERT again`);
  }
  fields.forEach((field, index) => {
    const given = append.defaults[index];
    const hasValue = given !== undefined && 'value' in given;
    if (field.nullable || hasValue || columns.includes(index)) return;
    const message = `column "${field.name}" of table ${name} is NOT NULL and has no default`;
    throw new EngineError('schema_mismatch', `${message}; name it in the INSERT and give it a value`);
  });
}

function isSame({ fields }: Schema, other: Schema): boolean {
  return (
    fields.length === other.fields.length &&
    fields.every((field, i) => {
      const { name, type } = present(other.fields[i], 'field');
      return field.name === name && sameType(field.type, type);
    })
  );
}

/** Changes or takes away rows. */
export async function editRows(
  command: EditPlan,
  target: CommandTarget,
): Promise<{ readonly rowCount: number; readonly returning: Returning | undefined }> {
  const { storage } = target;
  const { name, kind, returning } = command;
  if (command.rows !== undefined) return editFound(command, target);
  if (kind === 'delete' && command.condition === undefined && returning === undefined) {
    return { rowCount: await storage.truncate(name), returning };
  }
  const { schema, bounds } = command;
  const edit: RowEdit<EditedBatch> = { schema, bounds, edit: makeEdit(command), ...keeping(returning) };
  return { rowCount: await storage.rewrite(name, kind, edit), returning };
}

/** The rows are found once the rewrite holds them still. */
async function editFound(
  { name, kind }: EditPlan,
  target: CommandTarget,
): Promise<{ readonly rowCount: number; readonly returning: Returning | undefined }> {
  let returning: Returning | undefined;
  const { storage, run } = target;
  const rowCount = await storage.rewrite(name, kind, async (snapshot): Promise<RowEdit<EditedBatch>> => {
    const again = await target.planAgain(snapshot);
    const { planned } = again;
    try {
      if (planned.kind !== kind || planned.rows === undefined) {
        throw new EngineError('busy', `table ${name} was altered meanwhile; send the statement again`);
      }
      ({ returning } = planned);
      const found = await findRows(planned, planned.rows, run);
      return {
        schema: planned.schema,
        bounds: [],
        changesIn: (firstRow, count) => found.changesIn(firstRow, count),
        edit: (batch, firstRow) => found.edit(batch, firstRow),
        ...keeping(returning),
      };
    } finally {
      again.release();
    }
  });
  return { rowCount, returning };
}

function keeping(returning: Returning | undefined): Pick<RowEdit<EditedBatch>, 'keep'> {
  if (returning === undefined) return {};
  return { keep: (edited) => returning.rows.add(edited.changed()) };
}
