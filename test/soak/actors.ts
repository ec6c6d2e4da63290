/**
 * The actors of the soak: who does what to the server, by name.
 *
 * An actor takes steps, one after another, each with a pause after it. Adding one is an entry in ACTORS (or in
 * mutation-actors.ts for statements that a server may not know). Invariants: an actor that writes tells its ledger
 * before it asks and after it was answered; whatever it reads it checks; a step may fail only by the loss of a server
 * that was killed, or by a refusal that it expects.
 */
import type { RecordBatch } from '../../src/arrow/batch.ts';
import type { Random } from '../support/random.ts';
import { FLOAT64, INT64, batchOf, schemaOf } from '../support/sample.ts';
import { Journal, Violation, valueOf } from './ledger.ts';
import { Refused } from './world.ts';
import type { World } from './world.ts';

export interface Stage {
  readonly world: World;
  readonly random: Random;
  /** The table that all appending actors share now; a new one takes its place when it is large. */
  journal: Journal;
  /** Journals that were rotated out and wait to be verified and dropped. */
  readonly retired: Journal[];
  /** Acknowledged rows after which the shared table is replaced. */
  readonly rowsMax: number;
  /** Checks of whole tables that their actors want at the end. */
  readonly finals: (() => Promise<number>)[];
  /** Rows that the server acknowledged to appending actors. */
  acknowledgedRows: number;
  /** Rows read and found right. */
  verifiedRows: number;
}

export interface Actor {
  readonly name: string;
  readonly pauseMs: number;
  /** Absent: always on. Resolves to whether the server can do it. */
  probe?(stage: Stage): Promise<boolean>;
  /** Makes the function that takes one step. */
  start(stage: Stage): () => Promise<void>;
}

const SCHEMA = schemaOf({ writer: INT64, id: INT64, value: FLOAT64 });
const COLUMNS = '(writer BIGINT, id BIGINT, value DOUBLE)';
const VANISHING_WRITER = 999;
let generation = 0;

function rowsOf(writer: number, from: number, count: number): RecordBatch {
  const ids = Array.from({ length: count }, (_, i) => from + i);
  return batchOf(SCHEMA, [ids.map(() => writer), ids, ids.map(valueOf)]);
}

/** Makes the next shared table. */
export async function nextJournal(world: World): Promise<Journal> {
  const journal = new Journal(`journal_${(generation++).toString()}`);
  await insist(world, () => world.query(`CREATE TABLE IF NOT EXISTS ${journal.table} ${COLUMNS}`));
  return journal;
}

/** Asks until a server answers: for what may be asked again. */
export async function insist<T>(world: World, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    const life = await world.life();
    try {
      return await ask();
    } catch (error) {
      if (error instanceof Refused) throw error;
      await world.settled(life, error);
    }
  }
}

/** Appends `count` rows to the shared table by `send`, and settles the outcome if it was lost. */
async function append(
  stage: Stage,
  writer: number,
  count: number,
  send: (journal: Journal, from: number) => Promise<void>,
): Promise<void> {
  const { world, journal } = stage;
  const from = journal.begin(writer, count);
  const life = await world.life();
  try {
    await send(journal, from);
    journal.acknowledge(writer);
  } catch (error) {
    await world.settled(life, error);
    await insist(world, () => journal.settle(world, writer));
    return;
  }
  stage.acknowledgedRows += count;
}

/** A writer by Flight; `sizes` gives the batches of one stream. */
function flightWriter(name: string, writer: number, pauseMs: number, sizes: (random: Random) => number[]): Actor {
  return {
    name,
    pauseMs,
    start: (stage) => async () => {
      const counts = sizes(stage.random);
      const total = counts.reduce((sum, count) => sum + count, 0);
      await append(stage, writer, total, async ({ table }, from) => {
        let at = from;
        const batches = counts.map((count) => rowsOf(writer, (at += count) - count, count));
        await stage.world.put(table, batches);
      });
    },
  };
}

function httpWriter(name: string, writer: number, pauseMs: number, most: number): Actor {
  return {
    name,
    pauseMs,
    start: (stage) => async () => {
      const count = 1 + Math.floor(stage.random() * most);
      await append(stage, writer, count, async ({ table }, from) => {
        const rows = Array.from({ length: count }, (_, i) => ({ writer, id: from + i, value: valueOf(from + i) }));
        const inserted = await stage.world.insert(table, rows);
        if (inserted !== count)
          throw new Violation(`${table}: ${inserted.toString()} rows inserted of ${count.toString()}`);
      });
    },
  };
}

