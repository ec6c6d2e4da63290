/**
 * Decides what a new catalog says, from an older copy (or nothing) and from what the segment files say themselves.
 *
 * Hides the rules: what a copy knows stays; sealed segments that it does not know are added, unless another segment
 * replaces them or their table was dropped; segments without footer count as far as their messages are sound; what is
 * left out goes to quarantine. Invariants: nothing is written here; no id is given twice; whatever cannot be known is
 * listed as a doubt.
 */
import { encodeSchema } from '../arrow/ipc-schema.ts';
import { foldName } from '../base/names.ts';
import { REPAIR_COMMITS_SKIPPED } from '../base/limits.ts';
import type { CatalogContent, InspectedSchema, InspectedTable } from '../catalog/inspect.ts';
import type { RepairChange } from '../catalog/rebuild.ts';
import type { SoundBatchRow, SegmentRow } from '../catalog/rows.ts';
import type { Os } from '../os/os.ts';
import { isSameHeader, rowsOfActive, rowsOfSealed } from './evidence.ts';
import type { FoundDirectory, FoundRows, FoundSegment } from './evidence.ts';
import { HORIZON_KEY, encodeVersion } from './retire.ts';
import type { SegmentFooter } from './segment-file.ts';
import { POSITION_SPACING } from './table.ts';

/** A file, or its end from `from` on, that the new catalog does not name. */
export interface PutAside {
  readonly directory: string;
  readonly segment: FoundSegment;
  /** undefined for the whole file. */
  readonly from: number | undefined;
}

export interface RebuildPlan {
  readonly change: RepairChange;
  readonly putAside: readonly PutAside[];
  readonly actions: readonly string[];
  readonly doubts: readonly string[];
}

/** A segment for the new catalog, before it has its place. */
interface Addition {
  readonly segment: Omit<SegmentRow, 'position'>;
  readonly position: number | undefined;
}

/** The catalog that `found` and `base` make together. `hasBase`: whether there was a copy to begin with. */
export async function planRebuild(
  os: Os,
  base: CatalogContent,
  found: readonly FoundDirectory[],
  options: { readonly hasBase: boolean; readonly timeMs: number },
): Promise<RebuildPlan> {
  const planner = new Planner(os, base, found);
  // The newest table first: it keeps a name that an older one has too.
  for (const directory of found.toSorted((a, b) => newestTable(b) - newestTable(a))) {
    await planner.addDirectory(directory);
  }
  planner.dropReplaced();
  return planner.plan(options);
}

class Planner {
  readonly #os: Os;
  readonly #base: CatalogContent;
  readonly #known: ReadonlyMap<number, SegmentRow>;
  /** Segment → the one that replaces it. */
  readonly #replacedBy = new Map<number, number>();
  readonly #commit: number;
  readonly #firstCommit: number;
  readonly #databaseId: string | undefined;
  #tableIdMax: number;
  #segmentIdMax: number;
  readonly #present = new Set<number>();
  readonly #removeTables: number[] = [];
  readonly #removeSegments: number[] = [];
  readonly #tables: InspectedTable[] = [];
  readonly #schemas: InspectedSchema[] = [];
  readonly #segments: SegmentRow[] = [];
  readonly #batches: SoundBatchRow[] = [];
  readonly #putAside: PutAside[] = [];
  readonly #actions: string[] = [];
  readonly #doubts: string[] = [];

