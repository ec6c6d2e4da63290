/** Maps of the real disk: counting, collecting, advice, and the native package itself. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { metricsText } from '../../src/base/metrics.ts';
import { adviseWillNeed, mapCounts, mapFile } from '../../src/os/mmap.ts';
import { realOs } from '../../src/os/real-os.ts';
import { runChild } from '../support/child.ts';
import { temporaryDirectory, temporaryMount } from '../support/temporary.ts';

const os = realOs();

test('live maps are counted, in the metrics too, and keep no file open', async (t) => {
  const path = `${temporaryDirectory(t)}/a`;
  await os.writeFile(path, new Uint8Array(10_000).fill(7));
  const before = mapCounts();
  const maps = [mapFile(path, 10_000), mapFile(path, 5_000), mapFile(path, 0)];
  const after = mapCounts();
  assert.deepEqual([after.segments - before.segments, after.bytes - before.bytes], [2, 15_000]);
  const metrics = await metricsText();
  assert.match(metrics, new RegExp(`^sheaf_mapped_segments ${after.segments}$`, 'm'));
  assert.match(metrics, new RegExp(`^sheaf_mapped_bytes ${after.bytes}$`, 'm'));
  assert.equal(maps[1]?.[4_999], 7);
  if (process.platform === 'linux') {
    const open = readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        // The descriptor of the listing itself is closed by now.
        return false;
      }
    });
    assert.deepEqual(open, []);
  }
});

test('read-ahead takes any range of a map, of a view of a map, and of memory that is no map', async (t) => {
  const path = `${temporaryDirectory(t)}/a`;
  await os.writeFile(path, new Uint8Array(100_001));
  const mapped = mapFile(path, 100_001);
  adviseWillNeed(mapped, 0, 100_001);
  adviseWillNeed(mapped, 4_097, 1);
  adviseWillNeed(mapped, 100_000, 1_000_000);
  adviseWillNeed(mapped, 200_000, 10);
  adviseWillNeed(mapped.subarray(5_001, 70_001), 3, 60_000);
  adviseWillNeed(new Uint8Array(100), 0, 100);
});

test('a map lives as long as a view of it, and its memory goes away with the last one', async (t) => {
  const path = `${temporaryDirectory(t)}/a`;
  await os.writeFile(path, new Uint8Array(8_000_000).fill(9));
  const script = `import { readFileSync } from 'node:fs';
    import { setTimeout } from 'node:timers/promises';
    import { mapCounts, mapFile } from './src/os/mmap.ts';
    const path = process.argv[1];
    const lines = () => readFileSync('/proc/self/maps', 'utf8').split('\\n');
    const regions = () => lines().filter((line) => line.includes(path)).length;
    const collect = async () => { for (let i = 0; i < 20; i++) { globalThis.gc(); await setTimeout(5); } };
    let view = (() => { const mapped = mapFile(path, 8_000_000); return new Float64Array(mapped.buffer, 8, 10); })();
    await collect();
    const held = [mapCounts().segments, regions(), new Uint8Array(view.buffer)[7_999_999]];
    view = undefined;
    for (let i = 0; i < 100 && (mapCounts().segments > 0 || regions() > 0); i++) await collect();
    console.log(JSON.stringify([held, mapCounts(), regions()]));`;
  if (process.platform !== 'linux') {
    t.skip('the maps of a process are only listed on Linux');
    return;
  }
  const outcome = await runChild(script, [path], { nodeFlags: ['--expose-gc'] });
  assert.equal(outcome.stdout.trim(), '[[1,1,9],{"segments":0,"bytes":0},0]', outcome.stderr);
});

test('no more than LIVE_MAPS_MAX files are mapped at one time', async (t) => {
  const path = `${temporaryDirectory(t)}/a`;
  await os.writeFile(path, new Uint8Array(1));
  const script = `import { mapFile } from './src/os/mmap.ts';
    const maps = [];
    try { for (;;) maps.push(mapFile(process.argv[1], 1)); }
    catch (error) { console.log(maps.length, error.code, error.message); }`;
  const outcome = await runChild(script, [path]);
  const message = `cannot map ${path}: 40000 files are mapped and 40000 is the most`;
  const remedy = 'drop tables that are not needed, or seal and merge small ones';
  assert.equal(outcome.stdout.trim(), `40000 limit_exceeded ${message}; ${remedy}`, outcome.stderr);
});

test('maps that were let go of do not pile up, also when nothing else asks for a collection', async (t) => {
  const path = `${temporaryDirectory(t)}/a`;
  await os.writeFile(path, new Uint8Array(1));
  const script = `import { mapCounts, mapFile } from './src/os/mmap.ts';
    const held = [];
    let most = 0;
    for (let i = 0; i < 30_000; i++) {
      const map = mapFile(process.argv[1], 1);
      if (i % 10 === 0) held.push(map);
      most = Math.max(most, mapCounts().segments);
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(held.length, most);`;
  const outcome = await runChild(script, [path]);
  const [held = 0, most = 0] = outcome.stdout.split(' ').map(Number);
  t.diagnostic(`${most.toString()} at most, ${held.toString()} of them in use`);
  assert.ok(held === 3_000 && most >= held && most < 12_000, outcome.stdout + outcome.stderr);
});

test('a native package that cannot be loaded is told with the command that builds it', async (t) => {
  const path = `${temporaryDirectory(t)}/a`;
  await os.writeFile(path, new Uint8Array(1));
  const script = `import { Module } from 'node:module';
    import { mapFile } from './src/os/mmap.ts';
    const load = Module._load;
    Module._load = (name, ...rest) => {
      if (name === 'mmap-io') throw new Error('invalid ELF header\\nRequire stack:');
      return load(name, ...rest);
    };
    try { mapFile(process.argv[1], 1); } catch (error) { console.log(error.code, error.message); }`;
  const outcome = await runChild(script, [path]);
  assert.equal(
    outcome.stdout.trim(),
    'io_error the native package mmap-io cannot be loaded (invalid ELF header); ' +
      `run \`npm rebuild mmap-io\` with Node ${process.version}, a C++ compiler, make and Python`,
    outcome.stderr,
  );
});

test('the space of an unlinked file is free again once its map was let go and collected', async (t) => {
  const directory = temporaryMount(t, '8m');
  if (directory === undefined) return;
  const path = `${directory}/segment`;
  const before = await os.freeBytes(directory);
  writeFileSync(path, new Uint8Array(4 << 20));
  assert.equal(touch(os.map(path, 4 << 20)), 0);
  await os.unlink(path);
  assert.ok((await os.freeBytes(directory)) <= before - (4 << 20), 'a map keeps the file');
  await os.collectMaps();
  assert.equal(await os.freeBytes(directory), before);
});

/** Reads a map; in a function of its own, so that no reference stays on the test's stack. */
function touch(mapped: Uint8Array): number {
  return mapped[mapped.length - 1] ?? -1;
}
