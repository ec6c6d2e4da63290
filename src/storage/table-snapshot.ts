/**
 * One table in one snapshot: scans over its segments, as stored bytes or as batches.
 *
 * Hides segments, verification and read-ahead. Invariants: order is commit order, and within a commit the order in
 * which rows came; a snapshot that holds a damaged segment fails with `corrupt` before it yields a row that could
 * be taken for the whole answer; bodies are views on the map, nothing is copied. In `messages` a segment's
 * dictionary messages are left out when the reader has had the same ones, byte for byte, from an earlier segment:
 * within a segment dictionaries only grow, so what was sent for the longer list of two serves both.
 */
import type { Message, RecordBatch, ResultBatch } from '../arrow/batch.ts';
import { encodeResults } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import type { BatchCounts, Bound, ColumnDefault, ScanRequest } from '../arrow/source.ts';
import { present } from '../base/assert.ts';
import { asBuffer } from '../base/bytes.ts';
import { READ_AHEAD_BYTES, READ_AHEAD_SLICE_BYTES } from '../base/limits.ts';
import { ColdReads } from './cold-read.ts';
import type { SegmentDescription, TableDetails, TableSnapshot } from './contract.ts';
import { defaultAt } from './definition.ts';
import type { TableDefinition } from './definition.ts';
import { Layout, sameLayout } from './layout.ts';
import { Pruner } from './prune.ts';
import type { Segment, SegmentView } from './segment.ts';
import type { Manifest, Table } from './table.ts';
import { partsOfRows, rowCuts, wholeSegment } from './table-part.ts';
import type { SegmentPart } from './table-part.ts';
import { VerifyAhead } from './verify-ahead.ts';

const NO_MESSAGES: readonly Message[] = [];

/** What a table says of itself that no snapshot keeps. */
type LiveTable = Pick<Table, 'ttl' | 'damage'>;

/** How segments that were written under one version of a table are read. */
interface Reading {
  readonly definition: TableDefinition;
  readonly layout: Layout;
  readonly pruner: Pruner;
}

/** The table of `definition` as `manifest` has it. */
export function makeTableSnapshot(table: LiveTable, definition: TableDefinition, manifest: Manifest): TableSnapshot {
  return new ManifestScan(table, definition, manifest);
}

/** What a scan goes over. */
interface Scanned {
  /** Those of the snapshot. */
  readonly segments: readonly SegmentView[];
  /** What is read of them; undefined for all. */
  readonly parts?: readonly SegmentPart[];
  readonly rowCount: number;
  readonly byteCount: number;
}

class ManifestScan implements TableSnapshot {
  readonly tableId: number;
  readonly name: string;
  readonly schema: Schema;
  readonly rowCount: number;
  readonly byteCount: number;
  readonly #table: LiveTable;
  readonly #definition: TableDefinition;
  readonly #segments: readonly SegmentView[];
  /** Undefined for all; made when they are read, since a plan is often made and its table not read. */
  #given: readonly SegmentPart[] | undefined;
  readonly #isWhole: boolean;

  constructor(table: LiveTable, definition: TableDefinition, scanned: Scanned) {
    this.#table = table;
    this.tableId = definition.tableId;
    this.name = definition.name;
    this.schema = definition.schema;
    this.rowCount = scanned.rowCount;
    this.byteCount = scanned.byteCount;
    this.#definition = definition;
    this.#segments = scanned.segments;
    this.#given = scanned.parts;
    this.#isWhole = scanned.parts === undefined;
  }

  get isByteCountExact(): boolean {
    return this.#isWhole && this.#segments.every((view) => this.#isStoredAsIs(view));
  }

