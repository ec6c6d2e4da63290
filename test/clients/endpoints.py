"""What stock clients do with one endpoint and with several. Arguments: port of a server whose table `t` is filled, its rows."""

import sys

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager
import pyarrow as pa
import pyarrow.flight as fl

port, rows = sys.argv[1], int(sys.argv[2])
address = f"grpc://127.0.0.1:{port}"
client = fl.connect(address)
whole = client.do_get(fl.Ticket("SELECT * FROM t")).read_all()
assert whole.num_rows == rows


def asking(count):
    return fl.FlightCallOptions(headers=[(b"x-sheaf-endpoints", count)])


def varint(value):
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def field(number, value):
    return varint(number * 8 + 2) + varint(len(value)) + value


def command(sql):
    """A CommandStatementQuery, packed as clients without a driver do (flightsql-dbapi)."""
    name = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
    return field(1, name) + field(2, field(1, sql.encode()))


by_path = fl.FlightDescriptor.for_path("t")
by_sql = fl.FlightDescriptor.for_command("SELECT * FROM t")
sorted_rows = fl.FlightDescriptor.for_command("SELECT * FROM t ORDER BY id DESC")
packed = fl.FlightDescriptor.for_command(command("SELECT * FROM t"))

# Nobody who reads the first endpoint alone misses a row.
for descriptor in (by_path, by_sql, sorted_rows, packed):
    info = client.get_flight_info(descriptor)
    assert len(info.endpoints) == 1, descriptor
    assert client.do_get(info.endpoints[0].ticket).read_all().num_rows == rows

# Who asks gets them, each a part, all of them the whole.
for descriptor in (by_path, by_sql, sorted_rows, packed):
    info = client.get_flight_info(descriptor, asking(b"4"))
    assert len(info.endpoints) == 4, (descriptor, len(info.endpoints))
    assert info.ordered
    assert all(endpoint.expiration_time is not None and endpoint.locations == [] for endpoint in info.endpoints)
    parts = [client.do_get(endpoint.ticket).read_all() for endpoint in reversed(info.endpoints)]
    assert all(part.num_rows > 0 and part.schema.equals(info.schema, check_metadata=True) for part in parts)
    wanted = whole.sort_by([("id", "descending")]) if descriptor is sorted_rows else whole
    assert pa.concat_tables(reversed(parts)).equals(wanted), descriptor
assert client.get_flight_info(by_sql, asking(b"4")).total_records == rows
assert len(client.get_flight_info(by_sql, asking(b"1")).endpoints) == 1
for wrong in (b"0", b"-1", b"many", b""):
    try:
        client.get_flight_info(by_sql, asking(wrong))
        assert False, wrong
    except pa.ArrowInvalid as error:
        assert "the header x-sheaf-endpoints is" in str(error), error

# ADBC reads them all, in their order, and can hand them out as partitions.
option = "adbc.flight.sql.rpc.call_header.x-sheaf-endpoints"
with dbapi.connect(address, db_kwargs={option: "4"}, autocommit=True) as connection:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM t ORDER BY id DESC")
        assert cursor.fetch_arrow_table()["id"].to_pylist() == list(range(rows - 1, -1, -1))
        cursor.execute("SELECT * FROM t WHERE id % 2 = ?", (1,))
        assert cursor.fetch_arrow_table()["id"].to_pylist() == list(range(1, rows, 2))
        partitions, schema = cursor.adbc_execute_partitions("SELECT * FROM t")
        assert len(partitions) == 4 and schema == whole.schema
        parts = []
        for partition in partitions:
            cursor.adbc_read_partition(partition)
            parts.append(cursor.fetch_arrow_table())
        assert pa.concat_tables(parts).equals(whole)
print("ok")
