/**
 * The scrub, and what is checked when a file is first touched: damage is found, named, and remembered.
 */
import assert from 'node:assert/strict';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Storage } from '../../src/storage/contract.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { refusal } from '../support/refusal.ts';
import { remove, segmentFiles, stoppedClock, until } from './edits.ts';
import { QUIET, collect, count, numbered, openFor, put, readIds, tableIn, temporaryDirectory } from './fixture.ts';

function damaged(table: string, what: string, offset: number, path: string): ReturnType<typeof refusal> {
  const remedy = 'it is read-only: stop the server and run `sheaf repair`, restore it from a backup, or drop it';
  return refusal(
    'corrupt',
    `table "${table}" is damaged: ${what} at offset ${offset.toString()} of ${path}; ${remedy}`,
  );
}

function flipBit(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  writeFileSync(path, bytes);
}

/** Table t of four sealed segments of 50 rows, and u of one. */
async function filled(t: TestContext, bounds = {}) {
  const directory = temporaryDirectory(t);
  const storage = await openStorage({ directory, bounds: { ...QUIET, ...bounds } });
  await put(storage, 'u', [numbered(0, 5)]);
  await storage.seal();
  for (let i = 0; i < 4; i++) {
    await put(storage, 't', [numbered(i * 50, 50)]);
    await storage.seal();
  }
  const tables = segmentFiles(directory).map((file) => join(directory, 'tables', file));
  const paths = tables.filter((path) => !path.endsWith('0001.arrow'));
  return { directory, storage, paths };
}

async function refusesEverything(storage: Storage, expected: ReturnType<typeof refusal>): Promise<void> {
  await assert.rejects(collect(tableIn(storage.snapshot(), 't').messages()), expected);
  await assert.rejects(put(storage, 't', [numbered(0, 1)]), expected);
  await assert.rejects(
    remove(storage, 't', () => true),
    expected,
  );
  assert.deepEqual(await readIds(storage, 'u'), count(5));
}

test('a flipped bit in an idle segment is found, named, and remembered across opens', async (t) => {
  const { directory, storage, paths } = await filled(t);
  assert.deepEqual(await storage.scrub(), {
    segmentCount: 5,
    byteCount: (await storage.scrub()).byteCount,
    damagedCount: 0,
  });
  const [, , third = ''] = paths;
  flipBit(third, 500);
  const report = await storage.scrub();
  assert.equal(report.damagedCount, 1);
  assert.equal(report.segmentCount, 5);
  const expected = damaged('t', 'checksum of message 0 is wrong', 320, third);
  await refusesEverything(storage, expected);
  await storage.close();
  // The bit is back, and the finding stays: what was lost once is not guessed at.
  flipBit(third, 500);
  const again = await openFor(t, { directory, bounds: QUIET });
  await refusesEverything(again, expected);
  assert.equal((await again.scrub()).damagedCount, 0);
  await again.dropTable('t');
  await put(again, 't', [numbered(0, 1)]);
});

test('a flipped bit anywhere in head or footer is found, and a file that is gone does not end the round', async (t) => {
  const places = [
    ['the schema in the file is not the one of the table', () => 100, () => 0],
    ['the file does not end with ARROW1', (size: number) => size - 1, undefined],
  ] as const;
  for (const [what, at, offset] of places) {
    const { storage, paths } = await filled(t);
    const [, second = ''] = paths;
    const { size } = statSync(second);
    const before = await storage.scrub();
    flipBit(second, at(size));
    const report = await storage.scrub();
    assert.equal(report.damagedCount, 1, what);
    assert.ok(report.byteCount < before.byteCount, what);
    const end = offset?.() ?? Number(/offset (\d+)/.exec(await failureOf(storage))?.[1]);
    await refusesEverything(storage, damaged('t', what, end, second));
    await storage.close();
  }
  const { storage, paths } = await filled(t);
  const [first = '', , , last = ''] = paths;
  rmSync(first);
  flipBit(last, 500);
  const report = await storage.scrub();
  assert.equal(report.damagedCount, 2);
  await refusesEverything(storage, damaged('t', 'the file is missing', 0, first));
  await storage.close();
});

async function failureOf(storage: Storage): Promise<string> {
  const failure = await put(storage, 't', [numbered(0, 1)]).catch((error: unknown) => error);
  return failure instanceof Error ? failure.message : '';
}

test('the background scrub finds damage by itself, rests, and passes over what is retired', async (t) => {
  const clock = stoppedClock();
  const { directory, storage, paths } = await filled(t);
  await storage.close();
  const bounds = { ...QUIET, sweepMs: 5, scrubBytesPerSecond: 2_000, scrubPauseMs: 1_000 };
  const again = await openFor(t, { directory, bounds, clock });
  await remove(again, 't', (id) => id < 50);
  flipBit(paths[0] ?? '', 500);
  // By the stopped clock no time passes, so the first slice rests for ever, until a caller is in a hurry.
  clock.now += 1_000;
  await new Promise((resolve) => setTimeout(resolve, 100));
  const report = await again.scrub();
  assert.equal(report.damagedCount, 0);
  assert.equal(report.segmentCount, 5);
  assert.deepEqual(await readIds(again, 't'), count(200).slice(50));
  flipBit(paths[3] ?? '', 500);
  clock.now += 1_000;
  await until('the background found it', async () => {
    clock.now += 10_000;
    return (await failureOf(again)).includes('is damaged');
  });
  await assert.rejects(
    put(again, 't', [numbered(0, 1)]),
    damaged('t', 'checksum of message 0 is wrong', 320, paths[3] ?? ''),
  );
});

test('files that were exchanged, or come from another table, are damage when they are first touched', async (t) => {
  const { directory, storage, paths } = await filled(t);
  await storage.close();
  const [first = '', second = ''] = paths;
  const parked = `${first}.parked`;
  renameSync(first, parked);
  renameSync(second, first);
  renameSync(parked, second);
  const again = await openFor(t, { directory, bounds: QUIET });
  const end = Number(/offset (\d+)/.exec(await readFailure(again))?.[1]);
  assert.ok(end > 320);
  await refusesEverything(again, damaged('t', 'its footer is of segment 3', end, first));
});

async function readFailure(storage: Storage): Promise<string> {
  const failure = await readIds(storage, 't').catch((error: unknown) => error);
  return failure instanceof Error ? failure.message : '';
}
