"""Reads pairs of paths from standard input, and prints for each pair what differs, or "equal"."""

import sys

import pyarrow as pa


def read(path):
    with open(path, 'rb') as file:
        magic = file.read(6)
    opened = pa.ipc.open_file(path) if magic == b'ARROW1' else pa.ipc.open_stream(path)
    return opened.read_all()


def compare(left, right):
    expected, actual = read(left), read(right)
    actual.validate(full=True)
    if not actual.schema.equals(expected.schema, check_metadata=True):
        return f'schema {actual.schema} is not {expected.schema}'
    if actual.num_rows != expected.num_rows:
        return f'{actual.num_rows} rows are not {expected.num_rows}'
    for name, a, b in zip(expected.schema.names, expected.columns, actual.columns):
        if not a.equals(b):
            return f'column {name}: {b} is not {a}'
    return 'equal' if actual.equals(expected, check_metadata=True) else 'tables differ'


for line in sys.stdin:
    left, right = line.rstrip('\n').split('\t')
    try:
        answer = compare(left, right)
    except Exception as error:
        answer = f'{type(error).__name__}: {error}'
    print(answer.replace('\n', ' ')[:500])
