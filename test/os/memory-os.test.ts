/**
 * The disk in memory: what it loses, what it keeps, and how it fails. The suites that use it are only as good as this.
 *
 * Method: the same state is crashed with many seeds, and the set of states that come out is compared with the set that
 * the rules allow: every allowed state must be seen, no other may be.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryOs } from '../support/memory-os.ts';
import { refusal } from '../support/refusal.ts';

const SEEDS = 400;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function diskWith(...directories: string[]): Promise<MemoryOs> {
  const os = new MemoryOs();
  for (const directory of directories) await os.makeDirectory(directory);
  await os.syncDirectory('/');
  for (const directory of directories) await os.syncDirectory(directory);
  return os;
}

/** What `path` holds after a crash: its text with zeros shown as dots, or "absent". */
async function outcome(os: MemoryOs, path: string): Promise<string> {
  if (!(await os.exists(path))) return 'absent';
  return new TextDecoder().decode(await os.readFile(path)).replaceAll('\0', '.');
}

async function outcomes(os: MemoryOs, ...paths: string[]): Promise<string[]> {
  const seen = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const after = os.crash(seed);
    seen.add((await Promise.all(paths.map((path) => outcome(after, path)))).join(' '));
  }
  return [...seen].sort();
}

test('synced bytes survive, unsynced ones are kept, dropped or zero', async () => {
  const os = await diskWith('/db');
  const file = await os.open('/db/a', 'create');
  await file.write([bytes('ab')], 0);
  await file.dataSync();
  await os.syncDirectory('/db');
  assert.deepEqual(await outcomes(os, '/db/a'), ['ab']);
  await file.write([bytes('C')], 1);
  await file.write([bytes('D')], 3);
  const allowed = ['a.', 'a..D', 'a...', 'aC', 'aC..', 'aC.D', 'ab', 'ab..', 'ab.D'];
  assert.deepEqual(await outcomes(os, '/db/a'), allowed.sort());
  await file.dataSync();
  assert.deepEqual(await outcomes(os, '/db/a'), ['aC.D']);
});

test('a large unsynced write may be torn between sectors, never within one', async () => {
  const os = await diskWith('/db');
  const file = await os.open('/db/a', 'create');
  await os.syncDirectory('/db');
  await file.write([new Uint8Array(1_500).fill(7)], 100);
  const torn = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const content = await os.crash(seed).readFile('/db/a');
    // Sectors of the disk: [100, 512), [512, 1024), [1024, 1536), [1536, 1600).
    const sectors = [
      content.subarray(100, 512),
      content.subarray(512, 1_024),
      content.subarray(1_024, 1_536),
      content.subarray(1_536),
    ];
    for (const sector of sectors) assert.equal(new Set(sector).size <= 1, true, `seed ${seed}`);
    torn.add(sectors.map((sector) => sector[0] ?? '-').join(''));
  }
  assert.ok(
    torn.has('0707') && torn.has('7---') && torn.has('7777') && torn.has('----') && torn.has('0000'),
    [...torn].join(),
  );
});

test('a truncation that was not synced may come back', async () => {
  const os = await diskWith('/db');
  const file = await os.open('/db/a', 'create');
  await file.write([bytes('abcd')], 0);
  await file.dataSync();
  await os.syncDirectory('/db');
  await file.truncate(1);
  assert.deepEqual(await outcomes(os, '/db/a'), ['a', 'abcd']);
});

test('a file whose directory was not synced may be gone, however well it was synced itself', async () => {
  const os = await diskWith('/db');
  const file = await os.open('/db/a', 'create');
  await file.write([bytes('x')], 0);
  await file.dataSync();
  assert.deepEqual(await outcomes(os, '/db/a'), ['absent', 'x']);
  await os.syncDirectory('/db');
  await os.unlink('/db/a');
  assert.deepEqual(await outcomes(os, '/db/a'), ['absent', 'x']);
});

test('a lost directory takes its files along', async () => {
  const os = await diskWith('/db');
  await os.makeDirectory('/db/t');
  await os.writeFile('/db/t/a', bytes('x'));
  assert.deepEqual(await outcomes(os, '/db/t/a'), ['absent', 'x']);
  await os.syncDirectory('/db');
  assert.deepEqual(await outcomes(os, '/db/t/a'), ['x']);
});

