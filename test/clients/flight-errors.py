"""What pyarrow raises for each mistake, as JSON lines [name, exception class, the server's own words]. Argument: port.

The table `trades` (symbol int64, price double, volume double) must exist.
"""

import json
import os
import re
import sys

import pyarrow as pa
import pyarrow.flight as fl

client = fl.connect(f"grpc://127.0.0.1:{sys.argv[1]}")
trades = {"symbol": pa.array([1]), "price": pa.array([1.5]), "volume": pa.array([2.5])}


def attempt(name, work):
    try:
        work()
    except Exception as error:
        words = re.search(r"with message: (.*?)(\. gRPC client debug context.*)?$", str(error), re.S)
        print(json.dumps([name, type(error).__name__, words.group(1) if words else str(error)]))
    else:
        print(json.dumps([name, "", ""]))


def get(ticket):
    return lambda: client.do_get(fl.Ticket(ticket)).read_all()


def put(descriptor, columns, batches=1, metadata=None):
    def work():
        table = pa.table(columns)
        writer, reader = client.do_put(descriptor, table.schema)
        for _ in range(batches):
            if metadata is None:
                writer.write_table(table)
            else:
                writer.write_with_metadata(table.to_batches()[0], metadata)
        writer.done_writing()
        # A server that says nothing must not leave the reader hanging.
        assert reader.read() is None
        writer.close()

    return work


def exchange():
    writer, reader = client.do_exchange(path("trades"))
    writer.begin(pa.schema([("a", pa.int64())]))
    writer.done_writing()
    reader.read_chunk()


path = fl.FlightDescriptor.for_path
command = fl.FlightDescriptor.for_command
rows = pa.array(range(100_000))
FLIGHT_SQL = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"

attempt("syntax", get("SELEC 1"))
attempt("unknown column", get("SELECT prize FROM trades"))
attempt("unknown table", get("SELECT * FROM trade"))
attempt("writes", get("CREATE TABLE made_by_ticket (a int)"))
attempt("random ticket", get(b"\xfe" + bytes(range(200, 256))))
attempt("forged ticket", get(client.get_flight_info(path("trades")).endpoints[0].ticket.ticket[:-1] + b"?"))
attempt("empty ticket", get(b""))
attempt("newline first", get("\nSELECT * FROM trades"))
attempt("Flight SQL", get(b"\x0a" + bytes([len(FLIGHT_SQL)]) + FLIGHT_SQL + b"\x12\x00"))
attempt("no such table", lambda: client.get_flight_info(path("trade")))
attempt("no such table, schema", lambda: client.get_schema(path("trade")))
attempt("long path", lambda: client.get_flight_info(path("main", "trades")))
attempt("parent path", put(path("../x"), trades))
attempt("NUL in the name", put(path("a\0b"), trades))
attempt("empty name", put(path(""), trades))
attempt("empty path", put(path(), trades))
attempt("long put path", put(path("main", "trades"), trades))
attempt("name is not UTF-8", put(command(b"\xff\xfe"), trades))
attempt("missing column", put(path("trades"), {"symbol": pa.array([1]), "price": pa.array([1.5])}))
attempt("extra column", put(path("trades"), {**trades, "prise": pa.array([1])}))
attempt("other type", put(path("trades"), {**trades, "price": pa.array(["dear"])}))
attempt("other order", put(path("trades"), {name: trades[name] for name in ("volume", "symbol", "price")}))
attempt("other type, much sent", put(path("trades"), {**trades, "symbol": rows.cast(pa.string()), "price": rows, "volume": rows}, 30))
attempt("producer", put(path("once"), trades, metadata=b'{"producer":"p"}'))
attempt("other metadata", put(path("with_metadata"), trades, metadata=b'{"seq":1}'))
attempt("twice the same column", put(path("twice"), {"A": pa.array([1]), "a": pa.array([2])}))
attempt("unknown action", lambda: list(client.do_action(fl.Action("pong", b""))))
attempt("large body", lambda: list(client.do_action(fl.Action("seal", os.urandom(2_000_000)))))
attempt("no JSON", lambda: list(client.do_action(fl.Action("drop-table", b"trades"))))
attempt("no table named", lambda: list(client.do_action(fl.Action("drop-table", b"{}"))))
attempt("no schema", lambda: list(client.do_action(fl.Action("create-table", b'{"table":"t","schema":"aGVsbG8="}'))))
attempt("exchange", exchange)
attempt("login", lambda: client.authenticate_basic_token("a", "b"))
attempt("still there", get("SELECT * FROM trades"))
