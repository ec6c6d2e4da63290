/**
 * The live state of one table: its schema, its segments, and what each snapshot sees of them.
 *
 * Hides the history of manifests. Invariants: a manifest never changes; manifests are published in the order of
 * commits, and one is kept as long as a pinned snapshot may ask for it; segments stand in commit order, and at most
 * the last takes appends.
 */
import type { Schema } from '../arrow/schema.ts';
import { present } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type { TableRow } from '../catalog/rows.ts';
import type { Segment, SegmentView } from './segment.ts';
import type { SegmentWriter } from './segment-writer.ts';

const PREFIX_BYTES = 8;

/** A table's segments at one snapshot. */
export interface Manifest {
  /** The commit that made it. */
  readonly version: number;
  readonly segments: readonly SegmentView[];
  readonly rowCount: number;
  /** Headers and bodies of all stored messages, without the 8-byte prefixes that only files have. */
  readonly byteCount: number;
}

/** What is known of a table before it exists, and never changes after. */
export interface TableDefinition {
  readonly tableId: number;
  readonly name: string;
  /** Name of its directory under tables/. */
  readonly directory: string;
  /** Path of that directory. */
  readonly path: string;
  /** Dictionary ids are numbered within it. */
  readonly schema: Schema;
  /** Header of the schema message, as the catalog keeps it. */
  readonly schemaHeader: Uint8Array;
  /** Magic, prefix and padded schema header: how each segment begins. */
  readonly segmentHead: Uint8Array;
  readonly fieldIds: readonly number[];
  readonly hasDictionaries: boolean;
}

export class Table {
  readonly definition: TableDefinition;
  readonly createdCommit: number;
  droppedCommit: number | undefined;
  /** Every segment whose file may still be read, in commit order. */
  segments: Segment[] = [];
  /** Takes the appends of small streams; its segment is the last of `segments` once committed. */
  active: SegmentWriter | undefined;
  /** Set when a segment is damaged: appends are refused with it. */
  damage: EngineError | undefined;
  /** Ascending by version; the first serves all older snapshots that are still pinned. */
  #history: Manifest[];

  constructor(definition: TableDefinition, createdCommit: number) {
    this.definition = definition;
    this.createdCommit = createdCommit;
    this.#history = [{ version: createdCommit, segments: [], rowCount: 0, byteCount: 0 }];
  }

  get name(): string {
    return this.definition.name;
  }

  /** True when a snapshot at `version` has the table. */
  existsAt(version: number): boolean {
    return this.createdCommit <= version && (this.droppedCommit === undefined || version < this.droppedCommit);
  }

  /** The newest manifest. */
  get manifest(): Manifest {
    return present(this.#history.at(-1), 'manifest');
  }

  /** The manifest of a pinned snapshot. */
  manifestAt(version: number): Manifest {
    const history = this.#history;
    for (let i = history.length - 1; i >= 0; i--) {
      const manifest = present(history[i], 'manifest');
      if (manifest.version <= version) return manifest;
    }
    throw new EngineError('snapshot_gone', `snapshot ${version.toString()} of table "${this.name}" is gone`);
  }

  /**
   * Makes `segments` what snapshots from `version` on see; forgets manifests that no snapshot at or after `oldest`
   * needs.
   */
  publish(version: number, segments: readonly SegmentView[], oldest: number): void {
    this.#history.push(makeManifest(version, segments));
    let needed = this.#history.length - 1;
    while (needed > 0 && present(this.#history[needed], 'manifest').version > oldest) needed--;
    if (needed > 0) this.#history.splice(0, needed);
  }
}

/** A manifest with its totals. Cost: O(segments). */
export function makeManifest(version: number, segments: readonly SegmentView[]): Manifest {
  let rowCount = 0;
  let byteCount = 0;
  for (const view of segments) {
    rowCount += view.rowCount;
    if (view.messageCount > 0)
      byteCount += view.length - view.segment.identity.start - PREFIX_BYTES * view.messageCount;
  }
  return { version, segments, rowCount, byteCount };
}

/** The table's row for the catalog. */
export function tableRow(definition: TableDefinition): Omit<TableRow, 'createdCommit' | 'droppedCommit'> {
  return {
    tableId: definition.tableId,
    name: definition.name,
    directory: definition.directory,
    schema: definition.schemaHeader,
    fieldIds: definition.fieldIds,
  };
}
