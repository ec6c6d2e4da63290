/**
 * Goal: puts that name a producer are stored once and answered in order, and whatever is wrong with one is told after
 * the answers to what is durable.
 *
 * Method: a raw gRPC client, which can wait, repeat and mix as no library would; the fake engine judges tags by
 * storage's own rules, and its commits can be held.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { DictionaryWriter, encodeBatch } from '../../src/arrow/ipc-write.ts';
import { encodeSchema } from '../../src/arrow/ipc-schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { EngineError } from '../../src/base/errors.ts';
import { PRODUCER_BATCHES_IN_FLIGHT_MAX, PRODUCER_METADATA_BYTES_MAX } from '../../src/base/limits.ts';
import { doAction } from '../../src/flight/action.ts';
import { encodeAnswer } from '../../src/flight/ingest-tag.ts';
import { startFlightServer } from '../../src/flight/server.ts';
import type { LaneKind } from '../../src/flight/lane.ts';
import { callerOf } from '../support/caller.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { dataFields, field, pathField, rawFlight, readAll } from '../support/flight-client.ts';
import type { Ending, RawFlight } from '../support/flight-client.ts';
import { refusal } from '../support/refusal.ts';
import { INT64, UTF8, batchOf, rowsOf, schemaOf } from '../support/sample.ts';

const SCHEMA = schemaOf({ a: INT64 });
const first = Buffer.concat([pathField('t'), field(2, encodeSchema(SCHEMA).header)]);

interface Served {
  readonly engine: FakeEngine;
  readonly client: RawFlight;
}

async function serve(t: TestContext, lane: LaneKind = 'direct'): Promise<Served> {
  const engine = new FakeEngine();
  const door = await startFlightServer(engine, { host: '127.0.0.1', port: 0, lane });
  const client = rawFlight(door.address);
  t.after(async () => {
    client.close();
    await door.close(0);
  });
  return { engine, client };
}

/** FlightData of a batch of these values, with app_metadata when it is given. */
function batch(values: readonly number[], metadata?: unknown): Buffer {
  const { header, body } = encodeBatch(batchOf(SCHEMA, [values]));
  const data = dataFields(header, body);
  if (metadata === undefined) return data;
  const text = typeof metadata === 'string' ? metadata : JSON.stringify(metadata);
  return Buffer.concat([data, field(3, Buffer.from(text))]);
}

const tag = (seq: number, epoch?: number) => ({ producer: 'p', seq, ...(epoch === undefined ? {} : { epoch }) });
/** Batch n of producer p: one row, the number. */
const numbered = (seq: number, epoch?: number): Buffer => batch([seq], tag(seq, epoch));
const answer = (seq: number, commit: number) => ({ producer: 'p', seq, commit, rows: 1, durable: true });

/** PutResult's app_metadata as JSON. */
function resultOf(message: Buffer): unknown {
  assert.equal(message[0], 0x0a);
  return JSON.parse(message.subarray(2).toString());
}

interface Outcome {
  readonly results: readonly unknown[];
  readonly ending: Ending;
}

interface PutOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Leave the stream open, as a client that waits for an answer does. */
  readonly open?: boolean;
}

async function put({ client }: Served, messages: readonly Uint8Array[], options: PutOptions = {}): Promise<Outcome> {
  const call = client.stream('DoPut', options.headers);
  const ended = readAll(call);
  for (const message of messages) call.write(Buffer.from(message));
  if (options.open !== true) call.end();
  const { messages: results, ending } = await ended;
  return { results: results.map(resultOf), ending };
}

const OK: Ending = { grpc: 0, details: 'OK', code: '', position: '' };

function failed(grpc: number, code: string, message: string): Ending {
  return { grpc, details: `${code}: ${message}`, code, position: '' };
}

async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function stored({ engine }: Served): Promise<unknown[]> {
  async function* batches() {
    await Promise.resolve();
    yield* engine.stored.get('t')?.batches ?? [];
  }
  return (await rowsOf(batches())).map(([value]) => Number(value));
}

