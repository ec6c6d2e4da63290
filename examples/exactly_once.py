"""Sends numbered batches to Sheaf and stores each exactly once, also when the server dies in the middle.

    python examples/exactly_once.py grpc://localhost:8815 readings 1000

Stock pyarrow, nothing of Sheaf's. Start it, kill the server with SIGKILL as often as you like, start the server again
on the same directory: the script goes on where the server's disk is, and at the end no row is missing and none is there
twice. The rules are told in docs/ingest.md.
"""
import collections
import json
import sys
import time

import pyarrow as pa
import pyarrow.flight as fl

ROWS = 1000
IN_FLIGHT = 5  # batches sent and not answered yet; the server takes up to 16 of one call
PATIENCE_SECONDS = 120  # without any progress

SCHEMA = pa.schema([("id", pa.int64()), ("text", pa.string())])

# What a server that dies, stops, is full or is starting looks like. Everything else is a mistake of ours or a refusal,
# which a repetition would not change.
PASSING = (
    fl.FlightUnavailableError,
    fl.FlightInternalError,
    fl.FlightCancelledError,
    fl.FlightTimedOutError,
    OSError,
)


def make_batch(seq: int) -> pa.RecordBatch:
    """Batch `seq`, the same at every call: whoever may have to send again must be able to read again."""
    ids = range((seq - 1) * ROWS, seq * ROWS)
    return pa.record_batch([pa.array(ids, pa.int64()), pa.array([f"row {i}" for i in ids])], schema=SCHEMA)


def stored_seq(client: fl.FlightClient, table: str, producer: str) -> int:
    """The last batch that is durable; 0 when there is none, or no such table yet."""
    body = json.dumps({"table": table, "producer": producer}).encode()
    [result] = client.do_action(fl.Action("ingest-state", body))
    return json.loads(result.body.to_pybytes())["seq"]


def send_from(client: fl.FlightClient, table: str, producer: str, seq: int, last: int, acknowledged) -> None:
    """Sends batches `seq` to `last`, with a few under way at a time."""
    writer, results = client.do_put(fl.FlightDescriptor.for_path(table), SCHEMA)
    waiting = collections.deque()
    try:
        while seq <= last or waiting:
            if seq <= last and len(waiting) < IN_FLIGHT:
                writer.write_with_metadata(make_batch(seq), json.dumps({"producer": producer, "seq": seq}).encode())
                waiting.append(seq)
                seq += 1
                continue
            answer = results.read()
            if answer is None:
                break  # the server has ended the call; close() raises its reason
            told = json.loads(answer.to_pybytes())
            assert told["durable"] and told["seq"] == waiting.popleft(), told
            acknowledged(told)
    except PASSING:
        pass  # the reason stands in the call's status, which close() raises
    writer.close()
    if waiting:
        raise fl.FlightUnavailableError("the call ended before all batches were answered")


def ingest(address: str, table: str, producer: str, last: int, acknowledged) -> None:
    """Returns when batches 1 to `last` are durable, whatever happens to the server meanwhile."""
    quiet_since = time.monotonic()
    seen = -1
    while True:
        try:
            with fl.connect(address) as client:
                stored = stored_seq(client, table, producer)
                if stored > seen:
                    seen, quiet_since = stored, time.monotonic()
                if stored >= last:
                    return
                send_from(client, table, producer, stored + 1, last, acknowledged)
        except PASSING as error:
            if time.monotonic() - quiet_since > PATIENCE_SECONDS:
                raise
            print("again after:", str(error).split("\n")[0][:120], file=sys.stderr, flush=True)
            time.sleep(0.05)


def check(address: str, table: str, last: int) -> int:
    """Reads everything back: every row once, in order."""
    with fl.connect(address) as client:
        ids = client.do_get(fl.Ticket(f'SELECT * FROM "{table}"')).read_all()["id"].to_pylist()
    assert ids == list(range(last * ROWS)), f"{len(ids)} rows, {len(set(ids))} different ones, of {last * ROWS}"
    return len(ids)


if __name__ == "__main__":
    address, table, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
    ingest(address, table, "example", last, lambda told: print("durable", told["seq"], flush=True))
    print(f"{check(address, table, last)} rows, none twice")
