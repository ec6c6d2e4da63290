/**
 * What a statement is planned on: the tables of one snapshot, of the other moments that it names, and system tables.
 *
 * Hides that planning is synchronous and old snapshots are fetched. Invariants: every snapshot held here is released
 * once, by `release`; the same text on the same snapshot sees the same world as long as what it names is retained.
 */
import { present } from '../base/assert.ts';
import { foldName } from '../base/names.ts';
import { mayBeVolatile, readNeeds } from '../plan/needs.ts';
import type { ParsedStatement, ReadNeeds } from '../plan/needs.ts';
import type { GivenValues } from '../plan/parameter-value.ts';
import type { PlanCatalog, TimePoint } from '../plan/physical.ts';
import type { NamedSource } from '../plan/row-source.ts';
import type { Snapshot, Storage } from '../storage/contract.ts';
import { makeSystemTables } from './system-table.ts';
import type { SystemFacts } from './system-table.ts';

export interface World {
  readonly catalog: PlanCatalog;
  /** True when the same text on the same snapshot surely answers the same at another time too. */
  readonly isRepeatable: () => boolean;
  /** Gives back all snapshots; may be called again. */
  release(): void;
}

/**
 * Fetches what `parsed` with these values of its parameters needs beside `snapshot`, which belongs to the world from
 * now on, also when this fails.
 * @throws `snapshot_gone`, and what `readNeeds` throws
 */
export async function openWorld(
  parsed: ParsedStatement,
  values: GivenValues | undefined,
  snapshot: Snapshot,
  facts: SystemFacts,
): Promise<World> {
  const held: Snapshot[] = [snapshot];
  const release = (): void => {
    for (const one of held.splice(0)) one.release();
  };
  try {
    const needs = needsOf(parsed, values);
    const others = new Map<string, Snapshot>();
    for (const point of needs.points) {
      const version = await versionOf(facts.storage, point);
      const other = await facts.storage.snapshotAt(version);
      held.push(other);
      others.set(keyOf(point), other);
    }
    const system = await makeSystemTables(needs.system, snapshot, facts);
    const isRepeatable = (): boolean => system.size === 0 && !mayBeVolatile(parsed.sql) && areViewsFixed(snapshot);
    return { catalog: catalogOf(snapshot, others, system), isRepeatable, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** The world of a statement that needs nothing beside `snapshot`, which belongs to it from now on. */
export function plainWorld(snapshot: Snapshot): World {
  const catalog = catalogOf(snapshot, NO_SNAPSHOTS, NO_SYSTEM_TABLES);
  return { catalog, isRepeatable: () => areViewsFixed(snapshot), release: () => snapshot.release() };
}

/** True when no view answers anew for each row; what a statement remembers of its plan does not either. */
function areViewsFixed(snapshot: Snapshot): boolean {
  return !snapshot.viewNames().some((name) => mayBeVolatile(snapshot.view(name)?.sql ?? ''));
}

/** `catalog` with one table more, which hides what has its name. */
export function withTable(catalog: PlanCatalog, table: NamedSource): PlanCatalog {
  const own = foldName(table.name);
  const others = (names: readonly string[]): string[] => names.filter((name) => foldName(name) !== own);
  return {
    ...catalog,
    table: (name) => (foldName(name) === own ? table : catalog.table(name)),
    tableNames: () => [...others(catalog.tableNames()), table.name],
    view: (name) => (foldName(name) === own ? undefined : catalog.view(name)),
    viewNames: () => others(catalog.viewNames()),
  };
}

const NO_SNAPSHOTS: ReadonlyMap<string, Snapshot> = new Map();
const NO_SYSTEM_TABLES: ReadonlyMap<string, NamedSource> = new Map();

/** Runs `work` on the tables of the newest snapshot. */
export function withCatalog<T>(storage: Storage, work: (catalog: PlanCatalog) => T): T {
  const snapshot = storage.snapshot();
  try {
    return work(catalogOf(snapshot, NO_SNAPSHOTS, NO_SYSTEM_TABLES));
  } finally {
    snapshot.release();
  }
}

/** Moments that parameters name are not known before these have values. */
function needsOf(parsed: ParsedStatement, values: GivenValues | undefined): ReadNeeds {
  const { parameters } = parsed;
  if (parameters.slots.length === 0 || parsed.statement.kind === 'prepare') return tolerant(parsed);
  return values === undefined ? tolerant(parsed) : parameters.holdingAsGiven(values, () => readNeeds(parsed));
}

function tolerant(parsed: ParsedStatement): ReadNeeds {
  try {
    return readNeeds(parsed);
  } catch (error) {
    if (parsed.parameters.isForWantOfValue(error)) return { points: [], system: [] };
    throw error;
  }
}

function catalogOf(
  snapshot: Snapshot,
  others: ReadonlyMap<string, Snapshot>,
  system: ReadonlyMap<string, NamedSource>,
): PlanCatalog {
  return {
    table: (name) => snapshot.table(name),
    tableNames: () => snapshot.tableNames(),
    view: (name) => snapshot.view(name),
    viewNames: () => snapshot.viewNames(),
    at: (point) => catalogOf(present(others.get(keyOf(point)), 'a snapshot that was asked for'), others, system),
    system: (name) => system.get(name),
  };
}

function keyOf(point: TimePoint): string {
  return point.kind === 'version' ? `version ${point.version.toString()}` : `time ${point.micros.toString()}`;
}

async function versionOf(storage: Storage, point: TimePoint): Promise<number> {
  if (point.kind === 'version') return point.version;
  // Commits are timed in milliseconds: one within the same millisecond counts as before.
  const micros = point.micros;
  const millis = micros >= 0n ? micros / 1_000n : -((-micros + 999n) / 1_000n);
  return storage.versionAt(Number(millis));
}