for (const lane of ['direct', 'messages'] as const) {
  test(`each batch is a commit of its own and gets one answer, in order, by the way "${lane}"`, async (t) => {
    const served = await serve(t, lane);
    const outcome = await put(served, [first, numbered(1), numbered(2), numbered(3)]);
    assert.deepEqual(outcome, { results: [answer(1, 101), answer(2, 102), answer(3, 103)], ending: OK });
    assert.deepEqual(await stored(served), [1, 2, 3]);
    assert.deepEqual([served.engine.putsOpen, served.engine.putsAborted], [0, 0]);
  });

  test(`a failure is told at once to a client that waits, after the answers before it, by "${lane}"`, async (t) => {
    const served = await serve(t, lane);
    const outcome = await put(served, [first, numbered(1), numbered(2), numbered(4)], { open: true });
    const gap = 'producer "p" of table "t" has to send seq 3 next, and sent 4; send what lies between first';
    assert.deepEqual(outcome, {
      results: [answer(1, 101), answer(2, 102)],
      ending: failed(3, 'request_invalid', gap),
    });
    assert.deepEqual(await stored(served), [1, 2]);
    assert.equal(served.engine.putsOpen, 0);
  });
}

test('a batch is answered while its client goes on with the same call', async (t) => {
  const { client } = await serve(t);
  const call = client.stream('DoPut');
  const answers: unknown[] = [];
  const ended = readAll(call);
  call.on('data', (message: Buffer) => answers.push(resultOf(message)));
  call.write(first);
  for (let seq = 1; seq <= 5; seq++) {
    call.write(numbered(seq));
    await untilTrue(() => answers.length === seq);
  }
  call.end();
  assert.deepEqual((await ended).ending, OK);
  assert.deepEqual(answers.at(-1), answer(5, 105));
});

test('a repeated batch is answered as the first time, and stored once', async (t) => {
  const served = await serve(t);
  await put(served, [first, numbered(1), numbered(2)]);
  const { results, ending } = await put(served, [first, numbered(1), numbered(2), numbered(3)]);
  const duplicate = true;
  assert.deepEqual(results, [{ ...answer(1, 101), duplicate }, { ...answer(2, 102), duplicate }, answer(3, 103)]);
  assert.deepEqual(ending, OK);
  assert.deepEqual(await stored(served), [1, 2, 3]);
});

test('a number with other rows, and an older epoch, are refused by their own status', async (t) => {
  const served = await serve(t);
  await put(served, [first, numbered(1), numbered(2)]);
  assert.deepEqual(
    (await put(served, [first, batch([7], tag(2))])).ending,
    failed(
      6,
      'already_exists',
      'producer "p" of table "t" has stored other rows as seq 2; send new rows with seq 3; two writers need two names',
    ),
  );
  assert.deepEqual((await put(served, [first, numbered(3, 5)])).results.length, 1);
  assert.deepEqual(
    (await put(served, [first, numbered(4)])).ending,
    failed(
      7,
      'forbidden',
      'producer "p" of table "t" is at epoch 5, and this request has epoch 0; ' +
        'another writer has taken over: stop, or take over in turn with a higher epoch',
    ),
  );
  assert.deepEqual(await stored(served), [1, 2, 3]);
});

test('several batches are under way at once, no more than the bound, and their answers keep the order', async (t) => {
  const served = await serve(t);
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let waiting = 0;
  served.engine.beforeCommit = () => {
    waiting++;
    return gate;
  };
  const count = PRODUCER_BATCHES_IN_FLIGHT_MAX + 10;
  const seqs = Array.from({ length: count }, (_, i) => i + 1);
  const outcome = put(served, [first, ...seqs.map((seq) => numbered(seq))]);
  await untilTrue(() => waiting === PRODUCER_BATCHES_IN_FLIGHT_MAX);
  // The client has sent all; what is beyond the bound is not begun, however long this takes.
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(
    [waiting, served.engine.putsOpen],
    [PRODUCER_BATCHES_IN_FLIGHT_MAX, PRODUCER_BATCHES_IN_FLIGHT_MAX],
  );
  open();
  const { results, ending } = await outcome;
  assert.deepEqual(
    results,
    seqs.map((seq) => answer(seq, 100 + seq)),
  );
  assert.deepEqual(ending, OK);
});

