/**
 * Actors for statements that change rows; each has a table of its own and is on when the server takes its statement.
 *
 * Hides how they are probed: the statement runs on an empty table. Invariants: the model is changed by the same rule
 * as the table; whole tables are compared after every few changes.
 */
import type { Actor, Stage } from './actors.ts';
import { insist } from './actors.ts';
import { Model } from './ledger.ts';
import { Refused } from './world.ts';
import type { World } from './world.ts';

const COLUMNS = '(id BIGINT, value DOUBLE)';
const ROWS_MAX = 5_000;
const STEPS_PER_CHECK = 5;

interface Mutation {
  readonly name: string;
  /** What is asked of the server for step `step`. */
  readonly run: (world: World, table: string, step: number) => Promise<void>;
  /** What it makes of a row: its new value, or undefined when it goes. */
  readonly effect: (id: number, value: number, step: number) => number | undefined;
}

/** Whether the server can do it at all. @throws when it fails for another reason */
async function isOffered({ world }: Stage, mutation: Mutation): Promise<boolean> {
  const table = `probe_${mutation.name}`;
  await world.query(`CREATE TABLE IF NOT EXISTS ${table} ${COLUMNS}`);
  try {
    await mutation.run(world, table, 0);
    return true;
  } catch (error) {
    if (error instanceof Refused && ['sql_unsupported', 'sql_syntax', 'unimplemented'].includes(error.code))
      return false;
    throw error;
  } finally {
    await world.query(`DROP TABLE ${table}`);
  }
}

async function fill(world: World, model: Model, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, i) => ({ id: model.nextId + i, value: 0.5 }));
  model.nextId += count;
  const after = new Map(model.rows);
  for (const { id, value } of rows) after.set(id, value);
  await model.change(world, after, async () => {
    await world.insert(model.table, rows);
  });
}

function actorOf(mutation: Mutation): Actor {
  return {
    name: mutation.name,
    pauseMs: 300,
    probe: (stage) => isOffered(stage, mutation),
    start(stage) {
      const { world } = stage;
      const model = new Model(`table_${mutation.name}`);
      let step = 0;
      return async () => {
        if (step === 0) {
          await insist(world, () => world.query(`CREATE TABLE IF NOT EXISTS ${model.table} ${COLUMNS}`));
          stage.finals.push(() => insist(world, () => model.verify(world)));
        }
        step++;
        if (model.rows.size < ROWS_MAX) await fill(world, model, 200);
        const after = new Map<number, number>();
        for (const [id, value] of model.rows) {
          const changed = mutation.effect(id, value, step);
          if (changed !== undefined) after.set(id, changed);
        }
        await model.change(world, after, () => mutation.run(world, model.table, step));
        if (step % STEPS_PER_CHECK === 0) stage.verifiedRows += await insist(world, () => model.verify(world));
      };
    },
  };
}

const query = (sql: (table: string, step: number) => string) => async (world: World, table: string, step: number) => {
  await world.query(sql(table, step));
};

export const MUTATION_ACTORS: readonly Actor[] = [
  actorOf({
    name: 'delete',
    run: query((table, step) => `DELETE FROM ${table} WHERE id % 7 = ${(step % 7).toString()}`),
    effect: (id, value, step) => (id % 7 === step % 7 ? undefined : value),
  }),
  actorOf({
    name: 'update',
    run: query((table, step) => `UPDATE ${table} SET value = value + 1 WHERE id % 5 = ${(step % 5).toString()}`),
    effect: (id, value, step) => (id % 5 === step % 5 ? value + 1 : value),
  }),
  actorOf({
    name: 'truncate',
    run: query((table, step) => (step % 10 === 0 ? `TRUNCATE ${table}` : `SELECT count(*) FROM ${table}`)),
    effect: (_id, value, step) => (step % 10 === 0 ? undefined : value),
  }),
  actorOf({
    name: 'alter',
    run: query((table, step) => {
      const column = `extra BIGINT DEFAULT ${step.toString()}`;
      const change = step % 2 === 1 ? `ADD COLUMN IF NOT EXISTS ${column}` : 'DROP COLUMN IF EXISTS extra';
      return `ALTER TABLE ${table} ${change}`;
    }),
    effect: (_id, value) => value,
  }),
  actorOf({
    name: 'compact',
    run: (world, table) => world.act('compact', { table }),
    effect: (_id, value) => value,
  }),
];
