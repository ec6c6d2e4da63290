/**
 * The state that all of storage shares: tables by name, the current version, pins, bounds, ids, and whether writes
 * are allowed.
 *
 * Hides nothing from its own folder. Invariants: `version` is that of the last commit in the catalog; names are
 * compared without regard to ASCII case, and several tables may have borne the same one, each in its own span of
 * versions; ids are never used twice.
 */
import { present } from '../base/assert.ts';
import { EngineError, didNotHappen } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import {
  ACTIVE_MESSAGES_MAX,
  BATCH_BYTES_MAX,
  BATCH_ROWS_MAX,
  CATALOG_COPY_MS,
  COMMIT_GROUP_STREAMS_MAX,
  COMPACTION_SEGMENTS_MIN,
  FREE_FLOOR_BYTES,
  FREE_FLOOR_SHARE,
  HELD_BYTES_MAX,
  HOUSEKEEPING_MS,
  PRIVATE_SEGMENT_BYTES_MIN,
  PRODUCER_RESULTS_KEPT,
  SCRUB_BYTES_PER_SECOND,
  SCRUB_PAUSE_MS,
  SEAL_IDLE_MS,
  SEGMENT_BYTES_MAX,
  SEGMENT_MAPS_MAX,
  SNAPSHOT_RETENTION_MS,
  STORAGE_SWEEP_MS,
} from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { makeCounter, makeGauge } from '../base/metrics.ts';
import { foldName } from '../base/names.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogChange, DamageRow } from '../catalog/rows.ts';
import type { Os } from '../os/os.ts';
import type { Ballast } from './ballast.ts';
import type { DatabasePaths } from './filename.ts';
import { MapBudget } from './map-budget.ts';
import type { FoundDamage, Segment, SegmentContext } from './segment.ts';
import type { SegmentWriter } from './segment-writer.ts';
import { SubmitOrder } from './submit-order.ts';
import type { Table } from './table.ts';
import { Views } from './views.ts';

/** The bounds of base/limits that a test may tighten. */
export interface StorageBounds {
  readonly batchRowsMax: number;
  readonly batchBytesMax: number;
  readonly segmentBytesMax: number;
  readonly privateSegmentBytesMin: number;
  readonly heldBytesMax: number;
  readonly groupStreamsMax: number;
  readonly sealIdleMs: number;
  readonly sweepMs: number;
  readonly snapshotRetentionMs: number;
  readonly segmentMapsMax: number;
  /** Free bytes below which appends are refused; undefined: from base/limits and what is free at open. */
  readonly freeFloorBytes: number | undefined;
  /** Messages after which an active segment is sealed. */
  readonly activeMessagesMax: number;
  readonly compactSegmentsMin: number;
  /** 0: no background scrub. */
  readonly scrubBytesPerSecond: number;
  readonly scrubPauseMs: number;
  readonly housekeepingMs: number;
  readonly catalogCopyMs: number;
  readonly producerResultsKept: number;
}

export const DEFAULT_BOUNDS: StorageBounds = {
  batchRowsMax: BATCH_ROWS_MAX,
  batchBytesMax: BATCH_BYTES_MAX,
  segmentBytesMax: SEGMENT_BYTES_MAX,
  privateSegmentBytesMin: PRIVATE_SEGMENT_BYTES_MIN,
  heldBytesMax: HELD_BYTES_MAX,
  groupStreamsMax: COMMIT_GROUP_STREAMS_MAX,
  sealIdleMs: SEAL_IDLE_MS,
  sweepMs: STORAGE_SWEEP_MS,
  snapshotRetentionMs: SNAPSHOT_RETENTION_MS,
  segmentMapsMax: SEGMENT_MAPS_MAX,
  freeFloorBytes: undefined,
  activeMessagesMax: ACTIVE_MESSAGES_MAX,
  compactSegmentsMin: COMPACTION_SEGMENTS_MIN,
  scrubBytesPerSecond: SCRUB_BYTES_PER_SECOND,
  scrubPauseMs: SCRUB_PAUSE_MS,
  housekeepingMs: HOUSEKEEPING_MS,
  catalogCopyMs: CATALOG_COPY_MS,
  producerResultsKept: PRODUCER_RESULTS_KEPT,
};

