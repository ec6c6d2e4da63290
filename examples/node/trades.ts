/**
 * A program that talks to a running server: writes, reads in three forms, sends numbered batches, ends a query.
 *
 *   npx tsx examples/node/trades.ts [grpc://127.0.0.1:8815]
 *
 * In your own project the import below is all it takes after `npm install` of this package. A test runs this file and
 * compares what it prints.
 */
import { EngineError, connect } from 'sheaf/client';

const client = await connect(process.argv[2] ?? 'grpc://127.0.0.1:8815');
const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

// An ingest is one transaction: when it resolves, its rows are on the server's disk.
const trades = [
  { symbol: 'ACME', price: 150.25, volume: 100n },
  { symbol: 'ACME', price: 150.3, volume: 200n },
  { symbol: 'INIT', price: 42.1, volume: 50n },
];
print(`stored ${(await client.ingest('trades', trades, { mode: 'replace' })).toString()} rows`);

// Rows as objects, with values of parameters.
const rows = await client.query('SELECT symbol, price, volume FROM trades WHERE price > $least ORDER BY price', {
  parameters: { least: 100 },
});
for await (const { symbol, price, volume } of rows.rows()) {
  print(`${String(symbol)}: ${String(volume)} at ${String(price)}`);
}

// The same as an Arrow table; `for await (const batch of result)` gives record batches as they arrive.
const table = await (await client.query('SELECT symbol, sum(volume) AS volume FROM trades GROUP BY ALL')).table();
print(`${table.numRows.toString()} symbols, columns ${table.schema.names.join(', ')}`);

// Numbered batches: each is stored once, also when this program or the server dies, and starts again.
const stream = await client.exactlyOnce('ticks', 'example');
for (let seq = stream.seq + 1; seq <= 3; seq++)
  await stream.write([{ id: BigInt(seq), text: `tick ${seq.toString()}` }]);
print(`durable up to ${(await stream.close()).toString()}`);

// What the caller can mend comes as an EngineError with a code, a message for people, and a position.
try {
  await client.query('SELECT prise FROM trades');
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  print(`${error.code} at column ${String(error.position?.column)}: ${error.message.split('\n')[0] ?? ''}`);
}

// Leaving a loop ends the query on the server.
for await (const batch of await client.query('SELECT range FROM range(1000000000000)')) {
  print(`one batch of ${batch.numRows > 0 ? 'many' : 'no'} rows is enough`);
  break;
}
client.close();
