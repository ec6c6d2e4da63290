/**
 * Streams to damage: messages of random nested types, dictionaries that grow and are replaced, compressed bodies.
 *
 * Hides encoding. Invariant: undamaged, every stream is valid, which `ipc.fuzz` checks first.
 */
import { createRequire } from 'node:module';
import { Builder } from 'flatbuffers';
import type { Message, RecordBatch } from '../../src/arrow/batch.ts';
import { prepareCodecs } from '../../src/arrow/compression.ts';
import { finishMessage, readBatchHead, readMessageHead } from '../../src/arrow/ipc-header.ts';
import { encodeSchema, numberDictionaries } from '../../src/arrow/ipc-schema.ts';
import { messageBytes } from '../../src/arrow/ipc-stream.ts';
import { DictionaryWriter, encodeBatch } from '../../src/arrow/ipc-write.ts';
import { readInt64 } from '../../src/arrow/flatbuffer-table.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { concatBytes } from '../../src/base/bytes.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { SAMPLE_TYPES, randomVector } from '../support/random-vector.ts';
import type { Random } from '../support/random.ts';
import { below, pick } from './rounds.ts';

const ROWS = 20;
const MARKER = new Uint8Array([255, 255, 255, 255, 0, 0, 0, 0]);

/** A message with its body as one piece. */
export interface FlatMessage {
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

/** The bytes of an IPC stream of these messages, right or wrong. */
export function streamOf(messages: readonly FlatMessage[]): Uint8Array {
  const parts = messages.flatMap(({ header, body }) => [
    ...messageBytes({ header, body: [body], bodyBytes: body.byteLength }),
  ]);
  return concatBytes([...parts, MARKER]);
}

function flat(message: Message): FlatMessage {
  return { header: message.header, body: concatBytes(message.body) };
}

/** A type of random depth, at most `depth` levels over a simple one. */
export function randomType(random: Random, depth: number): DataType {
  if (depth === 0 || random() < 0.3) return pick(random, SAMPLE_TYPES);
  const inner = (): DataType => randomType(random, depth - 1);
  const child = makeField('item', inner());
  switch (below(random, 5)) {
    case 0:
      return { id: 'list', child };
    case 1:
      return { id: 'fixed_list', child, listSize: below(random, 4) };
    case 2:
      return { id: 'large_list_view', child };
    case 3:
      return { id: 'union', mode: 'sparse', typeIds: [0, 5], children: [child, makeField('b', inner())] };
    default:
      return { id: 'struct', children: [child, makeField('b', inner())] };
  }
}

/** A column or three of random types, in two batches. */
export function randomMessages(random: Random): readonly FlatMessage[] {
  const fields = Array.from({ length: 1 + below(random, 3) }, (_, i) =>
    makeField(`c${i.toString()}`, randomType(random, 3)),
  );
  const schema = numberDictionaries(makeSchema(fields, [['k', 'v']]));
  const batches = Array.from({ length: 2 }, (): RecordBatch => {
    return { schema, rowCount: ROWS, columns: schema.fields.map(({ type }) => randomVector(type, ROWS, random)) };
  });
  const writer = new DictionaryWriter(schema);
  const bodies = batches.flatMap((batch) => [...writer.messages(batch), encodeBatch(batch)]);
  return [encodeSchema(schema), ...bodies].map(flat);
}

/** Dictionaries: whole, grown by a delta, replaced. */
export function dictionaryMessages(): readonly FlatMessage[] {
  const type: DataType = {
    id: 'dictionary',
    index: { id: 'int', bitWidth: 8, signed: true },
    value: { id: 'utf8' },
    ordered: false,
    dictionaryId: 3n,
  };
  const schema = makeSchema([makeField('c', type), makeField('d', { ...type, dictionaryId: 9n })]);
  const writer = new DictionaryWriter(schema);
  const messages: Message[] = [encodeSchema(schema)];
  for (const words of [['a', 'b'], ['a', 'b', 'c'], ['x']]) {
    const dictionary = buildVector(type.value, words);
    const indices = Uint8Array.from({ length: ROWS }, (_, i) => i % words.length);
    const empty = new Uint8Array(0);
    const column = { type, length: ROWS, nullCount: 0, buffers: [empty, indices], children: [], dictionary };
    const second = { ...column, type: { ...type, dictionaryId: 9n } };
    const batch: RecordBatch = { schema, rowCount: ROWS, columns: [column, second] };
    messages.push(...writer.messages(batch), encodeBatch(batch));
  }
  return messages.map(flat);
}

const load = createRequire(import.meta.url);
const lz4 = load('lz4-napi') as { compressFrameSync(bytes: Buffer): Buffer };
const zstd = load('@bokuweb/zstd-wasm') as {
  init(): Promise<void>;
  compress(bytes: Uint8Array, level: number): Uint8Array;
};

let started: Promise<void> | undefined;

/** The record batches of `messages` with compressed bodies; schema and dictionaries stay. */
export async function compressed(
  messages: readonly FlatMessage[],
  codec: 'lz4' | 'zstd',
): Promise<readonly FlatMessage[]> {
  // A second start would replace the memory that the decoder under test works in.
  started ??= prepareCodecs().then(() => zstd.init());
  await started;
  return messages.map((message) => {
    const head = readMessageHead(message.header);
    return head.kind === 'batch' ? compressedBatch(message, codec) : message;
  });
}

function compressedBatch({ header, body }: FlatMessage, codec: 'lz4' | 'zstd'): FlatMessage {
  const head = readBatchHead(readMessageHead(header).table);
  const parts: Uint8Array[] = [];
  const places: number[] = [];
  let at = 0;
  for (let i = 0; i < head.buffers.count; i++) {
    const position = head.buffers.position + 16 * i;
    const start = readInt64(head.buffers.view, position);
    const bytes = Buffer.from(body.subarray(start, start + readInt64(head.buffers.view, position + 8)));
    const length = new Uint8Array(BigInt64Array.of(BigInt(bytes.byteLength)).buffer);
    const frame = codec === 'lz4' ? lz4.compressFrameSync(bytes) : zstd.compress(bytes, 1);
    const stored = bytes.byteLength === 0 ? new Uint8Array(0) : concatBytes([length, frame]);
    const padding = new Uint8Array((8 - (stored.byteLength % 8)) % 8);
    places.push(at, stored.byteLength);
    parts.push(stored, padding);
    at += stored.byteLength + padding.byteLength;
  }
  const nodes = Array.from({ length: 2 * head.nodes.count }, (_, i) =>
    readInt64(head.nodes.view, head.nodes.position + 8 * i),
  );
  const builder = new Builder(1024);
  const nodeVector = pairVector(builder, nodes);
  const bufferVector = pairVector(builder, places);
  builder.startVector(8, head.variadicCounts.length, 8);
  for (const count of head.variadicCounts.toReversed()) builder.addInt64(BigInt(count));
  const variadic = builder.endVector();
  builder.startObject(2);
  builder.addFieldInt8(0, codec === 'lz4' ? 0 : 1, 2);
  const compression = builder.endObject();
  builder.startObject(5);
  builder.addFieldInt64(0, BigInt(head.rowCount), 0n);
  builder.addFieldOffset(1, nodeVector, 0);
  builder.addFieldOffset(2, bufferVector, 0);
  builder.addFieldOffset(3, compression, 0);
  builder.addFieldOffset(4, variadic, 0);
  return { header: finishMessage(builder, 'batch', builder.endObject(), at), body: concatBytes(parts) };
}

function pairVector(builder: Builder, pairs: readonly number[]): number {
  builder.startVector(16, pairs.length / 2, 8);
  for (const value of pairs.toReversed()) builder.addInt64(BigInt(value));
  return builder.endVector();
}
