// The stock JDBC driver of Flight SQL against a server: what DBeaver, DataGrip, Spark and Tableau do with it.
//
// Arguments: the address of a server that asks nobody who he is, as host:port; that of one that asks, for the same
// database, and a user who may read, with his password. Each check is a method below; prints those that failed, and last how many passed.
// Exits with 1 when one failed.

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Calendar;
import java.util.List;
import java.util.Properties;
import java.util.TimeZone;

public final class JdbcClient {
  private interface Check {
    void run() throws Exception;
  }

  private static int passed = 0;
  private static int failed = 0;
  private static Connection connection;

  private static void check(String name, Check body) {
    try {
      body.run();
      passed++;
    } catch (Throwable error) {
      failed++;
      System.out.println("failed: " + name);
      error.printStackTrace(System.out);
    }
  }

  private static void same(Object expected, Object found) {
    if (expected == null ? found != null : !expected.equals(found)) {
      throw new AssertionError("expected " + expected + ", found " + found);
    }
  }

  /** The values of some columns, a row after the other, each as the driver's text. */
  private static List<String> texts(ResultSet result, String... columns) throws SQLException {
    List<String> rows = new ArrayList<>();
    while (result.next()) {
      List<String> row = new ArrayList<>();
      for (String column : columns) row.add(result.getString(column));
      rows.add(String.join(" ", row.stream().map(String::valueOf).toList()));
    }
    result.close();
    return rows;
  }

