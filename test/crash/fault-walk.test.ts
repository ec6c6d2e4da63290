/**
 * The fault walk: every operation of the disk in a long piece of work fails once, in every way, for once or from then
 * on; the work goes over two tables and more, small, private, dictionary and numbered streams, seals, a drop, DELETE,
 * UPDATE, TRUNCATE, ALTER, compaction, a power cut with its recovery, and a restart (workload.ts).
 *
 * Whatever fails: nothing hangs or ends in an error that is none of ours, every row that can be read is one that was
 * sent and not deleted, everything acknowledged is there, streams and statements are whole; and with the disk well
 * again the database opens and takes writes. Where the disk itself lies (a write that kept half and said all, a read
 * that gave other bits), a table may be lost instead, but it says so and names the file.
 *
 * SHEAF_FAULT_WALKS: how many of them, chosen by seed (SHEAF_SEED); 0 is all of them.
 */
import assert from 'node:assert/strict';
import { dirname } from 'node:path/posix';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setLogLevel } from '../../src/base/log.ts';
import { MemoryOs } from '../support/memory-os.ts';
import type { Fault, FaultEffect, OperationKind } from '../support/memory-os.ts';
import { makeRandom } from '../support/random.ts';
import { amount, report } from '../support/report.ts';
import { withDeadline } from './deadline.ts';
import { World, fastDirectory, runSteps, tolerate } from './workload.ts';

const DEADLINE_MS = 20_000;
/** Statements in the steps. */
const EDITS = 10;
const FAILURES_SHOWN = 5;
const WALKS = amount('SHEAF_FAULT_WALKS', 120);

/** A way to fail. */
interface Way {
  readonly name: string;
  readonly errno: string;
  readonly effect: FaultEffect;
  /** The operations that it can befall; all when missing. */
  readonly kind?: OperationKind;
  /** The disk lies: damage may be found, and must be told. */
  readonly lies?: boolean;
}

const REFUSALS = ['EIO', 'ENOSPC', 'EFBIG', 'EDQUOT', 'EMFILE', 'EACCES', 'EROFS', 'ENOMEM'];

const WAYS: readonly Way[] = [
  ...REFUSALS.map((errno): Way => ({ name: errno, errno, effect: 'error' })),
  { name: 'EIO though it happened', errno: 'EIO', effect: 'late_error' },
  { name: 'short write', errno: '', effect: 'short', kind: 'write' },
  { name: 'lying short write', errno: '', effect: 'lie', kind: 'write', lies: true },
  { name: 'short read', errno: '', effect: 'short', kind: 'read' },
  { name: 'read that ends early', errno: '', effect: 'early_end', kind: 'read', lies: true },
  { name: 'read with a wrong bit', errno: '', effect: 'flip', kind: 'read', lies: true },
];

interface Walk {
  readonly way: Way;
  readonly nth: number;
  readonly forever: boolean;
}

function nameOf({ way, nth, forever }: Walk): string {
  return `${way.name}, operation ${nth.toString()}${forever ? ' and all after it' : ''}`;
}

/** Counts the operations of the work when nothing fails, all and by kind. */
async function countOperations(t: TestContext): Promise<ReadonlyMap<OperationKind | undefined, number>> {
  const directory = fastDirectory(t);
  const world = new World(directory, await diskWith(directory), 1);
  const before = world.os.operations.length;
  await runSteps(world);
  assert.equal(world.ledger.acknowledgedEdits, EDITS, 'a statement of the steps was refused without a fault');
  if (world.storage !== undefined) await world.ledger.check(world.storage, { damage: false });
  await world.close();
  const counts = new Map<OperationKind | undefined, number>();
  const operations = [...world.past, world.os].flatMap((os) => os.operations).slice(before);
  for (const { kind } of operations) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts.set(undefined, operations.length);
}

/** Every walk there is. */
function allWalks(counts: ReadonlyMap<OperationKind | undefined, number>): Walk[] {
  const walks: Walk[] = [];
  for (const way of WAYS) {
    for (let nth = 1; nth <= (counts.get(way.kind) ?? 0); nth++) {
      for (const forever of [false, true]) walks.push({ way, nth, forever });
    }
  }
  return walks;
}