test('when the server has no put left, a call waits for its own, and is busy without any', async (t) => {
  const served = await serve(t);
  served.engine.refuseBegin = () =>
    served.engine.putsOpen >= 2 ? new EngineError('busy', 'two are enough') : undefined;
  let begun = 0;
  served.engine.beforeCommit = async () => {
    begun++;
    await untilTrue(() => begun >= 2);
  };
  const { results, ending } = await put(served, [first, ...[1, 2, 3, 4, 5].map((seq) => numbered(seq))]);
  assert.deepEqual([results.length, ending], [5, OK]);
  served.engine.refuseBegin = () => new EngineError('busy', 'none is left');
  assert.deepEqual((await put(served, [first, numbered(6)])).ending, failed(14, 'busy', 'none is left'));
});

test('the first of several failures is the status, and nothing after it is answered', async (t) => {
  const served = await serve(t);
  let commits = 0;
  served.engine.beforeCommit = () =>
    ++commits === 2 ? Promise.reject(new EngineError('storage_full', 'the disk is full')) : Promise.resolve();
  const { results, ending } = await put(served, [first, numbered(1), numbered(2), numbered(3), numbered(4)]);
  assert.deepEqual(results, [answer(1, 101)]);
  assert.deepEqual(ending, failed(14, 'storage_full', 'the disk is full'));
  assert.deepEqual(await stored(served), [1]);
  await untilTrue(() => served.engine.putsOpen === 0);
});

test('a message that cannot be read ends the call after the batches before it are answered', async (t) => {
  const served = await serve(t);
  const { results, ending } = await put(served, [first, numbered(1), Buffer.of(0x12, 0xff)], { open: true });
  assert.deepEqual(results, [answer(1, 101)]);
  const why = 'the FlightData message ends within a number; send it as the Flight protocol says';
  assert.deepEqual(ending, failed(3, 'request_invalid', why));
});

test('a client that goes away in the middle leaves what was durable, and no open put', async (t) => {
  const served = await serve(t);
  const call = served.client.stream('DoPut');
  const ended = readAll(call);
  call.write(first);
  call.write(numbered(1));
  await untilTrue(() => served.engine.stored.size === 1);
  call.cancel();
  await ended;
  await untilTrue(() => served.engine.putsOpen === 0);
  assert.deepEqual(await stored(served), [1]);
  assert.equal((await put(served, [first, numbered(1), numbered(2)])).results.length, 2);
  assert.deepEqual(await stored(served), [1, 2]);
});

test('dictionaries are read between the batches, and belong to all that follow', async (t) => {
  const served = await serve(t);
  const type: DataType = {
    id: 'dictionary',
    index: { id: 'int', bitWidth: 8, signed: true },
    value: UTF8,
    ordered: false,
    dictionaryId: 0n,
  };
  const schema = schemaOf({ a: type });
  const [dictionary] = batchOf(schemaOf({ a: UTF8 }), [['x', 'y']]).columns;
  const rows = (...indices: readonly number[]) => ({
    schema,
    rowCount: indices.length,
    columns: [
      {
        type,
        length: indices.length,
        nullCount: 0,
        buffers: [new Uint8Array(0), Uint8Array.from(indices)],
        children: [],
        dictionary,
      },
    ],
  });
  const writer = new DictionaryWriter(schema);
  const messages: Uint8Array[] = [Buffer.concat([pathField('t'), field(2, encodeSchema(schema).header)])];
  [rows(0, 1), rows(1)].forEach((each, i) => {
    for (const { header, body } of writer.messages(each)) messages.push(dataFields(header, body));
    const { header, body } = encodeBatch(each);
    const metadata = Buffer.from(JSON.stringify(tag(i + 1)));
    messages.push(Buffer.concat([dataFields(header, body), field(3, metadata)]));
  });
  const { results, ending } = await put(served, messages);
  assert.deepEqual([results.length, ending], [2, OK]);
  async function* batches() {
    await Promise.resolve();
    yield* served.engine.stored.get('t')?.batches ?? [];
  }
  assert.deepEqual(await rowsOf(batches()), [['x'], ['y'], ['y']]);
});

