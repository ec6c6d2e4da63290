"""ADBC over Flight SQL, and what stands on it: pandas, Polars, DuckDB, SQLAlchemy. Argument: port. Prints the checks done."""

import sys
import threading
import time
import traceback
import warnings

import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_manager
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.flight as flight
import sqlalchemy

address = f"127.0.0.1:{sys.argv[1]}"
# Python's DB API wants transactions, which Sheaf has not: without this the driver warns at each connection.
connection = flightsql.connect(f"grpc://{address}", autocommit=True)
cursor = connection.cursor()
checks = []
failures = []


def check(name):
    def run(body):
        try:
            body()
            checks.append(name)
        except Exception:
            failures.append(name)
            traceback.print_exc()

    return run


def rows(sql, parameters=None):
    cursor.execute(sql, parameters)
    return cursor.fetchall()


def refused(kind, message, sql, parameters=None):
    with connection.cursor() as failing:
        try:
            failing.execute(sql, parameters)
            failing.fetchall()
        except kind as error:
            assert message in str(error), error
            return error
    raise AssertionError(f"{sql} was not refused")


@check("connect")
def _():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flightsql.connect(f"grpc://{address}", autocommit=True).close()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        flightsql.connect(f"grpc://{address}").close()
    assert [str(one.message)[:25] for one in caught] == ["Cannot disable autocommit"], caught


@check("info")
def _():
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "Sheaf" and info["vendor_arrow_version"] == "1.5", info
    assert connection.adbc_get_table_types() == ["SYSTEM TABLE", "TABLE", "VIEW"]


@check("execute")
def _():
    assert rows("SELECT 1 AS one, 'a' AS two, NULL AS three") == [(1, "a", None)]
    assert [column[0] for column in cursor.description] == ["one", "two", "three"], cursor.description
    cursor.execute("CREATE TABLE trades (id BIGINT NOT NULL, symbol VARCHAR, price DECIMAL(10,2), moment TIMESTAMPTZ)")
    assert cursor.rowcount <= 0
    assert cursor.execute("INSERT INTO trades VALUES (1, 'a', 1.25, '2024-02-29 12:00:00+00'), (2, 'b', NULL, NULL)") is cursor
    assert rows("SELECT id, symbol FROM trades ORDER BY id DESC") == [(2, "b"), (1, "a")]
    cursor.execute("SELECT * FROM trades WHERE id = 1")
    [row] = cursor.fetchall()
    assert str(row[2]) == "1.25" and row[3].isoformat() == "2024-02-29T12:00:00+00:00", row
    cursor.execute("SELECT i FROM range(10) AS t(i) ORDER BY i")
    assert cursor.fetchone() == (0,) and cursor.fetchmany(2) == [(1,), (2,)] and len(cursor.fetchall()) == 7
    cursor.execute("FROM trades WHERE false")
    assert cursor.fetchall() == [] and cursor.fetchone() is None


@check("parameters")
def _():
    assert rows("SELECT symbol FROM trades WHERE id = ?", (2,)) == [("b",)]
    assert rows("SELECT symbol FROM trades WHERE id = $1 OR symbol = $2 ORDER BY id", (1, "b")) == [("a",), ("b",)]
    assert rows("SELECT $1::VARCHAR || $2::VARCHAR", ("a", "ü")) == [("aü",)]
    assert rows("SELECT ?::INT IS NULL", (None,)) == [(True,)]
    # Rows of values, by Arrow: the answers follow each other.
    bound = pa.table({"1": pa.array([2, 1, 7], pa.int64())})
    assert rows("SELECT symbol FROM trades WHERE id = ?", bound) == [("b",), ("a",)]
    refused(adbc_driver_manager.ProgrammingError, "parameter $2 has no value", "SELECT ?::INT + ?::INT", (1,))


@check("executemany")
def _():
    cursor.execute("CREATE TABLE many (id BIGINT, name VARCHAR)")
    cursor.executemany("INSERT INTO many VALUES (?, ?)", [(i, None if i % 3 == 0 else f"name {i}") for i in range(100)])
    assert cursor.rowcount == 100, cursor.rowcount
    assert rows("SELECT count(*), count(name), sum(id) FROM many") == [(100, 66, 4950)]
    cursor.executemany("UPDATE many SET name = $2 WHERE id = $1", [(1, "one"), (2, "two"), (1_000, "none")])
    assert cursor.rowcount == 2, cursor.rowcount
    cursor.executemany("DELETE FROM many WHERE id < ?", pa.record_batch({"1": [10, 20]}))
    assert cursor.rowcount == 20, cursor.rowcount
    assert rows("SELECT min(id), count(*) FROM many") == [(20, 80)]


