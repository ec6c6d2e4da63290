"""Puts batches for ever, and says `writing` once the first are on their way. Arguments: port, table."""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.flight as fl

client = fl.connect(f"grpc://127.0.0.1:{sys.argv[1]}")
batch = pa.record_batch({"a": np.arange(65536)})
writer, _ = client.do_put(fl.FlightDescriptor.for_path(sys.argv[2]), batch.schema)
for turn in range(1_000_000_000):
    writer.write_batch(batch)
    if turn == 100:
        print("writing", flush=True)
