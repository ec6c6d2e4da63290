"""Sessions by the ADBC driver: with cookies, without them, and a connection that is not closed. Argument: host:port."""

import sys
import warnings

import adbc_driver_flightsql.dbapi as adbc
import adbc_driver_manager

URI = f"grpc://{sys.argv[1]}"
COOKIES = {"adbc.flight.sql.rpc.with_cookie_middleware": "true"}


def ask(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def refused(work, words):
    try:
        work()
    except adbc_driver_manager.Error as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"not refused: {words}")


def option(connection, kind, name, value):
    connection.adbc_connection.set_options(**{f"adbc.flight.sql.session.option{kind}.{name}": value})


with (
    adbc.connect(URI, db_kwargs=COOKIES, autocommit=True) as one,
    adbc.connect(URI, db_kwargs=COOKIES, autocommit=True) as other,
    adbc.connect(URI, autocommit=True) as bare,
):
    ask(one, "SET integer_division = true")
    assert ask(one, "SELECT 7 / 2") == [(3,)]
    assert ask(other, "SELECT 7 / 2") == ask(bare, "SELECT 7 / 2") == [(3.5,)]
    ask(one, "PREPARE half AS SELECT 7 / $1::INTEGER AS x")
    assert ask(one, "EXECUTE half(2)") == [(3,)]
    refused(lambda: ask(other, "EXECUTE half(2)"), 'not_found: there is no prepared statement "half"')
    ask(one, "CREATE TABLE t (x BIGINT)")
    ask(one, "PREPARE add AS INSERT INTO t VALUES ($1)")
    with one.cursor() as cursor:
        cursor.execute("EXECUTE add(5)")
    assert ask(bare, "FROM t") == [(5,)]
    with one.cursor() as cursor:
        cursor.execute("SELECT x / ? FROM t", (2,))
        assert cursor.fetchall() == [(2,)]

    option(other, "bool", "integer_division", "true")
    option(other, "", "catalog", "sheaf")
    assert ask(other, "SELECT 7 / 2") == [(3,)]
    refused(lambda: option(other, "", "catalog", "elsewhere"), "invalid value")
    refused(lambda: option(other, "", "colour", "red"), "invalid name")
    refused(lambda: option(other, "stringlist", "default_order", '["asc"]'), "invalid value")
    option(other, "erase", "integer_division", "")
    assert ask(other, "SELECT 7 / 2") == [(3.5,)]

    remedy = '"adbc.flight.sql.rpc.with_cookie_middleware": "true"'
    for sql in ("SET integer_division = true", "PREPARE half AS SELECT 1"):
        refused(lambda: ask(bare, sql), remedy)
    refused(lambda: option(bare, "bool", "integer_division", "true"), remedy)
    option(bare, "", "catalog", "sheaf")
    assert ask(bare, "SELECT 7 / 2") == [(3.5,)]

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    with adbc.connect(URI) as connection:
        assert ask(connection, "SELECT 1") == [(1,)]
assert ["Cannot disable autocommit" in str(warning.message) for warning in caught] == [True], caught
print("ok")