test('a rename happens as a whole or not at all, and not without the creation before it', async () => {
  const os = await diskWith('/db');
  await os.writeFile('/db/a', bytes('old'));
  const file = await os.open('/db/b', 'create');
  await file.write([bytes('new')], 0);
  await file.dataSync();
  await os.rename('/db/b', '/db/a');
  assert.deepEqual(await outcomes(os, '/db/a', '/db/b'), ['new absent', 'old absent', 'old new']);
  await os.syncDirectory('/db');
  assert.deepEqual(await outcomes(os, '/db/a', '/db/b'), ['new absent']);
});

test('writeFile leaves the old content or the new one at every moment', async () => {
  const os = await diskWith('/db');
  await os.writeFile('/db/a', bytes('old'));
  const seen = new Set<string>();
  const checks: Promise<void>[] = [];
  os.observe = () => {
    for (let seed = 0; seed < 20; seed++) {
      checks.push(outcome(os.crash(seed), '/db/a').then((content) => void seen.add(content)));
    }
  };
  await os.writeFile('/db/a', bytes('new'));
  await Promise.all(checks);
  assert.deepEqual([...seen].sort(), ['new', 'old']);
  assert.deepEqual(await outcomes(os, '/db/a'), ['new']);
});

test('writes of a failed sync are not made durable by the next sync', async () => {
  const os = await diskWith('/db');
  const file = await os.open('/db/a', 'create');
  await os.syncDirectory('/db');
  await file.write([bytes('a')], 0);
  os.inject({ kind: 'dataSync', nth: 1, errno: 'EIO' });
  const why = "the disk reported an error (EIO); check the disk and the kernel's log before writing to it again";
  await assert.rejects(file.dataSync(), refusal('io_error', `cannot dataSync /db/a: ${why}`));
  await file.write([bytes('b')], 1);
  await file.dataSync();
  assert.deepEqual(await outcomes(os, '/db/a'), ['.b', 'ab']);
});

test('a fault hits the operation it counts, once or from then on, until it is healed', async () => {
  const os = await diskWith('/db');
  os.inject({ kind: 'create', path: /seg/, nth: 2, errno: 'EMFILE' });
  await os.open('/db/seg1', 'create');
  await os.open('/db/other', 'create');
  const why = 'the process has too many open files (EMFILE); raise the limit of open files (ulimit -n)';
  await assert.rejects(os.open('/db/seg2', 'create'), refusal('io_error', `cannot create /db/seg2: ${why}`));
  const file = await os.open('/db/seg2', 'create');
  os.inject({ kind: 'write', nth: 1, errno: 'ENOSPC', forever: true });
  const full = 'cannot write /db/seg2: the disk is full (ENOSPC); free space on the disk that holds it';
  await assert.rejects(file.write([bytes('abcd')], 0), refusal('storage_full', full));
  assert.equal(await file.size(), 2);
  await assert.rejects(file.write([bytes('abcd')], 0), refusal('storage_full', full));
  os.heal();
  await file.write([bytes('abcd')], 0);
  assert.equal(await file.size(), 4);
  assert.deepEqual(
    os.operations.slice(-3).map(({ kind, path }) => `${kind} ${path}`),
    ['write /db/seg2', 'write /db/seg2', 'write /db/seg2'],
  );
});

test('a disk of a given size is full when it is full', async () => {
  const os = new MemoryOs({ capacityBytes: 10 });
  const file = await os.open('/a', 'create');
  await file.write([bytes('12345678')], 0);
  assert.equal(await os.freeBytes('/'), 2);
  const full = 'cannot write to /a: the disk is full (ENOSPC); free space on the disk that holds it';
  await assert.rejects(file.write([bytes('12345')], 6), refusal('storage_full', full));
  await file.write([bytes('1234')], 6);
  assert.equal(await os.freeBytes('/'), 0);
});

test('the same seed gives the same disk, and the disk that was crashed goes on', async () => {
  const os = await diskWith('/db');
  for (let i = 0; i < 10; i++) {
    const file = await os.open(`/db/${i}`, 'create');
    await file.write([new Uint8Array(5_000).fill(i + 1)], 0);
  }
  const content = async (disk: MemoryOs) =>
    Promise.all((await disk.list('/db')).map(async (name) => [name, [...(await disk.readFile(`/db/${name}`))]]));
  assert.deepEqual(await content(os.crash(5)), await content(os.crash(5)));
  assert.notDeepEqual(await content(os.crash(5)), await content(os.crash(6)));
  assert.equal((await os.list('/db')).length, 10);
});
