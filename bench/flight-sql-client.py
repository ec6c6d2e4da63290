"""The client of the flight-sql bench: stock ADBC and pyarrow, asked one thing at a time by lines of JSON (peer.ts).

Words: PATH of an IPC file with the rows. A request is {"do": name, "port": port, ...}; an answer has seconds, and rows and check where it
reads, or milliseconds of each run.

get         plain DoGet of `sql`, batch by batch
query       the same by an ADBC cursor; `endpoints` asks for so many, 0 says nothing
put         durable DoPut of the file to `table`, 64 Ki-row batches
ingest      the same by adbc_ingest
endpoints   the answer of `sql` from `endpoints` endpoints, a thread and a connection for each
fill        runs `create`, and fills `table` with `rows` rows by a prepared INSERT
lookups     `count` times a prepared SELECT of one row of `table`, on each of `clients` connections at the same time
"""

import json
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pyarrow.flight as fl

HEADER = "x-sheaf-endpoints"
data = pa.ipc.open_file(pa.memory_map(sys.argv[1])).read_all() if len(sys.argv) > 1 else None


def connect(port, endpoints=0):
    options = {} if endpoints == 0 else {f"adbc.flight.sql.rpc.call_header.{HEADER}": str(endpoints)}
    return dbapi.connect(f"grpc://127.0.0.1:{port}", db_kwargs=options, autocommit=True)


def drained(batches):
    rows = 0
    check = 0
    for batch in batches:
        rows += batch.num_rows
        check += int(batch.column(0)[-1].as_py())
    return rows, check


def get(ask):
    client = fl.connect(f"grpc://127.0.0.1:{ask['port']}")
    started = time.perf_counter()
    rows, check = drained(chunk.data for chunk in client.do_get(fl.Ticket(ask["sql"].encode())))
    return {"seconds": time.perf_counter() - started, "rows": rows, "check": check}


def query(ask):
    with connect(ask["port"], ask["endpoints"]) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute(ask["sql"])
        rows, check = drained(cursor.fetch_record_batch())
        return {"seconds": time.perf_counter() - started, "rows": rows, "check": check}


def put(ask):
    client = fl.connect(f"grpc://127.0.0.1:{ask['port']}")
    started = time.perf_counter()
    writer, _ = client.do_put(fl.FlightDescriptor.for_path(ask["table"]), data.schema)
    writer.write_table(data, max_chunksize=65536)
    writer.close()
    return {"seconds": time.perf_counter() - started, "rows": data.num_rows, "check": 0}


def ingest(ask):
    with connect(ask["port"]) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.adbc_ingest(ask["table"], data.to_reader(max_chunksize=65536), mode="create")
        return {"seconds": time.perf_counter() - started, "rows": data.num_rows, "check": 0}


def endpoints(ask):
    address = f"grpc://127.0.0.1:{ask['port']}"
    asked = fl.FlightCallOptions(headers=[(HEADER.encode(), str(ask["endpoints"]).encode())])

    def read(endpoint):
        return drained(chunk.data for chunk in fl.connect(address).do_get(endpoint.ticket))

    started = time.perf_counter()
    info = fl.connect(address).get_flight_info(fl.FlightDescriptor.for_command(ask["sql"]), asked)
    assert len(info.endpoints) == ask["endpoints"], len(info.endpoints)
    with ThreadPoolExecutor(len(info.endpoints)) as readers:
        parts = list(readers.map(read, info.endpoints))
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "rows": sum(rows for rows, _ in parts), "check": sum(check for _, check in parts)}


def fill(ask):
    table, rows = ask["table"], ask["rows"]
    with connect(ask["port"]) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute(ask["create"])
        for at in range(0, rows, 10_000):
            ids = pa.array(range(at, min(at + 10_000, rows)), pa.int64())
            values = pa.record_batch({"1": ids, "2": ids.cast(pa.float64())})
            cursor.executemany(f"INSERT INTO {table} VALUES (?, ?)", values)
        return {"seconds": time.perf_counter() - started}


def lookups(ask):
    table, count, clients = ask["table"], ask["count"], ask["clients"]
    sql = f"SELECT id, price FROM {table} WHERE id = ?"
    taken = []
    begin = threading.Barrier(clients + 1, timeout=60)

    def run(seed):
        chosen = random.Random(seed)
        with connect(ask["port"]) as connection, connection.cursor() as cursor:
            own = []
            for i in range(count + 20):
                if i == 20:
                    begin.wait()
                wanted = chosen.randrange(ask["rows"])
                started = time.perf_counter()
                cursor.execute(sql, (wanted,))
                found = cursor.fetchall()
                if i >= 20:
                    own.append((time.perf_counter() - started) * 1000)
                assert found == [(wanted, float(wanted))], found
        taken.append(own)

    threads = [threading.Thread(target=run, args=(seed,), daemon=True) for seed in range(clients)]
    for thread in threads:
        thread.start()
    begin.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    assert len(taken) == clients
    return {"seconds": time.perf_counter() - started, "milliseconds": [each for own in taken for each in own]}


COMMANDS = {each.__name__: each for each in (get, query, put, ingest, endpoints, fill, lookups)}

print("ready", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(COMMANDS[request["do"]](request)), flush=True)
