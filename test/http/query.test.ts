/**
 * The query routes: every form, byte by byte; where SQL may stand; errors before and after the first byte;
 * backpressure and cancel.
 */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { readStream } from '../../src/arrow/ipc-stream.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { EngineError } from '../../src/base/errors.ts';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { FLOAT64, INT64, UTF8, batchOf, rowsOf, schemaOf } from '../support/sample.ts';
import { errorOf, openDoor } from './door.ts';
import type { TestDoor } from './door.ts';

const SCHEMA = makeSchema([
  makeField('i', INT64),
  makeField('f', FLOAT64),
  makeField('s', UTF8),
  makeField('t', { id: 'timestamp', unit: 'nanosecond', timezone: 'UTC' }),
]);
const BATCH: RecordBatch = {
  schema: SCHEMA,
  rowCount: 3,
  columns: [
    buildVector(INT64, [9007199254740993n, null, -1n]),
    buildVector(FLOAT64, [-0, NaN, Infinity]),
    buildVector(UTF8, ['é,"漢"', '', null]),
    buildVector({ id: 'timestamp', unit: 'nanosecond', timezone: 'UTC' }, [1709214300000000001n, null, -1n]),
  ],
};
const T1 = '2024-02-29T13:45:00.000000001Z';
const T3 = '1969-12-31T23:59:59.999999999Z';
const SELECT = 'SELECT * FROM t';

function fill(door: TestDoor): void {
  door.engine.stored.set('t', { schema: SCHEMA, batches: [BATCH] });
}

test('JSON is the default form, and is exact', async (context) => {
  const door = await openDoor(context);
  fill(door);
  const answer = await door.sql(SELECT);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(
    answer.text.replace(/"execution_time_us":\d+/, '"execution_time_us":0'),
    `{"columns":["i","f","s","t"],"data":[[9007199254740993,-0.0,"é,\\"漢\\"","${T1}"],` +
      `[null,null,"",null],[-1,null,null,"${T3}"]],"rows":3,"execution_time_us":0}\n`,
  );
  assert.equal(answer.headers['content-length'], String(answer.body.byteLength));
  assert.equal(door.engine.resultsOpen, 0);
});

test('options quote int64 and name what is not finite', async (context) => {
  const door = await openDoor(context);
  fill(door);
  const answer = await door.sql(SELECT, '/?int64=string&nonfinite=string&format=ndjson');
  assert.equal(
    answer.text,
    `{"i":"9007199254740993","f":-0.0,"s":"é,\\"漢\\"","t":"${T1}"}\n` +
      `{"i":null,"f":"NaN","s":"","t":null}\n{"i":"-1","f":"Infinity","s":null,"t":"${T3}"}\n`,
  );
});

test('CSV has a header, and tells null from the empty text', async (context) => {
  const door = await openDoor(context);
  fill(door);
  const answer = await door.sql(SELECT, '/query?format=CSV');
  assert.equal(answer.headers['content-type'], 'text/csv; charset=utf-8; header=present');
  assert.equal(answer.text, `i,f,s,t\n9007199254740993,-0.0,"é,""漢""",${T1}\n,NaN,"",\n-1,Infinity,,${T3}\n`);
});

test('the Arrow form is an IPC stream with the schema, also of an empty result', async (context) => {
  const door = await openDoor(context);
  fill(door);
  door.engine.stored.set('none', { schema: SCHEMA, batches: [] });
  for (const [table, rows] of [
    ['t', 3],
    ['none', 0],
  ] as const) {
    const answer = await door.sql(`SELECT * FROM ${table}`, '/query?default_format=Arrow');
    assert.equal(answer.headers['content-type'], 'application/vnd.apache.arrow.stream');
    async function* body(): AsyncGenerator<Uint8Array> {
      await Promise.resolve();
      yield new Uint8Array(answer.body);
    }
    const stream = await readStream(body());
    assert.deepEqual(stream.schema, SCHEMA);
    assert.equal((await rowsOf(stream.batches)).length, rows);
  }
});

