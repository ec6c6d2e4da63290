"""The queries of tpch.bench.ts by DuckDB over its native tables, and the judgement of Sheaf's answers.

tpch-peer.py FILES ROUNDS

FILES holds a Parquet file for each table. Prints `ready`, then for each line of stdin, which is [SQL text, path] as
JSON, a line with the outcome as JSON. The path is that of Sheaf's answer, an Arrow stream. An outcome is: by threads (one and two) milliseconds of wall and of processor time
(user and system, all threads) of each round, and the differences found: names, types, rows and cells, in order; doubles
to nine digits, all else exactly. A sum of integers is int64 in Sheaf, where DuckDB widens it; the values must be equal.
"""

import json
import math
import pathlib
import sys
import time

import duckdb
import pyarrow as pa

files, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
DIFFERENCES_MAX = 5


def opened(path):
    with pa.memory_map(path) as source, pa.ipc.open_stream(source) as reader:
        return reader.read_all()


def same_type(ours, theirs):
    widened = pa.types.is_int64(ours) and pa.types.is_decimal(theirs) and theirs.scale == 0
    return ours == theirs or widened


def same_cell(ours, theirs):
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9) or (math.isnan(ours) and math.isnan(theirs))
    return ours == theirs


def differences(ours, theirs):
    if ours.column_names != theirs.column_names:
        return [f"columns {ours.column_names}, DuckDB {theirs.column_names}"]
    if ours.num_rows != theirs.num_rows:
        return [f"{ours.num_rows} rows, DuckDB {theirs.num_rows}"]
    found = []
    for name, a, b in zip(ours.column_names, ours.columns, theirs.columns):
        if not same_type(a.type, b.type):
            found.append(f"{name} is {a.type}, DuckDB {b.type}")
        for row, (x, y) in enumerate(zip(a.to_pylist(), b.to_pylist())):
            if not same_cell(x, y):
                found.append(f"{name} in row {row} is {x!r}, DuckDB {y!r}")
    return found[:DIFFERENCES_MAX]


def timed(db, sql, threads):
    db.execute(f"SET threads = {threads}")
    db.sql(sql).to_arrow_table()
    milliseconds, processor = [], []
    for _ in range(rounds):
        started, used = time.perf_counter(), time.process_time()
        db.sql(sql).to_arrow_table()
        milliseconds.append((time.perf_counter() - started) * 1000)
        processor.append((time.process_time() - used) * 1000)
    return {"milliseconds": milliseconds, "processor": processor}


db = duckdb.connect()
for path in files.glob("*.parquet"):
    db.execute(f"CREATE TABLE {path.stem} AS SELECT * FROM '{path}'")
print("ready", flush=True)
for line in sys.stdin:
    sql, path = json.loads(line)
    found = differences(opened(path), db.sql(sql).to_arrow_table())
    print(json.dumps({"one": timed(db, sql, 1), "two": timed(db, sql, 2), "differences": found}), flush=True)