/** Floor of free bytes on a file system with `free` bytes free at open. */
export function freeFloor(free: number): number {
  return Math.min(FREE_FLOOR_BYTES, Math.floor(free * FREE_FLOOR_SHARE));
}

const readOnlyGauge = makeGauge('storage_read_only', '1 when writes are refused after a failure of the disk');
const damagedTotal = makeCounter('storage_damaged_segments_total', 'Segments found damaged since the start');
const segmentsGauge = makeGauge('storage_segments', 'Segment files, retired ones included');

/** What a store is put together from. */
export interface StoreServices {
  readonly os: Os;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Log;
  readonly paths: DatabasePaths;
  readonly bounds: StorageBounds;
  readonly ballast: Ballast;
}

export class Store implements SegmentContext {
  readonly os: Os;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Log;
  readonly paths: DatabasePaths;
  readonly databaseId: string;
  readonly bounds: StorageBounds;
  readonly maps: MapBudget;
  readonly ballast: Ballast;
  /** Version of the newest snapshot. */
  version: number;
  /** Oldest version that `snapshotAt` can still make. */
  horizon = 0;
  /** Tables by folded name, in the order of their creation. */
  readonly #byName = new Map<string, Table[]>();
  readonly tables = new Map<number, Table>();
  readonly views = new Views();
  /** Snapshots held per version. */
  readonly #pins = new Map<number, number>();
  #tableId: number;
  #segmentId: number;
  readOnlyReason: string | undefined;
  /** Bytes of encoded batches that wait in memory for a commit. */
  heldBytes = 0;
  /** Tables with an active segment. */
  readonly activeTables = new Set<Table>();
  /** Writers whose segment takes no more appends and is not sealed yet. */
  readonly unsealed = new Set<SegmentWriter>();
  closing = false;
  /** The order in which tagged appends asked for their commits. */
  readonly submitOrder = new SubmitOrder();
  /** Appends and snapshots that somebody has open. */
  openAppends = 0;
  openSnapshots = 0;
  #segmentCount = 0;

  constructor(
    services: StoreServices,
    state: { databaseId: string; lastCommit: number; tableIdMax: number; segmentIdMax: number },
  ) {
    this.os = services.os;
    this.catalog = services.catalog;
    this.clock = services.clock;
    this.log = services.log;
    this.paths = services.paths;
    this.bounds = services.bounds;
    this.maps = new MapBudget(services.bounds.segmentMapsMax);
    this.ballast = services.ballast;
    this.databaseId = state.databaseId;
    this.version = state.lastCommit;
    this.#tableId = state.tableIdMax;
    this.#segmentId = state.segmentIdMax;
    readOnlyGauge.set(0);
  }

  /** True while somebody reads or writes: background work rests then. */
  get isBusy(): boolean {
    return this.openAppends > 0 || this.openSnapshots > 0;
  }

  nextTableId(): number {
    return ++this.#tableId;
  }

  nextSegmentId(): number {
    return ++this.#segmentId;
  }

  addTable(table: Table): void {
    const folded = foldName(table.name);
    const same = this.#byName.get(folded);
    if (same === undefined) this.#byName.set(folded, [table]);
    else same.push(table);
    this.tables.set(table.definition.tableId, table);
  }