test('Accept chooses the form by weight, format wins over it', async (context) => {
  const door = await openDoor(context);
  fill(door);
  const cases: readonly (readonly [string, string, string])[] = [
    ['/', 'text/csv', 'text/csv; charset=utf-8; header=present'],
    ['/', 'application/json;q=0.5, application/x-ndjson', 'application/x-ndjson; charset=utf-8'],
    ['/', '*/*, application/vnd.apache.arrow.stream', 'application/vnd.apache.arrow.stream'],
    ['/', 'text/html,application/xml;q=0.9,*/*;q=0.8', 'application/json; charset=utf-8'],
    ['/?default_format=csv', 'application/json', 'text/csv; charset=utf-8; header=present'],
    ['/?default_format=csv&format=ndjson', '*/*', 'application/x-ndjson; charset=utf-8'],
    ['/?format=json', 'text/csv', 'application/json; charset=utf-8'],
  ];
  for (const [target, accept, type] of cases) {
    const answer = await door.sql(SELECT, target, { Accept: accept });
    assert.equal(answer.headers['content-type'], type, accept);
  }
  const none = await door.sql(SELECT, '/', { Accept: 'image/png' });
  assert.equal(none.status, 406);
  assert.deepEqual(errorOf(none), {
    code: 'request_invalid',
    message:
      'none of the types in Accept is offered here; offered: ' +
      'application/json, application/x-ndjson, text/csv, application/vnd.apache.arrow.stream',
  });
});

test('SQL may stand in a text body, a form body, a JSON body, or the parameter', async (context) => {
  const door = await openDoor(context);
  fill(door);
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const json = { 'Content-Type': 'application/json; charset=UTF-8' };
  const parameter = `query=${encodeURIComponent(SELECT)}`;
  const answers = await Promise.all([
    door.sql(SELECT, '/'),
    door.sql(SELECT, '/query/', form),
    door.sql(JSON.stringify({ query: SELECT }), '/query', json),
    door.sql('', `/?${parameter}`),
    door.ask('GET', `/?${parameter}`),
    door.ask('GET', `/query?${parameter}&format=json`),
  ]);
  for (const answer of answers) {
    assert.equal(answer.status, 200);
    assert.equal((JSON.parse(answer.text) as { rows: number }).rows, 3);
  }
});

test('HEAD answers with the headers of GET and no body', async (context) => {
  const door = await openDoor(context);
  fill(door);
  const answer = await door.ask('HEAD', `/query?format=csv&query=${encodeURIComponent(SELECT)}`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'text/csv; charset=utf-8; header=present');
  assert.equal(answer.body.byteLength, 0);
  assert.equal(door.engine.resultsOpen, 0);
});

test('GET of a statement that writes is 405 with Allow', async (context) => {
  const door = await openDoor(context);
  const answer = await door.ask('GET', `/?query=${encodeURIComponent('CREATE TABLE x (a int)')}`);
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.allow, 'POST');
  assert.deepEqual(errorOf(answer), {
    code: 'request_invalid',
    message: 'CREATE TABLE writes, and this door only reads',
  });
});

test('an SQL error is 400 with code, message and position', async (context) => {
  const door = await openDoor(context);
  const answer = await door.sql('SELEC 1', '/', { 'X-Request-Id': 'mine-1' });
  assert.equal(answer.status, 400);
  assert.equal(answer.headers['x-request-id'], 'mine-1');
  assert.equal(
    answer.text,
    '{"error":{"code":"sql_syntax","message":"the fake engine does not know \\"SELEC 1\\"",' +
      '"line":1,"column":1,"start":0,"end":7},"request_id":"mine-1"}\n',
  );
});

