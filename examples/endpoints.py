"""Reads one answer by several readers at once, with stock pyarrow.

An answer has one endpoint unless the client asks for more, by the header x-sheaf-endpoints: many programs read the first one and
would miss the rest. Each endpoint is a part of the same answer, on the same snapshot; one after another they are the whole in its
order, so the parts below are put together as they are listed, whichever comes first.

    python examples/endpoints.py [address] [sql] [endpoints]
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.flight as fl

address = sys.argv[1] if len(sys.argv) > 1 else "grpc://127.0.0.1:8815"
sql = sys.argv[2] if len(sys.argv) > 2 else "SELECT * FROM trades"
count = sys.argv[3] if len(sys.argv) > 3 else "4"

asked = fl.FlightCallOptions(headers=[(b"x-sheaf-endpoints", count.encode())])
info = fl.connect(address).get_flight_info(fl.FlightDescriptor.for_command(sql), asked)


def read(endpoint):
    # A connection of its own: readers that share one also share its windows.
    with fl.connect(address) as client:
        return client.do_get(endpoint.ticket).read_all()


with ThreadPoolExecutor(len(info.endpoints)) as readers:
    table = pa.concat_tables(readers.map(read, info.endpoints))

print(f"{table.num_rows} rows from {len(info.endpoints)} endpoints")
