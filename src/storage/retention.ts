/**
 * Housekeeping by time: rows past their table's retention, snapshots past theirs, idempotency keys past their day.
 *
 * Hides the arithmetic of ages. Invariants: a segment goes whole, and only when its zone maps prove every value of the
 * column old enough; a null there never expires, so a segment with one stays; the horizon is raised durably before
 * commits below it are forgotten, and never above a snapshot that somebody holds.
 */
import { EngineError } from '../base/errors.ts';
import { CATALOG_FORGET_ROWS, IDEMPOTENCY_KEYS_MAX, IDEMPOTENCY_KEY_LIFE_MS } from '../base/limits.ts';
import { makeCounter } from '../base/metrics.ts';
import type { BoundValue } from '../arrow/source.ts';
import { NANOS_PER_UNIT } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import { Pruner } from './prune.ts';
import { raiseHorizon } from './retire.ts';
import type { Rewriter } from './rewrite.ts';
import type { Segment } from './segment.ts';
import type { Store } from './store.ts';
import type { Table } from './table.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

const expiredTotal = makeCounter('storage_expired_rows_total', 'Rows removed by retention');

/** Removes the expired segments of every table that has a retention. */
export async function expireRows(store: Store, rewriter: Rewriter): Promise<void> {
  for (const table of store.tables.values()) {
    if (table.droppedCommit !== undefined || table.damage !== undefined) continue;
    if (store.closing) return;
    await expireTable(store, rewriter, table);
  }
}

/** The same for one table; nothing happens without a retention. */
export async function expireTable(store: Store, rewriter: Rewriter, table: Table): Promise<void> {
  if (table.ttl === undefined) return;
  await rewriter.alone(table.name, async (live) => {
    const expired: Segment[] = [];
    for (const segment of live.liveSegments) if (await isExpired(store, live, segment)) expired.push(segment);
    for (const run of neighbours(live, expired)) await rewriter.retire(live, run, 'retention');
    expiredTotal.inc(expired.reduce((sum, segment) => sum + segment.rowCount, 0));
  });
}

async function isExpired(store: Store, table: Table, segment: Segment): Promise<boolean> {
  const { ttl } = table;
  if (ttl === undefined || segment.state !== 'sealed' || segment.rowCount === 0) return false;
  const { definition } = segment.identity;
  const column = definition.fieldIds.indexOf(ttl.fieldId);
  const type = definition.schema.fields[column]?.type;
  if (type === undefined) return false;
  const value = oldestKept(type, store.clock.wallMs() - ttl.ms);
  if (value === undefined) return false;
  const young = new Pruner(definition.schema, [{ column, operator: '>=', value }]);
  const empty = new Pruner(definition.schema, [{ column, operator: 'is_null' }]);
  const index = await segment.loadIndex();
  for (let i = 0; i < segment.messageCount; i++) {
    if (index.isDictionary(i)) continue;
    const start = index.statisticsStart(i);
    const end = index.statisticsEnd(i);
    // Both must be proved absent: a value that is young enough, and a null.
    if (!young.canSkip(index.statistics, start, end, index.rowCount(i))) return false;
    if (!empty.canSkip(index.statistics, start, end, index.rowCount(i))) return false;
  }
  return true;
}

/** The least value of the column's type that is not older than `timeMs`. */
function oldestKept(type: DataType, timeMs: number): BoundValue | undefined {
  if (type.id === 'date') return type.unit === 'day' ? Math.ceil(timeMs / DAY_MS) : BigInt(Math.ceil(timeMs));
  if (type.id !== 'timestamp') return undefined;
  const nanos = BigInt(Math.ceil(timeMs)) * NANOS_PER_UNIT.millisecond;
  const unit = NANOS_PER_UNIT[type.unit];
  // Division cuts towards zero: it rounds up what is negative, and what is not is made to.
  return nanos > 0n ? (nanos + unit - 1n) / unit : nanos / unit;
}

/** Expired segments in runs without a live one between. */
function neighbours(table: Table, expired: readonly Segment[]): Segment[][] {
  const chosen = new Set(expired);
  const runs: Segment[][] = [];
  let run: Segment[] = [];
  for (const segment of table.liveSegments) {
    if (chosen.has(segment)) run.push(segment);
    else if (run.length > 0) {
      runs.push(run);
      run = [];
    }
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

/** Forgets snapshots that are older than the retention of snapshots, and that nobody holds. */
export async function forgetSnapshots(store: Store): Promise<void> {
  const oldest = await store.catalog.commitAt(store.clock.wallMs() - store.bounds.snapshotRetentionMs);
  if (oldest !== undefined) await raiseHorizon(store, Math.min(oldest, store.oldestPin()));
  await inSlices(store, () => store.catalog.forgetCommits(store.horizon, CATALOG_FORGET_ROWS));
  if (store.views.forget(store.horizon)) await store.catalog.forgetViews(store.horizon);
}

/** Forgets idempotency keys that are old, or too many. */
export async function forgetKeys(store: Store): Promise<void> {
  const before = store.clock.wallMs() - IDEMPOTENCY_KEY_LIFE_MS;
  await inSlices(store, () => store.catalog.forgetKeys(before, IDEMPOTENCY_KEYS_MAX, CATALOG_FORGET_ROWS));
}

/** Repeats `forget` until it finds less than a slice; each is a transaction of its own, commits come between. */
async function inSlices(store: Store, forget: () => Promise<number>): Promise<void> {
  for (let count = CATALOG_FORGET_ROWS; count >= CATALOG_FORGET_ROWS && !store.closing;) count = await forget();
}

/** The version that a snapshot `at` a moment has. @throws `snapshot_gone` */
export async function versionAt(store: Store, timeMs: number): Promise<number> {
  const found = await store.catalog.commitAt(timeMs);
  if (found !== undefined && found >= store.horizon) return found;
  if (found === undefined && store.horizon === 0) return 0;
  const wanted = new Date(timeMs).toISOString();
  throw new EngineError('snapshot_gone', `no snapshot of ${wanted} is kept (any more); SHOW SNAPSHOTS lists them`);
}