  constructor(os: Os, base: CatalogContent, found: readonly FoundDirectory[]) {
    this.#os = os;
    this.#base = base;
    this.#known = new Map(base.segments.map((segment) => [segment.segmentId, segment]));
    const segments = found.flatMap((directory) => directory.segments);
    const footers = segments.flatMap(({ footer }) => (footer === undefined ? [] : [footer]));
    for (const { segmentId, replaces } of footers) for (const id of replaces) this.#replacedBy.set(id, segmentId);
    const commits = footers.map((footer) => footer.commit ?? 0);
    this.#firstCommit = highest(commits, base.lastCommit) + 1;
    this.#commit = this.#firstCommit + REPAIR_COMMITS_SKIPPED;
    this.#databaseId = footers[0]?.databaseId;
    this.#tableIdMax = highest(
      footers.map((footer) => footer.tableId),
      base.tableIdMax,
    );
    const ids = segments.map((segment) => segment.segmentId);
    this.#segmentIdMax = highest([...ids, ...this.#replacedBy.keys()], base.segmentIdMax);
  }

  async addDirectory(found: FoundDirectory): Promise<void> {
    const table = this.#base.tables.find((row) => row.directory === found.directory);
    for (const segment of found.segments) this.#present.add(segment.segmentId);
    if (found.isDropped || table?.droppedCommit !== undefined) {
      this.#leaveOutDropped(found, table);
      return;
    }
    const identity = table ?? this.#identityOf(found);
    const additions: Addition[] = [];
    for (const segment of found.segments) {
      const known = this.#known.get(segment.segmentId);
      const by = this.#replacedBy.get(segment.segmentId);
      if (known !== undefined && known.tableId === table?.tableId) {
        if (known.state === 'active' && by === undefined) await this.#extend(identity, known, segment, additions);
        else if (known.state !== 'obsolete' && by !== undefined) this.#leaveOut(identity, segment, by, true);
      } else if (by !== undefined) this.#leaveOut(identity, segment, by, false);
      else await this.#add(identity, segment, additions);
    }
    if (table === undefined && !this.#addTable(identity, additions)) return;
    this.#place(identity, additions);
  }

  #leaveOutDropped({ directory, segments }: FoundDirectory, table: InspectedTable | undefined): void {
    const isKnown = table?.droppedCommit !== undefined;
    if (!isKnown && table !== undefined) this.#removeTables.push(table.tableId);
    const name = table?.name ?? segments.find((one) => one.footer !== undefined)?.footer?.tableName;
    if (!isKnown) this.#actions.push(`table ${quoted(name ?? directory)} was dropped: it is left out`);
    for (const segment of segments) {
      if (isKnown && this.#known.get(segment.segmentId)?.tableId === table.tableId) continue;
      this.#putAside.push({ directory, segment, from: undefined });
    }
  }

  #leaveOut(table: InspectedTable, segment: FoundSegment, by: number, isKnown: boolean): void {
    if (isKnown) this.#removeSegments.push(segment.segmentId);
    const what = `segment ${segment.segmentId.toString()} of table ${quoted(table.name)}`;
    this.#actions.push(`${what} is left out: segment ${by.toString()} replaces it`);
    this.#putAside.push({ directory: table.directory, segment, from: undefined });
  }

  /** Table of a directory that no catalog knows: what most of its footers say. */
  #identityOf({ directory, segments }: FoundDirectory): InspectedTable {
    const votes = new Map<number, SegmentFooter[]>();
    for (const { footer } of segments) {
      if (footer !== undefined) votes.set(footer.tableId, [...(votes.get(footer.tableId) ?? []), footer]);
    }
    const [best] = [...votes.values()].sort((a, b) => b.length - a.length);
    const footer = best?.[0];
    const isTaken = [...this.#base.tables, ...this.#tables].some((table) => table.tableId === footer?.tableId);
    const tableId = footer === undefined || isTaken ? ++this.#tableIdMax : footer.tableId;
    const name = footer?.tableName ?? recoveredName(directory);
    return { tableId, name, directory, createdCommit: this.#firstCommit, droppedCommit: undefined };
  }

  /** An active segment of the copy may have gone on, and been sealed, since. */
  async #extend(
    table: InspectedTable,
    known: SegmentRow,
    segment: FoundSegment,
    additions: Addition[],
  ): Promise<void> {
    const what = `segment ${known.segmentId.toString()} of table ${quoted(table.name)}`;
    const { footer, head } = segment;
    let rows: FoundRows | undefined;
    if (footer !== undefined && isOwn(footer, segment, table)) {
      rows = await rowsOfSealed(this.#os, segment, footer, known.createdCommit);
    } else if (head !== undefined) rows = await rowsOfActive(this.#os, segment, head, known.createdCommit);
    if (rows === undefined || rows.end < known.committedLength) return;
    const isSealed = footer !== undefined && rows.end === footer.start;
    if (!isSealed) this.#keepTail(table, segment, rows);
    if (!isSealed && rows.end === known.committedLength) return;
    const added = rowsIn(rows) - known.rowCount;
    if (added > 0) this.#actions.push(`${what} has ${added.toString()} rows more than the copy of the catalog knew`);
    if (!isSealed) this.#doubts.push(`${what}: its last ${added.toString()} rows may not have been acknowledged`);
    this.#removeSegments.push(known.segmentId);
    const segmentRow = this.#segmentRow(known, segment, rows, isSealed);
    additions.push({ segment: segmentRow, position: known.position });
  }

  async #add(table: InspectedTable, segment: FoundSegment, additions: Addition[]): Promise<void> {
    const { footer, head } = segment;
    if (footer !== undefined && !isOwn(footer, segment, table)) {
      const says = `segment ${footer.segmentId.toString()} of table ${footer.tableId.toString()} (${quoted(footer.tableName)})`;
      this.#setAside(table, segment, `its footer says that it is ${says}`);
    } else if (footer !== undefined) {
      const createdCommit = footer.commit ?? this.#firstCommit;
      const rows = await rowsOfSealed(this.#os, segment, footer, createdCommit);
      const header = head?.header ?? encodeSchema(footer.schema).header;
      const schemaVersion = this.#schemaVersion(table, header, footer.fieldIds, footer.schemaVersion);
      const row = this.#segmentRow({ tableId: table.tableId, createdCommit, schemaVersion }, segment, rows, true);
      additions.push({ segment: row, position: footer.position });
    } else if (head !== undefined) await this.#addActive(table, segment, head, additions);
    else this.#setAside(table, segment, 'neither its head nor its footer can be read');
  }

  async #addActive(
    table: InspectedTable,
    segment: FoundSegment,
    head: NonNullable<FoundSegment['head']>,
    additions: Addition[],
  ): Promise<void> {
    const rows = await rowsOfActive(this.#os, segment, head, this.#firstCommit);
    const rowCount = rowsIn(rows);
    if (rowCount === 0) {
      this.#setAside(table, segment, 'it has no footer and no sound batch');
      return;
    }
    const fieldIds = head.schema.fields.map((_, i) => i + 1);
    const schemaVersion = this.#schemaVersion(table, head.header, fieldIds, undefined);
    const source = { tableId: table.tableId, createdCommit: this.#firstCommit, schemaVersion };
    additions.push({ segment: this.#segmentRow(source, segment, rows, false), position: undefined });
    const what = `segment ${segment.segmentId.toString()} of table ${quoted(table.name)}`;
    this.#doubts.push(
      `${what} has no footer: ${rowCount.toString()} sound rows were found, perhaps not all acknowledged`,
    );
    this.#keepTail(table, segment, rows);
  }

  #segmentRow(
    source: Pick<SegmentRow, 'tableId' | 'createdCommit' | 'schemaVersion'>,
    { segmentId, size }: FoundSegment,
    rows: FoundRows,
    isSealed: boolean,
  ): Addition['segment'] {
    for (const row of rows.batches) this.#batches.push(row);
    return {
      segmentId,
      tableId: source.tableId,
      state: isSealed ? 'sealed' : 'active',
      committedLength: rows.end,
      rowCount: rowsIn(rows),
      batchCount: rows.batches.length,
      fileLength: isSealed ? size : 0,
      createdCommit: source.createdCommit,
      retiredCommit: undefined,
      retireAtMs: undefined,
      schemaVersion: source.schemaVersion,
    };
  }

  #setAside(table: InspectedTable, segment: FoundSegment, why: string): void {
    this.#doubts.push(`segment ${segment.segmentId.toString()} in ${table.directory} is put aside: ${why}`);
    this.#putAside.push({ directory: table.directory, segment, from: undefined });
  }

  /** What follows the last sound message is cut off at the next start, and kept here. */
  #keepTail(table: InspectedTable, segment: FoundSegment, rows: FoundRows): void {
    if (segment.size === rows.end) return;
    this.#putAside.push({ directory: table.directory, segment, from: rows.end });
    if (rows.reason === undefined) return;
    const left = `${(segment.size - rows.end).toString()} bytes from offset ${rows.end.toString()} on`;
    const what = `segment ${segment.segmentId.toString()} of table ${quoted(table.name)}`;
    this.#doubts.push(`${what}: ${left} are no sound message (${rows.reason}) and are put aside`);
  }

  /** The number of the table's schema with this header; a new one when there is none. */
  #schemaVersion(
    table: InspectedTable,
    header: Uint8Array,
    fieldIds: readonly number[],
    wanted: number | undefined,
  ): number {
    const { tableId } = table;
    const same = [...this.#base.schemas, ...this.#schemas].filter((schema) => schema.tableId === tableId);
    const equal = same.filter((schema) => isSameHeader(schema.header, header));
    const match = equal.find((schema) => wanted === undefined || schema.version === wanted);
    if (match !== undefined) return match.version;
    const isFree = wanted !== undefined && same.every((schema) => schema.version !== wanted);
    const version = isFree ? wanted : highest(same.map((schema) => schema.version)) + 1;
    const createdCommit = this.#firstCommit + version;
    const unknown = { defaults: new Uint8Array(0), insertDefaults: '{}' };
    this.#schemas.push({ tableId, version, createdCommit, header, fieldIds, ...unknown });
    if (version > 1) {
      const what = `version ${version.toString()} of the schema of table ${quoted(table.name)}`;
      this.#doubts.push(`${what} comes from a footer: defaults of its columns are not known`);
    }
    return version;
  }

  /** False when there is nothing that would make it a table. */
  #addTable(identity: InspectedTable, additions: readonly Addition[]): boolean {
    const { directory } = identity;
    if (additions.length === 0) {
      this.#doubts.push(`${directory} has no segment to go by: a table without rows, if it was one, is lost`);
      return false;
    }
    const rival = [...this.#base.tables, ...this.#tables].find(
      (table) =>
        table.droppedCommit === undefined &&
        !this.#removeTables.includes(table.tableId) &&
        foldName(table.name) === foldName(identity.name),
    );
    const view = this.#base.views.find(
      (one) => one.droppedCommit === undefined && foldName(one.name) === foldName(identity.name),
    );
    const name = rival === undefined && view === undefined ? identity.name : recoveredName(directory);
    if (view !== undefined) {
      const what = `a view has the name ${quoted(identity.name)} of the table in ${directory}`;
      this.#doubts.push(`${what}: the table is now ${quoted(name)}, it may be one that was dropped`);
    }
    if (rival !== undefined) {
      this.#doubts.push(
        `two tables have the name ${quoted(identity.name)}: the one in ${directory} is now ${quoted(name)}, ` +
          'it may be one that was dropped',
      );
    }
    this.#tables.push({ ...identity, name });
    const rows = additions.reduce((sum, { segment }) => sum + segment.rowCount, 0);
    const segments = `${additions.length.toString()} segment${additions.length === 1 ? '' : 's'}`;
    this.#actions.push(`table ${quoted(name)} is back, with ${segments} and ${rows.toString()} rows`);
    return true;
  }

  /** Gives the segments their order: by position, commit, id; those without position come last. */
  #place({ tableId }: InspectedTable, additions: Addition[]): void {
    const removed = new Set(this.#removeSegments);
    const taken = new Set<number>();
    for (const segment of this.#base.segments) {
      const stays = segment.tableId === tableId && segment.state !== 'obsolete' && !removed.has(segment.segmentId);
      if (stays) taken.add(segment.position);
    }
    // Infinity - Infinity is NaN, which || takes for "no difference".
    const ordered = additions.toSorted(
      (a, b) =>
        (a.position ?? Infinity) - (b.position ?? Infinity) ||
        a.segment.createdCommit - b.segment.createdCommit ||
        a.segment.segmentId - b.segment.segmentId,
    );
    for (const { segment, position } of ordered) {
      const isFree = position !== undefined && !taken.has(position);
      const place = isFree ? position : highest(taken) + POSITION_SPACING;
      taken.add(place);
      this.#segments.push({ ...segment, position: place });
    }
  }

  /** Segments of the copy whose files are gone because others replace them. */
  dropReplaced(): void {
    for (const { segmentId, state } of this.#base.segments) {
      const isGone = !this.#present.has(segmentId) && this.#replacedBy.has(segmentId);
      if (isGone && state !== 'obsolete') this.#removeSegments.push(segmentId);
    }
  }

  plan({ hasBase, timeMs }: { readonly hasBase: boolean; readonly timeMs: number }): RebuildPlan {
    const from = hasBase
      ? `the copy of commit ${this.#base.lastCommit.toString()}: drops, settings and producers' progress since then are lost`
      : 'the segments alone: views, retention, defaults, producers and the key of tickets are lost';
    this.#doubts.unshift(`the catalog was made anew from ${from}`);
    return {
      actions: this.#actions,
      doubts: this.#doubts,
      putAside: this.#putAside,
      change: {
        commit: this.#commit,
        timeMs,
        what: 'repair',
        ...(hasBase || this.#databaseId === undefined ? {} : { databaseId: this.#databaseId }),
        meta: [[HORIZON_KEY, encodeVersion(this.#commit)]],
        removeTables: this.#removeTables,
        removeSegments: this.#removeSegments,
        clearDamages: [],
        tables: this.#tables,
        schemas: this.#schemas.filter((schema) => this.#hasTable(schema.tableId)),
        segments: this.#segments,
        batches: this.#batches,
        tableIdMax: this.#tableIdMax,
        segmentIdMax: this.#segmentIdMax,
      },
    };
  }

  #hasTable(tableId: number): boolean {
    return [...this.#base.tables, ...this.#tables].some((table) => table.tableId === tableId);
  }
}

function newestTable({ segments }: FoundDirectory): number {
  return highest(segments.map(({ footer }) => footer?.tableId ?? 0));
}

/** Not by spreading: there may be more segments than a call takes arguments. */
function highest(numbers: Iterable<number>, least = 0): number {
  let most = least;
  for (const number of numbers) if (number > most) most = number;
  return most;
}

function isOwn(footer: SegmentFooter, segment: FoundSegment, table: InspectedTable): boolean {
  return footer.segmentId === segment.segmentId && footer.tableId === table.tableId;
}

function rowsIn(rows: FoundRows): number {
  return rows.batches.reduce((sum, row) => sum + row.rowCount, 0);
}

function quoted(name: string): string {
  return `"${name}"`;
}

function recoveredName(directory: string): string {
  return `recovered_${directory.slice(0, 8)}`;
}
