"""The queries of sql.bench.ts by other engines, over one Arrow file. Prints one JSON line: milliseconds and answers.

sql-peers.py ENGINE THREADS FILE ROUNDS   the queries are read from stdin as a JSON list

duckdb   over its native table        duckdb-arrow   over the Arrow table itself        polars   over a DataFrame
An answer is the number of rows and, for each numeric column, the sum of its values.
"""

import json
import os
import sys
import time

engine, threads, file, rounds = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
os.environ["POLARS_MAX_THREADS"] = str(threads)

import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402

pa.set_cpu_count(threads)


def opened():
    with pa.memory_map(file) as source, pa.ipc.open_stream(source) as reader:
        return reader.read_all()


def answer(table):
    sums = []
    for column in table.columns:
        # DuckDB's sums of integers are HUGEINT, which leaves it as a decimal.
        if any(test(column.type) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)):
            sums.append(float(pc.sum(pc.cast(column, pa.float64())).as_py()))
    return [table.num_rows, *sums]


def runner():
    table = opened()
    if engine == "polars":
        import polars as pl

        context = pl.SQLContext(t=pl.from_arrow(table), eager=True)
        return lambda sql: context.execute(sql).to_arrow()
    import duckdb

    db = duckdb.connect()
    db.execute(f"SET threads = {threads}")
    db.execute("SET preserve_insertion_order = true")
    db.register("arrow_t", table)
    if engine == "duckdb":
        db.execute("CREATE TABLE t AS SELECT * FROM arrow_t")
    else:
        db.register("t", table)
    return lambda sql: db.sql(sql).to_arrow_table()


run = runner()
out = []
for sql in json.load(sys.stdin):
    milliseconds = []
    for i in range(rounds + 1):
        started = time.perf_counter()
        made = run(sql)
        if i > 0:
            milliseconds.append((time.perf_counter() - started) * 1000)
    out.append({"milliseconds": milliseconds, "answer": answer(made)})
print(json.dumps(out))
