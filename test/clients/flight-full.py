"""Fills a small disk over Flight. Arguments: port, phase (fill, read, again). Prints one line of JSON."""

import json
import re
import sys

import numpy as np
import pyarrow as pa
import pyarrow.flight as fl

client = fl.connect(f"grpc://127.0.0.1:{sys.argv[1]}")
stream = pa.table({"x": np.arange(100_000)})


def put(name, table):
    """None, or the exception's class and the server's words."""
    try:
        writer, _ = client.do_put(fl.FlightDescriptor.for_path(name), table.schema)
        writer.write_table(table)
        writer.close()
    except Exception as error:
        return [type(error).__name__, re.search(r"with message: (.*?)(\. gRPC client debug|$)", str(error), re.S).group(1)]


def fill():
    base = put("base", stream)
    # One stream above all that is free: nothing of it may stay.
    large = put("large", pa.table({"x": np.arange(8_000_000)}))
    taken = 0
    while (refused := put("small", stream)) is None:
        taken += 1
    return {"base": base, "large": large, "taken": taken, "refused": refused}


def read():
    return client.do_get(fl.Ticket("SELECT * FROM small")).read_all().num_rows


print(json.dumps({"fill": fill, "read": read, "again": lambda: put("again", stream)}[sys.argv[2]]()))