def field(number, content):
    """A length-delimited field of a protobuf message."""
    assert len(content) < 128
    return bytes([number * 8 + 2, len(content)]) + content


@check("update")
def _():
    # Some drivers wait for the answer before they end their stream, and send no batch.
    name = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementUpdate"
    client = flight.connect(f"grpc://{address}")
    for sql, answer in ((b"DELETE FROM many WHERE id < 22", b"\x08\x02"), (b"DELETE FROM many WHERE nothing", None)):
        command = field(1, name) + field(2, field(1, sql))
        writer, reader = client.do_put(flight.FlightDescriptor.for_command(command), pa.schema([]))
        result = reader.read()
        assert (result and result.to_pybytes()) == answer, result
        try:
            writer.close()
            assert answer is not None
        except pa.ArrowInvalid as error:
            assert answer is None and "sql_bind" in str(error), error
    client.close()


@check("ingest")
def _():
    table = pa.table({"id": pa.array([1, 2, None], pa.int32()), "text": pa.array(["a", None, "ü"], pa.large_string())})
    assert cursor.adbc_ingest("sent", table, mode="create") == 3
    try:
        cursor.adbc_ingest("sent", table, mode="create")
        raise AssertionError("the table was made twice")
    except adbc_driver_manager.Error as error:
        assert error.status_code == adbc_driver_manager.AdbcStatusCode.ALREADY_EXISTS, error
    view = table.set_column(1, "text", table["text"].cast(pa.string_view()))
    assert cursor.adbc_ingest("sent", view, mode="append") == 3
    assert cursor.adbc_ingest("sent", table.to_batches()[0], mode="create_append") == 3
    assert rows("SELECT count(*), count(text), count(id) FROM sent") == [(9, 6, 6)]
    assert cursor.adbc_ingest("sent", table.select(["text"]), mode="replace") == 3
    assert cursor.adbc_ingest("made", view.to_reader(), mode="create_append", db_schema_name="main", catalog_name="sheaf") == 3
    cursor.execute("SELECT * FROM made")
    assert cursor.fetch_arrow_table().cast(table.schema).equals(table)
    try:
        cursor.adbc_ingest("missing", table, mode="append")
        raise AssertionError("rows went to a table that there is not")
    except adbc_driver_manager.Error as error:
        assert error.status_code == adbc_driver_manager.AdbcStatusCode.NOT_FOUND, error
    for column in ("text", "other"):
        frame = pl.DataFrame({column: ["x", None]})
        assert cursor.adbc_ingest(f"polars_{column}", frame.to_arrow(), mode="create") == 2
    assert cursor.adbc_ingest("from_pandas", pa.Table.from_pandas(pd.DataFrame({"a": [1.5, None]})), mode="create") == 2
    assert rows("SELECT a FROM from_pandas") == [(1.5,), (None,)]


def objects(**filters):
    """(schema, table, type, columns) of each table that there is."""
    found = []
    for catalog in connection.adbc_get_objects(**filters).read_all().to_pylist():
        assert catalog["catalog_name"] == "sheaf"
        for schema in catalog["catalog_db_schemas"] or []:
            for table in schema["db_schema_tables"] or []:
                columns = table["table_columns"]
                names = None if columns is None else [column["column_name"] for column in columns]
                found.append((schema["db_schema_name"], table["table_name"], table["table_type"], names))
    return found


