/**
 * The program that kill.test.ts kills: appends to a database as fast as it can, and says on stdout what was
 * acknowledged.
 *
 * Usage: writer.ts DIRECTORY. Each writer numbers its own streams; a stream is STREAM_ROWS rows (or LARGE_ROWS
 * through private segments) with ids that count on from what the table holds. One line `ack WRITER ROWS` per
 * acknowledged stream: the writer's table has that many rows now. Written synchronously, so that what the parent
 * has read was really acknowledged.
 */
import { writeSync } from 'node:fs';
import { setLogLevel } from '../../src/base/log.ts';
import { openStorage } from '../../src/storage/storage.ts';
import type { Storage } from '../../src/storage/contract.ts';
import { INT64, batchOf, schemaOf } from '../support/sample.ts';
import { KILL_BOUNDS, LARGE_ROWS, STREAM_ROWS } from './rows.ts';

const SCHEMA = schemaOf({ id: INT64 });

async function writeForEver(storage: Storage, writer: number): Promise<void> {
  const name = `w${writer.toString()}`;
  const snapshot = storage.snapshot();
  let next = snapshot.table(name)?.rowCount ?? 0;
  snapshot.release();
  for (let stream = 0; ; stream++) {
    const rows = writer === 0 && stream % 3 === 2 ? LARGE_ROWS : STREAM_ROWS;
    const append = await storage.beginAppend(name, SCHEMA, { create: true });
    for (let part = 0; part < 2; part++) {
      const from = next + (part * rows) / 2;
      await append.write(batchOf(SCHEMA, [Array.from({ length: rows / 2 }, (_, i) => from + i)]));
    }
    await append.commit();
    next += rows;
    writeSync(1, `ack ${writer.toString()} ${next.toString()}\n`);
    if (stream % 10 === 9) await storage.seal(name);
  }
}

async function dropForEver(storage: Storage): Promise<void> {
  for (;;) {
    const append = await storage.beginAppend('scratch', SCHEMA, { create: true });
    await append.write(batchOf(SCHEMA, [[1, 2, 3]]));
    await append.commit();
    await storage.dropTable('scratch');
  }
}

setLogLevel('error');
const opened = await openStorage({ directory: process.argv[2] ?? '', bounds: KILL_BOUNDS });
writeSync(1, 'open\n');
await Promise.all([0, 1, 2].map((writer) => writeForEver(opened, writer)).concat(dropForEver(opened)));
