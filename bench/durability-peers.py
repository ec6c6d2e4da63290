"""Durable commits of the same bytes by other stores. Prints one JSON line: milliseconds a commit, and what is stored.

lmdb DIRECTORY COUNT BYTES     one value of BYTES bytes a transaction; LMDB's default syncs at commit
duckdb DIRECTORY COUNT BYTES   BYTES / 32 rows of four columns a transaction, into a file database
"""

import json
import os
import sys
import time


def commits_lmdb(directory, count, size):
    import lmdb

    environment = lmdb.open(os.path.join(directory, "lmdb"), map_size=16 << 30)
    value = os.urandom(size)
    with environment.begin() as transaction:
        before = transaction.stat()["entries"]
    taken = []
    for i in range(count):
        started = time.perf_counter()
        with environment.begin(write=True) as transaction:
            transaction.put((before + i).to_bytes(8, "big"), value)
        taken.append((time.perf_counter() - started) * 1000)
    with environment.begin() as transaction:
        stored = sum(len(found) for _, found in transaction.cursor()) - before * size
    environment.close()
    return taken, stored


def commits_duckdb(directory, count, size):
    import duckdb
    import numpy as np
    import pyarrow as pa

    rows = size // 32
    connection = duckdb.connect(os.path.join(directory, "duck.db"))
    connection.execute("CREATE TABLE IF NOT EXISTS t (id BIGINT, symbol BIGINT, price DOUBLE, volume DOUBLE)")
    before = connection.execute("SELECT count(*) FROM t").fetchone()[0]
    taken = []
    for i in range(count):
        ids = np.arange(rows, dtype=np.int64) + i * rows
        batch = pa.table({"id": ids, "symbol": ids * 7919 % 100, "price": 100 + np.sin(ids), "volume": ids * 31.0 % 1000})
        started = time.perf_counter()
        connection.execute("INSERT INTO t SELECT * FROM batch")
        taken.append((time.perf_counter() - started) * 1000)
    stored = (connection.execute("SELECT count(*) FROM t").fetchone()[0] - before) * 32
    connection.close()
    return taken, stored


COMMITS = {"lmdb": commits_lmdb, "duckdb": commits_duckdb}
milliseconds, bytes_stored = COMMITS[sys.argv[1]](sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
print(json.dumps({"milliseconds": milliseconds, "bytes": bytes_stored}))