test('a whole stream takes one number, and its end is answered once', async (t) => {
  const served = await serve(t);
  const headers = { 'x-ingest-producer': 'p', 'x-ingest-seq': '1' };
  const whole = { producer: 'p', seq: 1, commit: 101, rows: 3, durable: true };
  const messages = [first, batch([1, 2]), batch([3])];
  assert.deepEqual(await put(served, messages, { headers }), { results: [whole], ending: OK });
  const recut = [first, batch([1]), batch([2, 3])];
  assert.deepEqual(await put(served, recut, { headers }), { results: [{ ...whole, duplicate: true }], ending: OK });
  const next = { ...headers, 'x-ingest-seq': '2', 'x-ingest-epoch': '4' };
  const { results, ending } = await put(served, messages, { headers: next });
  assert.deepEqual([results, ending], [[{ ...whole, seq: 2, commit: 102 }], OK]);
  assert.deepEqual((await put(served, messages, { headers })).ending.code, 'forbidden');
  assert.deepEqual(await stored(served), [1, 2, 3, 1, 2, 3]);
});

const ADVICE = 'name the producer in the headers, for the whole stream, or in the app_metadata of every batch';
const NUMBER = 'it must be an integer from 1 to 2^53 - 1';
const NAME = 'it must be a text of 1 to 255 bytes without control characters';
const ALONE =
  'the app_metadata of a message without a batch names a producer; send it with each batch (write_with_metadata)';
const P = { 'x-ingest-producer': 'p' };
const long = 'x'.repeat(PRODUCER_METADATA_BYTES_MAX);

/** What is sent, its headers, the message, and how many batches were answered before. */
const REFUSED: readonly (readonly [
  string,
  readonly Uint8Array[],
  Readonly<Record<string, string>>,
  string,
  number,
])[] = [
  [
    'a batch without a producer after one',
    [numbered(1), batch([2])],
    {},
    `a batch names no producer, and those before it do; ${ADVICE}`,
    1,
  ],
  [
    'a producer after a batch without one',
    [batch([1]), numbered(1)],
    {},
    `a batch names a producer, and those before it do not; ${ADVICE}`,
    0,
  ],
  [
    'both headers and metadata',
    [numbered(1)],
    { ...P, 'x-ingest-seq': '1' },
    `the headers name a producer, and the app_metadata of a batch too; ${ADVICE}`,
    0,
  ],
  ['a producer without a batch', [numbered(1), field(3, Buffer.from('{"producer":"p","seq":2}'))], {}, ALONE, 1],
  ['no seq', [batch([1], { producer: 'p' })], {}, `"seq" in app_metadata is missing; ${NUMBER}`, 0],
  ['seq 0', [batch([1], tag(0))], {}, `"seq" in app_metadata is 0; ${NUMBER}`, 0],
  [
    'a seq beyond the safe integers',
    [batch([1], '{"producer":"p","seq":9007199254740992}')],
    {},
    `"seq" in app_metadata is 9007199254740992; ${NUMBER}`,
    0,
  ],
  ['a seq as text', [batch([1], { producer: 'p', seq: '1' })], {}, `"seq" in app_metadata is "1"; ${NUMBER}`, 0],
  [
    'a negative epoch',
    [batch([1], tag(1, -1))],
    {},
    '"epoch" in app_metadata is -1; it must be an integer from 0 to 2^53 - 1',
    0,
  ],
  ['an empty name', [batch([1], { producer: '', seq: 1 })], {}, `"producer" in app_metadata is ""; ${NAME}`, 0],
  [
    'a name that is no text',
    [batch([1], { producer: 7, seq: 1 })],
    {},
    `"producer" in app_metadata is 7; ${NAME}`,
    0,
  ],
  [
    'a long name',
    [batch([1], { producer: 'é'.repeat(128), seq: 1 })],
    {},
    `"producer" in app_metadata is "${'é'.repeat(79)}…; ${NAME}`,
    0,
  ],
  [
    'a control character',
    [batch([1], { producer: 'a\n', seq: 1 })],
    {},
    `"producer" in app_metadata is "a\\n"; ${NAME}`,
    0,
  ],
  ['a header without seq', [batch([1])], P, `the header x-ingest-seq is missing; ${NUMBER}`, 0],
  [
    'a header seq that is no number',
    [batch([1])],
    { ...P, 'x-ingest-seq': '1e3' },
    `the header x-ingest-seq is "1e3"; ${NUMBER}`,
    0,
  ],
  [
    'a header seq without a producer',
    [batch([1])],
    { 'x-ingest-seq': '1' },
    'the header x-ingest-seq needs x-ingest-producer beside it',
    0,
  ],
  [
    'a header epoch without a producer',
    [batch([1])],
    { 'x-ingest-epoch': '1' },
    'the header x-ingest-epoch needs x-ingest-producer beside it',
    0,
  ],
];

