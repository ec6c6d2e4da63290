"""Writes one IPC stream or file per case into the directory given: every type, with nulls, sliced, empty, compressed."""

import datetime as dt
import os
import sys
from decimal import Decimal as D

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

N = 100
out = sys.argv[1]
columns = {}


def nulls(values):
    return [None if i % 5 == 2 else value for i, value in enumerate(values)]


def add(name, type_, values):
    columns[name] = pa.array(nulls(values), type=type_)
    columns[name + ' without nulls'] = pa.array(values, type=type_)


rows = range(N)
for t in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()):
    add(str(t), t, [(i * 37) % 100 for i in rows])
columns['int64 extremes'] = pa.array([-(2**63), 2**63 - 1] * (N // 2), type=pa.int64())
columns['uint64 extremes'] = pa.array([0, 2**64 - 1] * (N // 2), type=pa.uint64())
columns['half'] = pa.array([None if i % 3 == 0 else np.float16(i / 7) for i in rows], type=pa.float16())
add('float', pa.float32(), [i / 3 for i in rows])
add('double', pa.float64(), [float('inf') if i % 7 == 0 else -i / 3 for i in rows])
add('decimal32', pa.decimal32(7, 2), [D(i - 50) / 4 for i in rows])
add('decimal64', pa.decimal64(15, 3), [D(i - 50) / 8 for i in rows])
add('decimal128', pa.decimal128(30, 5), [D(i - 50) * 10**20 / 32 for i in rows])
add('decimal256', pa.decimal256(60, 5), [D(i - 50) * 10**20 / 32 for i in rows])
add('decimal negative scale', pa.decimal128(10, -2), [D(i * 100) for i in rows])
texts = ['h\u00e9llo \U0001f600' * (i % 9) + str(i) for i in rows]
for t in (pa.utf8(), pa.large_utf8(), pa.string_view()):
    add(str(t), t, texts)
for t in (pa.binary(), pa.large_binary(), pa.binary_view()):
    add(str(t), t, [text.encode('utf-16') for text in texts])
add('fixed binary', pa.binary(3), [bytes([i, 1, 2]) for i in rows])
add('fixed binary 0', pa.binary(0), [b'' for i in rows])
add('bool', pa.bool_(), [i % 3 == 0 for i in rows])
add('date32', pa.date32(), [dt.date(2000, 1, 1) + dt.timedelta(i) for i in rows])
add('date64', pa.date64(), [dt.date(2000, 1, 1) + dt.timedelta(i) for i in rows])
for unit in ('s', 'ms'):
    add('time32 ' + unit, pa.time32(unit), list(rows))
for unit in ('us', 'ns'):
    add('time64 ' + unit, pa.time64(unit), list(rows))
for unit in ('s', 'ms', 'us', 'ns'):
    for zone in (None, 'UTC', 'Europe/Berlin', '+05:30'):
        add(f'timestamp {unit} {zone}', pa.timestamp(unit, zone), list(range(-50, 50)))
    add('duration ' + unit, pa.duration(unit), list(range(-50, 50)))
add('month day nano', pa.month_day_nano_interval(), [(i, -i, i * 10**9) for i in rows])

lists = [list(range(i % 5)) for i in rows]
item = pa.field('x', pa.int8(), nullable=False, metadata={'a': 'b'})
for t in (pa.list_(pa.int32()), pa.large_list(pa.int64()), pa.list_(item)):
    add(str(t), t, lists)
for t in (pa.list_view(pa.int16()), pa.large_list_view(pa.int8())):
    add(str(t), t, lists)
backwards = pa.array([N - 1 - i for i in rows], pa.int32())
ones = pa.array([1] * N, pa.int32())
columns['list view backwards'] = pa.ListViewArray.from_arrays(backwards, ones, pa.array(texts))
columns['list view shared'] = pa.ListViewArray.from_arrays(
    pa.array([i % 3 for i in rows], pa.int32()), ones, pa.array(texts)
)
add('fixed list', pa.list_(pa.int32(), 2), [[i, None] for i in rows])
add('list of list', pa.list_(pa.list_(pa.utf8())), [[[str(i)] * (i % 3)] * (i % 4) for i in rows])
record = pa.struct([('a', pa.int8()), pa.field('b', pa.utf8(), nullable=False), ('c', pa.bool_()), ('v', pa.string_view())])
add('struct', record, [{'a': i, 'b': str(i), 'c': i % 2 == 0, 'v': 'a long view ' * (i % 3)} for i in rows])
add('struct of nothing', pa.struct([]), [{} for i in rows])
add('map', pa.map_(pa.utf8(), pa.int32()), [[(str(j), j) for j in range(i % 4)] for i in rows])
add('map sorted', pa.map_(pa.utf8(), pa.int32(), keys_sorted=True), [[(str(j), j) for j in range(i % 4)] for i in rows])

ids = pa.array([i % 2 * 5 for i in rows], pa.int8())
members = [pa.array(rows, pa.int32()), pa.array(nulls(texts))]
columns['sparse union'] = pa.UnionArray.from_sparse(ids, members, ['a', 'b'], [0, 5])
halves = pa.array([i // 2 for i in rows], pa.int32())
columns['dense union'] = pa.UnionArray.from_dense(ids, halves, members, ['a', 'b'], [0, 5])

for t in (pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64()):
    encoded = pa.array(nulls(['v%d' % (i % 7) for i in rows])).dictionary_encode()
    columns['dictionary ' + str(t)] = encoded.cast(pa.dictionary(t, pa.utf8()))
indices = pa.array(nulls([i % 3 for i in rows]), pa.int8())
ordered = pa.DictionaryArray.from_arrays(indices, pa.array(['a', None, 'c']), ordered=True)
columns['dictionary ordered'] = ordered
columns['dictionary of doubles'] = pa.DictionaryArray.from_arrays(indices, pa.array([1.5, 2.5, 3.5]))
columns['list of dictionary'] = pa.ListArray.from_arrays(pa.array(range(N + 1), pa.int32()), ordered)
columns['dictionary of struct of dictionary'] = pa.DictionaryArray.from_arrays(
    pa.array([i % 3 for i in rows], pa.int8()), pa.StructArray.from_arrays([ordered[:3]], ['x'])
)
runs = pa.array([None if i // 9 % 4 == 0 else i // 9 for i in rows])
for t in (pa.int16(), pa.int32(), pa.int64()):
    columns['run end ' + str(t)] = pc.run_end_encode(runs, run_end_type=t)
columns['run end of text'] = pc.run_end_encode(pa.array([str(i // 9) for i in rows]))
columns['null'] = pa.nulls(N)
columns['uuid'] = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes([i] * 16) for i in rows], pa.binary(16)))


def field(i, name, array):
    return pa.field(name, array.type, metadata={'k': 'v', 'k2': '\u00fc', '': ''} if i % 3 == 0 else None)


fields = [field(i, name, array) for i, (name, array) in enumerate(columns.items())]
fields[1] = fields[1].with_nullable(False)
schema = pa.schema(fields, metadata={'schema': 'meta', 'z': '', 'a': '1'})
batch = pa.record_batch(list(columns.values()), schema=schema)


def write(name, batches, schema=schema, **options):
    with pa.ipc.new_stream(os.path.join(out, name), schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for each in batches:
            writer.write_batch(each)


write('all types', [batch])
write('no batches', [])
write('batches without rows', [batch[:0], batch, batch[:0]])
write('sliced arrays', [batch[3:50], batch[50:51], batch[51:97]])
write('lz4', [batch], compression='lz4')
write('zstd', [batch], compression='zstd')
write('prefix without marker', [batch], use_legacy_format=True)
write('metadata version 4', [batch], metadata_version=pa.ipc.MetadataVersion.V4)
write('no columns', [pa.record_batch([], schema=pa.schema([]))], pa.schema([]))
write('same name twice', [pa.record_batch([ones, texts], names=['n', 'n'])], pa.schema([('n', pa.int32()), ('n', pa.utf8())]))
with pa.ipc.new_file(os.path.join(out, 'file.arrow'), schema) as writer:
    writer.write_batch(batch)
    writer.write_batch(batch[1:9])

grown = pa.schema([('d', pa.dictionary(pa.int8(), pa.utf8())), ('l', pa.list_(pa.dictionary(pa.int8(), pa.utf8())))])


def indexed(values):
    array = pa.DictionaryArray.from_arrays(pa.array([len(values) - 1, 0, None, 0], pa.int8()), pa.array(values))
    listed = pa.ListArray.from_arrays(pa.array([0, 1, 1, 3, 4], pa.int32()), array)
    return pa.record_batch([array, listed], schema=grown)


batches = [indexed(['a', 'b']), indexed(['a', 'b', 'c']), indexed(['a', 'b', 'c', 'd']), indexed(['x'])]
write('dictionary deltas', batches[:3], grown, emit_dictionary_deltas=True)
write('dictionary replacement', batches, grown)
write('dictionary deltas and replacement', batches, grown, emit_dictionary_deltas=True)