  private static int update(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return statement.executeUpdate(sql);
    }
  }

  private static String one(String sql) throws SQLException {
    try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(sql)) {
      same(true, result.next());
      String value = result.getString(1);
      same(false, result.next());
      return value;
    }
  }

  public static void main(String[] arguments) throws Exception {
    String url = "jdbc:arrow-flight-sql://" + arguments[0] + "/?useEncryption=false";
    try (Connection plain = DriverManager.getConnection(url)) {
      connection = plain;
      check("is valid, commits by itself, may write", JdbcClient::session);
      check("tells of the server and its dialect", JdbcClient::dialect);
      check("answers every question", JdbcClient::questions);
      check("tells its types", JdbcClient::types);
      check("makes tables and counts changed rows", JdbcClient::updates);
      check("lists catalogs, schemas, tables and columns", JdbcClient::catalog);
      check("has no keys, indexes, procedures", JdbcClient::nothing);
      check("reads, with limits", JdbcClient::reads);
      check("reads every type", JdbcClient::values);
      check("takes parameters of every type", JdbcClient::parameters);
      check("runs batches", JdbcClient::batches);
      check("tells errors", JdbcClient::errors);
    }
    check("connects with options that a tool sets", () -> {
      Properties properties = new Properties();
      properties.put("threadPoolSize", "2");
      properties.put("retainCookies", "true");
      // The catalog of a URL is a session option, which a server without sessions would refuse.
      try (Connection other = DriverManager.getConnection(url + "&catalog=sheaf", properties)) {
        same(true, other.isValid(5));
        connection = other;
        same("1", one("SELECT 1"));
      }
    });
    String guarded = "jdbc:arrow-flight-sql://" + arguments[1] + "/?useEncryption=false";
    check("connects as a user, who may do what he has the right to", () -> {
      try (Connection other = DriverManager.getConnection(guarded, arguments[2], arguments[3])) {
        connection = other;
        same("2", one("SELECT count(*) FROM trades"));
        same(List.of("trades"), texts(other.getMetaData().getTables(null, null, "trades", null), "TABLE_NAME"));
        refused("DELETE FROM trades", "forbidden");
      }
    });
    check("connects by a token", () -> {
      try (Connection other = DriverManager.getConnection(guarded + "&token=" + arguments[3])) {
        connection = other;
        same("1", one("SELECT 1"));
      }
    });
    check("is refused without the password", () -> {
      try (Connection other = DriverManager.getConnection(guarded, arguments[2], "wrong")) {
        connection = other;
        one("SELECT 1");
      } catch (SQLException error) {
        return;
      }
      throw new AssertionError("a wrong password was taken");
    });
    System.out.println(passed + " passed, " + failed + " failed");
    System.exit(failed == 0 ? 0 : 1);
  }

  private static void session() throws SQLException {
    same(true, connection.isValid(5));
    same(true, connection.getAutoCommit());
    same(false, connection.getMetaData().isReadOnly());
    same(Connection.TRANSACTION_NONE, connection.getTransactionIsolation());
    connection.setAutoCommit(true);
  }

  private static void dialect() throws SQLException {
    DatabaseMetaData data = connection.getMetaData();
    same("Sheaf", data.getDatabaseProductName());
    same("\"", data.getIdentifierQuoteString());
    same("\\", data.getSearchStringEscape());
    same("", data.getExtraNameCharacters());
    same("catalog", data.getCatalogTerm());
    same("schema", data.getSchemaTerm());
    same(".", data.getCatalogSeparator());
    same(true, data.isCatalogAtStart());
    same(false, data.supportsTransactions());
    same(false, data.supportsSavepoints());
    same(true, data.supportsBatchUpdates());
    same(true, data.supportsGroupBy());
    same(true, data.supportsOuterJoins());
    same(true, data.supportsCorrelatedSubqueries());
    same(true, data.nullsAreSortedAtEnd());
    same(1_048_576, data.getMaxStatementLength());
    same(0, data.getMaxConnections());
    same(true, data.getSQLKeywords().contains("QUALIFY"));
    for (String[] pair : new String[][] {
      {data.getNumericFunctions(), "sqrt"},
      {data.getStringFunctions(), "regexp_replace"},
      {data.getTimeDateFunctions(), "date_trunc"},
      {data.getSystemFunctions(), "coalesce"},
    }) {
      same(true, Arrays.asList(pair[0].split(", ?")).contains(pair[1]));
    }
    same(true, data.supportsConvert(Types.VARCHAR, Types.INTEGER));
    same(false, data.supportsConvert(Types.DATE, Types.BOOLEAN));
  }

  /** Every question without arguments is answered: a value that the driver misses or cannot take throws. */
  private static void questions() throws Exception {
    DatabaseMetaData data = connection.getMetaData();
    for (Method method : DatabaseMetaData.class.getMethods()) {
      if (method.getParameterCount() > 0) continue;
      try {
        if (method.invoke(data) instanceof ResultSet result) result.close();
      } catch (InvocationTargetException error) {
        throw new AssertionError(method.getName(), error.getCause());
      }
    }
  }

  private static void types() throws SQLException {
    // Version 18.3 asks the server nothing here; a later one that does has to find rows.
    try (ResultSet result = connection.getMetaData().getTypeInfo()) {
      while (result.next()) same(true, result.getString("TYPE_NAME") != null);
    }
  }

  private static void updates() throws SQLException {
    same(0, update("CREATE TABLE trades (id BIGINT NOT NULL, symbol VARCHAR, price DECIMAL(10,2))"));
    same(3, update("INSERT INTO trades VALUES (1, 'a', 1.25), (2, 'b', NULL), (3, NULL, 3)"));
    same(1, update("UPDATE trades SET price = 2.5 WHERE id = 2"));
    same(1, update("DELETE FROM trades WHERE id = 3"));
    same(0, update("CREATE VIEW dear AS SELECT id, price FROM trades WHERE price > 2"));
    same("2", one("SELECT count(*) FROM trades"));
    try (Statement statement = connection.createStatement()) {
      same(false, statement.execute("CREATE OR REPLACE TABLE other AS SELECT 1 AS x"));
      same(true, statement.execute("SELECT * FROM other"));
      same(true, statement.getResultSet().next());
      same(-1, statement.getUpdateCount());
    }
  }

  private static void catalog() throws SQLException {
    DatabaseMetaData data = connection.getMetaData();
    same(List.of("sheaf"), texts(data.getCatalogs(), "TABLE_CAT"));
    same(List.of("information_schema sheaf", "main sheaf"), texts(data.getSchemas(), "TABLE_SCHEM", "TABLE_CATALOG"));
    same(List.of("main sheaf"), texts(data.getSchemas("sheaf", "m%"), "TABLE_SCHEM", "TABLE_CATALOG"));
    same(List.of("SYSTEM TABLE", "TABLE", "VIEW"), texts(data.getTableTypes(), "TABLE_TYPE"));
    String[] own = {"TABLE", "VIEW"};
    String[] columns = {"TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE"};
    same(
      List.of("sheaf main dear VIEW", "sheaf main other TABLE", "sheaf main trades TABLE"),
      texts(data.getTables(null, null, "%", own), columns)
    );
    same(List.of("sheaf main trades TABLE"), texts(data.getTables("sheaf", "main", "tr_des", own), columns));
    same(List.of(), texts(data.getTables("other", null, "%", null), columns));
    same(true, texts(data.getTables(null, null, "%", null), columns).contains("sheaf information_schema tables SYSTEM TABLE"));
    same(
      List.of("id BIGINT -5 19 0 NO", "symbol VARCHAR 12 65536 null YES", "price DECIMAL(10,2) 3 10 2 YES"),
      texts(
        data.getColumns(null, null, "trades", "%"),
        "COLUMN_NAME", "TYPE_NAME", "DATA_TYPE", "COLUMN_SIZE", "DECIMAL_DIGITS", "IS_NULLABLE"
      )
    );
    same(List.of("price"), texts(data.getColumns(null, "main", "dear", "pri%"), "COLUMN_NAME"));
  }

  private static void nothing() throws SQLException {
    DatabaseMetaData data = connection.getMetaData();
    for (String table : new String[] {"trades", "there_is_none"}) {
      same(List.of(), texts(data.getPrimaryKeys(null, null, table)));
      same(List.of(), texts(data.getImportedKeys(null, null, table)));
      same(List.of(), texts(data.getExportedKeys(null, null, table)));
      same(List.of(), texts(data.getCrossReference(null, null, table, null, null, table)));
      same(List.of(), texts(data.getIndexInfo(null, null, table, false, true)));
    }
    same(List.of(), texts(data.getProcedures(null, null, "%")));
    same(List.of(), texts(data.getFunctions(null, null, "%")));
  }

  private static void reads() throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(200);
      statement.setMaxRows(2);
      try (ResultSet result = statement.executeQuery("SELECT * FROM range(10)")) {
        int count = 0;
        while (result.next()) count++;
        same(2, count);
      }
      try (ResultSet result = statement.executeQuery("SELECT * FROM trades WHERE false")) {
        same("id", result.getMetaData().getColumnName(1));
        same(false, result.next());
      }
    }
    same("1", one("SELECT 1"));
    same("49995000", one("SELECT sum(range) FROM range(10000)"));
  }

  private static final String EVERY =
    "SELECT true AS b, 1::TINYINT AS i8, 2::SMALLINT AS i16, 3::INTEGER AS i32, 9223372036854775807 AS i64, "
    + "100::UTINYINT AS u8, 30000::USMALLINT AS u16, 2000000000::UINTEGER AS u32, 7::UBIGINT AS u64, "
    + "1.5::FLOAT AS f32, 2.5::DOUBLE AS f64, 12345678901234567890.12::DECIMAL(38,2) AS d, 'ü' AS t, 'ab'::BLOB AS y, "
    + "DATE '2024-02-29' AS day, TIME '01:02:03.5' AS tm, TIMESTAMP '2024-02-29 12:30:00.123456' AS ts, "
    + "TIMESTAMPTZ '2024-02-29 12:30:00+00' AS tz, INTERVAL '1 year 2 days' AS iv, [1, NULL, 3] AS l, "
    + "{'a': 1, 'b': 'x'} AS s, MAP {'k': 2} AS m, NULL AS n";

  private static void values() throws SQLException {
    try (Statement statement = connection.createStatement(); ResultSet row = statement.executeQuery(EVERY)) {
      ResultSetMetaData columns = row.getMetaData();
      same(true, row.next());
      same(true, row.getBoolean("b"));
      same(1, row.getInt("i8"));
      same(2, row.getInt("i16"));
      same(3, row.getInt("i32"));
      same(Long.MAX_VALUE, row.getLong("i64"));
      // The driver reads unsigned integers as signed ones; what fits is right.
      same(100, row.getInt("u8"));
      same(30_000, row.getInt("u16"));
      same(2_000_000_000L, row.getLong("u32"));
      same(7L, row.getLong("u64"));
      same(1.5f, row.getFloat("f32"));
      same(2.5, row.getDouble("f64"));
      same(new BigDecimal("12345678901234567890.12"), row.getBigDecimal("d"));
      same("ü", row.getString("t"));
      same("ab", new String(row.getBytes("y")));
      same("2024-02-29", row.getDate("day").toString());
      same("01:02:03", row.getTime("tm").toLocalTime().withNano(0).toString());
      same(Timestamp.valueOf("2024-02-29 12:30:00.123456"), row.getTimestamp("ts"));
      Calendar utc = Calendar.getInstance(TimeZone.getTimeZone("UTC"));
      same(1_709_209_800_000L, row.getTimestamp("tz", utc).getTime());
      same(true, row.getObject("iv") != null);
      same("[1, null, 3]", Arrays.toString((Object[]) row.getArray("l").getArray()));
      same(true, row.getObject("s").toString().contains("x"));
      same(true, row.getObject("m").toString().contains("k"));
      same(null, row.getObject("n"));
      same(true, row.wasNull());
      same(Types.BOOLEAN, columns.getColumnType(1));
      same(Types.BIGINT, columns.getColumnType(5));
      same(Types.DECIMAL, columns.getColumnType(12));
      same(Types.VARCHAR, columns.getColumnType(13));
      same(Types.DATE, columns.getColumnType(15));
    }
  }

  private static void parameters() throws SQLException {
    update(
      "CREATE TABLE every (b BOOLEAN, i8 TINYINT, i16 SMALLINT, i32 INTEGER, i64 BIGINT, f32 FLOAT, f64 DOUBLE, "
      + "d DECIMAL(10,2), t VARCHAR, y BLOB, day DATE, tm TIME, ts TIMESTAMP)"
    );
    String places = String.join(", ", java.util.Collections.nCopies(13, "?"));
    try (PreparedStatement insert = connection.prepareStatement("INSERT INTO every VALUES (" + places + ")")) {
      same(13, insert.getParameterMetaData().getParameterCount());
      insert.setBoolean(1, true);
      insert.setByte(2, (byte) 1);
      insert.setShort(3, (short) 2);
      insert.setInt(4, 3);
      insert.setLong(5, Long.MAX_VALUE);
      insert.setFloat(6, 1.5f);
      insert.setDouble(7, 2.5);
      insert.setBigDecimal(8, new BigDecimal("12.34"));
      insert.setString(9, "ü");
      insert.setBytes(10, new byte[] {1, 2});
      insert.setDate(11, Date.valueOf("2024-02-29"));
      insert.setTime(12, Time.valueOf("01:02:03"));
      insert.setTimestamp(13, Timestamp.valueOf("2024-02-29 12:30:00.5"));
      same(1, insert.executeUpdate());
      for (int i = 1; i <= 13; i++) insert.setNull(i, Types.NULL);
      same(1, insert.executeUpdate());
    }
    same(
      "true|1|2|3|9223372036854775807|1.5|2.5|12.34|ü",
      one("SELECT concat_ws('|', b, i8, i16, i32, i64, f32, f64, d, t) FROM every WHERE b")
    );
    same(
      "2024-02-29|01:02:03|2024-02-29 12:30:00.5|2",
      one("SELECT concat_ws('|', day, tm, ts, octet_length(y)) FROM every WHERE b")
    );
    same("1", one("SELECT count(*) FROM every WHERE coalesce(b, i8, i16, i32, i64, f32, f64, d)::VARCHAR IS NULL"));
    try (PreparedStatement select = connection.prepareStatement("SELECT symbol FROM trades WHERE id = ? AND price > ?")) {
      for (int id = 1; id <= 2; id++) {
        select.setLong(1, id);
        select.setBigDecimal(2, new BigDecimal("1.00"));
        try (ResultSet result = select.executeQuery()) {
          same(true, result.next());
          same(id == 1 ? "a" : "b", result.getString(1));
          same(false, result.next());
        }
      }
    }
    try (PreparedStatement select = connection.prepareStatement("SELECT ? || 'x'")) {
      select.setString(1, "a");
      try (ResultSet result = select.executeQuery()) {
        same(true, result.next());
        same("ax", result.getString(1));
      }
    }
  }

  private static void batches() throws SQLException {
    update("CREATE TABLE batches (a BIGINT, b VARCHAR)");
    try (PreparedStatement insert = connection.prepareStatement("INSERT INTO batches VALUES (?, ?)")) {
      for (int i = 0; i < 1_000; i++) {
        insert.setLong(1, i);
        insert.setString(2, i % 3 == 0 ? null : "b" + i);
        insert.addBatch();
      }
      int sum = 0;
      for (int count : insert.executeBatch()) sum += count;
      same(1_000, sum);
    }
    same("1000|666|499500", one("SELECT concat_ws('|', count(*), count(b), sum(a)) FROM batches"));
  }

  private static void errors() throws SQLException {
    for (String[] wrong : new String[][] {
      {"SELECT", "sql_syntax"},
      {"SELECT prize FROM trades", "did you mean \"price\"?"},
      {"SELECT * FROM trade", "sql_bind: there is no table"},
      {"INSERT INTO trades VALUES (NULL, NULL, NULL)", "NOT NULL"},
    }) {
      refused(wrong[0], wrong[1]);
    }
    same("1", one("SELECT 1"));
  }

  private static void refused(String sql, String message) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException error) {
      if (error.getMessage().contains(message)) return;
      throw error;
    }
    throw new AssertionError(sql + " was not refused");
  }
}
