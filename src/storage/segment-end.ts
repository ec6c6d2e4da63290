/**
 * Holds a sealed file against what the catalog says that it is: its head and the footer at its end.
 *
 * Hides the footer's metadata. Invariants: nothing is written; messages are not read, they have checksums of their own;
 * a file of a newer format is refused by name, and not taken for damage.
 */
import { asBuffer } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import type { Os, OsFile } from '../os/os.ts';
import type { SegmentIdentity } from './segment.ts';
import { readFooter } from './segment-file.ts';

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
    const what = await footerFault(file, size, identity, committedLength);
    return what === undefined ? undefined : { offset: committedLength, what };
  } finally {
    await file.close();
  }
}

async function footerFault(
  file: OsFile,
  size: number,
  { segmentId, definition, path }: SegmentIdentity,
  committedLength: number,
): Promise<string | undefined> {
  try {
    const footer = await readFooter(file, size);
    if (footer.tableId !== definition.tableId) return `its footer is of table ${footer.tableId.toString()}`;
    if (footer.segmentId !== segmentId) return `its footer is of segment ${footer.segmentId.toString()}`;
    const start = footer.start.toString();
    return footer.start === committedLength ? undefined : `its footer begins at ${start}`;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.code === 'version_unsupported') throw newerFormat(definition.name, path, error);
    // A footer of very many messages is beyond what is decoded at once, and says nothing then.
    if (error.code === 'limit_exceeded') return undefined;
    if (error.code === 'corrupt') return error.message;
    throw error;
  }
}

function newerFormat(table: string, path: string, error: EngineError): EngineError {
  return new EngineError('version_unsupported', `table "${table}" cannot be read: ${path}: ${error.message}`);
}