/** Takes `count` of the walks, as the seed says, in their order. */
function sample(walks: readonly Walk[], count: number, seed: number): readonly Walk[] {
  if (count === 0 || count >= walks.length) return walks;
  const random = makeRandom(seed);
  return walks.filter((_, i) => random() < count / walks.length || i === 0);
}

/**
 * A disk on which the database's directory is there for certain. A parent that may not be read cannot be synced, and
 * storage goes on without (`makeDurably`): on a disk where that parent was made a moment ago, all would be lost.
 */
async function diskWith(directory: string): Promise<MemoryOs> {
  const os = new MemoryOs();
  await os.makeDirectory(directory);
  for (let at = directory; at !== '/'; at = dirname(at)) await os.syncDirectory(dirname(at));
  return os;
}

interface Outcome {
  /** Operations that met the fault. */
  readonly hits: number;
  readonly damagedCount: number;
}

async function walkOnce(directory: string, walk: Walk, seed: number): Promise<Outcome> {
  const { way, nth, forever } = walk;
  const fault: Fault = { nth, errno: way.errno, effect: way.effect, forever, ...(way.kind && { kind: way.kind }) };
  const os = await diskWith(directory);
  os.inject(fault);
  const world = new World(directory, os, seed);
  let at = '';
  let hits = 0;
  let damaged: string[] = [];
  const leniency = { damage: way.lies === true };
  const work = async (): Promise<void> => {
    await runSteps(world, (step) => (at = step));
    at = 'the last stop';
    await tolerate(() => world.close());
    hits = world.os.faultHits;
    world.os.heal();
    at = 'the open of a healed disk';
    await world.open();
    const { storage, ledger } = world;
    assert.ok(storage !== undefined);
    damaged = await ledger.check(storage, leniency);
    at = 'writes to a healed disk';
    for (const name of ['a', 'b', 'after']) if (!damaged.includes(name)) await ledger.put(storage, name, 10);
    if (!damaged.includes('tagged')) await ledger.retryTagged(storage, 'tagged');
    await ledger.check(storage, leniency);
    await world.close();
  };
  await withDeadline(DEADLINE_MS, () => `hangs in: ${at}`, work).catch((error: unknown) => {
    throw new Error(`${nameOf(walk)}: ${at}: ${String(error)}`, { cause: error });
  });
  return { hits, damagedCount: damaged.length };
}

test('whichever operation fails, and however, nothing is lost, wrong or stuck', { timeout: 3_600_000 }, async (t) => {
  setLogLevel('silent');
  const seed = amount('SHEAF_SEED', Date.now() % 1_000_000);
  const counts = await countOperations(t);
  const everything = allWalks(counts);
  const walks = sample(everything, WALKS, seed);
  t.diagnostic(
    `${walks.length.toString()} of ${everything.length.toString()} walks, seed ${seed.toString()}, ` +
      `${String(counts.get(undefined))} operations, ${WAYS.length.toString()} ways`,
  );
  const failures: string[] = [];
  let [injections, missed, damagedCount] = [0, 0, 0];
  for (const walk of walks) {
    try {
      const outcome = await walkOnce(fastDirectory(t), walk, seed);
      if (outcome.hits > 0) injections++;
      else missed++;
      damagedCount += outcome.damagedCount;
    } catch (error) {
      failures.push(String(error));
      if (failures.length >= FAILURES_SHOWN) break;
    }
  }
  t.diagnostic(
    `${injections.toString()} met their fault, ${missed.toString()} ended before it; ` +
      `${damagedCount.toString()} tables were lost to a disk that lied, and said so`,
  );
  report({
    id: 'fault-walk',
    what: `every disk operation × ${WAYS.length.toString()} ways to fail × once / from then on`,
    command: `SHEAF_FAULT_WALKS=${WALKS.toString()} SHEAF_SEED=${seed.toString()} npm run test:suite -- fault-walk`,
    count: injections,
    unit: 'injections',
    result: `${failures.length.toString()} lost, wrong or stuck, of ${String(counts.get(undefined))} operations`,
  });
  assert.deepEqual(failures, []);
});
