"""Every Arrow type goes in by DoPut and comes out of DoGet equal, by pyarrow's own comparison. Argument: port."""

import datetime as dt
import decimal
import sys

import pyarrow as pa
import pyarrow.flight as fl

PORT = int(sys.argv[1])
client = fl.connect(f"grpc://127.0.0.1:{PORT}")
D = decimal.Decimal


class PointType(pa.ExtensionType):
    def __init__(self):
        super().__init__(pa.list_(pa.float64(), 2), "sheaf.test.point")

    def __arrow_ext_serialize__(self):
        return b"flat"

    @classmethod
    def __arrow_ext_deserialize__(cls, storage, serialized):
        return cls()


pa.register_extension_type(PointType())


def put(name, table, options=None, batch_rows=None):
    call = fl.FlightCallOptions(write_options=options) if options else fl.FlightCallOptions()
    writer, _ = client.do_put(fl.FlightDescriptor.for_path(name), table.schema, options=call)
    if table.num_rows == 0:
        # write_table sends no batch for a table without rows; an empty batch is legal too.
        for column in table.columns[:1]:
            for values in column.chunks:
                writer.write_batch(pa.RecordBatch.from_arrays([values], schema=table.schema))
    else:
        writer.write_table(table, max_chunksize=batch_rows)
    writer.close()


def get(name):
    return client.do_get(fl.Ticket(f'SELECT * FROM "{name}"'.encode())).read_all()


def exchange(table):
    writer, reader = client.do_exchange(fl.FlightDescriptor.for_command(b"FROM input"))
    with writer:
        writer.begin(table.schema)
        writer.write_table(table)
        writer.done_writing()
        return reader.read_all()


def check(name, table, **how):
    put(name, table, **how)
    promised = client.get_flight_info(fl.FlightDescriptor.for_path(name))
    back = client.do_get(promised.endpoints[0].ticket).read_all()
    back.validate(full=True)
    assert back.schema.equals(table.schema, check_metadata=True), f"{name}: {back.schema} != {table.schema}"
    assert promised.schema.equals(back.schema, check_metadata=True), f"{name}: the promised schema differs"
    schema = client.get_schema(fl.FlightDescriptor.for_path(name)).schema
    assert schema.equals(back.schema, check_metadata=True), f"{name}: GetSchema differs"
    assert promised.total_records == back.num_rows == table.num_rows, f"{name}: {promised.total_records} rows promised"
    assert back.equals(table), f"{name}: rows differ: {back.slice(0, 5)} != {table.slice(0, 5)}"
    assert get(name).equals(table), f"{name}: SQL gives other rows than the table's ticket"
    back = exchange(table)
    assert back.schema.equals(table.schema, check_metadata=True), f"{name}: {back.schema} != {table.schema}"
    assert back.equals(table), f"{name}: an exchange gives other rows: {back.slice(0, 5)} != {table.slice(0, 5)}"


