/**
 * Flight SQL's questions about the catalog and the server: each as a schema and the rows of its answer.
 *
 * Hides nothing. Invariants: columns, their order and nullability are the specification's, to which drivers hold a
 * server; filters that are absent let everything pass.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import type { Caller } from './caller.ts';
import type { MessageTypes } from './message-type.ts';
import type { MetadataCommand, MetadataName } from './sql-command.ts';

/** How one question is answered. */
interface Metadata<Name extends MetadataName> {
  readonly schema: (fields: MessageTypes[Name]) => Schema;
  readonly rows: (caller: Caller, fields: MessageTypes[Name]) => RecordBatch | Promise<RecordBatch>;
}

const METADATA: { readonly [Name in MetadataName]?: Metadata<Name> } = {};

function metadataOf({ name }: MetadataCommand): Metadata<MetadataName> {
  const found = METADATA[name] as Metadata<MetadataName> | undefined;
  if (found === undefined) throw new EngineError('unimplemented', `${name} is not offered yet`);
  return found;
}

/** The schema of a question's answer. */
export function metadataSchema(command: MetadataCommand): Schema {
  return metadataOf(command).schema(command.fields);
}

/** The answer's rows, under `metadataSchema`. */
export async function metadataRows(caller: Caller, command: MetadataCommand): Promise<RecordBatch> {
  return metadataOf(command).rows(caller, command.fields);
}
