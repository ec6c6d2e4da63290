/**
 * What contradicts itself in a catalog, batch rows and files aside.
 *
 * Hides nothing. Invariant: each sentence names the table or segment by its id.
 */
import { decodeSchema } from '../arrow/ipc-schema.ts';
import { foldName } from '../base/names.ts';
import { EngineError } from '../base/errors.ts';
import type { CatalogContent, InspectedSchema } from '../catalog/inspect.ts';
import type { SegmentRow } from '../catalog/rows.ts';
import { indexOf } from './catalog-index.ts';
import { isTableDirectory } from './filename.ts';

/** Faults of tables, schemas and segments. */
export function contentFaults(content: CatalogContent): string[] {
  return [
    ...tableFaults(content),
    ...content.schemas.flatMap(schemaFaults),
    ...content.segments.flatMap((segment) => segmentFaults(content, segment)),
    ...positionFaults(content.segments),
  ];
}

/** Rows that belong to no segment; `stray` are segment ids that only batch rows know. */
export function strayFaults(content: CatalogContent, stray: readonly number[]): string[] {
  return [
    ...stray.map((id) => `batch rows name segment ${id.toString()}, which is not there`),
    ...strayDamages(content).map((id) => `segment ${id.toString()} is noted as damaged, but is not there`),
  ];
}

function tableFaults({ tables, schemas, lastCommit }: CatalogContent): string[] {
  const faults: string[] = [];
  const names = new Set<string>();
  const described = new Set(schemas.map((schema) => schema.tableId));
  for (const { tableId, name, directory, createdCommit, droppedCommit } of tables) {
    const what = `table ${tableId.toString()} ("${name}")`;
    if (!described.has(tableId)) faults.push(`${what} has no schema`);
    if (!isTableDirectory(directory)) faults.push(`${what} has the directory ${JSON.stringify(directory)}`);
    if (Math.max(createdCommit, droppedCommit ?? 0) > lastCommit) {
      faults.push(`${what} is of a commit after the last one, ${lastCommit.toString()}`);
    }
    if (droppedCommit !== undefined) continue;
    if (names.has(foldName(name))) faults.push(`${what} has the name of another table`);
    names.add(foldName(name));
  }
  return faults;
}

function schemaFaults({ tableId, version, header, fieldIds }: InspectedSchema): string[] {
  const what = `schema version ${version.toString()} of table ${tableId.toString()}`;
  try {
    const { fields } = decodeSchema(header);
    if (new Set(fieldIds).size !== fieldIds.length) return [`${what} has a field id twice`];
    if (fields.length === fieldIds.length) return [];
    return [`${what} has ${fields.length.toString()} fields and ${fieldIds.length.toString()} field ids`];
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return [`${what} cannot be read: ${error.message}`];
  }
}

function segmentFaults(content: CatalogContent, segment: SegmentRow): string[] {
  const faults: string[] = [];
  const { segmentId, tableId, schemaVersion } = segment;
  const what = `segment ${segmentId.toString()}`;
  if (indexOf(content).table(tableId) === undefined) {
    return [`${what} is of table ${tableId.toString()}, which is not there`];
  }
  if (indexOf(content).schema(tableId, schemaVersion) === undefined) {
    faults.push(`${what} has schema version ${schemaVersion.toString()}, which its table does not have`);
  }
  if (segment.state === 'sealed' && segment.fileLength <= segment.committedLength) {
    faults.push(`${what} is sealed, but its file of ${segment.fileLength.toString()} bytes has no room for a footer`);
  }
  if (segment.state === 'active' && segment.fileLength !== 0) faults.push(`${what} is active and has a file length`);
  if (Math.max(segment.createdCommit, segment.retiredCommit ?? 0) > content.lastCommit) {
    faults.push(`${what} is of a commit after the last one, ${content.lastCommit.toString()}`);
  }
  return faults;
}

/** Segments of a table that one snapshot sees stand at different positions. */
function positionFaults(segments: readonly SegmentRow[]): string[] {
  const faults: string[] = [];
  const places = new Map<string, SegmentRow[]>();
  for (const segment of segments) {
    const place = `${segment.tableId.toString()}/${segment.position.toString()}`;
    const same = places.get(place) ?? [];
    const other = same.find((one) => liveTogether(one, segment));
    if (other !== undefined) {
      const both = `segments ${other.segmentId.toString()} and ${segment.segmentId.toString()}`;
      faults.push(`${both} of table ${segment.tableId.toString()} have the same position`);
    }
    places.set(place, [...same, segment]);
  }
  return faults;
}

function liveTogether(a: SegmentRow, b: SegmentRow): boolean {
  return a.createdCommit < (b.retiredCommit ?? Infinity) && b.createdCommit < (a.retiredCommit ?? Infinity);
}

/** Ids that are noted as damaged and that no segment has. */
export function strayDamages({ damages, segments }: CatalogContent): number[] {
  const known = new Set(segments.map((segment) => segment.segmentId));
  return damages.map((damage) => damage.segmentId).filter((id) => !known.has(id));
}
