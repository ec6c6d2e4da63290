/**
 * Sheaf as a library: a database inside your own program, without a server.
 *
 *   npx tsx examples/library.ts [directory]
 *
 * Opens a directory, appends an Arrow table, asks SQL, lists the tables, closes. In your own project the import below
 * is all it takes after `npm install` of this package. A test runs this file and compares what it prints.
 */
import { Float64, Int64, Table, Timestamp, TimeUnit, Utf8, vectorFromArray } from 'apache-arrow';
import { EngineError, open } from 'sheaf';

const database = await open(process.argv[2] ?? './example-data');

// One append is one transaction: when the promise resolves, its rows are on the disk. The table is made by the first
// one.
const trades = new Table({
  at: vectorFromArray(
    [1_700_000_000_000, 1_700_000_001_000, 1_700_000_002_000, 1_700_000_003_000],
    new Timestamp(TimeUnit.MILLISECOND, 'UTC'),
  ),
  symbol: vectorFromArray(['ACME', 'ACME', 'INIT', 'INIT'], new Utf8()),
  price: vectorFromArray([150.25, 150.3, 42.1, 42.15], new Float64()),
  volume: vectorFromArray([100n, 200n, 50n, 75n], new Int64()),
});
const { rowCount } = await database.append('trades', trades);
process.stdout.write(`appended ${rowCount.toString()} rows\n`);

// The answer is an apache-arrow table.
const answer = await database.query(`
  SELECT symbol, COUNT(*) AS trades, SUM(volume) AS volume, MAX(price) AS high
  FROM trades
  GROUP BY symbol
  ORDER BY symbol
`);
for (const row of answer) {
  process.stdout.write(
    `${String(row['symbol'])}: ${String(row['trades'])} trades, volume ${String(row['volume'])}, high ${String(row['high'])}\n`,
  );
}

// What the caller can mend comes as an EngineError with a code and a message for people.
try {
  await database.query('SELECT prise FROM trades');
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  process.stdout.write(`${error.code}: ${error.message.split('\n')[0] ?? ''}\n`);
}

for (const table of database.tables()) {
  const columns = table.schema.fields.map((field) => field.name).join(', ');
  process.stdout.write(`table ${table.name}: ${table.rowCount.toString()} rows of ${columns}\n`);
}

await database.close();