@check("get_objects")
def _():
    cursor.execute("CREATE VIEW dear AS SELECT id, price FROM trades WHERE price > 1")
    cursor.execute('CREATE TABLE "a_b%c" (x INT)')
    cursor.execute("CREATE TABLE axbyc (x INT)")
    catalogs = connection.adbc_get_objects(depth="catalogs").read_all().to_pylist()
    assert catalogs == [{"catalog_name": "sheaf", "catalog_db_schemas": None}], catalogs
    [catalog] = connection.adbc_get_objects(depth="db_schemas").read_all().to_pylist()
    assert [schema["db_schema_name"] for schema in catalog["catalog_db_schemas"]] == ["information_schema", "main"]
    [catalog] = connection.adbc_get_objects(depth="db_schemas", db_schema_filter="m%").read_all().to_pylist()
    assert [schema["db_schema_name"] for schema in catalog["catalog_db_schemas"]] == ["main"]
    listed = objects(depth="tables")
    assert ("main", "trades", "TABLE", None) in listed and ("main", "dear", "VIEW", None) in listed
    assert ("information_schema", "tables", "SYSTEM TABLE", None) in listed
    assert listed == sorted(listed), listed
    assert objects(depth="tables", table_types_filter=["VIEW"]) == [("main", "dear", "VIEW", None)]
    assert objects(table_name_filter="trades") == [("main", "trades", "TABLE", ["id", "symbol", "price", "moment"])]
    assert objects(table_name_filter="TRADE_", column_name_filter="%i%") == [("main", "trades", "TABLE", ["id", "price"])]
    assert objects(table_name_filter="dear") == [("main", "dear", "VIEW", ["id", "price"])]
    assert [found[1] for found in objects(table_name_filter="a_b_c")] == ["a_b%c", "axbyc"]
    assert [found[1] for found in objects(table_name_filter="a\\_b\\%c")] == ["a_b%c"]
    assert objects(table_name_filter="SELECT * FROM trades") == []
    assert objects(depth="tables", db_schema_filter="other") == []
    assert connection.adbc_get_objects(depth="tables", catalog_filter="other").read_all().num_rows == 0
    [catalog] = connection.adbc_get_objects(table_name_filter="trades").read_all().to_pylist()
    [schema] = [found for found in catalog["catalog_db_schemas"] if found["db_schema_tables"]]
    [table] = schema["db_schema_tables"]
    shown = [(column["xdbc_type_name"], column["ordinal_position"]) for column in table["table_columns"]]
    assert shown == [("BIGINT", 1), ("VARCHAR", 2), ("DECIMAL(10,2)", 3), ("TIMESTAMP WITH TIME ZONE", 4)], shown


@check("get_table_schema")
def _():
    schema = connection.adbc_get_table_schema("trades")
    assert schema.remove_metadata() == schema and [field.type for field in schema] == [
        pa.int64(),
        pa.string(),
        pa.decimal128(10, 2),
        pa.timestamp("us", "UTC"),
    ], schema
    assert [field.nullable for field in schema] == [False, True, True, True]
    assert schema.field("id").metadata[b"ARROW:FLIGHT:SQL:TYPE_NAME"] == b"BIGINT"
    assert connection.adbc_get_table_schema("dear", db_schema_filter="main", catalog_filter="sheaf").names == ["id", "price"]
    try:
        connection.adbc_get_table_schema("trade")
        raise AssertionError("there is no such table")
    except adbc_driver_manager.Error as error:
        assert error.status_code == adbc_driver_manager.AdbcStatusCode.NOT_FOUND, error


@check("partitions")
def _():
    partitions, schema = cursor.adbc_execute_partitions("SELECT id, name FROM many")
    assert len(partitions) >= 1 and schema.names == ["id", "name"]
    total = 0
    for partition in partitions:
        with connection.cursor() as other:
            other.adbc_read_partition(partition)
            total += other.fetch_arrow_table().num_rows
    assert total == 78, total


@check("cancel")
def _():
    with connection.cursor() as slow:
        reached = []

        def read():
            try:
                slow.execute("SELECT sum(a.range * b.range % 7) FROM range(200000) a, range(200000) b")
                slow.fetchall()
                reached.append("answered")
            except adbc_driver_manager.Error as error:
                reached.append(error.status_code)

        reader = threading.Thread(target=read)
        reader.start()
        time.sleep(1)
        slow.adbc_cancel()
        reader.join(20)
        assert reached == [adbc_driver_manager.AdbcStatusCode.CANCELLED], reached


