"""Answers SQL with DuckDB for test/sql-fuzz/oracle.ts.

Reads requests from standard input, one JSON object a line: {"load": {table: file of an Arrow stream, …}} replaces all
tables, {"accepts": [text, ...]} asks which queries run, {"sql": text, "optimizer": bool} asks a query. Each answer on standard output is the length of a JSON header
(4 bytes, little-endian), the header {"error": text or null, "bytes": n}, and n bytes: an Arrow stream of the rows.
"""

import json
import struct
import sys
import threading

import duckdb
import pyarrow as pa

SECONDS_MAX = 20

db = duckdb.connect()
db.execute("SET threads = 1")
db.execute("SET TimeZone = 'UTC'")
# Sheaf answers NULL, as DuckDB did before 2.0 and does with this setting.
db.execute("SET error_on_division_by_zero = false")
loaded = []


def load(tables):
    for name in loaded:
        db.execute(f"DROP TABLE {name}")
    loaded.clear()
    for name, path in tables.items():
        with pa.memory_map(path) as file, pa.ipc.open_stream(file) as reader:
            arrow_rows = reader.read_all()
        db.register("arrow_rows", arrow_rows)
        db.execute(f"CREATE TABLE {name} AS SELECT * FROM arrow_rows")
        db.unregister("arrow_rows")
        loaded.append(name)


def accepts(sql):
    try:
        db.execute(sql).fetchall()
        return True
    except duckdb.Error:
        return False


def ask(sql, optimizer):
    db.execute("PRAGMA enable_optimizer" if optimizer else "PRAGMA disable_optimizer")
    timer = threading.Timer(SECONDS_MAX, db.interrupt)
    timer.start()
    try:
        table = db.sql(sql).to_arrow_table()
    finally:
        timer.cancel()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


for line in sys.stdin:
    request = json.loads(line)
    body, error = b"", None
    try:
        if "load" in request:
            load(request["load"])
        elif "accepts" in request:
            body = json.dumps([accepts(sql) for sql in request["accepts"]]).encode()
        else:
            body = ask(request["sql"], request["optimizer"])
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    header = json.dumps({"error": error, "bytes": len(body)}).encode()
    sys.stdout.buffer.write(struct.pack("<I", len(header)) + header + body)
    sys.stdout.buffer.flush()
