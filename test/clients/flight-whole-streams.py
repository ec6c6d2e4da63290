"""Writers put streams of four batches while readers count. Arguments: port, HTTP address, streams per writer.

A stream is 1,000 rows of one number of its own in column g, and ones in column v; so every count must be a multiple
of 1,000, never fall, equal the sum of v, and every g must have 1,000 rows. Prints JSON: streams, reads, faults.
"""

import json
import sys
import threading
import urllib.request

import numpy as np
import pyarrow as pa
import pyarrow.flight as fl

address, http, streams = f"grpc://127.0.0.1:{sys.argv[1]}", sys.argv[2], int(sys.argv[3])
WRITERS = 3
path = fl.FlightDescriptor.for_path("whole")
ones = np.ones(250, np.int64)
faults = []
reads = []
failures = []


def put(client, number):
    batch = pa.record_batch({"g": np.full(250, number), "v": ones})
    writer, _ = client.do_put(path, batch.schema)
    for _ in range(4):
        writer.write_batch(batch)
    writer.close()


def write(which):
    client = fl.connect(address)
    for i in range(streams):
        put(client, which * 1_000_000 + i)


def check(door, last, count, total):
    reads.append(door)
    if count % 1000 != 0 or count < last or total != count:
        faults.append([door, last, count, total])
    return count


def read_flight(done):
    client, last = fl.connect(address), 0
    while not done.is_set():
        row = client.do_get(fl.Ticket("SELECT count(*) AS n, sum(v) AS s FROM whole")).read_all().to_pylist()[0]
        last = check("flight sql", last, row["n"], row["s"])
        promised = client.get_flight_info(path)
        table = client.do_get(promised.endpoints[0].ticket).read_all()
        last = check("flight ticket", last, promised.total_records, table.num_rows)
        groups = table.group_by("g").aggregate([("v", "sum")])
        if set(groups["v_sum"].to_pylist()) != {1000}:
            faults.append(["flight groups", groups.to_pydict()])


def read_http(done):
    last = 0
    while not done.is_set():
        request = urllib.request.Request(f"http://{http}/query", b"SELECT count(*) AS n, sum(v) AS s FROM whole")
        count, total = json.load(urllib.request.urlopen(request))["data"][0]
        last = check("http", last, count, total)


def watched(work, *arguments):
    def run():
        try:
            work(*arguments)
        except Exception as error:
            failures.append(repr(error))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


put(fl.connect(address), -1)
done = threading.Event()
readers = [watched(read_flight, done), watched(read_http, done)]
writers = [watched(write, which) for which in range(WRITERS)]
for thread in writers:
    thread.join()
done.set()
for thread in readers:
    thread.join()
doors = {door: reads.count(door) for door in ("flight sql", "flight ticket", "http")}
print(json.dumps({"reads": doors, "faults": faults[:5], "failures": failures[:5]}))
