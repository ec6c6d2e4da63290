# Exactly-once puts by stock pyarrow: each rule of docs/ingest.md, with what the client sees. Arguments: port, and
# "first" or, after the server was killed and started again, "again". Prints "ok".
import json
import sys

import pyarrow as pa
import pyarrow.flight as fl

port, phase = sys.argv[1], sys.argv[2]
client = fl.connect(f"grpc://127.0.0.1:{port}")
SCHEMA = pa.schema([("a", pa.int64()), ("s", pa.string())])


def batch(*values):
    return pa.record_batch([pa.array(values, pa.int64()), pa.array([str(v) for v in values])], schema=SCHEMA)


def rows(table):
    return client.do_get(fl.Ticket(f"SELECT * FROM {table}")).read_all()["a"].to_pylist()


def state(table, producer="p"):
    body = json.dumps({"table": table, "producer": producer}).encode()
    [result] = client.do_action(fl.Action("ingest-state", body))
    found = json.loads(result.body.to_pybytes())
    assert found.pop("producer") == producer
    return found["epoch"], found["seq"], found["rows"]


class Stream:
    """One DoPut, batch by batch."""

    def __init__(self, table, schema=SCHEMA):
        self.writer, self.results = client.do_put(fl.FlightDescriptor.for_path(table), schema)

    def send(self, seq, data, producer="p", **more):
        self.writer.write_with_metadata(data, json.dumps({"producer": producer, "seq": seq, **more}).encode())

    def answer(self):
        answer = self.results.read()
        return None if answer is None else json.loads(answer.to_pybytes())

    def put(self, seq, data, **more):
        self.send(seq, data, **more)
        return self.answer()

    def close(self):
        self.writer.close()


def refused(kind, start, table, *sends):
    """Sends, and expects the call to end with this exception; a client that waits for its answer gets none."""
    stream = Stream(table)
    try:
        for seq, data, more in sends:
            stream.send(seq, data, **more)
        while stream.answer() is not None:
            pass
        stream.close()
    except (pa.ArrowException, fl.FlightError) as error:
        assert type(error).__name__ == kind, (kind, type(error), error)
        assert start in str(error), error
        return
    raise AssertionError(f"{start} was not refused")


def whole(table, seq, data, epoch=None):
    """A whole stream under one number; returns its answer."""
    headers = [(b"x-ingest-producer", b"p"), (b"x-ingest-seq", str(seq).encode())]
    if epoch is not None:
        headers.append((b"x-ingest-epoch", str(epoch).encode()))
    writer, results = client.do_put(
        fl.FlightDescriptor.for_path(table), SCHEMA, fl.FlightCallOptions(headers=headers)
    )
    for each in data:
        writer.write_batch(each)
    writer.done_writing()
    answer = results.read()
    writer.close()
    return json.loads(answer.to_pybytes())


def replay_after_each_answer():
    assert state("replay") == (0, 0, 0)
    first = {}
    for seq in range(1, 6):
        stream = Stream("replay")
        told = stream.put(seq, batch(seq, -seq))
        assert told.pop("commit") > 0 and told == {"producer": "p", "seq": seq, "rows": 2, "durable": True}, told
        stream.close()
        # The answer was lost, the client thinks: it sends again, twice in one call, and on a fresh one.
        stream = Stream("replay")
        again = [stream.put(seq, batch(seq, -seq)), stream.put(seq, batch(seq, -seq))]
        assert again[0] == again[1] and again[0]["duplicate"] and again[0]["rows"] == 2, again
        first[seq] = again[0]
        stream.close()
    stream = Stream("replay")
    assert [stream.put(seq, batch(seq, -seq)) for seq in first] == list(first.values())
    stream.close()
    assert rows("replay") == [v for seq in range(1, 6) for v in (seq, -seq)]
    assert state("replay") == (0, 5, 10)


