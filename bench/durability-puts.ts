/**
 * The client of the bench of many puts: one put a stream, 100 rows a put, several at a time on each connection.
 *
 * Usage: durability-puts.ts ADDRESS TABLE CONNECTIONS WRITERS COUNT. Prints one JSON line: seconds, and puts that were
 * acknowledged. A put that fails ends the process.
 */
import { encodeSchema } from '../src/arrow/ipc-schema.ts';
import { encodeBatch } from '../src/arrow/ipc-write.ts';
import { dataFields, field, pathField, rawFlight, readAll } from '../test/support/flight-client.ts';
import type { RawFlight } from '../test/support/flight-client.ts';
import { TRADES, trades } from './durability-rows.ts';

const [address = '', table = '', ...numbers] = process.argv.slice(2);
const [connections = 1, writers = 1, count = 1] = numbers.map(Number);
const rows = 100;

const first = Buffer.concat([pathField(table), field(2, encodeSchema(TRADES).header)]);
const { header, body } = encodeBatch(trades(0, rows));
const second = dataFields(header, body);

async function put(client: RawFlight): Promise<void> {
  const call = client.stream('DoPut');
  const ended = readAll(call);
  call.write(first);
  call.write(second);
  call.end();
  const { ending } = await ended;
  if (ending.grpc !== 0) throw new Error(`a put failed: ${ending.details}`);
}

const clients = Array.from({ length: connections }, () => rawFlight(address));
// The table, the connections and the code are there before the clock starts; these puts are not counted in the rate.
await Promise.all(clients.map(put));
let left = count - connections;
const started = performance.now();
await Promise.all(
  Array.from({ length: writers }, async (_, writer) => {
    const client = clients[writer % connections];
    while (left-- > 0 && client !== undefined) await put(client);
  }),
);
const seconds = (performance.now() - started) / 1000;
for (const client of clients) client.close();
process.stdout.write(`${JSON.stringify({ seconds: (seconds * count) / (count - connections), puts: count })}\n`);
