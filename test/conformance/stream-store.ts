/**
 * A store for the JSON mode of the integration clients: a put replaces what its path named, and batches stay as put.
 *
 * Hides nothing. Invariants: each batch with app_metadata is answered by a PutResult that echoes it; a DoGet numbers
 * its batches in their app_metadata from 0 on.
 */
import type { RecordBatch } from '../../src/arrow/batch.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { EngineError } from '../../src/base/errors.ts';
import { endpoint, incoming, infoOf, script, sendBatches, textOf, unexpected } from './scripted.ts';
import type { Script } from './scripted.ts';

/** What one put brought. */
export interface StoredStream {
  readonly schema: Schema;
  readonly batches: readonly RecordBatch[];
}

/** The streams by path, and the methods that put and get them; `address` gives the server's own. */
export function streamStore(address: () => string): {
  readonly streams: ReadonlyMap<string, StoredStream>;
  readonly methods: Script;
} {
  const streams = new Map<string, StoredStream>();
  const find = (path: string): StoredStream => {
    const found = streams.get(path);
    if (found === undefined) throw new EngineError('not_found', `nothing was put to ${path}`);
    return found;
  };
  const methods = script({
    doPut: async (_scope, { inbox, send }) => {
      let path: string | undefined;
      let stream: StoredStream | undefined;
      for await (const { descriptor, schema, batch, appMetadata } of incoming(inbox)) {
        path ??= descriptor?.path[0];
        if (schema !== undefined) stream ??= { schema, batches: [] };
        if (batch === undefined || stream === undefined) continue;
        stream = { ...stream, batches: [...stream.batches, batch] };
        if (appMetadata.byteLength > 0) await send(appMetadata);
      }
      if (path === undefined || stream === undefined) throw unexpected('a put without path or schema');
      streams.set(path, stream);
    },
    getFlightInfo: async (_scope, descriptor) => {
      await Promise.resolve();
      const [path = ''] = descriptor.path;
      const { schema, batches } = find(path);
      const location = [{ uri: `grpc+tcp://${address()}` }];
      const rows = batches.reduce((sum, { rowCount }) => sum + rowCount, 0);
      return infoOf(descriptor, schema, [endpoint(path, { location })], { total_records: rows });
    },
    doGet: async (_scope, ticket, open) => {
      const { schema, batches } = find(textOf(ticket));
      await sendBatches(open, schema, batches, (index) => Buffer.from(index.toString()));
    },
  });
  return { streams, methods };
}
