"""Puts each stream file to a server batch by batch, gets it back and compares. Prints a line for each file."""
import sys

import pyarrow as pa
import pyarrow.flight as fl


def exchange(client, path):
    with pa.OSFile(path + ".stream") as source:
        reader = pa.ipc.open_stream(source)
        schema = reader.schema
        batches = list(reader)
    descriptor = fl.FlightDescriptor.for_path(path)
    writer, results = client.do_put(descriptor, schema)
    for i, batch in enumerate(batches):
        writer.write_with_metadata(batch, str(i).encode())
        answer = results.read()
        assert answer is not None and answer.to_pybytes() == str(i).encode(), f"PutResult {i}: {answer}"
    writer.done_writing()
    assert results.read() is None, "more results than batches"
    writer.close()

    info = client.get_flight_info(descriptor)
    assert info.total_records == sum(batch.num_rows for batch in batches)
    (endpoint,) = info.endpoints
    (location,) = endpoint.locations
    with fl.connect(location) as other:
        stream = other.do_get(endpoint.ticket)
        assert stream.schema.equals(schema, check_metadata=True), f"{stream.schema}\n{schema}"
        got = list(stream)
    assert [chunk.app_metadata.to_pybytes() for chunk in got] == [str(i).encode() for i in range(len(got))]
    assert len(got) == len(batches), f"{len(got)} batches of {len(batches)}"
    for i, (chunk, batch) in enumerate(zip(got, batches)):
        assert chunk.data.equals(batch, check_metadata=True), f"batch {i} differs"


with fl.connect(sys.argv[1]) as client:
    for path in sys.argv[2:]:
        try:
            exchange(client, path)
            print("equal")
        except Exception as error:
            print(repr(error).replace("\n", " ")[:500])