def replay_in_other_buffers():
    stream = Stream("buffers")
    values = pa.record_batch([pa.array([7, None, 9]), pa.array(["x", None, "z"])], schema=SCHEMA)
    assert "duplicate" not in stream.put(1, values)
    # The same rows out of a larger batch, and with other values under the nulls.
    sliced = pa.record_batch([pa.array([1, 7, None, 9]), pa.array(["w", "x", None, "z"])], schema=SCHEMA).slice(1)
    assert stream.put(1, sliced)["duplicate"]
    hidden = pa.Array.from_buffers(pa.int64(), 3, [pa.py_buffer(b"\xfd"), pa.array([7, 8, 9]).buffers()[1]])
    assert stream.put(1, pa.record_batch([hidden, values["s"]], schema=SCHEMA))["duplicate"]
    stream.close()
    assert rows("buffers") == [7, None, 9]


def gap_other_content_and_epochs():
    refused("ArrowInvalid", 'has to send seq 1 next, and sent 2', "rules", (2, batch(2), {}))
    stream = Stream("rules")
    assert stream.put(1, batch(1))["seq"] == 1
    stream.close()
    refused("ArrowInvalid", "has to send seq 3 next, and sent 4", "rules", (2, batch(2), {}), (4, batch(4), {}))
    assert state("rules") == (0, 2, 2)
    refused("ArrowException", "already_exists: producer", "rules", (2, batch(99), {}))
    stream = Stream("rules")
    assert stream.put(3, batch(3), epoch=2)["seq"] == 3
    stream.close()
    refused("FlightUnauthorizedError", "is at epoch 2, and this request has epoch 1", "rules", (4, batch(4), {"epoch": 1}))
    refused("FlightUnauthorizedError", "is at epoch 2, and this request has epoch 0", "rules", (3, batch(3), {}))
    assert state("rules") == (2, 3, 3)
    assert rows("rules") == [1, 2, 3]


def mixing():
    stream = Stream("mixed")
    try:
        stream.put(1, batch(1))
        stream.writer.write_batch(batch(2))
        assert stream.answer() is None
        stream.close()
        raise AssertionError("mixing was not refused")
    except pa.ArrowInvalid as error:
        assert "a batch names no producer, and those before it do" in str(error), error
    assert rows("mixed") == [1]


def two_writers_as_one_producer():
    a, b = Stream("two"), Stream("two")
    a.send(1, batch(1))
    b.send(1, batch(1))
    answers = [a.answer(), b.answer()]
    assert [each["seq"] for each in answers] == [1, 1]
    assert sorted("duplicate" in each for each in answers) == [False, True], answers
    assert answers[0]["commit"] == answers[1]["commit"]
    # Now with different rows: one of them is stored, the other is told.
    a.send(2, batch(20))
    b.send(2, batch(21))
    answers = [a.answer(), b.answer()]
    assert sorted(each is None for each in answers) == [False, True], answers
    for stream, answer in zip((a, b), answers):
        try:
            stream.close()
            assert answer is not None
        except pa.ArrowException as error:
            assert answer is None and "has stored other rows as seq 2" in str(error), error
    assert rows("two") == [1, 20 if answers[0] is not None else 21]


def five_in_flight():
    stream = Stream("five")
    for start in range(1, 41, 5):
        for seq in range(start, start + 5):
            stream.send(seq, batch(seq))
        assert [stream.answer()["seq"] for _ in range(5)] == list(range(start, start + 5))
    # Nothing read at all before the end: twelve answers wait.
    for seq in range(41, 53):
        stream.send(seq, batch(seq))
    stream.writer.done_writing()
    assert [stream.answer()["seq"] for _ in range(12)] == list(range(41, 53))
    assert stream.answer() is None
    stream.close()
    assert rows("five") == list(range(1, 53))


def failure_among_five():
    stream = Stream("among")
    for seq in (1, 2, 3, 5, 6):
        stream.send(seq, batch(seq))
    assert [stream.answer()["seq"] for _ in range(3)] == [1, 2, 3]
    assert stream.answer() is None
    try:
        stream.close()
        raise AssertionError("the gap was not refused")
    except pa.ArrowInvalid as error:
        assert "has to send seq 4 next, and sent 5" in str(error), error
    assert rows("among") == [1, 2, 3] and state("among") == (0, 3, 3)


