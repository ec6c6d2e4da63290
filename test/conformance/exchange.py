"""DoExchange with the command `echo`: batches, batches with metadata, and metadata alone come back as they went."""
import sys

import pyarrow as pa
import pyarrow.flight as fl

schema = pa.schema([("word", pa.dictionary(pa.int8(), pa.utf8())), ("number", pa.int64())])


def batch(i):
    words = pa.array([f"w{i}", None, f"w{i + 1}"]).dictionary_encode().cast(schema.field("word").type)
    return pa.record_batch([words, pa.array([i, 2, 3])], schema=schema)


with fl.connect(sys.argv[1]) as client:
    writer, reader = client.do_exchange(fl.FlightDescriptor.for_command(b"echo"))
    with writer:
        writer.write_metadata(b"before the schema")
        chunk = reader.read_chunk()
        assert chunk.data is None and chunk.app_metadata.to_pybytes() == b"before the schema"
        writer.begin(schema)
        for i in range(4):
            writer.write_batch(batch(i))
            chunk = reader.read_chunk()
            assert chunk.data.equals(batch(i)) and chunk.app_metadata is None, chunk
            writer.write_metadata(f"metadata {i}".encode())
            chunk = reader.read_chunk()
            assert chunk.data is None and chunk.app_metadata.to_pybytes() == f"metadata {i}".encode()
            writer.write_with_metadata(batch(i), f"both {i}".encode())
            chunk = reader.read_chunk()
            assert chunk.data.equals(batch(i)) and chunk.app_metadata.to_pybytes() == f"both {i}".encode()
        writer.done_writing()
        try:
            reader.read_chunk()
            raise AssertionError("more than was sent")
        except StopIteration:
            pass

    # Nothing sent, nothing back.
    writer, reader = client.do_exchange(fl.FlightDescriptor.for_command(b"echo"))
    with writer:
        writer.done_writing()
        try:
            reader.read_chunk()
            raise AssertionError("more than was sent")
        except StopIteration:
            pass
print("ok")
