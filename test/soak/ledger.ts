/**
 * What the checker knows of a table: every row that was acknowledged, and what may have happened besides.
 *
 * Two kinds. A `Journal` is of a table that several writers only append to: each numbers its rows, so that a table is
 * right when each writer's ids are 0 … n - 1 in order, n being what was acknowledged. A `Model` is of a table with one
 * owner that also changes and removes rows: it holds all rows. Invariants: a change whose outcome is unknown is held
 * apart until the table itself has told; it happened whole or not at all; nothing else is accepted.
 */
import type { Row, World } from './world.ts';

/** What a ledger needs of the world. */
export type Ways = Pick<World, 'query' | 'life' | 'settled'>;

/** The checker found something that must not be. */
export class Violation extends Error {}

interface Written {
  acknowledged: number;
  /** Rows under way. */
  pending: number;
}

/** A table that is only appended to: rows (writer, id, …). */
export class Journal {
  readonly table: string;
  readonly #writers = new Map<number, Written>();
  acknowledgedRows = 0;

  constructor(table: string) {
    this.table = table;
  }

  #written(writer: number): Written {
    let written = this.#writers.get(writer);
    if (written === undefined) this.#writers.set(writer, (written = { acknowledged: 0, pending: 0 }));
    return written;
  }

  /** True while no stream is under way. */
  get isStill(): boolean {
    return [...this.#writers.values()].every(({ pending }) => pending === 0);
  }

  /** Begins a stream of `count` rows; the id of its first row. */
  begin(writer: number, count: number): number {
    const written = this.#written(writer);
    written.pending = count;
    return written.acknowledged;
  }

  acknowledge(writer: number): void {
    const written = this.#written(writer);
    written.acknowledged += written.pending;
    this.acknowledgedRows += written.pending;
    written.pending = 0;
  }

  /** Learns from the table whether the stream under way is there. @throws Violation */
  async settle(world: Ways, writer: number): Promise<void> {
    const written = this.#written(writer);
    const [row = []] = await world.query(
      `SELECT count(*), min(id), max(id) FROM ${this.table} WHERE writer = ${writer.toString()}`,
    );
    const [count, low, high] = row.map((value) => (value === null ? null : Number(value)));
    const { acknowledged, pending } = written;
    const found = `writer ${writer.toString()} of ${this.table} has ${String(count)} rows, ids ${String(low)} … ${String(high)}`;
    const isWhole = count === acknowledged || count === acknowledged + pending;
    if (!isWhole) {
      const wanted = `${acknowledged.toString()} were acknowledged and ${pending.toString()} under way`;
      throw new Violation(`${found}; ${wanted}`);
    }
    if (typeof count === 'number' && count > 0 && (low !== 0 || high !== count - 1)) throw new Violation(found);
    if (count === acknowledged + pending) this.acknowledge(writer);
    else written.pending = 0;
  }

  /** Reads the whole table and holds every row against what was acknowledged; the rows. @throws Violation */
  async verify(world: Ways): Promise<number> {
    const least = new Map([...this.#writers].map(([writer, { acknowledged }]) => [writer, acknowledged]));
    const rows = await world.query(`SELECT writer, id, value FROM ${this.table}`);
    const seen = new Map<number, number>();
    for (const [writerValue, id, value] of rows) {
      const writer = Number(writerValue);
      const expected = seen.get(writer) ?? 0;
      if (Number(id) !== expected || Number(value) !== valueOf(expected)) {
        const found = `id ${String(id)} with value ${String(value)}`;
        throw new Violation(`${this.table}, writer ${writer.toString()}: ${found}, not id ${expected.toString()}`);
      }
      seen.set(writer, expected + 1);
    }
    for (const writer of new Set([...least.keys(), ...seen.keys()])) {
      const count = seen.get(writer) ?? 0;
      const written = this.#writers.get(writer);
      const most = (written?.acknowledged ?? 0) + (written?.pending ?? 0);
      const lower = least.get(writer) ?? 0;
      if (count < lower || count > most) {
        const wanted = `${lower.toString()} to ${most.toString()}`;
        throw new Violation(`${this.table}, writer ${writer.toString()}: ${count.toString()} rows, not ${wanted}`);
      }
    }
    return rows.length;
  }
}

/** The value of row `id` as it is appended. */
export function valueOf(id: number): number {
  return id / 4;
}

/** A table that one actor fills, changes and empties: rows (id, value). */
export class Model {
  readonly table: string;
  #rows: ReadonlyMap<number, number> = new Map();
  #alternative: ReadonlyMap<number, number> | undefined;
  nextId = 0;

  constructor(table: string) {
    this.table = table;
  }

  get rows(): ReadonlyMap<number, number> {
    return this.#rows;
  }

  /** Runs one change; afterwards the model is as the table is. @throws Violation, and what is not an outcome */
  async change(world: Ways, after: ReadonlyMap<number, number>, run: () => Promise<void>): Promise<void> {
    const life = await world.life();
    this.#alternative = after;
    try {
      await run();
      this.#rows = after;
    } catch (error) {
      await world.settled(life, error);
      await this.#settle(world);
    }
    this.#alternative = undefined;
  }

  async #settle(world: Ways): Promise<void> {
    const found = await this.#read(world);
    if (this.#alternative !== undefined && firstDifference(found, this.#alternative) === undefined) {
      this.#rows = this.#alternative;
      return;
    }
    this.#check(found);
  }

  /** Reads the whole table and compares it; the rows. Not while a change runs. @throws Violation */
  async verify(world: Ways): Promise<number> {
    const found = await this.#read(world);
    this.#check(found);
    return found.length;
  }

  async #read(world: Ways): Promise<readonly Row[]> {
    return world.query(`SELECT id, value FROM ${this.table}`);
  }

  #check(found: readonly Row[]): void {
    const difference = firstDifference(found, this.#rows);
    if (difference !== undefined) throw new Violation(`${this.table}: ${difference}`);
  }
}

/** What is first seen to be wrong; undefined when the rows are those of the model, each once. */
function firstDifference(found: readonly Row[], model: ReadonlyMap<number, number>): string | undefined {
  const seen = new Set<number>();
  for (const [idValue, value] of found) {
    const id = Number(idValue);
    if (seen.has(id)) return `row ${id.toString()} is there twice`;
    seen.add(id);
    const expected = model.get(id);
    if (expected === undefined) return `row ${id.toString()} should not be there`;
    if (Number(value) !== expected) return `row ${id.toString()} has ${String(value)}, not ${expected.toString()}`;
  }
  for (const id of model.keys()) if (!seen.has(id)) return `row ${id.toString()} is missing`;
  return undefined;
}
