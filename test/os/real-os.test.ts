/** What only the real disk does: modes, full and read-only file systems, permissions, offsets above 4 GiB. */
import assert from 'node:assert/strict';
import { chmodSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { realOs } from '../../src/os/real-os.ts';
import { runChild } from '../support/child.ts';
import { refusal } from '../support/refusal.ts';
import { makeReadOnly, temporaryDirectory, temporaryMount } from '../support/temporary.ts';

const os = realOs();

test('files are for their owner alone, directories too', async (t) => {
  const directory = `${temporaryDirectory(t)}/a/b`;
  await os.makeDirectory(directory);
  await (await os.open(`${directory}/created`, 'create')).close();
  await os.writeFile(`${directory}/written`, new Uint8Array(3));
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.equal(statSync(`${directory}/created`).mode & 0o777, 0o600);
  assert.equal(statSync(`${directory}/written`).mode & 0o777, 0o600);
});

test('reads and writes at offsets above 4 GiB are where they belong', async (t) => {
  const path = `${temporaryDirectory(t)}/sparse`;
  const file = await os.open(path, 'create');
  const offset = 5 * 2 ** 30 + 3;
  await file.write([Uint8Array.of(1, 2), Uint8Array.of(3)], offset);
  assert.equal(await file.size(), offset + 3);
  assert.deepEqual([...(await file.read(4, offset - 1))], [0, 1, 2, 3]);
  assert.deepEqual([...(await file.read(3, offset % 2 ** 32))], [0, 0, 0]);
  await file.close();
});

test('a full disk is storage_full, leaves what was written, and works again when there is space', async (t) => {
  const directory = temporaryMount(t, '64k');
  if (directory === undefined) return;
  const path = `${directory}/a`;
  const file = await os.open(path, 'create');
  await file.write([new Uint8Array(40_000).fill(1)], 0);
  const large = [new Uint8Array(10_000).fill(2), new Uint8Array(90_000).fill(3)];
  const message = `cannot write to ${path}: the disk is full (ENOSPC); free space on the disk that holds it`;
  await assert.rejects(file.write(large, 40_000), refusal('storage_full', message));
  assert.equal(
    (await file.read(40_000, 0)).every((byte) => byte === 1),
    true,
  );
  assert.equal(await os.freeBytes(directory), 0);
  await file.truncate(40_000);
  assert.ok((await os.freeBytes(directory)) > 20_000);
  await file.write([new Uint8Array(10_000).fill(4)], 40_000);
  await file.dataSync();
  assert.equal(await file.size(), 50_000);
  await file.close();
});

test('a read-only file system is forbidden, for files and for directories', async (t) => {
  const directory = temporaryMount(t, '64k');
  if (directory === undefined) return;
  makeReadOnly(directory);
  const why = 'the file system is mounted read-only (EROFS); mount it for writing or choose another directory';
  await assert.rejects(
    os.open(`${directory}/a`, 'create'),
    refusal('forbidden', `cannot create ${directory}/a: ${why}`),
  );
  await assert.rejects(
    os.makeDirectory(`${directory}/d`),
    refusal('forbidden', `cannot make directory ${directory}/d: ${why}`),
  );
});

test('a directory of somebody else is forbidden', async (t) => {
  const directory = temporaryDirectory(t);
  chmodSync(directory, 0o555);
  const path = `${directory}/a`;
  const why = 'permission denied (EACCES); let the user that runs this program read and write it';
  const message = `cannot create ${path}: ${why}`;
  if (process.getuid?.() !== 0) {
    await assert.rejects(os.open(path, 'create'), refusal('forbidden', message));
    return;
  }
  // Root may write everywhere, so somebody else tries.
  const outcome = await runChild(
    `import { realOs } from './src/os/real-os.ts';
     await realOs().open(process.argv[1], 'create').catch((error) => console.log(error.code, error.message));`,
    [path],
    { uid: 65_534 },
  );
  if (outcome.stderr.includes('EACCES') && outcome.stdout === '') {
    t.skip('this checkout cannot be read by another user, so permissions cannot be tried as root');
    return;
  }
  assert.equal(outcome.stdout.trim(), `forbidden ${message}`, outcome.stderr);
});

test('running out of file descriptors is an error that names the limit to raise', async (t) => {
  const path = `${temporaryDirectory(t)}/a`;
  await os.writeFile(path, new Uint8Array(1));
  const script = `import { realOs } from './src/os/real-os.ts';
    const files = [];
    try { for (;;) files.push(await realOs().open(process.argv[1], 'read')); }
    catch (error) { console.log(error.code, error.message); }
    for (const file of files) await file.close();`;
  const outcome = await runChild(script, [path], { ulimit: '-n 100' });
  const why = 'the process has too many open files (EMFILE); raise the limit of open files (ulimit -n)';
  assert.equal(outcome.stdout.trim(), `io_error cannot open ${path}: ${why}`, outcome.stderr);
});

test('a file that would pass the size limit is storage_full', async (t) => {
  const path = `${temporaryDirectory(t)}/a`;
  const script = `import { realOs } from './src/os/real-os.ts';
    const file = await realOs().open(process.argv[1], 'create');
    await file.write([new Uint8Array(3_000_000)], 0).catch((error) => console.log(error.code, error.message));
    await file.close();`;
  const outcome = await runChild(script, [path], { ulimit: '-f 2000' });
  const why = "the file would become too large (EFBIG); raise the limit of the file's size (ulimit -f)";
  const message = `storage_full cannot write to ${path}: ${why} or use another file system`;
  assert.equal(outcome.stdout.trim(), message, outcome.stderr);
});
