/**
 * A result as FlightData: the schema, then each batch after the dictionaries that it needs.
 *
 * While the result makes the client wait, an empty batch is sent from time to time: proxies cut calls on which nothing
 * moves, HTTP/2's own pings do not pass them, and an empty batch is the one message that every Flight client takes for
 * nothing.
 *
 * Hides nothing of the engine. Invariants: a batch is asked for only when the one before is on its way; the result is
 * closed however the call ends; messages go out as the engine made them, so that stored bytes are sent as they lie on
 * disk; no empty batch goes before a dictionary that its columns need.
 */
import type { ResultBatch } from '../arrow/batch.ts';
import { encodeSchema } from '../arrow/ipc-schema.ts';
import { encodeBatch } from '../arrow/ipc-write.ts';
import { nullVector } from '../arrow/null-vector.ts';
import type { Schema } from '../arrow/schema.ts';
import { childFields } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { QueryResult } from '../engine/contract.ts';
import { countBatch } from './call.ts';
import type { Outbox } from './lane.ts';

/**
 * Sends `result` into what `open` gives, which is called once the result is known to begin; `silenceMs` is the longest
 * time without a batch.
 */
export async function sendResult(result: QueryResult, open: () => Outbox, silenceMs: number): Promise<void> {
  try {
    const outbox = open();
    try {
      await outbox.send(encodeSchema(result.schema));
      await sendBatches(result, outbox, silenceMs);
    } finally {
      outbox.close();
    }
  } finally {
    result.close();
  }
}

async function sendBatches(result: QueryResult, outbox: Outbox, silenceMs: number): Promise<void> {
  const { schema } = result;
  const iterator = result.batches()[Symbol.asyncIterator]();
  let needsDictionary = schema.fields.some(({ type }) => hasDictionary(type));
  let isWaiting = false;
  try {
    for (;;) {
      const coming = iterator.next();
      isWaiting = true;
      const step = await patiently(coming, silenceMs, async () => {
        if (!needsDictionary) await outbox.send(encodeBatch(emptyBatch(schema)));
      });
      isWaiting = false;
      if (step.done === true) return;
      await sendBatch(step.value, outbox);
      needsDictionary = false;
    }
  } catch (error) {
    // A source that is waited for ends by its signal; one that is not is told here.
    const closed = iterator.return?.();
    if (isWaiting) closed?.catch(() => undefined);
    else await closed;
    throw error;
  }
}

async function sendBatch(batch: ResultBatch, outbox: Outbox): Promise<void> {
  for (const dictionary of batch.dictionaries()) await outbox.send(dictionary);
  await outbox.send(batch.message());
  countBatch('out', batch.rowCount);
}

/** What `work` gives; `meanwhile` is called whenever it has let `ms` pass. */
async function patiently<T>(work: Promise<T>, ms: number, meanwhile: () => Promise<void>): Promise<T> {
  const SILENCE = Symbol('silence');
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<typeof SILENCE>((resolve) => {
      timer = setTimeout(resolve, ms, SILENCE);
    });
    const first = await Promise.race([work, silence]).finally(() => {
      clearTimeout(timer);
    });
    if (first !== SILENCE) return first;
    try {
      await meanwhile();
    } catch (error) {
      work.catch(() => undefined);
      throw error;
    }
  }
}

function hasDictionary(type: DataType): boolean {
  return type.id === 'dictionary' || childFields(type).some((field) => hasDictionary(field.type));
}

function emptyBatch(schema: Schema) {
  return { schema, rowCount: 0, columns: schema.fields.map(({ type }) => nullVector(type, 0)) };
}
