"""A Spark data source that reads tables and queries of a Sheaf server over Arrow Flight, its parts side by side.

    from sheaf_source import SheafSource
    spark.dataSource.register(SheafSource)
    spark.read.format("sheaf").option("url", "grpc://127.0.0.1:8815").option("table", "flights").load()
    spark.read.format("sheaf").option("url", …).option("query", "SELECT origin, delay FROM flights WHERE delay > 60").load()

Options: url; table or query; partitions (8 unless given): at most so many parts are read by as many tasks; token; ca, the
path of a PEM file. All parts are of one snapshot, the one of the moment at which Spark planned the read: a task that is
repeated reads the same rows again. Columns and conditions that the query names are read and no others: Sheaf skips the
rest, so put them into the query.

It needs Python 3.10, Spark 4 and pyarrow on driver and workers, and nothing of Sheaf's.
"""
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.flight as fl
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

PARTITIONS = 8


def connect(options: dict) -> tuple[fl.FlightClient, list]:
    """A client, and the headers of every call."""
    ca = options.get("ca")
    roots = {"tls_root_certs": open(ca, "rb").read()} if ca else {}
    client = fl.connect(options["url"], **roots)
    token = options.get("token")
    return client, [(b"authorization", b"Bearer " + token.encode())] if token else []


def descriptor(options: dict) -> fl.FlightDescriptor:
    if ("table" in options) == ("query" in options):
        raise ValueError("give one of the options table and query")
    if "query" in options:
        return fl.FlightDescriptor.for_command(options["query"].encode())
    return fl.FlightDescriptor.for_path(options["table"])


def spark_type(kind: pa.DataType) -> pa.DataType:
    """The nearest type that Spark has: it knows no unsigned integers, no time of day, and timestamps of microseconds."""
    types = pa.types
    if types.is_dictionary(kind):
        return spark_type(kind.value_type)
    if types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if types.is_uint8(kind):
        return pa.int16()
    if types.is_uint16(kind):
        return pa.int32()
    if types.is_uint32(kind):
        return pa.int64()
    if types.is_uint64(kind):
        return pa.decimal128(20, 0)
    if types.is_float16(kind):
        return pa.float32()
    if types.is_large_string(kind) or types.is_string_view(kind) or types.is_time(kind) or types.is_null(kind):
        return pa.string()
    if types.is_large_binary(kind) or types.is_binary_view(kind) or types.is_fixed_size_binary(kind):
        return pa.binary()
    if types.is_date64(kind):
        return pa.date32()
    if types.is_decimal32(kind) or types.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    return kind


def spark_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, spark_type(field.type), field.nullable) for field in schema])


def converted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with Spark's types. Values that do not fit, such as nanoseconds that are cut off, raise."""
    return pa.record_batch(
        [column if column.type == field.type else pc.cast(column, field.type) for column, field in zip(batch, schema)],
        schema=schema,
    )


@dataclass
class Part(InputPartition):
    """One endpoint: a ticket for a part of the answer, on the snapshot that the plan saw."""

    ticket: bytes


class SheafReader(DataSourceReader):
    def __init__(self, options: dict):
        self.options = options

    def partitions(self) -> list[Part]:
        client, headers = connect(self.options)
        count = int(self.options.get("partitions", PARTITIONS))
        headers = [*headers, (b"x-sheaf-endpoints", str(count).encode())]
        with client:
            info = client.get_flight_info(descriptor(self.options), fl.FlightCallOptions(headers=headers))
        return [Part(endpoint.ticket.ticket) for endpoint in info.endpoints]

    def read(self, partition: Part) -> Iterator[pa.RecordBatch]:
        client, headers = connect(self.options)
        with client:
            reader = client.do_get(fl.Ticket(partition.ticket), fl.FlightCallOptions(headers=headers))
            schema = spark_schema(reader.schema)
            for chunk in reader:
                if chunk.data.num_rows > 0:
                    yield converted(chunk.data, schema)


class SheafSource(DataSource):
    @classmethod
    def name(cls) -> str:
        return "sheaf"

    def schema(self) -> StructType:
        client, headers = connect(self.options)
        with client:
            schema = client.get_schema(descriptor(self.options), fl.FlightCallOptions(headers=headers)).schema
        return from_arrow_schema(spark_schema(schema))

    def reader(self, schema: StructType) -> SheafReader:
        return SheafReader(dict(self.options))
