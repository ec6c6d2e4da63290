"""The peer of the transfer bench: pyarrow's own C++ Flight server over a memory-mapped IPC file.

Serves the file's batches for any ticket, answers the ticket `limit` with a fixed batch of ten rows, and counts the rows of a
put without storing them. Prints `ready PORT` and serves until it is ended.
"""

import sys

import pyarrow as pa
import pyarrow.flight as fl


class Peer(fl.FlightServerBase):
    def __init__(self, path):
        super().__init__("grpc://127.0.0.1:0")
        self.table = pa.ipc.open_file(pa.memory_map(path)).read_all()
        self.first_ten = self.table.slice(0, 10).combine_chunks()

    def do_get(self, context, ticket):
        answer = self.first_ten if ticket.ticket == b"limit" else self.table
        return fl.RecordBatchStream(answer)

    def do_put(self, context, descriptor, reader, writer):
        rows = 0
        for chunk in reader:
            rows += chunk.data.num_rows


if __name__ == "__main__":
    peer = Peer(sys.argv[1])
    print("ready", peer.port, flush=True)
    peer.serve()