@check("arrow")
def _():
    cursor.execute("SELECT id, name FROM many ORDER BY id")
    fetched = cursor.fetch_arrow_table()
    assert fetched.num_rows == 78 and fetched.schema.types == [pa.int64(), pa.string()]
    cursor.execute("SELECT id FROM many")
    assert sum(batch.num_rows for batch in cursor.fetch_record_batch()) == 78
    cursor.execute("SELECT id FROM many")
    assert cursor.fetch_df()["id"].sum() == 4719
    cursor.execute("SELECT id FROM many")
    assert cursor.fetch_polars()["id"].sum() == 4719
    assert duckdb.sql("SELECT count(*), sum(id) FROM fetched").fetchall() == [(78, 4719)]
    assert cursor.adbc_execute_schema("SELECT id, name FROM many").names == ["id", "name"]
    nested = "SELECT [1, NULL] AS l, {'a': 1, 'b': 'x'} AS s, MAP {'k': 2} AS m, INTERVAL 1 MONTH AS i, TIME '01:02:03' AS t, 'b'::BLOB AS b"
    [row] = rows(nested)
    assert row[:2] == ([1, None], {"a": 1, "b": "x"}) and dict(row[2]) == {"k": 2} and row[5] == b"b", row


@check("pandas")
def _():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.to_datetime(["2024-02-29", None])})
    assert frame.to_sql("frames", connection, index=False) == 2
    try:
        frame.to_sql("frames", connection, index=False)
        raise AssertionError("the table was made twice")
    except ValueError as error:
        assert "already exists" in str(error), error
    assert frame.to_sql("frames", connection, index=False, if_exists="append") == 2
    assert len(pd.read_sql("SELECT * FROM frames", connection)) == 4
    assert frame.to_sql("frames", connection, index=False, if_exists="replace") == 2
    back = pd.read_sql("SELECT * FROM frames ORDER BY a", connection)
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)
    assert pd.read_sql("frames", connection)["a"].tolist() == [1, 2]


@check("polars")
def _():
    frame = pl.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"], "d": [1.5, None, 2.5]})
    assert frame.write_database("polars", connection, engine="adbc") == 3
    assert frame.write_database("polars", connection, engine="adbc", if_table_exists="append") == 3
    assert pl.read_database("SELECT count(*) AS n FROM polars", connection)["n"].to_list() == [6]
    assert frame.write_database("polars", connection, engine="adbc", if_table_exists="replace") == 3
    assert pl.read_database("SELECT * FROM polars ORDER BY a", connection).equals(frame)
    options = {"parameters": (2,)}
    assert pl.read_database("SELECT a FROM polars WHERE a > ?", connection, execute_options=options)["a"].to_list() == [3]


@check("sqlalchemy")
def _():
    engine = sqlalchemy.create_engine(f"adbc+flightsql://{address}?tls=false")
    with warnings.catch_warnings(), engine.connect() as session:
        warnings.simplefilter("ignore")
        text = sqlalchemy.text("SELECT id, symbol FROM trades WHERE id = :id")
        assert session.execute(text, {"id": 2}).fetchall() == [(2, "b")]
        table = sqlalchemy.Table("trades", sqlalchemy.MetaData(), autoload_with=session)
        assert [column.name for column in table.columns] == ["id", "symbol", "price", "moment"]
        newest = sqlalchemy.select(table.c.symbol).where(table.c.id > 0).order_by(table.c.id.desc()).limit(1)
        assert session.execute(newest).fetchall() == [("b",)]
        inspector = sqlalchemy.inspect(session)
        assert inspector.get_schema_names() == ["information_schema", "main"]
        assert str(inspector.get_columns("trades")[0]["type"]) == "BIGINT"
        assert inspector.get_pk_constraint("trades")["constrained_columns"] == []
        assert inspector.get_foreign_keys("trades") == []
    assert len(pd.read_sql("SELECT * FROM trades", engine)) == 2
    engine.dispose()


@check("errors")
def _():
    code = adbc_driver_manager.AdbcStatusCode
    programming = adbc_driver_manager.ProgrammingError
    for sql, message, status in (
        ("SELECT", "sql_syntax", code.INVALID_ARGUMENT),
        ("SELECT prize FROM trades", 'did you mean "price"?', code.INVALID_ARGUMENT),
        ("SELECT * FROM trade", "sql_bind: there is no table", code.INVALID_ARGUMENT),
        ("SELECT CAST(symbol AS INT) FROM trades", "value_error", code.INVALID_ARGUMENT),
        ("BEGIN TRANSACTION", "transactions by statement", code.INVALID_ARGUMENT),
    ):
        error = refused(programming, message, sql)
        assert error.status_code == status, (sql, error.status_code)
    assert rows("SELECT 1") == [(1,)], "the connection still serves"


cursor.close()
connection.close()
print(len(checks), " ".join(checks))
sys.exit(f"failed: {failures}" if failures else 0)
