"""DuckDB, Polars and pandas over a fetched table; every plain RPC; the actions. Argument: port."""

import base64
import json
import sys
import time

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.flight as fl

client = fl.connect(f"grpc://127.0.0.1:{sys.argv[1]}")
path = fl.FlightDescriptor.for_path


def put(name, table):
    writer, _ = client.do_put(path(name), table.schema)
    writer.write_table(table)
    writer.close()


rows = 200_000
fares = pa.table(
    {
        "id": pa.array(range(rows)),
        "kind": pa.array([None if i % 7 == 0 else f"kind {i % 5}" for i in range(rows)]),
        "fare": pa.array([i / 8 for i in range(rows)]),
        "at": pa.array([i * 1_000_003 for i in range(rows)]).cast(pa.timestamp("ns", "UTC")),
    }
)
put("fares", fares)
fetched = client.do_get(fl.Ticket("SELECT * FROM fares")).read_all()
assert fetched.equals(fares)

# DuckDB
total, count = duckdb.sql("SELECT sum(fare), count(*) FROM fetched WHERE kind = 'kind 3'").fetchall()[0]
expected = [i / 8 for i in range(rows) if i % 5 == 3 and i % 7 != 0]
assert (total, count) == (sum(expected), len(expected)), (total, count)

# Polars: in, and out again (it sends large_string or string_view).
frame = pl.from_arrow(fetched)
assert frame.height == rows and frame["kind"].null_count() == fares["kind"].null_count
sent = frame.group_by("kind").agg(pl.col("fare").sum()).sort("kind").to_arrow()
put("by_kind", sent)
again = client.do_get(fl.Ticket("SELECT * FROM by_kind")).read_all()
assert again.equals(sent), again.schema

# pandas: in, and out with its index and its metadata.
people = pd.DataFrame({"name": ["a", None, "c"], "born": pd.to_datetime(["1970-01-01", None, "2024-02-29"])}, index=[3, 5, 8])
put("people", pa.Table.from_pandas(people))
back = client.do_get(fl.Ticket("SELECT * FROM people")).read_all().to_pandas()
pd.testing.assert_frame_equal(back, people)

# Streaming: batch by batch.
read = 0
for chunk in client.do_get(fl.Ticket("SELECT id FROM fares")):
    read += chunk.data.num_rows
assert read == rows

# FlightInfo by both descriptors: exact counts, one endpoint without location, an expiry, and a ticket that keeps its promise.
one = fares.slice(100, 1)
for descriptor, wanted in (
    (path("fares"), fares),
    (fl.FlightDescriptor.for_command("SELECT * FROM fares"), pa.concat_tables([fares, one])),
    (fl.FlightDescriptor.for_command("\nSELECT id, fare FROM fares WHERE id < 10"), fares.select(["id", "fare"]).slice(0, 10)),
):
    promised = client.get_flight_info(descriptor)
    assert promised.total_records == wanted.num_rows, promised.total_records
    assert promised.total_bytes > 0 and promised.ordered
    [endpoint] = promised.endpoints
    assert endpoint.locations == [] and endpoint.expiration_time.as_py().timestamp() > time.time() + 60
    put("fares", one)
    answer = client.do_get(endpoint.ticket).read_all()
    assert answer.equals(wanted), "the ticket's snapshot did not hold"
    assert promised.schema.equals(answer.schema, check_metadata=True)
    assert client.get_schema(descriptor).schema.equals(answer.schema, check_metadata=True)

# ListFlights: all, by substring, by prefix.
flights = {info.descriptor.path[0].decode(): info for info in client.list_flights()}
assert {"fares", "by_kind", "people"} <= set(flights), set(flights)
assert flights["fares"].total_records == rows + 3 and flights["fares"].schema.equals(fares.schema)
assert client.do_get(flights["people"].endpoints[0].ticket).read_all().num_rows == 3
assert [info.descriptor.path for info in client.list_flights(b"AR")] == [[b"fares"]]
assert [info.descriptor.path for info in client.list_flights(b"by*")] == [[b"by_kind"]]
assert list(client.list_flights(b"nothing")) == []


def action(name, body=b""):
    return [result.body.to_pybytes() for result in client.do_action(fl.Action(name, body))]


names = [kind.type for kind in client.list_actions()]
offered = {"ping", "healthcheck", "create-table", "drop-table", "CancelFlightInfo", "seal", "compact", "ingest-state"}
assert offered <= set(names) and len(names) == len(set(names)), names
assert all(kind.description for kind in client.list_actions())
assert action("ping") == [b"pong"]
assert json.loads(action("healthcheck")[0])["status"] == "ok"
schema = pa.schema([pa.field("a", pa.int64(), False), pa.field("b", pa.dictionary(pa.int32(), pa.string()))], metadata={"k": "v"})
created = {"table": "made", "schema": base64.b64encode(schema.serialize()).decode()}
assert json.loads(action("create-table", json.dumps(created).encode())[0]) == {"table": "made", "created": True}
assert client.get_schema(path("made")).schema.equals(schema, check_metadata=True)
assert client.do_get(fl.Ticket("SELECT * FROM made")).read_all().num_rows == 0
assert json.loads(action("seal", b'{"table":"fares"}')[0]) == {"sealed": True}
assert json.loads(action("seal")[0]) == {"sealed": True}
assert json.loads(action("drop-table", b'{"table":"made"}')[0]) == {"table": "made", "dropped": True}
assert "made" not in {info.descriptor.path[0].decode() for info in client.list_flights()}
print("ok")
