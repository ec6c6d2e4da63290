"""What pyarrow sees of a server that asks who calls. The test drives it by lines on standard input.

Each line is a JSON object {"do": ..., ...}; each answer a line: "ok ..." or the name of the error and its text.
"""
import json
import sys

import pyarrow as pa
import pyarrow.flight as flight


class BasicHandler(flight.ClientAuthHandler):
    """The old form of Handshake: a BasicAuth message, and the answer as the token of later calls."""

    def __init__(self, user, password):
        super().__init__()
        self.basic = flight.BasicAuth(user, password)
        self.token = b""

    def authenticate(self, outgoing, incoming):
        outgoing.write(self.basic.serialize())
        self.token = incoming.read()

    def get_token(self):
        return self.token


clients = {}


def connect(step):
    options = {}
    for option, name in (("tls_root_certs", "ca"), ("cert_chain", "cert"), ("private_key", "key")):
        if step.get(name):
            with open(step[name], "rb") as file:
                options[option] = file.read()
    clients[step.get("as", "c")] = flight.connect(step["uri"], **options)
    return "connected"


def options_of(step):
    headers = [(name.encode(), value.encode()) for name, value in step.get("headers", {}).items()]
    return flight.FlightCallOptions(headers=headers, timeout=step.get("timeout", 60))


def run(step):
    what = step["do"]
    if what == "connect":
        return connect(step)
    client = clients[step.get("as", "c")]
    options = options_of(step)
    if what == "basic":
        name, value = client.authenticate_basic_token(step["user"], step["password"], options)
        return f"{name.decode()} {value.decode()}"
    if what == "handler":
        client.authenticate(BasicHandler(step["user"], step["password"]), options)
        return "logged in"
    if what == "get":
        table = client.do_get(flight.Ticket(step["sql"]), options).read_all()
        return json.dumps(table.to_pylist())
    if what == "get_large":
        reader = client.do_get(flight.Ticket(step["sql"]), options)
        return str(sum(batch.data.num_rows for batch in reader))
    if what == "info":
        info = client.get_flight_info(flight.FlightDescriptor.for_command(step["sql"]), options)
        return json.dumps(client.do_get(info.endpoints[0].ticket, options).read_all().to_pylist())
    if what == "put":
        table = pa.table({"id": pa.array(range(step["rows"]), pa.int64())})
        writer, _ = client.do_put(flight.FlightDescriptor.for_path(step["table"]), table.schema, options)
        writer.write_table(table, max_chunksize=65536)
        writer.close()
        return "stored"
    if what == "list":
        return json.dumps(sorted(i.descriptor.path[0].decode() for i in client.list_flights(b"", options)))
    if what == "actions":
        return str(len(client.list_actions(options)) > 0)
    if what == "action":
        results = client.do_action(flight.Action(step["type"], step.get("body", "").encode()), options)
        return b"".join(bytes(r.body) for r in results).decode()
    raise ValueError(what)


for line in sys.stdin:
    try:
        answer = "ok " + run(json.loads(line))
    except Exception as error:  # every error is an answer
        answer = f"{type(error).__name__} {error}"
    print(answer.replace("\n", " "), flush=True)
