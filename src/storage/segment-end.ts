/**
 * Holds a sealed file against what the catalog says that it is: its head and the footer at its end.
 *
 * Hides the footer's metadata. Invariants: nothing is written; messages are not read, they have checksums of their own;
 * a file of a newer format is refused by name, and not taken for damage.
 */
import { decodeFileEnd } from '../arrow/ipc-stream.ts';
import { asBuffer } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import type { Os } from '../os/os.ts';
import type { SegmentIdentity } from './segment.ts';
import { FORMAT_VERSION } from './segment-writer.ts';

/** What is wrong with a file, and where. */
export interface EndFault {
  readonly offset: number;
  readonly what: string;
}

/**
 * Reads the head and the end of a sealed segment. Undefined when they are right. `committedLength`: where the messages
 * end. @throws `version_unsupported` for a newer format, and what the disk throws
 */
export async function checkEnd(
  os: Os,
  identity: SegmentIdentity,
  committedLength: number,
): Promise<EndFault | undefined> {
  const { definition, path } = identity;
  const { segmentHead } = definition;
  const file = await os.open(path, 'read');
  try {
    const size = await file.size();
    if (size < committedLength) return { offset: size, what: 'the file ends early' };
    const head = await file.read(segmentHead.byteLength, 0);
    if (!asBuffer(head).equals(segmentHead)) {
      return { offset: 0, what: 'the schema in the file is not the one of the table' };
    }
    const end = await file.read(size - committedLength, committedLength);
    const what = endFault(end, size, identity);
    return what === undefined ? undefined : { offset: committedLength, what };
  } finally {
    await file.close();
  }
}

function endFault(
  end: Uint8Array,
  size: number,
  { segmentId, definition, path }: SegmentIdentity,
): string | undefined {
  let said: ReadonlyMap<string, string>;
  try {
    said = new Map(decodeFileEnd(end, size).metadata);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    // A footer of very many messages is beyond what is decoded at once, and says nothing then.
    return error.code === 'limit_exceeded' ? undefined : error.message;
  }
  const format = said.get('sheaf.format') ?? '';
  if (Number(format) > FORMAT_VERSION) {
    throw new EngineError(
      'version_unsupported',
      `segment ${path} has format ${format}, and this program reads formats up to ${FORMAT_VERSION.toString()}; ` +
        'use the newer program that wrote it',
    );
  }
  const expected: readonly (readonly [key: string, name: string, value: string])[] = [
    ['sheaf.format', 'format', FORMAT_VERSION.toString()],
    ['sheaf.table_id', 'table id', definition.tableId.toString()],
    ['sheaf.segment', 'segment id', segmentId.toString()],
  ];
  for (const [key, name, value] of expected) {
    const found = said.get(key);
    if (found !== value) return `its footer gives ${found ?? 'nothing'} as ${name} and not ${value}`;
  }
  return undefined;
}
