/**
 * The golden sets of Apache Arrow's integration tests: where they are, and whether a server gave one back.
 *
 * Hides what may differ between implementations and means the same: ids of dictionaries, the order of metadata, the
 * names of a map's parts. Invariant: the JSON is the truth, values and batch boundaries are compared exactly.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { BatchReader } from '../../src/arrow/ipc-read.ts';
import { decodeSchema, numberDictionaries } from '../../src/arrow/ipc-schema.ts';
import type { Field, Schema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { decodeFlightData } from '../../src/flight/encode.ts';
import { field, rawFlight, readAll } from '../support/flight-client.ts';
import { readIntegrationJson } from './integration-json.ts';
import type { StoredStream } from './stream-store.ts';

const corpus = process.env['SHEAF_CORPUS'] ?? fileURLToPath(new URL('../../../shared/corpus', import.meta.url));
const root = join(corpus, 'arrow');

export const GOLDEN_SETS = ['cpp-21.0.0', '2.0.0-compression'] as const;

/** Why tests of the golden sets skip; undefined when they are there. @throws in CI when they are not */
export function goldenSetsMissing(): string | undefined {
  if (existsSync(root)) return undefined;
  const reason = 'no corpus of Arrow files: set SHEAF_CORPUS to its directory';
  if (process.env['CI'] !== undefined) throw new Error(reason);
  return reason;
}

/** Paths of a set's files without their ending: `.json.gz`, `.stream`. */
export function goldenFiles(set: string): readonly string[] {
  const ending = '.json.gz';
  return readdirSync(join(root, set))
    .filter((name) => name.endsWith(ending))
    .map((name) => join(root, set, name.slice(0, -ending.length)));
}

/** Reads a path's stream back from the server. @throws when the batches' app_metadata are not 0, 1, … */
export async function getStream(address: string, path: string): Promise<StoredStream> {
  const client = rawFlight(address);
  try {
    const { messages, ending } = await readAll(client.read('DoGet', field(1, Buffer.from(path))));
    assert.equal(ending.grpc, 0, ending.details);
    let reader: BatchReader | undefined;
    const batches: RecordBatch[] = [];
    for (const message of messages) {
      const { header, body, appMetadata } = decodeFlightData(message);
      if (reader === undefined) {
        reader = new BatchReader(decodeSchema(header), { trusted: false });
        continue;
      }
      const batch = reader.read(header, body);
      if (batch === undefined) continue;
      assert.equal(Buffer.from(appMetadata).toString(), batches.length.toString());
      batches.push(batch);
    }
    assert.ok(reader !== undefined, 'an answer has a schema');
    return { schema: reader.schema, batches };
  } finally {
    client.close();
  }
}

/** @throws unless `stream` is what the golden file's JSON says */
export function assertGolden(stream: StoredStream, file: string): void {
  const wanted = readIntegrationJson(readFileSync(`${file}.json.gz`));
  assert.deepEqual(comparable(stream.schema), comparable(wanted.schema));
  const values = stream.batches.map(({ columns, rowCount }) =>
    columns.map((column) => Array.from({ length: rowCount }, (_, row) => makeReader(column)(row))),
  );
  assert.deepEqual(values, wanted.batches);
}

function comparable(schema: Schema): Schema {
  const { fields, metadata } = numberDictionaries(schema);
  return { fields: fields.map(comparableField), metadata: sorted(metadata) };
}

function sorted(metadata: Schema['metadata']): Schema['metadata'] {
  return metadata.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function comparableField(part: Field): Field {
  return { ...part, type: comparableType(part.type), metadata: sorted(part.metadata) };
}

function comparableType(type: DataType): DataType {
  switch (type.id) {
    case 'map': {
      const entries = comparableField({ ...type.child, name: 'entries' });
      if (entries.type.id !== 'struct') return type;
      const parts = entries.type.children.map((part, i) => ({ ...part, name: i === 0 ? 'key' : 'value' }));
      return { ...type, child: { ...entries, type: { id: 'struct', children: parts } } };
    }
    case 'dictionary':
      return { ...type, value: comparableType(type.value) };
    case 'list':
    case 'large_list':
    case 'list_view':
    case 'large_list_view':
    case 'fixed_list':
      return { ...type, child: comparableField(type.child) };
    case 'struct':
    case 'union':
      return { ...type, children: type.children.map(comparableField) };
    default:
      return type;
  }
}