test('requests that cannot be understood are refused with a reason', async (context) => {
  const door = await openDoor(context);
  fill(door);
  const json = { 'Content-Type': 'application/json' };
  const shape = 'a JSON body is {"query": "SELECT …"}, with "params": […] or {…} where the statement has parameters';
  const cases: readonly (readonly [string, string, Record<string, string>, number, string])[] = [
    ['', '/', {}, 400, 'the body holds no SQL'],
    [SELECT, '/?format=xml', {}, 400, 'format=xml is not known; choose one of: json, ndjson, csv, arrow'],
    [SELECT, '/?int64=float', {}, 400, 'int64=float is not known; choose one of: number, string'],
    [SELECT, '/?format=csv&format=json', {}, 400, 'the parameter "format" is given twice'],
    [
      SELECT,
      '/?fromat=csv',
      {},
      400,
      'the parameter "fromat" is not known here; known: query, format, default_format, int64, nonfinite',
    ],
    [SELECT, '/?query=x', {}, 400, 'SQL stands in the body and in the parameter "query"; send one of them'],
    ['{"sql":"x"}', '/', json, 400, shape],
    ['[1]', '/', json, 400, shape],
    [
      'x',
      '/',
      { 'Content-Type': 'multipart/form-data; boundary=x' },
      415,
      'the content type multipart/form-data is not read here; ' +
        'send SQL as text/plain or {"query": …} as application/json',
    ],
    [
      'x',
      '/',
      { 'Content-Type': 'text/plain; charset=latin1' },
      415,
      'the charset latin1 is not read here; send UTF-8',
    ],
    [
      'x',
      '/',
      { 'Content-Encoding': 'zstd' },
      415,
      'the content encoding zstd is not read here; use gzip, deflate, br, identity',
    ],
  ];
  for (const [body, target, headers, status, message] of cases) {
    const answer = await door.sql(body, target, headers);
    assert.deepEqual([answer.status, errorOf(answer)], [status, { code: 'request_invalid', message }], target);
  }
  const latin = await door.ask('POST', '/', { body: Uint8Array.of(0xe9) });
  assert.deepEqual(errorOf(latin), { code: 'request_invalid', message: 'the body is not valid UTF-8 text' });
  const missing = await door.ask('GET', '/query');
  assert.deepEqual(errorOf(missing), {
    code: 'request_invalid',
    message: 'the parameter "query" is missing; send SQL as ?query=… or as the body of POST',
  });
});

test('an SQL body above the limit is 413, announced or not, and the connection lives on', async (context) => {
  const door = await openDoor(context);
  const large = ' '.repeat(4 * 1024 * 1024 + 1);
  const announced = await door.sql(large);
  assert.equal(announced.status, 413);
  assert.deepEqual(errorOf(announced), {
    code: 'limit_exceeded',
    message: 'an SQL body has at most 4.0 MiB, this one is 4.0 MiB long; insert rows by /insert/arrow',
  });
  const chunked = await door.sql(large, '/', { 'Transfer-Encoding': 'chunked' });
  assert.equal(chunked.status, 413);
  assert.deepEqual(errorOf(chunked), {
    code: 'limit_exceeded',
    message: 'an SQL body has at most 4.0 MiB, this one is longer; insert rows by /insert/arrow',
  });
});

/** Batches without end; counts those asked for. */
function endless(door: TestDoor, sql: string, onBatch: (count: number) => Promise<void> | void): void {
  const schema = schemaOf({ a: INT64, b: UTF8 });
  const rows = 10_000;
  const batch = batchOf(schema, [
    Array.from({ length: rows }, (_, i) => i),
    Array.from({ length: rows }, (_, i) => `text ${i.toString()}`),
  ]);
  door.engine.answer(sql, schema, async function* (signal) {
    for (let count = 1; ; count++) {
      if (signal?.aborted === true) throw new EngineError('cancelled', 'cancelled');
      await onBatch(count);
      yield batch;
    }
  });
}

