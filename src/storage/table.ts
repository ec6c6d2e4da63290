/**
 * The live state of one table: its definitions, its segments, and what each snapshot sees of them.
 *
 * Hides the history of manifests. Invariants: a manifest never changes; manifests are published in the order of
 * commits, and one is kept as long as a pinned snapshot may ask for it; segments stand in the order of their
 * positions, which is the order of rows, and at most the last takes appends; schema versions only grow.
 */
import { present } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type { TtlRow } from '../catalog/rows.ts';
import type { TableDefinition } from './definition.ts';
import type { Producers } from './producers.ts';
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

/** Room between the positions of two appended segments, for what a rewrite puts between them. */
export const POSITION_SPACING = 2 ** 20;

interface Version {
  readonly createdCommit: number;
  readonly definition: TableDefinition;
}

export class Table {
  readonly createdCommit: number;
  droppedCommit: number | undefined;
  ttl: TtlRow | undefined;
  /** Every segment whose file may still be read, in table order, retired ones included. */
  segments: Segment[] = [];
  /** Takes the appends of small streams; its segment is the last of `segments` once committed. */
  active: SegmentWriter | undefined;
  /** Set when a segment is damaged: appends are refused with it. */
  damage: EngineError | undefined;
  /** Those who append exactly once. */
  readonly producers: Producers;
  /** Ends when the rewrite before has ended: one rewriter a table. */
  rewriting: Promise<unknown> = Promise.resolve();
  /** Those who wait for it. */
  rewritersWaiting = 0;
  /** Ascending, the newest in force. */
  readonly #versions: Version[];
  /** Ascending by version; the first serves all older snapshots that are still pinned. */
  #history: Manifest[];

  /** `producers`: a table that is in the catalog already brings one that reads them. */
  constructor(definition: TableDefinition, createdCommit: number, producers: Producers) {
    this.producers = producers;
    this.createdCommit = createdCommit;
    this.#versions = [{ createdCommit, definition }];
    this.#history = [{ version: createdCommit, segments: [], rowCount: 0, byteCount: 0 }];
  }

  /** The newest definition. */
  get definition(): TableDefinition {
    return present(this.#versions.at(-1), 'definition').definition;
  }

  get name(): string {
    return this.definition.name;
  }

  /** Adds a newer definition, in force from `createdCommit` on. */
  define(definition: TableDefinition, createdCommit: number): void {
    this.#versions.push({ createdCommit, definition });
  }

  /** The definition in force at snapshot `version`. */
  definitionAt(version: number): TableDefinition {
    const found = this.#versions.findLast(({ createdCommit }) => createdCommit <= version);
    return present(found ?? this.#versions[0], 'definition').definition;
  }

  /** The definition of that schema version; undefined when the table has none. */
  definitionOf(schemaVersion: number): TableDefinition | undefined {
    return this.#versions.find(({ definition }) => definition.schemaVersion === schemaVersion)?.definition;
  }

  /** A field id that no version has used. */
  get nextFieldId(): number {
    return 1 + Math.max(0, ...this.#versions.flatMap(({ definition }) => definition.fieldIds));
  }

  /** Where the next appended segment stands. */
  get nextPosition(): number {
    return (this.segments.at(-1)?.position ?? 0) + POSITION_SPACING;
  }

  /** Segments of the newest snapshot, in table order. */
  get liveSegments(): Segment[] {
    return this.segments.filter((segment) => segment.retiredCommit === undefined);
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
    if (view.messageCount > 0) byteCount += view.length - view.segment.start - PREFIX_BYTES * view.messageCount;
  }
  return { version, segments, rowCount, byteCount };
}
