"""The queries of sql.bench.ts by other engines, over one Arrow file.

sql-peers.py ENGINE THREADS FILE TABLE ROUNDS

Prints `ready`, then for each line of stdin, a query's text as JSON, a line with the outcome as JSON.

duckdb   over its native table        duckdb-arrow   over the Arrow table itself        polars   over a DataFrame
An outcome is milliseconds of wall and of processor time (user and system, all threads) of each round, and the answer:
its rows; for each column of numbers or times the sum of its values, each times its row's number (from 1) where the
query orders them; and then the first rows themselves. Where Polars' SQL cannot say a query, it is the reason instead.
"""

import json
import os
import sys
import time

engine, threads, file, name, rounds = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
os.environ["POLARS_MAX_THREADS"] = str(threads)

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402

pa.set_cpu_count(threads)

FIRST_ROWS = 20


def opened():
    with pa.memory_map(file) as source, pa.ipc.open_stream(source) as reader:
        return reader.read_all()


def plain(column):
    """Times as whole microseconds, and DuckDB's sums of integers, which leave it as decimals, as doubles."""
    if pa.types.is_timestamp(column.type):
        return pc.cast(pc.cast(column, pa.timestamp("us")), pa.int64())
    return pc.cast(column, pa.float64()) if pa.types.is_decimal(column.type) else column


def answer(table, is_ordered):
    columns = [plain(column) for column in table.columns]
    sums = []
    for column in columns:
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            values = pc.fill_null(pc.cast(column, pa.float64()), 0).to_numpy()
            sums.append(float((values * np.arange(1, len(values) + 1)).sum() if is_ordered else values.sum()))
    first = [column.slice(0, FIRST_ROWS).to_pylist() for column in columns] if is_ordered else []
    return {"rows": table.num_rows, "sums": sums, "first": first}


def runner():
    table = opened()
    if engine == "polars":
        import polars as pl

        context = pl.SQLContext({name: pl.from_arrow(table)}, eager=True)
        return lambda sql: context.execute(sql).to_arrow()
    import duckdb

    db = duckdb.connect()
    db.execute(f"SET threads = {threads}")
    db.execute("SET preserve_insertion_order = true")
    db.register("arrow_table", table)
    if engine == "duckdb":
        db.execute(f"CREATE TABLE {name} AS SELECT * FROM arrow_table")
    else:
        db.register(name, table)
    return lambda sql: db.sql(sql).to_arrow_table()


def outcome(run, sql):
    try:
        made = run(sql)
    except Exception as error:
        if engine != "polars":
            raise
        return {"refusal": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
    milliseconds, processor = [], []
    for _ in range(rounds):
        started, used = time.perf_counter(), time.process_time()
        run(sql)
        milliseconds.append((time.perf_counter() - started) * 1000)
        processor.append((time.process_time() - used) * 1000)
    return {"milliseconds": milliseconds, "processor": processor, "answer": answer(made, "ORDER BY" in sql)}


run = runner()
print("ready", flush=True)
for line in sys.stdin:
    print(json.dumps(outcome(run, json.loads(line))), flush=True)
