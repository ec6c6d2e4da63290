/**
 * Exactly once, by the thousand: producers that send twice, give up waiting, and send again, on a disk that fails and a
 * database that is stopped or loses its power; every row is there once, and every answer is the first one.
 *
 * Method: storage in this process, segments on the disk in memory, the catalog in real files. Rounds of a database each
 * (retry-producer.ts), until there were enough retries. SHEAF_INGEST_RETRIES: how many; SHEAF_SEED: which.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { setLogLevel } from '../../src/base/log.ts';
import type { Storage } from '../../src/storage/contract.ts';
import { readIds } from '../storage/fixture.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { makeRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import { amount, report } from '../support/report.ts';
import { RESULTS_KEPT, RetryProducer } from './retry-producer.ts';
import type { Counts, Server } from './retry-producer.ts';
import { World, makeFastDirectory, tolerate } from './workload.ts';

const RETRIES = amount('SHEAF_INGEST_RETRIES', 2_000);
const PRODUCERS = 6;
const APPENDS_A_ROUND = 60;
const FAULT_SHARE = 0.15;
const REOPEN_SHARE = 0.03;
const FAULT_NTH_MAX = 25;
const ROUND_MS_MAX = 60_000;

/** A database that is disturbed. */
class Disturbed implements Server {
  life = 1;
  reopenings = 0;
  cuts = 0;
  faults = 0;
  readonly #world: World;
  readonly #random: Random;
  #underWay = 0;
  #idle: () => void = () => undefined;
  #reopening: Promise<void> | undefined;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  get storage(): Storage | undefined {
    return this.#reopening === undefined ? this.#world.storage : undefined;
  }

  async ready(): Promise<void> {
    await this.#reopening;
  }

  enter(): () => void {
    this.#underWay++;
    return () => {
      this.#underWay--;
      if (this.#underWay === 0) this.#idle();
    };
  }

  /** Now and then a fault, a stop, a power cut; always a restart when writes are refused for good. */
  disturb(): void {
    if (this.#reopening !== undefined) return;
    const { os, storage } = this.#world;
    if (this.#random() < FAULT_SHARE) {
      const nth = 1 + Math.floor(this.#random() * FAULT_NTH_MAX);
      const errno = this.#random() < 0.5 ? 'EIO' : 'ENOSPC';
      os.inject({ nth, errno, effect: this.#random() < 0.5 ? 'error' : 'late_error' });
    }
    if (storage?.status().readOnlyReason === undefined && this.#random() >= REOPEN_SHARE) return;
    this.#reopening = this.reopen(this.#random() < 0.5).finally(() => (this.#reopening = undefined));
  }

  /** Stops in order, or by a power cut under everything that is under way. */
  async reopen(isCut: boolean): Promise<void> {
    const world = this.#world;
    if (!isCut && this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    this.life++;
    this.reopenings++;
    // A table whose file cannot be looked at during an open is refused until the next one (fault-walk.test.ts).
    this.faults += world.os.faultHits;
    world.os.heal();
    if (isCut) {
      this.cuts++;
      await tolerate(() => world.cut());
    } else await tolerate(() => world.close());
    world.past.length = 0;
    if (world.storage === undefined) await world.open();
  }
}

async function verify(storage: Storage, producers: readonly RetryProducer[]): Promise<number> {
  let rows = 0;
  for (const table of ['a', 'b']) {
    const ids = await readIds(storage, table);
    rows += ids.length;
    for (const producer of producers.filter((one) => one.table === table)) {
      const its = ids.filter((id) => producer.owns(id)).sort((a, b) => a - b);
      // Within one commit, streams with private segments stand behind the others: no order is asked for.
      assert.deepEqual(its, producer.ids());
    }
    assert.ok(ids.every((id) => producers.some((one) => one.table === table && one.owns(id))));
  }
  return rows;
}

interface Totals extends Counts {
  rows: number;
  reopenings: number;
  cuts: number;
  faults: number;
}

async function playRound(random: Random, totals: Totals): Promise<void> {
  const directory = makeFastDirectory();
  const world = new World(directory, new MemoryOs(), Math.floor(random() * 2 ** 31), {
    producerResultsKept: RESULTS_KEPT,
  });
  try {
    await world.open();
    const database = new Disturbed(world, random);
    const producers = Array.from({ length: PRODUCERS }, (_, i) => new RetryProducer(database, i, random, totals));
    await Promise.all(producers.map((producer) => producer.run(APPENDS_A_ROUND, () => database.disturb())));
    await database.ready();
    await database.reopen(random() < 0.5);
    assert.ok(world.storage !== undefined);
    totals.rows += await verify(world.storage, producers);
    totals.reopenings += database.reopenings;
    totals.cuts += database.cuts;
    totals.faults += database.faults;
  } finally {
    await world.close().catch(() => undefined);
    rmSync(directory, { recursive: true, force: true });
  }
}

test(
  'whatever is sent again, after faults and restarts, is stored once and answered alike',
  { timeout: 3_600_000 },
  async (t) => {
    setLogLevel('silent');
    const seed = amount('SHEAF_SEED', Date.now() % 1_000_000);
    t.diagnostic(`seed ${seed.toString()}`);
    const random = makeRandom(seed);
    const totals: Totals = {
      sent: 0,
      retries: 0,
      duplicates: 0,
      unheard: 0,
      refusals: 0,
      rows: 0,
      reopenings: 0,
      cuts: 0,
      faults: 0,
    };
    let rounds = 0;
    for (; totals.retries < RETRIES; rounds++) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`round ${rounds.toString()} hangs`)), ROUND_MS_MAX);
      });
      await Promise.race([playRound(random, totals), late]).finally(() => clearTimeout(timer));
    }
    const what = Object.entries(totals).map(([name, number]) => `${name} ${String(number)}`);
    t.diagnostic(`${rounds.toString()} rounds: ${what.join(', ')}`);
    report({
      id: 'ingest-retries',
      what:
        'numbered appends sent again: twice at once, after timeouts, answers lost, faults of the disk ' +
        `(${totals.faults.toString()}), stops and power cuts (${totals.reopenings.toString()})`,
      command: `SHEAF_INGEST_RETRIES=${RETRIES.toString()} SHEAF_SEED=${seed.toString()} npm run test:suite -- ingest-retry`,
      count: totals.retries,
      unit: 'retries',
      result: `0 lost, 0 stored twice, 0 other answers than the first, of ${totals.rows.toString()} rows`,
    });
    assert.ok(totals.duplicates > 0 && totals.cuts > 0 && totals.faults > 0, 'nothing was disturbed');
  },
);