VALUES = {
    "null": pa.nulls(5),
    "bool": pa.array([True, None, False, True, False]),
    **{f"int{w}": pa.array([-(2 ** (w - 1)), None, 0, 1, 2 ** (w - 1) - 1], f"int{w}") for w in (8, 16, 32, 64)},
    **{f"uint{w}": pa.array([0, None, 1, 7, 2**w - 1], f"uint{w}") for w in (8, 16, 32, 64)},
    "float16": pa.array([0.5, None, float("inf"), -0.0, 65504.0], pa.float16()),
    "float32": pa.array([0.1, None, float("-inf"), -0.0, 3.4e38], pa.float32()),
    "float64": pa.array([0.1, None, float("inf"), -0.0, 5e-324], pa.float64()),
    "decimal32": pa.array([D("1.23"), None, D("-9.99"), D("0.00"), D("12.34")], pa.decimal32(9, 2)),
    "decimal64": pa.array([D("1.23"), None, D("-9.99"), D("0.00"), D("12.34")], pa.decimal64(18, 2)),
    "decimal128": pa.array([D("1.23"), None, D("-9.99"), D("0.00"), D("12.34")], pa.decimal128(38, 2)),
    "decimal256": pa.array([D("1.23"), None, D("-9.99"), D("0.00"), D("12.34")], pa.decimal256(76, 2)),
    "string": pa.array(["a", None, "", "grüße €", "x" * 40]),
    "large_string": pa.array(["a", None, "", "grüße €", "x" * 40], pa.large_string()),
    "string_view": pa.array(["a", None, "", "grüße €", "x" * 40], pa.string_view()),
    "binary": pa.array([b"a", None, b"", b"\x00\xff", b"x" * 40]),
    "large_binary": pa.array([b"a", None, b"", b"\x00\xff", b"x" * 40], pa.large_binary()),
    "binary_view": pa.array([b"a", None, b"", b"\x00\xff", b"x" * 40], pa.binary_view()),
    "fixed_binary": pa.array([b"abc", None, b"\x00\x00\x00", b"xyz", b"123"], pa.binary(3)),
    "date32": pa.array([dt.date(1969, 7, 20), None, dt.date(2262, 4, 11), dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    "date64": pa.array([dt.date(1969, 7, 20), None, dt.date(2262, 4, 11), dt.date(1, 1, 1), dt.date(2000, 2, 29)], pa.date64()),
    **{f"time32_{u}": pa.array([0, None, 1, 59, 86399], pa.int32()).cast(pa.time32(u)) for u in ("s", "ms")},
    **{f"time64_{u}": pa.array([0, None, 1, 59, 86399], pa.int64()).cast(pa.time64(u)) for u in ("us", "ns")},
    **{
        f"timestamp_{u}_{z}".replace("/", "-"): pa.array([0, None, -1, 2**53 + 1, -(2**62)], pa.int64()).cast(pa.timestamp(u, z))
        for u in ("s", "ms", "us", "ns")
        for z in (None, "UTC", "America/New_York", "+05:30")
    },
    **{f"duration_{u}": pa.array([0, None, -1, 2**53 + 1, 7], pa.int64()).cast(pa.duration(u)) for u in ("s", "ms", "us", "ns")},
    "interval": pa.array([(1, 2, 3), None, (-1, -2, -3), (0, 0, 0), (12, 31, 10**12)], pa.month_day_nano_interval()),
    "list": pa.array([[1, None], None, [], [3], [4, 5, 6]], pa.list_(pa.int32())),
    "large_list": pa.array([["a", None], None, [], ["b"], ["c"]], pa.large_list(pa.string())),
    "fixed_list": pa.array([[1, 2], None, [3, None], [5, 6], [7, 8]], pa.list_(pa.int16(), 2)),
    "list_view": pa.array([[1, None], None, [], [3], [4, 5, 6]], pa.list_view(pa.int32())),
    "large_list_view": pa.array([["a", None], None, [], ["b"], ["c"]], pa.large_list_view(pa.string())),
    "struct": pa.array([{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}, {"x": 3, "y": None}, {"x": 4, "y": ""}]),
    "map": pa.array([[("a", 1)], None, [], [("b", None), ("c", 3)], [("d", 4)]], pa.map_(pa.string(), pa.int64())),
    "sparse_union": pa.UnionArray.from_sparse(
        pa.array([0, 1, 0, 1, 0], pa.int8()), [pa.array([1, 2, 3, 4, None]), pa.array(["a", "b", None, "d", "e"])]
    ),
    "dense_union": pa.UnionArray.from_dense(
        pa.array([0, 1, 0, 1, 1], pa.int8()), pa.array([0, 0, 1, 1, 2], pa.int32()), [pa.array([1, None]), pa.array(["a", "b", None])]
    ),
    "dictionary": pa.array(["a", None, "b", "a", "c"]).dictionary_encode(),
    "dictionary_int8": pa.DictionaryArray.from_arrays(pa.array([0, None, 1, 0, 1], pa.int8()), pa.array([1.5, 2.5])),
    "dictionary_ordered": pa.DictionaryArray.from_arrays(pa.array([0, None, 1, 0, 1], pa.uint16()), pa.array(["lo", "hi"]), ordered=True),
    "dictionary_nested": pa.array([["a", "b"], None, [], ["a"], ["c"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
    "run_end": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 5], pa.int32()), pa.array(["a", None, "b"])),
    "run_end16": pa.RunEndEncodedArray.from_arrays(pa.array([1, 5], pa.int16()), pa.array([1.5, 2.5])),
    "extension": pa.ExtensionArray.from_storage(PointType(), pa.array([[1, 2], None, [3, 4], [5, 6], [7, 8]], pa.list_(pa.float64(), 2))),
    "uuid": pa.array([b"0123456789abcdef", None, b"x" * 16, b"y" * 16, b"z" * 16], pa.uuid()),
    "deep": pa.array(
        [[{"k": [("a", [1, None])]}], None, [], [{"k": None}, None], [{"k": []}]],
        pa.list_(pa.struct([("k", pa.map_(pa.string(), pa.large_list(pa.int64())))])),
    ),
}


def main():
    count = 0
    failures = []
    for name, values in VALUES.items():
        table = pa.table({"v": values})
        shapes = {
            "plain": table,
            "sliced": table.slice(1, 3),
            "zero": table.slice(0, 0),
            "many": pa.concat_tables([table, table.slice(2, 0), table.slice(1, 2), table]),
        }
        if name not in ("null", "sparse_union", "dense_union", "run_end", "run_end16"):
            shapes["all_null"] = pa.table({"v": pa.nulls(3, values.type)})
        for shape, wanted in shapes.items():
            try:
                check(f"{name}_{shape}", wanted)
            except Exception as error:
                failures.append(f"{name}_{shape}: {type(error).__name__}: {str(error)[:600]}")
            count += 1
    together = pa.table(VALUES)
    described = pa.schema(
        [pa.field(f.name, f.type, f.nullable, {b"unit": b"test", b"k\xc3\xa4se": b"\xe2\x82\xac"}) for f in together.schema],
        metadata={b"origin": b"flight-types", b"empty": b""},
    )
    check("together", pa.Table.from_arrays(together.columns, schema=described))
    required = pa.schema([pa.field("a", pa.int64(), False), pa.field("b", pa.string(), False)])
    check("required", pa.Table.from_arrays([pa.array([1, 2]), pa.array(["x", "y"])], schema=required))

    # Dictionaries that grow and that are replaced within one stream.
    growing = [pa.DictionaryArray.from_arrays(pa.array(i, pa.int32()), pa.array(v)) for i, v in
               (([0, 1, None], ["a", "b"]), ([2, 0], ["a", "b", "c"]), ([3, 1], ["a", "b", "c", "d"]))]
    replaced = [pa.DictionaryArray.from_arrays(pa.array(i, pa.int32()), pa.array(v)) for i, v in
                (([0, 1, None], ["a", "b"]), ([0, 1], ["x", "y"]), ([1, 0], ["b", "a"]))]
    for name, parts, options in (
        ("delta", growing, pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)),
        ("grown", growing, None),
        ("replaced", replaced, None),
    ):
        call = fl.FlightCallOptions(write_options=options) if options else fl.FlightCallOptions()
        writer, _ = client.do_put(fl.FlightDescriptor.for_path(name), pa.schema([("v", parts[0].type)]), options=call)
        for part in parts:
            writer.write_batch(pa.record_batch({"v": part}))
        writer.close()
        wanted = [value for part in parts for value in part.to_pylist()]
        back = get(name)
        back.validate(full=True)
        if back["v"].to_pylist() != wanted or back["v"].type != parts[0].type:
            failures.append(f"{name}: {back['v'].to_pylist()} of {back['v'].type}")
        count += 1

    rows = 100_000
    wide = pa.table({"n": pa.array(range(rows)), "s": pa.array([f"value {i % 97}" for i in range(rows)])})
    for codec in ("lz4", "zstd"):
        check(f"compressed_{codec}", wide, options=pa.ipc.IpcWriteOptions(compression=codec))
        count += 1
    check("batches_of_1000", wide, batch_rows=1000)
    sizes = [len(chunk.data) for chunk in client.do_get(fl.Ticket(b"SELECT * FROM compressed_zstd"))]
    assert max(sizes) <= 65536 and sum(sizes) == rows, sizes
    writer, _ = client.do_put(fl.FlightDescriptor.for_command(b"by command"), wide.schema)
    writer.write_table(wide)
    writer.close()
    assert get("by command").equals(wide)
    if failures:
        sys.exit("\n".join(failures))
    print("checked", count)


main()
