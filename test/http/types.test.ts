/**
 * Every Arrow type in by /insert/arrow and out by every form: pyarrow makes the table, Python's own parsers judge
 * the answers.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';
import { openDoor } from './door.ts';

const SCRIPT = `
import base64, csv, datetime as dt, decimal, io, json, sys, urllib.request
import numpy as np, pyarrow as pa
D = decimal.Decimal
def ask(path, body):
    return urllib.request.urlopen(urllib.request.Request(sys.argv[1] + path, data=body)).read()
b64 = lambda b: base64.b64encode(b).decode()
ts = pa.timestamp
# name: (array, the values as JSON)
columns = {
    'i8': (pa.array([-128, None, 127], pa.int8()), [-128, None, 127]),
    'u16': (pa.array([0, None, 65535], pa.uint16()), [0, None, 65535]),
    'u32': (pa.array([0, None, 4294967295], pa.uint32()), [0, None, 4294967295]),
    'i64': (pa.array([-2**63, None, 2**63 - 1]), [-2**63, None, 2**63 - 1]),
    'u64': (pa.array([0, None, 2**64 - 1], pa.uint64()), [0, None, 2**64 - 1]),
    'f16': (pa.array(np.array([0.5, 1.25, -2], np.float16)), [0.5, 1.25, -2.0]),
    'f32': (pa.array([0.1, None, 3.5], pa.float32()), [0.1, None, 3.5]),
    'f64': (pa.array([0.1, None, 1e300]), [0.1, None, 1e300]),
    'd32': (pa.array([D('1.23'), None, D('-9.99')], pa.decimal32(3, 2)), ['1.23', None, '-9.99']),
    'd64': (pa.array([D('1.23'), None, D('-9.99')], pa.decimal64(12, 2)), ['1.23', None, '-9.99']),
    'd128': (pa.array([D('0.01'), None, D('-' + '9' * 36 + '.99')], pa.decimal128(38, 2)),
        ['0.01', None, '-' + '9' * 36 + '.99']),
    'd256': (pa.array([D(1), None, D('-' + '9' * 76)], pa.decimal256(76, 0)), ['1', None, '-' + '9' * 76]),
    's': (pa.array(['', None, 'é漢😀']), ['', None, 'é漢😀']),
    'ls': (pa.array(['x', None, 'y"'], pa.large_string()), ['x', None, 'y"']),
    'sv': (pa.array(['short', None, 'longer than twelve bytes'], pa.string_view()),
        ['short', None, 'longer than twelve bytes']),
    'b': (pa.array([b'\\x00\\xff', None, b'']), [b64(b'\\x00\\xff'), None, '']),
    'bv': (pa.array([b'1', None, b'x' * 20], pa.binary_view()), [b64(b'1'), None, b64(b'x' * 20)]),
    'fb': (pa.array([b'abc', None, b'xyz'], pa.binary(3)), [b64(b'abc'), None, b64(b'xyz')]),
    'bool': (pa.array([True, None, False]), [True, None, False]),
    'date32': (pa.array([dt.date(2024, 2, 29), None, dt.date(1, 1, 1)]), ['2024-02-29', None, '0001-01-01']),
    'date64': (pa.array([dt.date(2024, 2, 29), None, dt.date(1969, 12, 31)], pa.date64()),
        ['2024-02-29', None, '1969-12-31']),
    't32': (pa.array([dt.time(1, 2, 3), None, dt.time(23, 59, 59)], pa.time32('s')), ['01:02:03', None, '23:59:59']),
    't64': (pa.array([1, None, 86399999999999], pa.time64('ns')), ['00:00:00.000000001', None, '23:59:59.999999999']),
    'tss': (pa.array([0, None, -1], ts('s')), ['1970-01-01T00:00:00', None, '1969-12-31T23:59:59']),
    'tsms': (pa.array([1, None, -1], ts('ms', 'Europe/Berlin')),
        ['1970-01-01T00:00:00.001Z', None, '1969-12-31T23:59:59.999Z']),
    'tsns': (pa.array([1, None, -1], ts('ns', 'UTC')),
        ['1970-01-01T00:00:00.000000001Z', None, '1969-12-31T23:59:59.999999999Z']),
    'dur': (pa.array([1500, None, -60000], pa.duration('ms')), ['PT1.5S', None, '-PT1M']),
    'mdn': (pa.array([(14, 3, 1), None, (0, 0, 0)], pa.month_day_nano_interval()),
        ['1 year 2 months 3 days 00:00:00.000000001', None, '00:00:00']),
    'l': (pa.array([[1, None], None, []], pa.list_(pa.int64())), [[1, None], None, []]),
    'll': (pa.array([['a'], None, []], pa.large_list(pa.string())), [['a'], None, []]),
    'fl': (pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)), [[1, 2], None, [3, 4]]),
    'lv': (pa.array([[1], None, [2, 3]], pa.list_view(pa.int32())), [[1], None, [2, 3]]),
    'st': (pa.array([{'a': 1, 'b': 'x'}, None, {'a': None, 'b': ''}]),
        [{'a': 1, 'b': 'x'}, None, {'a': None, 'b': ''}]),
    'm': (pa.array([[('k', 1)], None, []], pa.map_(pa.string(), pa.int64())), [[['k', 1]], None, []]),
    'di': (pa.array(['a', None, 'a']).dictionary_encode(), ['a', None, 'a']),
    'ree': (pa.RunEndEncodedArray.from_arrays([2, 3], pa.array(['r', None])), ['r', 'r', None]),
    'n': (pa.nulls(3), [None, None, None]),
    'un': (pa.UnionArray.from_sparse(pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(['a', 'b', 'c'])]),
        [1, 'b', 3]),
}
table = pa.table({name: array for name, (array, _) in columns.items()})
sink = io.BytesIO()
with pa.ipc.new_stream(sink, table.schema) as writer:
    writer.write_table(table)
print(ask('/insert/arrow?table=all', sink.getvalue()).decode(), end='')
sql = b'SELECT * FROM all'
arrow = pa.ipc.open_stream(ask('/?format=arrow', sql)).read_all()
arrow.validate(full=True)
print('arrow', arrow.equals(table))
answer = json.loads(ask('/?format=json', sql))
lines = [json.loads(line) for line in ask('/?format=ndjson', sql).decode().split('\\n') if line]
cells = list(csv.DictReader(io.StringIO(ask('/?format=csv', sql).decode(), newline='')))
for at, (name, (_, wanted)) in enumerate(columns.items()):
    got = [row[at] for row in answer['data']]
    if got != wanted: print('json', name, got, wanted)
    got = [line[name] for line in lines]
    if got != wanted: print('ndjson', name, got, wanted)
    for cell, value in zip([row[name] for row in cells], wanted):
        if value is None or value == '': ok = cell == ''
        elif isinstance(value, str): ok = cell == value
        elif isinstance(value, bool): ok = cell == str(value).lower()
        else: ok = json.loads(cell) == value
        if not ok: print('csv', name, repr(cell), value)
print(len(columns), answer['rows'], len(lines), len(cells))
`;

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

test('every Arrow type goes in and comes out equal in every form', { skip }, async (context) => {
  const door = await openDoor(context);
  const outcome = await runPython(SCRIPT, [`http://127.0.0.1:${door.port.toString()}`]);
  assert.equal(outcome.stderr, '');
  assert.equal(outcome.stdout, '{"inserted":3,"failed":0,"table":"all","commit":1}\narrow True\n38 3 3 3\n');
});
