/**
 * What may be ingested, as our batches: apache-arrow tables and batches, bytes of IPC streams, plain objects.
 *
 * Hides telling them apart. It is done by what they have, not by their class, since a program may have loaded
 * apache-arrow twice. Invariant: nothing is taken from a source before it is needed but its first element.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { fromArrowBatches, fromArrowTable } from '../arrow/interop.ts';
import type { ArrowBatch, ArrowTable } from '../arrow/interop.ts';
import { readStream } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import { batchesOfObjects } from './object-rows.ts';
import type { KnownColumns, ObjectRow } from './object-rows.ts';

type Many<T> = Iterable<T> | AsyncIterable<T>;

/** An Arrow table; Arrow batches; bytes of an IPC stream, whole or in pieces; objects, one a row. */
export type IngestSource = ArrowTable | Uint8Array | Many<ArrowBatch> | Many<Uint8Array> | Many<ObjectRow>;

/** Batches under one schema. */
export interface SourceBatches {
  readonly schema: Schema;
  readonly batches: AsyncIterable<RecordBatch>;
}

/**
 * Opens a source. `columns` is asked only where it matters, for objects.
 * @throws `request_invalid`, `value_error`, what the source throws
 */
export async function openSource(source: IngestSource, columns: () => Promise<KnownColumns>): Promise<SourceBatches> {
  if (source instanceof Uint8Array) return readStream(each([source]));
  if (isTable(source)) {
    if (source.batches.length > 0) return fromArrowBatches(each(source.batches));
    const { schema } = await fromArrowTable(source);
    return { schema, batches: each([]) };
  }
  const elements = each<unknown>(source as Many<unknown>);
  const first = await elements.next();
  const rest = resumed(first, elements);
  if (first.done === true) return batchesOfObjects(rest as AsyncGenerator<ObjectRow>, await columns());
  if (first.value instanceof Uint8Array) return readStream(rest as AsyncGenerator<Uint8Array>);
  if (isBatch(first.value)) return fromArrowBatches(rest as AsyncGenerator<ArrowBatch>);
  if (typeof first.value === 'object' && first.value !== null) {
    return batchesOfObjects(rest as AsyncGenerator<ObjectRow>, await columns());
  }
  await elements.return(undefined);
  const remedy = 'give an Arrow table, Arrow batches, bytes of an IPC stream, or objects';
  throw new EngineError('request_invalid', `a ${typeof first.value} cannot be ingested; ${remedy}`);
}

function isTable(source: object): source is ArrowTable {
  return 'batches' in source && Array.isArray(source.batches) && 'schema' in source;
}

function isBatch(element: unknown): element is ArrowBatch {
  return (
    typeof element === 'object' &&
    element !== null &&
    'numRows' in element &&
    'data' in element &&
    'schema' in element
  );
}

async function* each<T>(source: Many<T>): AsyncGenerator<T> {
  yield* source;
}

async function* resumed<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    if (first.done === true) return;
    yield first.value;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