for (const form of ['json', 'csv', 'arrow', 'ndjson']) {
  test(`an error after the first byte breaks the connection (${form})`, async (context) => {
    const door = await openDoor(context);
    endless(door, 'FAIL', (count) => {
      if (count > 10) throw new EngineError('value_error', 'overflow in row 7');
    });
    const answer = await door.sql('FAIL', `/?format=${form}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.torn, true);
    if (form === 'ndjson') {
      const last = JSON.parse(answer.text.trimEnd().split('\n').at(-1) ?? '') as { error: unknown };
      assert.deepEqual(last.error, { code: 'value_error', message: 'overflow in row 7' });
    }
    assert.equal(door.engine.resultsOpen, 0);
  });
}

test('an error before the first byte has its own status in every form', async (context) => {
  const door = await openDoor(context);
  endless(door, 'FAIL', () => {
    throw new EngineError('value_error', 'overflow in row 7');
  });
  for (const form of ['json', 'csv', 'arrow', 'ndjson']) {
    const answer = await door.sql('FAIL', `/?format=${form}`);
    assert.deepEqual([answer.status, errorOf(answer).code], [400, 'value_error']);
  }
});

test('a fault of our own shows an incident, and not its text', async (context) => {
  const door = await openDoor(context);
  endless(door, 'BUG', () => {
    throw new TypeError('secret detail');
  });
  const answer = await door.sql('BUG');
  assert.equal(answer.status, 500);
  assert.match(answer.text, /"code":"internal","message":"internal error, incident [0-9a-f]{8}; the server's log/);
  assert.doesNotMatch(answer.text, /secret/);
});

test('a busy engine is 503 with Retry-After', async (context) => {
  const door = await openDoor(context);
  endless(door, 'BUSY', () => {
    throw new EngineError('busy', 'too many');
  });
  const answer = await door.sql('BUSY');
  assert.equal(answer.status, 503);
  assert.equal(answer.headers['retry-after'], '1');
});

/** Opens a query and hands over the response unread. */
async function unread(port: number, body: string, path: string) {
  const call = request({ host: '127.0.0.1', port, method: 'POST', path, agent: false });
  call.on('error', () => undefined);
  const response = new Promise<IncomingMessage>((resolve) => call.once('response', resolve));
  call.end(body);
  return { call, response: await response };
}

test('a reader that stops reading stops the query, whose memory does not grow', async (context) => {
  const door = await openDoor(context);
  let batches = 0;
  endless(door, 'ENDLESS', (count) => {
    batches = count;
  });
  for (const form of ['json', 'csv', 'ndjson', 'arrow']) {
    const { call, response } = await unread(door.port, 'ENDLESS', `/?format=${form}`);
    response.pause();
    // Sockets on both sides hold a few MB; then the count stands still.
    let before = -1;
    while (before !== batches) {
      before = batches;
      await wait(150);
    }
    const externalBefore = process.memoryUsage().arrayBuffers;
    await wait(300);
    assert.equal(batches, before, form);
    assert.ok(batches < 500, `${form}: ${batches.toString()} batches were made`);
    assert.ok(process.memoryUsage().arrayBuffers - externalBefore < 8 * 1024 * 1024);
    call.destroy();
    while (door.engine.resultsOpen > 0) await wait(5);
  }
});

test('a client that goes away cancels its query', async (context) => {
  const door = await openDoor(context);
  let batches = 0;
  endless(door, 'ENDLESS', (count) => {
    batches = count;
  });
  const { call, response } = await unread(door.port, 'ENDLESS', '/?format=csv');
  response.resume();
  while (batches < 50) await wait(5);
  call.destroy();
  while (door.engine.resultsOpen > 0) await wait(5);
  const after = batches;
  await wait(50);
  assert.equal(batches, after);
});

test('other clients are served while a large answer is written', async (context) => {
  const door = await openDoor(context);
  let stop = false;
  endless(door, 'ENDLESS', () => {
    if (stop) throw new EngineError('cancelled', 'enough');
  });
  const { response } = await unread(door.port, 'ENDLESS', '/?format=json');
  response.on('error', () => undefined);
  response.resume();
  for (let i = 0; i < 5; i++) assert.equal((await door.ask('GET', '/ping')).text, 'Ok.\n');
  stop = true;
  await new Promise((resolve) => response.once('close', resolve));
});

const pythonSkip = pythonPath() === undefined ? PYTHON_MISSING : false;

test('Python reads every form as the same values', { skip: pythonSkip }, async (context) => {
  const door = await openDoor(context);
  fill(door);
  const script = `
import csv, io, json, math, sys, urllib.request
import pyarrow as pa
def get(form):
    call = urllib.request.Request(sys.argv[1] + '/?format=' + form, data=b'SELECT * FROM t')
    return urllib.request.urlopen(call).read()
arrow = pa.ipc.open_stream(get('arrow')).read_all()
arrow.validate(full=True)
rows = json.loads(get('json'))['data']
lines = [json.loads(line) for line in get('ndjson').decode().split('\\n') if line]
cells = list(csv.DictReader(io.StringIO(get('csv').decode())))
print([row[0] for row in rows] == arrow['i'].to_pylist() == [line['i'] for line in lines])
print([cell['i'] for cell in cells] == ['9007199254740993', '', '-1'])
print(math.copysign(1, rows[0][1]), rows[1][1], lines[0]['s'] == arrow['s'][0].as_py() == cells[0]['s'])
print(arrow.schema.field('t').type, arrow['t'].cast(pa.int64()).to_pylist())
`;
  const outcome = await runPython(script, [`http://127.0.0.1:${door.port.toString()}`]);
  assert.equal(outcome.stderr, '');
  assert.equal(outcome.stdout, 'True\nTrue\n-1.0 None True\ntimestamp[ns, tz=UTC] [1709214300000000001, None, -1]\n');
});
