# DuckDB as the judge of records: reads {"sql", "connection", "ms"} a line, answers with columns and rows, or an error.
import json
import sys
import threading

import duckdb

INTEGERS = set("TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT".split())


def kind_of(name):
    if name in INTEGERS:
        return "integer"
    if name == "BOOLEAN":
        return "boolean"
    if name.startswith("DECIMAL"):
        return "decimal"
    if name in ("FLOAT", "DOUBLE"):
        return "float"
    return "text" if name == "VARCHAR" else "other"


def cell(value):
    return "NULL" if value is None else "(empty)" if value == "" else value


def answer(connection, sql):
    relation = connection.sql(sql)
    if relation is None:
        return {"columns": [], "rows": []}
    kinds = [kind_of(str(kind)) for kind in relation.types]
    texts = ", ".join(f"CAST(#{i + 1} AS VARCHAR)" for i in range(len(kinds)))
    rows = relation.project(texts).fetchall()
    return {"columns": kinds, "rows": [[cell(value) for value in row] for row in rows]}


def main():
    database, connections = duckdb.connect(":memory:"), {}
    for line in sys.stdin:
        request = json.loads(line)
        if request["sql"] is None:
            for cursor in connections.values():
                cursor.close()
            database.close()
            database, connections = duckdb.connect(":memory:"), {}
            print("{}", flush=True)
            continue
        name = request["connection"]
        if name not in connections:
            connections[name] = database.cursor()
            for setting in request["settings"]:
                connections[name].execute(setting)
        timer = threading.Timer(request["ms"] / 1000, connections[name].interrupt)
        timer.start()
        try:
            reply = answer(connections[name], request["sql"])
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        finally:
            timer.cancel()
        print(json.dumps(reply), flush=True)


main()
