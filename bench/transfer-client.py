"""The client of the transfer bench: stock pyarrow. Each command prints one JSON line with seconds and what it read.

make PATH ROWS            writes the data as an IPC file of 64 Ki-row batches
get PORT TICKET           DoGet, read to the end batch by batch
table PORT TICKET         DoGet, read_all
put PORT NAME PATH BATCH  DoPut of the file; BATCH rows a batch, 0 = one single batch (write_table)
write PATH COPY            plain write and fdatasync of the file's bytes
small PORT TICKET COUNT   COUNT small queries one after another over one connection
json URL SQL              HTTP JSON, parsed by the json module
"""

import json
import os
import sys
import time
import urllib.request

import numpy as np
import pyarrow as pa
import pyarrow.flight as fl


def make(path, rows):
    random = np.random.default_rng(7)
    table = pa.table(
        {
            "ts": np.arange(rows, dtype=np.int64) * 1000,
            "symbol": random.integers(0, 100, rows),
            "price": random.normal(100, 10, rows),
            "volume": random.integers(1, 1000, rows).astype(np.float64),
        }
    )
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=65536)
    return {"rows": rows, "bytes": table.nbytes}


def get(port, ticket):
    client = fl.connect(f"grpc://127.0.0.1:{port}")
    started = time.perf_counter()
    rows = 0
    size = 0
    total = 0
    for chunk in client.do_get(fl.Ticket(ticket.encode())):
        rows += chunk.data.num_rows
        size += chunk.data.nbytes
        total += int(chunk.data.column(0)[-1].as_py())
    return {"seconds": time.perf_counter() - started, "rows": rows, "bytes": size, "check": total}


def table(port, ticket):
    client = fl.connect(f"grpc://127.0.0.1:{port}")
    started = time.perf_counter()
    read = client.do_get(fl.Ticket(ticket.encode())).read_all()
    return {"seconds": time.perf_counter() - started, "rows": read.num_rows, "bytes": read.nbytes}


def put(port, name, path, batch):
    data = pa.ipc.open_file(pa.memory_map(path)).read_all()
    if batch == 0:
        data = data.combine_chunks()
    client = fl.connect(f"grpc://127.0.0.1:{port}", generic_options=[("grpc.max_send_message_length", -1)])
    started = time.perf_counter()
    writer, _ = client.do_put(fl.FlightDescriptor.for_path(name), data.schema)
    if batch == 0:
        writer.write_table(data)
    else:
        writer.write_table(data, max_chunksize=batch)
    writer.close()
    return {"seconds": time.perf_counter() - started, "rows": data.num_rows, "bytes": data.nbytes, "check": 0}


def write(path, copy):
    """Writes the file's bytes to a new file and waits until they are on the disk: what durability costs at the least."""
    with open(path, "rb") as source:
        data = source.read()
    started = time.perf_counter()
    target = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    view = memoryview(data)
    while len(view) > 0:
        view = view[os.write(target, view[: 2 << 20]) :]
    os.fdatasync(target)
    os.close(target)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "rows": 0, "bytes": len(data)}


def small(port, ticket, count):
    client = fl.connect(f"grpc://127.0.0.1:{port}")
    request = fl.Ticket(ticket.encode())
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        rows = client.do_get(request).read_all().num_rows
        taken.append((time.perf_counter() - started) * 1000)
        assert rows == 10, rows
    return {"milliseconds": taken}


def http_json(url, sql):
    started = time.perf_counter()
    with urllib.request.urlopen(urllib.request.Request(url, data=sql.encode())) as response:
        body = response.read()
    answer = json.loads(body)
    return {"seconds": time.perf_counter() - started, "rows": len(answer["data"]), "bytes": len(body)}


COMMANDS = {
    "make": lambda a: make(a[0], int(a[1])),
    "get": lambda a: get(int(a[0]), a[1]),
    "table": lambda a: table(int(a[0]), a[1]),
    "put": lambda a: put(int(a[0]), a[1], a[2], int(a[3])),
    "write": lambda a: write(a[0], a[1]),
    "small": lambda a: small(int(a[0]), a[1], int(a[2])),
    "json": lambda a: http_json(a[0], a[1]),
}

print(json.dumps(COMMANDS[sys.argv[1]](sys.argv[2:])))