def dictionaries_and_empty_batches():
    schema = pa.schema([("d", pa.dictionary(pa.int8(), pa.string()))])
    make = lambda values: pa.record_batch([pa.array(values).dictionary_encode().cast(schema[0].type)], schema=schema)
    stream = Stream("words", schema)
    stream.put(1, make(["x", "y", "x"]))
    stream.put(2, make(["z"]))
    stream.close()
    stream = Stream("words", schema)
    assert stream.put(2, make(["z"]))["duplicate"]
    assert stream.put(3, make(["x"]).slice(1))["rows"] == 0
    assert stream.put(3, make(["x"]).slice(1))["duplicate"]
    stream.close()
    got = client.do_get(fl.Ticket("SELECT * FROM words")).read_all()["d"].to_pylist()
    assert got == ["x", "y", "x", "z"], got
    assert state("words") == (0, 3, 4)


def whole_streams():
    told = whole("whole", 1, [batch(1, 2), batch(3)])
    assert told.pop("commit") > 0 and told == {"producer": "p", "seq": 1, "rows": 3, "durable": True}, told
    assert whole("whole", 1, [batch(1), batch(2, 3)])["duplicate"]
    for seq, data, kind in ((1, [batch(1)], pa.ArrowException), (3, [batch(4)], pa.ArrowInvalid)):
        try:
            whole("whole", seq, data)
            raise AssertionError(f"seq {seq} was not refused")
        except kind as error:
            assert "of table" in str(error), error
    large = [pa.record_batch([pa.array(range(300_000)), pa.array(["x" * 100] * 300_000)], schema=SCHEMA)] * 2
    assert whole("whole", 2, large, epoch=1)["rows"] == 600_000
    assert whole("whole", 2, large, epoch=1)["duplicate"]
    assert state("whole") == (1, 2, 600_003)
    assert len(rows("whole")) == 600_003


def large_among_small():
    """A batch that is spilled to a file of its own must not be overtaken by the small one behind it."""
    schema = pa.schema([("b", pa.binary())])
    make = lambda size, count: pa.record_batch([pa.array([bytes(size)] * count)], schema=schema)
    stream = Stream("sizes", schema)
    for seq in range(1, 9):
        stream.send(seq, make(1_000_000, 40) if seq % 3 == 1 else make(10, 1))
    assert [stream.answer()["seq"] for _ in range(8)] == list(range(1, 9))
    stream.close()
    assert state("sizes") == (0, 8, 3 * 40 + 5)


def after_restart():
    """The server was killed and has its state from disk."""
    assert state("replay") == (0, 5, 10) and state("rules") == (2, 3, 3) and state("whole") == (1, 2, 600_003)
    stream = Stream("replay")
    told = [stream.put(seq, batch(seq, -seq)) for seq in range(1, 6)]
    assert all(each["duplicate"] and each["rows"] == 2 for each in told), told
    assert "duplicate" not in stream.put(6, batch(6, -6))
    stream.close()
    refused("FlightUnauthorizedError", "is at epoch 2", "rules", (4, batch(4), {"epoch": 1}))
    refused("ArrowException", "has stored other rows as seq 3", "rules", (3, batch(4), {"epoch": 2}))
    refused("ArrowInvalid", "has to send seq 53 next, and sent 54", "five", (54, batch(54), {}))
    assert rows("replay") == [v for seq in range(1, 7) for v in (seq, -seq)]


if phase == "first":
    replay_after_each_answer()
    replay_in_other_buffers()
    gap_other_content_and_epochs()
    mixing()
    two_writers_as_one_producer()
    five_in_flight()
    failure_among_five()
    dictionaries_and_empty_batches()
    whole_streams()
    large_among_small()
else:
    after_restart()
print("ok")
