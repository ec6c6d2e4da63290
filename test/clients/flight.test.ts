/**
 * Goal: stock Python clients get what the page promises, and every type comes back as it went in.
 *
 * Method: the real engine on a temporary directory and the real door; pyarrow, pandas, Polars and DuckDB in child
 * processes.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { open } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { openFlightDoor } from '../../src/flight/door.ts';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';

const python = pythonPath();
const skip = python === undefined ? PYTHON_MISSING : false;

function script(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

async function serve(t: TestContext): Promise<{ engine: Engine; port: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-flight-'));
  const engine = await open(directory);
  const door = await openFlightDoor(engine, { enabled: true, host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await door.close(0);
    await engine.close();
    rmSync(directory, { recursive: true });
  });
  return { engine, port: door.address.split(':')[1] ?? '' };
}

async function succeed(text: string, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runPython(text, args);
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  return stdout;
}

/**
 * The page's snippets, letter for letter; only the port is replaced when they run. One word of the page is not
 * Python's: the Action of pyarrow takes a body too, so `fl.Action("ping")` raises a TypeError before anything is
 * sent.
 */
const PAGE_QUERY = `import pyarrow.flight as fl
client = fl.connect("grpc://localhost:8815")
# Query — results stream as Arrow RecordBatches
reader = client.do_get(fl.Ticket("SELECT * FROM trades LIMIT 10"))
table = reader.read_all()
# Direct to pandas
df = table.to_pandas()
print(df)
# Direct to Polars (zero-copy from Arrow)
import polars as pl
pl_df = pl.from_arrow(table)
`;
const PAGE_HEALTH = `# Health check
results = list(client.do_action(fl.Action("ping")))
print(results[0].body.to_pybytes()) # b"pong"
`;
const PAGE_PUT = `import pyarrow as pa
import pyarrow.flight as fl
client = fl.connect("grpc://localhost:8815")
# Build Arrow table
table = pa.table({
"symbol": pa.array([1, 1, 2, 2], type=pa.int64()),
"price": pa.array([150.25, 150.30, 42.10, 42.15], type=pa.float64()),
"volume": pa.array([100, 200, 50, 75], type=pa.float64()),
})
# Push to ZeptoDB
writer, _ = client.do_put(
fl.FlightDescriptor.for_path("trades"),
table.schema
)
writer.write_table(table)
writer.close()
`;

test("the page's three Python snippets run as written", { skip }, async (t) => {
  const { engine, port } = await serve(t);
  const here = (text: string): string => text.replace('localhost:8815', `localhost:${port}`);
  assert.equal(await succeed(here(PAGE_PUT)), '');
  assert.equal(engine.table('trades').rowCount, 4);
  const printed = await succeed(here(PAGE_QUERY));
  assert.deepEqual(
    printed
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/)),
    [
      ['symbol', 'price', 'volume'],
      ['0', '1', '150.25', '100.0'],
      ['1', '1', '150.30', '200.0'],
      ['2', '2', '42.10', '50.0'],
      ['3', '2', '42.15', '75.0'],
    ],
  );
  const connected = PAGE_QUERY.split('\n').slice(0, 2).join('\n');
  const health = PAGE_HEALTH.replace('fl.Action("ping")', 'fl.Action("ping", b"")');
  assert.equal(await succeed(here(`${connected}\n${health}`)), "b'pong'\n");
});

test('every Arrow type comes back equal, with the schema that was promised', { skip }, async (t) => {
  const { port } = await serve(t);
  assert.match(await succeed(script('flight-types.py'), port), /^checked 3\d\d\n$/);
});

test(
  'DuckDB, Polars and pandas work on fetched tables; FlightInfo, lists and actions keep their word',
  { skip },
  async (t) => {
    const { port } = await serve(t);
    assert.equal(await succeed(script('flight-tools.py'), port), 'ok\n');
  },
);