/** Sums that each writer's ids must give, while they are being written. */
async function checkAggregates({ world, journal }: Stage): Promise<void> {
  const sql = `SELECT writer, count(*), min(id), max(id), sum(id) FROM ${journal.table} GROUP BY writer`;
  for (const row of await insist(world, () => world.query(sql))) {
    const [writer, count, low, high, sum] = row.map(Number) as [number, number, number, number, number];
    if (low === 0 && high === count - 1 && sum === (count * (count - 1)) / 2) continue;
    throw new Violation(`${journal.table}: writer ${writer.toString()} has aggregates ${row.join(', ')}`);
  }
}

/** A table is made, filled, read and dropped; after that it is gone, whoever was killed meanwhile. */
async function createAndDrop({ world, random }: Stage): Promise<void> {
  const table = `scratch_${Math.floor(random() * 1e9).toString()}`;
  const rows = Array.from({ length: 50 }, (_, id) => ({ id }));
  const life = await world.life();
  let acknowledged = 0;
  try {
    acknowledged = await world.insert(table, rows);
  } catch (error) {
    await world.settled(life, error);
  }
  if (acknowledged > 0) {
    const [[count] = []] = await insist(world, () => world.query(`SELECT count(*) FROM ${table}`));
    if (Number(count) !== rows.length)
      throw new Violation(`${table} has ${String(count)} rows of ${rows.length.toString()}`);
  }
  await insist(world, () => world.query(`DROP TABLE IF EXISTS ${table}`));
  try {
    await insist(world, () => world.query(`SELECT count(*) FROM ${table}`));
  } catch (error) {
    if (error instanceof Refused && error.code === 'sql_bind') return;
    throw error;
  }
  throw new Violation(`${table} is there after its drop`);
}

/** Verifies the shared table whole; when it is large, a new one takes its place and it is dropped once it is still. */
async function rotate(stage: Stage): Promise<void> {
  const { world, retired } = stage;
  stage.verifiedRows += await insist(world, () => stage.journal.verify(world));
  if (stage.journal.acknowledgedRows > stage.rowsMax) {
    const old = stage.journal;
    stage.journal = await nextJournal(world);
    retired.push(old);
  }
  for (;;) {
    const [old] = retired;
    if (old?.isStill !== true) return;
    retired.shift();
    stage.verifiedRows += await insist(world, () => old.verify(world));
    await insist(world, () => world.query(`DROP TABLE IF EXISTS ${old.table}`));
  }
}

/** Runs what may be lost with the server and has no outcome to check. */
function harmless(run: (stage: Stage) => Promise<unknown>): (stage: Stage) => () => Promise<void> {
  return (stage) => async () => {
    const life = await stage.world.life();
    try {
      await run(stage);
    } catch (error) {
      if (error instanceof Violation) throw error;
      // A table that was rotated away meanwhile is no fault of the server.
      if (error instanceof Refused && ['sql_bind', 'not_found'].includes(error.code)) return;
      await stage.world.settled(life, error);
    }
  };
}

const pick = (random: Random, least: number, most: number): number => least + Math.floor(random() * (most - least));

export const ACTORS: readonly Actor[] = [
  flightWriter('put-small', 1, 20, (random) => [pick(random, 1, 200)]),
  flightWriter('put-large', 2, 2_000, (random) => Array.from({ length: 4 }, () => pick(random, 2_000, 8_000))),
  httpWriter('insert-small', 3, 50, 20),
  httpWriter('insert-large', 4, 1_500, 3_000),
  { name: 'aggregate', pauseMs: 300, start: (stage) => () => checkAggregates(stage) },
  { name: 'verify', pauseMs: 3_000, start: (stage) => () => rotate(stage) },
  { name: 'create-drop', pauseMs: 500, start: (stage) => () => createAndDrop(stage) },
  {
    name: 'seal',
    pauseMs: 5_000,
    start: harmless(({ world, journal }) => world.act('seal', { table: journal.table })),
  },
  {
    name: 'vanish',
    pauseMs: 700,
    // Nobody acknowledges these rows; verify finds a writer that the journal does not know if one of them stays.
    start: harmless(({ world, journal }) => world.vanish(journal.table, [rowsOf(VANISHING_WRITER, 0, 500)])),
  },
  {
    name: 'slow-reader',
    pauseMs: 1_000,
    start: harmless(({ world, journal }) => world.readSlowly(`SELECT * FROM ${journal.table}`, 20)),
  },
  {
    name: 'cancelled-read',
    pauseMs: 400,
    start: harmless(({ world, journal }) => world.readAndCancel(`SELECT * FROM ${journal.table}`)),
  },
];
