// The process that the bench of opens times: the built program's storage, opened once in a fresh process, as a start is.
//
// Usage: durability-open.mjs DIRECTORY TABLE ROWS. Prints one JSON line: milliseconds of the open; bytes of all read
// calls during it (the kernel's count, the catalog's thread included); of them those of segment files; maps made. Then
// it reads ROWS rows of TABLE, whose checksums are verified on the way, and tells how many came.
import { readFileSync } from 'node:fs';
import { realOs } from '../dist/os/real-os.js';
import { openStorage } from '../dist/storage/storage.js';

const [directory, table, wanted] = process.argv.slice(2);
const readCallBytes = () => Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))[1]);

const counts = { segmentBytes: 0, maps: 0 };
const real = realOs();
const os = {
  ...real,
  async open(path, mode) {
    const file = await real.open(path, mode);
    const read = file.read.bind(file);
    file.read = (length, position) => {
      counts.segmentBytes += length;
      return read(length, position);
    };
    return file;
  },
  map(path, length) {
    counts.maps++;
    return real.map(path, length);
  },
};

const readBefore = readCallBytes();
const started = performance.now();
const storage = await openStorage({ directory, os });
const milliseconds = performance.now() - started;
const outcome = { milliseconds, readBytes: readCallBytes() - readBefore, ...counts };

let rows = 0;
const snapshot = storage.snapshot();
for await (const batch of snapshot.table(table).messages()) {
  rows += batch.rowCount;
  if (rows >= Number(wanted)) break;
}
snapshot.release();
await storage.close();
process.stdout.write(`${JSON.stringify({ ...outcome, rows })}\n`);
