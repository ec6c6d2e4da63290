"""Two Sheaf tables joined in Spark, each read side by side; and one of them through the JDBC driver.

    python examples/spark/join.py grpc://127.0.0.1:8815 [flight-sql-jdbc-driver.jar]

Makes two tables, reads them by sheaf_source.py, joins and groups in Spark. Needs Java 17 and requirements.txt. A runner
of npm run test:clients runs this file and compares what it prints.
"""
import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as fl
from pyspark.sql import SparkSession, functions as f

from sheaf_source import SheafSource

ROWS = 1_000_000
AIRPORTS = 100


def fill(url: str) -> None:
    """Two tables: flights, and the airports that they leave from."""
    flights = pa.table({
        "id": pa.array(range(ROWS), pa.int64()),
        "origin": pa.array([i % AIRPORTS for i in range(ROWS)], pa.int32()),
        "delay": pa.array([i % 7 - 1 for i in range(ROWS)], pa.float64()),
    })
    airports = pa.table({
        "code": pa.array(range(AIRPORTS), pa.int32()),
        "name": pa.array([f"airport {i}" for i in range(AIRPORTS)]).dictionary_encode(),
        "opened": pa.array([i * 86_400_000_000_000 for i in range(AIRPORTS)], pa.timestamp("ns", "UTC")),
    })
    with fl.connect(url) as client:
        names = [info.descriptor.path[0].decode() for info in client.list_flights()]
        for name, table in (("flights", flights), ("airports", airports)):
            if name in names:
                list(client.do_action(fl.Action("drop-table", f'{{"table":"{name}"}}'.encode())))
            writer, _ = client.do_put(fl.FlightDescriptor.for_path(name), table.schema)
            writer.write_table(table, max_chunksize=20_000)
            writer.close()


def main(url: str, driver: str | None) -> None:
    fill(url)
    # Workers run by this Python too, which has pyarrow.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master("local[4]").appName("sheaf").config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    builder = builder.config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "4")
    if driver is not None:
        options = "--add-opens=java.base/java.nio=ALL-UNNAMED"
        builder = builder.config("spark.jars", driver).config("spark.driver.extraJavaOptions", options)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    # The workers import it too.
    spark.sparkContext.addPyFile(str(Path(__file__).with_name("sheaf_source.py")))
    spark.dataSource.register(SheafSource)

    source = spark.read.format("sheaf").option("url", url)
    flights = source.option("table", "flights").load()
    airports = spark.read.format("sheaf").option("url", url).option("query", "SELECT * FROM airports WHERE code < 3").load()
    print("schema", airports.schema.simpleString())
    print("flights", flights.count(), "rows in", flights.rdd.getNumPartitions(), "partitions")
    joined = flights.join(airports, flights.origin == airports.code)
    grouped = joined.groupBy("name").agg(f.count("*").alias("n"), f.sum("delay").alias("delay")).orderBy("name")
    for row in grouped.collect():
        print(f"{row['name']}: {row.n} flights, delay {row.delay:g}")

    if driver is not None:
        address = url.split("://", 1)[1]
        jdbc = (
            spark.read.format("jdbc")
            .option("url", f"jdbc:arrow-flight-sql://{address}/?useEncryption=false")
            .option("driver", "org.apache.arrow.driver.jdbc.ArrowFlightJdbcDriver")
        )
        late = jdbc.option("query", "SELECT origin, delay FROM flights WHERE delay = 5").load()
        print("by JDBC", late.where("origin < 50").count(), "late flights")
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