for (const [name, messages, headers, message, answered] of REFUSED) {
  test(`a put with ${name} is refused with its reason`, async (t) => {
    const served = await serve(t);
    const { results, ending } = await put(served, [first, ...messages], { headers });
    assert.deepEqual(ending, failed(3, 'request_invalid', message));
    assert.equal(results.length, answered);
    assert.equal((await stored(served)).length, answered);
    assert.equal(served.engine.putsOpen, 0);
  });
}

test('a client that waits for the answer to a wrong tag gets it at once', async (t) => {
  const { ending } = await put(await serve(t), [first, batch([1], { producer: 'p' })], { open: true });
  assert.equal(ending.code, 'request_invalid');
});

test("app_metadata without a producer is the client's own affair, keys beside ours too", async (t) => {
  const served = await serve(t);
  for (const metadata of ['{"seq":1}', '{broken', 'text', '{}', `{"note":"${long}"}`]) {
    assert.deepEqual((await put(served, [first, batch([1], metadata)])).ending, OK);
  }
  const more = await put(served, [first, batch([1], { ...tag(1), note: 'x', epoch: 0 })]);
  assert.deepEqual(more.results, [answer(1, 101)]);
  const { ending } = await put(served, [first, batch([1], { ...tag(1), note: long })]);
  assert.equal(ending.code, 'limit_exceeded');
  assert.match(ending.details, /names a producer and has \d+ bytes, at most 4096 are allowed$/);
});

test('an answer leaves out what is not known of a result that is kept no more', () => {
  const told = encodeAnswer(
    { kind: 'producer', name: 'p', epoch: 0, seq: 3 },
    { commit: -1, rowCount: -1, byteCount: -1, duplicate: true },
  );
  assert.equal(told.toString(), '{"producer":"p","seq":3,"durable":true,"duplicate":true}');
});

async function act(engine: FakeEngine, type: string, body: unknown): Promise<unknown> {
  const [answered] = await doAction(
    callerOf(engine),
    type,
    Buffer.from(body === undefined ? '' : JSON.stringify(body)),
  );
  return JSON.parse(Buffer.from(answered ?? []).toString());
}

test('ingest-state tells where to go on: 0 for a producer, or a table, that is not known', async (t) => {
  const served = await serve(t);
  const nothing = { producer: 'p', epoch: 0, seq: 0, rows: 0 };
  assert.deepEqual(await act(served.engine, 'ingest-state', { table: 't', producer: 'p' }), nothing);
  await put(served, [first, numbered(1, 2), batch([5, 6], tag(2, 2))]);
  assert.deepEqual(await act(served.engine, 'ingest-state', { table: 't', producer: 'p' }), {
    producer: 'p',
    epoch: 2,
    seq: 2,
    rows: 3,
  });
  assert.deepEqual(await act(served.engine, 'ingest-state', { table: 't', producer: 'q' }), {
    ...nothing,
    producer: 'q',
  });
  await assert.rejects(
    act(served.engine, 'ingest-state', { table: 't' }),
    refusal('request_invalid', `"producer" in the body of the action ingest-state is missing; ${NAME}`),
  );
});

test('compact merges one table or all, and says what it did', async () => {
  const engine = new FakeEngine();
  assert.deepEqual(await act(engine, 'compact', { table: 't' }), { inputs: 3, outputs: 1, bytes: 4096 });
  await act(engine, 'compact', undefined);
  assert.deepEqual(engine.compacted, ['t', undefined]);
});