  get #parts(): readonly SegmentPart[] {
    this.#given ??= this.#segments.map(wholeSegment);
    return this.#given;
  }

  async part(from: number, to: number): Promise<TableSnapshot> {
    const { parts, rowCount } = await partsOfRows(this.#segments, from, to);
    const byteCount = Math.round((this.byteCount * rowCount) / Math.max(this.rowCount, 1));
    return new ManifestScan(this.#table, this.#definition, { segments: this.#segments, parts, rowCount, byteCount });
  }

  async cuts(bounds: readonly Bound[], most: number): Promise<readonly number[]> {
    const reading = this.#reading({ columns: [], bounds, limit: undefined });
    return rowCuts(this.#segments, ({ segment }, i) => skips(reading(segment).pruner, segment, i), most);
  }

  get defaults(): readonly (ColumnDefault | undefined)[] {
    return this.schema.fields.map((_, i) => defaultAt(this.#definition, i));
  }

  #isStoredAsIs({ segment, messageCount }: SegmentView): boolean {
    return messageCount === 0 || sameLayout(segment.identity.definition, this.#definition);
  }

  details(): TableDetails {
    const { ttl, damage } = this.#table;
    const { fieldIds, schema, schemaVersion } = this.#definition;
    const column = ttl === undefined ? undefined : schema.fields[fieldIds.indexOf(ttl.fieldId)];
    return {
      segments: this.#segments.map(segmentDescription),
      schemaVersion,
      ttl: ttl === undefined || column === undefined ? undefined : { column: column.name, ms: ttl.ms },
      damage: damage?.message,
    };
  }

  async *messages(): AsyncGenerator<ResultBatch, void, undefined> {
    this.#refuseDamage();
    const trail = new DictionaryTrail();
    // Dictionaries of stored bytes and of bytes made anew would take each other's places: then all is made anew.
    if (this.#definition.hasDictionaries && !this.#parts.every(({ view }) => this.#isStoredAsIs(view))) {
      yield* encodeResults(this.schema, this.#rows(this.#parts));
      return;
    }
    for (const part of this.#parts) {
      if (part.view.messageCount === 0) continue;
      if (this.#isStoredAsIs(part.view)) yield* storedBatches(part, trail, this.schema);
      else yield* encodeResults(this.schema, this.#rows([part]));
    }
  }

  async *#rows(parts: readonly SegmentPart[]): AsyncGenerator<RecordBatch, void, undefined> {
    const all = this.schema.fields.map((_, i) => i);
    const reading = this.#reading({ columns: all, bounds: [], limit: undefined });
    for (const part of parts) yield* scanSegment(part, reading(part.view.segment));
  }

  async *scan(request: ScanRequest): AsyncGenerator<RecordBatch, void, undefined> {
    this.#refuseDamage();
    let wanted = request.limit ?? Infinity;
    if (wanted <= 0) return;
    const reading = this.#reading(request);
    for (const part of this.#parts) {
      const how = reading(part.view.segment);
      if (skipsAll(how.pruner, part.view)) continue;
      for await (const batch of scanSegment(part, how)) {
        yield batch;
        wanted -= batch.rowCount;
        if (wanted <= 0) return;
      }
    }
  }

  /** How segments are read for `request`: the same for all of one version of the table. */
  #reading(request: ScanRequest): (segment: Segment) => Reading {
    const known = new Map<TableDefinition, Reading>();
    let last: Reading | undefined;
    return ({ identity: { definition } }) => {
      if (last?.definition === definition) return last;
      last = known.get(definition);
      if (last !== undefined) return last;
      const layout = new Layout(definition, this.#definition, request.columns);
      last = { definition, layout, pruner: prunerOf(definition.schema, layout, request) };
      known.set(definition, last);
      return last;
    };
  }

  async countBatches(bounds: readonly Bound[]): Promise<BatchCounts> {
    let pruned = 0;
    let total = 0;
    const segments = { pruned: 0, total: 0 };
    const reading = this.#reading({ columns: [], bounds, limit: undefined });
    for (const { view, first, end } of this.#parts) {
      if (view.messageCount === 0) continue;
      const { pruner } = reading(view.segment);
      const index = await view.segment.loadIndex();
      const before = total - pruned;
      for (let i = first; i < end; i++) {
        if (index.isDictionary(i)) continue;
        total++;
        if (skips(pruner, view.segment, i)) pruned++;
      }
      segments.total++;
      if (total - pruned === before) segments.pruned++;
    }
    return { pruned, total, segments };
  }

  #refuseDamage(): void {
    for (const { segment } of this.#segments) if (segment.damage !== undefined) throw segment.damage;
  }
}

function prunerOf(schema: Schema, layout: Layout, { bounds, moving }: ScanRequest): Pruner {
  const own = moving && { ...moving, bounds: () => layout.bounds(moving.bounds()) };
  return new Pruner(schema, layout.bounds(bounds), own);
}

function segmentDescription({ segment, length, rowCount, messageCount }: SegmentView): SegmentDescription {
  const { segmentId, definition, path } = segment.identity;
  return {
    segmentId,
    isSealed: segment.state !== 'active',
    schemaVersion: definition.schemaVersion,
    rowCount,
    messageCount,
    byteCount: length,
    createdVersion: segment.createdCommit,
    path,
    damage: segment.damage?.message,
  };
}

/** True when no row of the batch can be one that the pruner's bounds allow. */
export function skips(pruner: Pruner, segment: Segment, ordinal: number): boolean {
  if (pruner.isEmpty) return false;
  const index = present(segment.index, 'batch rows');
  const start = index.statisticsStart(ordinal);
  return pruner.canSkip(index.statistics, start, index.statisticsEnd(ordinal), index.rowCount(ordinal));
}

/** True when it is known without waiting that no batch of the segment can be of interest; few segments are any. */
function skipsAll(pruner: Pruner, { segment, messageCount }: SegmentView): boolean {
  const { index } = segment;
  if (index === undefined || pruner.isEmpty) return messageCount === 0;
  for (let i = 0; i < messageCount; i++) if (!index.isDictionary(i) && !skips(pruner, segment, i)) return false;
  return true;
}

/** Dictionary messages that the reader of a scan holds, in the order in which it got them. */
class DictionaryTrail {
  sent: Message[] = [];

  /**
   * Messages of the segment's dictionaries that need not be sent, counted from its first: all of those that the
   * reader has. When the segment goes another way than what was sent, it is sent from its beginning; its whole
   * dictionaries replace the others.
   */
  begin(own: readonly Message[]): number {
    let same = 0;
    const shorter = Math.min(own.length, this.sent.length);
    while (same < shorter && sameMessage(present(own[same], 'message'), present(this.sent[same], 'message'))) same++;
    if (same < shorter) {
      this.sent = [];
      return 0;
    }
    return own.length <= this.sent.length ? own.length : this.sent.length;
  }
}

function sameMessage(a: Message, b: Message): boolean {
  if (a.bodyBytes !== b.bodyBytes || !asBuffer(a.header).equals(b.header)) return false;
  return a.body.every((bytes, i) => asBuffer(bytes).equals(b.body[i] ?? new Uint8Array(0)));
}

/** Yields a segment's batches as stored bytes. */
async function* storedBatches(
  { view, first, end }: SegmentPart,
  trail: DictionaryTrail,
  schema: Schema,
): AsyncGenerator<ResultBatch, void, undefined> {
  const { segment } = view;
  const index = await segment.loadIndex();
  await segment.prepare(view.length);
  const verified = new VerifyAhead(view);
  const cold = new ColdReads(view);
  try {
    let skip = await beginDictionaries(view, trail);
    let pending: Message[] = [];
    let hinted = first === 0 ? segment.start : index.end(first - 1);
    for (let ordinal = 0; ordinal < end; ordinal++) {
      // What a batch needs stands before it, however far.
      if (ordinal < first && !index.isDictionary(ordinal)) continue;
      const wait = verified.reach(ordinal);
      if (wait !== undefined) await wait;
      if (index.isDictionary(ordinal)) {
        if (skip > 0) skip--;
        else pending.push(segment.message(ordinal));
        continue;
      }
      const ahead = Math.min(index.end(ordinal) + READ_AHEAD_BYTES, view.length);
      for (; hinted < ahead; hinted += READ_AHEAD_SLICE_BYTES) segment.willNeed(hinted, READ_AHEAD_SLICE_BYTES);
      if (pending.length > 0) trail.sent.push(...pending);
      const dictionaries = pending.length > 0 ? pending : NO_MESSAGES;
      const reading = cold.read(ordinal);
      const whole = reading === undefined ? undefined : await reading;
      yield new StoredBatch(segment, ordinal, { schema, dictionaries, whole });
      if (pending.length > 0) pending = [];
    }
  } finally {
    await verified.close();
    await cold.close();
  }
}

/** How many of the segment's dictionary messages the reader has already. */
async function beginDictionaries(view: SegmentView, trail: DictionaryTrail): Promise<number> {
  const { segment, messageCount } = view;
  const index = present(segment.index, 'batch rows');
  if (!index.isDictionary(0) || trail.sent.length === 0) return 0;
  const verified = new VerifyAhead(view);
  try {
    const own: Message[] = [];
    for (let ordinal = 0; ordinal < messageCount; ordinal++) {
      if (!index.isDictionary(ordinal)) continue;
      await verified.reach(ordinal);
      own.push(segment.message(ordinal));
    }
    return trail.begin(own);
  } finally {
    await verified.close();
  }
}

/** Yields what a scan wants of a segment. */
async function* scanSegment(
  part: SegmentPart,
  { layout, pruner }: Reading,
): AsyncGenerator<RecordBatch, void, undefined> {
  if (part.view.messageCount === 0) return;
  for await (const batch of decodedBatches(part, pruner)) yield layout.batch(batch);
}

/** Yields a segment's batches decoded, but for those that `pruner` proves to be of no interest. */
async function* decodedBatches(
  { view, first, end }: SegmentPart,
  pruner: Pruner,
): AsyncGenerator<RecordBatch, void, undefined> {
  const { segment } = view;
  const index = await segment.loadIndex();
  let prepared = false;
  const verified = new VerifyAhead(view);
  const cold = new ColdReads(view);
  try {
    for (let ordinal = 0; ordinal < end; ordinal++) {
      if (!index.isDictionary(ordinal) && (ordinal < first || skips(pruner, segment, ordinal))) continue;
      if (!prepared) {
        await segment.prepare(view.length);
        prepared = true;
      }
      const wait = verified.reach(ordinal);
      if (wait !== undefined) await wait;
      if (index.isDictionary(ordinal)) continue;
      segment.willNeed(index.end(ordinal), READ_AHEAD_SLICE_BYTES);
      const reading = cold.read(ordinal);
      yield segment.decode(ordinal, reading === undefined ? undefined : await reading);
    }
  } finally {
    await verified.close();
    await cold.close();
  }
}

/** What a stored batch is besides its place. */
interface StoredParts {
  /** The table's schema, whose names may be newer than the segment's. */
  readonly schema: Schema;
  readonly dictionaries: readonly Message[];
  /** The message's bytes in memory of their own, where the map is cold. */
  readonly whole: Uint8Array | undefined;
}

/** A batch as it lies in its segment. */
class StoredBatch implements ResultBatch {
  readonly rowCount: number;
  readonly #segment: Segment;
  readonly #ordinal: number;
  readonly #schema: Schema;
  readonly #dictionaries: readonly Message[];
  readonly #whole: Uint8Array | undefined;
  readonly #message: Message;

  constructor(segment: Segment, ordinal: number, parts: StoredParts) {
    this.#segment = segment;
    this.#ordinal = ordinal;
    this.#schema = parts.schema;
    this.#dictionaries = parts.dictionaries;
    this.#whole = parts.whole;
    this.rowCount = present(segment.index, 'batch rows').rowCount(ordinal);
    this.#message = segment.message(ordinal, parts.whole);
  }

  dictionaries(): readonly Message[] {
    return this.#dictionaries;
  }

  message(): Message {
    return this.#message;
  }

  batch(): RecordBatch {
    return { ...this.#segment.decode(this.#ordinal, this.#whole), schema: this.#schema };
  }
}
