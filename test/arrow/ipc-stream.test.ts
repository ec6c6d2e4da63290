/**
 * Goal: streams and files are framed as the format says, whatever the chunks; input that is cut, wrong or no Arrow at
 * all is refused with a message that says where.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { encodeSchema, messagePrefix } from '../../src/arrow/ipc-schema.ts';
import {
  FILE_MAGIC,
  decodeFileEnd,
  encodeFileEnd,
  encodeResults,
  fileEndLength,
  messageBytes,
  readStream,
} from '../../src/arrow/ipc-stream.ts';
import type { FileBlock } from '../../src/arrow/ipc-stream.ts';
import { encodeBatch } from '../../src/arrow/ipc-write.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { makeVector } from '../../src/arrow/vector.ts';
import { concatBytes } from '../../src/base/bytes.ts';
import { EngineError } from '../../src/base/errors.ts';
import { asyncOf, bytesOf, chunksOf, collect, readAll, streamBytes } from '../support/ipc.ts';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { refusal } from '../support/refusal.ts';
import { INT32, batchOf, schemaOf } from '../support/sample.ts';

const schema = schemaOf({ n: INT32, s: { id: 'utf8' } });
const batch = batchOf(schema, [
  [1, null, 3],
  ['a', 'bü', null],
]);

async function twoBatches(): Promise<Uint8Array> {
  return streamBytes(schema, [batch, batch]);
}

describe('reading', () => {
  test('chunks of any size give the same batches', async () => {
    const bytes = await twoBatches();
    for (const size of [1, 3, 8, 61, 1_000, bytes.byteLength]) {
      const { batches } = await readAll(bytes, size);
      assert.equal(batches.length, 2);
      assert.deepEqual(batches[1]?.columns, batches[0]?.columns);
    }
  });

  test('a stream cut at any length is refused, except after a whole message', async () => {
    const bytes = await twoBatches();
    let whole = 0;
    for (let length = 0; length < bytes.byteLength; length++) {
      try {
        await readAll(bytes.subarray(0, length));
        whole++;
      } catch (error) {
        assert.ok(error instanceof EngineError && error.code === 'request_invalid', `cut at ${length.toString()}`);
      }
    }
    assert.equal(whole, 3);
  });

  const cases: readonly (readonly [name: string, bytes: () => Promise<Uint8Array>, message: string])[] = [
    [
      'an empty input',
      async () => Promise.resolve(new Uint8Array(0)),
      'the input is empty; an Arrow IPC stream or file is expected',
    ],
    [
      'text',
      async () => Promise.resolve(Buffer.from('n,s\n1,a\n2,b\n')),
      'message 0: a header of 175320174 bytes, at most 16777216; is this an Arrow IPC stream?',
    ],
    [
      'an end before the schema',
      async () => Promise.resolve(Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0)),
      'the input ends before its schema message',
    ],
    [
      'a length that is cut',
      async () => Promise.resolve(Uint8Array.of(255, 255)),
      'message 0: the input ends in the middle of a length',
    ],
    [
      'a header that is cut',
      async () => (await twoBatches()).subarray(0, 100),
      'message 0: the input ends in the middle of the header: 92 of 184 bytes came',
    ],
    [
      'a body that is cut',
      async () => (await twoBatches()).subarray(0, 600),
      'message 1: the input ends in the middle of the body: 152 of 320 bytes came',
    ],
    [
      'a negative header length',
      async () => Promise.resolve(Uint8Array.of(255, 255, 255, 255, 254, 255, 255, 255)),
      "message 0: the header's length is -2; is this an Arrow IPC stream?",
    ],
    [
      'a stream that begins with a batch',
      async () => (await twoBatches()).subarray(192),
      'the input begins with a batch message; some writers of files leave the schema message out; write a stream',
    ],
    [
      'garbage between messages',
      async () => concatBytes([(await twoBatches()).subarray(0, 192), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)]),
      'message 1: expected a continuation marker, got 0x04030201',
    ],
    [
      'a second schema',
      async () => concatBytes([(await twoBatches()).subarray(0, 192), (await twoBatches()).subarray(0, 192)]),
      'a second schema in mid-stream; a stream has one schema',
    ],
  ];
  for (const [name, bytes, message] of cases) {
    test(`${name} is refused`, async () => {
      const input = await bytes();
      const code = message.includes('at most') ? 'limit_exceeded' : 'request_invalid';
      await assert.rejects(readAll(input, 7), refusal(code, message));
    });
  }

  test('a body that is declared beyond the limit is refused before it is read', async () => {
    const message = encodeBatch(batch);
    const header = new Uint8Array(message.header);
    const view = new DataView(header.buffer);
    for (let at = 0; at + 8 <= header.byteLength; at += 4) {
      if (view.getBigInt64(at, true) === BigInt(message.bodyBytes)) view.setBigInt64(at, 2n ** 40n, true);
    }
    const bytes = concatBytes([...messageBytes(encodeSchema(schema)), messagePrefix(message), header]);
    await assert.rejects(
      readAll(bytes),
      refusal('limit_exceeded', 'message 1: a body of 1099511627776 bytes, at most 1610612736'),
    );
  });

  test('what follows the end of a stream is read and ignored', async () => {
    const bytes = concatBytes([await twoBatches(), Buffer.from('more')]);
    let taken = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunksOf(bytes, 10)) {
        taken += chunk.byteLength;
        yield chunk;
      }
    }
    const stream = await readStream(counted());
    assert.equal((await collect(stream.batches)).length, 2);
    assert.equal(taken, bytes.byteLength);
  });

  test('the source is told when reading stops early', async () => {
    const bytes = await twoBatches();
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* chunksOf(bytes, 10);
      } finally {
        closed = true;
      }
    }
    const stream = await readStream(source());
    for await (const first of stream.batches) {
      assert.equal(first.rowCount, 3);
      break;
    }
    assert.equal(closed, true);
  });
});

describe('results', () => {
  function wide(rowCount: number): RecordBatch {
    const values = bytesOf(Int32Array.from({ length: rowCount }, (_, i) => i));
    const one = makeSchema([makeField('n', INT32)]);
    return { schema: one, rowCount, columns: [makeVector(INT32, rowCount, undefined, 0, [values])] };
  }

  test('batches above the limits are cut, and encode and decode when asked', async () => {
    const large = wide(200_000);
    const results = await collect(encodeResults(large.schema, asyncOf([large])));
    assert.deepEqual(
      results.map((result) => result.rowCount),
      [65_536, 65_536, 65_536, 3_392],
    );
    assert.equal(results[1]?.message().bodyBytes, 65_536 * 4);
    assert.equal(results[3]?.batch().columns[0]?.length, 3_392);
    assert.deepEqual(results[0]?.dictionaries(), []);
  });

  test('an empty batch stays one empty batch', async () => {
    const results = await collect(encodeResults(schema, asyncOf([batchOf(schema, [[], []])])));
    assert.deepEqual(
      results.map((result) => result.rowCount),
      [0],
    );
  });
});

describe('files', () => {
  interface Built {
    readonly bytes: Uint8Array;
    readonly blocks: readonly FileBlock[];
  }

  function buildFile(fileSchema: Schema, batches: readonly RecordBatch[]): Built {
    const parts: Uint8Array[] = [FILE_MAGIC, ...messageBytes(encodeSchema(fileSchema))];
    const blocks: FileBlock[] = [];
    for (const each of batches) {
      const message = encodeBatch(each);
      const offset = concatBytes(parts).byteLength;
      blocks.push({ offset, headerLength: 8 + message.header.byteLength, bodyLength: message.bodyBytes });
      parts.push(...messageBytes(message));
    }
    parts.push(encodeFileEnd(fileSchema, [], blocks, [['sheaf', 'ü']]));
    return { bytes: concatBytes(parts), blocks };
  }

  test('a footer comes back as it was written', () => {
    const { bytes, blocks } = buildFile(schema, [batch, batch]);
    const tail = bytes.subarray(bytes.byteLength - fileEndLength(bytes.subarray(-10)));
    const footer = decodeFileEnd(tail, bytes.byteLength);
    assert.deepEqual(footer, { schema, dictionaries: [], batches: blocks, metadata: [['sheaf', 'ü']] });
  });

  test('a file is read as its embedded stream', async () => {
    const { bytes } = buildFile(schema, [batch, batch]);
    const { batches } = await readAll(bytes, 5);
    assert.equal(batches.length, 2);
  });

  test('a file without an end marker ends at its footer', async () => {
    const { bytes, blocks } = buildFile(schema, [batch]);
    const end = (blocks[0]?.offset ?? 0) + (blocks[0]?.headerLength ?? 0) + (blocks[0]?.bodyLength ?? 0);
    const { batches } = await readAll(concatBytes([bytes.subarray(0, end), bytes.subarray(end + 8)]));
    assert.equal(batches.length, 1);
  });

  test('damaged footers are corrupt', () => {
    const { bytes } = buildFile(schema, [batch]);
    const damaged = (at: number, value: number): Uint8Array => {
      const copy = new Uint8Array(bytes);
      copy[copy.byteLength + at] = value;
      return copy;
    };
    const decode = (file: Uint8Array) => (): unknown => decodeFileEnd(file, bytes.byteLength);
    assert.throws(decode(damaged(-1, 0)), refusal('corrupt', 'the file does not end with ARROW1'));
    assert.throws(decode(bytes.subarray(0, 3)), refusal('corrupt', 'the file does not end with ARROW1'));
    assert.throws(
      decode(damaged(-7, 0x80)),
      (error: unknown) => error instanceof EngineError && error.code === 'corrupt',
    );
    const length = fileEndLength(bytes);
    assert.throws(
      decode(bytes.subarray(-100)),
      refusal('corrupt', `the file's footer takes ${length.toString()} bytes, 100 are there`),
    );
    assert.throws(
      () => decodeFileEnd(bytes, length + 300),
      refusal('corrupt', "the file's footer is damaged: block 0 lies at 200 to 776 of 300 bytes"),
    );
  });

  test('single-bit flips of a footer are corrupt or read as a footer', () => {
    const end = encodeFileEnd(schema, [], [{ offset: 200, headerLength: 256, bodyLength: 320 }], []);
    for (let bit = 0; bit < end.byteLength * 8; bit++) {
      const copy = new Uint8Array(end);
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        decodeFileEnd(copy, 10_000);
      } catch (error) {
        assert.ok(error instanceof EngineError, `bit ${bit.toString()}: ${String(error)}`);
        assert.ok(['corrupt', 'limit_exceeded'].includes(error.code), `bit ${bit.toString()}: ${error.code}`);
      }
    }
  });

  const skip = pythonPath() === undefined ? PYTHON_MISSING : false;
  test('pyarrow opens our files at random, metadata included', { skip }, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'sheaf-file-'));
    t.after(async () => rm(directory, { recursive: true, force: true }));
    const path = join(directory, 'f.arrow');
    writeFileSync(path, buildFile(schema, [batch, batch]).bytes);
    const script =
      'import pyarrow as pa, sys; f = pa.ipc.open_file(sys.argv[1]); b = f.get_batch(1); b.validate(full=True); ' +
      'print(f.num_record_batches, b.to_pydict(), f.metadata)';
    const outcome = await runPython(script, [path]);
    assert.equal(outcome.stderr, '');
    assert.equal(outcome.stdout.trim(), "2 {'n': [1, None, 3], 's': ['a', 'bü', None]} {b'sheaf': b'\\xc3\\xbc'}");
  });
});