  removeTable(table: Table): void {
    const folded = foldName(table.name);
    const left = (this.#byName.get(folded) ?? []).filter((other) => other !== table);
    if (left.length === 0) this.#byName.delete(folded);
    else this.#byName.set(folded, left);
    this.tables.delete(table.definition.tableId);
  }

  /** The table that bears `name` at `version`. */
  tableAt(name: string, version: number): Table | undefined {
    const same = this.#byName.get(foldName(name));
    if (same === undefined) return undefined;
    for (let i = same.length - 1; i >= 0; i--) if (same[i]?.existsAt(version) === true) return same[i];
    return undefined;
  }

  /** The table that bears `name` now. */
  liveTable(name: string): Table | undefined {
    return this.tableAt(name, this.version);
  }

  /** The same. @throws `not_found`, `request_invalid` for a view */
  requireTable(name: string): Table {
    const table = this.liveTable(name);
    if (table !== undefined) return table;
    this.refuseView(name);
    throw missingTable(name);
  }

  /** @throws `request_invalid` when `name` is a view's */
  refuseView(name: string): void {
    const view = this.views.at(name, this.version);
    if (view === undefined) return;
    const message = `"${view.name}" is a view, which has no rows of its own; use the tables that it reads`;
    throw new EngineError('request_invalid', message);
  }

  /** Takes a table's active segment, if it has one, out of use: what comes next opens a new one. */
  endActive(table: Table): void {
    if (table.active === undefined) return;
    this.unsealed.add(table.active);
    table.active = undefined;
    this.activeTables.delete(table);
  }

  pin(version: number): void {
    this.#pins.set(version, (this.#pins.get(version) ?? 0) + 1);
  }

  unpin(version: number): void {
    const count = this.#pins.get(version) ?? 0;
    if (count <= 1) this.#pins.delete(version);
    else this.#pins.set(version, count - 1);
  }

  /** The oldest version that somebody holds, or the current one. */
  oldestPin(): number {
    let oldest = this.version;
    for (const version of this.#pins.keys()) if (version < oldest) oldest = version;
    return oldest;
  }

  /** Adds a segment at its place in the table's order. */
  addSegment(table: Table, segment: Segment): void {
    const { segments } = table;
    let at = segments.length;
    while (at > 0 && present(segments[at - 1], 'segment').position > segment.position) at--;
    segments.splice(at, 0, segment);
    this.#segmentCount++;
    segmentsGauge.set(this.#segmentCount);
  }

  removeSegment(table: Table, segment: Segment): void {
    table.segments = table.segments.filter((other) => other !== segment);
    this.#segmentCount--;
    segmentsGauge.set(this.#segmentCount);
  }

  get segmentCount(): number {
    return this.#segmentCount;
  }

  onDamage(segment: Segment, { offset, what, lasting }: FoundDamage, error: EngineError): void {
    const { segmentId, definition } = segment.identity;
    const table = this.tables.get(definition.tableId);
    if (table === undefined || segment.state === 'obsolete') return;
    damagedTotal.inc();
    if (table.damage === undefined) {
      table.damage = error;
      this.log.error('a segment is damaged; its table is read-only', error, { segment: segmentId });
    }
    if (lasting) this.#remember({ segmentId, offset, what });
  }

  /** Keeps the finding in the catalog, so that the table stays read-only after a restart, and a repair knows. */
  #remember(damage: DamageRow): void {
    this.catalog.addDamage(damage, this.clock.wallMs()).catch((error: unknown) => {
      this.log.warn('damage could not be noted in the catalog; it will be found again', { reason: String(error) });
    });
  }

  /**
   * Applies a change to the catalog. When nobody knows whether it happened, nothing more may be written: `what` names
   * it in the reason for that. @throws what the catalog throws
   */
  async apply(change: CatalogChange, what: string): Promise<void> {
    try {
      await this.catalog.apply(change);
    } catch (error) {
      if (!didNotHappen(error)) this.turnReadOnly(`the outcome of ${what} is not known`, error);
      throw error;
    }
  }

  /** Refuses writes from now on. */
  turnReadOnly(reason: string, cause: unknown): void {
    if (this.readOnlyReason !== undefined) return;
    this.readOnlyReason = reason;
    readOnlyGauge.set(1);
    this.log.error('the database is read-only from now on', cause, { reason });
  }

  /** @throws `draining` when closing, `io_error` when read-only */
  checkWritable(): void {
    if (this.closing) throw new EngineError('draining', 'the database is closing; send it again when it is back');
    if (this.readOnlyReason !== undefined) {
      const remedy = 'restart the server when the disk is well';
      throw new EngineError('io_error', `the database is read-only: ${this.readOnlyReason}; ${remedy}`);
    }
  }
}

/** The error of a table that is not there (any more). */
export function missingTable(name: string): EngineError {
  return new EngineError('not_found', `there is no table "${name}"`);
}

/** The error of a name in use. */
export function alreadyExists(what: 'table' | 'view', name: string): EngineError {
  return new EngineError('already_exists', `${what} "${name}" exists already; drop it first or choose another name`);
}
