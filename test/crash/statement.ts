/**
 * How streams and statements of the ledger reach storage.
 *
 * Hides batches and edits of rows. Invariant: what is sent is what table-ledger.ts says that it is.
 */
import { buildVector } from '../../src/arrow/build.ts';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { present } from '../../src/base/assert.ts';
import { EngineError } from '../../src/base/errors.ts';
import type { AppendResult, AppendTag, RowEdit, Storage } from '../../src/storage/contract.ts';
import { idsOf, pick } from '../storage/edits.ts';
import { SCHEMA } from '../storage/fixture.ts';
import { FLOAT64, INT64, UTF8, batchOf } from '../support/sample.ts';
import { ADDED_DEFAULT, STREAM_STRIDE, sentValue, wordsOf } from './table-ledger.ts';
import type { Edit } from './table-ledger.ts';

const WORD_TYPE = {
  id: 'dictionary',
  index: { id: 'int', bitWidth: 8, signed: true },
  value: UTF8,
  ordered: false,
  dictionaryId: 7n,
} as const;

/** `id`, and a word out of a dictionary that grows within three streams and is another in the fourth. */
const WORD_SCHEMA = makeSchema([makeField('id', INT64), makeField('word', WORD_TYPE)]);

/** Rows [from, from + count) under the schema that the table has now. */
function rowsFor(schema: Schema, from: number, count: number): RecordBatch {
  const ids = Array.from({ length: count }, (_, i) => from + i);
  if (!schema.fields.some((field) => field.type.id === 'dictionary')) {
    return batchOf(
      schema,
      schema.fields.map(({ name }) => ids.map((id) => sentValue(name, id))),
    );
  }
  const words = wordsOf(Math.floor(from / STREAM_STRIDE));
  const plain = batchOf(makeSchema([makeField('id', INT64)]), [ids]);
  const column = {
    type: WORD_TYPE,
    length: count,
    nullCount: 0,
    buffers: [new Uint8Array(0), new Uint8Array(Int8Array.from(ids, (id) => id % words.length).buffer)],
    children: [],
    dictionary: buildVector(UTF8, words),
  };
  return { schema, rowCount: count, columns: [...plain.columns, column] };
}

/** Sends stream `stream` of `rows` rows to a table, in two batches, and commits it. */
export async function sendStream(
  storage: Storage,
  name: string,
  stream: number,
  rows: number,
  tag?: AppendTag,
): Promise<AppendResult> {
  const from = stream * STREAM_STRIDE;
  const schema = name === 'words' ? WORD_SCHEMA : SCHEMA;
  const append = await storage.beginAppend(name, schema, { create: true, ...(tag && { tag }) });
  const half = rows >> 1;
  await append.write(rowsFor(append.schema, from, half));
  await append.write(rowsFor(append.schema, from + half, rows - half));
  return append.commit();
}

/** Changes a table as `edit` says. @throws what storage throws */
export async function editTable(storage: Storage, name: string, edit: Edit): Promise<void> {
  switch (edit.kind) {
    case 'truncate':
      await storage.truncate(name);
      return;
    case 'add': {
      const field = makeField('extra', INT64);
      const value = buildVector(INT64, [BigInt(ADDED_DEFAULT)]);
      await storage.alterTable(name, { kind: 'add_column', field, default: value });
      return;
    }
    case 'rename':
      await storage.alterTable(name, { kind: 'rename_column', column: 'name', to: 'label' });
      return;
    case 'drop':
      await storage.alterTable(name, { kind: 'drop_column', column: 'value' });
      return;
    case 'delete':
    case 'update':
      await storage.rewrite(name, edit.kind, rowEdit(storage, name, edit));
  }
}

function rowEdit(storage: Storage, name: string, edit: Extract<Edit, { modulus: number }>): RowEdit {
  const snapshot = storage.snapshot();
  const schema = snapshot.table(name)?.schema;
  snapshot.release();
  if (schema === undefined) throw new EngineError('not_found', `there is no table "${name}"`);
  return {
    schema,
    bounds: [],
    edit: (batch) => {
      const ids = idsOf(batch);
      const chosen = new Set(ids.filter((id) => id % edit.modulus === edit.rest));
      if (chosen.size === 0) return undefined;
      if (edit.kind === 'update')
        return { batch: updated(batch, ids, chosen, edit.value), changedCount: chosen.size };
      const kept = ids.flatMap((id, row) => (chosen.has(id) ? [] : [row]));
      return { batch: pick(batch, kept), changedCount: chosen.size };
    },
  };
}

function updated(
  batch: RecordBatch,
  ids: readonly number[],
  chosen: ReadonlySet<number>,
  value: number,
): RecordBatch {
  const at = batch.schema.fields.findIndex((field) => field.name === 'value');
  const read = makeReader(present(batch.columns[at], 'the column to update'));
  const values = ids.map((id, row) => (chosen.has(id) ? value : Number(read(row))));
  const [column] = batchOf(makeSchema([makeField('value', FLOAT64)]), [values]).columns;
  return { ...batch, columns: batch.columns.map((old, i) => (i === at ? present(column, 'a column') : old)) };
}
