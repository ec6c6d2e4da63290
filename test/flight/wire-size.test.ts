/**
 * Goal: clients with default options read every answer, and learn why where a single row is too large for them.
 *
 * Method: the real engine and door; grpc-js, which takes 4 MiB by default, and pyarrow, each with default options.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { ROW_BYTES_MAX, WIRE_MESSAGE_BYTES_MAX } from '../../src/base/limits.ts';
import { metricsText } from '../../src/base/metrics.ts';
import { open } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { openFlightDoor } from '../../src/flight/door.ts';
import { field, rawFlight, readAll } from '../support/flight-client.ts';
import type { Ending } from '../support/flight-client.ts';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { INT64, UTF8 } from '../support/sample.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MIB = 1024 * 1024;
const RESOURCE_EXHAUSTED = 8;
const SCHEMA = makeSchema([makeField('id', INT64), makeField('text', UTF8)]);

/** A table `wide` of rows of many sizes below the limit, `large` with one row of 5 MiB, `huge` with one of 40 MiB. */
async function serve(t: TestContext): Promise<string> {
  const engine = await open(temporaryDirectory(t));
  const door = await openFlightDoor(engine, { enabled: true, host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await door.close(0);
    await engine.close();
  });
  await fill(engine, 'wide', [
    ...Array.from({ length: 8 }, () => 1.9 * MIB),
    ...Array.from({ length: 9000 }, () => 700),
  ]);
  await fill(engine, 'large', [10, 5 * MIB, 10]);
  await fill(engine, 'huge', [40 * MIB]);
  return door.address;
}

async function fill(engine: Engine, name: string, sizes: readonly number[]): Promise<void> {
  const columns = [
    buildVector(
      INT64,
      sizes.map((_, i) => BigInt(i)),
    ),
    buildVector(
      UTF8,
      sizes.map((size, i) => i.toString().padEnd(size, 'x')),
    ),
  ];
  const put = await engine.beginPut(name, SCHEMA);
  await put.write({ schema: SCHEMA, rowCount: sizes.length, columns });
  await put.commit();
}

/** Reads an answer; the bytes of its largest message. */
async function largest(
  address: string,
  sql: string,
  options: Readonly<Record<string, number>>,
): Promise<Ending & { readonly most: number }> {
  const client = rawFlight(address, options);
  const { messages, ending } = await readAll(client.read('DoGet', field(1, Buffer.from(sql))));
  client.close();
  return { ...ending, most: Math.max(0, ...messages.map((message) => message.byteLength)) };
}

/** What grpc-js takes unless told otherwise. */
const DEFAULT = { 'grpc.max_receive_message_length': 4 * MIB };
const ANY = { 'grpc.max_receive_message_length': -1 };

async function largeSent(): Promise<number> {
  return Number(/^sheaf_flight_large_messages_total (\d+)$/m.exec(await metricsText())?.[1] ?? 0);
}

test('a client with default options reads whatever has no row above 4 MiB', async (t) => {
  const address = await serve(t);
  const before = await largeSent();
  for (const sql of [
    'SELECT * FROM wide',
    "SELECT id, text || 'y' FROM wide",
    'SELECT * FROM wide ORDER BY id DESC',
    'SELECT l.text, r.text AS other FROM wide l JOIN wide r USING (id)',
    'SELECT text, count(*) FROM wide GROUP BY text',
    'SELECT id FROM large',
  ]) {
    const { grpc, details, most } = await largest(address, sql, DEFAULT);
    assert.equal(grpc, 0, `${sql}: ${details}`);
    assert.ok(most <= WIRE_MESSAGE_BYTES_MAX, `${sql}: ${most.toString()}`);
  }
  assert.equal(await largeSent(), before);
});

test('a larger row goes out as it is, and is counted; what no client should take is refused', async (t) => {
  const address = await serve(t);
  const before = await largeSent();
  const refused = await largest(address, 'SELECT * FROM large', DEFAULT);
  assert.equal(refused.grpc, RESOURCE_EXHAUSTED);
  assert.match(refused.details, /larger than max \(\d+ vs\.? 4194304\)/);
  for (const sql of ['SELECT * FROM large', "SELECT text || 'y' FROM large", 'SELECT * FROM huge']) {
    const { grpc, details, most } = await largest(address, sql, ANY);
    assert.equal(grpc, 0, details);
    assert.ok(most > WIRE_MESSAGE_BYTES_MAX && most < ROW_BYTES_MAX, sql);
  }
  assert.ok((await largeSent()) >= before + 3);
  const twice = await largest(address, 'SELECT text, text AS again FROM huge', ANY);
  assert.equal(
    twice.details,
    'limit_exceeded: one row of the answer, or a dictionary, takes 83886208 bytes, and at most 67108864 are sent in ' +
      'one message; select fewer columns, or a part of the value by substring',
  );
  assert.equal((await largest(address, 'SELECT substring(text, 1, 10) FROM huge', DEFAULT)).grpc, 0);
});

const PYARROW = `
import sys, pyarrow.flight as fl
client = fl.connect("grpc://" + sys.argv[1])
for sql in ("SELECT * FROM wide", "SELECT * FROM large", "SELECT * FROM huge"):
    print(client.do_get(fl.Ticket(sql)).read_all().num_rows)
`;

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

test('pyarrow takes rows of any size by default', { skip }, async (t) => {
  const { status, stdout, stderr } = await runPython(PYARROW, [await serve(t)]);
  assert.equal(status, 0, stderr);
  assert.equal(stdout, '9008\n3\n1\n');
});
