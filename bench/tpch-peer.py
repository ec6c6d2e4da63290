"""The queries of tpch.bench.ts by DuckDB over its native tables, and the judgement of Sheaf's answers.

tpch-peer.py FILES ANSWERS ROUNDS   stdin: a JSON list of [name, SQL text]

FILES holds a Parquet file for each table, ANSWERS an Arrow stream of Sheaf's answer to each query, by its name.
Prints a JSON list with an outcome for each query: by threads (one and two) milliseconds of wall and of processor time
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

files, answers, rounds = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
DIFFERENCES_MAX = 5


def opened(path):
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
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
out = []
for name, sql in json.load(sys.stdin):
    found = differences(opened(answers / f"{name}.arrows"), db.sql(sql).to_arrow_table())
    out.append({"one": timed(db, sql, 1), "two": timed(db, sql, 2), "differences": found})
print(json.dumps(out))
