/** The contract of `Os`, held by the real disk and by the disk in memory alike. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { SEGMENT_BYTES_MAX } from '../../src/base/limits.ts';
import { EngineError } from '../../src/base/errors.ts';
import type { Os } from '../../src/os/os.ts';
import { realOs } from '../../src/os/real-os.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { refusal } from '../support/refusal.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (content: Uint8Array): string => new TextDecoder().decode(content);

interface Disk {
  readonly name: string;
  make(t: TestContext): Promise<{ readonly os: Os; readonly root: string }>;
}

const DISKS: readonly Disk[] = [
  { name: 'the real disk', make: async (t) => ({ os: realOs(), root: temporaryDirectory(t) }) },
  {
    name: 'the disk in memory',
    make: async () => {
      const os = new MemoryOs();
      await os.makeDirectory('/db');
      return { os, root: '/db' };
    },
  },
];

for (const disk of DISKS) {
  describe(disk.name, () => {
    test('gives back what was written in parts, at any offset', async (t) => {
      const { os, root } = await disk.make(t);
      const file = await os.open(`${root}/a`, 'create');
      await file.write([bytes('hello '), new Uint8Array(0), bytes('world')], 0);
      await file.write([bytes('W')], 6);
      await file.dataSync();
      assert.equal(await file.size(), 11);
      assert.equal(text(await file.read(5, 6)), 'World');
      await file.truncate(5);
      await file.close();
      assert.equal(text(await os.readFile(`${root}/a`)), 'hello');
      assert.equal(await os.size(`${root}/a`), 5);
      const again = await os.open(`${root}/a`, 'write');
      assert.equal(text(await again.read(5, 0)), 'hello');
      await again.close();
    });

    test('refuses to read past the end of a file', async (t) => {
      const { os, root } = await disk.make(t);
      await os.writeFile(`${root}/a`, bytes('hello'));
      const file = await os.open(`${root}/a`, 'read');
      await assert.rejects(
        file.read(4, 3),
        refusal(
          'corrupt',
          `${root}/a ends at byte 5, but bytes 3 to 7 were to be read: the file was cut off; restore it from a backup`,
        ),
      );
      await file.close();
    });

    test('lists a directory in order, and makes missing parents', async (t) => {
      const { os, root } = await disk.make(t);
      await os.makeDirectory(`${root}/x/y/z`);
      await os.makeDirectory(`${root}/x/y/z`);
      for (const name of ['b', 'a', 'c']) await os.writeFile(`${root}/x/${name}`, bytes(name));
      assert.deepEqual(await os.list(`${root}/x`), ['a', 'b', 'c', 'y']);
      await os.syncDirectory(`${root}/x`);
      await os.removeDirectory(`${root}/x/y/z`);
      assert.deepEqual(await os.list(`${root}/x/y`), []);
    });

    test('replaces a small file as a whole, and a rename replaces its target', async (t) => {
      const { os, root } = await disk.make(t);
      await os.writeFile(`${root}/a`, bytes('a longer first text'));
      await os.writeFile(`${root}/a`, bytes('second'));
      assert.equal(text(await os.readFile(`${root}/a`)), 'second');
      await os.writeFile(`${root}/b`, bytes('b'));
      await os.rename(`${root}/a`, `${root}/b`);
      assert.equal(await os.exists(`${root}/a`), false);
      assert.equal(text(await os.readFile(`${root}/b`)), 'second');
      assert.deepEqual(await os.list(root), ['b']);
      await os.unlink(`${root}/b`);
      assert.equal(await os.exists(`${root}/b`), false);
    });

    test('a link is a second name of one file, and never takes a name in use', async (t) => {
      const { os, root } = await disk.make(t);
      await os.writeFile(`${root}/a`, bytes('text'));
      assert.equal(await os.link(`${root}/a`, `${root}/b`), true);
      await os.unlink(`${root}/a`);
      assert.equal(text(await os.readFile(`${root}/b`)), 'text');
      await os.writeFile(`${root}/c`, bytes('c'));
      await assert.rejects(
        os.link(`${root}/b`, `${root}/c`),
        (error: unknown) => error instanceof EngineError && error.code === 'already_exists',
      );
      await assert.rejects(
        os.link(`${root}/none`, `${root}/d`),
        (error: unknown) => error instanceof EngineError && error.code === 'not_found',
      );
    });

    test('names operation, path, errno and remedy when it refuses', async (t) => {
      const { os, root } = await disk.make(t);
      await os.writeFile(`${root}/a`, bytes('a'));
      await assert.rejects(
        os.open(`${root}/none`, 'read'),
        refusal('not_found', `cannot open ${root}/none: it does not exist (ENOENT); check the path`),
      );
      await assert.rejects(
        os.open(`${root}/a`, 'create'),
        refusal(
          'already_exists',
          `cannot create ${root}/a: it exists already (EEXIST); remove it or choose another name`,
        ),
      );
      await assert.rejects(
        os.unlink(`${root}/none`),
        refusal('not_found', `cannot remove ${root}/none: it does not exist (ENOENT); check the path`),
      );
      await assert.rejects(
        os.removeDirectory(root),
        refusal(
          'io_error',
          `cannot remove directory ${root}: the directory is not empty (ENOTEMPTY); see what it holds`,
        ),
      );
    });

    test('shows later writes through a map, and keeps the map after unlink', async (t) => {
      const { os, root } = await disk.make(t);
      const file = await os.open(`${root}/a`, 'create');
      await file.write([new Uint8Array(10_000).fill(1)], 0);
      const mapped = os.map(`${root}/a`, 9_000);
      assert.equal(mapped.byteLength, 9_000);
      os.willNeed(mapped, 5_000, 4_000);
      await file.write([new Uint8Array(100_000).fill(2)], 8_999);
      assert.deepEqual([mapped[8_998], mapped[8_999]], [1, 2]);
      await file.close();
      await os.unlink(`${root}/a`);
      assert.equal(mapped[0], 1);
    });

    test('refuses maps longer than the file or a segment, and maps nothing for length 0', async (t) => {
      const { os, root } = await disk.make(t);
      await os.writeFile(`${root}/a`, bytes('hello'));
      assert.equal(os.map(`${root}/a`, 0).byteLength, 0);
      assert.equal(text(os.map(`${root}/a`, 5)), 'hello');
      assert.throws(
        () => os.map(`${root}/a`, 6),
        refusal(
          'corrupt',
          `cannot map 6 bytes of ${root}/a: the file has only 5; it was cut off, restore it from a backup`,
        ),
      );
      const five = 5 * 2 ** 30;
      for (const length of [SEGMENT_BYTES_MAX + 1, 2 ** 32 + 4_096, five, -1, 1.5, Number.NaN]) {
        assert.throws(
          () => os.map(`${root}/a`, length),
          refusal(
            'limit_exceeded',
            `cannot map ${length} bytes of ${root}/a: a map holds 0 to ${SEGMENT_BYTES_MAX} bytes; ` +
              'read the file instead',
          ),
        );
      }
      assert.throws(
        () => os.map(`${root}/none`, 1),
        refusal('not_found', `cannot open ${root}/none: it does not exist (ENOENT); check the path`),
      );
    });
  });
}