const UNKNOWN = 'request_invalid: the ticket';
/** Name of the mistake, pyarrow's exception, how the message begins. */
const MISTAKES = [
  ['syntax', 'ArrowInvalid', 'sql_syntax: expected SELECT, '],
  [
    'unknown column',
    'ArrowInvalid',
    'sql_bind: column "prize" is not in table trades (line 1, column 8); did you mean "price"?',
  ],
  [
    'unknown table',
    'ArrowInvalid',
    'sql_bind: there is no table "trade" (line 1, column 15); did you mean "trades"?',
  ],
  ['writes', 'ArrowInvalid', 'request_invalid: CREATE TABLE writes, and this door only reads; '],
  [
    'random ticket',
    'ArrowInvalid',
    `${UNKNOWN} (57 bytes) is neither SQL text in UTF-8 nor a ticket from GetFlightInfo`,
  ],
  ['forged ticket', 'ArrowInvalid', `${UNKNOWN} was not made by this database, or was changed; `],
  ['empty ticket', 'ArrowInvalid', `${UNKNOWN} is empty; send SQL text, or a ticket from GetFlightInfo`],
  ['newline first', '', ''],
  ['Flight SQL', 'ArrowInvalid', 'sql_syntax: the SQL text holds no statement (line 1, column 1)'],
  ['no such table', 'ArrowKeyError', 'not_found: there is no table "trade"; did you mean "trades"?'],
  ['no such table, schema', 'ArrowKeyError', 'not_found: there is no table "trade"; did you mean "trades"?'],
  [
    'long path',
    'ArrowInvalid',
    'request_invalid: the descriptor\'s path has 2 elements (["main","trades"]); it must be one, the table\'s name',
  ],
  ['parent path', 'ArrowInvalid', 'request_invalid: "../x" cannot name a table: '],
  ['NUL in the name', 'ArrowInvalid', 'request_invalid: "a\\u0000b" cannot name a table: '],
  ['empty name', 'ArrowInvalid', 'request_invalid: "" cannot name a table: the name is empty'],
  [
    'empty path',
    'ArrowInvalid',
    "request_invalid: the descriptor's path has 0 elements ([]); it must be one, the table's name",
  ],
  [
    'long put path',
    'ArrowInvalid',
    'request_invalid: the descriptor\'s path has 2 elements (["main","trades"]); it must be one, the table\'s name',
  ],
  ['name is not UTF-8', 'ArrowInvalid', 'request_invalid: the command descriptor is not UTF-8 text (2 bytes)'],
  ['missing column', '', ''],
  [
    'extra column',
    'ArrowInvalid',
    'schema_mismatch: the stream does not fit table trades: column "prise" is not in the table; did you mean "price"?',
  ],
  [
    'other type',
    'ArrowInvalid',
    'schema_mismatch: the stream does not fit table trades: column "price" is double, the stream sends string',
  ],
  ['other order', '', ''],
  [
    'other type, much sent',
    'ArrowInvalid',
    'schema_mismatch: the stream does not fit table trades: column "symbol" is int64, the stream sends string; ',
  ],
  ['producer', 'ArrowInvalid', 'request_invalid: "seq" in app_metadata is missing; '],
  ['other metadata', '', ''],
  ['twice the same column', 'ArrowInvalid', 'request_invalid: table twice would have columns "A" and "a"; '],
  ['unknown action', 'ArrowNotImplementedError', 'unimplemented: there is no action "pong"; did you mean "ping"?'],
  [
    'large body',
    'ArrowInvalid',
    'limit_exceeded: the body of the action seal has 2000000 bytes, at most 1048576 are allowed',
  ],
  ['no JSON', 'ArrowInvalid', 'request_invalid: the body of the action drop-table is not JSON'],
  [
    'no table named',
    'ArrowInvalid',
    'request_invalid: "table" in the body of the action drop-table is missing; it must be a string',
  ],
  [
    'no schema',
    'ArrowInvalid',
    'request_invalid: "schema" in the body of the action create-table must be the base64 of ',
  ],
  ['exchange', 'ArrowInvalid', "request_invalid: the exchange's descriptor is a path; its first message must have "],
  ['login', '', ''],
  ['still there', '', ''],
] as const;

