/**
 * The list of what belongs to a backup.
 *
 *     manifest.json: one line of JSON, then a line `crc32 <8 hex digits>` over the first, newline included
 *
 * Hides its form. Invariants: it is written last and durably, so that a directory without one is an unfinished backup;
 * paths in it are made of numbers and of names that storage gives; every size is in bytes.
 */
import { crc32 } from 'node:zlib';
import { asBuffer } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { MANIFEST_BYTES_MAX } from '../base/limits.ts';
import type { Os } from '../os/os.ts';
import { isBackupAccess, isBackupCatalog, isTableDirectory, manifestPath } from './filename.ts';

const MANIFEST_VERSION = 1;

/** One segment's file in a backup. */
export interface ManifestSegment {
  /** Name of its table's directory. */
  readonly directory: string;
  readonly segmentId: number;
  readonly bytes: number;
}

/** A file that is as it was written when bytes and checksum are. */
export interface ManifestFile {
  readonly file: string;
  readonly bytes: number;
  readonly crc32: number;
}

export interface Manifest {
  readonly version: number;
  readonly databaseId: string;
  /** 1, 2, 3 … with each backup into the same directory. */
  readonly generation: number;
  /** The snapshot that the backup holds. */
  readonly commit: number;
  readonly timeMs: number;
  readonly catalog: ManifestFile;
  /** The copy of access.db; undefined where there was none, and of earlier releases. */
  readonly access?: ManifestFile | undefined;
  /** Directories of all tables, those without segments too. */
  readonly directories: readonly string[];
  readonly segments: readonly ManifestSegment[];
}

/** Writes the manifest of the backup in `directory`, durably. */
export async function writeManifest(os: Os, directory: string, manifest: Omit<Manifest, 'version'>): Promise<void> {
  const line = `${JSON.stringify({ version: MANIFEST_VERSION, ...manifest })}\n`;
  const sum = crc32(line).toString(16).padStart(8, '0');
  await os.writeFile(manifestPath(directory), Buffer.from(`${line}crc32 ${sum}\n`));
}

/** Reads it; undefined when there is none. @throws `corrupt`, `version_unsupported` */
export async function readManifest(os: Os, directory: string): Promise<Manifest | undefined> {
  const path = manifestPath(directory);
  if (!(await os.exists(path))) return undefined;
  const bytes = await os.size(path);
  if (bytes > MANIFEST_BYTES_MAX) throw damaged(path, `it has ${bytes.toString()} bytes`);
  const text = asBuffer(await os.readFile(path)).toString('utf8');
  const at = text.indexOf('\n') + 1;
  const line = text.slice(0, at);
  if (text.slice(at) !== `crc32 ${crc32(line).toString(16).padStart(8, '0')}\n`) {
    throw damaged(path, 'its checksum is wrong');
  }
  const manifest = parse(path, line);
  if (manifest.version !== MANIFEST_VERSION) {
    const known = MANIFEST_VERSION.toString();
    const message = `${path} has version ${String(manifest.version)}, this program knows version ${known}`;
    throw new EngineError('version_unsupported', `${message}; use the newer program that wrote it`);
  }
  const names = [...manifest.directories, ...manifest.segments.map((segment) => segment.directory)];
  const { access } = manifest;
  const odd =
    names.find((name) => !isTableDirectory(name)) ??
    (access === undefined || isBackupAccess(access.file) ? undefined : access.file);
  if (odd !== undefined || !isBackupCatalog(manifest.catalog.file)) {
    throw damaged(path, `it names ${JSON.stringify(odd ?? manifest.catalog.file)}`);
  }
  return manifest;
}

/** The checksum has shown that the text is what we wrote. */
function parse(path: string, line: string): Manifest {
  try {
    return JSON.parse(line) as Manifest;
  } catch (cause) {
    throw damaged(path, `it is not JSON (${String(cause)})`);
  }
}

function damaged(path: string, what: string): EngineError {
  return new EngineError('corrupt', `the backup's ${path} is damaged: ${what}; use another backup`);
}