test(
  'each mistake is the exception that pyarrow has for it, in our words, and stores nothing',
  { skip },
  async (t) => {
    const { engine, port } = await serve(t);
    await succeed(PAGE_PUT.replace('localhost:8815', `localhost:${port}`));
    const printed = await succeed(script('flight-errors.py'), port);
    const found = printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as [string, string, string]);
    assert.equal(found.length, MISTAKES.length);
    MISTAKES.forEach(([name, kind, start], i) => {
      const [foundName, foundKind, words] = found[i] ?? ['', '', ''];
      assert.deepEqual([foundName, foundKind], [name, kind], words);
      assert.equal(words.slice(0, start.length), start);
    });
    // Two of the attempts are right: another order of columns, and a column left out that may be null.
    assert.equal(engine.table('trades').rowCount, 6);
    assert.deepEqual(
      engine
        .tables()
        .map((table) => table.name)
        .sort(),
      ['trades', 'with_metadata'],
    );
    assert.equal(engine.status().putsOpen, 0);
  },
);

test('a client that is killed in the middle of a put leaves nothing', { skip }, async (t) => {
  const { engine, port } = await serve(t);
  const child = spawn(python ?? '', ['-c', script('flight-endless.py'), port, 'endless'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  assert.equal(engine.status().putsOpen, 1);
  child.kill('SIGKILL');
  while (engine.status().putsOpen > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(engine.tables(), []);
  await succeed(PAGE_PUT.replace('localhost:8815', `localhost:${port}`));
  assert.equal(engine.table('trades').rowCount, 4);
});

test('no message is above the 4 MiB that clients take by default, whatever was put', { skip }, async (t) => {
  const { port } = await serve(t);
  const text = `
import sys, numpy as np, pyarrow as pa, pyarrow.flight as fl
address = f"grpc://127.0.0.1:{sys.argv[1]}"
rows = 2_000_000
table = pa.table({"a": np.arange(rows), "s": pa.array(["x" * (i % 50) for i in range(rows)])})
client = fl.connect(address)
writer, _ = client.do_put(fl.FlightDescriptor.for_path("one_batch"), table.schema)
writer.write_batch(table.combine_chunks().to_batches()[0])
writer.close()
small = fl.connect(address, generic_options=[("grpc.max_receive_message_length", 4 * 1024 * 1024)])
for ticket in ("SELECT * FROM one_batch", "SELECT a + 1 AS a, s FROM one_batch WHERE a >= 0"):
    got = small.do_get(fl.Ticket(ticket)).read_all()
    assert got.num_rows == rows and got["s"].combine_chunks().equals(table["s"].combine_chunks())
print("ok")
`;
  assert.equal(await succeed(text, port), 'ok\n');
});

const CANCEL = `
import sys, pyarrow as pa, pyarrow.flight as fl
client = fl.connect(f"grpc://127.0.0.1:{sys.argv[1]}")
table = pa.table({"x": pa.array(range(3_000_000))})
writer, _ = client.do_put(fl.FlightDescriptor.for_path("numbers"), table.schema)
writer.write_table(table)
writer.close()

def varint(value):
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)

info = client.get_flight_info(fl.FlightDescriptor.for_path("numbers"))
reader = client.do_get(info.endpoints[0].ticket)
reader.read_chunk()
body = info.serialize()
results = list(client.do_action(fl.Action("CancelFlightInfo", b"\\x0a" + varint(len(body)) + body)))
assert results[0].body.to_pybytes() == b"\\x08\\x01", results
# read_all takes a cancelled call for Ctrl-C and raises KeyboardInterrupt; reading batch by batch does not.
try:
    for _ in reader:
        pass
    assert False, "the running DoGet was not ended"
except fl.FlightCancelledError as error:
    assert "the query was cancelled" in str(error), error
try:
    client.do_get(info.endpoints[0].ticket).read_chunk()
    assert False, "the ticket still works"
except fl.FlightCancelledError as error:
    assert "the ticket was cancelled; ask GetFlightInfo for a new one" in str(error), error
assert client.get_flight_info(fl.FlightDescriptor.for_path("numbers")).total_records == 3_000_000
try:
    list(client.do_action(fl.Action("CancelFlightInfo", b"")))
    assert False, "an empty request was taken"
except pa.ArrowInvalid as error:
    assert "the CancelFlightInfoRequest message holds no FlightInfo" in str(error), error
`;

test('CancelFlightInfo ends a running DoGet and its ticket', { skip }, async (t) => {
  const { engine, port } = await serve(t);
  await succeed(CANCEL, port);
  assert.equal(engine.status().queriesRunning, 0);
});
